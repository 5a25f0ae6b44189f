'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { it } = require('node:test');

const { SERVER, run, start } = require('./child');
const { asInit, isAllowed } = require('./init');
const { serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');

/** Somebody who was answered once. */
async function visited(url, habits) {
  const visitor = new Visitor(url, habits);

  assert.equal((await visitor.get('/')).status, 200);
  return visitor;
}

it('says in one line that the port is taken, and exits 1', async (t) => {
  const { port } = await serve(net.createServer(), t);
  const app = run({ PORT: String(port) });

  assert.equal(await app.ended, 'ended with status 1');
  assert.match(app.stderr, new RegExp(`^Port ${port} is taken\\b.*\\n$`));
  assert.equal(app.stdout, '');
});

for (const port of ['abc', '-1', '65536', '3000.5', '0x50', ' 80', '1e3', '123456']) {
  it(`says in one line that PORT=${port} is no port, and exits 1`, async () => {
    const app = run({ PORT: port });

    assert.equal(await app.ended, 'ended with status 1');
    assert.ok(app.stderr.startsWith(`PORT is ${JSON.stringify(port)}, which is no port`), app.stderr);
    assert.match(app.stderr, /^[^\n]+\n$/);
  });
}

it('signs the cookie with SECRET', async () => {
  const secret = 'kept by this test';
  const app = await start({ PORT: '0', SECRET: secret });

  try {
    const { jar } = await visited(app.url);
    const value = decodeURIComponent(jar.get('connect.sid'));
    const [sid, signature] = value.slice('s:'.length).split('.');

    assert.equal(signature, createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, ''));
    assert.doesNotMatch(app.stdout, /SECRET/);
  } finally {
    await app.stop();
  }
});

it('keeps everybody logged in with STORE=disk, after a kill and without SECRET', async (t) => {
  const folder = path.join(temporaryFolder('example', t), 'data');
  const begin = () => start({ PORT: '0', STORE: 'disk', DATA: folder });
  const first = await begin();
  const visitor = new Visitor(first.url);

  assert.ok(first.stdout.startsWith(`Sessions are kept in ${path.join(folder, 'sessions.db')}.\nSECRET is not set: cookies are signed with the one in ${path.join(folder, 'secret')}.\n`), first.stdout);
  await visitor.post('/login', { name: 'ada', password: 'sesame' });
  await first.stop('SIGKILL');

  const second = await begin();
  t.after(() => second.stop());
  visitor.port = Number(new URL(second.url).port);
  assert.match((await visitor.get('/')).body, /Ada Lovelace/);
  if (process.platform !== 'win32') {
    const modes = [folder, ...fs.readdirSync(folder).map((name) => path.join(folder, name))].map((each) => fs.statSync(each).mode & 0o077);
    assert.deepEqual(modes.filter(Boolean), []);
  }
});

it('says in one line that there is no such store, or that it cannot be opened, and exits 1', async (t) => {
  const file = path.join(temporaryFolder('example', t), 'file');

  fs.writeFileSync(file, '');
  for (const [env, line] of [
    [{ STORE: 'disc' }, /^STORE is "disc": use memory or disk\.\n$/],
    [{ STORE: 'disk', DATA: file }, /^DiskStore: [^\n]+sessions\.db: [^\n]+\n$/],
  ]) {
    const app = run({ PORT: '0', ...env });

    assert.equal(await app.ended, 'ended with status 1');
    assert.match(app.stderr, line);
    assert.equal(app.stdout, '');
  }
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  // Windows has no signals: kill() ends the process there.
  it(`ends by itself with status 0 on ${signal}, with a connection kept alive`, { skip: process.platform === 'win32' }, async (t) => {
    const agent = new http.Agent({ keepAlive: true });
    t.after(() => agent.destroy());

    const app = await start();

    await visited(app.url, { agent });
    await app.stop(signal);
    assert.equal(await app.ended, 'ended with status 0');
    assert.equal(app.stderr, '');
  });
}

it('ends on SIGTERM as process 1, as in a container', { skip: !isAllowed && 'no process of a test can be that here' }, async () => {
  const app = asInit([SERVER], { env: { ...process.env, PORT: '0' } });

  try {
    const [url] = await app.printed(/http:\/\/127\.0\.0\.1:\d+\//);

    await visited(url);
    app.kill('SIGTERM');
    assert.deepEqual(await app.ended, { code: 0, signal: null });
  } finally {
    app.kill('SIGKILL');
  }
});
