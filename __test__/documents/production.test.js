'use strict';

// Not in check: it starts nginx.

/** docs/production.md: its app runs in development and behind nginx, and is stopped and started again. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const signature = require('cookie-signature');

const { blocks, root } = require('./blocks');
const javascript = require('./javascript');
const { certificate } = require('../../test-kit/certificate');
const { ask, Visitor } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');
const { needs } = require('../../test-kit/installed');
const { HOST, freePort } = require('../../test-kit/port');
const { startServer } = require('../../test-kit/program');

const DOCUMENT = 'docs/production.md';
const [app, location, ...more] = blocks(DOCUMENT);
const text = fs.readFileSync(path.join(root, DOCUMENT), 'utf8');

/** What nginx would otherwise put where only root may write. */
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ');

/** Starts the app, changed by `change`. */
async function start(t, folder, env, change = (source) => source) {
  const port = await freePort();
  const server = await startServer(process.execPath, javascript.ready(change(app.text), folder), {
    port, cwd: folder, env: { PORT: String(port), NODE_ENV: 'development', SECRETS: 'one', VISITS: undefined, ...env },
  });
  t.after(() => server.stop());
  return server;
}

/** Starts nginx with TLS and the `location` of the document, changed by `change`, before an app. */
async function startNginx(t, folder, server, change = (source) => source) {
  const port = await freePort();
  const { key, cert } = certificate(t);
  fs.writeFileSync(path.join(folder, 'key.pem'), key);
  fs.writeFileSync(path.join(folder, 'cert.pem'), cert);
  fs.writeFileSync(path.join(folder, 'nginx.conf'), `daemon off; pid nginx.pid; error_log stderr; worker_processes 1; events {}
http { access_log off; ${TEMPORARY}
  server { listen ${HOST}:${port} ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;
    ${change(location.text).replace('127.0.0.1:3000', `${HOST}:${server.port}`)}
  }
}`);
  const nginx = await startServer('nginx', ['-p', folder, '-e', 'stderr', '-c', path.join(folder, 'nginx.conf')], { port });
  t.after(() => nginx.stop());
  return new Visitor(port, { ca: cert });
}

const without = (line) => (source) => {
  assert.ok(source.includes(line), line);
  return source.replace(line, '');
};

test('it has these two blocks, and each line of its table is in them', () => {
  assert.deepEqual([app.language, location.language, more], ['js', 'nginx', []]);
  const rows = Array.from(text.matchAll(/^\| [^|]+ \| (`[^|]+`)[^|]* \|/gm), ([, lines]) => lines.match(/`[^`]+`/g)).flat();
  const elsewhere = /SECRETS=|regenerate|destroy\(\)|NODE_ENV=|`isProduction`|^`\$\{/;
  const code = app.text + location.text;
  const absent = rows.map((line) => line.slice(1, -1)).filter((line) => !elsewhere.test(line) && !code.includes(line.replace(/, …\)$/, '').replace(/ \}\)$/, '').replace(/ \}$/, '')));
  assert.ok(rows.length > 15);
  assert.deepEqual(absent, []);
});

test('in development, over HTTP', async (t) => {
  const server = await start(t, temporaryFolder('production', t), {});
  const visitor = new Visitor(server.port);
  const { cookies: [cookie] } = await visitor.get('/');
  assert.match(cookie, /^sid=s%3A[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/);
  assert.equal((await visitor.get('/')).body, 'Visit number 2');
  const { body, cookies } = await ask(server.port, '/healthz');
  assert.deepEqual([body, cookies, server.stderr], ['fine', [], '']);
});

test('behind nginx with TLS', { skip: needs('nginx') }, async (t) => {
  const folder = temporaryFolder('production', t);
  const server = await start(t, folder, { NODE_ENV: 'production' });
  const visitor = await startNginx(t, folder, server);
  const { cookies: [cookie], headers } = await visitor.get('/');
  assert.match(cookie, /^__Host-sid=s%3A[^;]+; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal((await visitor.get('/')).body, 'Visit number 2');
});

for (const [name, changes] of Object.entries({
  'trust proxy': [without("app.set('trust proxy', 1);")],
  'X-Forwarded-Proto': [undefined, without('proxy_set_header X-Forwarded-Proto $scheme;')],
})) {
  test(`behind nginx without ${name} there is no cookie`, { skip: needs('nginx') }, async (t) => {
    const folder = temporaryFolder('production', t);
    const server = await start(t, folder, { NODE_ENV: 'production' }, changes[0]);
    const visitor = await startNginx(t, folder, server, changes[1]);
    const { body, cookies } = await visitor.get('/');
    assert.deepEqual([body, cookies], ['Visit number 1', []]);
  });
}

test('a stop answers what is under way, and sessions outlast it and a new secret', async (t) => {
  const folder = temporaryFolder('production', t);
  const slow = (source) => source.replace("app.get('/',", "app.get('/slow', (req, res) => { setTimeout(() => res.end('slow'), 500); });\napp.get('/',");
  let server = await start(t, folder, { SECRETS: 'old' }, slow);
  const [often, rarely] = [new Visitor(server.port), new Visitor(server.port)];
  for (const visitor of [often, rarely]) await visitor.get('/');
  const answer = often.get('/slow');
  await ask(server.port, '/healthz');
  server.signal('SIGTERM');
  assert.equal((await answer).body, 'slow');
  assert.equal(await server.ended, 'ended with status 0');

  const visit = async (visitor) => Object.assign(visitor, { port: server.port }).get('/').then(({ body }) => body);
  server = await start(t, folder, { SECRETS: 'new,old' });
  assert.equal(await visit(often), 'Visit number 2');
  await server.stop();
  // Who came meanwhile has a cookie of the new secret.
  server = await start(t, folder, { SECRETS: 'new' });
  assert.equal(await visit(often), 'Visit number 3');
  assert.equal(await visit(rarely), 'Visit number 1');
});

test('an error is logged without the cookie, and the page tells nothing of it', async (t) => {
  const fails = (source) => source.replace("app.get('/healthz'", "app.get('/fail', () => { throw new Error('at the database'); });\napp.get('/healthz'");
  const server = await start(t, temporaryFolder('production', t), {}, fails);
  const { status, body } = await ask(server.port, '/fail?token=secret', { headers: { cookie: 'sid=a' } });
  assert.deepEqual([status, body], [500, 'Please try again in a moment.']);
  await server.stop();
  assert.equal(server.stderr, 'GET /fail: at the database\n');
});

for (const [SECRETS, reason] of [[undefined, /process\.env\.SECRETS\.split/], ['', /TypeError: secret option/], [',', /TypeError: secret option/]]) {
  test(`it does not start without a secret: SECRETS is ${JSON.stringify(SECRETS)}`, async (t) => {
    const starting = start(t, temporaryFolder('production', t), { SECRETS });
    await assert.rejects(starting, ({ message }) => /ended with status 1\n/.test(message) && reason.test(message));
  });
}

test('an empty text in the list of secrets verifies no cookie', async (t) => {
  const server = await start(t, temporaryFolder('production', t), { SECRETS: 'new,' });
  const visitor = new Visitor(server.port);
  await visitor.get('/');
  assert.equal((await visitor.get('/')).body, 'Visit number 2');
  const [sid] = decodeURIComponent(visitor.jar.get('sid')).slice('s:'.length).split('.');
  const visit = async (secret) => {
    const cookie = `sid=s%3A${encodeURIComponent(signature.sign(sid, secret))}`;
    return (await ask(server.port, '/', { headers: { cookie } })).body;
  };
  assert.equal(await visit(''), 'Visit number 1');
  assert.equal(await visit('new'), 'Visit number 3');
});
