'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { it } = require('node:test');

const { SERVER, run, start } = require('./child');
const { asInit, isAllowed } = require('./init');

it('says in one line that the port is taken, and exits 1', async (t) => {
  const other = net.createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address();

  const end = await run({ PORT: String(port) }).ended;

  assert.equal(end.code, 1);
  assert.match(end.stderr, new RegExp(`^Port ${port} is taken\\b.*\\n$`));
  assert.equal(end.stdout, '');
});

for (const port of ['abc', '-1', '65536', '3000.5', '0x50', ' 80', '1e3', '123456']) {
  it(`says in one line that PORT=${port} is no port, and exits 1`, async () => {
    const end = await run({ PORT: port }).ended;

    assert.equal(end.code, 1);
    assert.ok(end.stderr.startsWith(`PORT is ${JSON.stringify(port)}, which is no port`), end.stderr);
    assert.match(end.stderr, /^[^\n]+\n$/);
  });
}

it('signs the cookie with SECRET', async () => {
  const secret = 'kept by this test';
  const app = await start({ PORT: '0', SECRET: secret });

  try {
    const { headers } = await fetch(app.url);
    const value = decodeURIComponent(headers.getSetCookie()[0].match(/^connect\.sid=([^;]*)/)[1]);
    const [sid, signature] = value.slice('s:'.length).split('.');

    assert.equal(signature, createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, ''));
    assert.doesNotMatch(app.output.stdout, /SECRET/);
  } finally {
    await app.stop();
  }
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  // Windows has no signals: kill() ends the process there.
  it(`ends by itself with status 0 on ${signal}, with a connection kept alive`, { skip: process.platform === 'win32' }, async (t) => {
    const agent = new http.Agent({ keepAlive: true });
    t.after(() => agent.destroy());

    const app = await start();
    const [response] = await once(http.get(app.url, { agent }), 'response');
    response.resume();
    await once(response, 'end');

    const end = await app.stop(signal);

    assert.equal(end.code, 0);
    assert.equal(end.signal, null);
    assert.equal(end.stderr, '');
  });
}

it('ends on SIGTERM as process 1, as in a container', { skip: !isAllowed && 'no process of a test can be that here' }, async () => {
  const app = asInit([SERVER], { env: { ...process.env, PORT: '0' } });

  try {
    const [url] = await app.printed(/http:\/\/127\.0\.0\.1:\d+\//);

    assert.equal((await fetch(url)).status, 200);
    app.kill('SIGTERM');
    assert.deepEqual(await app.ended, { code: 0, signal: null });
  } finally {
    app.kill('SIGKILL');
  }
});
