'use strict';

/**
 * The options `idleTimeout` and `absoluteTimeout`: a session ends when its time is over, whatever
 * its store, its cookie, the other options and the program say; it lives until then; and the store
 * is not written more often than that needs.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { child, files, kinds, ledger, open, original, read, write } = require('../compat/app');
const { session } = require('../subject');
const { comparing } = require('./merge/stores');
const { MINUTE, START, end, loggedIn, meta, started, stores } = require('./ends/app');

const IDLE = 10 * MINUTE;
const ABSOLUTE = 60 * MINUTE;
const HOUR = 60 * MINUTE;

/** Options that must change nothing of it. */
const others = {
  'no other option': {},
  'rolling': { rolling: true },
  'resave and saveUninitialized': { resave: true, saveUninitialized: true },
  'all of these': { rolling: true, resave: true, saveUninitialized: true },
  'commit: headers': { commit: 'headers' },
  'commit: headers and rolling': { commit: 'headers', rolling: true },
  'merge': { merge: true },
  'unset, clearCookie, cacheControl and storeTimeout': { unset: 'destroy', clearCookie: true, cacheControl: 'no-store', storeTimeout: 5000 },
};

const cookies = { 'maxAge': { maxAge: 24 * HOUR }, 'no maxAge': {} };

for (const [name, makeStore] of Object.entries(stores)) {
  for (const [cookieName, cookie] of Object.entries(cookies)) {
    for (const [how, more] of Object.entries(others)) {
      const options = { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE, cookie, ...more };

      test(`idle and absolute end, ${how}, ${cookieName}: ${name}`, async (t) => {
        const { app, store, time, sids } = await loggedIn(t, makeStore, options);
        const [first] = await sids();
        // Used all the time, it lives on, but not beyond the absolute end.
        for (let at = 9 * MINUTE; at < ABSOLUTE; at += 9 * MINUTE) {
          time.setTime(START + at);
          assert.equal((await app.visit(read)).body, '1', `after ${at / MINUTE} minutes`);
        }
        time.setTime(START + ABSOLUTE - 1);
        assert.equal((await app.visit(read)).body, '1', 'a moment before the absolute end');
        time.setTime(START + ABSOLUTE);
        assert.equal((await app.visit(read)).body, 'undefined', 'at the absolute end');
        assert.ok(!(await sids()).includes(first), 'it is destroyed in the store');

        await app.visit(write);
        const second = (await sids()).find((sid) => sid !== first);
        const { created, seen } = await meta(store, second);
        if (!options.saveUninitialized) assert.deepEqual([created, seen], [START + ABSOLUTE, START + ABSOLUTE], 'the next one begins anew');
        time.tick(IDLE - 1);
        assert.equal((await app.visit(read)).body, '1', 'a moment before the idle end');
        time.tick(IDLE - 1);
        assert.equal((await app.visit(read)).body, '1', 'the read was a use');
        time.tick(IDLE);
        assert.equal((await app.visit(read)).body, 'undefined', 'at the idle end');
        assert.ok(!(await sids()).includes(second), 'it is destroyed in the store');
        assert.deepEqual(app.errors, []);
      });
    }

    test(`a request that polls with touch(false) keeps nobody logged in, ${cookieName}: ${name}`, async (t) => {
      const { app, store, time, record } = await loggedIn(t, makeStore, { idleTimeout: IDLE, cookie, rolling: true });
      const before = await record();
      store.take?.();
      for (let at = MINUTE; at < IDLE; at += MINUTE) {
        time.setTime(START + at);
        const { body, cookies: sent } = await app.visit(end((req) => { req.session.touch(false); }));
        assert.deepEqual([body, sent], ['1', []]);
      }
      assert.deepEqual(await record(), before);
      if (store.take) assert.deepEqual([...new Set(store.take())], ['get'], 'nothing is written');
      time.setTime(START + IDLE);
      assert.equal((await app.visit(read)).body, 'undefined');
    });

    test(`neither does one that saves, ${cookieName}: ${name}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE, cookie, resave: true });
      for (let at = MINUTE; at < IDLE; at += MINUTE) {
        time.setTime(START + at);
        const saving = end(async (req) => { req.session.touch(false); req.session.at = at; if (at % 2 === 0) await req.session.save(); });
        assert.equal((await app.visit(saving)).body, '1');
        assert.equal((await meta(store)).seen, START);
      }
      time.setTime(START + IDLE);
      assert.equal((await app.visit(read)).body, 'undefined');
    });

    test(`an explicit save is a use: ${cookieName}: ${name}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE, cookie });
      time.tick(9 * MINUTE);
      await app.visit(end((req) => req.session.save()));
      assert.deepEqual(await meta(store), { created: START, renewed: START, seen: START + 9 * MINUTE });
      time.tick(9 * MINUTE);
      assert.equal((await app.visit(read)).body, '1');
    });
  }

  test(`only the absolute end: ${name}`, async (t) => {
    const { app, time, store } = await loggedIn(t, makeStore, { absoluteTimeout: ABSOLUTE });
    time.setTime(START + ABSOLUTE - 1);
    store.take?.();
    assert.equal((await app.visit(read)).body, '1', 'however long it was not used');
    if (store.take) assert.deepEqual(store.take(), ['get', 'touch']);
    time.setTime(START + ABSOLUTE);
    assert.equal((await app.visit(read)).body, 'undefined');
  });

  test(`a fixed expiry of the cookie is no use, whatever it says: ${name}`, async (t) => {
    const { app, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE },
      end((req) => { req.session.cookie.expires = new Date(START + 100 * HOUR); req.session.n = 1; }));
    time.tick(IDLE - 1);
    assert.equal((await app.visit(read)).body, '1');
    time.tick(IDLE);
    assert.equal((await app.visit(read)).body, 'undefined');
  });

  test(`a cookie that the program lets live longer at each request: ${name}`, async (t) => {
    const { app, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE, rolling: true });
    for (let at = 9 * MINUTE; at < ABSOLUTE; at += 9 * MINUTE) {
      time.setTime(START + at);
      assert.equal((await app.visit(end((req) => { req.session.cookie.maxAge = at * 100; }))).body, '1');
    }
    time.setTime(START + ABSOLUTE);
    assert.equal((await app.visit(read)).body, 'undefined');
  });

  test(`reload of a session that has ended meanwhile: ${name}`, async (t) => {
    const { app, time, sids } = await loggedIn(t, makeStore, { idleTimeout: IDLE, unset: 'keep' });
    await app.visit(async (req, res) => {
      assert.equal(req.session.n, 1);
      await req.session.reload();
      assert.equal(req.session.n, 1);
      time.tick(IDLE);
      const { session: before } = req;
      await assert.rejects(req.session.reload(), /failed to load session/);
      assert.equal(req.session, before);
      assert.deepEqual(await sids(), []);
      res.end();
    });
  });

  test(`what reload has read is what counts: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE });
    const { header: cookie } = app.jar;
    await app.visit(async (req, res) => {
      assert.equal(req.session.n, 1);
      time.tick(5 * MINUTE);
      await app.visit(write, { cookie });
      time.tick(MINUTE);
      await req.session.reload();
      assert.equal(req.session.n, 2);
      req.session.touch(false);
      req.session.n = 3;
      res.end();
    });
    assert.deepEqual(await meta(store), { created: START, renewed: START, seen: START + 5 * MINUTE });
  });

  test(`regenerate begins anew, regenerate({ keep }) does not: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE });
    time.tick(MINUTE);
    await app.visit(end(async (req) => { await req.session.regenerate({ keep: true }); }));
    assert.deepEqual(await meta(store), { created: START, renewed: START + MINUTE, seen: START + MINUTE });
    time.tick(MINUTE);
    await app.visit(end(async (req) => { await req.session.regenerate({ keep: ['n', '_meta'] }); await req.session.regenerate({ keep: true }); }));
    assert.equal((await meta(store)).created, START, 'also twice');
    time.tick(MINUTE);
    await app.visit(end(async (req) => { await req.session.regenerate(); req.session.n = 1; }));
    assert.deepEqual(await meta(store), { created: START + 3 * MINUTE, renewed: START + 3 * MINUTE, seen: START + 3 * MINUTE });
  });

  test(`regenerate({ keep }) does not prolong the session: ${name}`, async (t) => {
    const { app, time } = await loggedIn(t, makeStore, { absoluteTimeout: ABSOLUTE, cookie: { maxAge: 24 * HOUR } });
    time.setTime(START + ABSOLUTE - 1);
    assert.equal((await app.visit(end(async (req) => { await req.session.regenerate({ keep: true }); }))).body, '1');
    time.setTime(START + ABSOLUTE);
    assert.equal((await app.visit(read)).body, 'undefined');
  });

  test(`a session that the program destroys and stores again ends when it would have: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, { absoluteTimeout: ABSOLUTE });
    time.tick(MINUTE);
    await app.visit(end(async (req) => {
      const one = req.session;
      await one.destroy();
      req.session = one;
      await one.save();
    }));
    assert.equal((await meta(store)).created, START);
  });

  test(`destroy and null end it as ever: ${name}`, async (t) => {
    const { app, sids } = await loggedIn(t, makeStore, { idleTimeout: IDLE, unset: 'destroy', clearCookie: true });
    const { cookies: cleared } = await app.visit((req, res) => { req.session = null; res.end(); });
    assert.match(cleared.join(), /Expires=Thu, 01 Jan 1970/);
    assert.deepEqual(await sids(), []);
    await app.visit(write);
    await app.visit((req, res) => req.session.destroy().then(() => { res.end(); }));
    assert.deepEqual(await sids(), []);
  });

  test(`a session that was there before the option counts from when it is first seen: ${name}`, async (t) => {
    for (const polls of [false, true]) {
      const time = started(t);
      const store = makeStore();
      // The original's callbacks never hear from a store that answers by promises.
      const writer = name.includes('promises') ? session : original;
      const before = await open(t, { module: writer, options: { store, cookie: { maxAge: 48 * HOUR } } });
      await before.visit(write);
      assert.equal((await meta(store)), undefined);
      const cookie = before.jar.header;
      const app = await open(t, { options: { store, idleTimeout: IDLE, absoluteTimeout: ABSOLUTE, cookie: { maxAge: 48 * HOUR } } });
      time.setTime(START + HOUR);
      const look = end((req) => { if (polls) req.session.touch(false); });
      store.take?.();
      const { body, cookies: sent } = await app.visit(look, { cookie });
      assert.deepEqual([body, sent], ['1', []]);
      const calls = store.take?.();
      assert.deepEqual(await meta(store), { created: START + HOUR, renewed: START + HOUR, seen: START + HOUR });
      if (calls) assert.deepEqual(calls.filter((method) => method.startsWith('set')).length, 1, 'it is written once');
      time.tick(1000);
      await app.visit(look, { cookie });
      if (calls) assert.deepEqual(store.take().filter((method) => method.startsWith('set')), []);
      assert.equal((await meta(store)).created, START + HOUR);
      time.setTime(START + HOUR + IDLE + (polls ? 0 : 1000));
      assert.equal((await app.visit(look, { cookie })).body, 'undefined');
    }
  });

  test(`a new session without data is not stored: ${name}`, async (t) => {
    started(t);
    const store = makeStore();
    const app = await open(t, { options: { store, idleTimeout: IDLE, absoluteTimeout: ABSOLUTE } });
    const { cookies: sent } = await app.visit(read);
    assert.deepEqual([sent, Object.keys(await meta.all(store))], [[], []]);
  });

  test(`what another request has stored is kept and used, what it has destroyed not stored again: ${name}`, async (t) => {
    for (const ending of [write, (req, res) => req.session.destroy().then(() => { res.end(); })]) {
      const { app, store, time, sids } = await loggedIn(t, makeStore, { idleTimeout: IDLE });
      const { header: cookie } = app.jar;
      time.tick(5 * MINUTE);
      await app.visit(async (req, res) => {
        assert.equal(req.session.n, 1);
        await app.visit(ending, { cookie });
        time.tick(4 * MINUTE);
        res.end();
      });
      if (ending !== write) {
        assert.deepEqual(await sids(), []);
        continue;
      }
      assert.equal(Object.values(await meta.all(store))[0].n, 2);
      time.tick(IDLE - 1);
      assert.equal((await app.visit(read, { cookie })).body, '2', 'the end of the request was a use of that, too');
    }
  });

  for (const isChanged of [false, true]) {
    test(`a request that outlives the session, changed: ${isChanged}: ${name}`, async (t) => {
      const { app, store, time, sids } = await loggedIn(t, makeStore, { idleTimeout: IDLE });
      const { header: cookie } = app.jar;
      await app.visit(async (req, res) => {
        assert.equal(req.session.n, 1);
        time.tick(IDLE);
        assert.equal((await app.visit(read, { cookie })).body, 'undefined', 'the other request ends it');
        if (isChanged) req.session.n = 2;
        res.end();
      });
      // A store that cannot tell stores it again, as it does after a logout.
      const cannotTell = isChanged && !(store instanceof session.MemoryStore) && !store.setIfPresent;
      assert.equal((await sids()).length, cannotTell ? 1 : 0);
      if (cannotTell) assert.equal((await meta(store)).created, START, 'but the absolute end stays');
    });
  }
}

for (const kind of kinds) {
  for (const [name, makeStore] of [['MemoryStore', stores.MemoryStore], ['another store', stores['another store']]]) {
    test(`with this server and a ${name}: ${kind}`, async (t) => {
      const { app, time, sids } = await loggedIn(t, makeStore, { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE }, write, { kind });
      const [first] = await sids();
      time.tick(IDLE - 1);
      assert.equal((await app.visit(read)).body, '1');
      time.tick(IDLE);
      const { body, cookies: sent } = await app.visit(write);
      assert.deepEqual([body, sent.length], ['1', 1]);
      assert.notDeepEqual(await sids(), [first]);
    });
  }
}

/** Stores whose calls are written down, each with the method that writes. */
const counted = {
  'set': [() => ledger(), ['get', 'set']],
  'set, at once': [() => ledger({ sync: true }), ['get', 'set']],
  'setIfPresent': [() => {
    const store = ledger();
    store.setIfPresent = (sid, sess, callback) => {
      store.calls.push('setIfPresent');
      if (store.data.has(sid)) store.data.set(sid, JSON.stringify(sess));
      setImmediate(callback);
    };
    return store;
  }, ['get', 'setIfPresent']],
  'setIfUnchanged': [() => comparing(), ['setIfUnchanged']],
};

for (const [name, [makeStore, writes]] of Object.entries(counted)) {
  for (const more of [{}, { commit: 'headers' }, { merge: true }, { cookie: { maxAge: HOUR } }]) {
    test(`an unmodified session is written once in a tenth of the idle time: ${name}, ${JSON.stringify(more)}`, async (t) => {
      const { app, store, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE, ...more });
      store.take();
      const calls = [];
      for (let at = 20000; at <= 5 * MINUTE; at += 20000) {
        time.setTime(START + at);
        await app.visit(read);
        calls.push(store.take());
      }
      const expected = calls.map((_, i) => ['get', ...((i + 1) % 3 === 0 ? writes : ['touch'])]);
      assert.deepEqual(calls, expected);
    });
  }

  test(`nothing but the data decides whether the cookie is sent: ${name}`, async (t) => {
    const { app, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE });
    time.tick(5 * MINUTE);
    assert.deepEqual((await app.visit(read)).cookies, []);
  });

  test(`a use is written at the end, not when the headers are: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE, commit: 'headers' });
    time.tick(5 * MINUTE);
    store.take();
    await app.visit(async (req, res) => {
      assert.equal(req.session.n, 1);
      res.write('early ');
      await new Promise(setImmediate);
      assert.deepEqual(store.take(), ['get']);
      res.end('late');
    });
    assert.deepEqual(store.take(), writes);
  });

  test(`a store that fails when the use is written: ${name}`, async (t) => {
    const { app, store, time } = await loggedIn(t, makeStore, { idleTimeout: IDLE });
    time.tick(5 * MINUTE);
    store[writes.at(-1)] = (...args) => { args.at(-1)(new Error('no room')); };
    const failed = app.error();
    await app.visit(read);
    assert.equal((await failed).message, 'no room');
  });
}

test('a MemoryStore gets nothing but touches, where a touch says enough', async (t) => {
  const { app, store, time } = await loggedIn(t, stores.MemoryStore, { idleTimeout: IDLE, cookie: { maxAge: HOUR } });
  for (let at = 4 * MINUTE; at < 12 * HOUR; at += 4 * MINUTE) {
    time.setTime(START + at);
    assert.equal((await app.visit(read)).body, '1');
  }
  assert.deepEqual(await meta(store), { created: START, renewed: START, seen: START });
});

test('a use is more exact in stores of ours', async (t) => {
  const { app, store, time } = await loggedIn(t, stores.MemoryStore, { idleTimeout: IDLE });
  time.tick(IDLE / 100 - 1);
  await app.visit(read);
  assert.equal((await meta(store)).seen, START);
  time.tick(1);
  await app.visit(read);
  assert.equal((await meta(store)).seen, START + IDLE / 100);
});

/** Ways in which `destroy` of a store fails, and what the request must still get. */
const failures = {
  'calls back with an error': (sid, callback) => { callback(new Error('no')); },
  'calls back later with an error': (sid, callback) => { setImmediate(callback, new Error('no')); },
  'throws': () => { throw new Error('no'); },
  'rejects': async () => { throw new Error('no'); },
  'never calls back': () => {},
};

for (const [how, destroy] of Object.entries(failures)) {
  for (const [name, makeStore] of [['MemoryStore', stores.MemoryStore], ['another store', stores['another store']]]) {
    test(`destroy ${how}: ${name}`, async (t) => {
      const { app, store, time, sids } = await loggedIn(t, makeStore, { idleTimeout: IDLE, storeTimeout: 50 });
      const [first] = await sids();
      time.tick(IDLE);
      const destroyed = [];
      store.destroy = (sid, callback) => { destroyed.push(sid); return destroy(sid, callback); };
      const { status, body } = await app.visit(write);
      assert.deepEqual([status, body, app.errors], [200, '1', []]);
      assert.deepEqual(destroyed, [first], 'once, with the sid');
      assert.equal((await sids()).length, 2);
      assert.equal((await app.visit(read)).body, '1');
      assert.equal((await app.visit(read, { cookie: `connect.sid=${encodeURIComponent(signed(first))}` })).body, 'undefined');
      assert.deepEqual(destroyed, [first, first], 'the next request tries again');
    });
  }
}

/** The value of a cookie. */
const signed = (sid) => `s:${require('cookie-signature').sign(sid, 'keyboard')}`;

test('an ended session is destroyed once, and the error handler of the program gets its own errors', async (t) => {
  const { app, store, time } = await loggedIn(t, () => ledger({ sync: true }), { idleTimeout: IDLE });
  time.tick(IDLE);
  store.take();
  await app.visit(read);
  assert.deepEqual(store.take(), ['get', 'destroy']);
});

test('DEBUG says why a session is gone, without its id', async () => {
  const source = `
    const { EventEmitter } = require('node:events');
    const session = require(process.env.PACKAGE);
    const store = Object.assign(new session.Store(), {
      get: (sid, callback) => callback(null, { cookie: {}, _meta: { created: 1, renewed: 1, seen: 1 } }),
      destroy: (sid, callback) => callback(new Error('cannot destroy ' + sid)),
    });
    const value = 's:' + require('cookie-signature').sign('very-secret-id', 'x');
    const req = Object.assign(new EventEmitter(), { url: '/', headers: { cookie: 'connect.sid=' + encodeURIComponent(value) }, socket: {}, connection: {} });
    session({ secret: 'x', resave: false, saveUninitialized: false, store, idleTimeout: 1000 })(req, {}, () => { console.log(req.sessionID !== 'very-secret-id'); });
  `;
  const { stdout, stderr, status } = await child(source, { file: files.subject, env: { DEBUG: 'express-session' } });
  assert.deepEqual([stdout, status], ['true\n', 0], stderr);
  assert.match(stderr, /the session has ended/);
  assert.match(stderr, /cannot destroy/);
  assert.doesNotMatch(stderr, /very-secret-id/);
});

test('a session that a program has put on the request, or replaced, has its own times', async (t) => {
  const { app, store, time } = await loggedIn(t, stores['another store'], { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE });
  time.tick(5 * MINUTE);
  await app.visit(end((req) => {
    req.sessionStore.generate(req);
    req.session.n = 7;
  }));
  const all = Object.values(await meta.all(store));
  assert.deepEqual(all.map(({ n, _meta }) => [n, _meta.created]), [[1, START], [7, START + 5 * MINUTE]]);
});

test('the reload of another class', async (t) => {
  class Own extends original.Session {}
  const store = ledger();
  store.createSession = function createSession(req, data) {
    const { cookie, ...rest } = data;
    req.session = Object.assign(new Own(req, rest), { cookie: Object.assign(new original.Cookie(), cookie) });
    return req.session;
  };
  const { app, time } = await loggedIn(t, () => store, { idleTimeout: IDLE });
  await app.visit(async (req, res) => {
    assert.ok(req.session instanceof Own);
    time.tick(IDLE);
    await assert.rejects(new Promise((resolve, reject) => { req.session.reload((error) => (error ? reject(error) : resolve())); }), /failed to load session/);
    res.end();
  });
});

for (const name of ['idleTimeout', 'absoluteTimeout']) {
  test(`a wrong ${name} is a TypeError that names it`, () => {
    for (const wrong of [0, -1, NaN, Infinity, -Infinity, '1000', '', null, true, false, {}, [], 10n, () => 1000, new Date()]) {
      assert.throws(() => session({ secret: 'x', [name]: wrong }), { name: 'TypeError', message: `${name} option must be a number of milliseconds greater than 0` }, String(wrong));
    }
    for (const right of [undefined, 0.5, 1, 1000, Number.MAX_VALUE]) assert.ok(session({ secret: 'x', resave: false, saveUninitialized: false, [name]: right }));
  });
}

test('the smallest and the largest times', async (t) => {
  const { app } = await loggedIn(t, stores.MemoryStore, { idleTimeout: Number.MAX_VALUE, absoluteTimeout: Number.MAX_VALUE });
  assert.equal((await app.visit(read)).body, '1');
  const short = await loggedIn(t, stores.MemoryStore, { idleTimeout: 0.5 });
  assert.equal((await short.app.visit(read)).body, '1', 'the clock stands still');
  short.time.tick(1);
  assert.equal((await short.app.visit(read)).body, 'undefined');
});

test('a store that hands out sessions whose cookie has expired', async (t) => {
  const { app, time } = await loggedIn(t, stores['a store whose touch leaves the record alone'], { idleTimeout: IDLE, cookie: { maxAge: MINUTE } });
  const { header: cookie } = app.jar;
  time.tick(IDLE - 1);
  assert.equal((await app.visit(read, { cookie })).body, '1', 'it is not the option that ends it');
  time.tick(IDLE);
  assert.equal((await app.visit(read, { cookie })).body, 'undefined');
});

test('two middlewares, of which one knows no option, on one store', async (t) => {
  const { app, store, time } = await loggedIn(t, stores.MemoryStore, { idleTimeout: IDLE, absoluteTimeout: ABSOLUTE });
  const plain = await open(t, { options: { store } });
  const { header: cookie } = app.jar;
  time.tick(MINUTE);
  await plain.visit(write, { cookie });
  assert.deepEqual(await meta(store), { created: START, renewed: START, seen: START }, 'it is data there');
  time.setTime(START + ABSOLUTE - 1);
  assert.equal((await plain.visit(read, { cookie })).body, '2');
  assert.equal((await app.visit(read, { cookie })).body, 'undefined');
});
