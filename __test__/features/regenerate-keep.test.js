'use strict';

/**
 * `req.session.regenerate({ keep })`: the new session has what was kept and nothing else, a
 * store that fails loses nothing, and a login that another request has ended is not kept alive.
 */

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { once } = require('node:events');
const { test } = require('node:test');
const { kinds, ledger, open, original } = require('../compat/app');
const { session } = require('../subject');
const { bring, records, stores } = require('./stores');

/** Calls `regenerate` and waits for its callback. */
const regenerate = (req, options, one = req.session) => new Promise((resolve) => {
  assert.equal(one.regenerate(options, (...results) => resolve(results[0])), one);
});

const destroy = (store, sid) => new Promise((resolve) => { store.destroy(sid, resolve); });

const fill = (req, res) => {
  Object.assign(req.session, { user: 'ann', cart: [{ id: 1 }], theme: 'dark' });
  req.session.cookie.path = '/';
  res.end();
};

async function loggedIn(t, store, options, more) {
  const app = await open(t, { options: { store, ...options }, ...more });
  await app.visit(fill);
  const [sid] = Object.keys(await records(store));
  store.take?.();
  return { app, sid };
}

/** What a record has beside the cookie. */
const dataOf = ({ cookie: _cookie, ...data }) => data;
const sidOf = (cookies) => decodeURIComponent(/connect\.sid=s%3A([^.]+)/.exec(cookies.join())[1]);

for (const [name, makeStore] of Object.entries(stores)) {
  for (const resave of [false, true]) {
    test(`the new session has what was kept, under a new id, resave: ${resave}: ${name}`, async (t) => {
      const store = makeStore();
      const { app, sid } = await loggedIn(t, store, { resave, saveUninitialized: resave });
      const { cookies } = await app.visit(async (req, res) => {
        const old = req.session;
        const error = await regenerate(req, { keep: ['cart', 'user', 'absent', 'cart'] });
        assert.equal(error, undefined);
        assert.notEqual(req.session, old);
        assert.equal(req.session.id, req.sessionID);
        assert.equal(req.session.cart, old.cart, 'by reference');
        res.end();
      });
      const all = await records(store);
      const id = sidOf(cookies);
      assert.deepEqual(Object.keys(all), [id], 'the old record is gone');
      assert.notEqual(id, sid);
      assert.deepEqual(dataOf(all[id]), { cart: [{ id: 1 }], user: 'ann' });
      assert.equal((await app.visit((req, res) => { res.end(req.session.user); })).body, 'ann');
    });

    test(`what was stored is not stored again, unless it changes, resave: ${resave}: ${name}`, async (t) => {
      const store = makeStore();
      const { app } = await loggedIn(t, store, { resave, saveUninitialized: resave });
      const visit = (use) => app.visit(async (req, res) => {
        assert.equal(await regenerate(req, { keep: true }), undefined);
        // Another process changes the record, which a save would overwrite.
        const { sessionID } = req;
        const record = (await records(store))[sessionID];
        await new Promise((resolve) => { store.set(sessionID, { ...record, other: true }, resolve); });
        await use(req);
        res.end();
      });
      const stored = async () => dataOf(Object.values(await records(store))[0]);
      const kept = { user: 'ann', cart: [{ id: 1 }], theme: 'dark' };
      await visit(() => {});
      assert.deepEqual(await stored(), { ...kept, other: true });
      const { cookies } = await visit((req) => { req.session.theme = 'light'; });
      assert.deepEqual(await stored(), { ...kept, other: true, theme: 'light' });
      assert.equal(cookies.length, 1);
      await visit((req) => { req.session.cart[0].id = 2; });
      assert.deepEqual((await stored()).cart, [{ id: 2 }], 'a deep change is one, too');
      // The store has what the program has saved last, not what was kept.
      await visit(async (req) => {
        req.session.theme = 'dark';
        await new Promise((resolve) => { req.session.save(resolve); });
        req.session.theme = 'light';
      });
      assert.equal((await stored()).theme, 'light');
    });
  }

  test(`all, some or nothing is kept, and never the cookie: ${name}`, async (t) => {
    const store = makeStore();
    const all = { user: 'ann', cart: [{ id: 1 }], theme: 'dark' };
    const cases = [[true, all], [['theme', 'cookie'], { theme: 'dark' }], [[], {}]];
    for (const [keep, expected] of cases) {
      const { app } = await loggedIn(t, store, { cookie: { maxAge: 60000 } });
      const { cookies } = await app.visit(async (req, res) => {
        req.session.cookie.maxAge = 1000;
        req.session.cookie.sameSite = 'strict';
        assert.equal(await regenerate(req, { keep }), undefined);
        assert.equal(req.session.cookie.originalMaxAge, 60000);
        res.end();
      });
      assert.doesNotMatch(cookies.join(), /SameSite/);
      const record = (await records(store))[sidOf(cookies)];
      assert.deepEqual(dataOf(record), expected);
      assert.equal(record.cookie.originalMaxAge, 60000);
    }
  });

  test(`keys that every session has, and those of prototypes: ${name}`, async (t) => {
    const store = makeStore();
    const { app } = await loggedIn(t, store);
    await app.visit(async (req, res) => {
      const { session: old } = req;
      Object.defineProperty(old, '__proto__', { value: { admin: true }, enumerable: true, configurable: true });
      Object.defineProperty(old, 'hidden', { value: 1, configurable: true });
      for (const keep of [true, ['__proto__', 'constructor', 'toString', 'save', 'id', 'req', 'touch', 'hidden', 'user']]) {
        assert.equal(await regenerate(req, { keep }, old), undefined);
        const made = req.session;
        assert.deepEqual(Object.keys(made).filter((key) => key !== 'cart' && key !== 'theme').sort(), ['cookie', 'user']);
        assert.equal(made.admin, undefined);
        assert.ok(made instanceof session.Session);
        assert.equal(made.req, req);
      }
      res.end();
    });
  });

  test(`a new session, which the store does not have: ${name}`, async (t) => {
    const store = makeStore();
    const app = await open(t, { options: { store } });
    const { cookies } = await app.visit(async (req, res) => {
      req.session.cart = [2];
      assert.equal(await regenerate(req, { keep: ['cart'] }), undefined);
      req.session.user = 'bob';
      res.end();
    });
    const all = await records(store);
    assert.deepEqual(Object.keys(all), [sidOf(cookies)]);
    assert.deepEqual(dataOf(all[sidOf(cookies)]), { cart: [2], user: 'bob' });
  });

  test(`a new session that the store has failed to save was never there: ${name}`, async (t) => {
    const store = makeStore();
    const app = await open(t, { options: { store } });
    const { cookies } = await app.visit(async (req, res) => {
      const { set } = store;
      req.session.cart = [2];
      store.set = (sid, data, callback) => { setImmediate(callback, new Error('down')); };
      await assert.rejects(() => req.session.save(), { message: 'down' });
      store.set = set;
      assert.equal(await regenerate(req, { keep: true }), undefined);
      res.end();
    });
    assert.deepEqual(dataOf((await records(store))[sidOf(cookies)]), { cart: [2] });
  });

  test(`a session that was saved, and then could not be saved again, is missed if it is gone: ${name}`, async (t) => {
    const store = makeStore();
    const app = await open(t, { options: { store } });
    await app.visit(async (req, res) => {
      const { set } = store;
      req.session.cart = [2];
      await req.session.save();
      store.set = (sid, data, callback) => { setImmediate(callback, new Error('down')); };
      await assert.rejects(() => req.session.save(), { message: 'down' });
      store.set = set;
      await destroy(store, req.sessionID);
      assert.equal((await regenerate(req, { keep: true })).code, 'ERR_SESSION_ENDED');
      res.end();
    });
  });

  test(`a session that another request has ended is not kept: ${name}`, async (t) => {
    const store = makeStore();
    const { app, sid } = await loggedIn(t, store);
    const { cookies } = await app.visit(async (req, res) => {
      const old = req.session;
      await destroy(store, sid);
      const error = await regenerate(req, { keep: true });
      assert.deepEqual([error.code, error.name, error instanceof Error], ['ERR_SESSION_ENDED', 'SessionEnded', true]);
      assert.equal(req.session, old);
      assert.equal(req.sessionID, sid);
      res.end();
    });
    assert.deepEqual(cookies, []);
    assert.equal((await app.visit((req, res) => { res.end(String(req.session.user)); })).body, 'undefined');
    const left = Object.values(await records(store));
    assert.deepEqual(left, []);
  });

  test(`a logout that comes while the new session is stored: ${name}`, async (t) => {
    const store = makeStore();
    const { app, sid } = await loggedIn(t, store);
    const { set } = store;
    await app.visit(async (req, res) => {
      store.set = function slow(id, data, callback) {
        set.call(this, id, data, () => { destroy(store, sid).then(() => callback()); });
      };
      const error = await regenerate(req, { keep: true });
      store.set = set;
      assert.equal(error.code, 'ERR_SESSION_ENDED');
      res.end();
    });
    assert.deepEqual(await records(store), {});
  });

  test(`a session that this request has destroyed itself: ${name}`, async (t) => {
    const store = makeStore();
    const { app } = await loggedIn(t, store);
    const { cookies } = await app.visit(async (req, res) => {
      const old = req.session;
      await new Promise((resolve) => { old.destroy(resolve); });
      assert.equal(await regenerate(req, { keep: ['theme'] }, old), undefined);
      res.end();
    });
    assert.deepEqual(Object.values(await records(store)).map(dataOf), [{ theme: 'dark' }]);
    assert.equal(cookies.length, 1);
  });

  /** The ways in which the method `set` of a store fails. */
  const failures = {
    'calls back with an error': (sid, data, callback) => { setImmediate(callback, new Error('down')); },
    'throws': () => { throw new Error('down'); },
    'returns a rejected promise': async () => { throw new Error('down'); },
  };
  for (const [how, fail] of Object.entries(failures)) {
    test(`a set that ${how} loses nothing: ${name}`, async (t) => {
      const store = makeStore();
      const { app, sid } = await loggedIn(t, store);
      const { set } = store;
      const { cookies } = await app.visit(async (req, res) => {
        const old = req.session;
        old.theme = 'light';
        store.set = fail;
        const error = await regenerate(req, { keep: true });
        store.set = set;
        assert.equal(error.message, 'down');
        assert.equal(req.session, old);
        assert.equal(req.sessionID, sid);
        assert.deepEqual(Object.keys(await records(store)), [sid]);
        res.end();
      });
      assert.deepEqual(cookies, []);
      const all = await records(store);
      assert.deepEqual(Object.keys(all), [sid]);
      assert.equal(all[sid].theme, 'light', 'and its change is saved at the end');
      assert.deepEqual(app.errors, []);
    });

    test(`a get that ${how} loses nothing: ${name}`, async (t) => {
      const store = makeStore();
      const { app, sid } = await loggedIn(t, store);
      const { get } = store;
      await app.visit(async (req, res) => {
        const old = req.session;
        store.get = (id, callback) => fail(id, undefined, callback);
        const error = await regenerate(req, { keep: true });
        store.get = get;
        assert.equal(error.message, 'down');
        assert.equal(req.session, old);
        res.end();
      });
      assert.deepEqual(Object.keys(await records(store)), [sid], 'the new record is removed');
    });

    test(`a destroy that ${how}: the new session is on the request: ${name}`, async (t) => {
      const store = makeStore();
      const { app, sid } = await loggedIn(t, store);
      const inner = store.destroy;
      const { cookies } = await app.visit(async (req, res) => {
        const old = req.session;
        store.destroy = (id, callback) => fail(id, undefined, callback);
        const error = await regenerate(req, { keep: ['user'] });
        store.destroy = inner;
        assert.equal(error.message, 'down');
        assert.notEqual(req.session, old);
        assert.equal(req.session.user, 'ann');
        res.end();
      });
      assert.deepEqual(Object.keys(await records(store)).sort(), [sid, sidOf(cookies)].sort());
      assert.equal((await app.visit((req, res) => { res.end(req.session.user); })).body, 'ann');
    });
  }

  test(`a wrong keep is a TypeError that names it, and nothing happens: ${name}`, async (t) => {
    const store = makeStore();
    const { app, sid } = await loggedIn(t, store);
    const { cookies } = await app.visit((req, res) => {
      const old = req.session;
      for (const keep of [false, undefined, null, 'user', 1, {}, [1], ['user', null], new Set(['user']), () => true]) {
        assert.throws(() => old.regenerate({ keep }, () => assert.fail('called back')), {
          name: 'TypeError', message: 'keep option of regenerate must be true or an array of strings',
        });
      }
      assert.throws(() => old.regenerate({}), TypeError);
      assert.equal(req.session, old);
      res.end();
    });
    assert.deepEqual([Object.keys(await records(store)), cookies], [[sid], []]);
  });

  test(`without options it is what it was: ${name}`, async (t) => {
    const store = makeStore();
    const { app } = await loggedIn(t, store);
    let calls = 0;
    const { regenerate: inner } = store;
    store.regenerate = function counted(...args) { calls++; return inner.apply(this, args); };
    await app.visit((req, res) => { req.session.regenerate(() => { req.session.n = 1; res.end(); }); });
    assert.deepEqual(Object.values(await records(store)).map(dataOf), [{ n: 1 }]);
    assert.equal(calls, 1);
    await app.visit(async (req, res) => { await regenerate(req, { keep: true }); res.end(); });
    assert.equal(calls, 1, 'the store\'s own destroys first, so it is not called for keep');
  });

  test(`a new session is saved, although it has the data that another one was saved with: ${name}`, async (t) => {
    const store = makeStore();
    const { app } = await loggedIn(t, store);
    const { cookies } = await app.visit(async (req, res) => {
      assert.equal(await regenerate(req, { keep: ['user'] }), undefined);
      await new Promise((resolve) => { req.session.regenerate(resolve); });
      req.session.user = 'ann';
      res.end();
    });
    const all = await records(store);
    assert.deepEqual(Object.keys(all), [sidOf(cookies)]);
    assert.equal(all[sidOf(cookies)].user, 'ann');
  });

  test(`without a callback: ${name}`, async (t) => {
    const store = makeStore();
    const { app, sid } = await loggedIn(t, store);
    const inner = store.destroy;
    await app.visit(async (req, res) => {
      const old = req.session;
      const destroyed = new Promise((resolve) => {
        store.destroy = function seen(id, callback) { resolve(id); return inner.call(this, id, callback); };
      });
      assert.equal(await old.regenerate({ keep: ['user'] }), undefined);
      assert.equal(await destroyed, sid);
      assert.deepEqual([req.session.user, req.session.theme], ['ann', undefined]);
      const { set } = store;
      store.set = () => { throw new Error('no unhandled rejection comes of this'); };
      req.session.regenerate({ keep: true });
      await assert.rejects(() => req.session.regenerate({ keep: true }), /no unhandled rejection/);
      store.set = set;
      res.end();
    });
  });

  test(`the old id again, or none, of a genid: ${name}`, async (t) => {
    const store = makeStore();
    let id = 'constant';
    const { app } = await loggedIn(t, store, { genid: () => { if (!id) throw new Error('no id'); return id; } });
    await app.visit(async (req, res) => {
      const old = req.session;
      assert.match((await regenerate(req, { keep: true })).message, /genid returned the id of the session/);
      id = undefined;
      assert.equal((await regenerate(req, { keep: true })).message, 'no id');
      assert.equal(req.session, old);
      assert.equal(req.sessionID, 'constant');
      res.end();
    });
    const { constant } = await records(store);
    assert.equal(constant.user, 'ann');
  });

  test(`data that JSON refuses loses nothing: ${name}`, async (t) => {
    const store = makeStore();
    const { app, sid } = await loggedIn(t, store);
    await app.visit(async (req, res) => {
      req.session.big = 1n;
      assert.ok(await regenerate(req, { keep: true }) instanceof TypeError);
      delete req.session.big;
      res.end();
    });
    assert.deepEqual(Object.keys(await records(store)), [sid]);
  });
}

for (const kind of kinds) {
  test(`a login takes the cart along, and saves it before a redirect (${kind})`, async (t) => {
    const store = ledger();
    const { app } = await loggedIn(t, store, {}, { kind });
    const { status, cookies } = await app.visit((req, res) => {
      req.session.regenerate({ keep: ['cart'] }, (error) => {
        assert.equal(error, undefined);
        req.session.user = 'bob';
        req.session.save(() => { res.writeHead(302, { Location: '/' }); res.end(); });
      });
    });
    assert.deepEqual([status, cookies.length], [302, 1]);
    assert.deepEqual(store.take(), ['get', 'set', 'get', 'destroy', 'set']);
    const { body } = await app.visit((req, res) => { res.end(JSON.stringify([req.session.user, req.session.cart, req.session.theme])); });
    assert.equal(body, '["bob",[{"id":1}],null]');
  });
}

test('again and again in one request', async (t) => {
  for (const makeStore of Object.values(stores)) {
    const store = makeStore();
    const { app } = await loggedIn(t, store);
    const { cookies } = await app.visit(async (req, res) => {
      for (let i = 0; i < 3; i++) assert.equal(await regenerate(req, { keep: true }), undefined);
      res.end();
    });
    assert.deepEqual(Object.keys(await records(store)), [sidOf(cookies)]);
  }
});

test('an error with the code ENOENT means that the session has ended', async (t) => {
  const store = ledger();
  const { app } = await loggedIn(t, store);
  await app.visit(async (req, res) => {
    store.fails.get = Object.assign(new Error('gone'), { code: 'ENOENT' });
    assert.equal((await regenerate(req, { keep: true })).code, 'ERR_SESSION_ENDED');
    store.fails.get = undefined;
    res.end();
  });
});

test('storeTimeout: a store that does not answer loses nothing', async (t) => {
  const store = ledger();
  const { app, sid } = await loggedIn(t, store, { storeTimeout: 50 });
  await app.visit(async (req, res) => {
    const { set } = store;
    store.set = () => {};
    assert.equal((await regenerate(req, { keep: true })).code, 'ERR_SESSION_STORE_TIMEOUT');
    store.set = set;
    assert.equal(req.sessionID, sid);
    res.end();
  });
});

test('the callback runs in the context of the request, also with a pool of connections', async (t) => {
  const context = new AsyncLocalStorage();
  const store = ledger();
  const { app } = await loggedIn(t, store);
  await app.visit((req, res) => new Promise((resolve) => {
    const { set } = store;
    store.set = (sid, data, callback) => set(sid, data, (error) => { context.exit(() => callback(error)); });
    context.run('mine', () => {
      req.session.regenerate({ keep: true }, () => { store.set = set; resolve(res.end(context.getStore())); });
    });
  })).then(({ body }) => assert.equal(body, 'mine'));
});

test('clearCookie does not clear the cookie of the new session', async (t) => {
  const { app } = await loggedIn(t, ledger(), { clearCookie: true });
  const { cookies } = await app.visit(async (req, res) => { await regenerate(req, { keep: true }); res.end(); });
  assert.match(cookies.join(), /^connect\.sid=s%3A[^;]+; Path=\/; HttpOnly$/);
});

test('a session that the program has loaded by the store', async () => {
  const store = new session.MemoryStore();
  session({ secret: 'x', resave: false, saveUninitialized: false, store });
  await new Promise((resolve) => { store.set('old', { cookie: {}, user: 'ann' }, resolve); });
  const load = () => new Promise((resolve) => { store.load('old', (error, data) => resolve(data)); });
  const one = await load();
  const late = await load();
  assert.equal(await regenerate(one.req, { keep: true }, one), undefined);
  assert.equal(one.req.session.user, 'ann');
  assert.deepEqual(Object.keys(store.sessions), [one.req.sessionID]);
  assert.equal((await regenerate(late.req, { keep: true }, late)).code, 'ERR_SESSION_ENDED');
  assert.deepEqual(Object.keys(store.sessions), [one.req.sessionID]);
});

test('without a response', async () => {
  const store = new session.MemoryStore();
  const req = await bring(session({ secret: 'x', resave: false, saveUninitialized: false, store }));
  req.session.n = 1;
  assert.equal(await regenerate(req, { keep: true }), undefined);
  assert.deepEqual(Object.values(await records(store)).map(dataOf), [{ n: 1 }]);
});

test('what the callback throws is an uncaught exception, as that of other callbacks', async (t) => {
  const { app } = await loggedIn(t, ledger());
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  t.after(() => { for (const one of listeners) process.on('uncaughtException', one); });
  await app.visit(async (req, res) => {
    const thrown = once(process, 'uncaughtException');
    req.session.regenerate({ keep: true }, () => { throw new Error('mine'); });
    const [error, origin] = await thrown;
    assert.deepEqual([error.message, origin], ['mine', 'uncaughtException']);
    res.end();
  });
});

test('a session of the original\'s class, whose own regenerate knows no options', async (t) => {
  const { app } = await loggedIn(t, ledger({ Store: original.Store }));
  await app.visit(async (req, res) => {
    assert.ok(req.session instanceof original.Session);
    assert.equal(await regenerate(req, { keep: ['user'] }), undefined);
    assert.ok(req.session instanceof session.Session);
    res.end();
  });
  assert.equal((await app.visit((req, res) => { res.end(req.session.user); })).body, 'ann');
});
