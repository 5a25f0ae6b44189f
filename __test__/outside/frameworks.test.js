'use strict';

// Not in check: it installs packages.

/** `sessions.load` and `sessions.create` with the requests of frameworks, and long after the handshake of a socket. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const { createRequire } = require('node:module');
const path = require('node:path');
const { before, test } = require('node:test');
const installCompanions = require('../companions/install');
const { clock, ledger, open, read } = require('../compat/app');
const { session } = require('../subject');
const { serve } = require('../../test-kit/app');
const { Visitor, ask } = require('../../test-kit/client');
const { SECRET, stores } = require('./app');

const MINUTE = 60000;
const companion = createRequire(path.join(__dirname, '..', 'companions', 'package.json'));
const isOld = process.version.startsWith('v18.');
const quiet = { secret: SECRET, resave: false, saveUninitialized: false };

before(installCompanions);

/** What is to be called at the end of a test, before what comes later: a server waits for its sockets. */
function first(t) {
  const ends = [];
  t.after(() => { for (const end of ends) end(); });
  return ends;
}

/** A server of WebSockets, each of whose messages is counted, and a client with this cookie. */
async function socketOf(ends, server, port, sessions, cookie) {
  const { WebSocketServer, WebSocket } = companion('ws');
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, req) => {
    socket.on('message', async () => {
      const loaded = await sessions.load(req);
      if (loaded) {
        loaded.n++;
        await loaded.save();
      }
      socket.send(String(loaded?.n));
    });
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie } });
  ends.push(() => client.terminate());
  await once(client, 'open');
  const send = async () => {
    client.send('a');
    return String((await once(client, 'message'))[0]);
  };
  return { send };
}

for (const name of ['MemoryStore', 'a DiskStore', 'another store', 'a store that answers by promises']) {
  test(`ws: messages are uses, and end when the session does: ${name}`, async (t) => {
    const ends = first(t);
    const time = clock(t);
    const store = stores[name]();
    if (store.close) t.after(() => store.close());
    const sessions = session({ ...quiet, store, idleTimeout: 10 * MINUTE, absoluteTimeout: 100 * MINUTE });
    const { cookie } = await sessions.create({ n: 0 });
    const app = await open(t, { middleware: sessions });
    const { send } = await socketOf(ends, app.server, app.port, sessions, cookie);
    for (let n = 1; n <= 11; n++) {
      time.tick(9 * MINUTE);
      assert.equal(await send(), String(n));
    }
    assert.equal((await app.visit(read, { cookie })).body, '11');
    time.tick(MINUTE);
    assert.equal(await send(), 'undefined', 'the absolute end');
  });

  test(`ws: a new id while the socket is open: ${name}`, async (t) => {
    const ends = first(t);
    const time = clock(t);
    const store = stores[name]();
    if (store.close) t.after(() => store.close());
    const sessions = session({ ...quiet, store, renewAfter: 10 * MINUTE, renewGrace: 2 * MINUTE });
    const { cookie } = await sessions.create({ n: 0 });
    const app = await open(t, { middleware: sessions });
    const { send } = await socketOf(ends, app.server, app.port, sessions, cookie);
    assert.equal(await send(), '1');
    time.tick(11 * MINUTE);
    assert.equal(await send(), '2', 'a message renews no id');
    await app.visit(read, { cookie });
    const { header: renewed } = app.jar;
    assert.notEqual(renewed, cookie);
    assert.equal(await send(), '3');
    assert.equal((await app.visit(read, { cookie: renewed })).body, '3');
    time.tick(3 * MINUTE);
    assert.equal(await send(), 'undefined', 'the grace is over');
    assert.equal((await app.visit(read, { cookie: renewed })).body, '3');
  });
}

test('ws: the middleware has had the upgrade before, and its session stays', async (t) => {
  const ends = first(t);
  const sessions = session({ ...quiet });
  const { cookie } = await sessions.create({ n: 0 });
  const { WebSocketServer, WebSocket } = companion('ws');
  const sockets = new WebSocketServer({ noServer: true });
  const { server, port } = await serve(http.createServer(), t);
  server.on('upgrade', (req, socket, head) => {
    sessions(req, {}, () => { sockets.handleUpgrade(req, socket, head, (ws) => sockets.emit('connection', ws, req)); });
  });
  sockets.on('connection', (ws, req) => {
    const live = req.session;
    ws.on('message', async () => {
      const loaded = await sessions.load(req);
      loaded.n++;
      await loaded.save();
      ws.send(JSON.stringify([loaded.n, req.session === live, live.n, req.session.id === loaded.id]));
    });
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie } });
  ends.push(() => client.terminate());
  await once(client, 'open');
  for (const n of [1, 2]) {
    client.send('a');
    assert.deepEqual(JSON.parse((await once(client, 'message'))[0]), [n, true, 0, true]);
  }
});

test('socket.io: with the middleware at its engine, and reload', async (t) => {
  const ends = first(t);
  const { Server } = companion('socket.io');
  const { io: connect } = companion('socket.io-client');
  const sessions = session({ ...quiet, store: ledger() });
  const { cookie } = await sessions.create({ n: 1 });
  const app = await open(t, { middleware: sessions });
  const io = new Server(app.server);
  ends.push(() => io.close());
  io.engine.use(sessions);
  io.on('connection', (socket) => {
    socket.on('count', async (answer) => {
      const loaded = await sessions.load(socket.request);
      await app.visit((req, res) => { req.session.n += 10; res.end(); }, { cookie });
      await loaded.reload();
      loaded.n++;
      await loaded.save();
      answer([loaded.n, socket.request.session.n]);
    });
  });
  const client = connect(`http://127.0.0.1:${app.port}`, { extraHeaders: { cookie }, reconnection: false });
  ends.push(() => client.close());
  await once(client, 'connect');
  assert.deepEqual(await client.emitWithAck('count'), [12, 1]);
  assert.deepEqual(await client.emitWithAck('count'), [23, 1]);
});

for (const name of ['@fastify/express', '@fastify/middie']) {
  test(`Fastify, ${name}`, { skip: isOld && 'Fastify 5 wants Node.js 20' }, async (t) => {
    const sessions = session({ ...quiet, secret: ['new', 'old'], resign: true, idleTimeout: 10 * MINUTE });
    const { cookie } = await sessions.create({ n: 1 });
    const fastify = companion('fastify')();
    t.after(() => fastify.close());
    await fastify.register(companion(name));
    fastify.use('/with', sessions);
    fastify.get('/with', async (request) => {
      const loaded = await sessions.load(request.raw);
      loaded.n++;
      await loaded.save();
      return [request.raw.session.n, loaded.n];
    });
    fastify.get('/without', async (request) => {
      const loaded = await sessions.load(request);
      if (!loaded) return 'none';
      loaded.n++;
      await loaded.save();
      return [(await sessions.load(request.headers)).n];
    });
    await fastify.listen({ port: 0, host: '127.0.0.1' });
    const { port } = fastify.server.address();
    const get = async (at, headers) => (await ask(port, at, { headers })).body;
    assert.equal(await get('/with', { cookie }), '[1,2]');
    assert.equal(await get('/without', { cookie }), '[3]');
    assert.equal(await get('/without', {}), 'none');
  });
}

test('Koa, whose context has headers', async (t) => {
  const Koa = companion('koa');
  const sessions = session({ ...quiet });
  const { cookie } = await sessions.create({ n: 1 });
  const koa = new Koa();
  koa.use(async (ctx) => { ctx.body = (await Promise.all([ctx, ctx.req, ctx.request].map((each) => sessions.load(each)))).map((loaded) => loaded?.n); });
  const { port } = await serve(koa.callback(), t);
  assert.equal((await ask(port, '/', { headers: { cookie } })).body, '[1,1,1]');
});

test('HTTP/2, whose requests are of another class', async (t) => {
  const ends = first(t);
  const store = new session.MemoryStore({ user: (data) => data.user, describe: (req) => ({ userAgent: req.headers['user-agent'] }) });
  const sessions = session({ ...quiet, store });
  const { cookie } = await sessions.create({ user: 'ada' });
  const server = http2.createServer(async (req, res) => {
    const loaded = await sessions.load(req);
    await loaded.save();
    res.end(loaded.user);
  });
  const { port } = await serve(server, t);
  const client = http2.connect(`http://127.0.0.1:${port}`);
  ends.push(() => client.close());
  const stream = client.request({ ':path': '/', 'cookie': ['a=b', cookie], 'user-agent': 'two' });
  stream.setEncoding('utf8');
  let body = '';
  stream.on('data', (part) => { body += part; });
  await once(stream, 'end');
  assert.equal(body, 'ada');
  assert.equal((await store.sessionsOf('ada'))[0].userAgent, 'two');
});

test('Hono on Node.js, while a response streams', { skip: isOld && '@hono/node-server wants Node.js 20' }, async (t) => {
  const { Hono } = companion('hono');
  const { createAdaptorServer } = companion('@hono/node-server');
  const sessions = session({ ...quiet });
  const { cookie } = await sessions.create({ n: 1 });
  const hono = new Hono();
  hono.get('/', async (c) => {
    const forms = [c.req.raw, c.req.raw.headers, c.req.header(), c.req.header('cookie')];
    return c.json((await Promise.all(forms.map((each) => sessions.load(each)))).map((loaded) => loaded?.n));
  });
  const { port } = await serve(createAdaptorServer({ fetch: hono.fetch }), t);
  assert.equal((await new Visitor(port).get('/', { headers: { cookie } })).body, '[1,1,1,1]');
  assert.equal((await new Visitor(port).get('/')).body, '[null,null,null,null]');
});

test('supertest: its agent keeps a cookie that was created', async () => {
  const express = require('express');
  const supertest = companion('supertest');
  const sessions = session({ ...quiet });
  const app = express().use(sessions).get('/', (req, res) => { req.session.n++; res.send(String(req.session.n)); });
  const { cookie, session: made } = await sessions.create({ n: 1 });
  const agent = supertest.agent(app).set('Cookie', cookie);
  for (const n of ['2', '3']) await agent.get('/').expect(200, n);
  await made.reload();
  assert.equal(made.n, 3);
  await made.destroy();
  await agent.get('/').expect(200, 'NaN');
});
