'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.

/** The options `renewAfter` and `renewGrace` with a real clock, on real servers, plain and wrapped. */

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { open } = require('../compat/app');
const { late, sidIn, tell } = require('./renew/visits');
const { postgresStore, redisStore, useServers } = require('../servers');
const { session } = require('../subject');
const { cookieOf } = require('../../test-kit/jar');

const AFTER = 1500;
const GRACE = 1200;
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

const { servers, why } = useServers();
const redis = (t) => redisStore(t, servers.redis);
const postgres = (t) => postgresStore(t, servers.postgres);

const stores = {
  'connect-redis': { server: 'redis', make: redis },
  'connect-redis, wrapped': { server: 'redis', make: async (t) => require('../../redis')(await redis(t)), isAtomic: true },
  'connect-pg-simple': { server: 'postgres', make: postgres },
  'connect-pg-simple, wrapped': { server: 'postgres', make: async (t) => require('../../postgres')(await postgres(t)), isAtomic: true },
};

// At once: they wait for a session to be old enough.
describe('on servers', { concurrency: 4 }, () => {
  for (const [name, { server, make, isAtomic = false }] of Object.entries(stores)) {
    const set = (values) => (req, res) => { Object.assign(req.session, values); tell(req, res); };

    async function begin(t, options) {
      if (why[server]) return t.skip(why[server]);
      const store = await make(t);
      const app = await open(t, { options: { store, renewAfter: AFTER, renewGrace: GRACE, cookie: { maxAge: 600_000 }, ...options } });
      const get = async (cookie, handler = tell, more = {}) => {
        const answer = await app.visit(handler, { cookie, ...more });
        assert.equal(answer.status, 200, answer.body);
        return { ...answer, cookie: cookieOf(answer.cookies[0]) || undefined, told: JSON.parse(answer.body) };
      };
      const { cookie: old } = await get('none=1', set({ user: 1, list: [1, 'ä'] }));
      await pause(AFTER);
      return { app, get, old, store };
    }

    if (isAtomic) {
      test(`a pointer is never unchanged, also not for a session without data: ${name}`, async (t) => {
        if (why[server]) return t.skip(why[server]);
        const store = await make(t);
        const cookie = new session.Cookie({ maxAge: 60_000 });
        const asked = (method, ...args) => new Promise((resolve, reject) => {
          store[method](...args, (error, result) => (error ? reject(error) : resolve(result)));
        });
        await asked('set', 'a', { cookie });
        const loaded = await asked('get', 'a');
        assert.equal(await asked('setIfUnchanged', 'a', { cookie, _meta: { next: 'r1:abc' } }, loaded), true);
        assert.equal(await asked('setIfUnchanged', 'a', { cookie, n: 1 }, loaded), false);
        const { n, _meta: { next } } = await asked('get', 'a');
        assert.deepEqual([n, next], [undefined, 'r1:abc']);
      });
    }

    test(`a session goes through its renewals: ${name}`, async (t) => {
      const { app, get, old, store } = await begin(t) ?? {};
      if (!app) return;
      const slow = await late((handler) => get(old, handler, { method: 'POST' }), async (req, res) => {
        req.session.mine = 1;
        await req.session.save();
        req.session.more = 2;
        tell(req, res);
      });
      const start = Date.now();
      const ten = await Promise.all(Array.from({ length: 10 }, () => get(old)));
      const end = Date.now();
      for (const { told: { data, ids }, cookie } of ten) {
        assert.deepEqual([data, ids], [{ user: 1, list: [1, 'ä'] }, [sidIn(cookie)]]);
        assert.notEqual(sidIn(cookie), sidIn(old));
      }
      if (isAtomic) assert.equal(new Set(ten.map(({ cookie }) => sidIn(cookie))).size, 1);
      for (const { cookie } of ten) assert.equal((await get(cookie)).told.data.user, 1);
      const { cookie } = ten[0];
      if (store.all) {
        const listed = await new Promise((resolve, reject) => { store.all((error, list) => (error ? reject(error) : resolve(list))); });
        const ids = listed.map(({ id }) => id);
        if (isAtomic) assert.deepEqual(ids, [sidIn(cookie)], 'the pointer is no session');
        if (isAtomic) assert.deepEqual((await store.all()).map(({ id }) => id), ids);
      }
      await slow.finish();
      const { told: { data } } = await get(cookie);
      if (isAtomic) assert.deepEqual(data, { user: 1, list: [1, 'ä'], mine: 1, more: 2 });
      else assert.equal(data.user, 1);
      if (isAtomic) {
        if (Date.now() < start + GRACE) assert.equal((await get(old)).told.data.user, 1, 'it leads to the new one');
        await pause(end + GRACE - Date.now());
        assert.deepEqual((await get(old)).told.data, {}, 'it is refused');
      }
      assert.equal((await get(cookie)).told.data.user, 1);
      assert.deepEqual(app.errors, []);
    });

    test(`a renewal that saves, a lost response, and a logout by the old id: ${name}`, async (t) => {
      const { app, get, old, store } = await begin(t, { rolling: true, merge: true }) ?? {};
      if (!app) return;
      const slow = await late((handler) => get(old, handler, { method: 'POST' }), async (req, res) => {
        await req.session.destroy();
        res.end('{}');
      });
      const lost = await get(old, set({ n: 1 }));
      const again = await get(old);
      assert.equal(sidIn(again.cookie), sidIn(lost.cookie));
      assert.deepEqual(again.told.data, { user: 1, list: [1, 'ä'], n: 1 });
      await get(lost.cookie);
      assert.equal((await get(old, set({ m: 1 }))).cookie, undefined);
      assert.equal((await get(lost.cookie)).told.data.m, 1);
      await slow.finish();
      for (const cookie of [old, lost.cookie]) assert.deepEqual((await get(cookie)).told.data, {});
      assert.deepEqual(app.errors, []);
      assert.ok(store);
    });

    test(`a stored cookie that is over, as touches leave it: ${name}`, async (t) => {
      const { app, get, old } = await begin(t, { cookie: { maxAge: AFTER + 800 } }) ?? {};
      if (!app) return;
      // Only the store's own expiry moves.
      await get(old, tell, { method: 'POST' });
      await pause(1200);
      const { cookie, told } = await get(old);
      assert.equal(told.data.user, 1);
      assert.notEqual(sidIn(cookie), sidIn(old));
      assert.equal((await get(cookie)).told.data.user, 1);
      assert.deepEqual(app.errors, []);
    });
  }
});
