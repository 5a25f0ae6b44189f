'use strict';

/** `sessions.load`: the session of a browser without a response, with each kind of store. */

const assert = require('node:assert/strict');
const { subscribe, unsubscribe } = require('node:diagnostics_channel');
const { EventEmitter } = require('node:events');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const { clock, ledger, read, write } = require('../compat/app');
const { comparing } = require('../features/merge/stores');
const { bring, lasting } = require('../features/stores');
const { session } = require('../subject');
const { signed } = require('../security/cookies');
const { temporaryFolder } = require('../../test-kit/folder');
const { ENDED, SECRET, opened, stores, visited } = require('./app');

const MINUTE = 60000;
const logOut = (req, res) => req.session.destroy().then(() => { res.end(); });
const add = (key, base = 0, mine = 0, theirs = 0) => theirs + mine - base;
/** The data of a session, without the cookie and `_meta`. */
const dataOf = ({ cookie: _cookie, _meta, ...data }) => data;

for (const [name, makeStore] of Object.entries(stores)) {
  test(`each form of a request gives the session: ${name}`, async (t) => {
    const { sessions, visit, cookie, sid, store, records } = await visited(t, makeStore);
    const before = await records();
    store.take?.();
    const forms = [
      cookie, { cookie }, { Cookie: cookie }, { headers: { cookie } }, new Headers({ cookie }), { headers: new Headers({ cookie }) },
      new Request('http://localhost/', { headers: { cookie } }), new Map([['cookie', cookie]]),
      Object.assign(new http.IncomingMessage(null), { headers: { cookie } }),
    ];
    const loaded = await Promise.all(forms.map((form) => sessions.load(form)));
    for (const each of loaded) {
      assert.deepEqual([each.id, each.n, typeof each.cookie.serialize], [sid, 1, 'function']);
      assert.deepEqual(dataOf(each), { n: 1 });
    }
    assert.equal(new Set(loaded).size, forms.length, 'each has an object of its own');
    assert.ok(loaded.slice(0, -1).every(({ req }) => !('httpVersion' in req)));

    const { value } = await visit(async (req, res) => {
      const { session: live, sessionID } = req;
      const own = await sessions.load(req);
      own.n = 5;
      await own.save();
      assert.notEqual(own, live);
      assert.equal(own.id, sid);
      assert.deepEqual([req.session, req.sessionID, req.session.id, req.sessionStore], [live, sessionID, sessionID, own.req.sessionStore]);
      assert.equal(req.session.n, 1);
      assert.equal(own.req.url, '/');
      assert.equal(Object.getOwnPropertyDescriptor(own.req, 'session').value, own);
      res.end();
      return own;
    });
    assert.equal((await records())[sid].n, 5, 'what the request has not changed stays');
    assert.equal(value.n, 5);
    assert.deepEqual(Object.keys(before), [sid]);
  });

  test(`it only asks the store: ${name}`, async (t) => {
    const { sessions, cookie, store, records } = await visited(t, makeStore, { cookie: { maxAge: MINUTE }, rolling: true, resave: true });
    const before = await records();
    store.take?.();
    const loaded = await sessions.load(cookie);
    loaded.n = 9;
    assert.deepEqual(await records(), before);
    if (store.take) assert.deepEqual(store.take(), ['get']);
  });

  test(`no session is undefined: ${name}`, async (t) => {
    const { sessions, visit, cookie, sid } = await visited(t, makeStore);
    const none = [undefined, null, '', 'a=b', {}, { headers: {} }, new Headers(), new Request('http://localhost/'), signed(sid, 'wrong'), signed('unknown', SECRET),
      `connect.sid=${sid}`, { headers: { cookie: undefined } }];
    for (const form of none) assert.equal(await sessions.load(form), undefined);
    await visit(logOut);
    assert.equal(await sessions.load(cookie), undefined);
  });

  test(`save stores it as long as it is there: ${name}`, async (t) => {
    const { sessions, visit, cookie, sid, records } = await visited(t, makeStore);
    const [one, other, third] = [await sessions.load(cookie), await sessions.load(cookie), await sessions.load(cookie)];
    one.n = 2;
    assert.equal(await one.save(), undefined);
    assert.equal((await records())[sid].n, 2);
    assert.equal((await visit(read)).body, '2');
    one.n = 3;
    const heard = await new Promise((resolve) => { assert.equal(one.save((...args) => resolve(args)), undefined); });
    assert.ok(!heard[0]);
    assert.equal((await visit(read)).body, '3');

    await visit(logOut);
    other.n = 4;
    await assert.rejects(other.save(), ENDED);
    assert.equal((await new Promise((resolve) => { other.save(resolve); })).code, ENDED.code);
    await assert.rejects(other.touch(), ENDED);
    await assert.rejects(other.reload(), ENDED);
    assert.equal(other.n, 4);
    assert.deepEqual(await records(), {});
    await third.destroy();
    await assert.rejects(third.save(), ENDED);
    assert.deepEqual(await records(), {});
  });

  test(`destroy ends it, and later calls fail: ${name}`, async (t) => {
    const { sessions, visit, cookie, records } = await visited(t, makeStore);
    const loaded = await sessions.load(cookie);
    assert.equal(await loaded.destroy(), undefined);
    assert.deepEqual(await records(), {});
    for (const method of ['save', 'touch', 'reload']) await assert.rejects(loaded[method](), ENDED);
    assert.deepEqual(await records(), {});
    assert.equal((await visit(read, { cookie })).body, 'undefined');
  });

  test(`reload gives the same object the data of the store: ${name}`, async (t) => {
    const { sessions, visit, cookie } = await visited(t, makeStore);
    const loaded = await sessions.load(cookie);
    loaded.mine = true;
    await visit((req, res) => { Object.assign(req.session, { n: 7, list: [1] }); res.end(); });
    await loaded.reload();
    assert.deepEqual(dataOf(loaded), { n: 7, list: [1] });
    assert.equal(loaded.req.session, loaded);
    loaded.n = 8;
    await loaded.save();
    assert.equal((await visit(read)).body, '8');
  });

  test(`regenerate says why it cannot: ${name}`, async (t) => {
    const { sessions, cookie, records } = await visited(t, makeStore);
    const loaded = await sessions.load(cookie);
    const before = await records();
    for (const attempt of [() => loaded.regenerate(), () => loaded.regenerate({ keep: true })]) await assert.rejects(attempt(), /outside a request cannot get a new id/);
    for (const args of [[], [{ keep: true }]]) assert.match((await new Promise((resolve) => { loaded.regenerate(...args, resolve); })).message, /no response/);
    assert.deepEqual(await records(), before);
  });

  test(`the options of time hold, and save and touch are uses: ${name}`, async (t) => {
    const time = clock(t);
    const { sessions, visit, cookie, sid, records } = await visited(t, makeStore, { idleTimeout: 10 * MINUTE, absoluteTimeout: 60 * MINUTE });
    const { created } = (await records())[sid]._meta;
    for (const use of ['touch', 'save', 'touch']) {
      time.tick(9 * MINUTE);
      const loaded = await sessions.load(cookie);
      await loaded[use]();
      const { _meta } = (await records())[sid];
      assert.deepEqual([_meta.created, _meta.seen], [created, Date.now()], use);
    }
    time.tick(9 * MINUTE);
    const [held, used, late] = [await sessions.load(cookie), await sessions.load(cookie), await sessions.load(cookie)];
    assert.equal((await visit(read)).body, '1');
    time.tick(9 * MINUTE);
    await used.save();
    time.tick(2 * MINUTE);
    held.n = 2;
    // Others have used it meanwhile.
    await held.save();
    assert.equal((await visit(read)).body, '2');
    time.tick(10 * MINUTE);
    late.n = 3;
    await assert.rejects(late.save(), ENDED);
    assert.equal(await sessions.load(cookie), undefined);
    assert.deepEqual(await records(), {}, 'it is destroyed');
  });

  test(`touch(false) is no use: ${name}`, async (t) => {
    const time = clock(t);
    const { sessions, cookie, sid, records } = await visited(t, makeStore, { idleTimeout: 10 * MINUTE, cookie: { maxAge: 20 * MINUTE } });
    const before = (await records())[sid];
    time.tick(9 * MINUTE);
    const loaded = await sessions.load(cookie);
    await loaded.touch(false);
    loaded.n = 2;
    await loaded.save();
    const after = (await records())[sid];
    assert.deepEqual([after.n, after._meta.seen, after.cookie.expires], [2, before._meta.seen, before.cookie.expires]);
    time.tick(MINUTE);
    assert.equal(await sessions.load(cookie), undefined);
  });

  test(`save and touch renew the lifetime: ${name}`, async (t) => {
    const time = clock(t);
    const { sessions, visit, cookie, sid, records } = await visited(t, makeStore, { cookie: { maxAge: 10 * MINUTE } });
    const expiry = async () => new Date((await records())[sid].cookie.expires).getTime();
    const first = await expiry();
    time.tick(4 * MINUTE);
    await visit(read);
    // Some stores leave the stored cookie as it is.
    const isMoved = await expiry() !== first;
    assert.equal(isMoved, name.startsWith('MemoryStore') || !/setIfUnchanged|promises/.test(name));
    time.tick(4 * MINUTE);
    const loaded = await sessions.load(cookie);
    loaded.unsaved = true;
    await loaded.touch();
    assert.equal(await expiry(), isMoved ? Date.now() + 10 * MINUTE : first);
    assert.equal((await records())[sid].unsaved, undefined, 'touch stores no data');
    time.tick(4 * MINUTE);
    await loaded.save();
    assert.equal(await expiry(), Date.now() + 10 * MINUTE);
    loaded.cookie.maxAge = MINUTE;
    await loaded.save();
    assert.equal(await expiry(), Date.now() + MINUTE);
  });

  test(`an old id leads to the session, and none is renewed: ${name}`, async (t) => {
    const time = clock(t);
    const { sessions, visit, cookie: old, sid, jar, records } = await visited(t, makeStore, { renewAfter: 10 * MINUTE, renewGrace: 5 * MINUTE });
    time.tick(11 * MINUTE);
    const held = await sessions.load(old);
    assert.equal(held.id, sid);
    assert.deepEqual(Object.keys(await records()), [sid], 'nothing is renewed');
    await visit(read);
    const { header: recent } = jar;
    assert.notEqual(recent, old);
    const loaded = await sessions.load(old);
    assert.notEqual(loaded.id, sid);
    assert.equal(loaded.id, (await sessions.load(recent)).id);
    loaded.n = 2;
    await loaded.save();
    // The browser has perhaps not got the new cookie.
    assert.equal((await visit(read, { cookie: old })).cookies.length, 1);
    held.n = 3;
    await held.save();
    if (held instanceof session.Session) assert.equal(held.id, loaded.id);
    assert.equal((await visit(read, { cookie: recent })).body, '3');
    await held.destroy();
    assert.equal(await sessions.load(recent), undefined);
    assert.equal(await sessions.load(old), undefined);
  });

  test(`an old id that leads nowhere any more ends nothing, and says so: ${name}`, async (t) => {
    const time = clock(t);
    const { sessions, visit, cookie: old, jar } = await visited(t, makeStore, { renewAfter: 10 * MINUTE, renewGrace: 5 * MINUTE });
    const held = await sessions.load(old);
    time.tick(11 * MINUTE);
    await visit(read);
    time.tick(6 * MINUTE);
    for (const end of ['destroy', 'save', 'touch']) await assert.rejects(held[end](), ENDED, end);
    const loaded = await sessions.load(jar.header);
    assert.equal(loaded.n, 1);
    time.tick(11 * MINUTE);
    await loaded.destroy();
    await loaded.destroy();
    assert.equal(await sessions.load(jar.header), undefined);
  });

  test(`keys in the place of ids: ${name}`, async (t) => {
    const { sessions, visit, cookie, jar, records } = await visited(t, makeStore, { hashIds: true });
    const [key] = Object.keys(await records());
    assert.match(key, /^h1:/);
    const [loaded, other] = [await sessions.load(cookie), await sessions.load(jar.header)];
    loaded.n = 2;
    await loaded.save();
    await loaded.touch();
    assert.deepEqual(Object.entries(await records()).map(([sid, { n }]) => [sid, n]), [[key, 2]]);
    await visit(logOut);
    await assert.rejects(other.save(), ENDED);
    assert.deepEqual(await records(), {});
  });

  test(`merge keeps what others have stored: ${name}`, async (t) => {
    const { sessions, visit, cookie, records, sid, store } = await visited(t, makeStore, { merge: add });
    // Such stores are read just before they are written.
    const hasWindow = typeof store.setIfUnchanged !== 'function' || name === 'MemoryStore with a wrapped set';
    const count = async () => {
      const loaded = await sessions.load(cookie);
      loaded.n++;
      await loaded.save();
    };
    if (hasWindow) for (let i = 0; i < 5; i++) await count();
    else await Promise.all(Array.from({ length: 5 }, count));
    const [one, other] = [await sessions.load(cookie), await sessions.load(cookie)];
    one.n++;
    await one.save();
    other.n++;
    await other.save();
    assert.equal((await records())[sid].n, 8);
    assert.equal(other.n, 8);
    other.n++;
    await other.save();
    assert.equal((await records())[sid].n, 9);
    await one.reload();
    one.n++;
    await one.save();
    assert.equal((await records())[sid].n, 10, 'a reload is a new base');
    await visit(logOut);
    await assert.rejects(one.save(), ENDED);
    assert.deepEqual(await records(), {});
  });
}

test('what else is given is a TypeError that says what is wanted', async (t) => {
  const { sessions } = await opened(t, () => new session.MemoryStore());
  for (const wrong of [1, true, () => {}, Symbol('a'), 1n, ['a'], { headers: ['a'] }, { headers: 42 }, { headers: null }, Promise.resolve(new Headers()), new Date(), Buffer.from('a'), new (class Socket { request = {}; })()]) {
    await assert.rejects(sessions.load(wrong), { name: 'TypeError', message: /sessions\.load takes a request, its headers, or the text/ });
  }
  for (const wrong of [{ cookie: 1 }, { cookie: ['a=b'] }, { get: () => ({ name: 'cookie' }) }, Object.assign(new http.IncomingMessage(null), { headers: { cookie: 1 } })]) {
    await assert.rejects(sessions.load(wrong), { name: 'TypeError', message: /Cookie header must be a string/ });
  }
});

test('a header of another case that has no value hides none', async (t) => {
  const { sessions, cookie } = await visited(t, () => new session.MemoryStore());
  assert.equal((await sessions.load({ Cookie: undefined, cookie })).n, 1);
});

test('a session that the store could not destroy has not ended', async (t) => {
  const { sessions, store, visit, cookie } = await visited(t, ledger);
  const loaded = await sessions.load(cookie);
  store.fails.destroy = new Error('down');
  await assert.rejects(loaded.destroy(), /down/);
  loaded.n = 5;
  await loaded.save();
  assert.equal((await visit(read)).body, '5');
  store.fails.destroy = undefined;
  await loaded.destroy();
  await assert.rejects(loaded.save(), ENDED);
});

test('a session of a class that has no resetMaxAge', async () => {
  class Plain { constructor(data) { Object.assign(this, data); } }
  const makeStore = () => {
    const store = ledger();
    store.createSession = (req, data) => {
      const { cookie } = session.Store.prototype.createSession.call(store, req, { ...data });
      const hidden = { req: { value: req }, id: { value: req.sessionID } };
      return req.session = Object.defineProperties(new Plain({ ...data, cookie }), hidden);
    };
    return store;
  };
  const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false, store: makeStore(), cookie: { maxAge: 60_000 } });
  const { cookie } = await sessions.create({ n: 1 });
  const loaded = await sessions.load(cookie);
  loaded.n = 2;
  await loaded.save();
  await loaded.touch();
  assert.equal((await sessions.load(cookie)).n, 2);
});

test('the methods are not listed, and the package loads what they need when they are called', async () => {
  const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false });
  assert.deepEqual([Object.keys(sessions), sessions.name, sessions.length], [[], 'session', 3]);
  assert.deepEqual(Object.getOwnPropertyNames(sessions).filter((name) => ['load', 'create'].includes(name)), ['load', 'create']);
});

test('the error of the store is that of the promise', async (t) => {
  for (const how of ['callback', 'throw']) {
    const { sessions, store, cookie } = await visited(t, ledger);
    const down = new Error('down');
    const loaded = await sessions.load(cookie);
    if (how === 'callback') Object.assign(store.fails, { get: down, set: down, touch: down, destroy: down });
    else for (const method of ['get', 'set', 'touch', 'destroy']) store[method] = () => { throw down; };
    await assert.rejects(sessions.load(cookie), down);
    for (const method of ['save', 'touch', 'reload']) await assert.rejects(loaded[method](), down, `${how} ${method}`);
    if (how === 'callback') await assert.rejects(loaded.destroy(), down);
  }
});

test('a touch that fails in the store fails, and the next one tries again', async (t) => {
  const time = clock(t);
  const { sessions, visit, store, cookie } = await visited(t, ledger, { touchAfter: MINUTE, cookie: { maxAge: 10 * MINUTE } });
  time.tick(2 * MINUTE);
  const down = new Error('down');
  const loaded = await sessions.load(cookie);
  store.fails.touch = down;
  await assert.rejects(loaded.touch(), down);
  store.fails.touch = undefined;
  store.take();
  await loaded.touch();
  assert.deepEqual(store.take(), ['get', 'touch'], 'touchAfter does not hold back who asks for it');
  time.tick(30_000);
  await visit(read);
  assert.deepEqual(store.take(), ['get'], 'it was touched lately');
  time.tick(31_000);
  await visit(read);
  assert.deepEqual(store.take(), ['get', 'touch']);
});

test('a store whose setIfPresent tells nothing, and one that has nothing else', async (t) => {
  for (const [makeStore, answer] of [[ledger], [comparing], [ledger, null], [ledger, { matched: 1 }]]) {
    const store = makeStore();
    store.setIfPresent = (sid, sess, callback) => {
      const answered = () => { callback(null, answer); };
      if (store.data.has(sid)) store.set(sid, sess, answered);
      else setImmediate(answered);
    };
    const { sessions, visit, cookie, records } = await visited(t, () => store);
    const [one, other] = [await sessions.load(cookie), await sessions.load(cookie)];
    one.n = 2;
    await one.save();
    assert.equal((await visit(read)).body, '2');
    await visit(logOut);
    await assert.rejects(other.save(), ENDED);
    assert.deepEqual(await records(), {});
  }
});

test('a store whose setIfPresent tells is asked once by a save', async (t) => {
  const store = ledger();
  const calls = [];
  store.setIfPresent = (sid, sess, callback) => {
    calls.push('setIfPresent');
    const isStored = store.data.has(sid);
    if (isStored) store.set(sid, sess, (error) => { callback(error, isStored); });
    else setImmediate(callback, null, isStored);
  };
  const { sessions, visit, cookie } = await visited(t, () => store);
  const [one, other] = [await sessions.load(cookie), await sessions.load(cookie)];
  store.take();
  one.n = 2;
  await one.save();
  assert.deepEqual([...calls.splice(0), ...store.take()], ['setIfPresent', 'set']);
  await visit(logOut);
  store.take();
  await assert.rejects(other.save(), ENDED);
  assert.deepEqual([...calls, ...store.take()], ['setIfPresent']);
});

test('a session that only the store prolongs is not ended by touch(false)', async (t) => {
  const time = clock(t);
  const { sessions, store, sid, cookie } = await visited(t, lasting, { cookie: { maxAge: 60 * MINUTE } });
  time.tick(45 * MINUTE);
  await (await sessions.load(cookie)).touch();
  time.tick(30 * MINUTE);
  const loaded = await sessions.load(cookie);
  await loaded.touch(false);
  loaded.n = 2;
  await loaded.save();
  assert.equal((await new Promise((resolve) => { store.get(sid, (_error, data) => resolve(data)); })).n, 2);
});

/** Subscribes to the channels, and returns a function that gives what was told since the last time. */
function listened(t) {
  const heard = [];
  for (const name of ['create', 'load', 'save', 'touch', 'destroy', 'expire', 'error']) {
    const listen = ({ outcome, req }) => { heard.push(`${name} ${outcome} ${typeof req}`); };
    subscribe(`express-session:${name}`, listen);
    t.after(() => unsubscribe(`express-session:${name}`, listen));
  }
  return () => heard.splice(0).map((line) => line.replace(' object', ''));
}

test('who subscribes to the channels hears of it', async (t) => {
  const told = listened(t);
  const time = clock(t);
  const { sessions, store } = await opened(t, ledger, { idleTimeout: 10 * MINUTE });
  const { cookie } = await sessions.create({ n: 1 });
  assert.deepEqual(told(), ['create created', 'save saved']);
  const [one, other] = [await sessions.load(cookie), await sessions.load(cookie)];
  await one.save();
  await one.touch();
  await one.reload();
  assert.deepEqual(told(), ['load found', 'load found', 'save saved', 'touch touched', 'load found']);
  await one.destroy();
  for (const method of ['save', 'touch', 'reload']) await assert.rejects(other[method](), ENDED);
  assert.equal(await sessions.load(cookie), undefined);
  assert.deepEqual(told(), ['destroy destroyed', 'save gone', 'load none', 'load none']);
  const { cookie: late } = await sessions.create({});
  time.tick(10 * MINUTE);
  assert.equal(await sessions.load(late), undefined);
  assert.deepEqual(told(), ['create created', 'save saved', 'expire idle', 'load expired']);
  store.fails.get = new Error('down');
  await assert.rejects(sessions.load(cookie), /down/);
  assert.deepEqual(told(), ['load error', 'error load']);
});

test('who subscribes to the channels hears of what fails before the store is asked to store', async (t) => {
  const told = listened(t);
  const time = clock(t);
  const { sessions, store } = await opened(t, comparing, { idleTimeout: 10 * MINUTE, renewAfter: 5 * MINUTE });
  const loaded = async () => sessions.load((await sessions.create({ n: 1 })).cookie);
  const [own, idle, down, old] = await Promise.all([loaded(), loaded(), loaded(), loaded()]);
  told();
  await own.destroy();
  await assert.rejects(own.save(), ENDED);
  assert.deepEqual(told(), ['destroy destroyed', 'save gone']);
  time.tick(6 * MINUTE);
  store.fails.get = new Error('down');
  await assert.rejects(old.destroy(), /down/);
  assert.deepEqual(told(), ['destroy error', 'error destroy']);
  time.tick(4 * MINUTE);
  await assert.rejects(down.save(), /down/);
  assert.deepEqual(told(), ['save error', 'error save']);
  store.fails.get = undefined;
  await assert.rejects(idle.save(), ENDED);
  assert.deepEqual(told(), ['expire idle', 'save gone']);
});

test('storeTimeout holds', async (t) => {
  const { sessions, store, cookie } = await visited(t, ledger, { storeTimeout: 20 });
  const loaded = await sessions.load(cookie);
  store.get = () => {};
  const late = { code: 'ERR_SESSION_STORE_TIMEOUT' };
  await assert.rejects(sessions.load(cookie), late);
  for (const method of ['save', 'touch', 'reload']) await assert.rejects(loaded[method](), late, method);
});

test('an error ENOENT is no session', async (t) => {
  const { sessions, store, cookie } = await visited(t, ledger);
  const loaded = await sessions.load(cookie);
  store.fails.get = Object.assign(new Error('none'), { code: 'ENOENT' });
  assert.equal(await sessions.load(cookie), undefined);
  for (const method of ['save', 'touch', 'reload']) await assert.rejects(loaded[method](), ENDED, method);
});

test('damaged data are an error', async (t) => {
  const { sessions, store, cookie, sid } = await visited(t, ledger);
  store.data.set(sid, '{"n":1}');
  await assert.rejects(sessions.load(cookie), TypeError);
});

test('skip, the path and secure do not matter', async (t) => {
  const { sessions } = await opened(t, () => new session.MemoryStore(), { skip: () => true, cookie: { path: '/app', secure: true } });
  const { cookie } = await sessions.create({ n: 1 });
  const { n } = await sessions.load({ headers: { cookie } });
  assert.equal(n, 1);
});

test('cookies that cookie-parser has read count, and its secret where there is no other', async () => {
  const store = new session.MemoryStore();
  const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false, store });
  const { id, cookie } = await sessions.create({ n: 1 });
  const parsed = (more) => Object.assign(new http.IncomingMessage(null), { headers: {}, ...more });
  const value = decodeURIComponent(cookie.slice('connect.sid='.length));
  for (const more of [{ cookies: { 'connect.sid': value } }, { signedCookies: { 'connect.sid': id } }]) assert.equal((await sessions.load(parsed(more))).n, 1);
  const withoutSecret = session({ resave: false, saveUninitialized: false, store });
  assert.equal((await withoutSecret.load(parsed({ secret: SECRET, headers: { cookie } }))).n, 1);
  await assert.rejects(withoutSecret.load(cookie), /secret option required/);
  await assert.rejects(withoutSecret.create(), /secret option required/);
});

test('a session whose user is ended cannot be saved; describe is asked for browsers only', async (t) => {
  const store = new session.MemoryStore({ user: (data) => data.user, describe: (req) => ({ ip: req.socket.remoteAddress, userAgent: req.headers['user-agent'] }) });
  const { sessions, visit, jar } = await opened(t, () => store);
  await visit((req, res) => { req.session.user = 'ada'; res.end(); }, { headers: { 'user-agent': 'one' } });
  const { header: cookie } = jar;
  const { value: byRequest } = await visit(async (req, res) => {
    const loaded = await sessions.load(req);
    await loaded.save();
    res.end();
    return loaded;
  }, { headers: { 'user-agent': 'two' } });
  assert.deepEqual((await store.sessionsOf('ada', { current: byRequest })).map(({ current, userAgent, ip }) => [current, userAgent, Boolean(ip)]), [[true, 'two', true]]);
  const byText = await sessions.load(cookie);
  byText.n = 1;
  await byText.save();
  assert.deepEqual((await store.sessionsOf('ada')).map(({ userAgent }) => userAgent), ['two'], 'what is known stays');
  await store.endAll('ada');
  for (const each of [byRequest, byText]) await assert.rejects(each.save(), ENDED);
  assert.deepEqual(await store.sessionsOf('ada'), []);
});

test('what the option user throws is the error of a save', async (t) => {
  const store = new session.MemoryStore({ user: (data) => { if (data.user === 'bad') throw new Error('no user'); return data.user; } });
  const { sessions, sid } = await visited(t, () => store);
  const loaded = await sessions.load(signed(sid, SECRET));
  loaded.user = 'bad';
  await assert.rejects(loaded.save(), /no user/);
  loaded.user = 'ada';
  await loaded.save();
});

test('a save over a store whose touch leaves the stored date in the past does not end the session', async (t) => {
  const time = clock(t);
  const { sessions, visit, cookie, sid, store } = await visited(t, ledger, { cookie: { maxAge: 10 * MINUTE } });
  for (let i = 0; i < 3; i++) {
    time.tick(9 * MINUTE);
    await visit(read);
  }
  const loaded = await sessions.load(cookie);
  assert.ok(loaded.cookie.expires < new Date());
  await loaded.save();
  assert.ok(new Date(JSON.parse(store.data.get(sid)).cookie.expires) > new Date());
});

test('a save never makes a session that is destroyed between its two calls of a store', async (t) => {
  const { sessions, store, cookie, sid } = await visited(t, () => new session.DiskStore({ path: path.join(temporaryFolder('outside'), 'a.db') }));
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => { store.set(sid, { cookie: new session.Cookie(), n: i }, resolve); });
    const loaded = await sessions.load(cookie);
    loaded.n = -1;
    const saved = loaded.save().catch(({ code }) => code);
    for (let turns = i % 5; turns > 0; turns--) await new Promise((resolve) => { setImmediate(resolve); });
    await new Promise((resolve) => { store.destroy(sid, resolve); });
    assert.ok([undefined, ENDED.code].includes(await saved));
    assert.equal(await sessions.load(cookie), undefined, `after ${i % 5} turns`);
  }
});

test('the same with a MemoryStore, plain and with hashIds', async (t) => {
  for (const hashIds of [false, true]) {
    const { sessions, visit } = await opened(t, () => new session.MemoryStore(), { hashIds });
    for (let i = 0; i < 20; i++) {
      const { cookie, session: made } = await sessions.create({ n: 1 });
      made.n = 2;
      const saved = made.save().catch(({ code }) => code);
      for (let turns = i % 5; turns > 0; turns--) await new Promise((resolve) => { setImmediate(resolve); });
      await (await sessions.load(cookie))?.destroy();
      await saved;
      assert.equal((await visit(read, { cookie })).body, 'undefined', `after ${i % 5} turns`);
    }
  }
});

test('the ended request of the program stays as it was, and so does its session', async (t) => {
  const { sessions } = await visited(t, () => new session.MemoryStore());
  const { cookie } = await sessions.create({ n: 1 });
  const req = await bring(sessions, { cookie });
  Object.assign(req, { httpVersion: '1.1' });
  assert.ok(req instanceof EventEmitter);
  const live = req.session;
  const own = await sessions.load(req);
  await own.destroy();
  assert.equal(req.session, live);
  assert.equal(Object.getPrototypeOf(own.req), req);
  assert.equal(Object.hasOwn(live, 'id'), false, 'the session is still that of the middleware');
  await assert.rejects(own.reload(), ENDED);
  assert.equal(req.session, live);
});

test('a request of another visitor is not disturbed: 50 at once', async (t) => {
  const { sessions, visit } = await opened(t, () => new session.MemoryStore());
  const made = await Promise.all(Array.from({ length: 50 }, (_, n) => sessions.create({ n })));
  await Promise.all(made.map(async ({ cookie }, n) => {
    const loaded = await sessions.load({ cookie });
    loaded.n += 100;
    await loaded.save();
    assert.equal((await visit(write, { cookie })).body, String(n + 101));
  }));
});
