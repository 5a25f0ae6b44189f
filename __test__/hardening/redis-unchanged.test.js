'use strict';

// Not in check: it starts Redis and Valkey, and installs clients of them.
// In coverage: it is the test of redis.js.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const keepLoggedOut = require('../../redis');
const { load, clients, stores, setUps, useServers, connect, why } = require('./redis-setups');
const { ask, session, DATA, PAIRS, oneWins, allCount } = require('./unchanged');
const Nodes = require('../../test-kit/redis-cluster');
const { open } = require('../compat/app');
const startValkey = require('../../stores/backends/valkey');
const { temporaryFolder } = require('../../test-kit/folder');
const { needs, skipWithout } = require('../../test-kit/installed');
const { freePort } = require('../../test-kit/port');
const { askRedis, startRedis } = require('../../test-kit/redis');

useServers();

/** A wrapped store, and its client; undefined where there is no server. */
async function wrapped(t, { version, client: name }, more = {}) {
  const { client, port } = await connect(t, name) ?? {};
  if (!client) return undefined;
  // For what the test itself asks the server.
  const plain = name === 'redis' ? client : await clients.redis(t, { port });
  return { store: keepLoggedOut(stores[version]({ client, ...more }), client), client, plain, port };
}

/** The same with newest client and store, of which the methods take promises. */
const newest = (t, more) => wrapped(t, { version: '10', client: 'redis' }, more);

for (const setUp of setUps) {
  test(`stored if unchanged, and only then: ${setUp.name}`, async (t) => {
    const { store, plain } = await wrapped(t, setUp) ?? {};
    if (!store) return;
    await plain.sendCommand(['SCRIPT', 'FLUSH']);
    for (const [name, data] of Object.entries(DATA)) {
      await ask(store, 'set', name, session(data));
      const loaded = await ask(store, 'get', name);
      const before = JSON.stringify(loaded);
      const next = session({ ...data, changed: true });
      assert.equal(await ask(store, 'setIfUnchanged', name, next, loaded), true, name);
      assert.deepEqual(await ask(store, 'get', name), JSON.parse(JSON.stringify(next)), name);
      assert.equal(await ask(store, 'setIfUnchanged', name, session({ lost: true }), loaded), false, name);
      assert.deepEqual(await ask(store, 'get', name), JSON.parse(JSON.stringify(next)), name);
      assert.equal(JSON.stringify(loaded), before, `${name}: loaded was changed`);
      await ask(store, 'destroy', name);
      assert.equal(await ask(store, 'setIfUnchanged', name, next, next), false, `${name}: made again`);
      assert.ok(!await ask(store, 'get', name), `${name}: made again`);
    }
  });

  test(`lifetimes are those of set: ${setUp.name}`, async (t) => {
    const { store, plain } = await wrapped(t, setUp, { ttl: 500 }) ?? {};
    if (!store) return;
    const ttl = async () => { const [key] = await keys(plain); return key && plain.sendCommand(['TTL', key]); };
    const loaded = session({ n: 1 });
    await ask(store, 'set', 'a', loaded);
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 1 }, { expires: new Date(Date.now() + 300000) }), loaded), true);
    assert.ok(await ttl() > 290 && await ttl() <= 300, `${await ttl()} seconds`);
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 1 }, { expires: null }), loaded), true);
    assert.ok(await ttl() > 490 && await ttl() <= 500, `${await ttl()} seconds`);
    store.disableTTL = true;
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2 }), loaded), true);
    assert.equal(await ttl(), -1);
    store.disableTTL = false;
    // A session that is over is deleted, as `set` does, unless another request has changed it.
    const over = session({ n: 3 }, { expires: new Date(Date.now() - 1000) });
    assert.equal(await ask(store, 'setIfUnchanged', 'a', over, loaded), false);
    assert.equal((await ask(store, 'get', 'a')).n, 2);
    assert.equal(await ask(store, 'setIfUnchanged', 'a', over, session({ n: 2 })), true);
    assert.deepEqual(await keys(plain), []);
    assert.equal(await ask(store, 'setIfUnchanged', 'a', over, session({ n: 2 })), false);
  });
}

const keys = (plain) => plain.sendCommand(['KEYS', '*']);

test('the prefix, the serializer and the function ttl of the store are used', async (t) => {
  const serializer = { stringify: (data) => JSON.stringify(data, undefined, 2), parse: JSON.parse };
  const { store, plain } = await newest(t, { prefix: 'own:', serializer, ttl: ({ n }) => 100 * n }) ?? {};
  if (!store) return;
  const loaded = session({ n: 1, list: [{}, []] });
  await ask(store, 'set', 'a', loaded);
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2, list: [] }), loaded), true);
  assert.match(await plain.get('own:a'), /^\{\n {2}"cookie": \{\n/);
  assert.ok(await plain.ttl('own:a') > 190 && await plain.ttl('own:a') <= 200);
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 3 }), loaded), false);
  // The white space around a member is not a part of it.
  for (const [stored, without] of [[{ n: 1, cookie: {} }, { n: 1 }], [{ n: 1 }, { n: 1, _meta: 1 }], [{ _meta: 1, n: 1 }, { cookie: {}, n: 1 }]]) {
    await plain.set('own:a', serializer.stringify(stored));
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 1 }), without), true, JSON.stringify(stored));
  }
});

test('what differs in cookie and _meta only is unchanged, wherever they stand', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  const forms = (data) => {
    const cookie = { originalMaxAge: null, path: '/","_meta":{' };
    const members = Object.entries(data);
    return [
      data, { cookie, ...data }, { ...data, cookie }, { _meta: { version: 1 }, cookie, ...data }, { ...data, _meta: [], cookie: null },
      Object.fromEntries([...members.slice(0, 1), ['cookie', 'x'], ['_meta', 1.5], ...members.slice(1)]),
    ];
  };
  for (const [name, data] of Object.entries(DATA)) {
    for (const stored of forms(data)) {
      for (const loaded of forms(data)) {
        for (const indent of [undefined, '\t ']) {
          await plain.set('sess:a', JSON.stringify(stored, undefined, indent));
          const isStored = await ask(store, 'setIfUnchanged', 'a', session(), loaded);
          assert.equal(isStored, true, `${name}: ${JSON.stringify(stored, undefined, indent)} and ${JSON.stringify(loaded)}`);
        }
      }
    }
  }
});

test('what differs is not overwritten', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  for (const [one, other] of PAIRS) {
    for (const [stored, loaded] of [[one, other], [other, one]]) {
      const text = JSON.stringify(session(stored));
      await plain.set('sess:a', text);
      assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ lost: 1 }), session(loaded)), false, `${text}, ${JSON.stringify(loaded)}`);
      assert.equal(await plain.get('sess:a'), text);
    }
  }
});

/** What another program may have written: the texts of each list say the same. */
const FORMS = {
  'white space': [{ a: [1, { b: 2 }], c: [] }, JSON.stringify({ cookie: {}, a: [1, { b: 2 }], c: [] }, null, 2), '{"cookie": {}, "a": [1, {"b": 2}], "c": []}', ' {"a":[1,{"b":2}],"c":[] ,"cookie":{} }\n'],
  'the order of keys': [{ a: 1, b: { c: 2, d: 3 }, 7: 8 }, '{"b":{"d":3,"c":2},"cookie":{},"a":1,"7":8}', '{"7":8,"a":1,"b":{"c":2,"d":3},"cookie":{}}'],
  'escapes': [{ é: 'é/', '💩': '"' }, '{"cookie":{},"\\u00e9":"\\u00e9\\/","\\ud83d\\udca9":"\\u0022"}', '{"\\u0063ookie":{},"_\\u006deta":{"version":1},"é":"é/","💩":"\\""}'],
  'forms of numbers': [{ n: 1, list: [100, 0.1, 0] }, '{"cookie":{},"n":1.0,"list":[1E2,1e-1,-0]}', '{"cookie":{},"n":1e0,"list":[1.0e+2,0.10,0.0]}'],
  'numbers that JavaScript does not have': [{ n: 9007199254740992, m: null }, '{"cookie":{},"n":9007199254740993,"m":1e999}'],
  'a key that is there twice': [{ a: 2 }, '{"cookie":{},"a":1,"a":2}'],
  'names of the prototype': [JSON.parse('{"__proto__":{"a":1},"constructor":2}'), '{"cookie": {}, "constructor": 2, "__proto__": {"a": 1.0}}'],
};

for (const { version, client, name } of setUps) {
  test(`what another program has written in another way is unchanged: ${name}`, async (t) => {
    const { store, plain } = await wrapped(t, { version, client }) ?? {};
    if (!store) return;
    await ask(store, 'set', 'a', session());
    const [key] = await keys(plain);
    for (const [what, [data, ...texts]] of Object.entries(FORMS)) {
      for (const text of texts) {
        await plain.sendCommand(['SET', key, text]);
        assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ lost: 1 }), session({ ...data, other: 1 })), false, `${what}: ${text}`);
        assert.equal(await plain.sendCommand(['GET', key]), text);
        assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2 }), session(data)), true, `${what}: ${text}`);
        assert.equal((await ask(store, 'get', 'a')).n, 2);
      }
    }
  });
}

test('what another program writes between the two steps is not overwritten', async (t) => {
  const { store, client, plain } = await newest(t) ?? {};
  if (!store) return;
  const spaced = (data) => JSON.stringify(session(data), null, 1);
  await plain.set('sess:a', spaced({ n: 1 }));
  const { evalSha } = client;
  let calls = 0;
  client.evalSha = async (...args) => {
    calls += 1;
    if (calls === 2) await plain.set('sess:a', spaced({ n: 5 }));
    return evalSha.apply(client, args);
  };
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2 }), session({ n: 1 })), false);
  assert.deepEqual([calls, (await ask(store, 'get', 'a')).n], [2, 5]);
});

test('a stored text that is no JSON object is not what was loaded, and holds up nothing', { timeout: 60_000 }, async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  const texts = ['', 'x', 'null', '[]', '"', '"cookie"', '{', '{"', '{"a', '{"a"', '{"a"}]', '{"a":', '{"a":"\\', '{"a":[', '{"a":]]]]', '{"a":1', '{a:1}', '{"n":1,', '{"n":1', '{"n":1}x', '{"n":1]', '[{"n":1}]', '{"n":1}}'];
  for (const text of [...texts, '{'.repeat(1e6), `{"a":"${'\\'.repeat(1e6)}`, `{"a":${' '.repeat(1e6)}`, `{"a":"${' '.repeat(1e6)}"  }`]) {
    await plain.set('sess:a', text);
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session(), session({ n: 1 })), false, text.slice(0, 20));
    assert.equal(await plain.get('sess:a'), text);
  }
});

test('two texts that are cut off in the same way are not the same for that', async (t) => {
  const { store, plain } = await newest(t, { serializer: { stringify: (data) => JSON.stringify(data).slice(0, -1), parse: JSON.parse } }) ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', session({ n: 1 }));
  const before = await plain.get('sess:a');
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session(), session({ n: 2 })), false);
  assert.equal(await plain.get('sess:a'), before);
});

test('what is the same behind the cookie is not looked at', async (t) => {
  // A look would find that the object does not end.
  const { store } = await newest(t, { serializer: { stringify: (data) => JSON.stringify(data).slice(0, -1), parse: JSON.parse } }) ?? {};
  if (!store) return;
  for (const cookie of [{}, { path: '/elsewhere' }]) {
    await ask(store, 'set', 'a', session({ n: 1 }));
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2 }), session({ n: 1 }, cookie)), true);
  }
});

test('a key of another type is an error', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  await plain.sendCommand(['RPUSH', 'sess:a', 'x']);
  await assert.rejects(ask(store, 'setIfUnchanged', 'a', session(), session()), /WRONGTYPE/);
  await assert.rejects(store.setIfUnchanged('a', session(), session()), /WRONGTYPE/);
});

test('a serializer that writes no JSON object gets an error that says what to do, and stores nothing', async (t) => {
  for (const stringify of [(data) => `64:${btoa(JSON.stringify(data))}`, (data) => Buffer.from(JSON.stringify([data])), (data) => JSON.stringify(data).slice(0, -1)]) {
    const { store, plain } = await newest(t, { serializer: { stringify, parse: JSON.parse } }) ?? {};
    if (!store) return;
    await ask(store, 'set', 'a', session());
    const before = await plain.get('sess:a');
    await assert.rejects(ask(store, 'setIfUnchanged', 'a', session({ n: 1 }), session()), /compares the members of a JSON object.*give the store one that writes JSON/);
    assert.equal(await plain.get('sess:a'), before);
  }
});

test('what cannot be compared or stored is an error for the callback, or of the promise', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', session());
  const before = await plain.get('sess:a');
  for (const loaded of [undefined, null, 'text', 1]) {
    await assert.rejects(ask(store, 'setIfUnchanged', 'a', session(), loaded), /TypeError: setIfUnchanged needs the session as it was loaded/);
    await assert.rejects(store.setIfUnchanged('a', session(), loaded), /as it was loaded/);
  }
  await assert.rejects(ask(store, 'setIfUnchanged', 'a', session({ n: 1n }), session()), /BigInt/);
  await assert.rejects(ask(store, 'setIfUnchanged', 'a', session(), session({ n: 1n })), /BigInt/);
  assert.equal(await plain.get('sess:a'), before);
  assert.equal(await store.setIfUnchanged('a', session({ n: 1 }), session()), true);
  assert.equal(await store.setIfUnchanged('a', session({ n: 1 }), session()), false);
});

test('what the callback throws is rejected, and not passed to it', async (t) => {
  const { store } = await newest(t) ?? {};
  if (!store) return;
  const calls = [];
  const thrown = new Error('of the callback');
  const callback = (...args) => { calls.push(args); throw thrown; };
  await assert.rejects(store.setIfUnchanged('a', session(), session(), callback), thrown);
  assert.deepEqual(calls, [[null, false]]);
});

test('options and words of set that connect-redis may use', async (t) => {
  const { client, plain } = await newest(t) ?? {};
  if (!client) return;
  const { client: io } = await connect(t, 'ioredis');
  const forms = {
    'seconds, as of node-redis 4': [client, [{ EX: 50 }], 50],
    'ms': [client, [{ PX: 50000 }], 50],
    'until': [client, [{ expiration: { type: 'EXAT', value: Math.ceil(Date.now() / 1000) + 50 } }], 50],
    'the lifetime that there is': [client, [{ expiration: 'KEEPTTL' }], 80],
    'the lifetime that there is, as an object': [client, [{ expiration: { type: 'KEEPTTL' } }], 80],
    'the lifetime that there is, as of node-redis 4': [client, [{ KEEPTTL: true, EX: undefined }], 80],
    'with the condition': [client, [{ EX: 50, condition: 'XX', XX: true }], 50],
    'no options': [client, [], -1],
    'words': [io, ['EX', 50], 50],
    'a word': [io, ['KEEPTTL'], 80],
    'a list of words': [io, [['PX', '50000']], 50],
  };
  for (const [name, [target, lifetime, seconds]] of Object.entries(forms)) {
    class OwnStore extends load('connect-redis').RedisStore {
      set(sid, data, callback) {
        return this.client.set(this.prefix + sid, this.serializer.stringify(data), ...lifetime).then(() => callback(null), callback);
      }
    }
    const store = keepLoggedOut(new OwnStore({ client: target }));
    await plain.set('sess:a', '{"n":1}', { EX: 80 });
    assert.equal(await ask(store, 'setIfUnchanged', 'a', { n: 2 }, { n: 1 }), true, name);
    assert.equal(await plain.get('sess:a'), '{"n":2}', name);
    const left = await plain.ttl('sess:a');
    assert.ok(left > seconds - 3 && left <= seconds + 1, `${name}: ${left} seconds`);
  }
});

/** Each is a way to write that has no condition, or another one. */
const refused = {
  'only if absent': (client, key) => client.set(key, '{}', { NX: true }),
  'another command': (client, key) => client.setEx(key, 60, '{}'),
  'a transaction': (client, key) => client.multi().set(key, '{}').exec(),
  'a deletion of two keys': (client, key) => client.del([key, '{"n":3}']),
  'an option that Redis does not know': (client, key) => client.set(key, '{}', { SOON: 1 }),
};

for (const [name, write] of Object.entries(refused)) {
  test(`not without the condition, but an error: ${name}`, async (t) => {
    const { client } = await newest(t) ?? {};
    if (!client) return;
    class OwnStore extends load('connect-redis').RedisStore {
      async set(sid, _data, callback) {
        try {
          await write(this.client, this.prefix + sid);
          callback(null);
        } catch (error) {
          callback(error);
        }
      }
    }
    await client.set('sess:a', '{"n":1}');
    await assert.rejects(ask(keepLoggedOut(new OwnStore({ client })), 'setIfUnchanged', 'a', { n: 2 }, { n: 1 }));
    assert.equal(await client.get('sess:a'), '{"n":1}');
  });
}

test('words that say "only if absent" store nothing, and do not say they have', async (t) => {
  const { client } = await connect(t, 'ioredis') ?? {};
  if (!client) return;
  class OwnStore extends load('connect-redis').RedisStore {
    set(sid, data, callback) { return this.client.set(this.prefix + sid, '{"n":2}', 'NX').then(() => callback(null), callback); }
  }
  await client.set('sess:a', '{"n":1}');
  assert.equal(await ask(keepLoggedOut(new OwnStore({ client })), 'setIfUnchanged', 'a', {}, { n: 1 }), false);
  assert.equal(await client.get('sess:a'), '{"n":1}');
});

test('a store that reads, or writes by another client', async (t) => {
  const { client } = await newest(t) ?? {};
  if (!client) return;
  class Reading extends load('connect-redis').RedisStore {
    async set(sid, data, callback) {
      const seen = JSON.parse(await this.client.get(this.prefix + sid)).n;
      return super.set(sid, { ...data, seen }, callback);
    }
  }
  await client.set('sess:a', '{"n":1}');
  assert.equal(await ask(keepLoggedOut(new Reading({ client })), 'setIfUnchanged', 'a', { n: 2 }, { n: 1 }), true);
  assert.equal(await client.get('sess:a'), '{"n":2,"seen":1}');
  class ByAnother extends load('connect-redis').RedisStore {
    async set(sid, data, callback) {
      await this.client.get(this.prefix + sid);
      return client.set('elsewhere', '{}').then(() => callback(null), callback);
    }
  }
  const other = keepLoggedOut(new ByAnother({ client }));
  await assert.rejects(ask(other, 'setIfUnchanged', 'a', {}, { n: 2 }), /the store did not use its own client/);
  await assert.rejects(ask(other, 'setIfPresent', 'a', {}), /the store did not use its own client/);
});

/** How often Redis has run each command since its counts were reset, those within a script as well. */
async function counted(plain, names) {
  const lines = (await plain.info('commandstats')).split('\r\n');
  return Object.fromEntries(lines.map((line) => /^cmdstat_(\w+):calls=(\d+)/.exec(line)).filter(Boolean)
    .map(([, name, count]) => [name, Number(count)]).filter(([name]) => names.includes(name)));
}

test('one round trip each, and two if Redis has lost the script', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  const calls = () => counted(plain, ['set', 'eval', 'evalsha']);
  await ask(store, 'set', 'a', session());
  await ask(store, 'setIfUnchanged', 'a', session(), session());
  for (const flush of [false, true, false]) {
    if (flush) await plain.sendCommand(['SCRIPT', 'FLUSH']);
    await plain.sendCommand(['CONFIG', 'RESETSTAT']);
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session(), session()), true);
    // Redis counts the `set` within the script, too.
    assert.deepEqual(await calls(), flush ? { set: 1, evalsha: 1, eval: 1 } : { set: 1, evalsha: 1 });
    await ask(store, 'setIfPresent', 'a', session());
    assert.equal((await calls()).set, 2);
  }
});

test('with the option merge, a request that changes the session takes as many round trips as without', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  const names = ['get', 'set', 'eval', 'evalsha', 'expire'];
  const trips = async (merge) => {
    const app = await open(t, { options: { store, merge, commit: 'headers' } });
    const change = (req, res) => { req.session.n = (req.session.n ?? 0) + 1; res.end(); };
    await app.visit(change);
    await app.visit(change);
    const seen = [];
    for (const handler of [change, change, (req, res) => { res.end(String(req.session.n)); }]) {
      await plain.sendCommand(['CONFIG', 'RESETSTAT']);
      await app.visit(handler);
      seen.push(await counted(plain, names));
    }
    return seen;
  };
  const read = { get: 1, expire: 1 };
  assert.deepEqual(await trips(false), [{ get: 1, set: 1 }, { get: 1, set: 1 }, read]);
  // One `get` and the `set` are within the script.
  assert.deepEqual(await trips(true), [{ get: 2, set: 1, evalsha: 1 }, { get: 2, set: 1, evalsha: 1 }, read]);
});

test('with the option merge, a session that another program writes in its own way', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  const app = await open(t, { options: { store, merge: (key, base, mine, theirs) => theirs + mine - base, commit: 'headers' } });
  await app.visit((req, res) => { req.session.n = 0; res.end(); });
  const [key] = await keys(plain);
  // As json.dumps of Python does it.
  const rewrite = async (change) => {
    const data = JSON.parse(await plain.get(key));
    change?.(data);
    await plain.set(key, JSON.stringify(data, null, 1).replace(/\n */g, ' ').replace('"n": ', '"n": 0').replace(/"n": 0(\d+)/, '"n": $1.0'));
  };
  for (let round = 0; round < 3; round += 1) {
    await rewrite();
    await app.visit(async (req, res) => {
      if (round > 0) await rewrite((data) => { data.n += 10; });
      req.session.n += 1;
      res.end();
    });
  }
  assert.deepEqual([app.errors, JSON.parse(await plain.get(key)).n], [[], 23]);
});

for (const [version, name] of [['10', 'redis'], ['10', 'redis, cluster'], ['8', 'ioredis'], ['6', 'redis 3']]) {
  test(`eight clients at once: connect-redis ${version}, ${name}`, async (t) => {
    const { client, port } = await connect(t, name) ?? {};
    if (!client) return;
    const others = await Promise.all(Array.from({ length: 7 }, () => clients[name](t, { port })));
    const all = [client, ...others].map((each) => keepLoggedOut(stores[version]({ client: each }), each));
    await oneWins(all, 'a', assert);
    const plain = await clients.redis(t, { port });
    const counted = allCount(all, 'b', assert);
    for (let i = 0; i < 20; i += 1) await plain.sendCommand(['SCRIPT', 'FLUSH']);
    await counted;
  });
}

for (const [version, name] of [['10', 'redis'], ['8', 'ioredis'], ['6', 'redis 3']]) {
  test(`Redis is killed and started again in between: connect-redis ${version}, ${name}`, async (t) => {
    if (why) { t.skip(why); return; }
    const folder = temporaryFolder('unchanged', t);
    const settings = ['--appendonly', 'yes', '--appendfsync', 'always'];
    const port = await freePort();
    let server = await startRedis({ folder, port, settings });
    t.after(() => server.stop());
    const client = await clients[name](t, { port });
    // It tells of the lost connection.
    client.on('error', () => {});
    const store = keepLoggedOut(stores[version]({ client }), client);
    await ask(store, 'set', 'a', session({ n: 1 }));
    const loaded = await ask(store, 'get', 'a');
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2 }), loaded), true);
    process.kill(server.pid, 'SIGKILL');
    await server.ended;
    server = await startRedis({ folder, port, settings });
    assert.equal(await untilConnected(() => ask(store, 'setIfUnchanged', 'a', session({ n: 3 }), loaded)), false);
    assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 3 }), session({ n: 2 })), true);
    assert.equal((await ask(store, 'get', 'a')).n, 3);
  });
}

test('with the option merge: Redis goes while requests run, and comes back', async (t) => {
  if (why) { t.skip(why); return; }
  const folder = temporaryFolder('unchanged', t);
  const settings = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const port = await freePort();
  let server = await startRedis({ folder, port, settings });
  t.after(() => server.stop());
  // Without the queue, what cannot be sent is an error.
  const client = await clients.redis(t, { port }, 'redis', { disableOfflineQueue: true });
  client.on('error', () => {});
  const store = keepLoggedOut(stores[10]({ client }));
  const app = await open(t, { options: { store, merge: (key, base, mine, theirs) => theirs + mine - base, commit: 'headers' } });
  await app.visit((req, res) => { req.session.n = 0; res.end(); });
  const cookie = app.jar.header;
  const add = (req, res) => { req.session.n += 1; res.end('added'); };
  const { status } = await app.visit(async (req, res) => {
    await app.visit(add, { cookie });
    process.kill(server.pid, 'SIGKILL');
    await server.ended;
    add(req, res);
  }, { cookie });
  assert.deepEqual([status, app.errors.length], [500, 1], 'told, and no answer that it was stored');
  const away = await app.visit(add, { cookie });
  assert.deepEqual([away.status, app.errors.length], [500, 2], 'no session can be loaded');
  server = await startRedis({ folder, port, settings });
  await untilConnected(() => client.ping());
  await app.visit(async (req, res) => {
    await app.visit(add, { cookie });
    add(req, res);
  }, { cookie });
  const { body: n } = await app.visit((req, res) => { res.end(String(req.session.n)); }, { cookie });
  assert.equal(n, '3');
});

/** Tries again while the client is not connected. */
async function untilConnected(act) {
  for (let left = 100; ; left -= 1) {
    try {
      return await act();
    } catch (error) {
      if (left === 0 || /NOSCRIPT|ERR|WRONGTYPE/.test(error.message)) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }
}

// A client that is still connected when its server stops throws.
const started = [];
test.after(() => Promise.all(started.map((server) => server.stop())));

test('a Redis Cluster of three masters', { skip: needs('redis-server', 'redis-cli') }, async (t) => {
  const nodes = await Nodes.start();
  started.push(nodes);
  const [{ port }] = nodes.list;
  for (const [version, name] of [['10', 'redis, cluster'], ['8', 'ioredis, cluster'], ['8', 'redis 4, cluster']]) {
    const client = await clients[name](t, { port });
    const store = keepLoggedOut(stores[version]({ client }), client);
    for (let i = 0; i < 30; i += 1) {
      const sid = `${name} ${i}`;
      await ask(store, 'set', sid, session({ i }));
      assert.equal(await ask(store, 'setIfUnchanged', sid, session({ i, n: 1 }), session({ i })), true);
      assert.equal(await ask(store, 'setIfUnchanged', sid, session({ i, n: 2 }), session({ i })), false);
      assert.equal((await ask(store, 'get', sid)).n, 1);
    }
    await oneWins([store, store, store], 'a', assert);
  }
  const counts = Array.from((await nodes.masters()).values(), ({ size }) => size);
  for (const { client } of nodes.list) {
    // Each client asks the right node at once.
    assert.doesNotMatch(await client.info('commandstats'), /cmdstat_evalsha:.*rejected_calls=[1-9]/);
  }
  assert.ok(counts.length === 3 && counts.every((size) => size > 10), `${counts}`);
});

test('Valkey', async (t) => {
  const server = await startValkey(temporaryFolder('valkey')).catch((error) => {
    if (!error.isMissing) throw error;
    t.skip(skipWithout(error.message));
  });
  if (!server) return;
  started.push(server);
  assert.match(await askRedis(server.port, 'INFO server'), /valkey_version:/);
  for (const [version, name] of [['10', 'redis'], ['9', 'redis, pool'], ['8', 'iovalkey'], ['7', 'redis 4'], ['6', 'redis 3']]) {
    await server.fresh();
    await askRedis(server.port, 'SCRIPT FLUSH');
    const all = [];
    for (let i = 0; i < 8; i += 1) {
      const client = await clients[name](t, server);
      all.push(keepLoggedOut(stores[version]({ client }), client));
    }
    for (const [sid, data] of Object.entries(DATA)) {
      await ask(all[0], 'set', sid, session(data));
      assert.equal(await ask(all[1], 'setIfUnchanged', sid, session({ n: 2 }), await ask(all[0], 'get', sid)), true, `${name}: ${sid}`);
      assert.equal(await ask(all[1], 'setIfUnchanged', sid, session({ n: 3 }), session(data)), false, `${name}: ${sid}`);
    }
    await oneWins(all, 'a', assert);
    await allCount(all, 'b', assert);
  }
});
