'use strict';

// Not in check: it starts Redis, PostgreSQL and SecantusDB, and installs clients of them.

/** The option `touchAfter` counted in commands to real servers, by the clock of the machine. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { RedisStore } = require('connect-redis');
const { createClient } = require('redis');
const { open, read, write } = require('../compat/app');
const { load } = require('../hardening/redis-setups');
const keepRedis = require('../../redis');
const keepPostgres = require('../../postgres');
const { session } = require('../subject');
const startPostgres = require('../../stores/backends/postgres');
const startSecantusdb = require('../../stores/backends/secantusdb');
const { install } = require('../../stores/install');
const rows = require('../../stores/mongo/rows');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');
const { HOST, freePort } = require('../../test-kit/port');
const { startRedis } = require('../../test-kit/redis');

const HOUR = 3_600_000;
/** Long enough for slow requests, so that it never ends in the middle of the reads below. */
const LONG = 60_000;

/** Starts a server for one test, which is skipped without it. */
async function server(t, start) {
  try {
    const started = await start();
    t.after(() => started.stop());
    return started;
  } catch (error) {
    if (!error.isMissing) throw error;
    t.skip(skipWithout(error.message));
    return undefined;
  }
}

/** A client of Redis, which does not mind that the server is stopped before it. */
async function connected(t, { url }) {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  t.after(() => { if (client.isOpen) client.destroy(); });
  return client;
}

/** Counts the calls of some methods of an object, by name. */
function count(target, names) {
  const calls = [];
  for (const name of names) {
    const method = target[name];
    target[name] = function counted(...args) { calls.push(name); return method.apply(this, args); };
  }
  return () => calls.splice(0);
}

/** Reads a session, and says what `take` has counted: at first, then ten times more, then after a short time. */
async function counted(t, store, take, options) {
  const cookie = { maxAge: HOUR, ...options?.cookie };
  const slow = await open(t, { options: { store, touchAfter: LONG, ...options, cookie } });
  await slow.visit(write);
  take();
  for (let reads = 0; reads < 10; reads++) assert.equal((await slow.visit(read)).body, '1');
  const fresh = take();
  // Another app with a shorter time shares the store and the table.
  const quick = await open(t, { options: { store, touchAfter: 300, ...options, cookie } });
  await pause(350);
  await quick.visit(read, { cookie: slow.jar.header });
  const due = take();
  await quick.visit(read, { cookie: slow.jar.header });
  const again = take();
  const none = await open(t, { options: { store, ...options, cookie } });
  await none.visit(read, { cookie: slow.jar.header });
  return { fresh, due, again, none: take() };
}

for (const [name, wrap] of Object.entries({ 'connect-redis': (store) => store, 'a wrapped connect-redis': keepRedis })) {
  for (const cookie of [{}, { maxAge: null }]) {
    test(`${name}: one command for a read, maxAge ${cookie.maxAge === null ? 'none' : HOUR}`, async (t) => {
      const redis = await server(t, () => startRedis());
      if (!redis) return;
      const store = wrap(new RedisStore({ client: await connected(t, redis) }));
      // What the server itself has heard, of any client.
      const watcher = await connected(t, redis);
      const heard = [];
      await watcher.monitor((line) => { heard.push(/"(\w+)"/.exec(line)?.[1].toUpperCase()); });
      const take = () => heard.splice(0);
      const settled = async (fn) => { const result = await fn(); await pause(50); return result; };

      const app = await open(t, { options: { store, touchAfter: LONG, cookie: { maxAge: HOUR, ...cookie } } });
      await settled(() => app.visit(write));
      take();
      await settled(async () => { for (let reads = 0; reads < 5; reads++) await app.visit(read); });
      assert.deepEqual(take(), Array(5).fill('GET'), 'one round trip');
      const none = await open(t, { options: { store, cookie: { maxAge: HOUR, ...cookie } } });
      await settled(() => none.visit(read, { cookie: app.jar.header }));
      assert.equal(take().length, 2, 'two without the option');

      const result = await counted(t, store, count(store, ['get', 'set', 'touch', 'destroy']), { cookie });
      assert.deepEqual(result, { fresh: Array(10).fill('get'), due: ['get', 'touch'], again: ['get'], none: ['get', 'touch'] });
    });
  }
}

test('connect-redis: the session lives by the touches', async (t) => {
  const redis = await server(t, () => startRedis());
  if (!redis) return;
  const store = new RedisStore({ client: await connected(t, redis) });
  const app = await open(t, { options: { store, touchAfter: 900, cookie: { maxAge: 2000 } } });
  await app.visit(write);
  // Redis counts whole seconds here, so the session is used for twice its life.
  for (const end = Date.now() + 5000; Date.now() < end; await pause(250)) assert.equal((await app.visit(read)).body, '1');
  await pause(2600);
  assert.equal((await app.visit(read)).body, 'undefined');
});

for (const [name, wrap] of Object.entries({ 'connect-pg-simple': (store) => store, 'a wrapped connect-pg-simple': keepPostgres })) {
  test(`${name}: one query for a read`, async (t) => {
    install('', () => {});
    const folder = temporaryFolder('postgres');
    const port = await freePort();
    const postgres = await server(t, () => startPostgres(folder, port));
    if (!postgres) return;
    const { database } = await postgres.fresh();
    const pool = new (load('pg').Pool)({ host: HOST, port, user: 'postgres', database });
    pool.on('error', () => {});
    const store = wrap(new (load('connect-pg-simple')(session))({ pool, createTableIfMissing: true, pruneSessionInterval: false }));
    t.after(async () => { store.close(); await pool.end(); });
    const queries = [];
    const { query } = pool;
    pool.query = function counting(text, ...rest) {
      queries.push(/^\w+/.exec(text)[0]);
      return query.call(this, text, ...rest);
    };
    const result = await counted(t, store, () => queries.splice(0));
    assert.deepEqual(result, { fresh: Array(10).fill('SELECT'), due: ['SELECT', 'UPDATE'], again: ['SELECT'], none: ['SELECT', 'UPDATE'] });
  });
}

for (const name of ['connect-mongo 6', 'connect-mongodb-session']) {
  test(`${name}: one operation for a read`, async (t) => {
    const started = await server(t, () => {
      install('mongo', () => {});
      return startSecantusdb(temporaryFolder('secantusdb'));
    });
    if (!started) return;
    const row = rows.find((one) => one.name === name);
    const modules = require('node:module').createRequire(require.resolve('../../stores/mongo/rows'));
    const { database } = await started.fresh();
    const url = `mongodb://${HOST}:${started.port}/${database}`;
    const store = row.package === 'connect-mongo'
      ? modules('connect-mongo').MongoStore.create({ mongoUrl: url })
      : await new Promise((resolve, reject) => {
          const made = new (modules('connect-mongodb-session')(session))({ uri: url, collection: 'sessions' }, (error) => { if (error) reject(error); else resolve(made); });
        });
    t.after(() => store.close?.() ?? store.client.close());
    const take = count(store, ['get', 'set', 'touch', 'destroy'].filter((method) => method in store));
    const { fresh, due, again, none } = await counted(t, store, take);
    const touch = typeof store.touch === 'function' ? ['touch'] : [];
    assert.deepEqual({ fresh, due, again, none }, { fresh: Array(10).fill('get'), due: ['get', ...touch], again: ['get'], none: ['get', ...touch] });
  });
}
