'use strict';

// Not in check: it starts Redis and Valkey, and installs clients of them.
// In coverage: it is the test of session/store/redis-users.js.

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const net = require('node:net');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const keepLoggedOut = require('../../redis');
const { makePointer } = require('../../session/request/pointer');
const startValkey = require('../../stores/backends/valkey');
const { open } = require('../compat/app');
const { load, clients, stores, setUps, startCluster, whenJoined, useServers, connect, why } = require('../hardening/redis-setups');
const { ask, session } = require('../hardening/unchanged');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');
const { HOST } = require('../../test-kit/port');
const { askRedis } = require('../../test-kit/redis');

useServers();

const started = [];
test.after(() => Promise.all(started.map((server) => server.stop())));

const user = ({ user: name }) => name;

/** A session of a user, who may be nobody, created at a moment. */
const of = (name, created = Date.now(), { renewed = created, ...data } = {}) =>
  session({ ...name && { user: name }, ...data, _meta: { created, renewed, seen: renewed } });

const handleOf = (sid) => createHash('sha256').update(`handle:${sid}`).digest('base64url');

/** A wrapped store, and a client for what the test itself asks; undefined where there is no server. */
async function wrapped(t, { version, client: name }, { more = {}, ...options } = {}) {
  const { client, port } = await connect(t, name) ?? {};
  if (!client) return undefined;
  const plain = name === 'redis' ? client : await clients.redis(t, { port });
  const store = keepLoggedOut(stores[version]({ client, ...more }), client, { user, ...options });
  return { store, client, nodes: [plain], plain, port, added: name.includes('pipelined') ? 'app:' : '' };
}

const newest = (t, options) => wrapped(t, { version: '10', client: 'redis' }, options);
const inCluster = (t, options) => wrapped(t, { version: '10', client: 'redis, cluster' }, options);

/** By how much the expiries of a record and of its entry may differ in a cluster where a step takes long, in ms. */
const SLACK = 500;

/**
 * What the records say, and what the sets of the users say: each user with the keys of his sessions. Both
 * must expire at the same time, unless `isLoose`.
 */
async function index({ nodes, added = '', isLoose = false }) {
  const records = {};
  const sets = {};
  const expiries = new Map();
  const add = (to, name, key) => { (to[name] ??= []).push(key); };
  for (const node of nodes) {
    for (const key of await node.keys('*')) {
      if (await node.type(key) !== 'string') continue;
      const { user: name } = Object(JSON.parse(await node.get(key))._meta);
      const ttl = await node.pTTL(key);
      expiries.set(key.slice(added.length), ttl === -1 ? Infinity : Date.now() + ttl);
      if (name !== undefined) add(records, name, key.slice(added.length));
    }
  }
  for (const node of nodes) {
    for (const key of await node.keys('*')) {
      if (await node.type(key) !== 'zset') continue;
      const entries = await node.zRangeWithScores(key, 0, -1);
      const name = key.slice(`${added}express-session-rs:users:5:sess::`.length);
      for (const { value, score } of entries) {
        add(sets, name, value);
        const expiry = expiries.get(value) ?? NaN;
        assert.ok(isLoose || score === expiry || Math.abs(score - expiry) < SLACK, `${value} in the set of ${name}: ${score - expiry} ms off`);
      }
      const last = Math.max(...entries.map(({ score }) => score));
      const ttl = await node.pTTL(key);
      assert.ok(last === Infinity ? ttl === -1 : Math.abs(Date.now() + ttl - last) < SLACK, `the set of ${name} expires in ${ttl} ms`);
    }
  }
  for (const each of [...Object.values(records), ...Object.values(sets)]) each.sort();
  return { records, sets };
}

/** The sets must say what the records say. */
async function agree(setUp, expected, what) {
  const { records, sets } = await index(setUp);
  assert.deepEqual(sets, records, what);
  if (expected) assert.deepEqual(sets, expected, what);
}

/** All that a store does, once. */
async function story(setUp) {
  const { store, plain } = setUp;
  await plain.sendCommand(['SCRIPT', 'FLUSH']);
  const began = Date.now();
  const ids = async (name, options) => (await store.sessionsOf(name, options)).map(({ handle, current }) =>
    `${['a', 'b', 'c', 'd', 'e', 'new'].find((sid) => handleOf(sid) === handle)}${current ? '!' : ''}`).join(' ');
  await ask(store, 'set', 'a', of('ada', began - 5000, { renewed: began - 3000 }));
  await ask(store, 'set', 'b', of('ada', began - 4000));
  await ask(store, 'set', 'c', of('bob', began - 3000));
  await ask(store, 'set', 'd', of(undefined));
  await agree(setUp, { ada: ['sess:a', 'sess:b'], bob: ['sess:c'] }, 'set');
  assert.equal(await ids('ada', { current: { id: 'a' } }), 'b a!');
  assert.deepEqual(await store.sessionsOf('nobody'), []);
  const [{ lastSeen, ...told }] = await store.sessionsOf('bob');
  assert.deepEqual(told, { handle: handleOf('c'), created: began - 3000, current: false });
  // Redis takes whole seconds.
  assert.ok(lastSeen >= began && lastSeen <= Date.now(), `${lastSeen - began}`);

  // A touch moves the entry.
  await ask(store, 'touch', 'a', { ...of('ada'), cookie: { originalMaxAge: 90000, expires: new Date(Date.now() + 90000) } });
  await ask(store, 'touch', 'gone', of('ada'));
  await agree(setUp, { ada: ['sess:a', 'sess:b'], bob: ['sess:c'] }, 'touch');

  // Writes with a condition.
  const loaded = await ask(store, 'get', 'b');
  assert.equal(loaded._meta.user, 'ada');
  assert.equal(await ask(store, 'setIfPresent', 'b', { ...loaded, n: 1 }), true);
  assert.equal(await ask(store, 'setIfUnchanged', 'b', { ...loaded, n: 2 }, { ...loaded, n: 1 }), true);
  const before = await index(setUp);
  assert.equal(await ask(store, 'setIfPresent', 'new', of('ada')), false);
  assert.equal(await ask(store, 'setIfUnchanged', 'b', of('bob'), loaded), false);
  assert.equal(await ask(store, 'setIfUnchanged', 'new', of('bob'), loaded), false);
  assert.deepEqual(await index(setUp), before, 'refused');

  // Other users, and nobody any more.
  await ask(store, 'setIfPresent', 'd', of('bob'));
  await ask(store, 'set', 'c', of('ada', began - 2000));
  await agree(setUp, { ada: ['sess:a', 'sess:b', 'sess:c'], bob: ['sess:d'] }, 'other users');
  assert.equal(await ask(store, 'setIfUnchanged', 'b', of(undefined), { ...loaded, n: 2 }), true);
  await agree(setUp, { ada: ['sess:a', 'sess:c'], bob: ['sess:d'] }, 'nobody any more');
  await ask(store, 'set', 'd', makePointer('d', 'e', Date.now() + 60000, 60000));
  await ask(store, 'set', 'e', of('bob', began - 3000, { renewed: began }));
  await agree(setUp, { ada: ['sess:a', 'sess:c'], bob: ['sess:e'] }, 'a pointer');

  // A session whose time is over is deleted.
  await ask(store, 'set', 'a', { ...of('ada'), cookie: { expires: new Date(Date.now() - 1000) } });
  await ask(store, 'destroy', 'c');
  await ask(store, 'destroy', 'c');
  await agree(setUp, { bob: ['sess:e'] }, 'destroy');

  // The ends.
  for (const sid of ['a', 'b', 'c']) await ask(store, 'set', sid, of('ada'));
  assert.equal(await store.end('ada', handleOf('e')), 0);
  assert.equal(await store.end('bob', handleOf('a')), 0);
  assert.equal(await store.end('ada', handleOf('a')), 1);
  assert.equal(await store.end('ada', handleOf('a')), 0);
  await agree(setUp, { ada: ['sess:b', 'sess:c'], bob: ['sess:e'] }, 'end');
  assert.equal(await store.endAll('ada', { except: { id: 'c' } }), 1);
  assert.equal(await store.endAll('ada', { except: { id: 'c' } }), 0);
  assert.equal(await store.endAll('bob', { except: undefined }), 1);
  await agree(setUp, { ada: ['sess:c'] }, 'endAll');

  // The oldest ends if there is one too many.
  await ask(store, 'set', 'a', of('ada', began - 9000));
  await ask(store, 'set', 'b', of('ada', began - 8000));
  await agree(setUp, { ada: ['sess:a', 'sess:b', 'sess:c'] }, 'three');
  await ask(store, 'set', 'e', of('ada', began - 10000));
  await agree(setUp, { ada: ['sess:b', 'sess:c', 'sess:e'] }, 'the oldest, and not the one that is written');
  await ask(store, 'set', 'e', of('ada', began - 10000));
  await ask(store, 'set', 'new', of('ada', began - 8000, { renewed: began }));
  await ask(store, 'setIfPresent', 'c', of('ada'));
  await agree(setUp, { ada: ['sess:b', 'sess:c', 'sess:e', 'sess:new'] }, 'a new id');
  await ask(store, 'destroy', 'b');
  await ask(store, 'set', 'd', of(undefined));
  await ask(store, 'setIfPresent', 'd', of('ada', began - 1000, { renewed: began }));
  await agree(setUp, { ada: ['sess:c', 'sess:d', 'sess:new'] }, 'a login without a new id');
}

for (const setUp of setUps) {
  test(`whose sessions: ${setUp.name}`, async (t) => {
    const made = await wrapped(t, setUp, { maxSessions: 3 });
    if (made) await story(made);
  });
}

test('Valkey', async (t) => {
  const server = await startValkey(temporaryFolder('valkey')).catch((error) => {
    if (!error.isMissing) throw error;
    t.skip(skipWithout(error.message));
  });
  if (!server) return;
  started.push(server);
  for (const [version, name] of [['10', 'redis'], ['8', 'iovalkey']]) {
    await server.fresh();
    const client = await clients[name](t, server);
    const plain = await clients.redis(t, server);
    await story({ store: keepLoggedOut(stores[version]({ client }), client, { user, maxSessions: 3 }), plain, nodes: [plain] });
  }
});

/** Three nodes of a Redis Cluster, with a client of each. */
let three;
async function startThree(t) {
  three ??= (async () => {
    const nodes = await startCluster(3);
    started.push(...nodes);
    await whenJoined(nodes);
    return nodes.map(({ port }) => port);
  })();
  const ports = await three;
  for (const port of ports) await askRedis(port, 'FLUSHALL');
  return { ports, nodes: await Promise.all(ports.map((port) => clients.redis(t, { port }))) };
}

/** A store in the cluster of three; undefined without Redis. */
async function ofThree(t, version = '10', name = 'redis, cluster', options = {}) {
  if (why) return t.skip(why);
  const { ports: [port], nodes } = await startThree(t);
  const client = await clients[name](t, { port });
  return { store: keepLoggedOut(stores[version]({ client }), client, { user, ...options }), client, nodes, plain: nodes[0] };
}

for (const [version, name] of [['10', 'redis, cluster'], ['8', 'redis 4, cluster'], ['8', 'ioredis, cluster']]) {
  test(`a cluster of three: connect-redis ${version}, ${name}`, async (t) => {
    const made = await ofThree(t, version, name, { maxSessions: 3 });
    if (!made) return;
    await story(made);
    assert.equal(await made.store.endAll('ada'), 3);
    const users = Array.from({ length: 12 }, (_, i) => `user ${i}`);
    await Promise.all(users.map((each, i) => ask(made.store, 'set', `sid ${i}`, of(each))));
    await agree(made, Object.fromEntries(users.map((each, i) => [each, [`sess:sid ${i}`]])));
    for (const node of made.nodes) assert.match((await node.keys('*')).join(), /users:/, 'each node has a set');
  });
}

/** What the test itself sends, and the Sentinel. */
const OF_OTHERS = new Set(['echo', 'publish', 'ping', 'info', 'subscribe', 'client', 'hello', 'config']);

/** The commands that clients send to a server while `act` runs. */
async function sent(port, act) {
  const socket = net.connect(port, HOST, () => { socket.write('MONITOR\r\n'); });
  let text = '';
  socket.setEncoding('utf8').on('data', (more) => { text += more; });
  while (!text.includes('+OK')) await pause(5);
  await act();
  await askRedis(port, 'ECHO done');
  while (!text.includes('"done"')) await pause(5);
  socket.destroy();
  return text.split('\r\n').map((line) => /^\+[\d.]+ \[\d+ (?!lua)\S+\] "(\w+)"/.exec(line)?.[1].toLowerCase()).filter((name) => name && !OF_OTHERS.has(name));
}

test('one round trip for each write, and for the list', async (t) => {
  const { store, port } = await newest(t, { maxSessions: 2 }) ?? {};
  if (!store) return;
  const loaded = of('ada');
  const uses = {
    set: () => ask(store, 'set', 'a', loaded),
    another: () => ask(store, 'set', 'b', of('ada')),
    tooMany: () => ask(store, 'set', 'c', of('ada')),
    present: () => ask(store, 'setIfPresent', 'c', loaded),
    unchanged: () => ask(store, 'setIfUnchanged', 'c', loaded, loaded),
    otherUser: () => ask(store, 'set', 'b', of('bob')),
    touch: () => ask(store, 'touch', 'b', loaded),
    list: () => store.sessionsOf('ada', { current: { id: 'c' } }),
    destroy: () => ask(store, 'destroy', 'b'),
  };
  for (const use of Object.values(uses)) await use();
  for (const [name, use] of Object.entries(uses)) assert.deepEqual(await sent(port, use), ['evalsha'], name);
  store.disableTouch = true;
  assert.deepEqual(await sent(port, () => ask(store, 'touch', 'a', loaded)), []);
  assert.deepEqual(await sent(port, () => ask(store, 'get', 'a')), ['get']);
});

test('in a cluster two round trips for a save and a touch, and more for a login and a logout', async (t) => {
  const { store, port } = await inCluster(t) ?? {};
  if (!store) return;
  const uses = {
    login: [() => ask(store, 'set', 'a', of('ada')), 3],
    save: [() => ask(store, 'setIfPresent', 'a', of('ada')), 2],
    touch: [() => ask(store, 'touch', 'a', of('ada')), 2],
    anonymous: [() => ask(store, 'set', 'b', of(undefined)), 1],
    logout: [() => ask(store, 'destroy', 'a'), 3],
  };
  for (const [use] of Object.values(uses)) await use();
  for (const [name, [use, count]] of Object.entries(uses)) assert.equal((await sent(port, use)).length, count, name);
});

const MANY = ['ada', '*', '[a-z]', '?', '{}', '{a}b', '}', '{', '"', '\\', '","user":"ada', '":{"', ':', ':ada', ' ', 'ö', 'o\u0308', '日本', '💩', '👩‍👩‍👧', '\u007f\n', 'ü'.repeat(255), '%00', '__proto__'];
const PREFIXES = ['sess:', '', 'a*', '[x]?', '{app}:', ':', 'a', 'a:', 'ä💩', 'express-session-rs:users:'];

for (const [where, make] of Object.entries({ 'a server': newest, 'a cluster': inCluster })) {
  test(`odd users and prefixes: ${where}`, async (t) => {
    const made = await make(t) ?? {};
    if (!made.store) return;
    const all = PREFIXES.map((prefix) => keepLoggedOut(stores[10]({ client: made.client, prefix }), { user }));
    for (const [i, store] of all.entries()) {
      await Promise.all(MANY.map((name, n) => ask(store, 'set', `${i}.${n}`, of(name))));
    }
    for (const [i, store] of all.entries()) {
      for (const [n, name] of MANY.entries()) {
        assert.deepEqual((await store.sessionsOf(name)).map(({ handle }) => handle), [handleOf(`${i}.${n}`)], `${PREFIXES[i]} ${name}`);
        assert.equal(await store.endAll(name), 1);
      }
    }
    assert.deepEqual((await made.plain.keys('*')).filter((key) => key !== ''), [], 'nothing is left');
  });
}

test('without a prefix: ids, length, all and clear know no sets of users', async (t) => {
  for (const [version, name] of [['10', 'redis'], ['8', 'ioredis'], ['6', 'redis 3']]) {
    for (const prefix of ['', 'express']) {
      const { store, plain } = await wrapped(t, { version, client: name }, { more: { prefix } }) ?? {};
      if (!store) return;
      for (const sid of ['a', 'b', 'c']) await ask(store, 'set', sid, of(sid === 'c' ? 'bob' : 'ada'));
      assert.deepEqual((await ask(store, 'ids')).sort(), ['a', 'b', 'c']);
      assert.equal(await ask(store, 'length'), 3);
      assert.deepEqual((await ask(store, 'all')).map(({ id }) => id).sort(), ['a', 'b', 'c']);
      await ask(store, 'clear');
      assert.deepEqual(await plain.keys('*'), [], 'clear empties the sets at once');
    }
  }
});

test('clear without a prefix leaves a session that is stored meanwhile in its set', async (t) => {
  const { store, client } = await newest(t, { more: { prefix: '' } }) ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', of('ada'));
  const { scanIterator } = client;
  client.scanIterator = async function* scanned(...args) {
    yield* scanIterator.apply(client, args);
    await ask(store, 'set', 'late', of('ada'));
  };
  await ask(store, 'clear');
  assert.deepEqual((await store.sessionsOf('ada')).map(({ handle }) => handle), [handleOf('late')]);
});

for (const [where, make] of Object.entries({ 'a server': newest, 'a cluster': inCluster })) {
  test(`what expires leaves nothing: ${where}`, async (t) => {
    const setUp = await make(t, { maxSessions: 2 }) ?? {};
    const { store, plain } = setUp;
    if (!store) return;
    const short = (name) => ({ ...of(name), cookie: { originalMaxAge: 1000, expires: new Date(Date.now() + 1000) } });
    await ask(store, 'set', 'a', short('ada'));
    await ask(store, 'set', 'c', short('bob'));
    await ask(store, 'set', 'd', of('cyd'));
    await ask(store, 'set', 'e', short('cyd'));
    // The set of bob expires without its last session, and later than its first one.
    await ask(store, 'set', 'f', { ...short('bob'), cookie: { expires: new Date(Date.now() + 9000) } });
    await ask(store, 'destroy', 'f');
    await agree(setUp, { ada: ['sess:a'], bob: ['sess:c'], cyd: ['sess:d', 'sess:e'] });
    await pause(1100);
    assert.deepEqual((await plain.keys('*')).map((key) => key.split(':').at(-1)).sort(), ['cyd', 'd']);
    // It does not count any more, and goes with the next write.
    await ask(store, 'set', 'g', of('cyd'));
    await agree(setUp, { cyd: ['sess:d', 'sess:g'] });
  });

  test(`sessions without expiry: ${where}`, async (t) => {
    const setUp = await make(t, { more: { disableTTL: true } }) ?? {};
    const { store } = setUp;
    if (!store) return;
    store.disableTTL = false;
    await ask(store, 'set', 'b', of('ada'));
    store.disableTTL = true;
    await ask(store, 'set', 'a', of('ada'));
    store.disableTTL = false;
    await ask(store, 'touch', 'b', of('ada'));
    await agree(setUp, { ada: ['sess:a', 'sess:b'] });
    const [{ lastSeen, created }] = (await store.sessionsOf('ada')).filter(({ handle }) => handle === handleOf('a'));
    assert.equal(lastSeen, created);
    await ask(store, 'destroy', 'a');
    await agree(setUp, { ada: ['sess:b'] });
  });
}

test('records that other programs have written', async (t) => {
  const setUp = await newest(t) ?? {};
  const { store, plain } = setUp;
  if (!store) return;
  const meta = '"_meta":{"created":1,"renewed":1,"seen":1,"user":"ada"}';
  const texts = {
    'white space': ['{ "a" : [ {} ] , "_meta" : { "user" : "ada" } , "cookie" : {} }', 'ada'],
    'in front': [`{${meta},"cookie":{},"list":[1,{"_meta":{"user":"bob"}}]}`, 'ada'],
    'one further in, behind': [`{${meta},"a":{"_meta":{"user":"bob"}}}`, 'ada'],
    'one further in, with a bracket': [`{${meta},"a":{"_meta":{"user":"{"}}}`, 'ada'],
    'one further in alone': ['{"a":{"_meta":{"user":"bob"}}}', undefined],
    'in a text': [`{${meta},"a":"\\"_meta\\":{\\"user\\":\\"bob\\"}}"}`, 'ada'],
    'brackets in the user': ['{"a":1,"_meta":{"user":"a}}{"}}', 'a}}{'],
    'escapes': ['{"_meta":{"user":"\\u00e9\\ud83d\\udca9\\/\\""}}', 'é💩/"'],
    'a long one': [`{${meta},"a":"${'x'.repeat(10000)}"}`, 'ada'],
    'a long one, usual form': [`{"a":"${'x'.repeat(10000)}",${meta}}`, 'ada'],
    'twice: the last counts': ['{"_meta":{"user":"bob"},"a":1,"_meta":{"user":"ada"},"b":2}', 'ada'],
    'no text': ['{"_meta":{"user":1}}', undefined],
    'no object': ['{"_meta":["user"]}', undefined],
    'nothing': ['{"_meta":null}', undefined],
    'no JSON': ['x"_meta":{"user', undefined],
    'a list': ['[{"_meta":{"user":"bob"}}]', undefined],
    'empty': ['', undefined],
    'damaged, but for the end': [`{"a":x,${meta}}`, 'ada'],
    'a user and a browser with long names': [`{"a":1,"_meta":{"user":"${'ü'.repeat(255)}","agent":"${'💩'.repeat(127)}","ip":"${'日'.repeat(255)}"}}`, 'ü'.repeat(255)],
  };
  for (const [name, [text, whose]] of Object.entries(texts)) {
    await plain.set('sess:a', text);
    // The store's own user does not matter.
    await ask(store, 'touch', 'a', of('nobody'));
    const keys = (await plain.keys('*users*')).map((key) => key.slice(key.indexOf('::') + 2));
    assert.deepEqual(keys, whose === undefined ? [] : [whose], name);
    if (whose !== undefined) assert.equal((await store.sessionsOf(whose)).length, 1, name);
    await ask(store, 'destroy', 'a');
    assert.deepEqual(await plain.keys('*'), [], name);
  }
});

test('a session that the serializer refuses can be ended', async (t) => {
  const refuses = { stringify: JSON.stringify, parse: () => { throw new Error('an old form'); } };
  const { store } = await newest(t, { more: { serializer: refuses } }) ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', of('ada', 7));
  assert.deepEqual((await store.sessionsOf('ada')).map(({ created }) => created), [7]);
  assert.equal(await store.endAll('ada'), 1);
});

test('what is no record of the user is dropped when it is read', async (t) => {
  const { store, plain } = await newest(t) ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', of('ada'));
  await ask(store, 'set', 'b', of('ada'));
  await plain.del('sess:a');
  await plain.set('sess:b', JSON.stringify({ cookie: {}, _meta: { user: 'bob' } }));
  assert.deepEqual(await store.sessionsOf('ada'), []);
  assert.deepEqual(await plain.keys('*'), ['sess:b']);
  // A new one counts for as many as there are.
  for (const sid of ['a', 'c', 'd']) await ask(store, 'set', sid, of('bob'));
  await plain.del('sess:c');
  const limited = keepLoggedOut(stores[10]({ client: plain }), { user, maxSessions: 3 });
  await ask(limited, 'set', 'e', of('bob'));
  assert.equal((await store.sessionsOf('bob')).length, 3);
});

test('what describe has said, and when a session was used', async (t) => {
  const { store } = await newest(t, { describe: () => ({}) }) ?? {};
  if (!store) return;
  const now = Date.now();
  const toldOf = async (cookie, ttl = 86400) => {
    store.ttl = ttl;
    await ask(store, 'set', 'a', session({ user: 'ada', _meta: { created: now - 9000000, renewed: now - 9000000, seen: now - 8000000, ip: '::1', agent: 'Lynx', version: 3 } }, cookie));
    const [told] = await store.sessionsOf('ada');
    delete told.handle;
    return told;
  };
  const expires = new Date(now + 3600000);
  const { lastSeen, ...rest } = await toldOf({ originalMaxAge: 7200000, expires });
  assert.deepEqual(rest, { created: now - 9000000, current: false, ip: '::1', userAgent: 'Lynx' });
  assert.ok(Math.abs(lastSeen - (now - 3600000)) < 1500, 'from the expiry and the lifetime');
  assert.ok(Math.abs((await toldOf({ originalMaxAge: null, expires: null })).lastSeen - Date.now()) < 1500, 'from the expiry and the ttl');
  assert.equal((await toldOf({ originalMaxAge: 7200000, expires }, () => 100)).lastSeen, now - 8000000, 'ttl is a function');
});

test('a store of somebody\'s own that makes other keys', async (t) => {
  class OwnStore extends load('connect-redis').RedisStore {
    get(sid, callback) { return super.get(`x${sid}x`, callback); }

    set(sid, data, callback) { return super.set(`x${sid}x`, data, callback); }

    touch(sid, data, callback) { return super.touch(`x${sid}x`, data, callback); }

    destroy(sid, callback) { return super.destroy(sid.startsWith('x') ? sid : `x${sid}x`, callback); }
  }
  const { client, ...setUp } = await newest(t) ?? {};
  if (!client) return;
  const store = keepLoggedOut(new OwnStore({ client, serializer: { parse: JSON.parse, stringify: (data) => Buffer.from(JSON.stringify(data, null, 1)) } }), { user, maxSessions: 2 });
  for (const sid of ['a', 'b', 'c']) await ask(store, 'set', sid, of('ada'));
  await ask(store, 'touch', 'b', of('ada'));
  await agree(setUp, { ada: ['sess:xbx', 'sess:xcx'] });
  assert.deepEqual((await store.sessionsOf('ada', { current: { id: 'b' } })).map(({ current }) => current).sort(), [false, true]);
  assert.equal(await store.endAll('ada', { except: { id: 'b' } }), 1);
  assert.ok(await ask(store, 'get', 'b'));
  await ask(store, 'destroy', 'b');
  await agree(setUp, {});
});

for (const [where, make] of Object.entries({ 'a server': newest, 'a cluster': ofThree })) {
  test(`endAll while fifty requests write: ${where}`, async (t) => {
    const setUp = await make(t) ?? {};
    const { store } = setUp;
    if (!store) return;
    const sids = Array.from({ length: 10 }, (_, i) => `s${i}`);
    await Promise.all(sids.map((sid) => ask(store, 'set', sid, of('ada'))));
    let isOver = false;
    const writers = Array.from({ length: 50 }, async (_, i) => {
      const sid = sids[i % 10];
      for (let n = 0; !isOver; n += 1) {
        const loaded = await ask(store, 'get', sid);
        if (!loaded) return;
        if (i % 3 === 0) await ask(store, 'touch', sid, loaded);
        else if (i % 3 === 1) await ask(store, 'setIfPresent', sid, { ...loaded, n });
        else await ask(store, 'setIfUnchanged', sid, { ...loaded, m: n }, loaded);
      }
    });
    await pause(50);
    assert.equal(await store.endAll('ada', { except: { id: 's3' } }), 9);
    isOver = true;
    await Promise.all(writers);
    await agree(setUp, { ada: ['sess:s3'] });
  });
}

test('endAll also ends a session that gets a new id meanwhile', async (t) => {
  const { store, client, ...setUp } = await newest(t, { maxSessions: 1 }) ?? {};
  if (!store) return;
  const created = Date.now() - 5000;
  await ask(store, 'set', 'a', of('ada', created));
  const { evalSha } = client;
  let isFirst = true;
  client.evalSha = async (sha, options) => {
    if (options.arguments[0] === 'DEL' && isFirst) {
      isFirst = false;
      await ask(store, 'set', 'b', of('ada', created, { renewed: created + 1 }));
      await ask(store, 'set', 'a', makePointer('a', 'b', Date.now() + 60000, 60000));
    }
    return evalSha.call(client, sha, options);
  };
  assert.equal(await store.endAll('ada'), 1);
  await agree(setUp, {});
  assert.ok(await ask(store, 'get', 'a'), 'the pointer is no session');
});

/** Lets each script of a client's wait for what `before` says of its key and its arguments. */
function delayed(client, before) {
  const { sendCommand } = client;
  client.sendCommand = async (...args) => {
    const [, , [, , , key, ...words]] = args;
    await before(key, ...words);
    return sendCommand.apply(client, args);
  };
}

test('in a cluster, a process that dies between the steps leaves an entry, which goes when it is read', async (t) => {
  const setUp = await ofThree(t) ?? {};
  const { store, client, nodes } = setUp;
  if (!store) return;
  await ask(store, 'set', 'a', of('ada'));
  const { sendCommand } = client;
  delayed(client, (key) => { if (key === 'sess:b') throw new Error('died'); });
  await assert.rejects(ask(store, 'set', 'b', of('ada')), /died/);
  client.sendCommand = sendCommand;
  const entries = async () => (await index({ nodes, isLoose: true })).sets.ada;
  assert.deepEqual(await entries(), ['sess:a', 'sess:b']);
  assert.equal((await store.sessionsOf('ada')).length, 1);
  assert.equal(await store.endAll('ada', { except: { id: 'a' } }), 0);
  assert.deepEqual(await entries(), ['sess:a', 'sess:b'], 'a login may be under way');
  await pause(1100);
  assert.deepEqual(await entries(), ['sess:a']);
});

test('in a cluster, a login between its two steps is not forgotten, however slow it is', async (t) => {
  const setUp = await ofThree(t) ?? {};
  const { store, client, nodes } = setUp;
  if (!store) return;
  for (const ms of [300, 1300]) {
    await ask(store, 'destroy', 'a');
    let isFirst = true;
    const { sendCommand } = client;
    delayed(client, async (key) => {
      if (key !== 'sess:a' || !isFirst) return;
      isFirst = false;
      await pause(ms);
    });
    const login = ask(store, 'set', 'a', of('ada'));
    await pause(50);
    for (let i = 0; i < 3; i += 1) assert.deepEqual(await store.sessionsOf('ada'), []);
    await login;
    client.sendCommand = sendCommand;
    await agree({ nodes }, { ada: ['sess:a'] });
    assert.equal((await store.sessionsOf('ada')).length, 1);
  }
  await pause(1100);
  await agree({ nodes }, { ada: ['sess:a'] });
});

test('in a cluster, a logout that is slow does not take out the login after it', async (t) => {
  const setUp = await ofThree(t) ?? {};
  const { store, client, nodes } = setUp;
  if (!store) return;
  await ask(store, 'set', 'a', of('ada'));
  const { sendCommand } = client;
  let release;
  const held = new Promise((resolve) => {
    delayed(client, (key, ...words) => {
      if (!key.includes(':users:') || words.length !== 1) return;
      return new Promise((go) => {
        release = go;
        resolve();
      });
    });
  });
  const destroyed = ask(store, 'destroy', 'a');
  await held;
  await ask(store, 'set', 'a', of('ada'));
  release();
  await destroyed;
  client.sendCommand = sendCommand;
  await agree({ nodes }, { ada: ['sess:a'] });
});

test('in a cluster, the sets are right after any interleaving', async (t) => {
  const setUp = await ofThree(t, '10', 'redis, cluster', { maxSessions: 3 }) ?? {};
  const { store, client, nodes } = setUp;
  if (!store) return;
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const sids = ['a', 'b', 'c', 'd', 'e'];
  const names = ['ada', 'bob', undefined];
  delayed(client, () => (Math.random() < 0.3 ? pause(Math.random() * 4) : undefined));
  const acts = [
    () => ask(store, 'set', pick(sids), of(pick(names))),
    () => ask(store, 'setIfPresent', pick(sids), of(pick(names))),
    () => ask(store, 'touch', pick(sids), of(pick(names))),
    () => ask(store, 'destroy', pick(sids)),
    () => store.sessionsOf(pick(['ada', 'bob'])),
    () => store.end(pick(['ada', 'bob']), handleOf(pick(sids))),
    () => (Math.random() < 0.2 ? store.endAll(pick(['ada', 'bob'])) : undefined),
  ];
  for (let round = 0; round < 15; round += 1) {
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 12; i += 1) await pick(acts)();
    }));
    const { records, sets } = await index({ nodes, isLoose: true });
    for (const [name, keys] of Object.entries(records)) {
      assert.deepEqual(keys.filter((key) => !(sets[name] ?? []).includes(key)), [], `no session of ${name} is forgotten`);
    }
  }
  await Promise.all([store.sessionsOf('ada'), store.sessionsOf('bob')]);
  await pause(1200);
  await agree({ nodes });
});

test('what is wrong is an error, and leaves what is stored as it was', async (t) => {
  const { store, client, plain } = await newest(t, { user: ({ user: name }) => { if (name === 'x') throw new Error('thrown'); return name; } }) ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', of('ada'));
  const before = await plain.get('sess:a');
  for (const [wrong, message] of [['x', /thrown/], [7, /must return undefined, or a text/], ['y'.repeat(256), /1 to 255/], [{}, /text/]]) {
    for (const method of ['set', 'setIfPresent', 'setIfUnchanged']) {
      await assert.rejects(ask(store, method, 'a', of(wrong), ...method === 'setIfUnchanged' ? [of('ada')] : []), message);
    }
    await assert.rejects(store.set('a', of(wrong)), message);
    // Nobody need look at the promise.
    store.set('a', of(wrong));
  }
  for (const wrong of [undefined, null, 7, '', {}, 'y'.repeat(256)]) {
    for (const method of ['sessionsOf', 'end', 'endAll']) await assert.rejects(store[method](wrong, method === 'end' ? 'x' : {}), TypeError);
  }
  for (const wrong of [null, 'a', {}, { id: 1 }]) {
    await assert.rejects(store.sessionsOf('ada', { current: wrong }), { name: 'TypeError', message: /current must be a session/ });
    await assert.rejects(store.endAll('ada', { except: wrong }), { name: 'TypeError', message: /except must be a session/ });
  }
  for (const wrong of [undefined, null, 7, '', 'a', 'x'.repeat(1e5), {}]) assert.equal(await store.end('ada', wrong), 0);
  assert.equal(await plain.get('sess:a'), before);

  assert.throws(() => keepLoggedOut(store), { name: 'TypeError', message: /has wrapped this store already/ });
  assert.throws(() => keepLoggedOut(stores[10]({ client }), { user: 7 }), { name: 'TypeError', message: /user option/ });
  assert.throws(() => keepLoggedOut(stores[10]({ client }), client, { maxSessions: 2 }), { name: 'TypeError', message: /needs the option user/ });
  for (const stringify of [(data) => btoa(JSON.stringify(data)), ({ cookie }) => JSON.stringify({ cookie }), () => undefined, () => { throw new Error(); }]) {
    assert.throws(() => keepLoggedOut(stores[10]({ client, serializer: { stringify, parse: JSON.parse } }), { user }), { name: 'TypeError', message: /a serializer .* that writes the session as JSON/ });
  }
  class Leaving extends load('connect-redis').RedisStore {
    set(sid, { cookie }, callback) { return super.set(sid, { cookie }, callback); }
  }
  await assert.rejects(ask(keepLoggedOut(new Leaving({ client }), { user }), 'set', 'a', of('ada')), /the user in the record/);
  assert.equal(await plain.get('sess:a'), before);
});

test('without the option user the store is as it was', async (t) => {
  const { client } = await connect(t, 'redis') ?? {};
  if (!client) return;
  const store = keepLoggedOut(stores[10]({ client }), client, { user: undefined });
  assert.deepEqual(Object.keys(Object.getOwnPropertyDescriptors(store)).filter((name) => typeof store[name] === 'function').sort(), ['all', 'setIfPresent', 'setIfUnchanged']);
  await ask(store, 'set', 'a', session({ user: 'ada' }));
  assert.deepEqual(await client.keys('*'), ['sess:a']);
  assert.equal(JSON.parse(await client.get('sess:a'))._meta, undefined);
});

test('an app: two devices, and the other one is logged out', async (t) => {
  const { store, ...setUp } = await newest(t) ?? {};
  if (!store) return;
  const app = await open(t, { options: { store } });
  const login = (req, res) => req.session.regenerate((error) => {
    req.session.user = 'ada';
    res.end(String(error));
  });
  await app.visit(login);
  const other = app.jar.header;
  app.jar.clear?.();
  await app.visit(login, { cookie: '' });
  const { body } = await app.visit(async (req, res) => {
    const list = await store.sessionsOf('ada', { current: req.session });
    const ended = await store.endAll('ada', { except: req.session });
    res.end(JSON.stringify([list.map(({ current }) => current), ended]));
  });
  assert.deepEqual(JSON.parse(body), [[true, false], 1]);
  const { body: user2 } = await app.visit((req, res) => { res.end(String(req.session.user)); }, { cookie: other });
  assert.equal(user2, 'undefined');
  assert.deepEqual(app.errors, []);
  await agree(setUp);
});
