'use strict';

/** What docs/features.md says of time: the store calls that the options cost, and the traps. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { root } = require('./blocks');
const { clock, ledger, open, read, write } = require('../compat/app');
const { session } = require('../subject');
const { engineOf } = require('../../session/store/engine-of');
const { temporaryFolder } = require('../../test-kit/folder');
const { cookieOf } = require('../../test-kit/jar');

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The data of a record, without what `setIfUnchanged` does not compare. */
const compared = ({ cookie: _, _meta, ...data }) => JSON.stringify(data);

/** A ledger with one of the optional methods more, or both. */
function withMethods(...names) {
  const store = ledger();
  const methods = {
    setIfPresent(sid, record, callback) {
      store.calls.push('setIfPresent');
      if (store.data.has(sid)) store.data.set(sid, JSON.stringify(record));
      setImmediate(callback);
    },
    setIfUnchanged(sid, record, loaded, callback) {
      store.calls.push('setIfUnchanged');
      const isSame = store.data.has(sid) && compared(JSON.parse(store.data.get(sid))) === compared(loaded);
      if (isSame) store.data.set(sid, JSON.stringify(record));
      setImmediate(callback, null, isSame);
    },
  };
  for (const name of names) store[name] = methods[name];
  return store;
}

/** A ledger whose `touch` writes the cookie into the record. */
function rewriting() {
  const store = ledger();
  const { touch } = store;
  store.touch = (sid, { cookie }, callback) => {
    const text = store.data.get(sid);
    if (text) store.data.set(sid, JSON.stringify({ ...JSON.parse(text), cookie }));
    touch(sid, undefined, callback);
  };
  return store;
}

/** A store of ours that counts what its engine writes. */
function counted(store) {
  store.calls = [];
  store.take = () => store.calls.splice(0);
  const engine = engineOf(store);
  for (const [name, called] of [['write', 'set'], ['touch', 'touch'], ['renew', 'touch'], ['saveIfUnchanged', 'setIfUnchanged']]) {
    const method = engine[name];
    engine[name] = function (...args) {
      store.calls.push(called);
      return method.apply(this, args);
    };
  }
  return store;
}

const stores = {
  plain: () => ledger(),
  untouched: () => ledger({ touch: false }),
  rewriting,
  present: () => withMethods('setIfPresent'),
  atomic: () => withMethods('setIfPresent', 'setIfUnchanged'),
  memory: () => counted(new session.MemoryStore()),
  disk: () => counted(new session.DiskStore({ path: path.join(temporaryFolder('time'), 'a.db'), touchAfter: 0, ttl: 24 * HOUR })),
};

/** How often each method of a store is called in half an hour, in which a session is read each 20 seconds. */
async function count(t, store, options) {
  const time = clock(t, Date.now());
  const app = await open(t, { options: { store, ...options } });
  await app.visit(write);
  store.take();
  const calls = {};
  for (let at = 0; at < 30 * MINUTE; at += 20 * SECOND) {
    time.tick(20 * SECOND);
    assert.equal((await app.visit(read)).body, '1');
    for (const call of store.take()) calls[call] = (calls[call] ?? 0) + 1;
  }
  return calls;
}

const idleTimeout = 15 * MINUTE;
const cookie = { maxAge: HOUR };

/** The options, and the calls by store. 90 requests read the session. */
const costs = [
  [{}, {
    plain: { get: 90, touch: 90 }, untouched: { get: 90 }, rewriting: { get: 90, touch: 90 },
    present: { get: 90, touch: 90 }, atomic: { get: 90, touch: 90 }, memory: {}, disk: { touch: 90 },
  }],
  [{ absoluteTimeout: HOUR }, { plain: { get: 90, touch: 90 }, untouched: { get: 90 }, atomic: { get: 90, touch: 90 }, memory: {}, disk: { touch: 90 } }],
  // Once in a minute.
  [{ touchAfter: MINUTE }, { plain: { get: 90, touch: 30 }, untouched: { get: 90 }, atomic: { get: 90, touch: 30 }, memory: {}, disk: { touch: 30 } }],
  // Once in 90 seconds, of which each fifth visit is the first; in ours after 9 seconds, so each time.
  [{ idleTimeout }, {
    plain: { get: 108, touch: 72, set: 18 }, untouched: { get: 108, set: 18 }, rewriting: { get: 108, touch: 72, set: 18 },
    present: { get: 108, touch: 72, setIfPresent: 18 }, atomic: { get: 90, touch: 72, setIfUnchanged: 18 },
    memory: { setIfUnchanged: 90 }, disk: { setIfUnchanged: 90 },
  }],
  [{ idleTimeout, cookie }, {
    plain: { get: 108, touch: 72, set: 18 }, rewriting: { get: 90, touch: 90 }, atomic: { get: 90, touch: 72, setIfUnchanged: 18 },
    memory: { touch: 90 }, disk: { touch: 90 },
  }],
  // The larger of 5 minutes and 90 seconds.
  [{ idleTimeout, touchAfter: 5 * MINUTE }, { plain: { get: 96, set: 6 }, atomic: { get: 90, setIfUnchanged: 6 }, memory: { setIfUnchanged: 6 } }],
  // Three new ids, of which the last one is not seen yet. No request comes in the 5 seconds before.
  [{ renewAfter: 10 * MINUTE }, {
    plain: { get: 92, touch: 88, set: 3 * 2 + 2 }, untouched: { get: 92, set: 3 * 2 + 2 },
    present: { get: 92, touch: 88, set: 3, setIfPresent: 3 + 2 }, atomic: { get: 90, touch: 88, set: 3, setIfUnchanged: 3 + 2 },
  }],
];

for (const [options, expected] of costs) {
  for (const [name, calls] of Object.entries(expected)) {
    test(`what ${JSON.stringify(options)} costs: ${name}`, async (t) => {
      assert.deepEqual(await count(t, stores[name](), options), calls);
    });
  }
}

test('a session that gets no GET: each touch asks before, when a new id is due', async (t) => {
  const time = clock(t, Date.now());
  const store = stores.plain();
  const app = await open(t, { options: { store, renewAfter: 2 * MINUTE } });
  await app.visit(write);
  const seen = [];
  for (const ms of [114 * SECOND, 2 * SECOND, 10 * MINUTE]) {
    time.tick(ms);
    store.take();
    await app.visit(read, { method: 'POST' });
    seen.push(store.take().join());
  }
  assert.deepEqual(seen, ['get,touch', 'get,get,touch', 'get,get,touch']);
});

test('touchAfter: another process touches for itself, and too much of it is an error', async (t) => {
  const [one, other] = [stores.plain(), stores.plain()];
  other.data = one.data;
  other.get = (sid, callback) => setImmediate(callback, null, JSON.parse(one.data.get(sid)));
  const options = { touchAfter: MINUTE };
  const first = await open(t, { options: { store: one, ...options } });
  const second = await open(t, { options: { store: other, ...options } });
  await first.visit(write);
  await first.visit(read);
  await second.visit(read, { cookie: first.jar.header });
  assert.deepEqual([one.take(), other.take()], [['set', 'get'], ['touch']]);
  for (const wrong of [{ touchAfter: 31 * MINUTE, cookie }, { touchAfter: 8 * MINUTE, idleTimeout }]) {
    assert.throws(() => session({ secret: 'x', resave: false, saveUninitialized: false, ...wrong }), TypeError);
  }
});

test('touchAfter: with rolling, a store without touch gets the cookie sent each time', async (t) => {
  const time = clock(t, Date.now());
  const store = stores.untouched();
  const app = await open(t, { options: { store, rolling: true, touchAfter: MINUTE, cookie } });
  await app.visit(write);
  time.tick(2 * MINUTE);
  for (let i = 0; i < 3; i++) assert.equal((await app.visit(read)).cookies.length, 1);
});

const times = { idleTimeout: 10 * MINUTE, absoluteTimeout: HOUR };

for (const name of ['plain', 'memory']) {
  test(`_meta is shown, and is no data (${name})`, async (t) => {
    const time = clock(t, Date.now());
    const began = Date.now();
    const store = stores[name]();
    const app = await open(t, { options: { store, ...times, saveUninitialized: true } });
    assert.equal((await app.visit((req, res) => { res.end(String(req.session._meta)); })).body, 'undefined');
    assert.equal(app.jar.size, 1);
    time.tick(MINUTE / 2);
    store.take();
    const changed = await app.visit((req, res) => {
      const shown = { ...req.session._meta };
      req.session._meta = { created: began + HOUR, renewed: 1, seen: 2 };
      res.end();
      return shown;
    });
    assert.deepEqual(changed.value, { created: began, renewed: began, seen: began });
    assert.deepEqual(changed.cookies, []);
    assert.ok(!store.take().includes('set'));
    time.tick(MINUTE / 2);
    await app.visit((req, res) => { delete req.session._meta; req.session.n = 1; res.end(); });
    const { value } = await app.visit((req, res) => { res.end(); return { ...req.session._meta }; });
    assert.deepEqual(value, { created: began, renewed: began, seen: began + MINUTE });
  });
}

test('a session that is empty but for _meta is not saved without saveUninitialized', async (t) => {
  const store = stores.plain();
  const app = await open(t, { options: { store, ...times } });
  const { cookies } = await app.visit((req, res) => { req.session._meta = { created: 1 }; res.end(); });
  assert.deepEqual([cookies, store.take()], [[], []]);
});

test('sessions from before begin when they are seen, and _meta is ignored without the options', async (t) => {
  const time = clock(t, Date.now());
  const store = stores.plain();
  const before = await open(t, { options: { store } });
  await before.visit(write);
  time.tick(5 * HOUR);
  const app = await open(t, { options: { store, ...times } });
  const visit = () => app.visit(read, { cookie: before.jar.header });
  assert.equal((await visit()).body, '1');
  time.tick(9 * MINUTE);
  assert.equal((await visit()).body, '1');
  assert.match([...store.data.values()].join(), /"_meta":\{"created"/);
  time.tick(5 * HOUR);
  assert.equal((await before.visit(read)).body, '1');
  assert.equal((await visit()).body, 'undefined');
  assert.equal(store.data.size, 0);
});

for (const [name, part] of [['plain', 1 / 10], ['atomic', 1 / 10], ['memory', 1 / 100]]) {
  test(`idleTimeout ends a session too early by ${part} of it at most, and never too late (${name})`, async (t) => {
    const time = clock(t, Date.now());
    for (const last of [part / 2, part * 0.99, part, part * 1.5].map((each) => each * times.idleTimeout)) {
      for (const [wait, body] of [[(1 - part) * times.idleTimeout - 1, '1'], [times.idleTimeout, 'undefined']]) {
        const app = await open(t, { options: { store: stores[name](), ...times } });
        await app.visit(write);
        time.tick(last);
        await app.visit(read);
        time.tick(wait);
        assert.equal((await app.visit(read)).body, body, `${last}, ${wait}`);
      }
    }
  });

  test(`idleTimeout: polls with touch(false) are no use, also those that write (${name})`, async (t) => {
    const time = clock(t, Date.now());
    const app = await open(t, { options: { store: stores[name](), ...times } });
    await app.visit(write);
    const poll = (req, res) => {
      req.session.touch(false);
      req.session.polls = (req.session.polls ?? 0) + 1;
      res.end(String(req.session.n));
    };
    for (let i = 0; i < 9; i++) {
      time.tick(MINUTE);
      assert.equal((await app.visit(poll)).body, '1');
    }
    time.tick(MINUTE);
    assert.equal((await app.visit(poll)).body, 'undefined');
  });

  test(`absoluteTimeout: regenerate begins anew, keep does not (${name})`, async (t) => {
    for (const [argument, body] of [[undefined, '2'], [{ keep: true }, 'undefined']]) {
      const time = clock(t, Date.now());
      const app = await open(t, { options: { store: stores[name](), absoluteTimeout: HOUR } });
      await app.visit(write);
      time.tick(59 * MINUTE);
      await app.visit(async (req, res) => { await req.session.regenerate(argument); req.session.n = 2; res.end(); });
      time.tick(2 * MINUTE);
      assert.equal((await app.visit(read)).body, body);
    }
  });
}

const renewAfter = HOUR;
const idOf = (req, res) => { res.end(req.session.id); };

for (const name of ['plain', 'atomic', 'memory', 'disk']) {
  test(`renewAfter: GET renews, POST does not; either id ends both; the store has a pointer (${name})`, async (t) => {
    const time = clock(t, Date.now());
    const store = stores[name]();
    const app = await open(t, { options: { store, renewAfter } });
    const { body: first } = await app.visit((req, res) => { req.session.n = 1; idOf(req, res); });
    const old = app.jar.header;
    time.tick(HOUR);
    assert.equal((await app.visit(idOf, { method: 'POST' })).body, first);
    const { body: second, cookies } = await app.visit(idOf);
    assert.notEqual(second, first);
    assert.equal(cookies.length, 1);
    // The response was lost, or not.
    assert.deepEqual([(await app.visit(idOf, { cookie: old })).cookies.length, (await app.visit(idOf)).cookies.length], [1, 0]);
    const late = await app.visit(idOf, { cookie: old });
    assert.deepEqual([late.body, late.cookies.length], [second, 0]);
    if (store.data) {
      const keys = Array.from(store.data.values(), (text) => Object.keys(JSON.parse(text)).sort().join());
      assert.deepEqual(keys.sort(), ['_meta,cookie', '_meta,cookie,n']);
    }
    await app.visit((req, res) => { req.session.destroy(() => res.end()); }, { cookie: old });
    for (const sent of [old, app.jar.header]) assert.equal((await app.visit(read, { cookie: sent })).body, 'undefined');
  });

  test(`renewAfter: what holds the session longer than the grace does not find it (${name})`, async (t) => {
    const time = clock(t, Date.now());
    const app = await open(t, { options: { store: stores[name](), renewAfter } });
    const { value: held } = await app.visit((req, res) => { req.session.n = 1; res.end(); return req.session; });
    time.tick(HOUR);
    await app.visit(write);
    await held.reload();
    assert.equal(held.req.session.n, 2);
    const { value: other } = await app.visit((req, res) => { res.end(); return req.session; });
    time.tick(HOUR);
    await app.visit(read);
    time.tick(MINUTE);
    await assert.rejects(other.reload(), /failed to load session/);
  });
}

for (const name of ['plain', 'rewriting', 'atomic', 'memory', 'disk']) {
  test(`renewAfter: a new id is no use for a poll with touch(false), and one for other requests (${name})`, async (t) => {
    const poll = (req, res) => { req.session.touch(false); read(req, res); };
    for (const [handler, more, body] of [[poll, {}, 'undefined'], [poll, { cookie }, 'undefined'], [read, {}, '1'], [read, { cookie }, '1']]) {
      const time = clock(t, Date.now());
      const app = await open(t, { options: { store: stores[name](), renewAfter: 6 * MINUTE, idleTimeout: 10 * MINUTE, ...more } });
      await app.visit(write);
      const old = app.jar.header;
      time.tick(9 * MINUTE);
      assert.equal((await app.visit(handler)).body, '1');
      assert.notEqual(app.jar.header, old);
      time.tick(2 * MINUTE);
      assert.equal((await app.visit(handler)).body, body, `${handler.name} ${JSON.stringify(more)}`);
    }
  });
}

for (const [name, isKept] of [['plain', false], ['present', false], ['atomic', true], ['memory', true], ['disk', true]]) {
  test(`renewAfter: a request that ends after the renewal ${isKept ? 'changes the renewed session' : 'brings the old record back'} (${name})`, async (t) => {
    const time = clock(t, Date.now());
    const app = await open(t, { options: { store: stores[name](), renewAfter } });
    await app.visit((req, res) => { req.session.n = 1; res.end(); });
    const old = app.jar.header;
    time.tick(HOUR - 10 * SECOND);
    let end;
    const hasBegun = new Promise((begun) => {
      const slow = app.visit((req, res) => { begun(); return new Promise((resolve) => { end = () => { req.session.n = 'late'; res.end(); resolve(); return slow; }; }); });
    });
    await hasBegun;
    time.tick(20 * SECOND);
    await app.visit(read);
    const renewed = app.jar.header;
    assert.notEqual(renewed, old);
    await end();
    time.tick(MINUTE);
    const found = [(await app.visit(read, { cookie: renewed })).body, (await app.visit(read, { cookie: old })).body];
    assert.deepEqual(found, isKept ? ['late', 'undefined'] : ['1', 'late']);
  });
}

test('renewAfter: what ends after the grace is lost, and brings nothing back', async (t) => {
  for (const name of ['atomic', 'memory', 'disk']) {
    const time = clock(t, Date.now());
    const app = await open(t, { options: { store: stores[name](), renewAfter, renewGrace: 5 * SECOND } });
    const { value: held } = await app.visit((req, res) => { req.session.n = 1; res.end(); return req.session; });
    const old = app.jar.header;
    time.tick(HOUR);
    await app.visit(read);
    time.tick(6 * SECOND);
    held.n = 'late';
    await held.save();
    const found = [(await app.visit(read)).body, (await app.visit(read, { cookie: old })).body];
    assert.deepEqual(found, ['1', 'undefined'], name);
  }
});

test('renewAfter: parallel requests get one new id, or several where the store has no setIfUnchanged', async (t) => {
  for (const [name, least, most] of [['plain', 2, 5], ['atomic', 1, 1], ['memory', 1, 1], ['disk', 1, 1]]) {
    const time = clock(t, Date.now());
    const app = await open(t, { options: { store: stores[name](), renewAfter } });
    await app.visit(write);
    const old = app.jar.header;
    time.tick(HOUR);
    const answers = await Promise.all(Array.from({ length: 5 }, () => app.visit(idOf, { cookie: old })));
    const ids = new Set(answers.map(({ body }) => body));
    assert.ok(ids.size >= least && ids.size <= most, `${name}: ${ids.size}`);
    for (const { cookies: [header] } of answers) assert.equal((await app.visit(read, { cookie: cookieOf(header) })).body, '1', name);
  }
});

test('renewAfter: a destroy of the store by the old id does not end the session', async (t) => {
  for (const name of ['plain', 'atomic', 'memory', 'disk']) {
    const time = clock(t, Date.now());
    const store = stores[name]();
    const app = await open(t, { options: { store, renewAfter } });
    const { body: old } = await app.visit((req, res) => { req.session.n = 1; idOf(req, res); });
    time.tick(HOUR);
    await app.visit(read);
    await new Promise((resolve) => { store.destroy(old, resolve); });
    assert.equal((await app.visit(read)).body, '1', name);
  }
});

test('renewAfter: a store that fails leaves the id, and a later request renews', async (t) => {
  const time = clock(t, Date.now());
  const store = stores.atomic();
  const app = await open(t, { options: { store, renewAfter } });
  await app.visit(write);
  const old = app.jar.header;
  time.tick(HOUR);
  store.fails.set = new Error('down');
  assert.deepEqual([(await app.visit(read)).body, app.jar.header], ['1', old]);
  delete store.fails.set;
  assert.equal((await app.visit(read)).body, '1');
  assert.notEqual(app.jar.header, old);
});

test('the options, and what they count from, are in one table', () => {
  const text = fs.readFileSync(path.join(root, 'docs', 'features.md'), 'utf8');
  for (const name of ['touchAfter', 'idleTimeout', 'absoluteTimeout', 'renewAfter', 'renewGrace']) {
    assert.match(text, new RegExp(`^\\| \\[\`${name}\`\\]`, 'm'));
  }
});
