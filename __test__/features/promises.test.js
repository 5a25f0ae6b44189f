'use strict';

/**
 * Without a callback, `save`, `reload`, `destroy` and `regenerate` return a promise of undefined;
 * and the methods of a store that do not declare a callback answer by their promises.
 */

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const http = require('node:http');
const { test } = require('node:test');
const { promisifyAll } = require('bluebird');
const { promisify, types: { isPromise } } = require('node:util');
const { each, ledger, open, original, read, write } = require('../compat/app');
const { unhandled } = require('../promised');
const { session } = require('../subject');
const { stores: known } = require('./stores');
const { createApp, serve } = require('../../test-kit/app');
const { ask } = require('../../test-kit/client');

const METHODS = ['save', 'reload', 'destroy', 'regenerate'];

const stores = { ...known, 'a store whose methods answer by promises': () => promised() };

/** Waits for what a method has returned: a promise of undefined. */
async function fulfilled(value) {
  assert.ok(isPromise(value));
  assert.equal(await value, undefined);
}

/** A store of async methods without callbacks. */
function promised() {
  const store = new session.Store();
  const data = new Map();
  const turn = () => new Promise((resolve) => { setImmediate(resolve); });
  return Object.assign(store, {
    data,
    async get(sid) { await turn(); return data.has(sid) ? JSON.parse(data.get(sid)) : undefined; },
    async set(sid, sess) { await turn(); data.set(sid, JSON.stringify(sess)); return 'OK'; },
    async destroy(sid) { await turn(); data.delete(sid); return 1; },
    async touch() { await turn(); return 1; },
  });
}

/** After this, Node.js has told of each rejection that nobody has handled. */
const settled = async () => { for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => { setImmediate(resolve); }); };

/** What the store has, as its own `get` says it. */
const stored = (store, sid) => new Promise((resolve, reject) => {
  const promise = store.get(sid, (error, data) => (error ? reject(error) : resolve(data)));
  if (isPromise(promise) && store.get.length < 2) promise.then(resolve, reject);
});

for (const [name, make] of Object.entries(stores)) {
  each(`each method's promise is of undefined, once the store has answered: ${name}`, async (t, kind) => {
    const store = make();
    const app = await open(t, { kind, options: { store } });
    await app.visit(write);
    const { body } = await app.visit(async (req, res) => {
      const { id } = req.session;
      req.session.n = 2;
      await fulfilled(req.session.save());
      assert.equal((await stored(store, id)).n, 2, 'it is stored');
      req.session.n = 3;
      const before = req.session;
      await fulfilled(req.session.reload());
      assert.notEqual(req.session, before, 'a reload makes another session');
      assert.equal(req.session.n, 2);
      // A session that came later, as well.
      req.session.n = 4;
      await fulfilled(req.session.save());
      await fulfilled(req.session.reload());
      assert.equal(req.session.n, 4);
      await fulfilled(req.session.regenerate());
      assert.notEqual(req.session.id, id);
      assert.equal(req.session.n, undefined);
      assert.ok(!await stored(store, id), 'the old one is gone');
      req.session.n = 5;
      await req.session.save();
      const { id: last } = req.session;
      assert.equal((await stored(store, last)).n, 5);
      const { session: ended } = req;
      await fulfilled(ended.destroy());
      assert.equal(req.session, undefined);
      assert.ok(!await stored(store, last));
      res.end('done');
    });
    assert.equal(body, 'done');
    assert.deepEqual(app.errors, []);
  });

  test(`what is thrown on the way is a rejection; a session is no thenable: ${name}`, async (t) => {
    const app = await open(t, { options: { store: make() } });
    await app.visit(write);
    await app.visit(async (req, res) => {
      assert.equal(req.session.then, undefined);
      req.session.circle = req.session;
      await assert.rejects(() => {
        const promise = req.session.save();
        assert.ok(isPromise(promise), 'nothing is thrown at the call');
        return promise;
      }, TypeError);
      delete req.session.circle;
      res.end();
    });
  });

  test(`a session that is gone is an error of reload: ${name}`, async (t) => {
    const store = make();
    const app = await open(t, { options: { store } });
    await app.visit(write);
    const { value } = await app.visit(async (req, res) => {
      const its = req.session;
      await its.destroy();
      const { message } = await its.reload().catch((error) => error);
      res.end();
      return message;
    });
    assert.equal(value, 'failed to load session');
  });
}

for (const [how, fail] of Object.entries({
  'answers with an error': (...args) => { setImmediate(args.at(-1), new Error('down')); },
  'answers with an error at once': (...args) => { args.at(-1)(new Error('down')); },
  'throws': () => { throw new Error('down'); },
  'rejects': async () => { throw new Error('down'); },
})) {
  each(`a store that ${how}: 1,000 calls that nobody waits for, and one that somebody does`, async (t, kind) => {
    const reasons = unhandled(t);
    // A session of the original's class calls the store itself, and looks at no promise.
    for (const Store of how === 'rejects' ? [session.Store] : [session.Store, original.Store]) {
      const store = ledger({ Store });
      const app = await open(t, { kind, options: { store } });
      await app.visit(write);
      await app.visit(async (req, res) => {
        const { get, set, destroy } = store;
        Object.assign(store, { get: fail, set: fail, destroy: fail });
        for (let i = 0; i < 1000; i++) {
          req.session.n = i;
          req.session.save();
        }
        for (const method of ['reload', 'save', 'regenerate']) await assert.rejects(() => req.session[method](), { message: 'down' }, method);
        assert.ok(req.session, 'regenerate has made a session nevertheless');
        const { session: ended } = req;
        await assert.rejects(() => ended.destroy(), { message: 'down' });
        Object.assign(store, { get, set, destroy });
        res.end();
      });
      await settled();
    }
    assert.deepEqual(reasons, []);
  });
}

each('a handler answers when the promise is settled', async (t, kind) => {
  const store = ledger();
  const app = await open(t, { kind, options: { store } });
  await app.visit(write);
  store.fails.set = new Error('down');
  const { status, body } = await app.visit((req, res) => {
    req.session.n = 2;
    return req.session.save().then(() => res.end('saved'), (error) => { store.fails.set = undefined; res.statusCode = 503; res.end(error.message); });
  });
  assert.deepEqual([status, body], [503, 'down']);
});

test('a rejected promise that a handler of Express 5 returns is an error to next', async (t) => {
  const store = ledger();
  store.fails.set = new Error('down');
  const app = createApp({
    kind: 'Express 5',
    layers: [session({ secret: 'keyboard', resave: false, saveUninitialized: false, store })],
    routes: (req) => { req.session.n = 1; return req.session.save(); },
    fail: (error, req, res) => { delete req.session; res.statusCode = 500; res.end(error.message); },
  });
  const { port } = await serve(http.createServer(app), t);
  const { status, body } = await ask(port, '/', { headers: { connection: 'close' } });
  assert.deepEqual([status, body], [500, 'down']);
});

test('with a callback they return what they always did, and promisify works as before', async (t) => {
  for (const Store of [session.Store, original.Store]) {
    const app = await open(t, { options: { store: ledger({ Store }) } });
    await app.visit(write);
    await app.visit(async (req, res) => {
      const returned = (method, its = req.session) => new Promise((resolve) => {
        const value = its[method](() => setImmediate(() => resolve(value === its ? 'the session' : value)));
      });
      const told = [];
      for (const method of ['save', 'reload', 'regenerate', 'save']) told.push(await returned(method));
      req.session.n = 7;
      assert.equal(await promisify(req.session.save).call(req.session), undefined);
      req.session.n = 8;
      assert.equal(await promisify(req.session.reload.bind(req.session))(), undefined);
      assert.equal(req.session.n, 7);
      told.push(await returned('destroy'));
      assert.deepEqual(told, [undefined, undefined, 'the session', 'the session', 'the session']);
      res.end();
    });
  }
});

each('bluebird\'s promisifyAll works as with the original, on a session and on the class', async (t, kind) => {
  const tell = async (module, store, target) => {
    const told = [];
    const app = await open(t, { kind, module, options: { store } });
    await app.visit(write);
    await app.visit(async (req, res) => {
      const its = () => { promisifyAll(target(module, req)); return req.session; };
      const { id } = req.session;
      its().n = 7;
      told.push(await its().saveAsync());
      its().n = 8;
      told.push(await its().reloadAsync(), req.session.n);
      told.push(await its().regenerateAsync() === undefined, req.session.id !== id, req.session.n);
      its().n = 9;
      const { set } = store;
      store.set = (...args) => args.at(-1)(new Error('down'));
      told.push(await its().saveAsync().catch(({ message }) => message));
      store.set = set;
      const { session: ended } = req;
      its();
      told.push(await ended.destroyAsync(), req.session);
      res.end();
    });
    const { prototype } = module.Session;
    for (const key of Object.keys(prototype)) if (key.endsWith('Async')) delete prototype[key];
    return told;
  };
  for (const target of [(module, req) => req.session, (module) => module.Session.prototype]) {
    for (const make of [(module) => ledger({ Store: module.Store }), (module) => new module.MemoryStore()]) {
      const told = await tell(session, make(session), target);
      assert.deepEqual(told, await tell(original, make(original), target));
      assert.deepEqual([told[2], told[6]], [7, 'down']);
    }
  }
});

test('a wrapper of a program hands the promise on, and the end of the response is heard once', async (t) => {
  for (const name of ['another store', 'MemoryStore', 'a store of the original\'s class']) {
    const store = stores[name]();
    const app = await open(t, { options: { store } });
    await app.visit(write);
    const calls = [];
    await app.visit(async (req, res) => {
      const { save } = req.session;
      const { id } = req.session;
      req.session.save = function (...args) { calls.push(args.length); return save.apply(this, args); };
      req.session.n = 2;
      await fulfilled(req.session.save());
      assert.equal((await stored(store, id)).n, 2, name);
      req.session.n = 3;
      res.end();
    });
    assert.deepEqual(calls, [0, 1], 'the end of the response gives its callback');
    assert.equal((await app.visit(read)).body, '3');
  }
});

test('the end of the response waits for the callback of an async wrapper of save, not for its promise', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  let answer;
  const asked = new Promise((resolve) => {
    store.set = (sid, sess, callback) => { answer = callback; resolve(); };
  });
  let isDone = false;
  const visit = app.visit((req, res) => {
    const { save } = req.session;
    req.session.save = async function (...args) { return save.apply(this, args); };
    req.session.n = 2;
    res.end();
  }).then(() => { isDone = true; });
  await asked;
  await settled();
  assert.equal(isDone, false);
  answer();
  await visit;
});

test('what a program has put in the place of save keeps its return value', async (t) => {
  const store = ledger();
  const { createSession } = store;
  class Own extends session.Session {
    save(...args) { super.save(...args); return 'its own'; }
  }
  class Chained extends session.Session {
    async save(callback) { return callback ? super.save(callback) : [await super.save(), 'after it']; }
  }
  let kind;
  store.createSession = function (req, data) {
    createSession.call(this, req, data);
    if (kind) Object.setPrototypeOf(req.session, kind.prototype);
    return req.session;
  };
  const app = await open(t, { options: { store } });
  await app.visit(write);
  await app.visit((req, res) => { req.session.save = () => 'mine'; assert.equal(req.session.save(), 'mine'); delete req.session.save; res.end(); });
  kind = Own;
  await app.visit((req, res) => { assert.equal(req.session.save(), 'its own'); res.end(); });
  kind = Chained;
  await app.visit(async (req, res) => { assert.deepEqual(await req.session.save(), [undefined, 'after it']); res.end(); });
});

test('a class of another package: what takes a callback answers by it, what takes none keeps its value', async (t) => {
  const store = ledger();
  const saves = [];
  class Foreign {
    constructor(req, data) {
      Object.defineProperty(this, 'req', { value: req });
      Object.defineProperty(this, 'id', { value: req.sessionID });
      Object.assign(this, data);
    }

    touch() { return this; }

    reload(callback) { store.get(this.id, callback); }

    destroy() { return 'destroyed'; }

    save(callback) { saves.push(typeof callback); store.set(this.id, this, callback); }
  }
  store.createSession = (req, data) => { data.cookie = new session.Cookie(data.cookie); req.session = new Foreign(req, data); return req.session; };
  const app = await open(t, { options: { store } });
  await app.visit(write);
  await app.visit(async (req, res) => {
    assert.equal(req.session.constructor, Foreign);
    assert.equal(req.session.destroy(), 'destroyed');
    req.session.n = 5;
    await fulfilled(req.session.save());
    assert.equal(JSON.parse(store.data.get(req.sessionID)).n, 5);
    await fulfilled(req.session.reload());
    store.fails.set = new Error('down');
    await assert.rejects(() => req.session.save(), { message: 'down' });
    store.fails.set = undefined;
    res.end();
  });
  assert.deepEqual(saves.slice(0, 2), ['function', 'function']);
});

test('the async context of the caller goes on after await, whoever calls the store back', async (t) => {
  const context = new AsyncLocalStorage();
  const pool = new AsyncLocalStorage();
  for (const Store of [session.Store, original.Store]) {
    const store = ledger({ Store });
    const app = await open(t, { options: { store } });
    await app.visit(write);
    for (const name of ['get', 'set', 'destroy']) {
      const method = store[name];
      store[name] = function (...args) {
        const callback = args.pop();
        method(...args, (...results) => context.exit(() => pool.run('the pool', () => callback(...results))));
      };
      Object.defineProperty(store[name], 'length', { value: method.length });
    }
    await app.visit((req, res) => context.run('the request', async () => {
      for (const method of ['save', 'reload', 'regenerate', 'destroy']) {
        await req.session[method]();
        assert.deepEqual([context.getStore(), pool.getStore()], ['the request', undefined], method);
      }
      res.end();
    }));
  }
});

test('storeTimeout rejects the promise, and what comes later is ignored', async (t) => {
  const reasons = unhandled(t);
  for (const Store of [session.Store, original.Store]) {
    const store = ledger({ Store });
    const app = await open(t, { options: { store, storeTimeout: 20 } });
    await app.visit(write);
    await app.visit(async (req, res) => {
      const kept = { get: store.get, set: store.set, destroy: store.destroy };
      const late = [];
      for (const name of Object.keys(kept)) store[name] = (...args) => { late.push(args.at(-1)); };
      const timedOut = { code: 'ERR_SESSION_STORE_TIMEOUT', status: 503 };
      for (const method of ['save', 'reload', 'regenerate']) {
        const its = req.session;
        await assert.rejects(() => its[method](), timedOut, method);
      }
      const { session: ended } = req;
      await assert.rejects(() => ended.destroy(), timedOut);
      for (const callback of late) callback(new Error('late'));
      Object.assign(store, kept);
      res.end();
    });
  }
  await settled();
  assert.deepEqual(reasons, []);
});

test('a session without a response, and one that was loaded without a request', async () => {
  for (const make of Object.values(stores)) {
    const store = make();
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store });
    const req = { url: '/', headers: {} };
    await new Promise((resolve, reject) => { middleware(req, {}, (error) => (error ? reject(error) : resolve())); });
    req.session.n = 1;
    await req.session.save();
    const { id } = req.session;
    assert.equal((await stored(store, id)).n, 1);
    const loaded = await new Promise((resolve, reject) => { store.load(id, (error, found) => (error ? reject(error) : resolve(found))); });
    loaded.n = 2;
    assert.ok(isPromise(loaded.save(undefined)) || store instanceof original.Store);
    await loaded.destroy();
  }
});

// Stores.

test('a store whose methods answer by promises: what is found, what is not, what fails', async (t) => {
  const reasons = unhandled(t);
  const store = promised();
  const app = await open(t, { options: { store, unset: 'destroy' } });
  assert.equal((await app.visit(write)).body, '1');
  assert.equal((await app.visit(write)).body, '2');
  assert.equal((await app.visit(read)).body, '2');
  const told = (await app.visit((req, res) => new Promise((resolve) => {
    req.session.save((...saved) => req.session.reload((...reloaded) => {
      res.end();
      resolve([saved, reloaded]);
    }));
  }))).value;
  assert.deepEqual(told, [[null, 'OK'], []]);
  await app.visit((req, res) => { req.session = null; res.end(); });
  assert.equal(store.data.size, 0);
  assert.equal((await app.visit(read)).body, 'undefined', 'it is gone');
  store.get = async (_sid) => { throw Object.assign(new Error('no file'), { code: 'ENOENT' }); };
  assert.equal((await app.visit(read)).status, 200);
  store.get = async (_sid) => { throw new Error('down'); };
  assert.deepEqual((await app.visit(read)).body, 'down');
  await settled();
  assert.deepEqual(reasons, []);
});

test('the fulfilment of a method that declares its callback is no answer', async (t) => {
  const store = ledger();
  const { get, set, destroy, touch } = store;
  // Each promise is fulfilled before the store answers.
  store.get = async (sid, callback) => { get(sid, callback); };
  store.set = async (sid, sess, callback) => { set(sid, sess, callback); };
  store.destroy = async (sid, callback) => { destroy(sid, callback); };
  store.touch = async (sid, sess, callback) => { touch(sid, sess, callback); };
  const app = await open(t, { options: { store } });
  assert.equal((await app.visit(write)).body, '1');
  assert.equal((await app.visit(write)).body, '2');
  await app.visit(async (req, res) => {
    for (const [name, method, failing] of [['set', 'save', set], ['destroy', 'destroy', destroy]]) {
      const its = req.session;
      store.fails[name] = new Error(`no ${name}`);
      await assert.rejects(() => its[method](), { message: `no ${name}` }, 'the answer comes after the fulfilment');
      store.fails[name] = undefined;
      assert.equal(typeof failing, 'function');
    }
    res.end();
  });
});

test('a method of fewer parameters that calls back, too: the first answer counts, and no other', async (t) => {
  const store = ledger({ sync: true });
  const { get, set } = store;
  // As connect-redis 7 declares it: a default value is no parameter of `length`.
  store.get = async (sid, callback = () => {}) => { await null; get(sid, callback); };
  store.set = async (sid, sess, callback = () => {}) => { await null; set(sid, sess, callback); };
  const app = await open(t, { options: { store } });
  await app.visit(write);
  assert.equal((await app.visit(write)).body, '2');
  let runs = 0;
  await app.visit((req, res) => new Promise((resolve) => {
    req.session.save(() => { runs++; setImmediate(() => { res.end(); resolve(); }); });
  }));
  assert.equal(runs, 1);
  assert.deepEqual(app.errors, []);
});

test('a MemoryStore with an async get of the program', async (t) => {
  const store = new session.MemoryStore();
  const { get } = store;
  store.get = async (sid) => promisify(get).call(store, sid);
  const app = await open(t, { options: { store } });
  await app.visit(write);
  assert.equal((await app.visit(write)).body, '2');
});

test('the four methods are the ones of the class, with one parameter each', () => {
  for (const method of METHODS) assert.equal(session.Session.prototype[method].length, 1);
  assert.equal('then' in session.Session.prototype, false);
});
