'use strict';

/**
 * An engine that fails, at once or after it has loaded a session: whoever has asked hears of
 * it, by `next` or by the callback, and nothing is thrown, hangs or ends the process.
 */

const assert = require('node:assert/strict');
const { before, test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const signature = require('cookie-signature');
const build = require('./addon');
const { createApp, serve } = require('../../test-kit/app');
const { ask } = require('../../test-kit/client');
const { cookieOf } = require('../../test-kit/jar');

/** What the engine says: `core/tests/engines/failing.rs`. */
const MESSAGE = 'the engine failed on purpose';

/** Ms after which a response or a callback that is not there does not come. */
const LONGEST = 3000;

const SECRET = 'a secret of the test';

const skip = process.env.SUBJECT && 'the original has no engine';

let native;
let session;

before(async () => {
  if (skip) return;
  process.env.NAPI_RS_NATIVE_LIBRARY_PATH = await build();
  native = require('../../session/native/load');
  session = require('../..');
  native.useEngine('failing');
});

/** The stores that a program may have: each goes another way through the package. */
const STORES = {
  'a MemoryStore': { make: () => new session.MemoryStore() },
  'a MemoryStore with dispose': { make: () => new session.MemoryStore({ dispose() {} }) },
  'a MemoryStore with a ttl': { make: () => new session.MemoryStore({ ttl: 600_000 }) },
  'an heir with a get of its own': {
    make: () => {
      class Heir extends session.MemoryStore {
        get(sid, callback) { super.get(sid, callback); }
      }
      return new Heir();
    },
    // The headers go before it has answered, as with any other store.
    isWaitedFor: true,
  },
  'an heir whose sessions have methods of their own': {
    make: () => {
      class Heir extends session.MemoryStore {
        createSession(req, data) {
          const made = super.createSession(req, data);
          for (const name of ['save', 'reload']) {
            const method = made[name];
            made[name] = function own(...args) { return method.apply(this, args); };
          }
          return made;
        }
      }
      return new Heir();
    },
    isWaitedFor: true,
  },
};

const pass = (req, res) => { res.end('ok'); };
const read = (req, res) => { res.end(`ok ${req.session.n}`); };
const write = (req, res) => { req.session.n = 2; res.end('ok'); };

/** Calls a method of the session with a callback, which decides what comes next. */
const calling = (method) => (req, res, next) => {
  req.session[method]((error) => {
    if (error) next(error);
    else res.end('the callback got no error');
  });
};

/**
 * What a request does: whether it has the cookie of a stored session, when the engine
 * fails, options of `session()`, and the handler.
 */
const REQUESTS = {
  'without a cookie, saved uninitialized': { cookie: false, from: 'arrival', options: { saveUninitialized: true }, handler: pass },
  'without a cookie, written': { cookie: false, from: 'arrival', handler: write },
  'without a cookie, save(callback)': { cookie: false, from: 'arrival', handler: calling('save') },
  'without a cookie, regenerate(callback)': { cookie: false, from: 'arrival', handler: calling('regenerate') },
  'with a cookie of no session': { cookie: 'unknown', from: 'arrival', handler: pass },
  'the session not looked at, failing on arrival': { cookie: true, from: 'arrival', handler: pass },
  'the session read, failing on arrival': { cookie: true, from: 'arrival', handler: read },
  'the session not looked at': { cookie: true, from: 'handler', handler: pass },
  'the session not looked at, rolling': { cookie: true, from: 'handler', options: { rolling: true }, handler: pass },
  'the session not looked at, resave': { cookie: true, from: 'handler', options: { resave: true }, handler: pass },
  'the session read': { cookie: true, from: 'handler', handler: read },
  'the session read, resave': { cookie: true, from: 'handler', options: { resave: true }, handler: read },
  'the session written': { cookie: true, from: 'handler', handler: write },
  'the session touched': { cookie: true, from: 'handler', handler: (req, res) => { req.session.touch(); res.end('ok'); } },
  'the session written, and part of the body sent': { cookie: true, from: 'handler', sendsFirst: true, handler: (req, res) => { req.session.n = 2; res.write('part'); res.end(); } },
  'the session saved without a callback': { cookie: true, from: 'handler', handler: (req, res) => { req.session.n = 2; req.session.save(); res.end('ok'); } },
  'the session unset': { cookie: true, from: 'handler', options: { unset: 'destroy' }, handler: (req, res) => { req.session = null; res.end('ok'); } },
  'save(callback)': { cookie: true, from: 'handler', handler: calling('save') },
  'reload(callback)': { cookie: true, from: 'handler', handler: calling('reload') },
  'destroy(callback)': { cookie: true, from: 'handler', handler: calling('destroy') },
  'regenerate(callback)': { cookie: true, from: 'handler', handler: calling('regenerate') },
};

for (const [kind, { make, isWaitedFor }] of Object.entries(STORES)) {
  for (const [name, request] of Object.entries(REQUESTS)) {
    test(`${kind}: ${name}`, { skip, timeout: 5 * LONGEST }, () => fails(make, isWaitedFor, request));
  }
}

/** Makes a request that the engine fails for, and others before and after it. */
async function fails(make, isWaitedFor, { cookie, from, options, sendsFirst, handler }) {
  const heard = [];
  const thrown = [];
  const attempt = (next, run) => {
    try {
      run();
    } catch (error) {
      thrown.push(error);
      next(error);
    }
  };
  const middleware = session({ secret: SECRET, resave: false, saveUninitialized: false, cookie: { maxAge: 600_000 }, store: make(), ...options });
  const routes = {
    'GET /begin': (req, res) => { req.session.n = 1; res.end('begun'); },
    'GET /again': read,
    'GET /failing': (req, res, next) => attempt(next, () => {
      native.fail(true);
      handler(req, res, next);
    }),
  };
  const fail = (error, req, res, _next) => {
    heard.push({ error, hasHeaders: res.headersSent });
    if (!res.headersSent) res.statusCode = 500;
    res.end('an error page');
  };
  const layers = [(req, res, next) => attempt(next, () => middleware(req, res, next))];
  const { port, close } = await serve(createApp({ layers, routes, fail }));
  const visit = (target, own) => ask(port, target, { headers: own ? { cookie: own } : {}, patience: LONGEST });
  try {
    const { cookies, body } = await visit('/begin');
    const own = cookieOf(cookies);
    assert.equal(body, 'begun');

    const unknown = `connect.sid=${encodeURIComponent(`s:${signature.sign('nobody', SECRET)}`)}`;
    native.fail(from === 'arrival');
    const failed = await visit('/failing', cookie === 'unknown' ? unknown : cookie && own);
    assert.deepEqual(thrown, [], 'nothing is thrown');
    // The response may be there first.
    await until(() => heard.length > 0);
    native.fail(false);
    assert.deepEqual([...new Set(heard.map(({ error }) => String(error)))], [`Error: ${MESSAGE}`]);
    const [{ hasHeaders }] = heard;
    if (!isWaitedFor) assert.equal(hasHeaders, Boolean(sendsFirst));
    // Of Express, if the engine failed for the error page, too.
    if (!hasHeaders) assert.equal(failed.status, 500, failed.body);

    const again = await visit('/again', own);
    assert.deepEqual([again.status, again.body], [200, 'ok 1'], 'the session is as it was');
  } finally {
    native.fail(false);
    await close();
  }
}

/** Calls of a store with a callback. */
const CALLS = {
  get: (store, callback) => store.get('sid', callback),
  set: (store, callback) => store.set('sid', sess(), callback),
  touch: (store, callback) => store.touch('sid', sess(), callback),
  'touch with a cookie that has no JSON': (store, callback) => store.touch('sid', {}, callback),
  destroy: (store, callback) => store.destroy('sid', callback),
  all: (store, callback) => store.all(callback),
  length: (store, callback) => store.length(callback),
  clear: (store, callback) => store.clear(callback),
  ids: (store, callback) => store.ids(callback),
  load: (store, callback) => store.load('sid', callback),
};

for (const [kind, { make }] of Object.entries(STORES)) {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${kind}: ${name}(callback) hears of it, once and later`, { skip }, async () => {
      const store = make();
      store.set('sid', sess());
      native.fail(true);
      const told = [];
      try {
        call(store, (...results) => { told.push(results); });
        assert.deepEqual(told, [], 'not in this turn');
        await until(() => told.length > 0);
        await wait(5);
      } finally {
        native.fail(false);
      }
      assert.deepEqual(told.map(([error, ...rest]) => [String(error), ...rest]), [[`Error: ${MESSAGE}`]]);
      const { promise, callback } = asked();
      store.get('sid', callback);
      assert.equal((await promise).n, 1, 'nothing has come of it');
    });
  }
}

test('length hears of an engine that fails between its slices', { skip }, async () => {
  const store = new session.MemoryStore();
  for (let at = 0; at < 500; at++) store.sessions[`sid ${at}`] = JSON.stringify({ text: 'x'.repeat(1000) });
  const { promise, callback } = asked();
  store.length(callback);
  native.fail(true);
  try {
    await assert.rejects(promise, { message: MESSAGE });
  } finally {
    native.fail(false);
  }
});

test('without a callback the error is thrown, as nobody else would hear of it', { skip }, () => {
  const store = new session.MemoryStore();
  native.fail(true);
  try {
    for (const call of [() => store.set('sid', sess()), () => store.touch('sid', sess()), () => store.destroy('sid'), () => store.clear(), () => store.all(), () => store.prune(), () => store.stats(), () => store.sessions.sid]) {
      assert.throws(call, { message: MESSAGE }, `${call}`);
    }
  } finally {
    native.fail(false);
  }
});

test('what a store has thrown before, it throws still, and its callback hears nothing', { skip }, async () => {
  const store = new session.MemoryStore({ ttl: () => NaN });
  const circular = sess();
  circular.itself = circular;
  store.sessions.damaged = '{';
  const told = [];
  const callback = (...results) => { told.push(results); };
  assert.throws(() => store.set('sid', circular, callback), TypeError);
  assert.throws(() => store.set('sid', { cookie: {} }, callback), /ttl option/);
  assert.throws(() => store.touch('sid', { cookie: {} }, callback), /ttl option/);
  assert.throws(() => store.get('damaged', callback), SyntaxError);
  assert.throws(() => store.all(callback), SyntaxError);
  await wait(20);
  assert.deepEqual(told, []);
});

/** What the functions of the addon take that ask an engine, behind the store. */
const ASKED = {
  storeClear: [],
  storeCommit: [],
  storeCommitNow: [],
  storeDestroy: ['sid'],
  storeEnd: ['"ann"', 'sid', 0],
  storeGet: ['sid', 0, true],
  storeClassify: ['sid', '{', true, NaN, 0],
  storeLength: [0],
  storeLastChange: [],
  storeMoment: [],
  storePeek: ['sid'],
  storePrune: [0, 1],
  storePut: ['sid', '{}', '{}', NaN, NaN],
  storePutIfUnchanged: ['sid', '{}', '{}', '{}', 0, NaN],
  storeSessionsOf: ['"ann"', 0],
  storeSet: ['sid', '{}', NaN, NaN],
  storeSetRaw: ['sid', '{}', NaN, NaN],
  storeSids: [],
  storeSidsAfter: ['a', 1],
  storeStats: [],
  storeTakeRemoved: [],
  storeTouch: ['sid', '{}', 0, NaN],
  storeUnclassified: [0, 1],
  storeWasDestroyed: ['sid', 1],
};

/** Those that give a promise. */
const ASKED_LATER = {
  storeClose: [],
  storeFinish: [],
  storeLengthLater: [0],
  storeMaintain: [0],
  storePruneLater: [0, 1],
  storeStatsLater: [],
  storeWait: [],
};

test('a promise of the addon is rejected with it', { skip }, async () => {
  const store = native.createStore(NaN, NaN);
  for (const [name, args] of Object.entries(ASKED_LATER)) {
    await assert.doesNotReject(native[name](store, ...args), name);
    native.fail(true);
    await assert.rejects(native[name](store, ...args).finally(() => { native.fail(false); }), { message: MESSAGE }, name);
  }
});

test('each function of the addon throws it, a session reader and the changes, too', { skip }, () => {
  const store = native.createStore(NaN, NaN);
  const { write, writeIfUnchanged, renew } = native.storeRequestCalls(store);
  const keys = native.prepareKeys([Buffer.from(SECRET)]);
  const sessionReader = native.createSessionReader('connect.sid', keys, store, new Uint8Array(native.DETAILS_BYTES));
  const header = `connect.sid=${native.signedCookieValue('sid', keys)}`;
  const calls = {
    write: () => write('sid', 0, NaN, NaN, NaN, '{}'),
    writeIfUnchanged: () => writeIfUnchanged('sid', 0, NaN, NaN, '{}', '{}', 0),
    renew: () => renew('sid', 0, NaN, NaN, 0),
    sessionReader: () => sessionReader(header, 0),
  };
  for (const [name, args] of Object.entries(ASKED)) calls[name] = () => native[name](store, ...args);
  const names = Object.keys(native).filter((name) => /^store[A-Z]/.test(name) && name !== 'storeRequestCalls');
  assert.deepEqual(Object.keys({ ...ASKED, ...ASKED_LATER }).sort(), names.sort());
  for (const call of Object.values(calls)) assert.doesNotThrow(call, `${call}`);
  native.fail(true);
  try {
    for (const [name, call] of Object.entries(calls)) {
      assert.throws(call, (error) => error instanceof Error && error.message === MESSAGE, name);
    }
    assert.equal(sessionReader('connect.sid=none', 0), native.UNSIGNED_COOKIE, 'the engine is not asked');
  } finally {
    native.fail(false);
  }
});

test('a panic of the engine is an error like its others', { skip }, () => {
  // What memory.js tells them by.
  native.fail(true);
  const store = native.createStore(NaN, NaN);
  const codes = [() => native.storeSids(store), () => native.__panic()].map((call) => {
    try {
      return call();
    } catch (error) {
      return error.code;
    }
  });
  native.fail(false);
  assert.deepEqual(codes, ['GenericFailure', 'GenericFailure']);
});

test('pruning fails, says so in the debug log, and goes on when the engine does', { skip }, async () => {
  const debug = require('debug');
  const lines = [];
  const { log } = debug;
  debug.log = (...words) => { lines.push(words.join(' ')); };
  debug.enable('express-session');
  const store = new session.MemoryStore({ checkPeriod: 10 });
  store.set('sid', { cookie: { expires: new Date(Date.now() - 5000) } });
  native.fail(true);
  try {
    await until(() => lines.filter((line) => line.includes(MESSAGE)).length > 1);
    native.fail(false);
    await until(() => store.stats().sessions === 0);
  } finally {
    native.fail(false);
    debug.disable();
    debug.log = log;
    store.stopInterval();
  }
});

function sess() {
  return { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n: 1 };
}

function asked() {
  let callback;
  const promise = new Promise((resolve, reject) => {
    callback = (error, result) => (error ? reject(error) : resolve(result));
  });
  return { promise, callback };
}

/** @throws {Error} if it is not so in time */
async function until(isSo) {
  const end = Date.now() + LONGEST;
  while (!isSo()) {
    assert.ok(Date.now() < end, `${isSo}`);
    await wait(5);
  }
}
