'use strict';

/**
 * The option `merge`: what parallel requests have stored is kept, whatever the store; and a
 * save that cannot be merged fails loudly and stores nothing.
 */

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { test } = require('node:test');
const { kinds, ledger, open, original } = require('../compat/app');
const { session } = require('../subject');
const { comparing, stores } = require('./merge/stores');
const { records } = require('./stores');

const withoutCookie = ({ ...data }) => { delete data.cookie; return data; };
const add = (key, base = 0, mine = 0, theirs = 0) => theirs + mine - base;
const append = (key, base = [], mine = [], theirs = []) => [...theirs, ...mine.slice(base.length)];

/** What the store has of the one session, without its cookie. */
async function stored(store) {
  const all = Object.values(await records(store));
  assert.ok(all.length < 2, 'there is one session');
  return all.length === 0 ? undefined : withoutCookie(all[0]);
}

/** Gives the one session of a store a `_meta`, as a wrapper of a store does. */
async function putMeta(store, _meta) {
  const [[sid, data]] = Object.entries(await records(store));
  await asked(store, 'set', sid, { ...data, _meta });
}

/** Calls a method of a store, which answers by a callback or by its promise. */
const asked = (store, method, ...args) => new Promise((resolve, reject) => {
  const promise = store[method](...args, (error, result) => (error ? reject(error) : resolve(result)));
  if (store[method].length <= args.length) promise.then(resolve, reject);
});

/**
 * An app with a visitor whose session is stored, and what the tests do with it.
 * @param {object} setup makeStore; merge; options: more of session(); data: of the session
 */
async function start(t, { makeStore = stores.MemoryStore, merge = true, options, data = {}, ...more } = {}) {
  const store = makeStore();
  if (store.close) t.after(() => store.close());
  const app = await open(t, { options: { store, merge, ...options }, ...more });
  await app.visit((req, res) => { Object.assign(req.session, { here: true }, data); res.end(); });
  const cookie = app.jar.header;
  /** Another request of the same visitor, from its beginning to its end. */
  const other = (change) => app.visit(async (req, res) => { await change(req.session, req); res.end(); }, { cookie });
  /** A request that changes the session after `meanwhile` has happened. */
  const during = (meanwhile, change, finish = (req, res) => { res.end('done'); }) => app.visit(async (req, res) => {
    if (meanwhile) {
      // A session that sleeps is loaded all the same.
      await other(meanwhile);
    }
    await change(req.session, req, res);
    await finish(req, res);
  }, { cookie });
  return { app, cookie, store, other, during, stored: () => stored(store) };
}

const set = (values) => (sess) => { Object.assign(sess, values); };

for (const [name, makeStore] of Object.entries(stores)) {
  const begin = (t, setup) => start(t, { makeStore, ...setup });

  test(`changes of different keys are all kept: ${name}`, async (t) => {
    const { during, stored, app } = await begin(t, { data: { a: 0, b: 0 } });
    const { status, body } = await during(set({ a: 1, c: 1 }), set({ b: 2 }));
    assert.deepEqual([status, body], [200, 'done']);
    assert.deepEqual(await stored(), { here: true, a: 1, b: 2, c: 1 });
    assert.deepEqual(app.errors, []);
  });

  test(`of two changes of a key the later wins, or the function decides: ${name}`, async (t) => {
    const plain = await begin(t, { data: { n: 1 } });
    await plain.during(set({ n: 2 }), set({ n: 3 }));
    assert.deepEqual(await plain.stored(), { here: true, n: 3 });

    const calls = [];
    const decide = (...args) => { calls.push(structuredClone(args)); return add(...args); };
    const { during, stored } = await begin(t, { merge: decide, data: { n: 1, same: 1, mine: 0, theirs: 0 } });
    await during(set({ n: 2, same: 2, theirs: 1, new: 1 }), set({ n: 5, same: 2, mine: 1, new: 2 }));
    assert.deepEqual(calls, [['n', 1, 5, 2], ['same', 1, 2, 2], ['new', undefined, 2, 1]]);
    assert.deepEqual(await stored(), { here: true, n: 6, same: 3, mine: 1, theirs: 1, new: 3 });
  });

  test(`keys that are deleted on one side or both: ${name}`, async (t) => {
    const remove = (...keys) => (sess) => { for (const key of keys) delete sess[key]; };
    const data = { mine: 1, theirs: 1, both: 1, mineTheirs: 1, theirsMine: 1 };
    const { during, stored } = await begin(t, { data });
    await during((sess) => { remove('theirs', 'both', 'theirsMine')(sess); sess.mineTheirs = 2; },
      (sess) => { remove('mine', 'both', 'mineTheirs')(sess); sess.theirsMine = 2; });
    assert.deepEqual(await stored(), { here: true, theirsMine: 2 });

    const calls = [];
    const decided = await begin(t, { data, merge: (...args) => { calls.push(args); return 'decided'; } });
    await decided.during((sess) => { remove('theirs', 'both', 'theirsMine')(sess); sess.mineTheirs = 2; },
      (sess) => { remove('mine', 'both', 'mineTheirs')(sess); sess.theirsMine = 2; });
    assert.deepEqual(calls.sort(), [['mineTheirs', 1, undefined, 2], ['theirsMine', 1, 2, undefined]]);
    assert.deepEqual(await decided.stored(), { here: true, mineTheirs: 'decided', theirsMine: 'decided' });
  });

  test(`arrays and objects: ${name}`, async (t) => {
    const merge = (key, base, mine, theirs) => {
      // A function may change what it is given.
      if (Array.isArray(theirs)) { theirs.push(...mine.slice(base.length)); return theirs; }
      return Object.assign(theirs, mine);
    };
    const { during, stored } = await begin(t, { merge, data: { list: ['a'], deep: { x: { y: 1 } }, alone: [1] } });
    let held;
    const { body } = await during(
      (sess) => { sess.list.push('b'); sess.deep.theirs = 1; },
      (sess) => { held = sess.alone; held.push(2); sess.list.push('c'); sess.deep.mine = 1; },
      async (req, res) => {
        await req.session.save();
        assert.equal(req.session.alone, held, 'the program may hold it');
        held.push(3);
        res.end(JSON.stringify(req.session.list));
      },
    );
    assert.equal(body, '["a","b","c"]', 'the session has the result');
    assert.deepEqual(await stored(), { here: true, list: ['a', 'b', 'c'], deep: { x: { y: 1 }, theirs: 1, mine: 1 }, alone: [1, 2, 3] });
  });

  test(`a session that is not changed keeps what others store, also with resave and rolling: ${name}`, async (t) => {
    for (const options of [{}, { resave: true }, { rolling: true }, { resave: true, rolling: true, cookie: { maxAge: 60000 } }]) {
      const { during, stored } = await begin(t, { options, data: { a: 0 } });
      const { status, cookies } = await during(set({ a: 1 }), () => {});
      assert.deepEqual([status, cookies.length], [200, options.rolling ? 1 : 0]);
      assert.deepEqual(await stored(), { here: true, a: 1 }, JSON.stringify(options));
    }
  });

  test(`save, in each way and several times: ${name}`, async (t) => {
    const ways = {
      callback: (sess) => new Promise((resolve, reject) => { sess.save((error) => (error ? reject(error) : resolve())); }),
      promise: (sess) => sess.save(),
      forget: (sess) => { sess.save(); },
    };
    for (const [way, save] of Object.entries(ways)) {
      const { during, stored, other } = await begin(t, { merge: add, data: { n: 0 } });
      await during(set({ n: 10, a: 1 }), async (sess) => {
        sess.n = 1;
        await save(sess);
        sess.n += 1;
        sess.b = 1;
        if (way !== 'forget') await other((theirs) => { theirs.n += 10; theirs.c = 1; });
        await save(sess);
        sess.n += 1;
      });
      const theirs = way === 'forget' ? { n: 13, a: 1 } : { n: 23, a: 1, c: 1 };
      assert.deepEqual(await stored(), { here: true, b: 1, ...theirs }, `${way}: each of the three was added once`);
    }
    const { during, stored } = await begin(t, { merge: append, data: { list: [] } });
    await during(set({ list: ['x'] }), async (sess) => {
      const saves = [];
      for (const item of ['a', 'b', 'c', 'd']) {
        sess.list.push(item);
        saves.push(sess.save());
      }
      await Promise.all(saves);
    });
    assert.deepEqual((await stored()).list, ['x', 'a', 'b', 'c', 'd']);
  });

  test(`a new session that is saved twice while another request has it already: ${name}`, async (t) => {
    const store = makeStore();
    if (store.close) t.after(() => store.close());
    for (const commit of ['end', 'headers']) {
      const app = await open(t, { options: { store, merge: true, commit } });
      await app.visit(async (req, res) => {
        req.session.a = 1;
        if (commit === 'end') await req.session.save();
        const { length } = Object.keys(await records(store));
        res.write('first ');
        if (commit === 'headers') while (Object.keys(await records(store)).length === length) await new Promise(setImmediate);
        const [sid] = Object.keys(await records(store)).slice(-1);
        await asked(store, 'set', sid, { ...await asked(store, 'get', sid), b: 1 });
        req.session.c = 1;
        res.end('last');
      }, { cookie: 'none=1' });
      assert.deepEqual(withoutCookie(Object.values(await records(store)).at(-1)), { a: 1, b: 1, c: 1 }, commit);
    }
  });

  test(`a save that waits when the request destroys the session: ${name}`, async (t) => {
    const { during, stored } = await begin(t);
    await during(undefined, async (sess) => {
      sess.a = 1;
      const saves = [sess.save(), sess.save()];
      await sess.destroy();
      await Promise.all(saves);
    });
    // A first save that reads before it writes may be too late to hear of it.
    if (!/another store|original's|without setIfUnchanged|wrapped set$/.test(name)) assert.equal(await stored(), undefined);
  });

  test(`the session that reload has replaced is compared with what it was made of: ${name}`, async (t) => {
    const { during, stored } = await begin(t, { merge: add, data: { n: 0, a: 0 } });
    await during(set({ n: 10, a: 1 }), async (old, req) => {
      old.n = 1;
      await req.session.reload();
      await old.save();
      req.session.n += 100;
    });
    assert.deepEqual(await stored(), { here: true, n: 111, a: 1 });
  });

  test(`reload renews what counts as loaded: ${name}`, async (t) => {
    const calls = [];
    const { during, stored, other } = await begin(t, { merge: (...args) => { calls.push(args); return add(...args); }, data: { n: 0 } });
    await during(set({ n: 1 }), async (_, req) => {
      req.session.n = 99;
      await req.session.reload();
      assert.equal(req.session.n, 1);
      req.session.n = 2;
      await other(set({ n: 10 }));
    });
    assert.deepEqual(calls, [['n', 1, 2, 10]]);
    assert.equal((await stored()).n, 11);
  });

  test(`regenerate: ${name}`, async (t) => {
    const { during, stored, app } = await begin(t, { merge: append, data: { cart: ['a'], other: 1 } });
    await during(set({ cart: ['a', 'b'] }), async (_, req) => {
      req.session.cart.push('c');
      await req.session.regenerate({ keep: ['cart'] });
      req.session.user = 'u';
    });
    assert.deepEqual(await stored(), { cart: ['a', 'b', 'c'], user: 'u' }, 'what others have stored comes along');
    await app.visit(async (req, res) => {
      await req.session.regenerate();
      req.session.fresh = true;
      res.end();
    });
    assert.deepEqual(await stored(), { fresh: true });
  });

  test(`after regenerate({ keep }) another request may have the new session: ${name}`, async (t) => {
    const { app, cookie, store } = await begin(t, { data: { a: 0, b: 0 } });
    await app.visit(async (req, res) => {
      await req.session.regenerate({ keep: true });
      const sid = req.sessionID;
      await asked(store, 'set', sid, { cookie: req.session.cookie, a: 1, b: 0 });
      req.session.b = 1;
      res.end();
    }, { cookie });
    assert.deepEqual(withoutCookie(Object.values(await records(store)).at(-1)), { a: 1, b: 1 });
  });

  test(`a session that another request has destroyed stays so: ${name}`, async (t) => {
    const destroy = (sess) => sess.destroy();
    for (const commit of ['end', 'headers']) {
      for (const change of [set({ a: 1 }), async (sess) => { sess.a = 1; await sess.save(); sess.b = 1; }]) {
        const { during, stored, app } = await begin(t, { options: { commit } });
        const { status } = await during(destroy, change);
        assert.equal(status, 200);
        assert.equal(await stored(), undefined, `${commit} ${change}`);
        assert.deepEqual(app.errors, []);
      }
    }
    const { during, stored } = await begin(t);
    const seen = [];
    await during(destroy, async (_, req) => {
      await req.session.regenerate({ keep: true }).catch((error) => { seen.push(error.code); });
      req.session.a = 1;
    });
    assert.deepEqual([seen, await stored()], [['ERR_SESSION_ENDED'], undefined]);
    const own = await begin(t);
    await own.during(undefined, async (sess, req) => {
      await sess.destroy();
      sess.again = true;
      req.session = sess;
      await sess.save();
    });
    assert.equal((await own.stored())?.again, true, 'the request itself may store it again, as ever');
  });

  test(`the cookie and _meta are no conflicts: ${name}`, async (t) => {
    const calls = [];
    const merge = (...args) => { calls.push(args); return 'decided'; };
    const { during, store } = await begin(t, { merge, data: { n: 0 }, options: { cookie: { maxAge: 60000 } } });
    await putMeta(store, { of: 'start' });
    await during(async (sess) => { sess.cookie.maxAge = 1000; sess.n = 1; await sess.save(); await putMeta(store, { of: 'theirs' }); },
      (sess) => { sess.cookie.maxAge = 90000; sess.m = 1; });
    const [{ cookie, ...data }] = Object.values(await records(store));
    assert.deepEqual(calls, []);
    assert.deepEqual(data, { here: true, n: 1, m: 1, _meta: { of: 'theirs' } });
    assert.equal(cookie.originalMaxAge, 90000);
  });

  test(`what a program makes of _meta changes nothing: ${name}`, async (t) => {
    const ways = {
      'deletes it': (sess) => { delete sess._meta; },
      'replaces it': (sess) => { sess._meta = 'garbage'; },
      'changes it': (sess) => { sess._meta.version = 99; sess._meta.created = []; },
      'copies a form into the session': (sess) => { Object.assign(sess, JSON.parse('{"_meta":{"version":99,"next":"x"}}')); },
    };
    for (const [way, act] of Object.entries(ways)) {
      const { during, other, store, app } = await begin(t, { merge: add, data: { n: 0 }, options: { cookie: { maxAge: 60000 }, commit: 'headers' } });
      const meta = { created: 5, version: 3 };
      await putMeta(store, meta);
      const before = JSON.stringify(await stored(store));
      assert.deepEqual((await other(act)).cookies, [], `${way}: no cookie`);
      assert.equal(JSON.stringify(await stored(store)), before, way);
      await during((sess) => { act(sess); sess.n = 1; }, async (sess) => {
        act(sess);
        sess.n = 10;
        await sess.save();
        act(sess);
        sess.m = 1;
      });
      assert.deepEqual(await stored(store), { here: true, n: 11, m: 1, _meta: meta }, way);
      assert.deepEqual(app.errors, [], way);
    }
  });

  test(`a session that has nothing but _meta is uninitialized: ${name}`, async (t) => {
    for (const commit of ['end', 'headers']) {
      const store = makeStore();
      if (store.close) t.after(() => store.close());
      const app = await open(t, { options: { store, merge: true, commit, cookie: { maxAge: 60000 } } });
      const { cookies } = await app.visit((req, res) => { req.session._meta = { version: 1 }; res.end(); });
      assert.deepEqual([cookies, await stored(store)], [[], undefined]);
      const { cookies: [cookie] } = await app.visit(async (req, res) => {
        Object.assign(req.session, { _meta: { version: 1 }, n: 1 });
        await req.session.save();
        res.end();
      });
      assert.ok(cookie);
      assert.deepEqual(await stored(store), { n: 1 });
    }
  });

  test(`a cookie that others have changed alone is no change: ${name}`, async (t) => {
    const { during, store } = await begin(t, { merge: () => { throw new Error('nobody asked'); }, options: { cookie: { maxAge: 60000 } }, data: { n: 0 } });
    await during((sess) => { sess.cookie.maxAge = 30000; sess.save(); }, (sess) => { sess.touch(false); sess.n = 1; });
    const [{ n }] = Object.values(await records(store));
    assert.equal(n, 1);
  });

  test(`keys that every session has: ${name}`, async (t) => {
    const { during, cookie, app, store } = await begin(t, { data: { a: 0 } });
    const odd = '{"save":"s","id":"i","touch":"t","reload":"r","req":"q","constructor":"c","__proto__":{"polluted":true},"toString":"x"}';
    await app.visit(async (req, res) => {
      const { id } = req.session;
      const found = { ...JSON.parse(JSON.stringify(req.session)), ...JSON.parse(odd), a: 1 };
      await asked(store, 'set', id, found);
      req.session.b = 1;
      await req.session.save();
      assert.equal(typeof req.session.save, 'function');
      assert.equal(req.session.id, id);
      assert.equal(req.session.polluted, undefined);
      assert.equal(Object.getPrototypeOf(req.session).constructor === 'c', false);
      req.session.c = 1;
      req.session.touch();
      res.end();
    }, { cookie });
    assert.equal({}.polluted, undefined);
    const { a, b, c } = Object.values(await records(store))[0];
    assert.deepEqual([a, b, c], [1, 1, 1]);
    // A session that is loaded with such keys drops them when it is stored, as ever.
    await app.visit(async (req, res) => {
      const found = { ...JSON.parse(JSON.stringify(req.session)), ...JSON.parse(odd) };
      await asked(store, 'set', req.session.id, found);
      res.end();
    }, { cookie });
    await during(set({ theirs: 1 }), set({ mine: 1 }));
    assert.deepEqual(await stored(store), { here: true, a: 1, b: 1, c: 1, theirs: 1, mine: 1 });
    // A program may give a session of its own such a key as data.
    await during(set({ theirs: 2 }), set({ toString: 'data', constructor: 'data' }));
    const { toString, constructor, theirs } = await stored(store);
    assert.deepEqual([toString, constructor, theirs], ['data', 'data', 2]);
  });

  test(`values with toJSON stay what they are: ${name}`, async (t) => {
    const { during, stored } = await begin(t, { data: { n: 0 } });
    const at = new Date(0);
    await during(set({ n: 1 }), async (sess) => {
      sess.at = at;
      await sess.save();
      assert.equal(sess.at, at);
    });
    assert.deepEqual(await stored(), { here: true, n: 1, at: at.toISOString() });
  });

  test(`a session with toJSON: ${name}`, async (t) => {
    const { during, stored, app, store } = await begin(t, { data: { n: 0, b: 0 }, options: { commit: 'headers' } });
    const { status } = await during(set({ n: 1 }), (sess) => {
      sess.b = 1;
      Object.defineProperty(sess, 'toJSON', { value() { return { cookie: this.cookie, ...this, told: true }; }, configurable: true });
    });
    assert.deepEqual([status, app.errors], [200, []]);
    assert.deepEqual(await stored(), { here: true, n: 1, b: 1, told: true });
    for (const text of Object.values(store.sessions ?? {})) assert.equal(text, JSON.stringify(JSON.parse(text)), 'no key is there twice');
    const text = await stored();
    const refused = await during(set({ n: 2 }), (sess) => {
      sess.b = 2;
      Object.defineProperty(sess, 'toJSON', { value: () => undefined });
    });
    assert.match(app.errors[0].message, /without JSON/);
    assert.deepEqual([refused.status, await stored()], [500, { ...text, n: 2 }]);
  });

  const badAnswers = {
    'throws': [() => { throw new Error('cannot decide'); }, /^cannot decide$/],
    'returns undefined': [() => {}, /^merge option returned undefined for the key "n"$/],
    'returns a promise': [() => Promise.reject(new Error('late')), /^merge option returned a promise for the key "n"$/],
    'returns a function': [() => () => {}, /^merge option returned a function for the key "n"$/],
    'returns a BigInt': [() => 1n, /BigInt/],
    'returns a circle': [() => { const circle = {}; circle.circle = circle; return circle; }, /circular/],
  };
  for (const [how, [merge, message]] of Object.entries(badAnswers)) {
    test(`a function that ${how}: ${name}`, async (t) => {
      for (const commit of ['end', 'headers']) {
        const { during, stored, app } = await begin(t, { merge, data: { n: 0 }, options: { commit } });
        const { status, body } = await during(set({ n: 1, a: 1 }), set({ n: 2, b: 1 }));
        const error = app.errors[0] ?? await app.error();
        assert.match(error.message, message);
        if (commit === 'headers') assert.deepEqual([status, body], [500, error.message]);
        assert.deepEqual(await stored(), { here: true, n: 1, a: 1 }, 'the store is untouched');

        const saved = await begin(t, { merge, data: { n: 0 }, options: { commit } });
        await saved.during(set({ n: 1 }), async (sess) => {
          sess.n = 2;
          await assert.rejects(sess.save(), { message });
          assert.deepEqual([sess.n, typeof sess.save], [2, 'function'], 'the session, too');
          await sess.reload();
        });
        assert.deepEqual(await saved.stored(), { here: true, n: 1 });
      }
    });
  }

  test(`data that JSON refuses: ${name}`, async (t) => {
    const { during, stored, app } = await begin(t, { data: { n: 0 } });
    const { status } = await during(set({ n: 1 }), set({ big: 1n }));
    assert.equal(status, 500);
    assert.match(app.errors[0].message, /BigInt/);
    assert.deepEqual(await stored(), { here: true, n: 1 });
  });

  test(`a save that fails for a value of its own does not take those of others for its own: ${name}`, async (t) => {
    const { during, stored, other } = await begin(t, { data: { a: 0, b: 0 } });
    await during(set({ a: 1 }), async (sess) => {
      sess.b = 1;
      await sess.save();
      await other(set({ a: 2 }));
      sess.big = 1n;
      await sess.save().catch(() => {});
      delete sess.big;
      sess.c = 1;
      await other(set({ a: 3 }));
    });
    assert.deepEqual(await stored(), { here: true, a: 3, b: 1, c: 1 });
  });

  test(`array indexes as keys, and a session without data: ${name}`, async (t) => {
    const { during, stored } = await begin(t, { data: { b: 1, 1: 'one' } });
    await during(set({ 0: 'zero' }), set({ 2: 'two' }));
    assert.deepEqual(await stored(), { 0: 'zero', 1: 'one', 2: 'two', here: true, b: 1 });
    await during((sess) => { for (const key of Object.keys(sess)) if (key !== 'cookie') delete sess[key]; }, set({ last: 1 }));
    assert.deepEqual(await stored(), { last: 1 });
  });

  test(`many requests at once: ${name}`, async (t) => {
    const { app, cookie, stored } = await begin(t, { merge: add });
    const COUNT = 30;
    const visits = Array.from({ length: COUNT }, (_, i) => app.visit(async (req, res) => {
      req.session.n = (req.session.n ?? 0) + 1;
      await new Promise(setImmediate);
      req.session[`own${i}`] = i;
      res.end();
    }, { cookie }));
    for (const { status } of await Promise.all(visits)) assert.equal(status, 200);
    assert.deepEqual(app.errors, []);
    const { n, here, ...own } = await stored();
    // A store whose methods are not one step loses some: the next test files say how many.
    const hasWindow = ['another store', 'a store of the original\'s class', 'MemoryStore with a wrapped set', 'MemoryStore without setIfUnchanged'].includes(name);
    if (!hasWindow) assert.deepEqual([n, Object.keys(own).length, here], [COUNT, COUNT, true]);
  });

  test(`a save when the response has ended: ${name}`, async (t) => {
    const { app, cookie, other, stored } = await begin(t, { data: { a: 0 } });
    await app.visit(async (req, res) => {
      const { session: sess } = req;
      await new Promise((resolve) => { res.once('finish', resolve); res.end(); });
      await other(set({ a: 1 }));
      sess.late = 1;
      await sess.save();
    }, { cookie });
    assert.deepEqual(await stored(), { here: true, a: 1, late: 1 });
  });

  test(`off, the later overwrites all, and nothing is compared: ${name}`, async (t) => {
    for (const options of [{ merge: false }, { merge: undefined }]) {
      const { during, store, stored } = await begin(t, { options, data: { a: 0 } });
      store.calls?.splice(0);
      await during(set({ a: 1 }), set({ b: 1 }));
      assert.deepEqual(await stored(), { here: true, a: 0, b: 1 });
      assert.ok(!store.calls?.includes('setIfUnchanged'));
      assert.equal(store.calls?.filter((call) => call === 'get').length ?? 2, 2);
    }
  });
}

for (const kind of kinds) {
  test(`two requests that overlap, on ${kind}`, async (t) => {
    const { during, stored } = await start(t, { kind, data: { a: 0 } });
    const { status, body, cookies } = await during(set({ a: 1 }), set({ b: 1 }));
    assert.deepEqual([status, body, cookies], [200, 'done', []]);
    assert.deepEqual(await stored(), { here: true, a: 1, b: 1 });
  });

  test(`a merge that fails is an error to next, on ${kind}`, async (t) => {
    const { during, app } = await start(t, { kind, merge: () => {}, data: { a: 0 }, options: { commit: 'headers' } });
    const { status, body } = await during(set({ a: 1 }), set({ a: 2 }), (req, res) => { res.statusCode = 201; res.write('body'); res.end(); });
    assert.deepEqual([status, body], [500, 'merge option returned undefined for the key "a"']);
    assert.equal(app.errors.length, 1);
  });
}

// The methods of a store that fail.

const remote = (change) => () => {
  const store = comparing();
  change(store);
  return store;
};

/** Runs one request that changes the session, on a store that `change` has spoilt. */
async function spoilt(t, change, { options, ...more } = {}) {
  let isOn = false;
  const makeStore = remote((store) => {
    const inner = { ...store };
    change(store, inner);
    for (const name of ['get', 'setIfUnchanged']) {
      const bad = store[name];
      if (bad === inner[name]) continue;
      const good = inner[name];
      // The number of parameters says how a method answers.
      store[name] = bad.length === good.length
        ? (name === 'get' ? (sid, callback) => (isOn ? bad : good)(sid, callback) : (sid, sess, loaded, callback) => (isOn ? bad : good)(sid, sess, loaded, callback))
        : bad;
    }
  });
  const world = await start(t, { makeStore, data: { n: 0 }, options: { commit: 'headers', ...options }, ...more });
  world.store.take();
  const answer = await world.app.visit((req, res) => { isOn = true; req.session.n = 1; res.end('done'); }, { cookie: world.cookie });
  isOn = false;
  return { ...world, ...answer };
}

const failures = {
  'throws': [() => { throw new Error('broken'); }, /^broken$/],
  'gives an error': [(sid, sess, loaded, callback) => { setImmediate(callback, new Error('broken')); }, /^broken$/],
  'rejects': [async (_sid, _sess, _loaded, _callback) => { throw new Error('broken'); }, /^broken$/],
  'rejects, by its promise alone': [async (_sid, _sess, _loaded) => { throw new Error('broken'); }, /^broken$/],
  'answers nothing': [(sid, sess, loaded, callback) => { setImmediate(callback, null); }, /^setIfUnchanged of the store must call back with true or false$/],
  'answers 1': [(sid, sess, loaded, callback) => { callback(null, 1); }, /^setIfUnchanged of the store must call back with true or false$/],
  'answers nothing by its promise': [async (_sid, _sess, _loaded) => {}, /^setIfUnchanged of the store must call back with true or false$/],
};
for (const [how, [setIfUnchanged, message]] of Object.entries(failures)) {
  test(`a store whose setIfUnchanged ${how}`, async (t) => {
    const { status, body, app, stored } = await spoilt(t, (store) => { store.setIfUnchanged = setIfUnchanged; });
    assert.equal(status, 500);
    assert.match(body, message);
    assert.equal(app.errors.length, 1);
    assert.deepEqual(await stored(), { here: true, n: 0 });
  });
}

test('a store whose setIfUnchanged never answers: storeTimeout', async (t) => {
  const { status, app, stored } = await spoilt(t, (store) => { store.setIfUnchanged = (_sid, _sess, _loaded, _callback) => {}; }, { options: { storeTimeout: 50 } });
  assert.equal(status, 500);
  assert.deepEqual([app.errors.length, app.errors[0].code], [1, 'ERR_SESSION_STORE_TIMEOUT']);
  assert.deepEqual(await stored(), { here: true, n: 0 });
});

test('a store whose get never answers when it is asked again: storeTimeout', async (t) => {
  const { status, app } = await spoilt(t, (store) => {
    store.setIfUnchanged = (sid, sess, loaded, callback) => { setImmediate(callback, null, false); };
    store.get = (_sid, _callback) => {};
  }, { options: { storeTimeout: 50 } });
  assert.deepEqual([status, app.errors.length, app.errors[0].code], [500, 1, 'ERR_SESSION_STORE_TIMEOUT']);
});

test('the saves behind one that never answers go on', async (t) => {
  let calls = 0;
  const { store, app, cookie, stored } = await start(t, { makeStore: () => comparing(), data: { n: 0 }, options: { storeTimeout: 50 } });
  const { setIfUnchanged } = store;
  store.setIfUnchanged = (sid, sess, loaded, callback) => { calls++; if (calls > 1) setIfUnchanged(sid, sess, loaded, callback); };
  await app.visit(async (req, res) => {
    req.session.n = 1;
    const first = req.session.save();
    req.session.n = 2;
    const second = req.session.save();
    await assert.rejects(first, { code: 'ERR_SESSION_STORE_TIMEOUT' });
    await second;
    res.end();
  }, { cookie });
  assert.deepEqual(await stored(), { here: true, n: 2 });
});

test('a store that answers twice', async (t) => {
  const { status, app, stored, store } = await spoilt(t, (store, { setIfUnchanged }) => {
    store.setIfUnchanged = (sid, sess, loaded, callback) => {
      setIfUnchanged(sid, sess, loaded, (...results) => {
        callback(...results);
        callback(...results);
        setImmediate(callback, null, false);
        setImmediate(callback, new Error('late'));
      });
    };
  });
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  assert.deepEqual([status, app.errors], [200, []]);
  assert.deepEqual(await stored(), { here: true, n: 1 });
  assert.deepEqual(store.take(), ['get', 'setIfUnchanged']);
});

test('a store that says ENOENT for a session that is gone', async (t) => {
  const { status, app } = await spoilt(t, (store) => {
    store.setIfUnchanged = (sid, sess, loaded, callback) => { setImmediate(callback, null, false); };
    store.get = (sid, callback) => { setImmediate(callback, Object.assign(new Error('no such file'), { code: 'ENOENT' })); };
  });
  assert.deepEqual([status, app.errors], [200, []]);
});

test('a store that fails in get when it is asked again', async (t) => {
  const { status, body, stored } = await spoilt(t, (store) => {
    store.setIfUnchanged = (sid, sess, loaded, callback) => { setImmediate(callback, null, false); };
    store.get = (sid, callback) => { setImmediate(callback, new Error('down')); };
  });
  assert.deepEqual([status, body], [500, 'down']);
  assert.deepEqual(await stored(), { here: true, n: 0 });
});

test('a session that others change again and again: ERR_SESSION_CONFLICT, after 20 more tries', async (t) => {
  let calls = 0;
  const { status, app, stored } = await spoilt(t, (store) => {
    store.setIfUnchanged = (sid, sess, loaded, callback) => { calls++; setImmediate(callback, null, false); };
  });
  assert.equal(status, 500);
  const { name, code, status: told } = app.errors[0];
  assert.deepEqual({ name, code, told }, { name: 'ConflictError', code: 'ERR_SESSION_CONFLICT', told: 503 });
  assert.equal(calls, 21);
  assert.deepEqual(await stored(), { here: true, n: 0 });
});

test('a try that fails does not move what counts as loaded', async (t) => {
  const { store, app, cookie, other, stored } = await start(t, { makeStore: () => comparing(), merge: add, data: { n: 0 } });
  const { setIfUnchanged } = store;
  await app.visit(async (req, res) => {
    await other(set({ n: 10 }));
    req.session.n = 1;
    store.setIfUnchanged = (sid, sess, loaded, callback) => { setImmediate(callback, new Error('down')); };
    await assert.rejects(req.session.save(), /down/);
    store.setIfUnchanged = setIfUnchanged;
    req.session.m = 1;
    res.end();
  }, { cookie });
  assert.deepEqual(await stored(), { here: true, n: 11, m: 1 });
});

test('a try that fails after a merge: what others had stored is not this request\'s', async (t) => {
  const { store, app, cookie, other, stored } = await start(t, { makeStore: () => comparing(), data: { a: 0, n: 0 } });
  const { setIfUnchanged } = store;
  await app.visit(async (req, res) => {
    await other(set({ a: 1 }));
    req.session.n = 1;
    let calls = 0;
    store.setIfUnchanged = (...args) => {
      calls++;
      if (calls === 2) setImmediate(args[3], new Error('down'));
      else setIfUnchanged(...args);
    };
    store.setIfUnchanged = Object.defineProperty(store.setIfUnchanged, 'length', { value: 4 });
    await assert.rejects(req.session.save(), /down/);
    assert.equal(req.session.a, 1, 'it was merged');
    store.setIfUnchanged = setIfUnchanged;
    await other(set({ a: 2 }));
    req.session.n = 2;
    res.end();
  }, { cookie });
  assert.deepEqual(await stored(), { here: true, a: 2, n: 2 });
});

test('a change while a save is under way', async (t) => {
  const { store, app, cookie, stored } = await start(t, { makeStore: () => comparing(), merge: add, data: { n: 0 } });
  const { setIfUnchanged } = store;
  await app.visit(async (req, res) => {
    let answer;
    store.setIfUnchanged = (sid, sess, loaded, callback) => { setIfUnchanged(sid, sess, loaded, (...results) => { answer = () => callback(...results); }); };
    req.session.n = 1;
    const saved = req.session.save();
    while (!answer) await new Promise(setImmediate);
    req.session.n = 2;
    store.setIfUnchanged = setIfUnchanged;
    answer();
    await saved;
    res.end();
  }, { cookie });
  assert.deepEqual(await stored(), { here: true, n: 2 });
});

test('what save has merged is not stored again at the end', async (t) => {
  const { store, app, cookie, other, stored } = await start(t, { makeStore: () => comparing(), data: { a: 0 } });
  await app.visit(async (req, res) => {
    await other(set({ a: 1 }));
    store.take();
    req.session.b = 1;
    await req.session.save();
    res.end();
  }, { cookie });
  assert.deepEqual(store.take(), ['setIfUnchanged', 'get', 'setIfUnchanged', 'touch']);
  assert.deepEqual(await stored(), { here: true, a: 1, b: 1 });
});

test('what the callback of save throws is not passed to it', async (t) => {
  const { store, app, cookie, other } = await start(t, { makeStore: () => comparing({ sync: true }), data: { n: 0 } });
  const calls = [];
  await app.visit(async (req, res) => {
    await other(set({ a: 1 }));
    req.session.n = 1;
    store.setIfUnchanged = undefined;
    assert.throws(() => req.session.save((...args) => { calls.push(args); throw new Error('of the program'); }), /of the program/);
    req.session.n = 0;
    res.end();
  }, { cookie });
  assert.deepEqual(calls, [[undefined]]);
});

test('a callback runs in the async context of its caller', async (t) => {
  const context = new AsyncLocalStorage();
  const { app, cookie, other } = await start(t, { data: { n: 0 } });
  const seen = [];
  await app.visit(async (req, res) => {
    await other(set({ n: 1 }));
    const save = (name) => new Promise((resolve) => { context.run(name, () => req.session.save(() => { seen.push(context.getStore()); resolve(); })); });
    req.session.m = 1;
    const first = save('first');
    req.session.m = 2;
    await Promise.all([first, save('second')]);
    res.end();
  }, { cookie });
  assert.deepEqual(seen, ['first', 'second']);
});

// Sessions of other classes.

test('a class of the program that extends Session, and saves in its own way', async (t) => {
  for (const makeStore of [stores.MemoryStore, () => comparing(), () => ledger()]) {
    class Own extends session.Session {
      save(callback) { this.saves = (this.saves ?? 0) + 1; return super.save(callback); }
    }
    const { during, stored, app } = await start(t, {
      makeStore: () => Object.assign(makeStore(), {
        createSession(req, data) { data.cookie = Object.assign(new session.Cookie(), data.cookie); req.session = new Own(req, data); return req.session; },
      }),
      data: { a: 0 },
    });
    await during(set({ a: 1 }), async (sess) => { sess.b = 1; await sess.save(); sess.c = 1; });
    assert.deepEqual(app.errors, []);
    const { saves, ...data } = await stored();
    assert.deepEqual(data, { here: true, a: 1, b: 1, c: 1 });
    assert.ok(saves >= 2, 'its own method was called');
  }
});

test('sessions of the original\'s class, saved by the program', async (t) => {
  const { during, stored } = await start(t, { makeStore: stores['a store of the original\'s class'], merge: add, data: { n: 0 } });
  await during(set({ n: 10, a: 1 }), async (sess) => {
    sess.n = 1;
    await new Promise((resolve, reject) => { sess.save((error) => (error ? reject(error) : resolve())); });
    assert.equal(sess.n, 11);
    sess.n += 1;
    await sess.save();
    sess.n += 1;
  });
  assert.deepEqual(await stored(), { here: true, n: 13, a: 1 });
  assert.ok(original.Session.prototype.save.length === 1);
});

test('a genid, unset and another session in the place of the first', async (t) => {
  let n = 0;
  const { during, stored, app, cookie } = await start(t, { options: { genid: () => `sid-${++n}`, unset: 'destroy' }, data: { a: 0 } });
  await during(set({ a: 1 }), set({ b: 1 }));
  assert.deepEqual(await stored(), { here: true, a: 1, b: 1 });
  await during(set({ a: 2 }), async (_, req) => {
    await req.session.reload();
    await req.session.reload();
    req.session.c = 1;
  });
  assert.deepEqual(await stored(), { here: true, a: 2, b: 1, c: 1 });
  await app.visit((req, res) => { req.session = null; res.end(); }, { cookie });
  assert.equal(await stored(), undefined);
});

test('a text that a program has put into store.sessions in its own way', async (t) => {
  const cookie = '"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}';
  const texts = [
    `{${cookie},"n":1.0}`, `{${cookie},"\\u006e":1}`, `{${cookie},"n": 1}`, `{ ${cookie}, "n":1 }`, `{"n":1e0,${cookie}}`, `{${cookie},"n":0,"n":1}`,
    JSON.stringify(JSON.parse(`{${cookie},"n":1}`), null, 2), `{${cookie},"n":1,"_meta": {}}`, ` {"n":1, ${cookie}}\n`,
  ];
  for (const text of texts) {
    for (const look of [true, false]) {
      const { store, during, stored, app } = await start(t, { merge: add, options: { resave: true, commit: 'headers' }, data: { n: 1 } });
      const [sid] = Object.keys(store.sessions);
      store.sessions[sid] = text;
      const { status } = await during(undefined, (sess) => { if (look) sess.m = 1; });
      assert.deepEqual([status, app.errors.map(String)], [200, []], text);
      store.sessions[sid] = text;
      await during(set({ n: 5 }), set({ n: 2 }));
      assert.equal((await stored()).n, 6, text);
    }
  }
});

for (const name of ['MemoryStore', 'a DiskStore']) {
  test(`the JSON of a cookie that has not changed is not made: ${name}`, async (t) => {
    const { during, app, cookie, store } = await start(t, { makeStore: stores[name], options: { cookie: { maxAge: 60000 } }, data: { n: 0 } });
    // A replaced `toJSON` would change the way on which the session is stored.
    const { mock } = t.mock.method(JSON, 'stringify');
    const cookiesMade = () => {
      const { calls } = mock;
      mock.resetCalls();
      return calls.filter(({ arguments: [value] }) => value instanceof session.Cookie).length;
    };
    await app.visit((req, res) => { req.session.n = 1; res.end(); }, { cookie });
    assert.equal(cookiesMade(), 0, 'the store knows the cookie');
    await app.visit((req, res) => { req.session.n = 2; req.session.cookie.path = '/app'; res.end(); }, { cookie });
    assert.equal(cookiesMade(), 1, 'another cookie');
    await during(set({ a: 1 }), set({ b: 1 }));
    const [{ cookie: { path }, ...data }] = Object.values(await records(store));
    assert.deepEqual([path, data], ['/app', { here: true, n: 2, a: 1, b: 1 }]);
  });
}

test('setIfUnchanged of a MemoryStore gives a promise without a callback', async () => {
  const store = new session.MemoryStore();
  const cookie = { originalMaxAge: null, expires: null };
  await new Promise((resolve) => { store.set('a', { cookie, n: 1 }, resolve); });
  assert.equal(await store.setIfUnchanged('a', { cookie, n: 2 }, { n: 0 }), false);
  assert.equal(await store.setIfUnchanged('a', { cookie, n: 2 }, { n: 1, _meta: 1 }), true);
  assert.equal(await store.setIfUnchanged('b', { cookie, n: 2 }, {}), false);
  assert.equal(store.sessions.b, undefined, 'it makes no session');
  await assert.rejects(store.setIfUnchanged('a', { cookie, n: 1n }, { n: 2 }), /BigInt/);
  assert.equal(JSON.parse(store.sessions.a).n, 2);
});

test('a setIfUnchanged that a program has put on a MemoryStore is called', async (t) => {
  let calls = 0;
  const makeStore = () => {
    const store = new session.MemoryStore();
    const { setIfUnchanged } = store;
    store.setIfUnchanged = function counted(...args) { calls++; return setIfUnchanged.apply(this, args); };
    return Object.defineProperty(store, 'setIfUnchanged', { value: Object.defineProperty(store.setIfUnchanged, 'length', { value: 4 }) });
  };
  const { during, stored } = await start(t, { makeStore });
  await during(undefined, set({ a: 1 }));
  assert.deepEqual([calls, await stored()], [1, { here: true, a: 1 }]);
});

test('a wrapped get on a MemoryStore: it is one step all the same', async () => {
  const store = stores['MemoryStore with a wrapped get']();
  const cookie = { originalMaxAge: null, expires: null };
  const put = (n) => new Promise((resolve) => { store.set('a', { cookie, n }, resolve); });
  await put(1);
  const isStored = store.setIfUnchanged('a', { cookie, n: 2 }, { n: 1 });
  await put(9);
  assert.deepEqual([await isStored, JSON.parse(store.sessions.a).n], [false, 9]);
});

test('a wrong value is refused at once', () => {
  const make = (merge) => () => session({ secret: 'x', resave: false, saveUninitialized: false, merge });
  for (const merge of [null, 0, 1, 'true', {}, []]) assert.throws(make(merge), { name: 'TypeError', message: 'merge option must be a boolean or a function' });
  assert.throws(make(async () => 1), { name: 'TypeError', message: 'merge option must return a value, not a promise' });
});
