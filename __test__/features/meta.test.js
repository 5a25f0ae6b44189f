'use strict';

/**
 * The reserved key `_meta` of the session's data: whatever stands there in the store, or a
 * program does to it, nothing fails, no session lives longer, and nothing is stored or sent for it.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { ledger, open, original, read, write } = require('../compat/app');
const { session } = require('../subject');
const { MINUTE, START, end, loggedIn, meta, started, stores } = require('./ends/app');

const IDLE = 10 * MINUTE;
const ABSOLUTE = 60 * MINUTE;
const options = { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE };
const valid = { created: START, renewed: START, seen: START };
const poll = end((req) => { req.session.touch(false); });

/** Puts a `_meta` into the only session of a store. */
async function put(store, value) {
  const [[sid, { cookie, ...data }]] = Object.entries(await meta.all(store));
  const one = { cookie, ...data, _meta: value };
  if (store.live) {
    store.live.set(sid, one);
    return;
  }
  if (store.data) {
    store.data.set(sid, JSON.stringify(one));
    return;
  }
  await new Promise((resolve, reject) => { store.set(sid, one, (error) => (error ? reject(error) : resolve())); });
}

/** What may stand there, and is no `_meta` of ours. */
const shapes = {
  'nothing': undefined, 'null': null, 'true': true, 'a text': 'created', 'an empty text': '', 'a number': START, 'an array': [START, START, START],
  'an empty object': {}, 'an array with the fields': [{ ...valid }], 'nested': { _meta: valid },
  'a created that is null, as NaN is in JSON': { ...valid, created: NaN }, 'an infinite created': { ...valid, created: -Infinity },
  'a created that is a text': { ...valid, created: String(START) }, 'a created that is negative': { ...valid, created: -1 },
  'a created in the future': { ...valid, created: START + 100 * MINUTE }, 'a created in the far future': { ...valid, created: 1e300 },
  'a created that is an object': { ...valid, created: { valueOf: START } }, 'a created that is an array': { ...valid, created: [START] },
  'no created': { renewed: START, seen: START }, 'a megabyte': { text: 'x'.repeat(1 << 20) },
};

for (const [name, makeStore] of Object.entries(stores)) {
  for (const [shape, value] of Object.entries(shapes)) {
    test(`a stored session is first seen now with ${shape}: ${name}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, options);
      await put(store, value);
      time.tick(MINUTE);
      assert.equal((await app.visit(poll)).body, '1');
      const now = START + MINUTE;
      assert.deepEqual(await meta(store), { created: now, renewed: now, seen: now }, 'which is written, and nothing else stays');
      time.tick(IDLE - 1);
      assert.equal((await app.visit(poll)).body, '1');
      time.tick(1);
      assert.equal((await app.visit(poll)).body, 'undefined');
      assert.deepEqual(app.errors, []);
    });
  }

  for (const [field, value] of [['seen', null], ['seen', START + 2 * MINUTE], ['seen', 1e300], ['seen', -1], ['seen', 'x'], ['renewed', START + 1000 * MINUTE], ['renewed', undefined]]) {
    test(`a wrong ${field} does not hide when the session began: ${value}: ${name}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, options);
      await put(store, { ...valid, [field]: value });
      time.tick(MINUTE);
      const now = START + MINUTE;
      assert.equal((await app.visit(poll)).body, '1');
      assert.deepEqual(await meta(store), { ...valid, [field]: now }, 'a poll must not let it stand');
      time.setTime(field === 'seen' ? now + IDLE - 1 : START + IDLE - 1);
      assert.equal((await app.visit(poll)).body, '1');
      time.tick(1);
      assert.equal((await app.visit(poll)).body, 'undefined');
    });
  }

  test(`what this package keeps there beside the times stays: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, options);
    await put(store, { ...valid, version: 7, agent: 'x', junk: { deep: [1] }, next: 'r1:no-pointer', ip: { not: 'a text' } });
    time.tick(5 * MINUTE);
    await app.visit(read);
    assert.deepEqual(await meta(store), { ...valid, seen: START + 5 * MINUTE, version: 7, agent: 'x' });
    await app.visit(write);
    assert.deepEqual(await meta(store), { ...valid, seen: START + 5 * MINUTE, version: 7, agent: 'x' });
  });

  /** What a program may do to it. */
  const acts = {
    'deletes it': (req) => { delete req.session._meta; },
    'replaces it': (req) => { req.session._meta = { created: START + 1000, seen: 1e15 }; },
    'assigns a text': (req) => { req.session._meta = 'x'; },
    'changes it in place': (req) => { if (req.session._meta) Object.assign(req.session._meta, { created: START + 1000, version: {} }); },
    'copies a form': (req) => { Object.assign(req.session, JSON.parse('{"_meta":{"created":4000000000000,"seen":4000000000000}}')); },
    'defines it': (req) => { Object.defineProperty(req.session, '_meta', { value: 1, enumerable: true, configurable: false, writable: false }); },
    'hides it': (req) => { Object.defineProperty(req.session, '_meta', { value: 1, enumerable: false, configurable: false, writable: false }); },
    'defines an accessor': (req) => { Object.defineProperty(req.session, '_meta', { get() { throw new Error('read'); }, enumerable: true, configurable: true }); },
    'defines an accessor for ever': (req) => { Object.defineProperty(req.session, '_meta', { get() { throw new Error('read'); }, set() { throw new Error('set'); }, enumerable: true, configurable: false }); },
    'puts a BigInt there': (req) => { req.session._meta = { created: 1n }; },
    'puts a cycle there': (req) => { req.session._meta = { own: req.session }; },
    'freezes it': (req) => { if (req.session._meta) Object.freeze(req.session._meta); },
  };

  for (const [act, use] of Object.entries(acts)) {
    test(`a program ${act}: ${name}`, async (t) => {
      const { app, store, time, record } = await loggedIn(t, makeStore, { ...options, cookie: { maxAge: 1000 * MINUTE } });
      time.tick(1);
      const before = await record();
      store.take?.();
      const { body, cookies } = await app.visit(end(use));
      assert.deepEqual([body, cookies], ['1', []], 'no cookie');
      if (store.take) assert.deepEqual(store.take(), ['get', 'touch'], 'no save');
      const after = await record();
      assert.deepEqual({ ...after, cookie: 0 }, { ...before, cookie: 0 }, 'nothing is changed');

      time.tick(MINUTE);
      await app.visit(end((req) => { use(req); req.session.n = 2; }));
      assert.deepEqual([(await record()).n, await meta(store)], [2, { ...valid, seen: START + MINUTE + 1 }], 'in a session that is saved');
      time.tick(MINUTE);
      await app.visit(end(async (req) => { use(req); await req.session.save(); }));
      assert.deepEqual(await meta(store), { ...valid, seen: START + 2 * MINUTE + 1 }, 'in one that the program saves');
      time.tick(5 * MINUTE);
      await app.visit(end((req) => { use(req); }));
      time.setTime(START + ABSOLUTE - 1);
      assert.deepEqual(app.errors, []);
    });

    test(`a new session of a program that ${act}: ${name}`, async (t) => {
      started(t);
      const store = makeStore();
      const app = await open(t, { options: { store, ...options } });
      const { cookies } = await app.visit(end(use));
      assert.deepEqual([cookies, await meta.all(store)], [[], {}], 'it is uninitialized');
      await app.visit(end((req) => { use(req); req.session.n = 1; }));
      assert.deepEqual(await meta(store), valid);
    });
  }

  /** What a program may do to the session, so that it refuses or hides a property. */
  const sessions = {
    'freezes the session': (req) => { Object.freeze(req.session); },
    'seals the session': (req) => { Object.seal(req.session); },
    'lets the session grow no more': (req) => { delete req.session._meta; Object.preventExtensions(req.session); },
    'gives it a toJSON': (req) => { const { n, cookie } = req.session; req.session.toJSON = () => ({ cookie, n, at: 1 }); },
    'gives it a hidden toJSON that returns itself': (req) => { Object.defineProperty(req.session, 'toJSON', { value() { return this; } }); },
    'replaces it by a Proxy': (req) => { req.session = new Proxy(req.session, {}); },
    'replaces it by a Proxy that refuses unknown keys': (req) => {
      const known = (key) => { if (key === '_meta') throw new Error('unknown'); return true; };
      req.session = new Proxy(req.session, {
        defineProperty: (target, key, how) => known(key) && Reflect.defineProperty(target, key, how),
        deleteProperty: (target, key) => known(key) && Reflect.deleteProperty(target, key),
      });
    },
    'replaces it by an heir': (req) => { const { session: old } = req; req.session = Object.assign(Object.create(old), { cookie: old.cookie, ...old }); },
    'replaces it by a clone': (req) => { const { session: old } = req; req.session = Object.create(Object.getPrototypeOf(old), Object.getOwnPropertyDescriptors(old)); },
  };

  for (const [act, use] of Object.entries(sessions)) {
    test(`a program ${act}: ${name}`, async (t) => {
      const { app, store, time, record } = await loggedIn(t, makeStore, options);
      time.tick(MINUTE);
      await app.visit(end((req) => { req.session.n = 2; use(req); }));
      assert.deepEqual([(await record()).n, await meta(store)], [2, { ...valid, seen: START + MINUTE }]);
      time.tick(MINUTE);
      await app.visit(end(async (req) => { req.session.n = 3; use(req); await req.session.save(); }));
      assert.deepEqual([(await record()).n, await meta(store)], [3, { ...valid, seen: START + 2 * MINUTE }]);
      time.tick(5 * MINUTE);
      await app.visit(end((req) => { use(req); }));
      assert.deepEqual([(await record()).n, await meta(store)], [3, { ...valid, seen: START + 7 * MINUTE }], 'without a change');
      time.setTime(START + 7 * MINUTE + IDLE);
      assert.equal((await app.visit(read)).body, 'undefined');
      assert.deepEqual(app.errors, []);
    });
  }

  test(`a session that is replaced by a plain object: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, options);
    time.tick(MINUTE);
    await app.visit((req, res) => {
      const { session: old } = req;
      req.session = { ...old, cookie: old.cookie, n: 5, save: old.save, reload: old.reload, touch: old.touch, resetMaxAge: old.resetMaxAge, req, id: old.id };
      Object.defineProperty(req.session, 'req', { value: req, enumerable: false });
      res.end();
    });
    const [one] = Object.values(await meta.all(store));
    assert.equal(one.n, 5);
    assert.deepEqual(one._meta, { ...valid, seen: START + MINUTE });
  });

  test(`switched off again, it is data: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, options);
    const { header: cookie } = app.jar;
    const off = await open(t, { options: { store } });
    time.tick(1000 * MINUTE);
    store.take?.();
    assert.equal((await off.visit(read, { cookie })).body, '1');
    if (store.take) assert.deepEqual(store.take(), ['get', 'touch']);
    assert.deepEqual(await meta(store), valid);
    await off.visit(end((req) => { assert.deepEqual(req.session._meta, valid); req.session._meta.seen = 5; }), { cookie });
    assert.deepEqual(await meta(store), { ...valid, seen: 5 }, 'as every other data');
    await off.visit(end((req) => { delete req.session._meta; }), { cookie });
    assert.equal(await meta(store), undefined);
  });

  test(`it is shown to the program as it was loaded: ${name}`, async (t) => {
    const { app, time } = await loggedIn(t, makeStore, options);
    time.tick(5 * MINUTE);
    await app.visit(end((req) => {
      assert.deepEqual(req.session._meta, valid);
      assert.deepEqual(Object.keys(req.session), ['cookie', 'n', '_meta']);
    }));
    await app.visit(end((req) => { assert.deepEqual(req.session._meta, { ...valid, seen: START + 5 * MINUTE }); }));
  });

  for (const [size, data] of Object.entries({
    'more than 4,096 characters': { text: 'ü"\\'.repeat(5000) },
    'more than 64 keys': Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, { i }])),
    'both': Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, 'x'.repeat(100)])),
    'odd keys': JSON.parse('{"0":"zero","7":{"_meta":{"created":1,"renewed":1,"seen":1}},"__proto__":{"x":1},"constructor":"c","toString":1,"":2,"_meta2":3,"text":"\\",\\"_meta\\":{\\"created\\":1,\\"renewed\\":1,\\"seen\\":1}}"}'),
    'nothing but a nested _meta': { last: { _meta: { created: 1, renewed: 1, seen: 1 } } },
  })) {
    test(`a session of ${size}: ${name}`, async (t) => {
      const fill = (req, res) => {
        for (const [key, value] of Object.entries(data)) Object.defineProperty(req.session, key, { value, enumerable: true, configurable: true, writable: true });
        req.session.n = 1;
        res.end();
      };
      const { app, store, time, record } = await loggedIn(t, makeStore, options, fill);
      const before = await record();
      store.take?.();
      time.tick(1);
      const { body, cookies } = await app.visit(read);
      const kept = !Object.keys(data).includes('constructor');
      assert.equal(body, '1');
      // The keys that every session has are not taken over, which counts as a change, as ever.
      if (store.take && kept) assert.deepEqual(store.take(), ['get', 'touch']);
      if (kept) assert.deepEqual([cookies, { ...(await record()), cookie: 0 }], [[], { ...before, cookie: 0 }]);
      time.tick(5 * MINUTE);
      await app.visit(end((req) => { req.session.n = 2; }));
      const after = await record();
      assert.deepEqual(after._meta, { ...valid, seen: START + 5 * MINUTE + 1 });
      if (kept) assert.deepEqual({ ...after, cookie: 0, _meta: 0 }, { ...before, cookie: 0, n: 2, _meta: 0 });
      time.tick(IDLE);
      assert.equal((await app.visit(read)).body, 'undefined');
    });
  }
}

/** A Proxy on which everything throws. */
function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

test('live objects whose _meta throws', async (t) => {
  for (const value of [
    { get created() { throw new Error('created'); } },
    { created: START, renewed: START, get seen() { throw new Error('seen'); } },
    new Proxy({}, { get() { throw new Error('get'); }, getPrototypeOf() { throw new Error('prototype'); }, ownKeys() { throw new Error('keys'); } }),
    revoked(),
    { created: 1n }, Object.create(null), new Date(START), new Map([['created', START]]), () => {}, Symbol('x'), 5n,
  ]) {
    const { app, store, time } = await loggedIn(t, stores['a store of live objects'], options);
    const [sid] = store.live.keys();
    store.live.get(sid)._meta = value;
    time.tick(MINUTE);
    assert.equal((await app.visit(poll)).body, '1');
    const now = START + MINUTE;
    assert.deepEqual(store.live.get(sid)._meta, { created: now, renewed: now, seen: now });
    assert.deepEqual(app.errors, []);
  }
});

test('a live object whose data throw is an error to next, as ever', async (t) => {
  const { app, store } = await loggedIn(t, stores['a store of live objects'], options);
  const [sid] = store.live.keys();
  Object.defineProperty(store.live.get(sid), '_meta', { get() { throw new Error('thrown by the data'); }, enumerable: true });
  assert.equal((await app.visit(read)).status, 500);
  assert.match(app.errors[0].message, /thrown by the data/);
});

test('the object of the store is not changed by a request that stores nothing', async (t) => {
  const { app, store, time } = await loggedIn(t, stores['a store of live objects'], options);
  const [sid] = store.live.keys();
  store.live.get(sid)._meta = Object.freeze({ ...valid });
  time.tick(1);
  await app.visit(end((req) => { req.session._meta.created = 5; }));
  assert.deepEqual(store.live.get(sid)._meta, valid);
});

test('a stored cookie whose lifetime begins in the future is no use then', async (t) => {
  for (const name of ['MemoryStore', 'another store']) {
    const { app, store, time } = await loggedIn(t, stores[name], options, end((req) => { req.session.n = 1; req.session.cookie.maxAge = 1000 * MINUTE; }));
    const [[sid, { cookie, ...data }]] = Object.entries(await meta.all(store));
    store.set(sid, { ...data, cookie: { ...cookie, originalMaxAge: 500 * MINUTE } });
    time.setTime(START + IDLE);
    assert.equal((await app.visit(read)).body, 'undefined');
  }
});

test('a clock that is some seconds ahead on another machine', async (t) => {
  const { app, store, time } = await loggedIn(t, stores['another store'], options);
  for (const skew of [1, 1000, 5000]) {
    await put(store, { ...valid, seen: START + MINUTE + skew });
    time.setTime(START + MINUTE);
    assert.equal((await app.visit(read)).body, '1');
    assert.deepEqual(await meta(store), { ...valid, seen: START + MINUTE });
  }
});

test('data that no session can be made of are errors as without the options', async (t) => {
  for (const data of ['text', 5, true, [], {}, { cookie: null }, { cookie: 'x', _meta: valid }]) {
    const seen = [];
    for (const more of [{}, options]) {
      started(t);
      const store = ledger();
      const app = await open(t, { options: { store, ...more } });
      await app.visit(write);
      store.get = (sid, callback) => { setImmediate(callback, null, data); };
      const { status, body } = await app.visit(read);
      seen.push([status, body, app.errors.map(String)]);
    }
    assert.deepEqual(seen[1], seen[0]);
  }
});

test('sessions of a class of a program, which stores them itself', async (t) => {
  const time = started(t);
  const store = ledger();
  class Own {
    constructor(req, data) {
      Object.defineProperty(this, 'req', { value: req });
      Object.defineProperty(this, 'id', { value: req.sessionID });
      Object.assign(this, data);
    }

    touch() { this.cookie.maxAge = this.cookie.originalMaxAge; }

    save(callback) { store.set(this.id, this, callback); }

    reload(callback) { callback(); }

    toJSON() { return { cookie: this.cookie, n: this.n }; }
  }
  store.createSession = (req, { cookie, ...data }) => {
    req.session = new Own(req, data);
    req.session.cookie = Object.assign(new original.Cookie(), cookie);
    return req.session;
  };
  const app = await open(t, { options: { store, ...options } });
  await app.visit(write);
  time.tick(5 * MINUTE);
  assert.equal((await app.visit(write)).body, '2');
  assert.deepEqual(await meta(store), { ...valid, seen: START + 5 * MINUTE });
  time.tick(IDLE);
  assert.equal((await app.visit(write)).body, '1');
});

test('a toJSON of all sessions', async (t) => {
  const { app, store, time } = await loggedIn(t, stores.MemoryStore, options);
  session.Session.prototype.toJSON = function toJSON() { const { cookie, n } = this; return { cookie, n }; };
  t.after(() => { delete session.Session.prototype.toJSON; });
  time.tick(MINUTE);
  await app.visit(write);
  assert.deepEqual(await meta(store), { ...valid, seen: START + MINUTE });
});

test('an explicit save of an unchanged session with a toJSON is not followed by another one', async (t) => {
  const { app, store, time } = await loggedIn(t, stores['another store'], options);
  store.take();
  await app.visit(end(async (req) => {
    Object.defineProperty(req.session, 'toJSON', { value() { return { ...this }; } });
    await req.session.save();
    time.tick(1);
  }));
  assert.deepEqual(store.take(), ['get', 'set', 'touch']);
});
