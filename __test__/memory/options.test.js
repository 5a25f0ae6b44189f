'use strict';

/** The options of the MemoryStore, which the original does not have. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { clock, open, child, files, original } = require('../compat/app');
const { session } = require('../subject');

const { MemoryStore } = session;

const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});

const sess = (data, cookie = {}) => ({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/', ...cookie }, ...data });
const until = (ms) => ({ originalMaxAge: 1000, expires: new Date(ms) });

/** Waits for what comes by itself. The watchdog only turns a wait for ever into a failure. */
async function eventually(isTrue) {
  const end = process.hrtime.bigint() + 20_000_000_000n;
  while (!isTrue()) {
    if (process.hrtime.bigint() > end) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const wrong = {
  max: ['5', 0, -1, 1.5, NaN, {}, true, () => 5],
  maxBytes: ['5', 0, -1, 1.5, NaN, {}, false],
  ttl: ['1000', 0, -1, NaN, Infinity, {}, false],
  checkPeriod: ['1000', -1, NaN, Infinity, 2 ** 31, true, {}],
  dispose: ['f', 1, {}, true],
  shared: ['', 1, {}, true],
};

for (const [name, values] of Object.entries(wrong)) {
  test(`a wrong ${name} is refused`, () => {
    for (const value of values) {
      assert.throws(() => new MemoryStore({ [name]: value }), (error) => (
        error instanceof TypeError && error.message.startsWith(`${name} option must be `)
      ), String(value));
    }
  });
}

test('what is no option is left alone, as the original does', () => {
  for (const options of [undefined, null, 'text', 5, () => {}, [], { reapInterval: -1, stale: 'x' }, Object.create(null)]) {
    new MemoryStore(options);
    new original.MemoryStore(options);
  }
  for (const name of Object.keys(wrong)) {
    new MemoryStore({ [name]: undefined });
    new MemoryStore({ [name]: null });
  }
  new MemoryStore({ max: Infinity, maxBytes: Infinity, checkPeriod: false });
  new MemoryStore({ checkPeriod: 0 });
});

test('dispose and shared do not go together', () => {
  assert.throws(() => new MemoryStore({ dispose() {}, shared: 'a' }), /^TypeError: dispose option cannot be used with the shared option$/);
});

test('max: the least recently used goes', async () => {
  const store = new MemoryStore({ max: 3 });
  for (const sid of ['a', 'b', 'c']) await ask(store, 'set', sid, sess({ sid }));
  await ask(store, 'get', 'a');
  await ask(store, 'touch', 'b', sess({}));
  await ask(store, 'set', 'd', sess({ sid: 'd' }));
  assert.deepEqual(Object.keys(store.sessions), ['a', 'b', 'd']);
  await ask(store, 'set', 'a', sess({ sid: 'again' }));
  await ask(store, 'set', 'e', sess({ sid: 'e' }));
  assert.deepEqual(Object.keys(store.sessions), ['a', 'd', 'e']);
  assert.equal(await ask(store, 'length'), 3);
  assert.equal(store.stats().evicted, 2);
  assert.equal(await ask(store, 'get', 'c'), undefined);
});

test('max holds in the middleware, where being used is a request', async (t) => {
  const store = new MemoryStore({ max: 2 });
  const app = await open(t, { options: { store, genid: undefined } });
  const login = async (name) => {
    const { cookies: [cookie] } = await app.visit((req, res) => { req.session.name = name; res.end(); }, { cookie: false });
    return cookie.split(';')[0];
  };
  const nameOf = async (cookie) => (await app.visit((req, res) => res.end(String(req.session.name)), { cookie })).body;
  const [ann, bob] = [await login('ann'), await login('bob')];
  await app.visit((req, res) => res.end(), { cookie: ann });
  const eve = await login('eve');
  assert.deepEqual([await nameOf(ann), await nameOf(bob), await nameOf(eve)], ['ann', 'undefined', 'eve']);
});

test('maxBytes', async () => {
  const store = new MemoryStore({ maxBytes: 10_000 });
  for (let n = 0; n < 100; n++) {
    await ask(store, 'set', `sid-${n}`, sess({ text: 'x'.repeat(500) }));
    assert.ok(store.stats().bytes <= 10_000);
  }
  const { sessions, evicted } = store.stats();
  assert.ok(sessions > 10 && sessions < 20, String(sessions));
  assert.equal(evicted, 100 - sessions);
  assert.equal(Object.keys(store.sessions).at(-1), 'sid-99');

  await ask(store, 'set', 'large', sess({ text: 'x'.repeat(10_000) }));
  assert.equal(store.sessions.large, undefined, 'what never fits is not kept');
  assert.equal(store.stats().sessions, sessions, 'and drives nobody out');
});

test('ttl: a session without an expiry lasts so long after its last use', async (t) => {
  const time = clock(t);
  const store = new MemoryStore({ ttl: 1000 });
  await ask(store, 'set', 'used', sess({ n: 1 }));
  await ask(store, 'set', 'not used', sess({ n: 2 }));
  await ask(store, 'set', 'dated', sess({ n: 3 }, until(Date.now() + 5000)));
  store.sessions.raw = '{"n":4}';
  time.tick(999);
  await ask(store, 'touch', 'used', sess({}));
  assert.equal(await ask(store, 'length'), 4);
  time.tick(1);
  assert.deepEqual(Object.keys(await ask(store, 'all')), ['used', 'dated', 'raw'], 'what a program wrote itself has no time');
  time.tick(999);
  assert.deepEqual(await ask(store, 'get', 'used'), undefined);
  assert.match(store.sessions.dated, /"n":3/);
  time.tick(3001);
  assert.deepEqual(await ask(store, 'get', 'dated'), undefined);
  assert.equal(store.stats().expired, 3);
});

test('ttl does not show in what is stored', async (t) => {
  clock(t);
  const store = new MemoryStore({ ttl: 1000 });
  await ask(store, 'set', 'a', sess({ n: 1 }));
  assert.equal(store.sessions.a, JSON.stringify(sess({ n: 1 })));
  assert.deepEqual(await ask(store, 'get', 'a'), sess({ n: 1 }));
});

const handlers = {
  'is not looked at': (req, res) => res.end(),
  'is read': (req, res) => res.end(String(req.session.n)),
  'is written': (req, res) => { req.session.n++; res.end(); },
  'is saved': (req, res) => { req.session.n++; req.session.save(() => res.end()); },
  'is touched': (req, res) => { req.session.touch(); res.end(); },
};

for (const kind of ['number', 'function']) {
  for (const [name, handler] of Object.entries(handlers)) {
    test(`ttl, a ${kind}: a session that ${name} lives on`, async (t) => {
      const time = clock(t);
      const calls = [];
      const ttl = kind === 'number' ? 1000 : (options, data, sid) => {
        calls.push([options, data.n, sid]);
        return 1000;
      };
      const options = { ttl };
      const store = new MemoryStore(options);
      const app = await open(t, { options: { store, genid: undefined } });
      await app.visit((req, res) => { req.session.n = 1; res.end(); });
      const [sid] = Object.keys(store.sessions);
      for (let i = 0; i < 3; i++) {
        time.tick(999);
        await app.visit(handler);
        assert.deepEqual(Object.keys(store.sessions), [sid]);
      }
      time.tick(1000);
      const { body } = await app.visit((req, res) => res.end(String(req.session.n)));
      assert.equal(body, 'undefined');
      if (kind === 'function') {
        assert.ok(calls.length >= 4);
        for (const [given, n, id] of calls) assert.deepEqual([given === options, n >= 1, id], [true, true, sid]);
      }
    });
  }
}

test('a ttl function is not asked about a session whose cookie expires', async () => {
  const store = new MemoryStore({ ttl: () => assert.fail('asked') });
  await ask(store, 'set', 'a', sess({}, until(Date.now() + 5000)));
  await ask(store, 'touch', 'a', sess({}, until(Date.now() + 6000)));
  assert.ok(await ask(store, 'get', 'a'));
});

test('a ttl function that gives no number is an error, and the session stays as it was', async (t) => {
  let ttl = 1000;
  const store = new MemoryStore({ ttl: () => ttl });
  const app = await open(t, { options: { store, genid: undefined } });
  await app.visit((req, res) => { req.session.n = 1; res.end(); });
  ttl = 'a day';
  const { status } = await app.visit((req, res) => { req.session.n = 2; res.end(); });
  assert.equal(status, 500);
  assert.match(String(app.errors[0]), /ttl option must give a number of milliseconds/);
  assert.match(Object.values(store.sessions)[0], /"n":1/);
  assert.throws(() => store.set('sid', sess({}), () => {}), TypeError);
});

test('an expired session is freed without being asked for, whatever the clock says to a program', async () => {
  const store = new MemoryStore({ checkPeriod: 10 });
  for (let n = 0; n < 5000; n++) store.set(`expiring ${n}`, sess({ n }, until(Date.now() + (n % 50))));
  await ask(store, 'set', 'staying', sess({ n: 1 }, until(Date.now() + 3_600_000)));
  await ask(store, 'set', 'forever', sess({ n: 2 }));
  // An expiry that only JavaScript can judge.
  store.sessions.odd = JSON.stringify({ n: 3, cookie: { expires: new Date(Date.now() - 1).toUTCString() } });
  store.sessions.damaged = '{"cookie":';
  await eventually(() => store.stats().sessions === 3);
  assert.deepEqual(await ask(store, 'ids'), ['staying', 'forever', 'damaged']);
  assert.equal(store.stats().expired, 5001);
});

test('a pruning that takes longer than the period has no other beside it', async () => {
  const store = new MemoryStore({ checkPeriod: 1 });
  store.stopInterval();
  for (let n = 0; n < 60_000; n++) store.set(`sid ${n}`, sess({ n }, until(Date.now() - 5000)));
  store.startInterval();
  // Each turn takes several periods.
  let left = store.stats().sessions;
  let most = 0;
  while (left > 0) {
    const started = process.hrtime.bigint();
    while (process.hrtime.bigint() - started < 4_000_000n);
    await new Promise(setImmediate);
    const { sessions } = store.stats();
    most = Math.max(most, left - sessions);
    left = sessions;
  }
  assert.ok(most <= 1000, `${most} in one turn`);
});

test('checkPeriod: false', async () => {
  const store = new MemoryStore({ checkPeriod: false });
  store.set('a', sess({}, until(Date.now() - 1)));
  const other = new MemoryStore({ checkPeriod: 1 });
  other.stopInterval();
  other.set('a', sess({}, until(Date.now() - 5000)));
  const witness = new MemoryStore({ checkPeriod: 1 });
  witness.set('a', sess({}, until(Date.now() - 5000)));
  await eventually(() => witness.stats().sessions === 0);
  assert.equal(store.stats().sessions, 1);
  assert.equal(other.stats().sessions, 1);
  other.startInterval();
  await eventually(() => other.stats().sessions === 0);
});

test('prune, and what stats count', async (t) => {
  const time = clock(t);
  const store = new MemoryStore();
  assert.deepEqual(store.stats(), { sessions: 0, bytes: 0, hits: 0, misses: 0, expired: 0, evicted: 0 });
  await ask(store, 'set', 'a', sess({}, until(Date.now() + 500)));
  await ask(store, 'set', 'b', sess({}, until(Date.now() + 501)));
  await ask(store, 'set', 'c', sess({}));
  await ask(store, 'get', 'a');
  await ask(store, 'get', 'none');
  time.tick(500);
  assert.equal(store.stats().sessions, 3);
  assert.equal(store.prune(), 1);
  assert.equal(store.prune(), 0);
  const { bytes, ...counts } = store.stats();
  assert.deepEqual(counts, { sessions: 2, hits: 1, misses: 1, expired: 1, evicted: 0 });
  assert.ok(bytes > 0);
  await ask(store, 'clear');
  assert.equal(store.stats().bytes, 0);
  assert.equal(store.stats().sessions, 0);
});

test('dispose is told of every session that goes, and why', async (t) => {
  const time = clock(t);
  const told = [];
  const store = new MemoryStore({ max: 3, dispose: (...args) => told.push(args) });
  await ask(store, 'set', 'expiring', sess({ n: 1 }, until(Date.now() + 100)));
  await ask(store, 'set', 'pruned', sess({ n: 2 }, until(Date.now() + 200)));
  await ask(store, 'set', 'destroyed', sess({ n: 3 }));
  await ask(store, 'set', 'destroyed', sess({ n: 4 }));
  await ask(store, 'destroy', 'destroyed');
  await ask(store, 'destroy', 'destroyed');
  time.tick(100);
  await ask(store, 'get', 'expiring');
  time.tick(100);
  store.prune();
  assert.equal(told.length, 2, 'in a later turn');
  store.sessions.damaged = 'no JSON';
  await ask(store, 'set', 'a', sess({ n: 5 }));
  await ask(store, 'set', 'b', sess({ n: 6 }));
  await ask(store, 'set', 'c', sess({ n: 7 }));
  await ask(store, 'clear');
  await new Promise(setImmediate);
  const heard = told.map(([sid, data, reason]) => [sid, data && data.n, reason]);
  assert.deepEqual(heard.slice(0, 4), [
    ['destroyed', 4, 'destroyed'],
    ['expiring', 1, 'expired'],
    ['pruned', 2, 'expired'],
    ['damaged', undefined, 'evicted'],
  ]);
  assert.deepEqual(heard.slice(4).sort(), [['a', 5, 'destroyed'], ['b', 6, 'destroyed'], ['c', 7, 'destroyed']]);
});

test('dispose is told what requests find expired or drive out', async (t) => {
  const time = clock(t);
  const told = [];
  const store = new MemoryStore({ max: 1, dispose: (sid, data, reason) => told.push(`${data.n} ${reason}`) });
  const app = await open(t, { options: { store, genid: undefined, cookie: { maxAge: 1000 } } });
  const write = (n) => (req, res) => { req.session.n = n; res.end(); };
  await app.visit(write(1));
  time.tick(1000);
  await app.visit((req, res) => res.end());
  await new Promise(setImmediate);
  assert.deepEqual(told, ['1 expired']);
  await app.visit(write(2), { cookie: false });
  await app.visit(write(3), { cookie: false });
  await app.visit((req, res) => req.session.destroy(() => res.end()));
  await new Promise(setImmediate);
  assert.deepEqual(told, ['1 expired', '2 evicted', '3 destroyed']);
});

test('a store keeps no process alive, and none is kept by its timer', async () => {
  const { status, stdout } = await child(`
    const { MemoryStore } = require(process.env.PACKAGE);
    let store = new MemoryStore({ checkPeriod: 5 });
    for (let n = 0; n < 1000; n++) store.set('sid ' + n, { cookie: {}, n });
    const gone = new FinalizationRegistry(() => { console.log('collected'); clearInterval(waiting); });
    // Not the store itself: its records are what takes the memory, and what the timer knows.
    gone.register(MemoryStore.records(store), 'records');
    store = undefined;
    let turns = 0;
    const waiting = setInterval(() => { global.gc(); if (++turns === 1000) clearInterval(waiting); }, 10);
  `, { file: files.subject, args: ['--expose-gc'] });
  assert.equal(stdout.trim(), 'collected');
  assert.equal(status, 0);
  const kept = await child('new (require(process.env.PACKAGE).MemoryStore)({ checkPeriod: 5 });', { file: files.subject });
  assert.equal(kept.status, 0);
});

test('a program\'s fake timers neither see the timer nor hold it', {
  skip: process.version.startsWith('v18.') && 'Node.js 18 has another mock.timers',
}, async () => {
  const { stdout } = await child(`
    const { mock } = require('node:test');
    const { MemoryStore } = require(process.env.PACKAGE);
    mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'setImmediate'] });
    const store = new MemoryStore({ checkPeriod: 5 });
    store.set('a', { cookie: { originalMaxAge: 1, expires: new Date(Date.now() - 5000), httpOnly: true, path: '/' } });
    mock.timers.reset();
    const waiting = setInterval(() => { if (store.stats().sessions === 0) { console.log('pruned'); clearInterval(waiting); } }, 5);
    setTimeout(() => clearInterval(waiting), 20000).unref();
  `, { file: files.subject });
  assert.equal(stdout.trim(), 'pruned');
});

test('fake timers that were on before the package was loaded do not see it either', async () => {
  const { stdout, stderr } = await child(`
    let made = 0;
    globalThis.setInterval = () => { made++; return { unref() {} }; };
    const { MemoryStore } = require(process.env.PACKAGE);
    new MemoryStore({ checkPeriod: 5 });
    console.log(made);
  `, { file: files.subject });
  assert.equal(stdout.trim(), '0', stderr);
});

test('an environment without setImmediate, such as that of jsdom tests, loads it', async () => {
  const { stdout, stderr } = await child(`
    delete globalThis.setImmediate;
    const { MemoryStore } = require(process.env.PACKAGE);
    const store = new MemoryStore();
    store.set('a', { cookie: {}, n: 1 }, () => store.get('a', (error, { n }) => console.log(n)));
  `, { file: files.subject });
  assert.equal(stdout.trim(), '1', stderr);
});

test('production: the warning comes where nothing bounds the store, and only there', async () => {
  const quiet = "{ secret: 'a', resave: false, saveUninitialized: false, ";
  const warned = async (options, before = '') => {
    const source = `const session = require(process.env.PACKAGE); ${before} session(${quiet}${options} });`;
    const { stderr, status } = await child(source, { file: files.subject, env: { NODE_ENV: 'production' } });
    assert.equal(status, 0, stderr);
    return stderr.trim();
  };
  const expected = /^Warning: nothing bounds the session MemoryStore.* Set cookie\.maxAge, or the store's option ttl, max or maxBytes\.$/;
  for (const options of ['', 'cookie: {}', 'cookie: { maxAge: null }', 'cookie: () => ({ maxAge: 1000 })', 'store: new session.MemoryStore()', 'store: new session.MemoryStore({ checkPeriod: 5 })']) {
    assert.match(await warned(options), expected, options);
  }
  for (const options of [
    'cookie: { maxAge: 1000 }', 'cookie: { expires: new Date(2100, 0) }', 'store: new session.MemoryStore({ ttl: 1000 })',
    'store: new session.MemoryStore({ ttl: () => 1000 })', 'store: new session.MemoryStore({ max: 5 })', 'store: new session.MemoryStore({ maxBytes: 5000 })',
  ]) {
    assert.equal(await warned(options), '', options);
  }
});
