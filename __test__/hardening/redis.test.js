'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { open, write } = require('../compat/app');
const { session, isOurs } = require('../subject');
const { install } = require('../../stores/install');
const startRedis = require('../../stores/backends/redis');
const { flaw } = require('./flaw');
const { logouts, slowUses, slowRequest } = require('./slow');

const keepLoggedOut = isOurs ? require('../../redis') : (store) => store;

// Of the stores' own packages, where all versions are.
const load = (name) => require(require.resolve(name, { paths: [path.join(__dirname, '..', '..', 'stores')] }));

/** Makes a client of one of the libraries, closed at the end of the test. */
const clients = {
  async redis(t, port, name = 'redis') {
    const client = load(name).createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    t.after(() => client.disconnect());
    return client;
  },
  'redis 4': (t, port) => clients.redis(t, port, 'redis-4'),
  async 'redis 3'(t, port) {
    const client = load('redis-3').createClient({ host: '127.0.0.1', port });
    t.after(() => { client.end(true); });
    return client;
  },
  async ioredis(t, port) {
    const Redis = load('ioredis');
    const client = new Redis({ host: '127.0.0.1', port });
    t.after(() => { client.disconnect(); });
    return client;
  },
};

/** Makes a RedisStore of each major version, with each client that it takes. */
const set = {
  'connect-redis 10': ['redis', (client, more) => new (load('connect-redis').RedisStore)({ client, ...more })],
  'connect-redis 9': ['redis', (client, more) => new (load('connect-redis-9').RedisStore)({ client, ...more })],
  'connect-redis 8': ['redis 4', (client, more) => new (load('connect-redis-8').RedisStore)({ client, ...more })],
  'connect-redis 8, ioredis': ['ioredis', (client, more) => new (load('connect-redis-8').RedisStore)({ client, ...more })],
  'connect-redis 7': ['redis 4', (client, more) => new (load('connect-redis-7').default)({ client, ...more })],
  'connect-redis 7, ioredis': ['ioredis', (client, more) => new (load('connect-redis-7').default)({ client, ...more })],
  'connect-redis 6': ['redis 3', (client, more) => new (load('connect-redis-6')(session))({ client, ...more })],
  'connect-redis 6, ioredis': ['ioredis', (client, more) => new (load('connect-redis-6')(session))({ client, ...more })],
};

let redis;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hardening-redis-'));
test.before(async () => {
  redis = await startRedis(folder).catch((error) => {
    // Redis is not made for Windows, so that no CI there has it.
    const mustBeThere = process.env.CI === 'true' && process.platform !== 'win32';
    if (!error.isMissing || mustBeThere) throw error;
    return error;
  });
  if (redis.port) install('', () => {});
});
test.after(async () => {
  if (redis.stop) await redis.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** A server with sessions in Redis; undefined where there is none. */
async function serve(t, [clientName, makeStore], { options, more } = {}) {
  if (!redis.port) return t.skip(redis.message);
  await redis.fresh();
  const client = await clients[clientName](t, redis.port);
  const store = keepLoggedOut(makeStore(client, more), client);
  return { app: await open(t, { options: { store, ...options } }), client, store };
}

for (const [name, setUp] of Object.entries(set)) {
  for (const [useName, { options, use, isFlaw }] of Object.entries(slowUses)) {
    const declare = isFlaw ? flaw : test;
    declare(`logged out, while another request ${useName}: ${name}`, async (t) => {
      const served = await serve(t, setUp, { options });
      if (!served) return;
      assert.equal(await slowRequest(served.app, logouts.destroy, use), 'undefined');
      assert.deepEqual(served.app.errors, []);
    });
  }

  test(`a session that is still there is saved, with its lifetime: ${name}`, async (t) => {
    const served = await serve(t, setUp, { options: { cookie: { maxAge: 60000 } } });
    if (!served) return;
    const { app } = served;
    const nothing = (req, res) => { res.end(); };
    assert.equal(await slowRequest(app, nothing, (req) => { req.session.n = 2; }), '2');
    const left = await secondsLeft(redis.port);
    assert.ok(left > 50 && left <= 60, `${left} seconds left`);
  });

  test(`without time to live in Redis: ${name}`, async (t) => {
    const served = await serve(t, setUp, { more: { disableTTL: true } });
    if (!served) return;
    const nothing = (req, res) => { res.end(); };
    assert.equal(await slowRequest(served.app, nothing, (req) => { req.session.n = 2; }), '2');
    assert.equal(await secondsLeft(redis.port), -1);
    assert.equal(await slowRequest(served.app, logouts.destroy, (req) => { req.session.n = 3; }), 'undefined');
  });
}

test('keepLoggedOut names what it was not given', { skip: !isOurs }, () => {
  for (const wrong of [undefined, null, {}, 'store', new session.MemoryStore(), { client: {} }]) {
    assert.throws(() => keepLoggedOut(wrong), { name: 'TypeError', message: /takes a RedisStore of connect-redis/ });
  }
  const store = { client: {}, set() {}, normalizeClient() {} };
  assert.throws(() => keepLoggedOut(store), { name: 'TypeError', message: /takes the client as well/ });
});

test('an error of Redis reaches next', { skip: !isOurs }, async (t) => {
  const served = await serve(t, set['connect-redis 10']);
  if (!served) return;
  const { app, client } = served;
  await app.visit(write);
  await client.sendCommand(['CONFIG', 'SET', 'maxmemory', '1']);
  const answer = await app.visit(write);
  await client.sendCommand(['CONFIG', 'SET', 'maxmemory', '0']);
  assert.equal(answer.body, '2');
  if (app.errors.length === 0) await app.error();
  assert.match(String(app.errors[0]), /OOM/);
});

/** The time to live of the one session, asked for by hand: seconds, -1 for none. */
async function secondsLeft(port) {
  const client = load('redis').createClient({ url: `redis://127.0.0.1:${port}` });
  await client.connect();
  const [key] = await client.keys('*');
  const seconds = await client.ttl(key);
  await client.disconnect();
  return seconds;
}
