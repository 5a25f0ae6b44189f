'use strict';

/** The options of the MemoryStore, which the original does not have. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { clock, open, child, files, kinds, original } = require('../compat/app');
const { session } = require('../subject');
const { engineOf } = require('../../session/store/engine-of');
const native = require('../../session/native/load');
const { cookieOf } = require('../../test-kit/jar');

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
        error instanceof TypeError && error.message.startsWith(`${name} option must be `) &&
        /The MemoryStore of express-session-rs takes options, where that of express-session ignores .* "What differs" in the README$/.test(error.message)
      ), String(value));
    }
  });
}

test('options for another store are refused with what this one takes', () => {
  const starts = [
    [{ max: 0 }, 'max option must be a positive integer. '],
    [{ ttl: '1d' }, 'ttl option must be a positive number of milliseconds or a function. '],
    [{ checkPeriod: 30 * 24 * 3_600_000 }, 'checkPeriod option must be false or a number of milliseconds up to 2147483647. '],
  ];
  for (const [options, start] of starts) {
    new original.MemoryStore(options);
    assert.throws(() => new MemoryStore(options), (error) => error.message.startsWith(start));
  }
});

test('a ttl of less than a minute warns once, in development, that it is in milliseconds', async () => {
  const warned = async (code, env) => {
    const { stdout, stderr, status } = await child(`
      const { MemoryStore } = require(process.env.PACKAGE);
      process.on('warning', ({ code, message }) => console.log(code, message));
      ${code}
    `, { file: files.subject, args: ['--no-warnings'], env });
    assert.equal(status, 0, stderr);
    return stdout.trim().split('\n').filter(Boolean);
  };
  const set = (ttl) => `new MemoryStore({ ttl: ${ttl} }).set('a', { cookie: {} });`;
  for (const code of [set(3600), set(3600) + set(59_999), set('() => 86_400 / 2'), `${set('() => 3600')}${set('() => 3600')}`]) {
    const [first, ...others] = await warned(code);
    assert.match(first, /^EXPRESS_SESSION_TTL .*ttl option is in milliseconds/);
    assert.deepEqual(others, []);
  }
  for (const code of [set(60_000), set(undefined), set('() => 60_000')]) assert.deepEqual(await warned(code), []);
  assert.deepEqual(await warned(set(3600), { NODE_ENV: 'production' }), []);
});

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
    return cookieOf(cookie);
  };
  const nameOf = async (cookie) => (await app.visit((req, res) => res.end(String(req.session.name)), { cookie })).body;
  const [ann, bob] = [await login('ann'), await login('bob')];
  await app.visit((req, res) => res.end(), { cookie: ann });
  const eve = await login('eve');
  assert.deepEqual([await nameOf(ann), await nameOf(bob), await nameOf(eve)], ['ann', 'undefined', 'eve']);
});

const uses = {
  'writes to it': (its) => { its.n = 2; },
  'changes its cookie, too': (its) => {
    its.n = 2;
    its.cookie.maxAge = 9000;
  },
  'writes a key that comes before the cookie': (its) => {
    its.n = 2;
    its[7] = 7;
  },
  'gives it a text of its own': (its) => {
    Object.defineProperty(its, 'toJSON', { value() { return { cookie: this.cookie, n: 2 }; } });
    its.n = 2;
  },
};

for (const kind of kinds) {
  for (const [name, use] of Object.entries(uses)) {
    test(`max: a session that is driven out while a request ${name} is stored again, a destroyed one is not (${kind})`, async (t) => {
      for (const [ttl, isWatched] of [[undefined, false], [60_000, false], [undefined, true]]) {
        const store = new MemoryStore({ max: 20, ttl });
        if (isWatched) store.set = function set(...args) { return MemoryStore.prototype.set.apply(this, args); };
        const app = await open(t, { kind, options: { store, genid: undefined } });
        const crowd = async () => {
          for (let n = 0; n < 20; n++) await app.visit((req, res) => { req.session.n = 'new'; res.end(); }, { cookie: false });
        };
        for (const isDestroyed of [false, true]) {
          const { cookies: [text] } = await app.visit((req, res) => { req.session.n = 1; res.end(); }, { cookie: false });
          const cookie = cookieOf(text);
          await app.visit(async (req, res) => {
            use(req.session);
            await crowd();
            assert.equal(store.sessions[req.sessionID], undefined);
            if (isDestroyed) await ask(store, 'destroy', req.sessionID);
            res.end();
          }, { cookie });
          const { body } = await app.visit((req, res) => res.end(String(req.session.n)), { cookie });
          assert.equal(body, isDestroyed ? 'undefined' : '2');
        }
        assert.deepEqual(app.errors, []);
      }
    });
  }
}

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

const cookiesOf = {
  'long ones': (n) => ({ path: `/${n}${'p'.repeat(20_000)}` }),
  '"until midnight", so that each has another lifetime': (n) => ({ originalMaxAge: 80_000_000 - n, expires: new Date(Date.now() + 80_000_000 - n) }),
  'with something nested': (n) => ({ prefs: { list: [n] } }),
  'of one long text': () => ({ path: `/${'p'.repeat(20_000)}` }),
  'short and the same': () => ({}),
};
/** The ways in which a session gets a cookie. */
const given = {
  set: (store, sid, its) => store.set(sid, its),
  touch: (store, sid, its) => {
    store.set(sid, sess(its));
    store.touch(sid, its);
  },
  'a key that JSON keeps before the cookie': (store, sid, its) => store.set(sid, { n: 1, ...its }),
};

for (const [kind, cookie] of Object.entries(cookiesOf)) {
  for (const [way, give] of Object.entries(given)) {
    test(`maxBytes bounds cookies: ${kind}, by ${way}`, () => {
      const maxBytes = 200_000;
      const store = new MemoryStore({ maxBytes });
      for (let n = 0; n < 1500; n++) {
        give(store, `sid-${n}`, sess({ n }, cookie(n)));
        // Whatever is held was written at least once somewhere: what many share, once.
        if (n % 100 !== 99) continue;
        const parts = new Set();
        let others = 0;
        for (const [sid, text] of Object.entries(store.sessions)) {
          const { cookie: its, ...data } = JSON.parse(text);
          parts.add(JSON.stringify({ ...its, expires: null }));
          others += sid.length + JSON.stringify(data).length;
        }
        const held = [...parts].reduce((sum, part) => sum + part.length, others);
        const { bytes, sessions } = store.stats();
        // A record takes something itself.
        assert.ok(held + 96 * sessions <= bytes, `${held} and ${sessions} records of ${bytes}`);
        assert.ok(bytes <= maxBytes, `${bytes}`);
      }
      assert.ok(store.stats().sessions >= 4);
      for (const sid of Object.keys(store.sessions)) store.destroy(sid);
      assert.equal(store.stats().bytes, 0);
    });
  }
}

test('cookies that requests bring are not kept beside the records if they are long', async (t) => {
  const store = new MemoryStore({ maxBytes: 1_000_000 });
  const app = await open(t, { options: { store, genid: undefined } });
  for (let n = 0; n < 30; n++) {
    for (const path of [`/${'p'.repeat(50_000)}`, '/']) {
      const { cookies: [text] } = await app.visit((req, res) => {
        req.session.n = n;
        req.session.cookie.originalMaxAge = 1e9 + n;
        req.session.cookie.expires = new Date(Date.now() + 1e9);
        req.session.cookie.domain = path.length > 1 ? path : undefined;
        res.end();
      }, { cookie: false }).catch(() => ({ cookies: [] }));
      if (text) await app.visit((req, res) => { req.session.n++; res.end(); }, { cookie: cookieOf(text) });
    }
  }
  const kept = JSON.stringify([...engineOf(store).cookies.values()]);
  assert.ok(kept.length < 16 * 600, `${kept.length}`);
  assert.ok(store.stats().bytes <= 1_000_000);
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

/** JSON that only JavaScript can judge, of a session that expires at a time. */
const odd = (n, at) => JSON.stringify({ n, cookie: { ...until(at), expires: new Date(at).toUTCString() } });

test('texts that only JavaScript can judge are pruned in slices', async () => {
  const store = new MemoryStore({ checkPeriod: 1 });
  store.stopInterval();
  for (let n = 0; n < 5000; n++) store.sessions[`sid ${n}`] = odd(n, Date.now() - 5000);
  for (let n = 0; n < 20_000; n++) store.set(`clear ${n}`, sess({ n }));
  store.sessions.damaged = '{"cookie":';
  store.startInterval();
  let [left, most] = [5000, 0];
  while (left > 0) {
    await new Promise(setImmediate);
    const now = store.stats().sessions - 20_001;
    most = Math.max(most, left - now);
    left = now;
  }
  assert.ok(most <= 200, `${most} in one turn`);
  assert.equal(store.stats().expired, 5000);
});

test('such a text is judged once, and expires by itself then', async (t) => {
  const time = clock(t);
  const store = new MemoryStore();
  const texts = {
    text: odd(1, Date.now() + 1000), number: `{"n":1,"cookie":{"expires":${Date.now() + 1000.5}}}`, list: `{"n":1,"cookie":{"expires":["${Date.now() + 1000}"]}}`,
    never: '{"n":1,"cookie":{"expires":{}}}', none: '{"n":1}', five: '5', nothing: 'false',
  };
  Object.assign(store.sessions, texts);
  assert.equal(await ask(store, 'length'), 6);
  const { parse } = JSON;
  JSON.parse = () => assert.fail('parsed again');
  try {
    time.tick(999);
    assert.equal(store.prune(), 0);
    time.tick(1);
    assert.equal(store.prune(), 2);
    time.tick(1);
    assert.equal(store.prune(), 1);
  } finally {
    JSON.parse = parse;
  }
  assert.deepEqual(await ask(store, 'ids'), ['never', 'none', 'five', 'nothing']);
  store.sessions.none = odd(2, Date.now() + 1);
  time.tick(1);
  assert.equal(store.prune(), 1, 'another text of the sid');
});

test('length counts texts that only JavaScript can judge in slices', async () => {
  const store = new MemoryStore({ checkPeriod: false });
  for (let n = 0; n < 5000; n++) store.sessions[`sid ${n}`] = odd(n, n % 2 ? Date.now() + 3_600_000 : 5000);
  await ask(store, 'set', 'clear', sess({}));
  let turns = 0;
  let isDone = false;
  const count = ask(store, 'length').finally(() => { isDone = true; });
  while (!isDone) {
    turns++;
    if (turns === 5) {
      store.destroy('sid 1');
      store.sessions.more = odd(0, Date.now() + 3_600_000);
      store.sessions.nothing = 'false';
    }
    await new Promise(setImmediate);
  }
  assert.equal(await count, 2501, 'as it is when it is done');
  assert.ok(turns > 20, `${turns} turns`);
  // Now that all are judged it is the number of the call.
  const again = ask(store, 'length');
  store.clear();
  assert.equal(await again, 2501);
  for (let n = 0; n < 500; n++) store.sessions[`sid ${n}`] = odd(n, Date.now() + 3_600_000);
  store.sessions.damaged = '{"cookie":';
  await assert.rejects(ask(store, 'length'), SyntaxError);
});

test('numbers as keys keep no session from the resident backend', async (t) => {
  const store = new MemoryStore();
  const app = await open(t, { options: { store, genid: undefined } });
  await app.visit((req, res) => {
    Object.assign(req.session, { user: 'ann', 7: { n: 1 }, 10: [2], 4294967294: 3 });
    res.end();
  });
  const unjudged = () => native.storeUnclassified(engineOf(store).handle, 0, 1e9).sids;
  const { read } = engineOf(store);
  engineOf(store).read = () => assert.fail('the remote backend');
  for (const use of [(its) => { its[7].n++; }, (its) => { its[0] = 'first'; }, (its) => { delete its.user; }, (its) => String(its[7])]) {
    await app.visit((req, res) => {
      use(req.session);
      res.end();
    });
    assert.deepEqual(unjudged(), []);
  }
  engineOf(store).read = read;
  const cookie = '{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}';
  assert.deepEqual(Object.values(store.sessions), [`{"0":"first","7":{"n":2},"10":[2],"4294967294":3,"cookie":${cookie}}`]);
});

test('looking is no use: neither the order of going nor the counts move', async (t) => {
  const app = async (store) => (await open(t, { options: { store, genid: undefined } })).visit((req, res) => res.end());
  const looks = {
    all: (store) => ask(store, 'all'),
    length: (store) => ask(store, 'length'),
    ids: (store) => ask(store, 'ids'),
    prune: (store) => store.prune(),
    stats: (store) => store.stats(),
    'a pruning': (store) => engineOf(store).pruneSlice(),
    'reading sessions': (store) => ({ ...store.sessions }),
    'a request without a cookie': app,
  };
  for (const [name, look] of Object.entries(looks)) {
    const store = new MemoryStore({ max: 4, checkPeriod: false });
    for (const sid of ['a', 'b']) await ask(store, 'set', sid, sess({ sid }));
    for (const sid of ['c', 'd']) store.sessions[sid] = JSON.stringify({ sid });
    for (const sid of ['c', 'a']) await ask(store, 'get', sid);
    const { hits, misses } = store.stats();
    await look(store);
    assert.deepEqual([store.stats().hits, store.stats().misses], [hits, misses], name);
    for (const [sid, next] of [['e', ['a', 'c', 'd', 'e']], ['f', ['a', 'c', 'e', 'f']], ['g', ['a', 'e', 'f', 'g']]]) {
      await ask(store, 'set', sid, sess({ sid }));
      assert.deepEqual(Object.keys(store.sessions), next, name);
    }
  }
});

test('hits count a request once, whichever way it takes', async (t) => {
  for (const genid of [undefined, () => 'own']) {
    const store = new MemoryStore();
    const app = await open(t, { options: { store, genid } });
    await app.visit((req, res) => { req.session.n = 1; res.end(); });
    for (const text of [undefined, '{"n":1,"cookie":{}}', '{"cookie":{"list":[]},"n":1}']) {
      const [sid] = Object.keys(store.sessions);
      if (text) store.set(sid, JSON.parse(text));
      const before = store.stats().hits;
      await app.visit((req, res) => res.end(String(req.session.n)));
      assert.equal(store.stats().hits, before + 1, text);
    }
  }
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
    const { engineOf } = require(require('node:path').join(require.resolve(process.env.PACKAGE), '../session/store/engine-of'));
    let store = new MemoryStore({ checkPeriod: 5 });
    for (let n = 0; n < 1000; n++) store.set('sid ' + n, { cookie: {}, n });
    const gone = new FinalizationRegistry(() => { console.log('collected'); clearInterval(waiting); });
    // Not the store itself: its engine is what takes the memory, and what the timer knows.
    gone.register(engineOf(store), 'engine');
    store = undefined;
    let turns = 0;
    const waiting = setInterval(() => { global.gc(); if (++turns === 1000) clearInterval(waiting); }, 10);
  `, { file: files.subject, args: ['--expose-gc'] });
  assert.equal(stdout.trim(), 'collected');
  assert.equal(status, 0);
  const kept = await child('new (require(process.env.PACKAGE).MemoryStore)({ checkPeriod: 5 });', { file: files.subject });
  assert.equal(kept.status, 0);
});

for (const options of ['{}', '{ shared: String(n) }', '{ maxBytes: 4_000_000, dispose() {} }']) {
  test(`stores that are dropped do not pile up, as V8 knows what they hold: ${options}`, async () => {
    const { stdout, stderr } = await child(`
      const { MemoryStore } = require(process.env.PACKAGE);
      const text = 'x'.repeat(1000);
      const start = process.memoryUsage.rss();
      let peak = start;
      (async () => {
        for (let n = 0; n < 400; n++) {
          const store = new MemoryStore(${options});
          for (let at = 0; at < 1000; at++) store.sessions['sid ' + at] = text;
          await new Promise(setImmediate);
          peak = Math.max(peak, process.memoryUsage.rss());
        }
        console.log(Math.round((peak - start) / 1e6));
      })();
    `, { file: files.subject });
    // All of them are 480 MB. V8 lets 64 pass before it looks for garbage; a sanitizer keeps
    // what is freed for a while.
    assert.ok(Number(stdout) < 250 || process.env.SANITIZED, `${stdout} MB ${stderr}`);
  });
}

test('V8 is told once of a shared store, however often a thread has it', async () => {
  const { stdout, stderr } = await child(`
    const { PerformanceObserver, constants } = require('node:perf_hooks');
    const { MemoryStore } = require(process.env.PACKAGE);
    const store = new MemoryStore({ shared: 'one' });
    for (let n = 0; n < 1000; n++) store.sessions['sid ' + n] = 'x'.repeat(30_000);
    let collections = 0;
    const seen = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++;
    });
    seen.observe({ entryTypes: ['gc'] });
    (async () => {
      for (let n = 0; n < 200; n++) {
        new MemoryStore({ shared: 'one' });
        await new Promise(setImmediate);
      }
      setTimeout(() => { console.log(collections); seen.disconnect(); }, 50);
    })();
  `, { file: files.subject });
  // 30 MB each time would be 6 GB, and a reason for a hundred.
  assert.ok(Number(stdout) < 10, `${stdout} ${stderr}`);
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
  const expected = /^Warning: the session MemoryStore has no limit.* Set cookie\.maxAge, or the store's option ttl, max or maxBytes\.$/;
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
