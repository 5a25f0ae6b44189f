'use strict';

/**
 * `req.session.touch(false)`: a request that does not prolong its session, neither in the
 * store nor in the browser, whatever the store and the options; and everything is renewed as
 * ever where no request says so.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { clock, kinds, ledger, open, original, write } = require('../compat/app');
const { session } = require('../subject');
const { bring, lasting, records, stores } = require('./stores');

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2030, 0, 1);

/** Logs in, and returns the app, its store, the clock, and what the store's record says. */
async function loggedIn(t, makeStore, options = {}, more = {}) {
  const time = clock(t, START);
  const store = makeStore();
  const app = await open(t, { options: { store, cookie: { maxAge: HOUR }, ...options }, ...more });
  await app.visit(write);
  const record = async () => {
    const [one, ...others] = Object.values(await records(store));
    assert.deepEqual(others, []);
    return one;
  };
  assert.equal((await record()).cookie.expires, new Date(START + HOUR).toISOString());
  time.tick(MINUTE);
  store.take?.();
  return { app, store, time, record };
}

const at = (ms) => new Date(ms).toISOString();
const end = (use) => (req, res) => { use(req); res.end(String(req.session.n)); };

for (const [name, makeStore] of Object.entries(stores)) {
  for (const rolling of [false, true]) {
    for (const resave of [false, true]) {
      const options = { rolling, resave, saveUninitialized: resave };
      const how = `rolling: ${rolling}, resave: ${resave}: ${name}`;

      test(`a session that was only read stays as it was, ${how}`, async (t) => {
        const { app, store, record } = await loggedIn(t, makeStore, options);
        const before = await record();
        const { body, cookies } = await app.visit(end((req) => {
          assert.equal(req.session.touch(false), req.session);
          assert.equal(req.session.cookie.expires.getTime(), START + HOUR);
        }));
        assert.deepEqual([body, cookies], ['1', []]);
        assert.deepEqual(await record(), before);
        if (store.take) assert.deepEqual(store.take(), ['get'], 'the store is not asked for more');
      });

      test(`a changed session is saved with the expiry that it had, ${how}`, async (t) => {
        const { app, record } = await loggedIn(t, makeStore, options);
        const { cookies } = await app.visit(end((req) => { req.session.touch(false); req.session.n = 7; }));
        const { n, cookie } = await record();
        assert.deepEqual([n, cookie.expires, cookie.originalMaxAge], [7, at(START + HOUR), HOUR]);
        assert.match(cookies.join(), /Expires=Tue, 01 Jan 2030 01:00:00 GMT/, 'and so has its cookie');
      });

      for (const argument of [undefined, true, null, 0, '']) {
        test(`touch(${JSON.stringify(argument)}) renews, also after touch(false), ${how}`, async (t) => {
          const { app, record } = await loggedIn(t, makeStore, options);
          const { cookies } = await app.visit(end((req) => {
            req.session.touch(false);
            req.session.touch(argument);
            assert.equal(req.session.cookie.expires.getTime(), START + MINUTE + HOUR, 'at once');
          }));
          assert.equal((await record()).cookie.expires, at(START + MINUTE + HOUR));
          assert.equal(cookies.length, rolling ? 1 : 0);
        });
      }

      test(`the next request renews as ever, ${how}`, async (t) => {
        const { app, record } = await loggedIn(t, makeStore, options);
        await app.visit(end((req) => { req.session.touch(false); }));
        const { cookies } = await app.visit((req, res) => { res.end(); });
        assert.equal((await record()).cookie.expires, at(START + MINUTE + HOUR));
        assert.equal(cookies.length, rolling ? 1 : 0);
      });

      test(`a new session is stored and gets its cookie, ${how}`, async (t) => {
        clock(t, START);
        const store = makeStore();
        const app = await open(t, { options: { store, cookie: { maxAge: HOUR }, ...options } });
        const { cookies } = await app.visit(end((req) => { req.session.n = 1; req.session.touch(false); }));
        assert.equal(cookies.length, 1);
        assert.deepEqual(Object.values(await records(store)).map(({ cookie }) => cookie.expires), [at(START + HOUR)]);
      });
    }
  }

  test(`in a save of the program, and in the session of a reload: ${name}`, async (t) => {
    const { app, record } = await loggedIn(t, makeStore, { rolling: true });
    const { cookies } = await app.visit((req, res) => new Promise((resolve) => {
      req.session.touch(false);
      req.session.n = 2;
      req.session.save(() => {
        req.session.reload(() => resolve(res.end()));
      });
    }));
    assert.match(cookies.join(), /Expires=Tue, 01 Jan 2030 01:00:00 GMT/, 'the session has changed');
    const { n, cookie } = await record();
    assert.deepEqual([n, cookie.expires], [2, at(START + HOUR)]);
  });

  test(`what was saved and then changed back is saved again: ${name}`, async (t) => {
    const { app, record } = await loggedIn(t, makeStore, { resave: true });
    await app.visit((req, res) => new Promise((resolve) => {
      req.session.touch(false);
      req.session.n = 2;
      req.session.save(() => { req.session.n = 1; resolve(res.end()); });
    }));
    assert.equal((await record()).n, 1);
  });

  test(`after the headers, with commit: 'headers': ${name}`, async (t) => {
    const { app, record } = await loggedIn(t, makeStore, { commit: 'headers' });
    await app.visit((req, res) => new Promise((resolve) => {
      assert.equal(req.session.n, 1);
      res.write('early ');
      req.session.touch(false);
      assert.equal(req.session.cookie.expires.getTime(), START + HOUR);
      req.session.n = 2;
      req.session.save(() => resolve(res.end('late')));
    }));
    const { n, cookie } = await record();
    assert.deepEqual([n, cookie.expires], [2, at(START + HOUR)]);
  });

  test(`headers that are sent before the end: ${name}`, async (t) => {
    const { app, record } = await loggedIn(t, makeStore, { rolling: true });
    const { cookies } = await app.visit((req, res) => {
      req.session.touch(false);
      res.write('early ');
      res.end('late');
    });
    assert.deepEqual(cookies, []);
    assert.equal((await record()).cookie.expires, at(START + HOUR));
  });
}

for (const kind of kinds) {
  test(`a script in the page keeps nobody logged in (${kind})`, async (t) => {
    const { app, time } = await loggedIn(t, stores.MemoryStore, { rolling: true }, { kind });
    const poll = end((req) => { req.session.touch(false); });
    time.setTime(START + HOUR - 1);
    assert.equal((await app.visit(poll)).body, '1');
    time.setTime(START + HOUR + 1);
    assert.equal((await app.visit(poll)).body, 'undefined');
  });
}

test('the store\'s own ttl does not start anew, also with resave', async (t) => {
  for (const resave of [false, true]) {
    const time = clock(t, START);
    const app = await open(t, { options: { store: new session.MemoryStore({ ttl: HOUR }), resave } });
    await app.visit(write);
    time.setTime(START + HOUR - 1);
    assert.equal((await app.visit(end((req) => { req.session.touch(false); }))).body, '1');
    time.setTime(START + HOUR + 1);
    assert.equal((await app.visit(end(() => {}))).body, 'undefined', `resave: ${resave}`);
  }
});

test('a touch that a program has replaced is not called by the end', async (t) => {
  const { app } = await loggedIn(t, () => ledger(), { rolling: true });
  let touches = 0;
  const { touch } = session.Session.prototype;
  t.after(() => { session.Session.prototype.touch = touch; });
  session.Session.prototype.touch = function counted(...args) { touches++; return touch.apply(this, args); };
  await app.visit(end((req) => { req.session.touch(false); }));
  assert.equal(touches, 1);
});

test('a session outside a request', async () => {
  const data = { cookie: { originalMaxAge: HOUR, expires: at(START) } };
  const one = new session.Store().createSession({ sessionID: 'sid' }, data);
  assert.equal(one.touch(false).cookie.expires.getTime(), START);
  assert.ok(one.touch().cookie.expires.getTime() > Date.now());
});

test('without a response', async (t) => {
  clock(t, START);
  const store = new session.MemoryStore();
  const middleware = session({ secret: 'x', resave: false, saveUninitialized: false, store });
  const req = await bring(middleware);
  assert.equal(req.session.touch(false), req.session);
});

test('the original\'s class keeps its own touch, called with what the program gave it', async (t) => {
  const { app } = await loggedIn(t, () => ledger({ Store: original.Store }));
  await app.visit(end((req) => {
    assert.ok(req.session instanceof original.Session);
    assert.equal(req.session.touch(), req.session);
    assert.equal(req.session.cookie.expires.getTime(), START + MINUTE + HOUR);
  }));
});

for (const [what, options] of Object.entries({ 'no other option': {}, 'merge': { merge: true }, 'idleTimeout, of which the session does not know': { idleTimeout: 3 * HOUR }, 'hashIds': { hashIds: true } })) {
  test(`a session that only the store prolongs is not ended by touch(false), with ${what}`, async (t) => {
    for (const act of [() => {}, (req) => { req.session.n = 2; }, (req) => { req.session.n = 2; return req.session.save(); }]) {
      for (const isPresent of [false, true]) {
        const time = clock(t, START);
        const store = lasting();
        if (isPresent) store.setIfPresent = (sid, sess, callback) => { if (store.data.has(sid)) store.set(sid, sess, callback); else setImmediate(callback, null, false); };
        const before = await open(t, { options: { store, cookie: { maxAge: HOUR }, hashIds: options.hashIds } });
        await before.visit(write);
        time.tick(0.75 * HOUR);
        await before.visit(end(() => {}));
        // The stored date is over by now, and the lifetime is not.
        time.tick(0.5 * HOUR);
        const app = await open(t, { options: { store, cookie: { maxAge: HOUR }, ...options }, jar: before.jar });
        const { body, cookies } = await app.visit(async (req, res) => {
          req.session.touch(false);
          await act(req);
          res.end(String(req.session.n));
        }, { cookie: before.jar.header });
        for (const cookie of cookies) assert.match(cookie, new RegExp(`Expires=${new Date(Date.now() + HOUR).toUTCString()}`));
        assert.equal((await app.visit(end(() => {}), { cookie: before.jar.header })).body, body);
        assert.deepEqual([...before.errors, ...app.errors], []);
      }
    }
  });
}
