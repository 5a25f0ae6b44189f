'use strict';

/**
 * The option `touchAfter`: a session that is only read is touched in the store, saved by `resave`
 * and sent by `rolling` at most once in that time, whatever the store; and everything else is
 * stored as without the option.
 */

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { clock, ledger, open, read, write } = require('../compat/app');
const native = require('../../session/native/load');
const { session } = require('../subject');
const { temporaryFolder } = require('../../test-kit/folder');
const { bring, records, stores } = require('./stores');
const { cookieOf } = require('../../test-kit/jar');

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const AFTER = 10 * MINUTE;
const START = Date.UTC(2030, 0, 1);

const at = (ms) => new Date(ms).toISOString();
/** Reads nothing, so that a session of our own stores stays asleep. */
const pass = (req, res) => { res.end(); };
const use = (act) => async (req, res) => { await act(req); res.end(String(req.session?.n)); };

/** A store with `async` methods, whose touch moves an expiry of the store's own. */
class AsyncStore extends session.Store {
  calls = [];
  data = new Map();
  fails = {};
  take() { return this.calls.splice(0); }
  async call(name, act) {
    this.calls.push(name);
    await null;
    if (this.fails[name]) throw this.fails[name];
    return act();
  }

  get(sid) { return this.call('get', () => JSON.parse(this.data.get(sid) ?? 'null')); }
  set(sid, sess) {
    const text = JSON.stringify(sess);
    return this.call('set', () => { this.data.set(sid, text); });
  }

  touch(sid) { return this.call('touch', () => { this.data.get(sid); }); }
  destroy(sid) { return this.call('destroy', () => { this.data.delete(sid); }); }
}

/** Stores of other packages as apps have them: their `touch` leaves the stored cookie as it is. */
const plain = {
  'a store with callbacks': () => ledger(),
  'a store that answers at once': () => ledger({ sync: true }),
  'a store with promises': () => new AsyncStore(),
};

/** Logs in at `START`, and returns the app, its store, the clock, and what the store has. */
async function loggedIn(t, makeStore, options = {}, more = {}) {
  const time = clock(t, START);
  const store = makeStore();
  const app = await open(t, { options: { store, touchAfter: AFTER, cookie: { maxAge: HOUR }, ...options }, ...more });
  await app.visit(write);
  store.take?.();
  const record = async () => {
    const [one, ...others] = Object.values(await records(store));
    assert.deepEqual(others, []);
    return one;
  };
  return { app, store, time, record };
}

/** What the requests of an app have called, apart from `get`. */
const writes = (store) => store.take().filter((name) => name !== 'get');

for (const [name, makeStore] of Object.entries(stores)) {
  for (const rolling of [false, true]) {
    for (const resave of [false, true]) {
      const options = { rolling, resave, saveUninitialized: resave };
      const how = `rolling: ${rolling}, resave: ${resave}: ${name}`;
      const cookiesIf = (isDue) => (isDue && rolling ? 1 : 0);

      for (const [reads, handler] of Object.entries({ 'is read': read, 'is not looked at': pass })) {
        test(`a session that ${reads} is touched once in the time, ${how}`, async (t) => {
          const { app, store, time, record } = await loggedIn(t, makeStore, options);
          let last = START;
          for (const now of [1, AFTER / 2, AFTER - 1, AFTER, AFTER + 1, 2 * AFTER - 1, 2 * AFTER, 5 * AFTER].map((ms) => START + ms)) {
            time.setTime(now);
            const isDue = now - last >= AFTER;
            if (isDue) last = now;
            const { cookies } = await app.visit(handler);
            assert.equal(cookies.length, cookiesIf(isDue), `cookie at ${now - START}`);
            assert.equal((await record()).cookie.expires, at(last + HOUR), `record at ${now - START}`);
            if (store.take) assert.deepEqual(writes(store), isDue ? [resave ? 'set' : 'touch'] : [], `calls at ${now - START}`);
          }
        });
      }

      test(`a session that has changed is saved, and its cookie sent, ${how}`, async (t) => {
        const { app, store, time, record } = await loggedIn(t, makeStore, options);
        time.tick(MINUTE);
        const { cookies } = await app.visit(write);
        assert.equal(cookies.length, 1);
        assert.deepEqual([(await record()).n, (await record()).cookie.expires], [2, at(START + MINUTE + HOUR)]);
        store.take?.();
        time.tick(AFTER - 1);
        assert.deepEqual((await app.visit(read)).cookies, []);
        assert.equal((await record()).cookie.expires, at(START + MINUTE + HOUR), 'the save counts as a touch');
        time.tick(1);
        assert.equal((await app.visit(read)).cookies.length, cookiesIf(true));
        assert.equal((await record()).cookie.expires, at(START + MINUTE + AFTER + HOUR));
      });

      test(`the program touches, ${how}`, async (t) => {
        const { app, time, record } = await loggedIn(t, makeStore, options);
        time.tick(MINUTE);
        const { cookies } = await app.visit(use((req) => { req.session.touch(); }));
        assert.equal(cookies.length, cookiesIf(true));
        assert.equal((await record()).cookie.expires, at(START + MINUTE + HOUR));
        assert.deepEqual((await app.visit(read)).cookies, [], 'the next request does not');
      });

      test(`the program saves, ${how}`, async (t) => {
        const { app, store, time, record } = await loggedIn(t, makeStore, options);
        time.tick(MINUTE);
        const { cookies } = await app.visit(use((req) => req.session.save()));
        assert.equal(cookies.length, cookiesIf(true));
        if (store.take) assert.deepEqual(writes(store), ['set', 'touch'], 'as without the option');
        assert.equal((await record()).cookie.expires, at(START + MINUTE + HOUR));
      });

      test(`a request that prolongs nothing, ${how}`, async (t) => {
        const { app, time, record } = await loggedIn(t, makeStore, options);
        time.tick(AFTER);
        await app.visit(use((req) => { req.session.touch(false); }));
        assert.equal((await record()).cookie.expires, at(START + HOUR));
        time.tick(1);
        assert.equal((await app.visit(read)).cookies.length, cookiesIf(true));
        assert.equal((await record()).cookie.expires, at(START + AFTER + 1 + HOUR));
      });

      test(`what the program does to the cookie is stored, ${how}`, async (t) => {
        const { app, time, record } = await loggedIn(t, makeStore, options);
        time.tick(MINUTE);
        await app.visit(use((req) => { req.session.cookie.maxAge = 30 * HOUR; }));
        let { cookie } = await record();
        assert.deepEqual([cookie.expires, cookie.originalMaxAge], [at(START + MINUTE + 30 * HOUR), 30 * HOUR]);
        await app.visit(use((req) => { req.session.cookie.path = '/app'; }));
        ({ cookie } = await record());
        assert.equal(cookie.path, '/app');
        time.tick(MINUTE);
        await app.visit(use((req) => { req.session.cookie.maxAge = 30 * HOUR; }), { path: '/app', cookie: app.jar.header });
        ({ cookie } = await record());
        assert.equal(cookie.expires, at(START + 2 * MINUTE + 30 * HOUR), 'also the same lifetime');
      });

      test(`what the program does to the cookie before the body ends, ${how}`, async (t) => {
        for (const commit of ['end', 'headers']) {
          const { app, time, record } = await loggedIn(t, makeStore, { ...options, commit });
          time.tick(MINUTE);
          const { cookies } = await app.visit((req, res) => {
            req.session.cookie.maxAge = 30 * HOUR;
            res.write('early ');
            res.end('late');
          });
          assert.equal(cookies.length, cookiesIf(true));
          assert.equal((await record()).cookie.expires, at(START + MINUTE + 30 * HOUR));
        }
      });

      test(`a part of the body before the end, ${how}`, async (t) => {
        for (const commit of ['end', 'headers']) {
          const { app, time, record } = await loggedIn(t, makeStore, { ...options, commit });
          const early = (req, res) => { res.write('early '); res.end('late'); };
          time.tick(AFTER - 1);
          assert.deepEqual((await app.visit(early)).cookies, []);
          assert.equal((await record()).cookie.expires, at(START + HOUR));
          time.tick(1);
          assert.equal((await app.visit(early)).cookies.length, cookiesIf(true));
          assert.equal((await record()).cookie.expires, at(START + AFTER + HOUR));
        }
      });
    }
  }

  test(`what changes after the headers is saved, and what is changed back is touched: ${name}`, async (t) => {
    const { app, time, record } = await loggedIn(t, makeStore, { rolling: true });
    time.tick(MINUTE);
    await app.visit((req, res) => { res.write('early '); req.session.n = 7; res.end(); });
    assert.deepEqual([(await record()).n, (await record()).cookie.expires], [7, at(START + MINUTE + HOUR)]);
    time.tick(MINUTE);
    const { cookies } = await app.visit((req, res) => {
      req.session.n = 8;
      res.write('early ');
      req.session.n = 7;
      res.end();
    });
    assert.equal(cookies.length, 1);
    assert.equal((await record()).cookie.expires, at(START + 2 * MINUTE + HOUR), 'the browser has the new expiry, too');
  });

  test(`a session that lives less than twice the time is touched each time: ${name}`, async (t) => {
    for (const [maxAge, isThrottled] of [[2 * AFTER - 1, false], [2 * AFTER, true]]) {
      const { app, time, record } = await loggedIn(t, makeStore, { cookie: () => ({ maxAge }) });
      time.tick(1);
      await app.visit(read);
      assert.equal((await record()).cookie.expires, at(START + (isThrottled ? 0 : 1) + maxAge), `maxAge ${maxAge}`);
    }
  });

  test(`a reload, with and without a touch: ${name}`, async (t) => {
    const { app, time, record } = await loggedIn(t, makeStore);
    time.tick(MINUTE);
    await app.visit(use((req) => req.session.reload()));
    assert.equal((await record()).cookie.expires, at(START + HOUR));
    await app.visit(use((req) => req.session.touch().reload()));
    assert.equal((await record()).cookie.expires, at(START + MINUTE + HOUR));
  });

  test(`a reload after another request has touched: ${name}`, async (t) => {
    const { app, time, record } = await loggedIn(t, makeStore);
    time.tick(MINUTE);
    await app.visit(use(async (req) => {
      await app.visit(use((other) => { other.session.touch(); }));
      time.tick(1000);
      await req.session.reload();
    }));
    assert.equal((await record()).cookie.expires, at(START + MINUTE + HOUR));
  });

  test(`a clock that is put back does not stop the touches: ${name}`, async (t) => {
    const { app, time, record } = await loggedIn(t, makeStore);
    time.setTime(START - MINUTE);
    await app.visit(read);
    assert.equal((await record()).cookie.expires, at(START - MINUTE + HOUR));
    time.tick(1);
    await app.visit(read);
    assert.equal((await record()).cookie.expires, at(START - MINUTE + HOUR));
  });

  test(`a connection without a response touches nothing, and is not counted: ${name}`, async (t) => {
    const time = clock(t, START);
    const store = makeStore();
    const options = { secret: 'keyboard', resave: false, saveUninitialized: false, store, touchAfter: AFTER, cookie: { maxAge: HOUR } };
    const middleware = session(options);
    const app = await open(t, { middleware });
    await app.visit(write);
    time.tick(AFTER);
    const req = await bring(middleware, { cookie: app.jar.header });
    assert.equal(req.session.n, 1);
    const expires = async () => Object.values(await records(store))[0].cookie.expires;
    assert.equal(await expires(), at(START + HOUR));
    await app.visit(read);
    assert.equal(await expires(), at(START + AFTER + HOUR));
  });
}

for (const [name, makeStore] of Object.entries(plain)) {
  for (const maxAge of [HOUR, undefined]) {
    const options = { cookie: maxAge ? { maxAge } : {} };
    const how = `maxAge ${maxAge}: ${name}`;

    test(`the table knows the last touch, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, options);
      const called = [];
      for (let step = 1; step <= 8; step++) {
        time.tick(AFTER / 4);
        await app.visit(read);
        called.push(...writes(store).map((call) => [step, call]));
      }
      assert.deepEqual(called, [[4, 'touch'], [8, 'touch']]);
    });

    test(`a store that nobody has touched is touched, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, options);
      time.tick(AFTER);
      await app.visit(read);
      // The same sessions in another process.
      const other = Object.assign(makeStore(), { data: store.data });
      const there = await open(t, { options: { store: other, touchAfter: AFTER, ...options } });
      time.tick(1);
      await there.visit(read, { cookie: app.jar.header });
      assert.deepEqual(other.take(), ['get', 'touch']);
      await there.visit(read, { cookie: app.jar.header });
      assert.deepEqual(other.take(), ['get']);
    });

    test(`middlewares that share a store share the table, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, options);
      const other = await open(t, { options: { store, touchAfter: AFTER, ...options } });
      time.tick(AFTER);
      await other.visit(read, { cookie: app.jar.header });
      await app.visit(read);
      assert.deepEqual(store.take(), ['get', 'touch', 'get']);
    });

    test(`a touch that has failed is not counted, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, options);
      time.tick(AFTER);
      store.fails.touch = new Error('no touch today');
      const failed = app.error();
      await app.visit(read);
      assert.equal((await failed).message, 'no touch today');
      store.fails = {};
      store.take();
      await app.visit(read);
      await app.visit(read);
      assert.deepEqual(store.take(), ['get', 'touch', 'get']);
    });

    for (const [whose, handler] of Object.entries({
      'end': write,
      'program': use((req) => { req.session.n++; return req.session.save().catch(() => {}); }),
    })) {
      test(`a save of the ${whose} that has failed is not counted, ${how}`, async (t) => {
        const { app, store, time } = await loggedIn(t, makeStore, options);
        // The touch is known from the table alone.
        time.tick(AFTER);
        await app.visit(read);
        time.tick(MINUTE);
        store.fails.set = new Error('no set today');
        store.fails.touch = store.fails.set;
        const failed = app.error();
        await app.visit(handler);
        await failed;
        store.fails = {};
        store.take();
        await app.visit(read);
        assert.deepEqual(store.take(), ['get', 'touch']);
      });
    }

    test(`a touch that throws or never answers is not counted, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, { ...options, storeTimeout: 30 });
      const { touch } = store;
      for (const broken of [() => { throw new Error('broken'); }, (_sid, _session, _callback) => {}]) {
        time.tick(AFTER);
        store.touch = broken;
        const failed = app.error();
        await app.visit(read);
        await failed;
        store.touch = touch;
        store.take();
        await app.visit(read);
        await app.visit(read);
        assert.deepEqual(store.take(), ['get', 'touch', 'get'], broken.toString());
      }
    });

    test(`requests at the same moment touch once, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, options);
      time.tick(AFTER);
      let arrived = 0;
      let meet;
      const all = new Promise((resolve) => { meet = resolve; });
      const together = async (req, res) => {
        arrived++;
        if (arrived === 10) meet();
        await all;
        res.end(String(req.session.n));
      };
      const answers = await Promise.all(Array.from({ length: 10 }, () => app.visit(together)));
      assert.deepEqual(answers.map(({ body }) => body), Array(10).fill('1'));
      assert.deepEqual(writes(store), ['touch']);
    });

    for (const [ending, end] of Object.entries({
      'destroy()': (req) => req.session.destroy(),
      'destroy() during a save': (req) => Promise.all([req.session.save(), req.session.destroy()]),
      'regenerate()': (req) => req.session.regenerate(),
      'regenerate({ keep })': (req) => req.session.regenerate({ keep: true }),
      'unset': (req) => { req.session = null; },
      'the store forgets it': (req) => { req.sessionStore.data.clear(); },
    })) {
      test(`a session that has ended is not in the table: ${ending}, ${how}`, async (t) => {
        const { app, store, time } = await loggedIn(t, makeStore, { ...options, unset: ending === 'unset' ? 'destroy' : 'keep' });
        const [[sid, text]] = store.data;
        const cookie = app.jar.header;
        time.tick(AFTER);
        await app.visit(read, { cookie });
        await app.visit(async (req, res) => { await end(req); res.end(); }, { cookie });
        assert.equal(store.data.has(sid), false);
        if (ending === 'the store forgets it') await app.visit(read, { cookie });
        // Something else brings it back.
        store.data.set(sid, text);
        store.take();
        await app.visit(read, { cookie });
        assert.deepEqual(writes(store), ['touch']);
      });
    }

    for (const keep of [undefined, ['n']]) {
      test(`the session of regenerate(${JSON.stringify(keep)}) counts from its save, ${how}`, async (t) => {
        const { app, store, time } = await loggedIn(t, makeStore, options);
        time.tick(AFTER);
        await app.visit(use(async (req) => { await req.session.regenerate(keep && { keep }); req.session.n = 5; }));
        store.take();
        time.tick(AFTER - 1);
        assert.equal((await app.visit(read)).body, '5');
        assert.deepEqual(writes(store), []);
        time.tick(1);
        await app.visit(read);
        assert.deepEqual(writes(store), ['touch']);
      });
    }

    for (const fails of [false, true]) {
      test(`a save without a touch, which ${fails ? 'fails' : 'succeeds'}, ${how}`, async (t) => {
        const { app, store, time } = await loggedIn(t, makeStore, options);
        time.tick(AFTER);
        if (fails) store.fails.set = new Error('no set today');
        await app.visit(use(async (req) => {
          req.session.touch(false);
          await req.session.save().catch(() => {});
        }));
        store.fails = {};
        assert.deepEqual(writes(store), ['set']);
        await app.visit(read);
        // Without an expiry of the cookie, a store counts its own lifetime from the save.
        assert.deepEqual(writes(store), fails || maxAge ? ['touch'] : []);
      });
    }

    test(`a regenerate that fails leaves the old session as it was, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, { ...options, rolling: true });
      time.tick(MINUTE);
      const { cookies } = await app.visit(use(async (req) => {
        const { get } = store;
        store.get = (sid, callback) => { callback(new Error('down')); };
        await assert.rejects(req.session.regenerate({ keep: true }), { message: 'down' });
        store.get = get;
      }));
      assert.deepEqual([cookies, writes(store)], [[], ['set', 'destroy']]);
    });

    test(`a session that is put back after its end is saved by resave, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, { ...options, resave: true });
      time.tick(MINUTE);
      await app.visit(use(async (req) => {
        const { session: ended } = req;
        await ended.destroy();
        req.session = ended;
      }));
      assert.deepEqual(writes(store), ['destroy', 'set']);
    });

    test(`a session of the same id is another one: ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, { ...options, genid: () => 'always-the-same' });
      time.tick(MINUTE);
      const { cookies } = await app.visit(use(async (req) => { await req.session.regenerate(); req.session.n = 5; }));
      assert.deepEqual(writes(store), ['destroy', 'set']);
      assert.equal(cookies.length, maxAge ? 1 : 0);
    });
  }

  test(`what another process has touched is known from the stored cookie: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore);
    const other = Object.assign(makeStore(), { data: store.data });
    const there = await open(t, { options: { store: other, touchAfter: AFTER, cookie: { maxAge: HOUR } } });
    time.tick(AFTER - 1);
    const { cookies: [cookie] } = await app.visit(write);
    time.tick(AFTER - 1);
    await there.visit(read, { cookie: cookieOf(cookie) });
    assert.deepEqual(other.take(), ['get']);
    time.tick(1);
    await there.visit(read, { cookie: cookieOf(cookie) });
    assert.deepEqual(other.take(), ['get', 'touch']);
  });

  test(`a save that prolongs nothing does not count as a touch: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore);
    time.tick(AFTER);
    await app.visit(read);
    time.tick(MINUTE);
    await app.visit(use((req) => { req.session.touch(false); req.session.n++; }));
    assert.deepEqual(writes(store), ['touch', 'set']);
    assert.equal(JSON.parse([...store.data.values()][0]).cookie.expires, at(START + HOUR), 'an expiry of long ago');
    await app.visit(read);
    assert.deepEqual(writes(store), ['touch']);
  });

  test(`with rolling, the cookie goes with the touch, without maxAge: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, { rolling: true, cookie: {} });
    time.tick(AFTER - 1);
    assert.deepEqual([(await app.visit(read)).cookies.length, writes(store)], [0, []]);
    time.tick(1);
    assert.deepEqual([(await app.visit(read)).cookies.length, writes(store)], [1, ['touch']]);
  });
}

test('a save into another store is no touch of this one', async (t) => {
  const { app, store, time } = await loggedIn(t, () => ledger(), { cookie: {} });
  const other = ledger();
  time.tick(AFTER);
  await app.visit(use((req) => { req.sessionStore = other; req.session.n++; }));
  assert.deepEqual([writes(store), writes(other)], [[], ['set']]);
  await app.visit(read);
  assert.deepEqual(writes(store), ['touch']);
});

test('a store without touch is never asked', async (t) => {
  const { app, store, time } = await loggedIn(t, () => ledger({ touch: false }));
  for (let step = 0; step < 3; step++) {
    time.tick(AFTER);
    await app.visit(read);
  }
  assert.deepEqual(writes(store), []);
});

test('a touch of the program is called as ever, and asks for nothing', async (t) => {
  const { touch } = session.Session.prototype;
  t.after(() => { session.Session.prototype.touch = touch; });
  const { app, store, time } = await loggedIn(t, () => ledger());
  let calls = 0;
  session.Session.prototype.touch = function counted(...args) { calls++; return touch.apply(this, args); };
  time.tick(MINUTE);
  await app.visit(read);
  assert.deepEqual([calls, writes(store)], [1, []]);
  await app.visit(use((req) => { req.session.touch(); }));
  assert.deepEqual([calls, writes(store)], [3, ['touch']]);
});

for (const [name, make] of Object.entries({
  'MemoryStore': (ttl) => new session.MemoryStore({ ttl }),
  'DiskStore': (ttl) => new session.DiskStore({ path: path.join(temporaryFolder('ttl'), 'sessions.db'), ttl, touchAfter: 0 }),
})) {
  test(`a ${name} with a ttl and sessions without maxAge`, async (t) => {
    const { app, time } = await loggedIn(t, () => make(HOUR), { cookie: {} });
    time.setTime(START + AFTER - 1);
    await app.visit(read);
    await app.visit(pass);
    time.setTime(START + HOUR + 1);
    assert.equal((await app.visit(read)).body, 'undefined', 'it was read, but not touched');
  });

  for (const [how, handler] of Object.entries({ read, pass })) {
    test(`a ${name} with a ttl: one touch in the time, ${how}`, async (t) => {
      const { app, time } = await loggedIn(t, () => make(HOUR), { cookie: {} });
      time.setTime(START + AFTER);
      await app.visit(handler);
      time.setTime(START + 2 * AFTER - 1);
      await app.visit(handler);
      time.setTime(START + AFTER + HOUR + 1);
      assert.equal((await app.visit(read)).body, 'undefined');
    });

    test(`a ${name} with a ttl: a session that was away, ${how}`, async (t) => {
      const { app, store, time } = await loggedIn(t, () => make(HOUR), { cookie: {} });
      const [sid] = await new Promise((resolve) => { store.ids ? store.ids((_error, ids) => resolve(ids)) : store.all((_error, all) => resolve(Object.keys(all))); });
      await new Promise((resolve) => { store.destroy(sid, resolve); });
      const cookie = app.jar.header;
      await app.visit(handler, { cookie });
      await new Promise((resolve) => { store.set(sid, { cookie: { originalMaxAge: null }, n: 5 }, resolve); });
      time.setTime(START + AFTER - 1);
      await app.visit(handler, { cookie });
      time.setTime(START + HOUR + 1);
      assert.equal((await app.visit(read, { cookie })).body, '5', 'it was touched, as nothing is known of it');
    });
  }

  test(`a ${name} with a ttl: touched when the time has come`, async (t) => {
    for (const handler of [read, pass]) {
      const { app, time } = await loggedIn(t, () => make(HOUR), { cookie: {} });
      for (let step = 1; step <= 12; step++) {
        time.tick(AFTER);
        await app.visit(handler);
      }
      assert.equal((await app.visit(read)).body, '1');
    }
  });

  test(`a ${name} with a ttl that is too short, or is a function: touched each time`, async (t) => {
    for (const ttl of [2 * AFTER - 1, () => 2 * AFTER - 1]) {
      const { app, time } = await loggedIn(t, () => make(ttl), { cookie: {} });
      time.setTime(START + AFTER - 1);
      await app.visit(read);
      time.setTime(START + 2 * AFTER);
      assert.equal((await app.visit(read)).body, '1');
    }
  });
}

test('with the clock of the machine', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store, touchAfter: 200, cookie: { maxAge: HOUR } } });
  await app.visit(write);
  store.take();
  const end = Date.now() + 1100;
  let touches = 0;
  for (; Date.now() < end; await pause(10)) {
    await app.visit(read);
    touches += writes(store).length;
  }
  assert.ok(touches >= 3 && touches <= 5, `${touches} touches in 1.1 s`);
});

test('express-session touches each time', async (t) => {
  const { app, store, time } = await loggedIn(t, () => ledger(), { touchAfter: undefined });
  time.tick(1);
  await app.visit(read);
  assert.deepEqual(writes(store), ['touch'], 'and so does this package without the option');
});

test('the table is bounded, and forgets those that were touched first', () => {
  const table = native.createTouched();
  const count = 300000;
  for (let n = 0; n < count; n++) table.note(`sid-${n}`, START + n);
  let known = 0;
  let wrong = 0;
  for (let n = 0; n < count; n++) {
    const last = table.last(`sid-${n}`);
    if (last === START + n) known++;
    else if (!Number.isNaN(last)) wrong++;
  }
  assert.equal(wrong, 0);
  assert.ok(known <= 65536 && known > 60000, `${known} known`);
  table.note('sid-1', 0);
  assert.equal(table.last('sid-1'), 0, 'a clock may begin at 0');
  table.forget('sid-1');
  assert.ok(Number.isNaN(table.last('sid-1')));
});

test('wrong values are refused by name', () => {
  const make = (options) => session({ secret: 'keyboard', resave: false, saveUninitialized: false, ...options });
  for (const touchAfter of [null, 0, -1, NaN, Infinity, '60', '1m', true, [], {}, 10n, new Date(60000)]) {
    assert.throws(() => make({ touchAfter }), { name: 'TypeError', message: 'touchAfter option must be a positive number of milliseconds' });
  }
  for (const maxAge of [AFTER, 2 * AFTER - 1, 0, -1]) {
    const message = 'touchAfter option must be at most half of cookie.maxAge';
    assert.throws(() => make({ touchAfter: AFTER, cookie: { maxAge } }), { name: 'TypeError', message });
  }
  for (const cookie of [undefined, {}, { maxAge: null }, { maxAge: 2 * AFTER }, () => ({ maxAge: 1 })]) make({ touchAfter: AFTER, cookie });
  make({ touchAfter: 0.5 });
  make({ touchAfter: undefined, cookie: { maxAge: 1 } });
});
