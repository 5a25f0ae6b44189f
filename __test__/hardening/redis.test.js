'use strict';

// Not in check: it starts Redis, and installs clients of it.
// In coverage: it is the test of redis.js.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open, write } = require('../compat/app');
const { session, isOurs } = require('../subject');
const { flaw } = require('./flaw');
const { load, connected, stores, setUps, useServers, connect } = require('./redis-setups');
const { HOST } = require('../../test-kit/port');
const { logouts, slowUses, slowRequest } = require('./slow');

const keepLoggedOut = isOurs ? require('../../redis') : (store) => store;

useServers();

/** A server with sessions in Redis; undefined where there is none. */
async function serve(t, { version, client: name }, { options, more } = {}) {
  const { client, port } = await connect(t, name) ?? {};
  if (!client) return undefined;
  const store = keepLoggedOut(stores[version]({ client, ...more }), client);
  return { app: await open(t, { options: { store, ...options } }), client, store, port };
}

for (const setUp of setUps) {
  const { name, isBrief } = setUp;
  for (const [useName, { options, use, isFlaw }] of Object.entries(slowUses)) {
    if (isBrief && useName !== 'writes to the session') continue;
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
    const { app, port } = served;
    const nothing = (req, res) => { res.end(); };
    assert.equal(await slowRequest(app, nothing, (req) => { req.session.n = 2; }), '2');
    const left = await secondsLeft(port);
    assert.ok(left > 50 && left <= 60, `${left} seconds left`);
    assert.deepEqual(app.errors, []);
  });

  test(`setIfPresent tells whether it has stored the session: ${name}`, { skip: !isOurs }, async (t) => {
    const { store } = await serve(t, setUp, {}) ?? {};
    if (!store) return;
    const told = () => new Promise((resolve, reject) => {
      store.setIfPresent('sid', { cookie: {} }, (error, isStored) => { if (error) reject(error); else resolve(isStored); });
    });
    assert.equal(await told(), false);
    await new Promise((resolve) => { store.set('sid', { cookie: {} }, resolve); });
    assert.equal(await told(), true);
  });

  test(`without time to live in Redis: ${name}`, async (t) => {
    const served = await serve(t, setUp, { more: { disableTTL: true } });
    if (!served) return;
    const nothing = (req, res) => { res.end(); };
    assert.equal(await slowRequest(served.app, nothing, (req) => { req.session.n = 2; }), '2');
    assert.equal(await secondsLeft(served.port), -1);
    assert.equal(await slowRequest(served.app, logouts.destroy, (req) => { req.session.n = 3; }), 'undefined');
    assert.deepEqual(served.app.errors, []);
  });
}

test('keepLoggedOut names what it was not given', { skip: !isOurs }, () => {
  const wrongStores = [undefined, null, {}, 'store', new session.MemoryStore(), { client: {} }, { client: {}, set() {}, prefix: '' }];
  for (const wrong of wrongStores) {
    assert.throws(() => keepLoggedOut(wrong), { name: 'TypeError', message: /needs a RedisStore of connect-redis/ });
  }
  const store = { client: {}, set() {}, prefix: '', serializer: JSON, ttl: 1, disableTTL: false, disableTouch: false, normalizeClient() {} };
  assert.throws(() => keepLoggedOut(store), { name: 'TypeError', message: /needs the client as its second argument/ });
});

const unknown = { name: 'TypeError', message: /keepLoggedOut supports the clients of node-redis .* ioredis and iovalkey: this client is none of them/ };

test('a client that might ignore the condition is refused at once', { skip: !isOurs }, async (t) => {
  const { client } = await connect(t, 'redis') ?? {};
  if (!client) return;
  const { client: io } = await connect(t, 'ioredis');
  const { client: legacy } = await connect(t, 'redis 4, legacy');
  const plain = Object.fromEntries(['get', 'set', 'del', 'expire', 'setEx', 'setex', 'scanIterator', 'sendCommand'].map((name) => [name, () => {}]));
  const wrongClients = {
    'nothing': {},
    'a function for each command, as for ioredis with connect-redis 9': plain,
    'one that hands things on to a client': { ...plain, SETEX() {}, connect() {}, setEx: undefined },
    'what queues, of node-redis': client.multi(),
    'what queues, of ioredis': io.pipeline(),
    'the other half of a legacy client of node-redis 4': legacy.v4,
  };
  for (const [name, wrong] of Object.entries(wrongClients)) {
    for (const version of [10, 9, 6]) assert.throws(() => keepLoggedOut(stores[version]({ client: wrong })), unknown, name);
    for (const version of [8, 7]) assert.throws(() => keepLoggedOut(stores[version]({ client: wrong }), wrong), unknown, name);
  }
});

const formless = { name: 'TypeError', message: /the store does not call this client's set as set\(/ };

for (const [version, name] of [[8, 'redis, pool'], [8, 'redis, Sentinel'], [7, 'redis, pool'], [7, 'redis 4, cluster']]) {
  test(`connect-redis ${version} takes "${name}" for ioredis: refused, but where there is no lifetime`, { skip: !isOurs }, async (t) => {
    const { client } = await connect(t, name) ?? {};
    if (!client) return;
    assert.throws(() => keepLoggedOut(stores[version]({ client }), client), formless);
    const store = keepLoggedOut(stores[version]({ client, disableTTL: true }), client);
    assert.equal(await lateWrite(store), undefined);
    assert.equal(await client.get('sess:sid'), null);
  });
}

/** A late write of the session `sid`: its error, if there is one. The store must answer once. */
async function lateWrite(store) {
  const answers = [];
  await store.setIfPresent('sid', { cookie: {} }, (...results) => { answers.push(results); });
  for (let i = 0; i < 100 && answers.length === 0; i += 1) await new Promise((resolve) => { setTimeout(resolve, 10); });
  assert.equal(answers.length, 1, 'the store has not answered once');
  return answers[0][0] || undefined;
}

/** What a store of somebody's own might do in the place of `set`, each with a client of that name. */
const ways = {
  'setEx': ['redis', (client, key) => client.setEx(key, 60, '{}')],
  'SETEX': ['redis', (client, key) => client.SETEX(key, 60, '{}')],
  'SET': ['redis', (client, key) => client.SET(key, '{}')],
  'mSet': ['redis', (client, key) => client.mSet([[key, '{}']])],
  'a transaction': ['redis', (client, key) => client.multi().set(key, '{}').exec()],
  'a command by its name': ['redis', (client, key) => client.sendCommand(['SET', key, '{}'])],
  'a command of a module': ['redis', (client, key) => client.json.set(key, '$', {})],
  'another client': ['redis', (client, key) => client.withTypeMapping({}).set(key, '{}')],
  'setex of ioredis': ['ioredis', (client, key) => client.setex(key, 60, '{}')],
  'a pipeline of ioredis': ['ioredis', (client, key) => client.pipeline().set(key, '{}').exec()],
  'call of ioredis': ['ioredis', (client, key) => client.call('SET', key, '{}')],
};

/** Forms of `set` that cannot have the condition, or have another one. */
const forms = {
  'words, for options': ['redis', (client, key) => client.set(key, '{}', 'EX', 60)],
  'a word, for options': ['redis', (client, key) => client.set(key, '{}', 'EX')],
  'a function, for options': ['redis', (client, key) => client.set(key, '{}', () => {})],
  'a list, for options': ['redis', (client, key) => client.set([key, '{}'])],
  'only if absent': ['redis', (client, key) => client.set(key, '{}', { NX: true })],
  'only if absent, by the newer name': ['redis', (client, key) => client.set(key, '{}', { condition: 'NX' })],
  'only if absent, of node-redis 4': ['redis 4', (client, key) => client.set(key, '{}', { EX: 60, NX: true })],
  'options before the key, of node-redis 4': ['redis 4', (client, key) => client.set({}, key, '{}')],
  'options, for words': ['ioredis', (client, key) => client.set(key, '{}', { EX: 60 })],
  'a key alone, so that the condition would be the value': ['ioredis', (client, key) => client.set(key)],
  'a key alone, in a list': ['redis 3', (client, key) => new Promise((resolve, reject) => {
    client.set([key], (error) => (error ? reject(error) : resolve()));
  })],
};

for (const [name, [clientName, write]] of Object.entries({ ...ways, ...forms })) {
  test(`never without the condition, but an error: ${name}`, { skip: !isOurs }, async (t) => {
    const { client } = await connect(t, clientName) ?? {};
    if (!client) return;
    class OwnStore extends load('connect-redis').RedisStore {
      set(sid, value, callback) {
        // Anything may lie between.
        setImmediate(async () => {
          try {
            await write(this.client, this.prefix + sid);
            callback();
          } catch (error) {
            callback(error);
          }
        });
      }
    }
    const error = await lateWrite(keepLoggedOut(new OwnStore({ client })));
    assert.match(String(error), ways[name] ? /TypeError: .*the store uses .* of its client/ : formless.message);
    const left = await new Promise((resolve, reject) => {
      const asked = client.get('sess:sid', (error, value) => (error ? reject(error) : resolve(value)));
      asked?.then?.(resolve, reject);
    });
    assert.equal(left, null);
  });
}

test('a store that writes around the client it has says so, and is not believed', { skip: !isOurs }, async (t) => {
  const { client } = await connect(t, 'redis') ?? {};
  if (!client) return;
  const { RedisStore } = load('connect-redis');
  const bound = new RedisStore({ client });
  bound.set = bound.set.bind(bound);
  class ByAnother extends RedisStore {
    set(sid, value, callback) { return client.set(this.prefix + sid, '{}').then(() => callback(null), callback); }
  }
  for (const store of [bound, new ByAnother({ client })]) {
    keepLoggedOut(store);
    assert.match(String(await lateWrite(store)), /the store did not use its own client/);
  }
  await assert.rejects(bound.setIfPresent('sid', { cookie: {} }), /the store did not use its own client/);
});

test('a store that throws or rejects says so to the callback', { skip: !isOurs }, async (t) => {
  const { client } = await connect(t, 'redis') ?? {};
  if (!client) return;
  const { RedisStore } = load('connect-redis');
  class Private extends RedisStore {
    #ends = '!';

    async set(sid, ...args) {
      return super.set(sid + this.#ends, ...args);
    }
  }
  class Throwing extends RedisStore {
    set() { throw new Error('thrown'); }
  }
  assert.match(String(await lateWrite(keepLoggedOut(new Private({ client })))), /TypeError: Cannot read private member/);
  assert.match(String(await lateWrite(keepLoggedOut(new Throwing({ client })))), /thrown/);
});

test('a store of somebody\'s own on RedisStore goes its own way', { skip: !isOurs }, async (t) => {
  const { client } = await connect(t, 'redis') ?? {};
  if (!client) return;
  class OwnStore extends load('connect-redis').RedisStore {
    calls = 0;

    async set(sid, value, callback) {
      this.calls += 1;
      const before = await this.client.get(this.prefix + sid);
      return super.set(sid, { ...value, before }, callback);
    }
  }
  const store = keepLoggedOut(new OwnStore({ client, prefix: 'own:' }));
  assert.equal(await lateWrite(store), undefined);
  assert.equal(await client.get('own:sid'), null);
  await client.set('own:sid', 'old');
  assert.equal(await lateWrite(store), undefined);
  assert.equal(JSON.parse(await client.get('own:sid')).before, 'old');
  assert.equal(store.calls, 2);
  // Without a callback, as connect-redis has it from version 8 on.
  await store.setIfPresent('sid', { cookie: {} });
  assert.equal(store.calls, 3);
});

test('the client that the store has now is used', { skip: !isOurs }, async (t) => {
  const { client: old, port } = await connect(t, 'redis') ?? {};
  if (!old) return;
  const client = load('redis').createClient({ url: `redis://${HOST}:${port}` });
  await connected(t, client);
  const store = keepLoggedOut(new (load('connect-redis').RedisStore)({ client: old.duplicate() }));
  store.client = client;
  await client.set('sess:sid', 'old');
  assert.equal(await lateWrite(store), undefined);
  assert.equal(await client.get('sess:sid'), '{"cookie":{}}');
  store.client = { set() {} };
  assert.match(String(await lateWrite(store)), unknown.message);
});

test('an error of Redis reaches next', { skip: !isOurs }, async (t) => {
  const served = await serve(t, { version: 10, client: 'redis' });
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
