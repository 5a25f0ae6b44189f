'use strict';

/** What docs/migrating.md says about the original, cookie-session and memorystore, tried on both sides. */
const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');

const cookieSession = require('cookie-session');
const original = require('express-session');
const memorystore = require('memorystore');
const { clock } = require('../clock');
const installCompanions = require('../companions/install');
const { session } = require('../subject');
const { createApp, serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');
const { Jar } = require('../../test-kit/jar');

const companions = path.join(__dirname, '..', 'companions', 'node_modules');
const DAY = 24 * 60 * 60 * 1000;
const options = { name: 'session', secret: 'x', resave: false, saveUninitialized: false, unset: 'destroy' };

/** A server, and a browser that visits it and keeps its cookies in `jar`. */
async function visiting(t, middleware, handlers, jar = new Jar()) {
  const routes = Object.fromEntries(Object.entries(handlers).map(([name, handle]) => (
    [`GET /${name}`, (req, res) => res.json(handle(req, res) ?? null)]
  )));
  const fail = (error, req, res, _next) => res.status(500).json(error.message);
  const { port } = await serve(createApp({ layers: [middleware], routes, fail }), t);
  const visitor = Object.assign(new Visitor(port), { jar });
  const visit = async (name) => {
    const { status, body } = await visitor.get(`/${name}`);
    return { status, body: JSON.parse(body) };
  };
  return { jar, visit };
}

test('isNew, isPopulated and null say and do the same, by the lines of the guide', async (t) => {
  const steps = ['look', 'write', 'look', 'end', 'look'];
  const write = (req) => { req.session.user = 'ann'; };
  const theirs = await visiting(t, cookieSession({ keys: ['x'] }), {
    look: ({ session }) => [session.isNew, session.isPopulated],
    write,
    end: (req) => { req.session = null; },
  });
  const ours = await visiting(t, session(options), {
    look: ({ session }) => [Object.keys(session).length === 1, Object.keys(session).length > 1],
    write,
    end: (req, res) => { req.session = null; res.clearCookie('session'); },
  });
  const seen = [[], []];
  for (const step of steps) {
    seen[0].push((await theirs.visit(step)).body);
    seen[1].push((await ours.visit(step)).body);
  }
  assert.deepEqual(seen[0], [[true, false], null, [false, true], null, [true, false]]);
  assert.deepEqual(seen[1], seen[0]);
  assert.deepEqual([theirs.jar.size, ours.jar.size], [0, 0]);
});

test('without clearCookie the browser keeps a cookie of no session', async (t) => {
  const store = new session.MemoryStore();
  const { jar, visit } = await visiting(t, session({ ...options, store }), {
    write: (req) => { req.session.user = 'ann'; },
    end: (req) => { req.session = null; },
  });
  await visit('write');
  await visit('end');
  assert.deepEqual([jar.size, store.stats().sessions], [1, 0]);
});

test('a cookie of cookie-session under the same name counts as none', async (t) => {
  const write = (req) => { req.session.user = 'ann'; };
  const read = (req) => req.session.user;
  const theirs = await visiting(t, cookieSession({ keys: ['x'] }), { write, read });
  await theirs.visit('write');
  assert.equal((await theirs.visit('read')).body, 'ann');
  const ours = await visiting(t, session(options), { write, read }, theirs.jar);
  assert.deepEqual(await ours.visit('read'), { status: 200, body: null });
  await ours.visit('write');
  assert.equal((await ours.visit('read')).body, 'ann');
});

test('another object in the place of the session is an error here', async (t) => {
  const handlers = {
    write: (req) => { req.session.old = 1; },
    replace: (req) => { req.session = { user: 'ann' }; },
  };
  const theirs = await visiting(t, cookieSession({ keys: ['x'] }), handlers);
  const ours = await visiting(t, session(options), handlers);
  for (const { visit } of [theirs, ours]) await visit('write');
  assert.equal((await theirs.visit('replace')).status, 200);
  assert.equal((await ours.visit('replace')).status, 500);
});

test('cookie-session shows the data, and is bound by the size of a cookie', async (t) => {
  const write = (req) => { req.session.text = 'secret'.repeat(1000); };
  const read = (req) => req.session.text?.length;
  const theirs = await visiting(t, cookieSession({ keys: ['x'] }), { write });
  const ours = await visiting(t, session(options), { write, read });
  await theirs.visit('write');
  await ours.visit('write');
  const value = theirs.jar.get('session');
  assert.match(Buffer.from(value, 'base64').toString(), /^\{"text":"secretsecret/);
  // RFC 6265, section 6.1: what a browser must take at least, and browsers take no more.
  assert.ok(value.length > 4096);
  assert.ok(ours.jar.get('session').length < 200);
  assert.equal((await ours.visit('read')).body, 6000);
});

test('a session without maxAge: memorystore gives it a day, this store no end', async (t) => {
  const time = clock(t, Date.now());
  const stores = [memorystore(session), session.MemoryStore].map((Store) => new Store({ checkPeriod: false }));
  const get = (store) => new Promise((resolve, reject) => {
    store.get('sid', (error, found) => (error ? reject(error) : resolve(Boolean(found))));
  });
  for (const store of stores) {
    await new Promise((resolve) => store.set('sid', { cookie: new session.Cookie() }, resolve));
  }
  time.tick(DAY - 1000);
  assert.deepEqual(await Promise.all(stores.map(get)), [true, true]);
  time.tick(2000);
  assert.deepEqual(await Promise.all(stores.map(get)), [false, true]);
});

test('rolling and touchAfter send a new expiry when half of the lifetime is over, as koa-session with renew', async (t) => {
  installCompanions();
  const companion = (name) => require(path.join(companions, name));
  const time = clock(t, Date.now());
  const koa = new (companion('koa'))();
  koa.keys = ['x'];
  koa.use(companion('koa-session').createSession({ maxAge: DAY, renew: true }, koa));
  koa.use((ctx) => { ctx.session.user = 'ann'; ctx.body = 'ann'; });
  const app = createApp({
    layers: [session({ secret: 'x', resave: false, saveUninitialized: false, rolling: true, touchAfter: DAY / 2, cookie: { maxAge: DAY } })],
    routes: (req, res) => { req.session.user = 'ann'; res.end('ann'); },
  });
  const visitors = await Promise.all([koa.callback(), app].map(async (listener) => new Visitor((await serve(listener, t)).port)));
  const sent = [];
  for (const part of [0, 0.1, 0.3, 0.2, 0.4, 0.2]) {
    time.tick(part * DAY + 1);
    sent.push(await Promise.all(visitors.map(async (visitor) => (await visitor.get('/')).cookies.length > 0)));
  }
  assert.deepEqual(sent.map(([theirs]) => theirs), [true, false, false, true, false, true]);
  assert.deepEqual(sent.map(([, ours]) => ours), sent.map(([theirs]) => theirs));
});

/** A store of each package over one collection of texts, as a server has them. */
function storeOn(texts, { Store }) {
  return Object.assign(new Store(), {
    get: (sid, callback) => setImmediate(callback, null, texts.has(sid) ? JSON.parse(texts.get(sid)) : null),
    set: (sid, stored, callback) => setImmediate(callback, null, texts.set(sid, JSON.stringify(stored))),
    destroy: (sid, callback) => setImmediate(callback, null, texts.delete(sid)),
  });
}

test('forth and back: cookies and stored sessions stay valid, and what is new is ignored', async (t) => {
  const texts = new Map();
  const jar = new Jar();
  const handlers = {
    count: (req) => { req.session.n = (req.session.n ?? 0) + 1; return req.session.n; },
    login: (req) => { req.session.cookie.maxAge = DAY; },
  };
  const seen = [];
  for (const module of [original, session, original, session]) {
    const store = storeOn(texts, module);
    const middleware = module({ secret: 'x', resave: false, saveUninitialized: false, storeTimeout: 1000, store });
    const { visit } = await visiting(t, middleware, handlers, jar);
    seen.push((await visit('count')).body);
    await visit('login');
  }
  assert.deepEqual(seen, [1, 2, 3, 4]);
  assert.equal(texts.size, 1);
});

test('going back: what the original does not know', async () => {
  assert.throws(() => require('express-session/redis'), { code: 'MODULE_NOT_FOUND' });
  const store = new original.MemoryStore({ max: 1, ttl: 1 });
  const set = (sid) => new Promise((resolve) => store.set(sid, { cookie: {} }, resolve));
  for (const sid of ['a', 'b']) await set(sid);
  assert.deepEqual(Object.keys(store.sessions), ['a', 'b']);
  const methods = ['stats', 'prune', 'ids', 'startInterval', 'stopInterval'];
  assert.deepEqual(methods.filter((name) => name in store), []);
  assert.deepEqual(methods.filter((name) => !(name in session.MemoryStore.prototype)), []);
});
