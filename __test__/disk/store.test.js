'use strict';

/** The DiskStore as a program sees it, in one process. */

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const util = require('node:util');
const { clock, open, original } = require('../compat/app');
const { session, isOurs, deep } = require('../subject');
const { newFile } = require('./apps');
const { engineOf } = require('../../session/store/engine-of');
const { temporaryFolder } = require('../../test-kit/folder');

const { DiskStore } = session;
const skip = !isOurs && 'the original has no DiskStore';

const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});

const sess = (data, cookie = {}) => ({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/', ...cookie }, ...data });
const until = (ms) => ({ originalMaxAge: 1000, expires: new Date(ms) });

/** A store of a file, new unless told, that is closed at the end of the test. */
function make(t, { path: file = newFile(t), Class = DiskStore, ...options } = {}) {
  const store = new Class({ path: file, ...options });
  t.after(() => store.close());
  return store;
}

/** Waits for what comes by itself. */
async function eventually(isTrue) {
  const end = Date.now() + 20_000;
  while (!await isTrue()) {
    assert.ok(Date.now() < end, `${isTrue}`);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}

const wrong = {
  path: [undefined, null, '', 5, {}, ['a'], Buffer.from('a'), new URL('file:///a'), 'a\0b', true],
  maxBytes: ['5', 0, -1, 1.5, NaN, {}, false],
  ttl: ['1000', 0, -1, NaN, Infinity, {}, false],
  checkPeriod: ['1000', -1, NaN, Infinity, 2 ** 31, true, {}],
  dispose: ['f', 1, {}, true],
  durability: ['', 'none', 1, true, {}],
  touchAfter: ['5', -1, NaN, Infinity, {}, true],
  onDamage: ['', 'ignore', 1, true],
};

for (const [name, values] of Object.entries(wrong)) {
  test(`a wrong ${name} is refused by its name, and no file is made`, { skip }, (t) => {
    const file = newFile(t);
    for (const value of values) {
      assert.throws(() => new DiskStore({ path: file, [name]: value }), (error) => (
        error instanceof TypeError && error.message.startsWith(`${name} option of DiskStore must be `)
      ), String(value));
    }
    assert.equal(fs.existsSync(file), false);
  });
}

test('an option that is none, and no options, are refused', { skip }, (t) => {
  const file = newFile(t);
  for (const name of ['filename', 'Path', 'max', 'shared', 'touchafter', 'constructor']) {
    assert.throws(() => new DiskStore({ path: file, [name]: undefined }), {
      name: 'TypeError', message: `${name} is no option of DiskStore, which has path, maxBytes, ttl, checkPeriod, dispose, durability, touchAfter, onDamage, user, describe, maxSessions`,
    });
  }
  for (const options of [undefined, null, 5, file]) {
    assert.throws(() => new DiskStore(options), { name: 'TypeError', message: /DiskStore needs options: at least path/ });
  }
});

test('what is left out has its default', { skip }, async (t) => {
  for (const value of [undefined, null]) {
    const store = make(t, Object.fromEntries(Object.keys(wrong).filter((name) => name !== 'path').map((name) => [name, value])));
    await ask(store, 'set', 'a', sess({ n: 1 }));
    assert.equal((await ask(store, 'get', 'a')).n, 1);
  }
  for (const options of [{ checkPeriod: false }, { checkPeriod: 0 }, { maxBytes: Infinity }, { touchAfter: 0 }, { durability: 'process' }, { onDamage: 'throw' }]) make(t, options);
});

test('the path may be relative, odd, and in folders that are not there', { skip }, async (t) => {
  const folder = temporaryFolder('disk', t);
  const back = process.cwd();
  process.chdir(folder);
  try {
    for (const name of ['plain.db', './a/b/c.db', ':memory:', 'file:x?mode=memory', 'spaces and ünicode 😀.db', 'q?a=1#b%20c']) {
      const store = make(t, { path: name });
      await ask(store, 'set', 'a', sess({ name }));
      assert.ok(fs.statSync(path.join(folder, name)).size > 0, name);
      assert.equal((await ask(make(t, { path: name }), 'get', 'a')).name, name, 'another store finds it');
    }
  } finally {
    process.chdir(back);
  }
});

test('what cannot be a file is an Error that names it', { skip }, (t) => {
  const folder = temporaryFolder('disk', t);
  const file = path.join(folder, 'a file');
  fs.writeFileSync(file, '');
  const says = { [folder]: /folder/, [path.join(file, 'below')]: /Check the option path|cannot be made/ };
  for (const [name, message] of Object.entries(says)) {
    assert.throws(() => new DiskStore({ path: name }), (error) => (
      !(error instanceof TypeError) && error.message.startsWith('DiskStore: ') && error.message.includes(name) && message.test(error.message)
    ));
  }
});

test('it is a Store, and has a deep path of its own', { skip }, (t) => {
  const store = make(t);
  assert.ok(store instanceof session.Store && store instanceof EventEmitter);
  assert.equal(deep('session/disk'), DiskStore);
  assert.equal(DiskStore.name, 'DiskStore');
  assert.equal(Object.keys(session).includes('DiskStore'), false);
});

test('get, set, touch, destroy, all, ids, length, clear, stats and prune', { skip }, async (t) => {
  const store = make(t);
  assert.equal(await ask(store, 'get', 'none'), undefined);
  for (const sid of ['b', 'a', '10', '', 'lone \ud800', '__proto__']) await ask(store, 'set', sid, sess({ sid, deep: { list: [1, null, 'x'] } }));
  assert.deepEqual(await ask(store, 'get', '__proto__'), sess({ sid: '__proto__', deep: { list: [1, null, 'x'] } }));
  const all = await ask(store, 'all');
  assert.equal(Object.getPrototypeOf(all), null);
  assert.deepEqual(Object.keys(all).sort(), ['', '10', '__proto__', 'a', 'b', 'lone \ud800']);
  assert.deepEqual((await ask(store, 'ids')).sort(), Object.keys(all).sort());
  assert.equal(all['lone \ud800'].sid, 'lone \ud800');
  await ask(store, 'set', 'b', sess({ n: 6 }));
  await ask(store, 'touch', 'b', { cookie: { path: '/other' }, n: 'ignored' });
  await ask(store, 'touch', 'none', sess({}));
  assert.deepEqual(await ask(store, 'get', 'b'), { cookie: { path: '/other' }, n: 6 });
  await ask(store, 'destroy', 'b');
  await ask(store, 'destroy', 'none');
  assert.equal(await ask(store, 'length'), 5);
  const { bytes, ...counts } = await ask(store, 'stats');
  assert.deepEqual(counts, { sessions: 5, hits: 2, misses: 1, expired: 0, evicted: 0 });
  assert.ok(bytes >= 4096);
  await ask(store, 'clear');
  assert.deepEqual([await ask(store, 'length'), await ask(store, 'ids'), await ask(store, 'prune')], [0, [], 0]);
});

test('callbacks get what those of a MemoryStore get, in a later turn', { skip }, async (t) => {
  const told = [];
  for (const store of [new session.MemoryStore(), make(t)]) {
    const heard = [];
    for (const [method, ...args] of [['set', 'a', sess({})], ['get', 'a'], ['get', 'b'], ['touch', 'a', sess({})], ['all'], ['length'], ['ids'], ['destroy', 'a'], ['clear']]) {
      let inTurn = true;
      await new Promise((resolve) => {
        store[method](...args, (...answer) => {
          assert.equal(inTurn, false, method);
          heard.push([method, answer]);
          resolve();
        });
        inTurn = false;
      });
    }
    told.push(heard);
  }
  assert.deepEqual(told[1], told[0]);
});

test('without a callback, what tells something gives a promise, and changes are made all the same', { skip }, async (t) => {
  const store = make(t);
  for (const [method, ...args] of [['set', 'a', sess({})], ['set', 'b', sess({})], ['touch', 'a', sess({})], ['destroy', 'b']]) assert.equal(store[method](...args), undefined);
  assert.deepEqual(await Promise.all([store.ids(), store.length(), store.all().then(Object.keys)]), [['a'], 1, ['a']]);
  const { sessions } = await store.stats();
  assert.deepEqual([sessions, await store.prune()], [1, 0]);
  store.clear();
  assert.equal(await store.length(), 0);
  assert.equal(await store.close(), undefined);
  for (const method of ['ids', 'length', 'all', 'stats', 'prune']) await assert.rejects(store[method](), /the store is closed/);
});

test('setIfPresent stores a session only where there is one', { skip }, async (t) => {
  const file = newFile(t);
  const [store, other] = [make(t, { path: file }), make(t, { path: file })];
  assert.equal(await ask(store, 'setIfPresent', 'a', sess({ n: 1 })), false);
  assert.equal(await ask(store, 'get', 'a'), undefined);
  await ask(other, 'set', 'a', sess({ n: 1 }));
  assert.equal(await ask(store, 'setIfPresent', 'a', sess({ n: 2 })), true);
  assert.equal((await ask(other, 'get', 'a')).n, 2);
  await ask(other, 'destroy', 'a');
  assert.equal(await ask(store, 'setIfPresent', 'a', sess({ n: 3 })), false);
  assert.equal(await ask(other, 'get', 'a'), undefined);
  // All in one turn, so in one transaction.
  const told = await Promise.all([
    ask(store, 'set', 'b', sess({ n: 1 })), ask(store, 'setIfPresent', 'b', sess({ n: 2 })), ask(store, 'destroy', 'b'),
    ask(store, 'setIfPresent', 'b', sess({ n: 3 })), ask(store, 'setIfPresent', 'c', sess({})), ask(store, 'set', 'c', sess({ n: 4 })),
  ]);
  assert.deepEqual(told, [undefined, true, undefined, false, false, undefined]);
  assert.equal(await ask(other, 'get', 'b'), undefined);
  assert.equal((await ask(other, 'get', 'c')).n, 4);
});

test('a session that JSON cannot hold is refused, and the old one kept', { skip }, async (t) => {
  const store = make(t);
  await ask(store, 'set', 'a', sess({ n: 1 }));
  const round = sess({});
  round.self = round;
  for (const bad of [round, sess({ big: 1n })]) {
    for (const method of ['set', 'setIfPresent']) assert.throws(() => store[method]('a', bad, () => {}), TypeError);
  }
  assert.equal((await ask(store, 'get', 'a')).n, 1);
});

test('sessions are there when the file is opened again', { skip }, async (t) => {
  const file = newFile(t);
  for (let n = 0; n < 5; n++) {
    const store = new DiskStore({ path: file });
    assert.equal((await store.ids()).length, n);
    await ask(store, 'set', `sid ${n}`, sess({ n }));
    store.set(`sid ${n}`, sess({ n, again: true }));
    await store.close();
  }
  assert.ok(Object.values(await make(t, { path: file }).all()).every(({ again }) => again));
});

test('close waits for all changes, and each later call is an error for its callback', { skip }, async (t) => {
  const file = newFile(t);
  const store = new DiskStore({ path: file });
  const answers = [];
  store.clear((error) => { answers.push(error); });
  for (let n = 0; n < 5; n++) store.set(`sid ${n}`, sess({ n }), (error) => { answers.push(error); });
  const isStored = ask(store, 'setIfPresent', 'none', sess({}));
  await Promise.all([store.close(), ask(store, 'close')]);
  assert.deepEqual(answers, Array(6).fill(undefined));
  assert.equal(await isStored, false);
  for (const [method, ...args] of [
    ['get', 'a'], ['set', 'a', sess({})], ['touch', 'a', sess({})], ['destroy', 'a'], ['clear'], ['all'], ['ids'], ['length'], ['stats'], ['prune'], ['setIfPresent', 'a', sess({})],
  ]) {
    await assert.rejects(ask(store, method, ...args), (error) => error.message === `DiskStore: ${file}: the store is closed`, method);
  }
  await store.close();
  assert.throws(() => { store.set('a', sess({})); }, /the store is closed/, 'nobody else can be told');
  assert.equal((await make(t, { path: file }).ids()).length, 5, 'what comes later is nowhere');
});

test('after close, requests get an error page, and the process lives', { skip }, async (t) => {
  const store = make(t);
  const app = await open(t, { options: { store, genid: undefined } });
  await app.visit((req, res) => { req.session.n = 1; res.end(); });
  await store.close();
  for (const cookie of [undefined, false]) {
    const { status, body } = await app.visit((req, res) => { req.session.n = 2; res.end('ok'); }, { cookie });
    if (cookie === undefined) assert.deepEqual([status, /the store is closed/.test(body)], [500, true]);
  }
  assert.equal(app.errors.length, 2);
});

test('ttl: a number, a function, and a day without one', { skip }, async (t) => {
  const time = clock(t);
  const minutes = (store, sid, most) => async () => {
    for (let n = 1; n <= most; n++) {
      if (await ask(store, 'get', sid) === undefined) return n;
      time.tick(60_000);
    }
    return most;
  };
  const calls = [];
  for (const [ttl, expected] of [[120_000, 3], [(...args) => { calls.push(args.slice(1)); return 180_000; }, 4], [undefined, 24 * 60 + 1]]) {
    const store = make(t, { ttl });
    await ask(store, 'set', 'a', sess({ n: 1 }));
    await ask(store, 'set', 'dated', sess({}, until(Date.now() + 60_000)));
    time.tick(60_000);
    assert.equal(await ask(store, 'get', 'dated'), undefined, 'the cookie decides');
    time.tick(-60_000);
    assert.equal(await minutes(store, 'a', 2000)(), expected);
  }
  assert.deepEqual(calls.map(([{ n }, sid]) => [n, sid]), [[1, 'a']]);
  const bad = make(t, { ttl: () => 'soon' });
  assert.throws(() => bad.set('a', sess({}), () => {}), { name: 'TypeError', message: 'ttl option must give a number of milliseconds' });
});

test('what has expired is not found, does not count, and goes with prune', { skip }, async (t) => {
  const time = clock(t);
  const told = [];
  const store = make(t, { dispose: (sid, data, reason) => told.push([sid, data.n, reason]), checkPeriod: false });
  await ask(store, 'set', 'short', sess({ n: 1 }, until(Date.now() + 1000)));
  await ask(store, 'set', 'long', sess({ n: 2 }, until(Date.now() + 60_000)));
  await ask(store, 'set', 'endless', sess({ n: 3 }));
  time.tick(1000);
  assert.equal(await ask(store, 'get', 'short'), undefined);
  assert.equal(await store.length(), 2);
  assert.deepEqual(Object.keys(await store.all()).sort(), ['endless', 'long']);
  assert.deepEqual((await store.ids()).sort(), ['endless', 'long', 'short']);
  assert.equal(await store.prune(), 1);
  assert.equal(await store.prune(), 0);
  assert.deepEqual((await store.ids()).sort(), ['endless', 'long']);
  await ask(store, 'destroy', 'long');
  await ask(store, 'destroy', 'none');
  await ask(store, 'clear');
  await eventually(() => told.length >= 3);
  assert.deepEqual(told, [['short', 1, 'expired'], ['long', 2, 'destroyed'], ['endless', 3, 'destroyed']]);
  assert.equal((await store.stats()).expired, 1);
});

test('of two stores of a file, one prunes by itself', { skip }, async (t) => {
  const file = newFile(t);
  const told = [];
  const options = { path: file, checkPeriod: 50 };
  for (const name of ['one', 'two']) make(t, { ...options, dispose: (sid) => { told.push([name, sid]); } });
  const writer = make(t, { path: file, checkPeriod: false });
  for (let round = 1; round <= 5; round++) {
    await ask(writer, 'set', `sid ${round}`, sess({}, until(Date.now() - 1)));
    await eventually(() => told.length === round);
  }
  assert.deepEqual(told.map(([, sid]) => sid), ['sid 1', 'sid 2', 'sid 3', 'sid 4', 'sid 5']);
});

test('a store that nobody has any more is collected, and its timers end', { skip }, async (t) => {
  const { run } = require('../../test-kit/program');
  const { status, stdout, stderr } = await run(process.execPath, ['--expose-gc', '-e', `
    const { DiskStore } = require(process.argv[1]);
    const { engineOf } = require(process.argv[1] + '/session/store/engine-of');
    let store = new DiskStore({ path: process.argv[2], checkPeriod: 5 });
    store.set('a', { cookie: {} });
    const gone = new FinalizationRegistry(() => { console.log('collected'); clearInterval(waiting); });
    gone.register(engineOf(store), '');
    store = undefined;
    let turns = 0;
    const waiting = setInterval(() => { global.gc(); if (++turns === 1000) clearInterval(waiting); }, 10);
  `, path.join(__dirname, '..', '..'), newFile(t)]);
  assert.deepEqual([status, stdout.trim()], [0, 'collected'], stderr);
});

test('maxBytes: those go first that expire first', { skip }, async (t) => {
  const told = [];
  const maxBytes = 400_000;
  const store = make(t, { maxBytes, dispose: (sid, data, reason) => told.push([sid, reason]) });
  const count = 1000;
  const start = Date.now() + 3_600_000;
  for (let n = 0; n < count; n++) {
    // In an order of its own.
    const at = (n * 379) % count;
    store.set(`sid ${at}`, sess({ text: 'x'.repeat(400) }, until(start + at * 1000)));
  }
  await eventually(() => told.length > 0);
  const left = (await store.ids()).map((sid) => Number(sid.slice(4)));
  const gone = told.map(([sid]) => Number(sid.slice(4)));
  const bytes = left.length * JSON.stringify(sess({ text: 'x'.repeat(400) })).length;
  assert.ok(bytes < maxBytes && bytes > maxBytes / 2, `${bytes} bytes are left`);
  assert.equal(left.length + gone.length, count);
  assert.ok(Math.max(...gone) < Math.min(...left));
  assert.deepEqual([...new Set(told.map(([, reason]) => reason))], ['evicted']);
  assert.equal((await store.stats()).evicted, gone.length);
});

/** Counts what the engine's commits write. */
function countCommits(store) {
  const engine = engineOf(store);
  const { commit } = engine;
  const counted = { commits: 0 };
  engine.commit = function counting() { counted.commits++; return commit.call(this); };
  return counted;
}

test('touchAfter: a session that was only read is written at most so often', { skip }, async (t) => {
  const time = clock(t);
  for (const [touchAfter, maxAge, expected] of [[1000, 3_600_000, 5], [0, 3_600_000, 50], [undefined, 3_600_000, 5], [10_000, 3_600_000, 0], [1000, 1500, 50]]) {
    const store = make(t, { touchAfter });
    const app = await open(t, { options: { store, genid: undefined, cookie: { maxAge } } });
    await app.visit((req, res) => { req.session.n = 1; res.end(); });
    const counted = countCommits(store);
    // Fifty reads, the first a tenth of a second after the write.
    for (let n = 0; n < 50; n++) {
      time.tick(100);
      assert.equal((await app.visit((req, res) => { res.end(String(req.session.n)); })).body, '1');
    }
    assert.equal(counted.commits, expected, `touchAfter ${touchAfter}, maxAge ${maxAge}`);
    const [stored] = Object.values(await store.all());
    const moved = new Date(stored.cookie.expires) - Date.now() - maxAge;
    assert.ok(moved <= 0 && moved > -Math.max(touchAfter ?? 1000, 1) - (expected === 0 ? 5000 : 0), `${moved} ms`);
  }
});

test('the first change of a turn is in the file when the method returns, the others when the turn ends', { skip }, async (t) => {
  const file = newFile(t);
  const [store, other] = [make(t, { path: file }), make(t, { path: file })];
  const seen = async () => Object.values(await other.all()).length;
  const counted = countCommits(store);
  for (let n = 0; n < 5; n++) {
    store.set(`alone ${n}`, sess({}));
    assert.notEqual(engineOf(other).read(`alone ${n}`), undefined);
    await new Promise(setImmediate);
  }
  assert.equal(counted.commits, 5);
  // A turn with several: the first alone, then all the others together.
  for (let n = 0; n < 10; n++) store.set(`first ${n}`, sess({}));
  await new Promise(setImmediate);
  assert.equal(counted.commits, 7);
  assert.equal(await seen(), 15);
  // Now it waits for the end of each turn, until a turn has one change again.
  for (let n = 0; n < 10; n++) store.set(`second ${n}`, sess({}));
  assert.equal(engineOf(other).read('second 0'), undefined);
  assert.notEqual(engineOf(store).read('second 0'), undefined, 'this process sees it at once');
  await new Promise(setImmediate);
  assert.equal(counted.commits, 8);
  store.set('third', sess({}));
  await new Promise(setImmediate);
  store.set('fourth', sess({}));
  assert.notEqual(engineOf(other).read('fourth'), undefined);
});

test('a while after a change the file itself has it, without its log', { skip: skip || (process.platform === 'win32' && 'there is no cp') }, async (t) => {
  const file = newFile(t);
  const store = make(t, { path: file });
  const copy = path.join(path.dirname(file), 'copy.db');
  for (let n = 1; n <= 2; n++) {
    await ask(store, 'set', `sid ${n}`, sess({}));
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    // This process may not open the file: its locks would be gone.
    execFileSync('cp', [file, copy]);
    const copied = new DiskStore({ path: copy });
    assert.equal((await copied.ids()).length, n);
    await copied.close();
    for (const end of ['', '-wal', '-shm']) fs.rmSync(`${copy}${end}`, { force: true });
  }
});

test('sessions with many kinds of cookies are committed, each at once', { skip }, async (t) => {
  const file = newFile(t);
  const [store, other] = [make(t, { path: file }), make(t, { path: file })];
  for (let n = 0; n < 12; n++) {
    const app = await open(t, { options: { store, genid: undefined, cookie: { path: '/', domain: `${n}.example.org` } } });
    await app.visit((req, res) => { req.session.n = n; res.end(); });
    assert.equal((await other.ids()).length, n + 1);
  }
});

test('a session that its request saves, and changes again, is stored as it was last', { skip }, async (t) => {
  for (const Class of [DiskStore, class Heir extends DiskStore { get(...args) { return super.get(...args); } }]) {
    const store = make(t, { Class });
    const app = await open(t, { options: { store, genid: undefined } });
    const stored = async () => Object.values(await store.all()).map(({ n }) => n);
    await app.visit(async (req, res) => { req.session.n = 1; await req.session.save(); req.session.n = 2; res.end(); });
    assert.deepEqual(await stored(), [2]);
    await app.visit((req, res) => { req.session.n = 3; req.session.save(); req.session.n = 4; res.end(); });
    assert.deepEqual(await stored(), [4]);
    await app.visit(async (req, res) => { await req.session.regenerate(); req.session.n = 5; await req.session.save(); req.session.n = 6; res.end(); });
    assert.deepEqual(await stored(), [6]);
    await app.visit(async (req, res) => { await req.session.reload(); req.session.n = 7; res.end(); });
    assert.deepEqual(await stored(), [7]);
    // Another request logs out meanwhile.
    await app.visit(async (req, res) => {
      req.session.n = 8;
      await req.session.save();
      await ask(store, 'clear');
      req.session.n = 9;
      res.end();
    });
    if (Class === DiskStore) assert.deepEqual(await stored(), []);
  }
});

for (const durability of ['process', 'machine']) {
  test(`a response waits for all that its request has stored: durability ${durability}`, { skip }, async (t) => {
    const file = newFile(t);
    const [store, other] = [make(t, { path: file, durability }), make(t, { path: file })];
    const app = await open(t, { options: { store, genid: undefined, cookie: { maxAge: 3_600_000 } } });
    const seen = [];
    const uses = [
      (its, n) => { its.n = n; },
      // Then the end of the response has nothing to do but to touch the session, which may be left out.
      (its, n) => { its.n = n; its.save(); },
      (its, n) => { its.n = n; its.save(); its.n = n; its.touch(); },
    ];
    for (const [n, use] of [...uses, ...uses].entries()) {
      await app.visit((req, res) => {
        // Other changes of this turn make it wait for the turn's end.
        store.set('other', sess({}));
        store.set('other', sess({ n }));
        use(req.session, n);
        res.on('finish', () => { seen.push(engineOf(other).read(req.sessionID)?.n); });
        res.end('done');
      });
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5]);
  });
}

const heirs = {
  'a field and a method of its own': () => class Heir extends DiskStore {
    calls = [];
    count() { return this.calls.length; }
  },
  'an own get': () => class Heir extends DiskStore {
    calls = [];
    get(sid, callback) { this.calls.push('get'); super.get(sid, callback); }
  },
  'sessions in another form': () => class Heir extends DiskStore {
    calls = [];
    get(sid, callback) {
      this.calls.push('get');
      super.get(`x${sid}`, (error, found) => callback(error, found && { ...JSON.parse(Buffer.from(found.sealed, 'base64')), cookie: found.cookie }));
    }

    set(sid, its, callback) {
      this.calls.push('set');
      super.set(`x${sid}`, { cookie: its.cookie, sealed: Buffer.from(JSON.stringify(its)).toString('base64') }, callback);
    }

    touch(sid, its, callback) { super.touch(`x${sid}`, its, callback); }
    destroy(sid, callback) { super.destroy(`x${sid}`, callback); }
  },
  'util.inherits': () => {
    function Heir(options) {
      DiskStore.call(this, options);
      this.calls = [];
    }
    util.inherits(Heir, DiskStore);
    Heir.prototype.set = function set(...args) {
      this.calls.push('set');
      return DiskStore.prototype.set.apply(this, args);
    };
    return Heir;
  },
};

for (const [name, makeHeir] of Object.entries(heirs)) {
  test(`a derived class with ${name}`, { skip }, async (t) => {
    const store = make(t, { Class: makeHeir() });
    const app = await open(t, { options: { store, genid: undefined } });
    const bodies = [];
    const count = (req, res) => { req.session.n = (req.session.n ?? 0) + 1; res.end(String(req.session.n)); };
    for (let n = 0; n < 3; n++) bodies.push((await app.visit(count)).body);
    assert.deepEqual(bodies, ['1', '2', '3']);
    if (name !== 'a field and a method of its own') assert.ok(store.calls.length >= 2, `${store.calls}`);
    const { header } = app.jar;
    // Logged out while another request has the session.
    await app.visit(async (req, res) => {
      req.session.n = 9;
      await new Promise((resolve) => { store.destroy(req.sessionID, resolve); });
      res.end();
    });
    assert.deepEqual(app.errors, []);
    assert.equal((await app.visit((req, res) => { res.end(String(req.session.n)); }, { cookie: header })).body, 'undefined');
    assert.deepEqual(await store.ids(), []);
  });
}

test('a class that keeps its sessions elsewhere is left alone', { skip }, async (t) => {
  class Own extends DiskStore {
    kept = new Map();
    get(sid, callback) { setImmediate(callback, null, this.kept.get(sid)); }
    set(sid, its, callback) { this.kept.set(sid, JSON.parse(JSON.stringify(its))); setImmediate(callback); }
    touch(sid, its, callback) { setImmediate(callback); }
    destroy(sid, callback) { this.kept.delete(sid); setImmediate(callback); }
  }
  const store = make(t, { Class: Own });
  const app = await open(t, { options: { store, genid: undefined } });
  const count = (req, res) => { req.session.n = (req.session.n ?? 0) + 1; res.end(String(req.session.n)); };
  const bodies = [];
  for (let n = 0; n < 3; n++) bodies.push((await app.visit(count)).body);
  assert.deepEqual(bodies, ['1', '2', '3']);
  assert.deepEqual(await store.ids(), []);
});

test('a callback that throws keeps no other one from its answer', { skip }, async (t) => {
  const store = make(t);
  const thrown = [];
  const catchIt = (error) => { thrown.push(error.message); };
  process.setUncaughtExceptionCaptureCallback(catchIt);
  t.after(() => { process.setUncaughtExceptionCaptureCallback(null); });
  const answered = [];
  for (let n = 0; n < 6; n++) {
    store.set(`sid ${n}`, sess({}), () => {
      answered.push(n);
      if (n % 2) throw new Error(`on purpose ${n}`);
    });
  }
  await eventually(() => answered.length === 6);
  await new Promise(setImmediate);
  assert.deepEqual(answered.sort(), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(thrown.sort(), ['on purpose 1', 'on purpose 3', 'on purpose 5']);
});

test('sessions of express-session\'s own classes and forms are taken', { skip }, async (t) => {
  const store = make(t);
  await ask(store, 'set', 'a', { cookie: new original.Cookie({ maxAge: 60_000 }), list: [1] });
  assert.deepEqual((await ask(store, 'get', 'a')).list, [1]);
  await ask(store, 'set', 'b', { n: 1 });
  assert.deepEqual(await ask(store, 'get', 'b'), { n: 1 });
  await ask(store, 'touch', 'a', { cookie: new original.Cookie({ maxAge: 120_000 }) });
  assert.equal((await ask(store, 'get', 'a')).cookie.originalMaxAge, 120_000);
});

test('requests to two stores of a file, each by a middleware', { skip }, async (t) => {
  const file = newFile(t);
  const [one, two] = await Promise.all([0, 1].map(() => open(t, { options: { store: make(t, { path: file }), genid: undefined } })));
  await one.visit((req, res) => { req.session.n = 1; res.end(); });
  const cookie = one.jar.header;
  assert.equal((await two.visit((req, res) => { req.session.n++; res.end(String(req.session.n)); }, { cookie })).body, '2');
  assert.equal((await one.visit((req, res) => { res.end(String(req.session.n)); })).body, '2');
});
