'use strict';

// Installs the newest Next.js (350 MB) into target/next, builds an app with it, and asks that over HTTP:
//
//   npm run test:next
//   npm run test:next -- dev                 the cases whose name contains this
//   npm run test:next -- --installed dev     … with what the last run has installed and built
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');
const { gunzipSync } = require('node:zlib');
const { install, version, build, buildStandalone, startProgram, startNext, project } = require('./next/project');
const { Jar, read } = require('../test-kit/jar');
const { Visitor, ask } = require('../test-kit/client');
const { temporaryFolder } = require('../test-kit/folder');

/** Next.js compiles a page in `next dev` when it is asked for, in ms. */
const PATIENCE = 60000;

/** Case by case, what throws if a session is not as it should be. */
const cases = {
  'custom server: the program of docs/outside.md': documentedServer,
  'custom server: Express, pages and route handlers have the same session': sharedSession,
  'custom server: a page sees what was saved before it, and nothing else': savedBefore,
  'custom server: a streamed page brings the cookie of a new session': streamedCookie,
  'custom server: rolling sends the cookie with each kind of page': rolling,
  'custom server: a cookie of the middleware wins over that of a route handler': lastCookie,
  'custom server: the pages router has req.session': pagesRouter,
  'custom server: proxy.js lets users pass': proxied(custom),
  'custom server: a server action logs in': action(custom),
  'custom server: commit "headers" stores before a streamed page begins': commitHeaders,
  'custom server: commit "headers" gives an error page in place of a page': commitFails,
  'custom server and next start: two processes on one file': twoProcesses,
  'next start: route handlers': handlers(() => startNext('start')),
  'next start: proxy.js lets users pass': proxied(() => startNext('start')),
  'next start: a server action logs in': action(() => startNext('start')),
  'next dev: after changes of sessions.mjs': changed(() => startNext('dev')),
  'custom server in development: after changes of sessions.mjs': changed(() => custom({ NODE_ENV: 'development' })),
  'webpack and output "standalone": route handlers, in another folder': standalone,
};

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

async function main() {
  const args = process.argv.slice(2);
  const picked = args.filter((arg) => arg !== '--installed');
  const names = Object.keys(cases).filter((name) => picked.length === 0 || picked.some((text) => name.includes(text)));
  if (!args.includes('--installed')) {
    await timed('npm install', install);
    await timed('next build', build);
  }
  console.log(`Next.js ${version()}, Node.js ${process.versions.node}`);
  let failed = 0;
  for (const name of names) {
    await timed(name, cases[name]).catch((error) => {
      failed += 1;
      console.log(`FAILED: ${name}\n${error.stack}`);
    });
  }
  console.log(`${names.length - failed} passed, ${failed} failed`);
  if (failed > 0 || names.length === 0) process.exitCode = 1;
}

async function timed(name, step) {
  const begun = Date.now();
  await step();
  console.log(`ok: ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
}

/** Starts Express in front of Next.js. */
function custom(env) {
  return startProgram('custom.mjs', env);
}

/** Starts a server, does something with it, and stops it. */
async function using(starting, step) {
  const server = await starting;
  try {
    await step(server, new Visitor(server.port, { patience: PATIENCE }));
  } catch (error) {
    error.stack += `\nThe server has printed:\n${server.printed}`;
    throw error;
  } finally {
    await server.stop();
  }
}

/** What is in the paragraph of a page. */
function shown(body) {
  return /<p>([^<]*)<\/p>/.exec(body)?.[1] ?? body;
}

/** The values of the session's cookies in a response. */
function sids({ cookies }) {
  return cookies.map(read).filter(({ name }) => name === 'connect.sid').map(({ value }) => value);
}

async function page(visitor, target = '/') {
  const { status, body } = await visitor.get(target);
  assert.equal(status, 200, body);
  return shown(body);
}

async function api(visitor, method, body) {
  const { status, body: text, cookies } = await visitor.ask(method, '/api/count', { body: body && JSON.stringify(body) });
  return { status, text, cookies };
}

async function documentedServer() {
  await using(startProgram('server.mjs'), async (server, visitor) => {
    const answer = await visitor.post('/login', { user: 'ada' });
    assert.equal(answer.status, 302);
    assert.equal(sids(answer).length, 1);
    assert.equal(await page(visitor), 'user ada, visits undefined, count undefined');
    assert.equal((await api(visitor, 'GET')).text, '{"user":"ada","count":1}');
    const { header } = visitor.jar;
    await visitor.post('/logout', {});
    visitor.jar.header = header;
    assert.equal(await page(visitor), 'no session');
    assert.equal((await api(visitor, 'GET')).status, 401);
  });
}

async function sharedSession() {
  await using(custom(), async (server, visitor) => {
    assert.equal(await page(visitor), 'no session');
    assert.equal(visitor.jar.size, 0, 'who only looks gets no cookie');
    assert.equal((await visitor.get('/express?visit')).body, 'visits 1, count undefined');
    assert.equal(await page(visitor), 'user undefined, visits 1, count undefined');
    assert.equal((await api(visitor, 'GET')).text, '{"count":1}');
    assert.equal((await visitor.get('/express?visit')).body, 'visits 2, count 1');
    assert.equal((await api(visitor, 'GET')).text, '{"count":2}');
    assert.equal(await page(visitor), 'user undefined, visits 2, count 2');
    const { header } = visitor.jar;
    assert.equal((await api(visitor, 'DELETE')).status, 204);
    visitor.jar.header = header;
    assert.equal(await page(visitor), 'no session');
    assert.equal((await visitor.get('/express')).body, 'visits undefined, count undefined');
    const created = await api(visitor, 'POST', { user: 'ada' });
    assert.equal(sids(created).length, 1);
    assert.equal((await visitor.get('/express?visit')).body, 'visits 1, count undefined');
    assert.equal(await page(visitor), 'user ada, visits 1, count undefined');
  });
}

async function savedBefore() {
  await using(custom(), async (server, visitor) => {
    await visitor.get('/express?visit');
    assert.equal(await page(visitor, '/?visit'), 'user undefined, visits 1, count undefined');
    assert.equal(await page(visitor, '/?visit&save'), 'user undefined, visits 3, count undefined');
  });
}

/** Gets the streamed page, and after how many ms its two parts came. */
async function streamed(visitor, target, encoding) {
  const begun = Date.now();
  const parts = {};
  const bytes = [];
  const answer = await visitor.get(target, {
    encoding: 'latin1',
    headers: { 'accept-encoding': encoding, ...(visitor.jar.size && { cookie: visitor.jar.header }) },
    onResponse: (response) => response.on('data', (text) => {
      parts.first ??= Date.now() - begun;
      parts.last = Date.now() - begun;
      bytes.push(Buffer.from(text, 'latin1'));
    }),
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-encoding'] ?? 'identity', encoding);
  const whole = Buffer.concat(bytes);
  const text = String(encoding === 'gzip' ? gunzipSync(whole) : whole);
  assert.match(text, /first part/);
  assert.ok(parts.last - parts.first > 300, `the page was not streamed: its parts came after ${parts.first} and ${parts.last} ms`);
  return { answer, text: shown(text) };
}

async function streamedCookie() {
  await using(custom(), async (server) => {
    for (const encoding of ['identity', 'gzip']) {
      const visitor = new Visitor(server.port);
      const { answer, text } = await streamed(visitor, '/streamed?visit', encoding);
      assert.equal(text, 'visits undefined', 'the session is stored when the page has ended');
      assert.equal(sids(answer).length, 1);
      assert.equal(await page(visitor), 'user undefined, visits 1, count undefined');
      await streamed(visitor, '/streamed?visit', encoding);
      assert.equal((await streamed(visitor, '/streamed', encoding)).text, 'visits 2');
    }
  });
}

async function rolling() {
  const OPTIONS = JSON.stringify({ rolling: true, cookie: { maxAge: 60000 } });
  await using(custom({ OPTIONS }), async (server, visitor) => {
    await visitor.get('/express?visit');
    const sid = visitor.jar.get('connect.sid');
    for (const target of ['/', '/streamed', '/old', '/api/count', '/proxied', '/no/such/page']) {
      const answer = await visitor.get(target);
      assert.deepEqual(sids(answer), [sid], target);
      assert.match(answer.cookies[0], /; Expires=/);
    }
    for (const n of [2, 3]) assert.equal((await api(visitor, 'GET')).text, `{"count":${n}}`, 'renewing it brings back nothing old');
  });
}

async function lastCookie() {
  const OPTIONS = JSON.stringify({ rolling: true });
  await using(custom({ OPTIONS }), async (server, visitor) => {
    await visitor.get('/express?visit');
    const sid = visitor.jar.get('connect.sid');
    const answer = await api(visitor, 'POST', { user: 'ada' });
    assert.equal(sids(answer).length, 2);
    assert.equal(sids(answer)[1], sid);
  });
}

async function pagesRouter() {
  await using(custom(), async (server, visitor) => {
    assert.equal(await page(visitor, '/old?visit'), 'visits 1, old 1');
    assert.equal(await page(visitor, '/old'), 'visits 1, old 2');
    for (const api of [1, 2]) assert.equal((await visitor.get('/api/old')).body, `{"old":2,"api":${api}}`);
    const { status, body } = await visitor.get(`/_next/data/${fs.readFileSync(path.join(project, '.next', 'BUILD_ID'), 'utf8')}/old.json`);
    assert.equal(status, 200);
    assert.equal(JSON.parse(body).pageProps.told, 'visits 1, old 3');
  });
}

function proxied(start) {
  return () => using(start(), async (server, visitor) => {
    const { status, headers } = await visitor.get('/proxied');
    assert.deepEqual({ status, location: headers.location }, { status: 307, location: '/' });
    await api(visitor, 'POST', { user: 'ada' });
    assert.equal(await page(visitor, '/proxied'), 'proxy for ada, page for ada');
  });
}

function action(start) {
  return () => using(start(), async (server, visitor) => {
    const { body } = await visitor.get('/action');
    const [, name] = /name="(\$ACTION_ID_\w+)"/.exec(body);
    const part = (key, value) => `--part\r\ncontent-disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`;
    const answer = await visitor.ask('POST', '/action', {
      headers: { 'content-type': 'multipart/form-data; boundary=part', 'cookie': visitor.jar.header },
      body: `${part(name, '')}${part('user', 'ada')}--part--\r\n`,
    });
    assert.equal(sids(answer).length, 1, `${answer.status} ${answer.body}`);
    assert.match(answer.cookies[0], /; HttpOnly/);
    assert.equal(await page(visitor), 'user ada, visits undefined, count undefined');
  });
}

async function commitHeaders() {
  const OPTIONS = JSON.stringify({ commit: 'headers' });
  await using(custom({ OPTIONS, STORE: 'late' }), async (server) => {
    for (const encoding of ['identity', 'gzip']) {
      const visitor = new Visitor(server.port);
      await visitor.get('/express?visit');
      const { text } = await streamed(visitor, '/streamed?visit', encoding);
      assert.equal(text, 'visits 2');
      // What the page has stored before it is rendered is still there.
      assert.equal(await page(visitor, '/old?visit'), 'visits 3, old 1');
      assert.equal(await page(visitor), 'user undefined, visits 3, count undefined');
    }
  });
}

async function commitFails() {
  const OPTIONS = JSON.stringify({ commit: 'headers' });
  await using(custom({ OPTIONS, STORE: 'fails' }), async (server) => {
    for (const encoding of ['identity', 'gzip']) {
      for (const target of ['/', '/streamed', '/old', '/api/count']) {
        const { status, headers, body, cookies } = await ask(server.port, `${target}?visit`, { headers: { 'accept-encoding': encoding } });
        assert.deepEqual({ status, body, cookies }, { status: 503, body: 'error page: the store has failed', cookies: [] }, target);
        assert.equal(headers['content-encoding'], undefined);
      }
      // Next.js goes on with a page that nobody gets.
      await pause(600);
      assert.equal(await page(new Visitor(server.port)), 'no session');
    }
    assert.equal(server.stderr, '');
  });
}

async function twoProcesses() {
  await using(custom(), async (one, visitor) => {
    await using(startNext('start'), async (other) => {
      await api(visitor, 'POST', { user: 'ada' });
      const there = new Visitor(other.port);
      there.jar = visitor.jar;
      for (const n of [1, 3, 5]) {
        assert.equal((await api(visitor, 'GET')).text, `{"user":"ada","count":${n}}`);
        assert.equal((await api(there, 'GET')).text, `{"user":"ada","count":${n + 1}}`);
      }
      await api(there, 'DELETE');
      assert.equal((await visitor.get('/express')).body, 'visits undefined, count undefined');
    });
  });
}

/** What route handlers do without a server of the app's own. */
function handlers(start) {
  return () => using(start(), async (server, visitor) => {
    assert.equal((await api(visitor, 'GET')).status, 401);
    const { cookies } = await api(visitor, 'POST', { user: 'ada' });
    assert.deepEqual(cookies.map((cookie) => cookie.split('; ').slice(1)), [['Path=/', 'HttpOnly', 'SameSite=Lax', 'Secure']]);
    for (const n of [1, 2]) assert.equal((await api(visitor, 'GET')).text, `{"user":"ada","count":${n}}`);
    assert.equal(await page(visitor), 'user ada, visits undefined, count 2');
    assert.equal(await page(visitor, '/old'), 'no req.session');
    const forged = new Visitor(server.port);
    forged.jar = new Jar([['connect.sid', `${visitor.jar.get('connect.sid')}A`]]);
    assert.equal((await api(forged, 'GET')).status, 401);
    assert.equal((await api(visitor, 'DELETE')).status, 204);
    assert.equal((await api(visitor, 'GET')).status, 401);
    assert.equal(await page(visitor), 'no session');
  });
}

/** Changes the module of the sessions while the server runs: each change makes a second one, with a store of its own. */
function changed(start) {
  return async () => {
    const file = path.join(project, 'sessions.mjs');
    const before = fs.readFileSync(file, 'utf8');
    await using(start(), async (server, visitor) => {
      try {
        await api(visitor, 'POST', { user: 'ada' });
        for (const n of [1, 2, 3]) {
          assert.equal((await api(visitor, 'GET')).text, `{"user":"ada","count":${n}}`);
          assert.equal(await page(visitor), `user ada, visits undefined, count ${n}`);
          fs.writeFileSync(file, `${before}\nconsole.log('copy ${n}');\n`);
          for (const end = Date.now() + PATIENCE; !server.stdout.includes(`copy ${n}\n`); await pause(100)) {
            assert.ok(Date.now() < end, 'the change was not noticed');
            await page(visitor);
          }
        }
        await api(visitor, 'DELETE');
        assert.equal(await page(visitor), 'no session');
      } finally {
        fs.writeFileSync(file, before);
      }
    });
  };
}

async function standalone() {
  const folder = temporaryFolder('next');
  // Where it was built, it would find the packages of the project.
  fs.cpSync(await buildStandalone(), folder, { recursive: true });
  await handlers(() => startProgram('server.js', {}, folder))();
}
