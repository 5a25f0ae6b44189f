'use strict';

/** `session.migrate`: sessions move from one store to another while an app uses them. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { setImmediate: turn, setTimeout: pause } = require('node:timers/promises');
const { clock, ledger, open, read, write } = require('../compat/app');
const { comparing } = require('../features/merge/stores');
const { lasting, records } = require('../features/stores');
const { session } = require('../subject');
const { ENDED, SECRET, stores } = require('./app');
const { temporaryFolder } = require('../../test-kit/folder');

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const add = (key, base = 0, mine = 0, theirs = 0) => theirs + mine - base;
const logOut = (req, res) => req.session.destroy().then(() => { res.end(); });
const quiet = { secret: SECRET, resave: false, saveUninitialized: false };

/** A store that fails where there is no session: to destroy it, and to touch it, as connect-mongo does. */
function strict() {
  const store = ledger();
  for (const method of ['touch', 'destroy']) {
    const plain = store[method];
    store[method] = (sid, ...args) => {
      const callback = args.at(-1);
      if (store.data.has(sid)) plain(sid, ...args);
      else setImmediate(callback, new Error(`no session to ${method}`));
    };
  }
  return store;
}

/** A store that tells by an error that there is no session. */
function telling() {
  const store = ledger();
  const { get } = store;
  store.get = (sid, callback) => get(sid, (error, data) => (data ? callback(null, data) : callback(Object.assign(new Error('none'), { code: 'ENOENT' }))));
  return store;
}

const kinds = { ...stores, 'a strict store': strict, 'a store with ENOENT': telling };

/** Stores a session by a callback, or by a promise where the store takes no callback. */
const put = (store, sid, n) => new Promise((resolve, reject) => {
  const data = { cookie: new session.Cookie(), n };
  if (store.set.length < 3) store.set(sid, data).then(resolve, reject);
  else store.set(sid, data, (error) => (error ? reject(error) : resolve()));
});

/** The old store, the new one, and an app on both, whose visitor has `n: 1` in the old one. */
async function begun(t, makeFrom, makeTo, options = {}) {
  const [from, to] = [makeFrom(), makeTo()];
  for (const store of [from, to]) if (store.close) t.after(() => store.close());
  const store = session.migrate(from, to);
  const before = await open(t, { options: { store: from, ...options } });
  await before.visit(write);
  const { header: cookie } = before.jar;
  const sessions = session({ ...quiet, store, ...options });
  const app = await open(t, { middleware: sessions });
  const [sid] = Object.keys(await records(from));
  const count = async () => [from, to].reduce(async (list, each) => [...await list, Object.keys(await records(each)).length], []);
  return { ...app, visit: (handler, more) => app.visit(handler, { cookie, ...more }), sessions, store, from, to, sid, cookie, count };
}

for (const [name, make] of Object.entries(kinds)) {
  for (const [direction, makeFrom, makeTo] of [['from', make, () => new session.MemoryStore()], ['to', ledger, make]]) {
    test(`a session moves when it is used: ${direction} ${name}`, async (t) => {
      const { visit, count, errors } = await begun(t, makeFrom, makeTo, { cookie: { maxAge: MINUTE } });
      assert.deepEqual(await count(), [1, 0]);
      assert.equal((await visit(read)).body, '1');
      assert.deepEqual(await count(), [0, 1], 'a touch moves it');
      for (const n of [2, 3]) assert.equal((await visit(write)).body, String(n));
      assert.equal((await visit(read)).body, '3');
      assert.deepEqual(await count(), [0, 1]);
      assert.equal((await visit(logOut)).status, 200);
      assert.deepEqual(await count(), [0, 0]);
      assert.equal((await visit(read)).body, 'undefined');
      assert.deepEqual(errors, []);
    });

    test(`a session moves when it is saved, and is destroyed where it is: ${direction} ${name}`, async (t) => {
      for (const options of [{}, { resave: true }, { merge: add }, { idleTimeout: MINUTE }, { hashIds: true }]) {
        const { visit, count, errors } = await begun(t, makeFrom, makeTo, options);
        assert.equal((await visit(write)).body, '2');
        assert.deepEqual(await count(), [0, 1], JSON.stringify(options));
        assert.equal((await visit(read)).body, '2');
        assert.deepEqual(errors, []);
        const other = await begun(t, makeFrom, makeTo, options);
        await other.visit(logOut);
        assert.deepEqual(await other.count(), [0, 0]);
        assert.equal((await other.visit(read)).body, 'undefined');
        await other.visit(write);
        assert.deepEqual(await other.count(), [0, 1], 'a new session is in the new store');
        assert.deepEqual(other.errors, []);
      }
    });

    test(`a logout beats a request that is under way: ${direction} ${name}`, async (t) => {
      const { visit, store, count } = await begun(t, makeFrom, makeTo);
      await visit(async (req, res) => {
        await visit(logOut);
        req.session.n = 9;
        res.end();
      });
      if (store.setIfPresent) assert.deepEqual(await count(), [0, 0]);
      const { sessions, cookie, count: counted } = await begun(t, makeFrom, makeTo);
      const [one, other] = [await sessions.load(cookie), await sessions.load(cookie)];
      await one.destroy();
      other.n = 5;
      for (const method of ['save', 'touch', 'reload']) await assert.rejects(other[method](), ENDED);
      assert.deepEqual(await counted(), [0, 0]);
    });

    test(`a logout at any moment of a move wins: ${direction} ${name}`, async (t) => {
      for (const act of ['touch', 'save', 'merge']) {
        for (let turns = 0; turns < 8; turns++) {
          const [from, to] = [makeFrom(), makeTo()];
          t.after(() => { for (const each of [from, to]) each.close?.(() => {}); });
          const store = session.migrate(from, to);
          const sid = 'sid';
          await put(from, sid, 1);
          const count = async () => [from, to].reduce(async (list, each) => [...await list, Object.keys(await records(each)).length], []);
          const data = await new Promise((resolve, reject) => { store.get(sid, (error, found) => (error ? reject(error) : resolve(found))); });
          const sess = store.createSession({ sessionID: sid, sessionStore: store }, data);
          const method = act === 'touch' ? 'touch' : act === 'save' ? 'setIfPresent' : 'setIfUnchanged';
          if (typeof store[method] !== 'function') continue;
          const moved = store[method](sid, sess, ...(act === 'merge' ? [{ n: 1 }] : []));
          for (let i = 0; i < turns; i++) await turn();
          await store.destroy(sid);
          assert.deepEqual(await count(), [0, 0], `${act} ${turns}`);
          await moved;
          assert.deepEqual(await count(), [0, 0], `${act} ${turns}, later`);
        }
      }
    });

    test(`parallel requests while it moves lose nothing: ${direction} ${name}`, async (t) => {
      const { visit, store, count, errors } = await begun(t, makeFrom, makeTo, { merge: add });
      const bodies = await Promise.all(Array.from({ length: 12 }, (_, i) => visit(i % 2 ? write : read)));
      assert.ok(bodies.every(({ body }) => Number(body) >= 1), 'nobody is logged out');
      const isExact = typeof store.setIfUnchanged === 'function' && !(direction === 'to' && name === 'MemoryStore with a wrapped set');
      if (isExact) assert.equal((await visit(read)).body, '7');
      assert.deepEqual(await count(), [0, 1]);
      assert.deepEqual(errors, []);
    });
  }
}

test('it is not listed among the properties of the package, and checks its arguments', () => {
  assert.equal(Object.keys(session).includes('migrate'), false);
  const [from, to] = [new session.MemoryStore(), new session.MemoryStore()];
  assert.ok(session.migrate(from, to) instanceof session.Store);
  for (const wrong of [undefined, null, 1, {}, session.MemoryStore]) {
    assert.throws(() => session.migrate(wrong, to), { name: 'TypeError', message: /from must be a store, and has no method get/ });
    assert.throws(() => session.migrate(from, wrong), { name: 'TypeError', message: /to must be a store/ });
  }
  assert.throws(() => session.migrate(from, from), { name: 'TypeError', message: /same store/ });
});

test('the methods that both have, and those that the new one has', async (t) => {
  const methods = (from, to) => ['all', 'length', 'clear', 'ids', 'setIfPresent', 'setIfUnchanged', 'sessionsOf', 'end', 'endAll'].filter((name) => typeof session.migrate(from, to)[name] === 'function');
  const memory = new session.MemoryStore();
  const disk = new session.DiskStore({ path: path.join(temporaryFolder('migrate', t), 'a.db') });
  t.after(() => disk.close());
  assert.deepEqual(methods(memory, disk), ['all', 'length', 'clear', 'ids', 'setIfPresent', 'setIfUnchanged']);
  assert.deepEqual(methods(disk, memory), ['all', 'length', 'clear', 'ids', 'setIfPresent', 'setIfUnchanged']);
  assert.deepEqual(methods(ledger(), disk), ['setIfPresent', 'setIfUnchanged']);
  assert.deepEqual(methods(disk, ledger()), []);
  assert.deepEqual(methods(disk, comparing()), ['setIfUnchanged']);

  const store = session.migrate(memory, disk);
  await put(memory, 'a', 1);
  await put(memory, 'b', 2);
  await put(disk, 'b', 3);
  await put(disk, 'c', 4);
  assert.deepEqual(Object.entries(await store.all()).map(([sid, { n }]) => [sid, n]).sort(), [['a', 1], ['b', 3], ['c', 4]]);
  assert.deepEqual((await store.ids()).sort(), ['a', 'b', 'c']);
  assert.equal(await store.length(), 4);
  assert.equal(await new Promise((resolve, reject) => { store.length((error, n) => (error ? reject(error) : resolve(n))); }), 4);
  await store.clear();
  assert.equal(await store.length(), 0);
});

test('lists of sessions are joined, too', async () => {
  const listed = (list) => Object.assign(ledger(), { all: (callback) => { setImmediate(callback, null, list); } });
  const cases = [
    [[{ n: 1 }], [{ n: 2 }], [{ n: 1 }, { n: 2 }]],
    [[{ id: 'a', n: 1 }, { id: 'b', n: 1 }], [{ id: 'a', n: 2 }], [{ id: 'b', n: 1 }, { id: 'a', n: 2 }]],
    [{ a: { n: 1 } }, [{ n: 2 }], [{ n: 1 }, { n: 2 }]],
    [undefined, { a: { n: 1 } }, { a: { n: 1 } }],
  ];
  for (const [old, recent, joined] of cases) assert.deepEqual(await session.migrate(listed(old), listed(recent)).all(), joined);
});

test('an error of either store is an error, and loses nothing', async (t) => {
  const down = new Error('down');
  for (const [where, method, act] of [
    ['to', 'get', read], ['from', 'get', read], ['to', 'set', write], ['from', 'destroy', write], ['from', 'destroy', logOut], ['to', 'set', read], ['from', 'destroy', read],
  ]) {
    const app = await begun(t, ledger, ledger, { commit: 'headers' });
    app[where].fails[method] = down;
    const answer = await app.visit(act === logOut ? (req, res, next) => req.session.destroy().then(() => { res.end(); }, next) : act);
    // After the response, `next` gets it in a later turn.
    await pause(20);
    assert.deepEqual([...new Set(app.errors)], [down], `${where} ${method} ${act.name}`);
    if (act !== read || method === 'get') assert.equal(answer.status, 500);
    app[where].fails[method] = undefined;
    const after = await app.visit(read);
    assert.match(after.body, act === logOut && where === 'from' ? /^1$/ : act === write ? /^[12]$/ : /^1$|undefined/);
    if (act === read) assert.equal(after.body, '1', `${where} ${method}`);
  }
});

test('destroy asks both, also if one fails', async (t) => {
  for (const failing of ['from', 'to']) {
    const app = await begun(t, ledger, ledger);
    app.to.data.set(app.sid, app.from.data.get(app.sid));
    app[failing].fails.destroy = new Error('down');
    await assert.rejects(app.store.destroy(app.sid), /down/);
    assert.deepEqual(await app.count(), failing === 'from' ? [1, 0] : [0, 1]);
  }
});

test('what the old store destroys late is no stale copy: set asks the new one first', async (t) => {
  const { store, from, to, sid } = await begun(t, ledger, ledger);
  from.take();
  await store.set(sid, { cookie: new session.Cookie(), n: 2 });
  assert.deepEqual([to.take(), from.take()], [['set', 'get'], ['destroy']], 'the first one also shows that the stores are two');
  await store.set(sid, { cookie: new session.Cookie(), n: 3 });
  assert.deepEqual([to.take(), from.take()], [['set'], ['destroy']]);
});

test('a session that moves while it is looked for is found', async (t) => {
  const { store, from, sid } = await begun(t, ledger, ledger);
  const { get } = from;
  let goOn;
  from.get = (...args) => {
    from.get = get;
    goOn = () => get(...args);
  };
  const found = store.get(sid);
  await pause(5);
  await store.touch(sid, { cookie: new session.Cookie() });
  goOn();
  assert.equal((await found).n, 1);
});

test('a logout wins over a move into a store that is slow to write', async () => {
  for (const method of ['touch', 'set', 'setIfPresent', 'setIfUnchanged']) {
    for (let turns = 0; turns < 12; turns++) {
      const [from, to] = [ledger(), comparing()];
      const { set } = to;
      to.set = async (sid, sess, callback) => {
        const copy = JSON.parse(JSON.stringify(sess));
        for (let i = 0; i < 5; i++) await turn();
        set(sid, copy, callback);
      };
      to.setIfPresent = (sid, sess, callback) => (to.data.has(sid) ? set(sid, sess, (error) => callback(error, true)) : setImmediate(callback, null, false));
      const store = session.migrate(from, to);
      await put(from, 'sid', 1);
      const moved = store[method]('sid', { cookie: new session.Cookie(), n: 2 }, ...(method === 'setIfUnchanged' ? [{ n: 1 }] : []));
      for (let i = 0; i < turns; i++) await turn();
      await store.destroy('sid');
      assert.deepEqual([from.data.size, to.data.size], [0, 0], `${method} ${turns}`);
      await moved;
      assert.deepEqual([from.data.size, to.data.size], [0, 0], `${method} ${turns}, later`);
    }
  }
});

test('what the program changes while a set waits is not stored', async (t) => {
  const { store, to, sid } = await begun(t, ledger, ledger);
  const data = { cookie: new session.Cookie(), n: 2 };
  const first = store.touch(sid, { cookie: data.cookie });
  const second = store.set(sid, data);
  data.n = 3;
  await Promise.all([first, second]);
  assert.equal(JSON.parse(to.data.get(sid)).n, 2);
});

test('setIfUnchanged moves only what is unchanged', async (t) => {
  const { store, sid, count } = await begun(t, ledger, comparing);
  const data = { cookie: new session.Cookie(), n: 2 };
  assert.equal(await store.setIfUnchanged(sid, data, { n: 5 }), false);
  assert.equal(await store.setIfUnchanged('unknown', data, { n: 1 }), false);
  assert.deepEqual(await count(), [1, 0]);
  assert.equal(await store.setIfUnchanged(sid, data, { n: 1, cookie: {}, _meta: {} }), true);
  assert.deepEqual(await count(), [0, 1]);
  assert.equal(await store.setIfUnchanged(sid, data, { n: 1 }), false);
});

test('a session that has moved is touched where it is', async (t) => {
  const { visit, from, to } = await begun(t, ledger, ledger);
  await visit(write);
  from.take();
  to.take();
  await visit(read);
  assert.deepEqual([to.take(), from.take()], [['get', 'get', 'touch'], []]);
});

test('a touch stores no data that the program has not stored, and nothing where nothing is', async (t) => {
  const { store, to, sid, count } = await begun(t, ledger, ledger);
  const cookie = new session.Cookie({ maxAge: MINUTE });
  await store.touch('unknown', { cookie, n: 1 });
  assert.deepEqual(await count(), [1, 0]);
  await store.touch(sid, { cookie, n: 99 });
  const stored = JSON.parse(to.data.get(sid));
  assert.deepEqual([stored.n, stored.cookie.originalMaxAge], [1, MINUTE]);
});

test('two stores on the same data: the session stays, and the call fails', async (t) => {
  const file = path.join(temporaryFolder('same'), 'sessions.db');
  const shared = ledger();
  const pairs = {
    'a file': () => [new session.DiskStore({ path: file }), new session.DiskStore({ path: file })],
    'a server': () => [ledger(), ledger()].map((store) => Object.assign(store, { get: shared.get, set: shared.set, destroy: shared.destroy })),
  };
  for (const [name, make] of Object.entries(pairs)) {
    const [from, to] = make();
    for (const store of [from, to]) if (store.close) t.after(() => store.close());
    const store = session.migrate(from, to);
    for (let i = 0; i < 2; i++) await assert.rejects(put(store, `sid ${i}`, 1), /both stores keep their sessions in the same place/, name);
    for (let i = 0; i < 2; i++) assert.equal((await store.get(`sid ${i}`)).n, 1, name);
  }
});

test('moveAll moves what nobody uses, and close closes both', async () => {
  for (const makeFrom of [() => new session.MemoryStore(), () => Object.assign(ledger(), { ids: undefined })]) {
    const from = makeFrom();
    from.all ??= (callback) => callback(null, Object.fromEntries([...from.data].map(([sid, text]) => [sid, JSON.parse(text)])));
    const to = new session.DiskStore({ path: path.join(temporaryFolder('all'), 'sessions.db') });
    const store = session.migrate(from, to);
    for (let i = 0; i < 20; i++) await put(from, `sid ${i}`, i);
    await put(to, 'sid 3', 'newer');
    const [, count] = await Promise.all([store.destroy('sid 7'), store.moveAll()]);
    assert.ok([18, 19].includes(count), `${count} have moved`);
    assert.deepEqual(Object.keys(await records(from)).filter((sid) => sid !== 'sid 3'), []);
    const moved = await records(to);
    assert.deepEqual([Object.keys(moved).length, moved['sid 3'].n, moved['sid 19'].n, moved['sid 7']], [19, 'newer', 19, undefined]);
    assert.equal(await store.moveAll(), 0);
    await store.close();
    assert.throws(() => to.get('sid 1'), /is closed/);
  }
  await assert.rejects(session.migrate(Object.assign(ledger(), { all: undefined, ids: undefined }), new session.MemoryStore()).moveAll(), { name: 'TypeError', message: /lists the ids/ });
});

test('the events of both: connected is who has both', async () => {
  const [from, to] = [ledger(), ledger()];
  const store = session.migrate(from, to);
  const told = [];
  for (const name of ['connect', 'disconnect']) store.on(name, () => told.push(name));
  from.emit('disconnect');
  to.emit('disconnect');
  from.emit('connect');
  assert.deepEqual(told, ['disconnect', 'disconnect']);
  const connected = once(store, 'connect');
  to.emit('connect');
  await connected;
  assert.deepEqual(told, ['disconnect', 'disconnect', 'connect']);
});

test('a session that has ended in the old store by time is none', async (t) => {
  const time = clock(t);
  const { visit, count } = await begun(t, () => new session.MemoryStore(), ledger, { idleTimeout: MINUTE });
  time.tick(MINUTE);
  assert.equal((await visit(read)).body, 'undefined');
  assert.deepEqual(await count(), [0, 0]);
});

test('a new id on the way: the pointer is in the new store', async (t) => {
  const time = clock(t);
  for (const make of [stores['a DiskStore'], ledger, comparing]) {
    const { visit, count, cookie, jar, errors } = await begun(t, ledger, make, { renewAfter: 10 * MINUTE });
    time.tick(11 * MINUTE);
    // Without `setIfUnchanged`, each of them would get an id of its own.
    const answers = await Promise.all(Array.from({ length: make === ledger ? 1 : 4 }, () => visit(read)));
    assert.ok(answers.every(({ body }) => body === '1'));
    assert.notEqual(jar.header, cookie);
    assert.equal((await visit(read, { cookie: jar.header })).body, '1');
    assert.equal((await visit(read)).body, '1', `the old id: ${make.name}`);
    assert.equal((await count())[0], 0);
    await visit(logOut);
    for (const each of [jar.header, cookie]) assert.equal((await visit(read, { cookie: each })).body, 'undefined');
    assert.deepEqual(errors, []);
  }
});

test('users: lists and ends of both stores', async (t) => {
  const user = (data) => data.user;
  const logIn = (req, res) => { req.session.user = 'ada'; res.end(); };
  const from = new session.MemoryStore({ user });
  const to = new session.DiskStore({ path: path.join(temporaryFolder('migrate', t), 'a.db'), user });
  t.after(() => to.close());
  const before = await open(t, { options: { store: from, absoluteTimeout: MINUTE } });
  const cookies = [];
  for (let i = 0; i < 4; i++) {
    await before.visit(logIn, { cookie: 'a=b' });
    cookies.push(before.jar.header);
    await pause(2);
  }
  const store = session.migrate(from, to);
  const sessions = session({ ...quiet, store, absoluteTimeout: MINUTE });
  const app = await open(t, { middleware: sessions });
  await app.visit(write, { cookie: cookies[3] });
  const current = await sessions.load(cookies[3]);
  const list = await store.sessionsOf('ada', { current });
  assert.deepEqual([list.length, list.filter((each) => each.current).length], [4, 1]);
  assert.deepEqual(list.map(({ created }) => created), list.map(({ created }) => created).sort((one, other) => other - one));
  assert.equal((await from.sessionsOf('ada')).length, 3);
  assert.equal(await store.end('ada', list.find((each) => each.current).handle), 1);
  await assert.rejects(current.save(), ENDED);
  assert.equal(await store.end('ada', list[3].handle), 1);
  assert.equal(await store.end('ada', 'none'), 0);
  const except = await sessions.load(cookies[1]);
  await app.visit(async (req, res) => {
    assert.equal(await store.endAll('ada', { except }), 1);
    await assert.rejects(req.session.save(), ENDED);
    res.end();
  }, { cookie: cookies[2] });
  assert.equal((await store.sessionsOf('ada')).length, 1);

  // Both know when sessions end by time.
  const long = Date.now() - 2 * MINUTE;
  const stored = { cookie: new session.Cookie(), user: 'eve', _meta: { created: long, renewed: long, seen: long } };
  for (const each of [from, to]) await new Promise((resolve) => { each.set(`old of ${each === from}`, stored, resolve); });
  assert.deepEqual(await store.sessionsOf('eve'), []);

  // A session that moves while all are ended is ended.
  const { set } = to;
  to.set = function slow(sid, sess, callback) { setTimeout(() => set.call(this, sid, sess, callback), 10); };
  for (let turns = 0; turns < 8; turns++) {
    const other = await new Promise((resolve) => { from.set('sid', { cookie: new session.Cookie(), user: 'ada' }, resolve); }).then(() => 'sid');
    const moved = store.touch(other, { cookie: new session.Cookie() });
    for (let i = 0; i < turns; i++) await turn();
    await store.endAll('ada');
    await moved;
    assert.deepEqual(await store.sessionsOf('ada'), [], String(turns));
    assert.equal(await store.get('sid'), undefined);
  }
});

test('users: one store of two that knows them is not enough', async () => {
  const user = (data) => data.user;
  for (const [from, to] of [[{ user }, {}], [{}, { user }]]) {
    const store = session.migrate(new session.MemoryStore(from), new session.MemoryStore(to));
    for (const method of ['sessionsOf', 'end', 'endAll']) {
      await assert.rejects(store[method]('ada'), { name: 'TypeError', message: /both stores .* the option user; the stores that have the option user are/ });
    }
    session({ ...quiet, store });
  }
});

test('under load: visitors who count lose nothing and are not logged out while all move', async (t) => {
  const from = new session.MemoryStore();
  const to = new session.DiskStore({ path: path.join(temporaryFolder('migrate', t), 'a.db') });
  t.after(() => to.close());
  const before = await open(t, { options: { store: from } });
  const visitors = [];
  for (let i = 0; i < 25; i++) {
    await before.visit(write, { cookie: 'a=b' });
    visitors.push({ cookie: before.jar.header, count: 1 });
  }
  const store = session.migrate(from, to);
  const app = await open(t, { options: { store, merge: add, idleTimeout: MINUTE } });
  await Promise.all(visitors.map(async (visitor, i) => {
    // Some of them have two pages open.
    const pages = 1 + i % 2;
    await Promise.all(Array.from({ length: pages }, async () => {
      for (let n = 0; n < 8; n++) {
        const answer = await app.visit(n % 4 === 3 ? read : write, { cookie: visitor.cookie });
        assert.match(answer.body, /^\d+$/, 'logged out');
        if (n % 4 !== 3) visitor.count++;
      }
    }));
  }));
  for (const { cookie, count } of visitors) assert.equal((await app.visit(read, { cookie })).body, String(count));
  assert.deepEqual([await new Promise((resolve) => { from.length((error, n) => resolve(n)); }), await to.length()], [0, visitors.length]);
  assert.deepEqual(app.errors, []);
});

test('a copy that the old store fails to destroy once does not come back', async (t) => {
  for (const act of [read, write]) {
    const app = await begun(t, ledger, () => new session.MemoryStore({ ttl: HOUR }));
    app.from.fails.destroy = new Error('down');
    await app.visit(write);
    await pause(20);
    assert.equal(app.from.data.size, 1);
    app.from.fails.destroy = undefined;
    await app.visit(act);
    assert.equal(app.from.data.size, 0, act.name);
  }
});

test('a call without a callback that fails is no unhandled rejection', async (t) => {
  const { store, from, to, sid } = await begun(t, ledger, ledger);
  const down = new Error('down');
  for (const each of [from, to]) Object.assign(each.fails, { get: down, set: down, destroy: down });
  const calls = [store.get(sid), store.set(sid, { cookie: new session.Cookie() }), store.touch(sid, { cookie: new session.Cookie() }), store.destroy(sid)];
  // The process would end here.
  await pause(20);
  for (const call of calls) await assert.rejects(call, down);
});

/** A store that has the ids of its sessions. */
const listing = (store) => Object.assign(store, { ids: (callback) => { setImmediate(callback, null, [...store.data.keys()]); } });

test('moveAll logs nobody out whose lifetime only the old store knows', async (t) => {
  for (const makeTo of [() => new session.MemoryStore(), lasting]) {
    for (const [age, used] of [[150, 90], [110, 90]]) {
      const time = clock(t, Date.UTC(2030, 0, 1));
      const app = await begun(t, () => listing(lasting()), makeTo, { cookie: { maxAge: 2 * HOUR } });
      const { visit, store, from, sid } = app;
      from.touch(sid, { cookie: { expires: new Date(Date.now() + used * MINUTE + 2 * HOUR) } }, () => {});
      time.tick(age * MINUTE);
      assert.equal(await store.moveAll(), 1);
      assert.deepEqual(await app.count(), [0, 1]);
      time.tick(used * MINUTE + 2 * HOUR - age * MINUTE - 1);
      assert.equal((await visit(read)).body, '1', `stored ${age} minutes ago, used ${used} minutes after that`);
    }
  }
});

test('moveAll keeps the lifetimes of stores that store them, and of records that lead to new ids', async (t) => {
  const time = clock(t, Date.UTC(2030, 0, 1));
  const untouched = () => listing(ledger({ touch: false }));
  for (const makeFrom of [() => new session.MemoryStore(), untouched]) {
    const { store, to } = await begun(t, makeFrom, ledger, { cookie: { maxAge: HOUR } });
    time.tick(MINUTE);
    assert.equal(await store.moveAll(), 1);
    const [{ cookie }] = Object.values(await records(to));
    assert.equal(cookie.expires, new Date(Date.now() - MINUTE + HOUR).toISOString());
  }
  const [from, to] = [listing(lasting()), ledger()];
  const options = { cookie: { maxAge: HOUR }, renewAfter: 3 * MINUTE };
  const before = await open(t, { options: { store: from, ...options } });
  await before.visit(write);
  const { header: cookie } = before.jar;
  time.tick(3 * MINUTE);
  await before.visit(read);
  const old = await records(from);
  assert.equal(Object.keys(old).length, 2, 'the session, and a record that leads to it');
  const store = session.migrate(from, to);
  time.tick(1000);
  assert.equal(await store.moveAll(), 1);
  const pointers = (all) => Object.values(all).filter(({ _meta }) => _meta.next);
  assert.deepEqual(pointers(await records(to)), pointers(old));
  const after = await open(t, { options: { store, ...options } });
  assert.equal((await after.visit(read, { cookie })).body, '1');
});

test('moveAll moves the others if one cannot be moved, and ends if none can', async () => {
  const [from, to] = [ledger(), ledger()];
  const ids = ['a', 'bad', 'worse', 'z'];
  for (const sid of ids) await put(from, sid, 1);
  from.data.set('bad', '{"n":1}');
  from.ids = (callback) => { setImmediate(callback, null, ids); };
  const { get } = from;
  from.get = (sid, callback) => (sid === 'worse' ? setImmediate(callback, new SyntaxError('Unexpected token')) : get(sid, callback));
  const store = session.migrate(from, to);
  await assert.rejects(store.moveAll(), ({ message, cause }) => {
    assert.match(message, /^moveAll: 2 sessions have moved, 2 could not: /);
    return cause instanceof TypeError;
  });
  assert.deepEqual([[...from.data.keys()], [...to.data.keys()]], [['bad', 'worse'], ['a', 'z']]);

  const down = new Error('down');
  const many = ledger();
  const sids = Array.from({ length: 100 }, (_, i) => `sid ${i}`);
  for (const sid of sids) await put(many, sid, 1);
  many.ids = (callback) => { setImmediate(callback, null, sids); };
  const broken = ledger();
  broken.fails.set = down;
  await assert.rejects(session.migrate(many, broken).moveAll(), { message: 'moveAll: 0 sessions have moved, 10 could not: down', cause: down });
  assert.equal(broken.take().filter((call) => call === 'set').length, 10);
  assert.equal(many.data.size, 100);
});

test('clear takes out what is moving', async () => {
  const slow = (method) => {
    const store = listing(Object.assign(ledger(), { clear: (callback) => { store.data.clear(); setImmediate(callback); } }));
    const quick = store[method];
    store[method] = (sid, ...args) => { setTimeout(quick, 20, sid, ...args); };
    return store;
  };
  const session1 = { cookie: new session.Cookie(), n: 2 };
  for (const act of [(store) => store.touch('s0', session1), (store) => store.set('s0', session1), (store) => store.setIfPresent('s0', session1), (store) => store.moveAll()]) {
    const [from, to] = [slow('get'), slow('set')];
    to.setIfPresent = (sid, sess, callback) => { if (to.data.has(sid)) to.set(sid, sess, callback); else setImmediate(callback, null, false); };
    await put(from, 's0', 1);
    await put(from, 's1', 1);
    const store = session.migrate(from, to);
    const acting = act(store);
    await pause(30);
    await Promise.all([acting, store.clear()]);
    assert.deepEqual([from.data.size, to.data.size], [0, 0], String(act));
  }
});

test('logged out stays logged out, with a MemoryStore as the new store', async (t) => {
  for (const options of [{}, { hashIds: true }]) {
    for (const isMoved of [false, true]) {
      const { visit, count, errors } = await begun(t, ledger, () => new session.MemoryStore(), options);
      if (isMoved) await visit(write);
      let goOn;
      const waits = new Promise((resolve) => { goOn = resolve; });
      const [slow] = await Promise.all([
        visit(async (req, res) => { req.session.n = 9; await waits; res.end('done'); }),
        pause(20).then(() => visit(logOut)).then(goOn),
      ]);
      assert.equal(slow.body, 'done');
      assert.deepEqual(await count(), [0, 0]);
      assert.equal((await visit(read)).body, 'undefined');
      assert.deepEqual(errors, []);
    }
  }
});
