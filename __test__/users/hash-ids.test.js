'use strict';

/**
 * The option `hashIds`: the store gets keys in the place of ids, the program sees ids everywhere, and
 * what was stored under an id is moved. That all else is as without it is shown by the scenarios of
 * features/random.test.js, and by parity/differential.test.js with DIFF_HASH_IDS.
 */

const timers = require('node:timers');

/** How long the package waits, in ms. The timers are replaced before it is loaded. */
let longestWait = 10_000;
const { setTimeout } = timers;
timers.setTimeout = (task, ms, ...args) => setTimeout(task, ms === 10_000 ? longestWait : ms, ...args);
const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { clock, ledger, open } = require('../compat/app');
const { bring, records, stores: plainStores } = require('../features/stores');
const { turn } = require('../parity/differential/turns');
const { isPointer, makePointer } = require('../../session/request/pointer');
const { HashedCalls } = require('../../session/store/hashed-calls');
const { hashedIds } = require('../../session/store/hashed-ids');
const { defineUsers, handleOf, usersOf } = require('../../session/store/users');
const { session } = require('../subject');
const { temporaryFolder } = require('../../test-kit/folder');

const MINUTE = 60_000;
const START = Date.UTC(2030, 0, 1);
const keyOf = (sid) => `h1:${createHash('sha256').update(sid).digest('base64url')}`;
const idIn = (jar) => /^s%3A([\w-]+)\./.exec(jar.get('connect.sid'))?.[1];
const tell = (req) => ({ id: req.session.id, sessionID: req.sessionID, n: req.session.n });
const handler = (act = () => {}) => async (req, res) => {
  const told = await act(req);
  res.end();
  return told;
};
const write = handler((req) => { req.session.n = 1; });
const read = handler(tell);

/** A store in a class of its own, whose data nobody else reaches, as a client of a database has them. */
class PrivateStore extends session.Store {
  #data;
  constructor(data = new Map()) {
    super();
    this.#data = data;
    this.client = { name: 'client' };
  }

  get data() { return this.#data; }
  get size() { return this.#data.size; }
  itself() { return this; }
  async get(sid) { await null; return JSON.parse(this.#data.get(sid) ?? 'null'); }
  async set(sid, sess) { const text = JSON.stringify(sess); await null; this.#data.set(sid, text); }
  async touch(sid, { cookie }) {
    await null;
    if (this.#data.has(sid)) this.#data.set(sid, JSON.stringify({ ...JSON.parse(this.#data.get(sid)), cookie }));
  }

  async destroy(sid) { await null; this.#data.delete(sid); }
  all(callback) { callback(null, Object.fromEntries(this.#data)); }
}
const stores = { ...plainStores, 'a store with private fields and promises': () => new PrivateStore() };

const stored = { cookie: { originalMaxAge: 10 * MINUTE, expires: new Date(START + 5 * MINUTE).toISOString(), httpOnly: true, path: '/' }, n: 7, list: [1] };
const textOf = (data = stored) => JSON.stringify(data);
const asked = (store, method, ...args) => promisify(store[method]).call(store, ...args);

for (const [name, makeStore] of Object.entries(stores)) {
  test(`the program sees ids, and the store none: ${name}`, async (t) => {
    const store = makeStore();
    const seen = new Set();
    const see = async () => {
      const all = await records(store);
      for (const key of Object.keys(all)) assert.match(key, /^h1:[\w-]{43}$/);
      return textOf(all);
    };
    const app = await open(t, { options: { store, hashIds: true, cookie: { maxAge: 10 * MINUTE } } });
    const holdsNoId = async () => {
      seen.add(idIn(app.jar));
      const text = await see();
      for (const id of seen) assert.ok(!text.includes(id));
    };
    await app.visit(write);
    await holdsNoId();
    const [first] = seen;
    assert.deepEqual(Object.keys(await records(store)), [keyOf(first)]);
    assert.deepEqual((await app.visit(read)).value, { id: first, sessionID: first, n: 1 });

    // The store's methods, called by the program with ids.
    const { value: loaded } = await app.visit(handler(async ({ sessionStore, sessionID }) => {
      const found = await new Promise((resolve, reject) => { sessionStore.get(sessionID, (error, data) => (error ? reject(error) : resolve(data))); });
      const revived = await asked(sessionStore, 'load', sessionID);
      return [found.n, revived.n, revived.id, await sessionStore.get('no id at all')];
    }));
    assert.deepEqual(loaded, [1, 1, first, undefined].map((value, index) => (index === 3 ? loaded[3] : value)));
    assert.ok(!loaded[3]);

    await app.visit(handler(async (req) => {
      req.session.n = 2;
      await req.session.save();
      await req.session.reload();
      assert.equal(req.session.n, 2);
      await req.session.regenerate({ keep: ['n'] });
    }));
    await holdsNoId();
    assert.deepEqual(Object.keys(await records(store)), [keyOf(idIn(app.jar))]);
    await app.visit(handler(async (req) => { await req.session.regenerate(); req.session.n = 3; }));
    await holdsNoId();
    assert.deepEqual(Object.keys(await records(store)), [keyOf(idIn(app.jar))]);
    assert.equal(seen.size, 3);
    await app.visit(handler((req) => req.session.destroy()));
    assert.deepEqual(await records(store), {});
  });

  test(`what was stored under an id is moved: ${name}`, async (t) => {
    clock(t, START);
    const store = makeStore();
    const options = { store, cookie: { maxAge: 10 * MINUTE } };
    const before = await open(t, { options });
    await before.visit(write);
    const [[id, record]] = Object.entries(await records(store));
    assert.equal(id, idIn(before.jar));

    const app = await open(t, { options: { ...options, hashIds: true } });
    const visits = await Promise.all(Array.from({ length: 8 }, () => app.visit(read, { cookie: before.jar.header })));
    for (const { value } of visits) assert.deepEqual(value, { id, sessionID: id, n: 1 });
    assert.deepEqual(await records(store), { [keyOf(id)]: record });
  });
}

test('who has stolen a key has no id', async (t) => {
  const store = new session.MemoryStore();
  const key = keyOf('id');
  store.sessions[key] = textOf();
  store.sessions[keyOf('other')] = textOf();
  const app = await open(t, { options: { store, hashIds: true, genid: () => 'new' } });
  for (const sid of [key, keyOf('other'), 'h1:', 'h1:x']) {
    const { value } = await app.visit(handler(({ sessionStore }) => asked(sessionStore, 'get', sid)));
    assert.equal(value, undefined);
  }
  store.sessions['h1:x'] = textOf();
  const wrapper = hashedIds(store);
  assert.equal(await asked(wrapper, 'get', 'h1:x'), undefined);
  await asked(wrapper, 'destroy', 'h1:x');
  await asked(wrapper, 'set', 'h1:x', JSON.parse(textOf()));
  assert.deepEqual(Object.keys(store.sessions), [key, keyOf('other'), 'h1:x', keyOf('h1:x')]);
});

test('the option must be a boolean', () => {
  for (const hashIds of [1, 'true', null, {}]) {
    assert.throws(() => session({ secret: 'x', hashIds, resave: false, saveUninitialized: false }), { name: 'TypeError', message: /hashIds/ });
  }
});

test('a session of a middleware without the option is moved, though both make ids by one generate', async (t) => {
  const store = new session.MemoryStore();
  const plain = await open(t, { options: { store } });
  const app = await open(t, { options: { store, hashIds: true } });
  await plain.visit(write);
  assert.equal((await app.visit(read, { cookie: plain.jar.header })).value.n, 1);
});

test('the wrapper is the store in all that is not about ids', async () => {
  const store = new PrivateStore();
  const wrapper = hashedIds(store);
  assert.ok(wrapper instanceof PrivateStore && wrapper instanceof session.Store);
  assert.equal(wrapper.constructor, PrivateStore);
  assert.equal(wrapper.client, store.client);
  assert.ok('client' in wrapper && Object.hasOwn(wrapper, 'client') && Object.keys(wrapper).includes('client'));
  assert.equal(wrapper.itself(), wrapper);
  assert.equal(wrapper.get, wrapper.get);
  await wrapper.set('id', { cookie: {} });
  assert.equal(wrapper.size, 1);
  assert.deepEqual(Object.keys(await asked(wrapper, 'all')), [keyOf('id')]);

  // Only the methods that the store has, also if it gets or loses them later.
  for (const method of ['setIfPresent', 'setIfUnchanged', 'ids', 'length', 'clear', 'sessionsOf', 'end', 'endAll']) {
    assert.equal(wrapper[method], undefined);
    assert.ok(!(method in wrapper));
    store[method] = (...args) => [store, ...args];
    assert.equal(typeof wrapper[method], 'function');
  }
  assert.deepEqual(wrapper.setIfPresent('id', 1), [store, keyOf('id'), 1]);
  assert.deepEqual(wrapper.setIfUnchanged('id', 1, 2), [store, keyOf('id'), 1, 2]);
  delete store.touch;
  Object.defineProperty(store, 'touch', { value: undefined });
  assert.equal(wrapper.touch, undefined);
  // A method that nobody may replace.
  Object.defineProperty(store, 'get', { value: async (sid) => ({ got: sid }) });
  assert.deepEqual(await wrapper.get('id'), { got: keyOf('id') });
  // A method that returns a promise does so also if it gets a callback.
  const answers = [];
  await wrapper.destroy('id', (...results) => { answers.push(results); });
  assert.deepEqual(answers.length, 1);

  // A class, or another function, that is no method.
  store.Model = class Model { static find() { return this; } };
  assert.equal(wrapper.Model, store.Model);
  store.limit = 3;
  wrapper.limit += 1;
  assert.equal(store.limit, 4);
  delete wrapper.limit;
  assert.ok(!('limit' in store));

  const heard = [];
  assert.equal(wrapper.on('disconnect', () => heard.push('wrapper')), wrapper);
  store.on('disconnect', () => heard.push('store'));
  wrapper.emit('disconnect');
  store.emit('disconnect');
  assert.deepEqual(heard, ['wrapper', 'store', 'wrapper', 'store']);
});

test('methods that a program replaces get keys in the store, and ids in the wrapper', async () => {
  const store = ledger({ sync: true });
  const wrapper = hashedIds(store);
  const got = [];
  const { get } = store;
  store.get = function replaced(sid, callback) { got.push(sid); return get.call(this, sid, callback); };
  const ofWrapper = wrapper.get;
  wrapper.get = function around(sid, callback) { got.push(sid); return ofWrapper.call(this, sid, callback); };
  await asked(wrapper, 'set', 'id', JSON.parse(textOf()));
  got.length = 0;
  assert.equal((await asked(wrapper, 'get', 'id')).n, 7);
  assert.deepEqual(got, ['id', keyOf('id')]);
  assert.equal((await asked(wrapper, 'load', 'id')).id, 'id');
  wrapper.get = ofWrapper;
  got.length = 0;
  await asked(wrapper, 'get', 'id');
  assert.deepEqual(got, [keyOf('id')]);
  // What is put back is no replacement any more.
  const { set } = wrapper;
  wrapper.set = () => {};
  wrapper.set = set;
  store.set = (sid, sess, callback) => callback(null, sid);
  assert.equal(await asked(wrapper, 'set', 'id', {}), keyOf('id'));
});

test('a store\'s own load, regenerate and createSession get ids', async (t) => {
  const calls = [];
  class OwnStore extends session.MemoryStore {
    load(sid, callback) { calls.push(['load', sid]); this.get(sid, callback); }
    regenerate(req, callback) { calls.push(['regenerate', req.sessionID]); super.regenerate(req, callback); }
    createSession(req, data) { calls.push(['createSession', req.sessionID]); return super.createSession(req, data); }
  }
  const store = new OwnStore();
  const app = await open(t, { options: { store, hashIds: true } });
  await app.visit(write);
  const id = idIn(app.jar);
  const { value } = await app.visit(handler(async (req) => {
    const found = await asked(req.sessionStore, 'load', id);
    await req.session.regenerate();
    return found.n;
  }));
  assert.equal(value, 1);
  assert.deepEqual(calls, [['createSession', id], ['load', id], ['regenerate', id]]);
  assert.deepEqual(Object.keys(store.sessions), [keyOf(idIn(app.jar))]);
});

test('the sessions of a user are asked for by id', async () => {
  const store = ledger({ sync: true });
  const calls = [];
  for (const method of ['sessionsOf', 'end', 'endAll']) store[method] = async (...args) => { calls.push([method, ...args]); };
  defineUsers(store, { user: () => 'ann' });
  const wrapper = hashedIds(store);
  assert.equal(usersOf(wrapper), usersOf(store));
  await wrapper.sessionsOf('ann', { current: { id: 'a', n: 1 } });
  await wrapper.endAll('ann', { except: { id: 'b' } });
  await wrapper.sessionsOf('ann');
  await wrapper.endAll('ann', { except: null });
  await wrapper.endAll('ann', { except: undefined });
  await wrapper.end('ann', 'handle');
  assert.deepEqual(calls, [
    ['sessionsOf', 'ann', { current: { id: keyOf('a') } }], ['endAll', 'ann', { except: { id: keyOf('b') } }], ['sessionsOf', 'ann'],
    ['endAll', 'ann', { except: null }], ['endAll', 'ann', { except: undefined }], ['end', 'ann', 'handle'],
  ]);
});

test('two middlewares of a store have one wrapper, and one may be without the option', async (t) => {
  const store = new session.MemoryStore();
  const [one, other, plain] = [true, true, false].map((hashIds) => session({ store, hashIds, secret: 'keyboard', resave: false, saveUninitialized: false }));
  const app = await open(t, { middleware: one, use: [other] });
  await app.visit(write);
  const headers = { cookie: app.jar.header };
  const [a, b, c] = [await bring(one, headers), await bring(other, headers), await bring(plain, headers)];
  assert.equal(a.sessionStore, b.sessionStore);
  assert.equal(c.sessionStore, store);
  assert.deepEqual([a.session.n, b.session.n, c.session.n], [1, 1, undefined]);
  assert.equal(hashedIds(a.sessionStore), a.sessionStore);
});

for (const [name, makeStore] of Object.entries(stores)) {
  test(`a logout during a request is not undone, and a disconnected store is left alone: ${name}`, async (t) => {
    // Without setIfPresent, another package's store cannot tell.
    const store = makeStore();
    const app = await open(t, { options: { store, hashIds: true } });
    await app.visit(write);
    const cookie = app.jar.header;
    await app.visit(handler(async (req) => {
      req.session.n = 5;
      await app.visit(handler((late) => late.session.destroy()), { cookie });
    }));
    const left = Object.keys(await records(store)).length;
    assert.equal(left, store instanceof session.MemoryStore || store instanceof session.DiskStore ? 0 : 1);
    store.emit('disconnect');
    assert.equal((await app.visit(handler((req) => typeof req.session))).value, 'undefined');
    store.emit('connect');
    assert.equal((await app.visit(handler((req) => typeof req.session))).value, 'object');
  });
}

/** What is stored in a Map; each call is done at once or takes some turns, and may fail. */
function slow(data, { compares = false, delay = () => 0, fails = () => false } = {}) {
  const store = new session.Store();
  store.calls = [];
  const acts = {
    get: (sid) => JSON.parse(data.get(sid) ?? 'null') ?? undefined,
    set: (sid, sess) => { data.set(sid, textOf(sess)); },
    destroy: (sid) => { data.delete(sid); },
    touch: (sid, { cookie }) => { if (data.has(sid)) data.set(sid, textOf({ ...JSON.parse(data.get(sid)), cookie })); },
    ...compares && {
      setIfPresent: (sid, sess) => data.has(sid) && Boolean(data.set(sid, textOf(sess))),
      setIfUnchanged: (sid, sess, loaded) => {
        const rest = (each) => textOf({ ...each, cookie: 0, _meta: 0 });
        const found = JSON.parse(data.get(sid) ?? 'null');
        return Boolean(found) && !isPointer(found) && rest(found) === rest(loaded) && Boolean(data.set(sid, textOf(sess)));
      },
    },
  };
  for (const [method, act] of Object.entries(acts)) {
    store[method] = (sid, ...args) => {
      const callback = args.pop();
      // What it stores it has taken at the call.
      const copies = args.map((arg) => JSON.parse(textOf(arg)));
      store.calls.push([method, sid]);
      const failure = fails(method, sid, store.calls.length) ? new Error('down') : null;
      const work = async () => {
        for (let left = delay(); left > 0; left--) await turn();
        const result = failure ? undefined : act(sid, ...copies);
        for (let left = delay(); left > 0; left--) await turn();
        return result;
      };
      work().then((result) => callback(failure, result));
    };
  }
  return store;
}

const living = { ...stored, cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' } };

for (const compares of [false, true]) {
  const kind = compares ? 'a store with setIfUnchanged' : 'a store without';

  test(`a store that fails in the middle of a move loses nothing: ${kind}`, async () => {
    let failed = 0;
    for (let nth = 1; nth <= 12; nth++) {
      const data = new Map([['id', textOf(living)]]);
      let isMoving = true;
      const store = slow(data, { compares, fails: (method, sid, count) => isMoving && count === nth });
      const wrapper = hashedIds(store);
      const first = await asked(wrapper, 'get', 'id').then(({ n }) => n, ({ message }) => message);
      isMoving = false;
      if (first === 'down') failed++;
      else assert.equal(first, 7);
      // Another process, and this one.
      for (const again of [hashedIds(slow(data, { compares })), wrapper]) assert.equal((await asked(again, 'get', 'id')).n, 7);
      assert.ok(data.has(keyOf('id')));
      await asked(wrapper, 'destroy', 'id');
      assert.deepEqual([...data.keys()], []);
    }
    assert.equal(failed, 5);
  });

  test(`a process that ends in the middle of a move loses nothing: ${kind}`, async () => {
    for (let steps = 0; steps < 12; steps++) {
      const data = new Map([['id', textOf(living)]]);
      // From a certain call on, nothing happens any more.
      const store = slow(data, { compares });
      for (const method of ['get', 'set', 'destroy', 'setIfUnchanged'].filter((name) => store[name])) {
        const { [method]: call } = store;
        store[method] = (...args) => { if (store.calls.length < steps) call(...args); };
      }
      asked(hashedIds(store), 'get', 'id');
      for (let left = 30; left > 0; left--) await turn();
      const next = hashedIds(slow(data, { compares }));
      assert.equal((await asked(next, 'get', 'id')).n, 7);
      await asked(next, 'destroy', 'id');
      assert.deepEqual([...data.keys()], []);
    }
  });

  test(`methods of an id that was not moved yet: ${kind}`, async () => {
    const fresh = () => {
      const data = new Map([['id', textOf(living)]]);
      return { data, wrapper: hashedIds(slow(data, { compares })), only: () => [...data].map(([key, text]) => [key, JSON.parse(text).n]) };
    };
    const changed = { ...living, n: 8 };
    for (const [method, args, expected] of [
      ['set', [changed], 8], ['touch', [changed], 7],
      ...compares ? [['setIfPresent', [changed], 8], ['setIfUnchanged', [changed, living], 8], ['setIfUnchanged', [changed, changed], 7]] : [],
    ]) {
      const { wrapper, only } = fresh();
      await asked(wrapper, method, 'id', ...args);
      assert.deepEqual(only(), [[keyOf('id'), expected]], method);
    }
    const { data, wrapper } = fresh();
    await asked(wrapper, 'destroy', 'id');
    assert.deepEqual([...data], []);
    if (compares) assert.equal(await asked(wrapper, 'setIfPresent', 'id', changed), false);
    assert.deepEqual([...data], []);
  });

  test(`requests at the moment of the move: ${kind}`, async () => {
    let random = 1;
    const int = (below) => {
      random = (random * 48271) % 2147483647;
      return random % below;
    };
    for (let round = 0; round < 150; round++) {
      const data = new Map([['id', textOf(living)]]);
      const store = slow(data, { compares, delay: () => int(3) });
      const wrapper = hashedIds(store);
      const ends = round % 3 === 0;
      let hasEnded = false;
      const acts = Array.from({ length: 5 }, async (_, index) => {
        for (let left = int(8); left > 0; left--) await turn();
        if (ends && index === 2) {
          await asked(wrapper, 'destroy', 'id');
          hasEnded = true;
          return;
        }
        const cameLate = hasEnded;
        const found = await asked(wrapper, 'get', 'id');
        assert.ok(ends || found);
        assert.ok(!cameLate || !found);
        // As the requests of a store with setIfPresent do.
        if (found && index === 3 && !ends) await asked(wrapper, 'set', 'id', { ...found, n: 9 });
      });
      await Promise.all(acts);
      assert.deepEqual([...data].map(([key, text]) => [key, JSON.parse(text).n]), ends ? [] : [[keyOf('id'), 9]], `round ${round}`);
      const moves = store.calls.filter(([method, sid]) => method === 'set' && sid === keyOf('id')).length;
      assert.ok(moves <= (ends ? 1 : 2), `round ${round}: ${moves} calls of set`);
      assert.equal(store.calls.filter(([method, sid]) => method === 'destroy' && sid === 'id').length, 1);
    }
  });
}

test('a change of the old record during the move is not lost, if the store compares', async () => {
  const data = new Map([['id', textOf(living)]]);
  const store = slow(data, { compares: true });
  const { set } = store;
  let left = 2;
  store.set = (sid, ...args) => {
    // Another process, which does not know of the option, stores at this moment.
    if (sid !== 'id' && left-- > 0) data.set('id', textOf({ ...living, n: 100 - left }));
    set(sid, ...args);
  };
  assert.equal((await asked(hashedIds(store), 'get', 'id')).n, 100);
  assert.deepEqual([...data].map(([key, text]) => [key, JSON.parse(text).n]), [[keyOf('id'), 100]]);
});

test('two processes move a session at the same time', async () => {
  for (let round = 0; round < 200; round++) {
    const data = new Map([['id', textOf(living)]]);
    // The steps of one may come between any two of the other.
    const delays = round < 40 ? [round % 5, round % 7].map((delay) => () => delay) : [0, 1].map(() => () => Math.random() * 6);
    const processes = delays.map((delay) => hashedIds(slow(data, { compares: round >= 40 || round % 2 === 0, delay })));
    const found = await Promise.all(processes.map((wrapper) => asked(wrapper, 'get', 'id')));
    assert.deepEqual(found.map(({ n }) => n), [7, 7]);
    assert.deepEqual([...data].map(([key, text]) => [key, JSON.parse(text).n]), [[keyOf('id'), 7]]);
  }
});

test('a session of a user that is ended while it is moved does not come back', async () => {
  for (const step of ['get', 'set', 'setIfUnchanged']) {
    for (const method of ['end', 'endAll']) {
      const store = new session.MemoryStore({ user: ({ user }) => user });
      await asked(store, 'set', 'id', { ...living, user: 'ann' });
      const [{ handle }] = await store.sessionsOf('ann');
      const own = store[step];
      store[step] = function late(...args) {
        store[step] = own;
        store[method]('ann', method === 'end' ? handle : undefined).then(() => own.apply(this, args));
      };
      const wrapper = hashedIds(store);
      assert.equal(await asked(wrapper, 'get', 'id'), undefined, `${method} before ${step}`);
      assert.deepEqual([await store.sessionsOf('ann'), await asked(wrapper, 'setIfPresent', 'id', { ...living, user: 'ann' })], [[], false]);
    }
  }
});

test('a session that a store keeps longer than its cookie says is moved as well', async (t) => {
  const time = clock(t, START);
  const data = new Map([['id', textOf()]]);
  const store = slow(data);
  const { set } = store;
  // As connect-redis does.
  store.set = (sid, sess, callback) => (sess.cookie.expires <= Date.now() ? store.destroy(sid, callback) : set(sid, sess, callback));
  time.tick(6 * MINUTE);
  const found = await asked(hashedIds(store), 'get', 'id');
  assert.equal(found.n, 7);
  // Whether the session has ended the request decides, by what was stored.
  assert.deepEqual(found.cookie, stored.cookie);
  assert.deepEqual([...data.keys()], [keyOf('id')]);
});

test('damaged data are not moved, and a store that keeps nothing does not lose the session', async () => {
  const damaged = new Map([['id', '{"n":1}']]);
  assert.deepEqual(await asked(hashedIds(slow(damaged)), 'get', 'id'), { n: 1 });
  assert.deepEqual([...damaged.keys()], ['id']);
  const data = new Map([['id', textOf(living)]]);
  const store = slow(data);
  store.set = (sid, sess, callback) => { callback(null); };
  await asked(hashedIds(store), 'get', 'id');
  assert.deepEqual([...data.keys()], ['id']);
});

test('the move ends no other session of the user', async (t) => {
  clock(t, START + MINUTE);
  for (const _meta of [undefined, { created: START, renewed: START, seen: START, user: 'ann' }, { created: START, renewed: START + 5, seen: START, user: 'ann' }]) {
    const data = new Map([['id', textOf({ ...living, _meta })]]);
    const store = slow(data, { compares: true });
    defineUsers(store, { user: () => 'ann', maxSessions: 1 });
    const { n, _meta: { created, renewed, ...others } } = await asked(hashedIds(store), 'get', 'id');
    assert.equal(n, 7);
    assert.ok(created < renewed);
    if (_meta) assert.deepEqual([renewed, others.seen, others.user, created >= START - 1], [_meta.renewed, START, 'ann', true]);
  }
});

for (const [name, makeStore] of Object.entries({
  'MemoryStore': (options) => new session.MemoryStore(options),
  'DiskStore': (options, t) => new session.DiskStore({ path: path.join(temporaryFolder('hash-ids', t), 'sessions.db'), touchAfter: 0, ...options }),
})) {
  test(`the sessions of a user: ${name}`, async (t) => {
    const store = makeStore({ user: ({ who }) => who, maxSessions: 3 }, t);
    const options = { store, cookie: { maxAge: 10 * MINUTE } };
    const before = await open(t, { options });
    const app = await open(t, { options: { ...options, hashIds: true } });
    const login = handler((req) => { req.session.who = 'ann'; });
    const logins = [];
    for (const [where, count] of [[before, 1], [app, 2]]) {
      for (let left = count; left > 0; left--) {
        where.jar.clear();
        await where.visit(login);
        logins.push(where.jar.header);
      }
    }
    // One of three sessions is moved, and ends none.
    for (const cookie of logins) assert.equal((await app.visit(handler((req) => req.session.who), { cookie })).value, 'ann');
    const ids = logins.map((cookie) => /s%3A([\w-]+)\./.exec(cookie)[1]);
    assert.deepEqual(Object.keys(await records(store)).sort(), ids.map(keyOf).sort());

    const [, cookie, other] = logins;
    const { value } = await app.visit(handler((req) => req.sessionStore.sessionsOf('ann', { current: req.session })), { cookie });
    assert.equal(value.length, 3);
    assert.equal(value.filter(({ current }) => current).length, 1);
    // Another request of the session that ends meanwhile.
    await app.visit(handler(async (req) => {
      const { handle } = value.find(({ handle: each }) => each === handleOf(keyOf(ids[2])));
      await app.visit(handler(async (its) => {
        assert.equal(await its.sessionStore.end('ann', handle), 1);
        assert.equal(await its.sessionStore.endAll('ann', { except: its.session }), 1);
      }), { cookie });
      req.session.n = 1;
    }), { cookie: other });
    assert.deepEqual(Object.keys(await records(store)), [keyOf(ids[1])]);
    // The fourth login ends the oldest.
    for (let left = 3; left > 0; left--) {
      app.jar.clear();
      await app.visit(login);
    }
    assert.ok(!(keyOf(ids[1]) in await records(store)));
    assert.equal((await store.sessionsOf('ann')).length, 3);
  });
}

test('a renewed session is found under its old id, which was stored before the option', async (t) => {
  const time = clock(t, START);
  const store = new session.MemoryStore();
  const options = { store, renewAfter: 10 * MINUTE, renewGrace: MINUTE, cookie: { maxAge: 60 * MINUTE } };
  const before = await open(t, { options });
  await before.visit(write);
  const old = before.jar.header;
  time.tick(10 * MINUTE);
  await before.visit(read);
  const [oldId, id] = [old, before.jar.header].map((header) => /s%3A([\w-]+)\./.exec(header)[1]);
  assert.notEqual(oldId, id);
  const app = await open(t, { options: { ...options, hashIds: true } });
  assert.equal((await app.visit(read, { cookie: old })).value.id, id);
  assert.deepEqual(Object.keys(store.sessions).sort(), [keyOf(oldId), keyOf(id)].sort());
  // And it is renewed once more, under keys.
  time.tick(10 * MINUTE);
  app.jar.header = before.jar.header;
  assert.notEqual((await app.visit(read)).value.id, id);
  assert.equal((await app.visit(read, { cookie: before.jar.header })).value.id, idIn(app.jar));
  await app.visit(handler((req) => req.session.destroy()), { cookie: before.jar.header });
  assert.ok(!(await app.visit(read)).value.n);
});

test('a pointer that was made by another one leads nowhere', async () => {
  const data = new Map([['id', textOf(makePointer('another id', 'next', START + 100 * MINUTE, 100 * MINUTE))]]);
  const store = slow(data, { compares: true });
  const found = await asked(hashedIds(store), 'get', 'id');
  assert.equal(store.calls.length, 3);
  assert.deepEqual([found, [...data.keys()]], [undefined, ['id']]);
});

test('requests ask the store once for a session, and with keys alone', async (t) => {
  const time = clock(t, START);
  const store = ledger();
  const app = await open(t, { options: { store, hashIds: true, touchAfter: MINUTE, cookie: { maxAge: 10 * MINUTE } } });
  const sids = [];
  for (const method of ['get', 'set', 'touch', 'destroy']) {
    const { [method]: call } = store;
    store[method] = (sid, ...args) => { sids.push([method, sid]); return call.call(store, sid, ...args); };
  }
  await app.visit(write);
  const key = keyOf(idIn(app.jar));
  await app.visit(read);
  time.tick(2 * MINUTE);
  await app.visit(read);
  await app.visit(read);
  assert.deepEqual(sids.splice(0), [['set', key], ['get', key], ['get', key], ['touch', key], ['get', key]]);

  // Another process.
  time.tick(2 * MINUTE);
  const next = await open(t, { options: { store: Object.create(store), hashIds: true, rolling: true, cookie: { maxAge: 10 * MINUTE } } });
  await next.visit(read, { cookie: app.jar.header });
  assert.deepEqual(sids, [['get', key], ['touch', key]]);
});

test('a logout that cannot end the old record fails', async () => {
  const data = new Map([['id', textOf(living)]]);
  const wrapper = hashedIds(slow(data, { fails: (method, sid) => method === 'destroy' && sid === 'id' }));
  await assert.rejects(asked(wrapper, 'destroy', 'id'), /down/);
  assert.deepEqual([...data.keys()], ['id']);
});

test('what is written during a move waits for it', async () => {
  const data = new Map([['id', textOf(living)]]);
  const store = slow(data, { compares: true });
  const wrapper = hashedIds(store);
  const { setIfUnchanged } = store;
  let change;
  store.setIfUnchanged = async (...args) => {
    store.setIfUnchanged = setIfUnchanged;
    // One that finds the session under its key already, and one of a process without the option.
    assert.equal((await asked(wrapper, 'get', 'id')).n, 7);
    change = asked(wrapper, 'set', 'id', { ...living, n: 9 });
    data.set('id', textOf({ ...living, n: 100 }));
    for (let left = 5; left > 0; left--) await turn();
    setIfUnchanged(...args);
  };
  assert.equal((await asked(wrapper, 'get', 'id')).n, 100);
  await change;
  assert.deepEqual([...data].map(([key, text]) => [key, JSON.parse(text).n]), [[keyOf('id'), 9]]);
});

test('a store that never answers lets others wait for a while', async (t) => {
  const data = new Map([['id', textOf(living)]]);
  const store = slow(data);
  const { get } = store;
  store.get = (sid, callback) => { if (sid === 'id') store.get = get; else get(sid, callback); };
  const wrapper = hashedIds(store);
  longestWait = 50;
  t.after(() => { longestWait = 10_000; });
  // The package itself keeps no process alive.
  const alive = setTimeout(() => {}, 60_000);
  t.after(() => clearTimeout(alive));
  asked(wrapper, 'get', 'id');
  for (let left = 5; left > 0; left--) await turn();
  assert.equal((await asked(wrapper, 'get', 'id')).n, 7);
  await asked(wrapper, 'destroy', 'id');
  assert.deepEqual([...data], []);
});

test('a search waits for each logout that is under way', () => {
  const calls = new HashedCalls(slow(new Map()));
  const [one, other] = [1, 2].map(() => calls.enter('id', keyOf('id'), false));
  let found = 0;
  calls.find('id', keyOf('id'), () => { found++; });
  const look = (callback) => { callback(); };
  one(look);
  one(look);
  assert.equal(found, 0);
  other(look);
  assert.equal(found, 1);
});

test('the memory of ids is bounded', () => {
  const calls = new HashedCalls(slow(new Map()));
  for (let n = 0; n < 10_100; n++) calls.settle(`${n}`);
  assert.deepEqual([calls.settled.size, calls.settled.has('99'), calls.settled.has('100')], [10_000, false, true]);
});
