'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.

/**
 * `idleTimeout` and `absoluteTimeout` with the real clock, over a real Redis and a real PostgreSQL,
 * with stores as they are and wrapped by this package.
 */

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { open, original, read, write } = require('../compat/app');
const { postgresStore, redisStore, useServers } = require('../servers');
const keepRedis = require('../../redis');
const keepPostgres = require('../../postgres');

/** Times long enough for a slow machine: a request takes some ms. */
const IDLE = 1500;
const ABSOLUTE = 4000;
const LATE = 300;

const { servers, why } = useServers();
const redis = (t) => redisStore(t, servers.redis);
const postgres = (t, type) => postgresStore(t, servers.postgres, type);

const stores = {
  'connect-redis': ['redis', redis],
  'connect-redis, wrapped': ['redis', async (t) => keepRedis(await redis(t))],
  'connect-pg-simple': ['postgres', postgres],
  'connect-pg-simple, wrapped': ['postgres', async (t) => keepPostgres(await postgres(t))],
  'connect-pg-simple with jsonb, wrapped': ['postgres', async (t) => keepPostgres(await postgres(t, 'jsonb'))],
};

const get = (store, sid) => new Promise((resolve, reject) => {
  store.get(sid, (error, data) => { if (error) reject(error); else resolve(data); });
});
/** The sid of a Cookie header. */
const sidOf = (header) => decodeURIComponent(header).match(/s:([^.]+)/)[1];
const metaOf = async (store, header) => (await get(store, sidOf(header)))?._meta;

/** Counts the calls of some methods of a store. */
function count(store, ...names) {
  const calls = [];
  for (const name of names) {
    const method = store[name];
    store[name] = function counted(...args) { calls.push(name); return method.apply(this, args); };
  }
  return () => calls.splice(0);
}

// At once: they wait for sessions to end.
describe('on servers', { concurrency: 8 }, () => {
  for (const [name, [server, makeStore]] of Object.entries(stores)) {
    for (const options of [{}, { cookie: { maxAge: 60000 }, rolling: true, commit: 'headers' }, { cookie: { maxAge: 60000 }, merge: true }]) {
      test(`idle and absolute end: ${name}, ${JSON.stringify(options)}`, async (t) => {
        if (why[server]) return t.skip(why[server]);
        const store = await makeStore(t);
        const app = await open(t, { options: { store, idleTimeout: IDLE, absoluteTimeout: ABSOLUTE, ...options } });
        const start = Date.now();
        await app.visit(write);
        const { header: first } = app.jar;
        const { created } = await metaOf(store, first);
        assert.ok(created >= start && created <= Date.now());
        while (Date.now() < created + ABSOLUTE - LATE) {
          assert.equal((await app.visit(read)).body, '1', `after ${Date.now() - created} ms`);
          await pause(200);
        }
        assert.equal((await metaOf(store, first)).created, created);
        await pause(Math.max(0, created + ABSOLUTE - Date.now()));
        assert.equal((await app.visit(read)).body, 'undefined', 'at the absolute end');
        assert.equal(await metaOf(store, first), undefined, 'it is destroyed');

        await app.visit(write);
        const { header: second } = app.jar;
        await pause(IDLE + 1);
        assert.equal((await app.visit((req, res) => { req.session.n = 7; res.end(req.sessionID); })).body !== sidOf(second), true, 'at the idle end');
        assert.equal(await metaOf(store, second), undefined, 'it is destroyed');
        assert.deepEqual(app.errors, []);
      });
    }

    test(`sessions of express-session itself, and how often the store is written: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const store = await makeStore(t);
      const before = await open(t, { module: original, options: { store } });
      await before.visit((req, res) => { Object.assign(req.session, { n: 1, text: 'ü\\"\u2028', 7: [1.5, 1e21, null], deep: { b: 1, a: 2 } }); res.end(); });
      const { header: cookie } = before.jar;
      const app = await open(t, { options: { store, idleTimeout: 60000 } });
      // `setIfUnchanged` of express-session-rs/redis calls `set`.
      const calls = count(store, store.setIfUnchanged ? 'setIfUnchanged' : 'set', 'touch', 'destroy');
      const poll = (req, res) => { req.session.touch(false); res.end(String(req.session.n)); };
      const start = Date.now();
      for (let i = 0; i < 3; i++) assert.equal((await app.visit(poll, { cookie })).body, '1');
      assert.deepEqual(calls().length, 1, 'first seen is written once');
      const { created, seen } = await metaOf(store, cookie);
      assert.ok(created >= start && seen === created);
      for (let i = 0; i < 3; i++) assert.equal((await app.visit(read, { cookie })).body, '1');
      assert.deepEqual(calls(), ['touch', 'touch', 'touch']);
      const data = await get(store, sidOf(cookie));
      assert.deepEqual([data.text, data[7], data.deep], ['ü\\"\u2028', [1.5, 1e21, null], { a: 2, b: 1 }]);
      assert.deepEqual(app.errors, []);
    });

    test(`a request that has saved is used until its end: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const store = await makeStore(t);
      const app = await open(t, { options: { store, idleTimeout: 1000 } });
      await app.visit(write);
      const { header: cookie } = app.jar;
      await pause(150);
      const { created } = await metaOf(store, cookie);
      await app.visit(async (req, res) => {
        await req.session.save();
        await pause(150);
        res.end();
      });
      const { seen } = await metaOf(store, cookie);
      assert.ok(seen >= created + 300, `seen after ${seen - created} ms`);
    });

    test(`a logout during a request that notes the use: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const store = await makeStore(t);
      const app = await open(t, { options: { store, idleTimeout: 1000 } });
      await app.visit(write);
      const { header: cookie } = app.jar;
      await pause(150);
      await app.visit(async (req, res) => {
        assert.equal(req.session.n, 1);
        await app.visit((other, response) => other.session.destroy().then(() => { response.end(); }), { cookie });
        res.end();
      });
      assert.ok(!await get(store, sidOf(cookie)));
    });
  }
});
