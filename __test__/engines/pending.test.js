'use strict';

/**
 * Records whose changes take time, as those of an engine on a disk: `flush` says when all that
 * was told is done. What a client and a program see is what they see with a store of any
 * kind: so each test runs on the resident backend and on the remote one, and both must tell
 * the same, too.
 */

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const session = require('../..');
const { engineOf } = require('../../session/store/engine-of');
const { createApp, serve } = require('../../test-kit/app');
const { ask } = require('../../test-kit/client');
const { cookieOf } = require('../../test-kit/jar');

const { MemoryStore } = session;

const SECRET = 'a secret of the test';
const LIFETIME = 600_000;
const BODY = 'the body of the response';

/** Ms that an answer which comes late takes; `storeTimeout`; and what is no longer waited for. */
const LATE = 8;
const LIMIT = 30;
const LONGEST = 3000;

const failure = () => new Error('the disk is full');

/**
 * How `flush` answers, and what the error handler hears then. `isLate`: the response must wait
 * for it.
 */
const ANSWERS = {
  'at once': { flush: (callback) => { callback(); } },
  'late': { flush: (callback) => { setTimeout(callback, LATE); }, isLate: true },
  'twice': { flush: (callback) => { setTimeout(callback, LATE); setTimeout(callback, LATE + 1, failure()); }, isLate: true },
  'with an error at once': { flush: (callback) => { callback(failure()); }, error: 'Error: the disk is full' },
  'with an error late': { flush: (callback) => { setTimeout(callback, LATE, failure()); }, isLate: true, error: 'Error: the disk is full' },
  'by a promise that is rejected': { flush: async () => { await wait(LATE); throw failure(); }, isLate: true, error: 'Error: the disk is full' },
  'never': { flush() {}, isLate: true, error: `StoreTimeout: session store did not answer within ${LIMIT} ms` },
};

/** What comes has all the time that a busy machine needs. */
const limitOf = (answer) => ({ storeTimeout: answer === 'never' ? LIMIT : LONGEST });

/** Stores with such records: one that the resident backend takes, and one with a method that is a program's. */
const STORES = {
  resident: () => new MemoryStore(),
  remote() {
    const store = new MemoryStore();
    const { get } = store;
    store.get = function otherGet(...args) { return get.apply(this, args); };
    return store;
  },
};

const withLength = (res) => { res.setHeader('Content-Length', BODY.length); res.end(BODY); };
const inChunks = (res) => { res.write(BODY.slice(0, 3)); res.end(BODY.slice(3)); };

/** What a request does; whether the store is told of it; and whether the response has a cookie. */
const REQUESTS = {
  'new, written': { isNew: true, cookies: 1, use: (req) => { req.session.n = 1; } },
  'new, not looked at': { isNew: true, options: { saveUninitialized: true }, cookies: 1, use() {} },
  'new, not to be saved': { isNew: true, isToldNothing: true, cookies: 0, use() {} },
  'not looked at': { cookies: 0, use() {} },
  'not looked at, rolling': { options: { rolling: true }, cookies: 1, use() {} },
  'not looked at, without an expiry': { options: { cookie: {} }, cookies: 0, use() {} },
  'not looked at, resave': { options: { resave: true }, cookies: 0, use() {} },
  'read': { cookies: 0, use: (req) => String(req.session.n) },
  'written': { cookies: 1, use: (req) => { req.session.n = 7; } },
  'written, without an expiry': { options: { cookie: {} }, cookies: 0, use: (req) => { req.session.n = 7; } },
  'its cookie changed': { cookies: 0, use: (req) => { req.session.cookie.path = '/other'; } },
  'unset, to be destroyed': { options: { unset: 'destroy' }, cookies: 0, use: (req) => { req.session = null; } },
  'unset, to be kept': { isToldNothing: true, cookies: 0, use: (req) => { req.session = null; } },
};

/** Starts a server whose store's records have no `flush` yet. */
async function start(t, store, options = {}) {
  const errors = [];
  const state = { use: () => {}, send: withLength, errors, store, records: engineOf(store), flushes: 0 };
  const middleware = session({
    secret: SECRET, resave: false, saveUninitialized: false, store, storeTimeout: LIMIT, cookie: { maxAge: LIFETIME }, ...options,
  });
  const routes = {
    'GET /begin': (req, res) => { req.session.n = 1; res.end(); },
    'GET /': (req, res, next) => {
      state.use(req, res, next);
      if (!res.writableEnded && state.send) state.send(res, req);
    },
  };
  const fail = (error, req, res, _next) => {
    errors.push(`${error}`);
    if (!res.headersSent) res.status(error.status ?? 500).end('an error page');
  };
  const { port } = await serve(createApp({ layers: [middleware], routes, fail }), t);
  state.visit = (target, cookie) => visit(port, target, cookie);
  /** From now on changes are pending until `flush` has answered. */
  state.delay = (flush) => {
    state.records.isCommitted = false;
    state.records.flush = function (callback) {
      state.flushes++;
      return flush.call(this, (...results) => {
        state.answeredAt ??= performance.now();
        return callback(...results);
      });
    };
  };
  return state;
}

/** A response, and when its last byte and its end came. */
async function visit(port, path, cookie) {
  let lastAt;
  const onResponse = (response) => { response.on('data', () => { lastAt = performance.now(); }); };
  const { status, body, headers, cookies } = await ask(port, path, {
    headers: cookie ? { cookie } : {}, patience: LONGEST, encoding: 'latin1', onResponse,
  });
  return { status, body, headers: Object.keys(headers), cookies, lastAt, endedAt: performance.now() };
}

/** Set-Cookie without what no two runs have alike: sid, signature, and when it expires, which is checked here. */
function written(header) {
  const [, date] = /; Expires=([^;]*)/.exec(header) ?? [];
  if (date) assert.ok(Math.abs(Date.parse(date) - Date.now() - LIFETIME) < 3000, header);
  return header.replace(/=s%3A[^;]*/, '=SID').replace(/; Expires=[^;]*/, '; Expires');
}

/** The store's sessions, without sids and dates. */
const storedIn = (store) => Object.values(store.sessions).map((text) => {
  const { cookie: { expires, ...cookie }, ...data } = JSON.parse(text);
  return { ...data, cookie, expires: typeof expires };
});

for (const [answer, { flush, isLate, error }] of Object.entries(ANSWERS)) {
  for (const [name, { isNew, options, isToldNothing, cookies, use }] of Object.entries(REQUESTS)) {
    test(`${name}: the disk answers ${answer}`, async (t) => {
      /** Makes the request, and returns what nothing but the backend can make another. */
      const request = async (make, send) => {
        const app = await start(t, make(), { ...limitOf(answer), ...options });
        const begun = isNew ? undefined : cookieOf((await app.visit('/begin')).cookies[0]);
        app.use = use;
        app.send = send;
        app.delay(flush);
        const sentAt = performance.now();
        const seen = await app.visit('/', begun);
        delete app.records.flush;
        app.records.isCommitted = true;

        assert.deepEqual([seen.status, seen.body], [200, BODY]);
        assert.equal(seen.cookies.length, cookies, `${seen.cookies}`);
        assert.equal(app.flushes, isToldNothing ? 0 : 1);
        await until(() => app.errors.length > 0 || !error || isToldNothing);
        assert.deepEqual(app.errors, error && !isToldNothing ? [error] : []);
        if (isLate && !isToldNothing) {
          const end = send === withLength ? seen.lastAt : seen.endedAt;
          assert.ok(end > (app.answeredAt ?? sentAt + LATE - 2), 'the last byte waits for the answer');
        }
        return { headers: seen.headers, cookies: seen.cookies.map(written), stored: storedIn(app.store) };
      };
      await Promise.all([withLength, inChunks].map(async (send) => {
        const [resident, remote] = await Promise.all(Object.values(STORES).map((make) => request(make, send)));
        assert.deepEqual(resident, remote);
      }));
    });
  }
}

for (const [backend, make] of Object.entries(STORES)) {
  for (const send of [withLength, inChunks]) {
    test(`the ${backend} backend, ${send.name}: as long as the disk has not answered, the client misses the end`, async (t) => {
      const app = await start(t, make(), { storeTimeout: undefined });
      const { cookies: [begun] } = await app.visit('/begin');
      let answerNow;
      let hasEnded = false;
      app.send = send;
      app.use = (req, res) => { req.session.n = 2; res.on('finish', () => { hasEnded = true; }); };
      app.delay((callback) => { answerNow = callback; });
      const seen = app.visit('/', cookieOf(begun)).then((it) => { assert.notEqual(answerNow, undefined); return it; });
      await until(() => answerNow);
      await wait(5 * LATE);
      assert.equal(hasEnded, false);
      answerNow();
      answerNow = null;
      assert.equal((await seen).body, BODY);
    });
  }

  test(`the ${backend} backend: a flush that throws is an error page, as a store's method that throws`, async (t) => {
    const app = await start(t, make());
    const { cookies: [begun] } = await app.visit('/begin');
    app.use = (req) => { req.session.n = 2; };
    app.delay(() => { throw failure(); });
    const seen = await app.visit('/', cookieOf(begun));
    assert.deepEqual([seen.status, seen.body], [500, 'an error page']);
    assert.deepEqual(app.errors, ['Error: the disk is full']);
  });

  test(`the ${backend} backend: without storeTimeout the disk has all the time it needs`, async (t) => {
    const app = await start(t, make(), { storeTimeout: undefined });
    app.use = (req) => { req.session.n = 2; };
    app.delay((callback) => { setTimeout(callback, 3 * LIMIT); });
    const seen = await app.visit('/');
    assert.equal(seen.body, BODY);
    assert.deepEqual(app.errors, []);
    assert.ok(seen.lastAt > app.answeredAt);
  });

  test(`the ${backend} backend: an answer that comes after storeTimeout is none any more`, async (t) => {
    const app = await start(t, make());
    let answerNow;
    app.use = (req) => { req.session.n = 2; };
    app.delay((callback) => { answerNow = callback; });
    assert.equal((await app.visit('/')).body, BODY);
    await until(() => app.errors.length > 0);
    answerNow(failure());
    await wait(5);
    assert.deepEqual(app.errors.map((it) => it.split(':')[0]), ['StoreTimeout']);
  });

  test(`the ${backend} backend: the error handler has the async context of the request`, async (t) => {
    const context = new AsyncLocalStorage();
    const app = await start(t, make());
    const heard = [];
    app.errors.push = () => { heard.push(context.getStore()); };
    let elsewhere;
    app.send = (res) => { context.run('the request', () => withLength(res)); };
    app.use = (req) => { req.session.n = 2; };
    app.delay((callback) => { elsewhere = callback; });
    const seen = app.visit('/');
    await until(() => elsewhere);
    context.run('the disk', () => elsewhere(failure()));
    await seen;
    await until(() => heard.length > 0);
    assert.deepEqual(heard, ['the request']);
  });

  for (const [name, look] of Object.entries({
    'not looked at before': () => {},
    'read before': (req) => String(req.session.n),
    'written before': (req) => { req.session.n = 3; },
  })) {
    for (const rolling of [true, false]) {
      test(`the ${backend} backend, ${rolling ? '' : 'not '}rolling: who looks at req.session while the response waits sees the session, ${name}`, async (t) => {
        const app = await start(t, make(), { rolling });
        const { cookies: [begun] } = await app.visit('/begin');
        // Half of its life is over.
        const [[sid, text]] = Object.entries(app.store.sessions);
        const stored = JSON.parse(text);
        app.store.set(sid, { ...stored, cookie: { ...stored.cookie, expires: new Date(Date.now() + LIFETIME / 2) } });
        const found = [];
        let request;
        const see = () => {
          const { session: seen, sessionID } = request;
          found.push({ n: seen.n, isItsOwn: seen.id === sessionID, isRenewed: seen.cookie.maxAge > LIFETIME - 5000, req: seen.req === request });
        };
        app.use = (req) => { request = req; look(req); };
        app.delay((callback) => { setTimeout(() => { see(); callback(); see(); }, LATE); });
        const seen = await app.visit('/', cookieOf(begun));
        see();
        const n = name === 'written before' ? 3 : 1;
        assert.deepEqual(found, Array(3).fill({ n, isItsOwn: true, isRenewed: true, req: true }));
        assert.equal(seen.body, BODY);
        assert.deepEqual(storedIn(app.store).map((it) => it.n), [n]);
      });
    }
  }

  test(`the ${backend} backend: a program that saves the session while the response waits`, async (t) => {
    const app = await start(t, make(), { storeTimeout: undefined });
    const { cookies: [begun] } = await app.visit('/begin');
    let isSaved = false;
    let request;
    const waiting = [];
    app.use = (req) => { request = req; };
    app.delay((callback) => { waiting.push(callback); });
    const seen = app.visit('/', cookieOf(begun));
    await until(() => waiting.length === 1);
    request.session.n = 9;
    request.session.save((error) => { isSaved = !error; });
    waiting.shift()();
    assert.equal((await seen).body, BODY);
    assert.deepEqual([isSaved, waiting.length], [false, 1], 'the program is not told before the disk has it');
    waiting.shift()();
    await until(() => isSaved);
    assert.deepEqual(storedIn(app.store).map((it) => it.n), [9]);
  });

  for (const [answer, { flush, error }] of Object.entries(ANSWERS)) {
    for (const method of ['save', 'destroy', 'regenerate']) {
      test(`the ${backend} backend: ${method}(callback) when the disk answers ${answer}`, async (t) => {
        const app = await start(t, make(), limitOf(answer));
        const { cookies: [begun] } = await app.visit('/begin');
        const heard = [];
        app.send = undefined;
        app.use = (req, res) => {
          let hasReturned = false;
          req.session[method]((failed) => {
            heard.push(failed ? `${failed}` : 'done', hasReturned);
            delete app.records.flush;
            app.records.isCommitted = true;
            withLength(res);
          });
          hasReturned = true;
        };
        app.delay(flush);
        assert.equal((await app.visit('/', cookieOf(begun))).body, BODY);
        await wait(2);
        assert.deepEqual(heard, [error ?? 'done', true]);
      });
    }
  }
}

for (const [answer, { flush, isLate, error }] of Object.entries(ANSWERS)) {
  for (const [name, call] of Object.entries({
    set: (store, callback) => store.set('sid', sess(), callback),
    touch: (store, callback) => store.touch('sid', sess(), callback),
    destroy: (store, callback) => store.destroy('sid', callback),
    clear: (store, callback) => store.clear(callback),
  })) {
    // A program that calls the store itself has no limit.
    if (answer === 'never') continue;
    test(`${name}(callback) of the store when the disk answers ${answer}`, async () => {
      const store = new MemoryStore();
      store.set('sid', sess());
      Object.assign(engineOf(store), { flush, isCommitted: false });
      const heard = [];
      const calledAt = performance.now();
      call(store, (failed) => { heard.push([failed ? `${failed}` : 'done', !isLate || performance.now() - calledAt > LATE - 2]); });
      assert.deepEqual(heard, [], 'not in this turn');
      await until(() => heard.length > 0);
      await wait(3);
      assert.deepEqual(heard, [[error ?? 'done', true]]);
      assert.doesNotThrow(() => call(store), 'nobody is to be told');
    });
  }
}

function sess() {
  return { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n: 1 };
}

/** @throws {Error} if it is not so in time */
async function until(isSo) {
  const end = Date.now() + LONGEST;
  while (!isSo()) {
    assert.ok(Date.now() < end, `${isSo}`);
    await wait(1);
  }
}
