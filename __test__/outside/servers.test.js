'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.

/** Sessions outside a request, the option `resign` and `session.migrate` with a real Redis and a real PostgreSQL. */

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const keepRedis = require('../../redis');
const keepPostgres = require('../../postgres');
const { open, read, write } = require('../compat/app');
const { signed } = require('../security/cookies');
const { postgresStore, redisStore, useServers } = require('../servers');
const { session } = require('../subject');
const { ENDED, SECRET } = require('./app');

/** Times long enough for a slow machine: a request takes some ms. */
const IDLE = 3000;
const user = (data) => data.user;
const add = (key, base = 0, mine = 0, theirs = 0) => theirs + mine - base;
const logOut = (req, res) => req.session.destroy().then(() => { res.end(); });
const logIn = (req, res) => { Object.assign(req.session, { user: 'ada', n: 1 }); res.end(); };

const { servers, why } = useServers();
const redis = (t) => redisStore(t, servers.redis);
const postgres = (t, type) => postgresStore(t, servers.postgres, type);

const stores = {
  'connect-redis': ['redis', redis],
  'connect-redis, wrapped': ['redis', async (t) => keepRedis(await redis(t))],
  'connect-redis, with users': ['redis', async (t) => keepRedis(await redis(t), { user })],
  'connect-pg-simple': ['postgres', postgres],
  'connect-pg-simple, wrapped': ['postgres', async (t) => keepPostgres(await postgres(t))],
  'connect-pg-simple, with users and jsonb': ['postgres', async (t) => keepPostgres(await postgres(t, 'jsonb'), { user })],
};

const get = (store, sid) => new Promise((resolve, reject) => {
  store.get(sid, (error, data) => { if (error) reject(error); else resolve(data); });
});

async function opened(t, store, options = {}) {
  const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false, store, ...options });
  return { ...await open(t, { middleware: sessions }), sessions };
}

describe('on servers', { concurrency: 4 }, () => {
  for (const [name, [server, makeStore]] of Object.entries(stores)) {
    test(`load and create: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const store = await makeStore(t);
      const { sessions, visit, jar, errors } = await opened(t, store, { cookie: { maxAge: 60000 } });
      await visit(logIn);
      const { header: cookie } = jar;
      const { id, cookie: other, session: made } = await sessions.create({ user: 'bob', n: 1 });
      const [one, late] = [await sessions.load(cookie), await sessions.load(cookie)];
      one.n = 2;
      await one.save();
      await one.touch();
      made.n = 3;
      await made.save();
      assert.deepEqual([(await visit(read)).body, (await visit(read, { cookie: other })).body], ['2', '3']);
      assert.equal((await get(store, id)).n, 3);
      if (store.sessionsOf) {
        assert.deepEqual((await store.sessionsOf('ada', { current: one })).map(({ current }) => current), [true]);
        assert.equal(await store.endAll('ada'), 1);
      } else {
        await visit(logOut);
      }
      for (const method of ['save', 'touch', 'reload']) await assert.rejects(late[method](), ENDED, method);
      assert.equal(await sessions.load(cookie), undefined);
      await made.destroy();
      await assert.rejects(made.save(), ENDED);
      assert.ok(!await get(store, id));
      assert.deepEqual(errors, []);
    });

    test(`idle end, old ids, keys in the place of ids, merge: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const store = await makeStore(t);
      const { sessions, visit, jar, errors } = await opened(t, store, { idleTimeout: IDLE, renewAfter: 1500, renewGrace: 1400, hashIds: true, merge: add });
      await visit(logIn);
      const { header: old } = jar;
      const held = await sessions.load(old);
      await pause(1510);
      await visit(read);
      assert.notEqual(jar.header, old);
      held.n++;
      await held.save();
      assert.equal((await (await sessions.load(old)).n), 2);
      const count = async () => {
        const loaded = await sessions.load(jar.header);
        loaded.n++;
        await loaded.save();
      };
      if (store.setIfUnchanged) await Promise.all(Array.from({ length: 5 }, count));
      else for (let i = 0; i < 5; i++) await count();
      const last = await sessions.load(jar.header);
      assert.equal(last.n, 7);
      await pause(IDLE - 1000);
      await last.touch();
      await pause(1100);
      assert.equal((await sessions.load(jar.header)).n, 7);
      await pause(IDLE);
      await assert.rejects(last.save(), ENDED);
      assert.equal(await sessions.load(jar.header), undefined);
      assert.deepEqual(errors, []);
    });

    test(`a cookie of an old secret is sent again: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const { sessions, visit, errors } = await opened(t, await makeStore(t), { secret: ['new', 'old'], resign: true, cookie: { maxAge: 60000 }, touchAfter: 20000 });
      const { id } = await sessions.create({ n: 1 });
      const answer = await visit(read, { cookie: signed(id, 'old') });
      assert.ok(answer.cookies[0].startsWith(signed(id, 'new')));
      assert.deepEqual((await visit(read, { cookie: signed(id, 'new') })).cookies, []);
      assert.deepEqual(errors, []);
    });
  }

  for (const [name, kinds, options] of [
    ['Redis to PostgreSQL', ['connect-redis, wrapped', 'connect-pg-simple, wrapped'], {}],
    ['Redis to PostgreSQL with users and times', ['connect-redis, with users', 'connect-pg-simple, with users and jsonb'], { idleTimeout: 60000, hashIds: true }],
    ['PostgreSQL to Redis', ['connect-pg-simple, wrapped', 'connect-redis, wrapped'], { cookie: { maxAge: 60000 } }],
    ['plain Redis to plain PostgreSQL', ['connect-redis', 'connect-pg-simple'], {}],
  ]) {
    test(`a move under load: ${name}`, async (t) => {
      const [[first, makeFrom], [second, makeTo]] = kinds.map((kind) => stores[kind]);
      if (why[first] || why[second]) return t.skip(why[first] || why[second]);
      const [from, to] = [await makeFrom(t), await makeTo(t)];
      const before = await opened(t, from, options);
      const visitors = await Promise.all(Array.from({ length: 30 }, async (_, i) => ({ count: 1, ...await before.sessions.create({ n: 1, user: `user ${i % 7}` }) })));
      const store = session.migrate(from, to);
      const { visit, errors } = await opened(t, store, { merge: add, ...options });
      const canMerge = typeof store.setIfUnchanged === 'function';
      await Promise.all(visitors.map(async (visitor, i) => {
        await Promise.all(Array.from({ length: canMerge ? 1 + i % 3 : 1 }, async () => {
          for (let n = 0; n < 8; n++) {
            const answer = await visit(n % 4 === 3 ? read : write, { cookie: visitor.cookie });
            assert.match(answer.body, /^\d+$/, 'logged out');
            if (n % 4 !== 3) visitor.count++;
          }
        }));
        if (i % 5 === 0) await visit(logOut, { cookie: visitor.cookie });
      }));
      for (const [i, { cookie, count }] of visitors.entries()) {
        assert.equal((await visit(read, { cookie })).body, i % 5 === 0 ? 'undefined' : String(count));
      }
      // The sessions have gone from the old store, and those who have logged out are nowhere.
      const after = await opened(t, from, options);
      for (const { cookie } of visitors) assert.equal((await after.visit(read, { cookie })).body, 'undefined');
      if (store.sessionsOf) {
        const lists = await Promise.all(Array.from({ length: 7 }, (_, i) => store.sessionsOf(`user ${i}`)));
        assert.equal(lists.flat().length, 24);
        const ended = await Promise.all(Array.from({ length: 7 }, (_, i) => store.endAll(`user ${i}`)));
        assert.equal(ended.reduce((sum, n) => sum + n), 24);
        for (const { cookie } of visitors) assert.equal((await visit(read, { cookie })).body, 'undefined');
      }
      assert.deepEqual(errors, []);
    });
  }
});
