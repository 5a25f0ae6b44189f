'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.

/** The option `hashIds` on real servers: what they hold and are asked for, and the move. */

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { open } = require('../compat/app');
const { load, clients } = require('../hardening/redis-setups');
const { useServers } = require('../servers');
const { session } = require('../subject');
const { HOST } = require('../../test-kit/port');

const keyOf = (sid) => `h1:${createHash('sha256').update(sid).digest('base64url')}`;
const idIn = (jar) => /^s%3A([\w-]+)\./.exec(jar.get('connect.sid'))[1];
const handler = (act) => async (req, res) => {
  const told = await act(req);
  res.end();
  return told;
};
const read = handler((req) => req.session.n);

const { servers, why } = useServers();

async function redis(t) {
  await servers.redis.fresh();
  const client = await clients.redis(t, servers.redis);
  const asked = [];
  const monitor = client.duplicate();
  monitor.on('error', () => {});
  await monitor.connect();
  t.after(() => monitor.destroy());
  await monitor.monitor((line) => { asked.push(line); });
  return {
    /** Makes a store on this server. */
    make: () => new (load('connect-redis').RedisStore)({ client }),
    asked,
    /** All that the server holds, as text; the keys first. */
    async held() {
      const keys = (await client.keys('*')).sort();
      const texts = await Promise.all(keys.map(async (key) => (await client.type(key) === 'string' ? client.get(key) : JSON.stringify(await client.zRange(key, 0, -1)))));
      return [keys.map((key) => key.replace('sess:', '')), texts];
    },
  };
}

async function postgres(t) {
  const { database } = await servers.postgres.fresh();
  const pool = new (load('pg').Pool)({ host: HOST, port: servers.postgres.port, user: 'postgres', database });
  pool.on('error', () => {});
  const asked = [];
  const stores = [];
  const { query } = pool;
  pool.query = function noted(...args) { asked.push(JSON.stringify(args)); return query.apply(this, args); };
  t.after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await pool.end();
  });
  return {
    make() {
      const store = new (load('connect-pg-simple')(session))({ pool, createTableIfMissing: true, pruneSessionInterval: false });
      stores.push(store);
      return store;
    },
    asked,
    async held() {
      const { rows } = await query.call(pool, 'SELECT sid, sess::text FROM session ORDER BY sid');
      return [rows.map(({ sid }) => sid), rows.map(({ sess }) => sess)];
    },
  };
}

const wrappers = { redis: require('../../redis'), postgres: require('../../postgres') };
for (const [server, begin] of Object.entries({ redis, postgres })) {
  for (const isWrapped of [false, true]) {
    const wrap = isWrapped ? wrappers[server] : (store) => store;
    const name = `${server}${isWrapped ? ', wrapped' : ''}`;

    test(`a server holds keys alone, before and after the move: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const { make, asked, held } = await begin(t);
      const options = { store: wrap(make()), cookie: { maxAge: 600_000 } };
      const before = await open(t, { options });
      await before.visit(handler((req) => { req.session.n = 1; }));
      const old = idIn(before.jar);
      assert.deepEqual((await held())[0], [old]);

      const all = { merge: true, touchAfter: 1000, idleTimeout: 300_000, absoluteTimeout: 500_000, renewAfter: 400_000 };
      const app = await open(t, { options: { ...options, hashIds: true, ...isWrapped && all } });
      app.jar.header = before.jar.header;
      const cookie = before.jar.header;
      const values = await Promise.all(Array.from({ length: 6 }, async () => (await app.visit(read, { cookie })).value));
      assert.deepEqual(values, Array(6).fill(1));
      asked.length = 0;
      // What is stored is what was loaded, also for a store that compares versions.
      await app.visit(handler(async (req) => { req.session.n = 2; await req.session.save(); req.session.n = 3; }));
      await app.visit(read);
      await app.visit(handler((req) => req.session.regenerate({ keep: ['n'] })));
      const id = idIn(app.jar);
      assert.notEqual(id, old);
      assert.equal((await app.visit(read)).value, 3);
      await app.visit(handler(async ({ sessionStore }) => {
        const found = await promisify(sessionStore.get).call(sessionStore, id);
        await promisify(sessionStore.set).call(sessionStore, id, Object.assign(await promisify(sessionStore.load).call(sessionStore, id), { n: found.n + 1 }));
      }));
      assert.equal((await app.visit(read)).value, 4);
      const [keys, texts] = await held();
      assert.deepEqual(keys, [keyOf(id)]);
      for (const each of [old, id]) assert.ok(!texts.join().includes(each));
      // From the move to the end of the session the server does not hear of its id.
      assert.ok(asked.some((line) => line.includes(keyOf(id))));
      assert.ok(!asked.some((line) => line.includes(id)), asked.join('\n'));
      await app.visit(handler((req) => req.session.destroy()));
      assert.deepEqual((await held())[0], []);
    });

    if (isWrapped) {
      test(`the sessions of a user: ${name}`, async (t) => {
        if (why[server]) return t.skip(why[server]);
        const { make, held } = await begin(t);
        const store = wrap(make(), { user: ({ who }) => who, maxSessions: 3 });
        const options = { store, cookie: { maxAge: 600_000 } };
        const before = await open(t, { options });
        const app = await open(t, { options: { ...options, hashIds: true } });
        const logins = [];
        for (const where of [before, app, app]) {
          where.jar.clear();
          await where.visit(handler((req) => { req.session.who = 'ann'; }));
          logins.push(where.jar.header);
        }
        const ids = logins.map((cookie) => /s%3A([\w-]+)\./.exec(cookie)[1]);
        // The move of the first one ends none.
        for (const cookie of logins) assert.equal((await app.visit(handler((req) => req.session.who), { cookie })).value, 'ann');
        const sids = async () => (await held())[0].filter((key) => key.startsWith('h1:') || ids.includes(key)).sort();
        assert.deepEqual(await sids(), ids.map(keyOf).sort());
        const { value } = await app.visit(handler((req) => req.sessionStore.sessionsOf('ann', { current: req.session })), { cookie: logins[1] });
        assert.deepEqual(value.map(({ current }) => current), [false, true, false]);
        assert.equal(await store.end('ann', value[2].handle), 1);
        assert.equal((await app.visit(handler((req) => req.session.who), { cookie: logins[0] })).value, undefined);
        await app.visit(handler((req) => req.sessionStore.endAll('ann', { except: req.session })), { cookie: logins[1] });
        assert.deepEqual(await sids(), [keyOf(ids[1])]);
      });
    }

    test(`two processes and a logout: ${name}`, async (t) => {
      if (why[server]) return t.skip(why[server]);
      const { make, held } = await begin(t);
      const options = { cookie: { maxAge: 600_000 } };
      const before = await open(t, { options: { ...options, store: wrap(make()) } });
      await before.visit(handler((req) => { req.session.n = 1; }));
      const apps = await Promise.all([0, 1, 2].map(() => open(t, { options: { ...options, store: wrap(make()), hashIds: true } })));
      const values = await Promise.all(apps.flatMap((app) => [1, 2, 3].map(async () => (await app.visit(read, { cookie: before.jar.header })).value)));
      assert.deepEqual(values, Array(9).fill(1));
      assert.deepEqual((await held())[0], [keyOf(idIn(before.jar))]);
      await apps[1].visit(handler((req) => req.session.destroy()), { cookie: before.jar.header });
      for (const app of apps) assert.equal((await app.visit(read, { cookie: before.jar.header })).value, undefined);
      assert.deepEqual((await held())[0], []);
    });
  }
}
