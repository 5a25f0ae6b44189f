'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const util = require('node:util');
const { each, pair, clock, open, seen, counter, ledger, write, original } = require('./app');
const { session } = require('../subject');

const { Cookie } = session;

const fields = ['originalMaxAge', 'partitioned', 'priority', 'expires', 'secure', 'httpOnly', 'domain', 'path', 'sameSite'];

const keysIn = (object) => {
  const keys = [];
  for (const key in object) keys.push(key);
  return keys;
};

/** All that a program can read from a cookie. */
const look = (cookie) => ({
  own: Object.keys(cookie),
  all: keysIn(cookie),
  json: JSON.stringify(cookie),
  data: Object.entries(cookie.data),
  shown: util.inspect(cookie),
  spread: Object.entries({ ...cookie }).map(([key, value]) => [key, typeof value === 'function' ? 'a function' : value]),
  maxAge: cookie.maxAge,
  expires: cookie.expires,
  _expires: cookie._expires,
  originalMaxAge: cookie.originalMaxAge,
  text: attempt(() => cookie.serialize('name', 'a value')),
});

/** What came out: a value, or the kind and the words of the error. */
function attempt(fn) {
  try {
    return fn();
  } catch (err) {
    return `${err.name}: ${err.message}`;
  }
}

const options = [
  undefined, null, false, 0, '', {}, [],
  { maxAge: 60000 }, { maxAge: 0 }, { maxAge: -1 }, { maxAge: 0.5 }, { maxAge: null }, { maxAge: undefined }, { maxAge: false },
  { maxAge: '' }, { maxAge: 1e12 },
  { expires: new Date(Date.UTC(2031, 0, 1)) }, { expires: null }, { expires: false }, { expires: '2031-01-01' }, { expires: 7 },
  { _expires: new Date(Date.UTC(2031, 0, 1)) }, { originalMaxAge: 5 }, { originalMaxAge: null, maxAge: 9 }, { originalMaxAge: 0, maxAge: 9 },
  { maxAge: 1000, expires: new Date(Date.UTC(2031, 0, 1)) }, { expires: new Date(Date.UTC(2031, 0, 1)), maxAge: 1000 },
  { path: '/x' }, { path: undefined }, { httpOnly: false }, { httpOnly: undefined }, { domain: 'example.com', secure: true, sameSite: 'lax' },
  { priority: 'high', partitioned: true }, { other: 1, data: { path: '/no' } }, Object.create({ path: '/inherited' }),
  // A bad value is no error before it is written.
  { sameSite: 'wrong' }, { domain: 'a b' }, { path: 'a;b' }, { priority: 'urgent' },
];

test('a cookie made of any options reads as the original', (t) => {
  clock(t);
  for (const one of options) {
    assert.deepEqual(look(new Cookie(one)), look(new original.Cookie(one)), util.inspect(one));
  }
});

test('a cookie made of another cookie reads as the original', (t) => {
  const time = clock(t);
  for (const one of [{}, { maxAge: 5000 }, { expires: new Date(Date.UTC(2031, 0, 1)), sameSite: 'lax' }]) {
    const [first, other] = [new Cookie(one), new original.Cookie(one)];
    time.tick(1000);
    assert.deepEqual(look(new Cookie(first)), look(new original.Cookie(other)));
    // An app may hold both packages.
    assert.deepEqual(look(new Cookie(other)), look(new original.Cookie(first)));
  }
});

test('options of a wrong type are refused as by the original', () => {
  const wrong = ['text', 5, true, () => {}, Symbol('s'), 10n, { maxAge: '5000' }, { maxAge: 'soon' }, { maxAge: {} }, { maxAge: [5] }, { maxAge: true }, { maxAge: 5n }];
  for (const one of wrong) {
    const theirs = attempt(() => new original.Cookie(one));
    assert.equal(typeof theirs, 'string', util.inspect(one));
    assert.equal(attempt(() => new Cookie(one)), theirs);
  }
});

test('JSON and data have the fields in their order', () => {
  const cookie = new Cookie({ sameSite: 'lax', path: '/', domain: 'a.b', httpOnly: true, secure: false, maxAge: 1000, priority: 'low', partitioned: true });
  assert.deepEqual(Object.keys(cookie.data), fields);
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(cookie))), fields);
  assert.deepEqual(Object.keys(cookie.toJSON()), fields);
});

test('setting expires rewrites originalMaxAge, setting maxAge sets both', (t) => {
  const time = clock(t);
  const steps = [
    (cookie) => { cookie.expires = new Date(Date.now() + 5000); },
    (cookie) => { cookie.expires = null; },
    (cookie) => { cookie.expires = false; },
    (cookie) => { cookie.maxAge = 3000; },
    (cookie) => { cookie.maxAge = 0; },
    (cookie) => { cookie.maxAge = null; },
    (cookie) => { cookie.originalMaxAge = 77; },
    (cookie) => { cookie._expires = new Date(Date.now() + 9000); },
    (cookie) => { cookie.path = '/x'; },
    (cookie) => { delete cookie._expires; },
    (cookie) => { delete cookie.path; },
    (cookie) => { cookie.extra = { deep: 1 }; },
  ];
  const [ours, theirs] = [new Cookie({ maxAge: 1000 }), new original.Cookie({ maxAge: 1000 })];
  for (const step of steps) {
    step(ours);
    step(theirs);
    assert.deepEqual(look(ours), look(theirs), String(step));
    time.tick(100);
    assert.deepEqual(look(ours), look(theirs), String(step));
  }

  const cookie = new Cookie({ maxAge: 1000 });
  cookie.expires = new Date(Date.now() + 5000);
  assert.equal(cookie.originalMaxAge, 5000);
  cookie.maxAge = 2000;
  assert.deepEqual([cookie.originalMaxAge, cookie.expires.getTime()], [2000, Date.now() + 2000]);
  time.tick(500);
  assert.deepEqual([cookie.originalMaxAge, cookie.maxAge], [2000, 1500]);
});

test('setting maxAge to something that is no number throws, and changes nothing', (t) => {
  clock(t);
  const cookie = new Cookie({ maxAge: 1000 });
  for (const wrong of ['5', {}, [], true, () => {}]) {
    assert.throws(() => { cookie.maxAge = wrong; }, { name: 'TypeError', message: 'maxAge must be a number or Date' });
  }
  assert.equal(cookie.originalMaxAge, 1000);
});

test('a Date is still taken for maxAge', (t) => {
  clock(t);
  const date = new Date(Date.UTC(2031, 0, 1));
  assert.deepEqual(look(new Cookie({ maxAge: date })), look(new original.Cookie({ maxAge: date })));
});

const subclasses = {
  'class extends': (Base) => class Special extends Base {
    constructor(options) {
      super({ ...options, path: '/special' });
    }
  },
  'util.inherits': (Base) => {
    function Special(options) {
      Base.call(this, { ...options, path: '/special' });
    }
    util.inherits(Special, Base);
    return Special;
  },
};

for (const [how, make] of Object.entries(subclasses)) {
  test(`Cookie can be subclassed with ${how}`, (t) => {
    clock(t);
    const [Ours, Theirs] = [make(Cookie), make(original.Cookie)];
    const cookie = new Ours({ maxAge: 1000 });
    assert.ok(cookie instanceof Cookie);
    const [ours, theirs] = [look(cookie), look(new Theirs({ maxAge: 1000 }))];
    assert.deepEqual(ours, theirs);
    assert.match(ours.text, /Path=\/special/);
  });

  each(`a session whose cookie is of such a class (${how})`, async (t, kind) => {
    clock(t);
    const told = await pair(async (module) => {
      const Special = make(module.Cookie);
      const store = ledger({ Store: module.Store });
      const app = await open(t, { kind, module, options: { store, genid: counter() } });
      const answer = await app.visit((req, res) => {
        req.session.cookie = new Special({ maxAge: 5000 });
        write(req, res);
      });
      const again = await app.visit(write, { path: '/special' });
      return [seen(answer), seen(again), [...store.data]];
    });
    assert.match(told[0].headers.join('\n'), /Path=\/special; Expires=Tue, 01 Jan 2030 00:00:05 GMT/);
    assert.equal(told[1].body, '2');
  });
}

/** Runs `fn` with another property on Cookie.prototype, and puts the old one back. */
async function replaced(Base, name, descriptor, fn) {
  const before = Object.getOwnPropertyDescriptor(Base.prototype, name);
  Object.defineProperty(Base.prototype, name, { ...before, ...descriptor(before) });
  try {
    return await fn();
  } finally {
    Object.defineProperty(Base.prototype, name, before);
  }
}

for (const when of ['before', 'after']) {
  each(`a data getter replaced ${when} session() was called puts Max-Age in the header`, async (t, kind) => {
    clock(t);
    const told = await pair(async (module) => {
      const start = () => open(t, { kind, module, options: { cookie: { maxAge: 60000 }, genid: counter() } });
      let app = when === 'after' && await start();
      if (app) await app.visit(write, { cookie: false });
      return replaced(module.Cookie, 'data', ({ get }) => ({
        get() {
          return { ...get.call(this), maxAge: this.maxAge / 1000 };
        },
      }), async () => {
        app = app || await start();
        return [seen(await app.visit(write, { cookie: false })), seen(await app.visit(write))];
      });
    });
    assert.match(told[0].headers.join('\n'), /; Max-Age=60; Path=\//);
    assert.equal(told[1].body, '2');
  });

  each(`a data getter replaced ${when} session() was called decides what is stored`, async (t, kind) => {
    clock(t);
    const told = await pair(async (module) => {
      const store = new module.MemoryStore();
      const start = () => open(t, { kind, module, options: { store, cookie: { maxAge: 60000 }, genid: counter() } });
      let app = when === 'after' && await start();
      return replaced(module.Cookie, 'data', ({ get }) => ({
        get() {
          return { ...get.call(this), seenBy: 'getter' };
        },
      }), async () => {
        app = app || await start();
        await app.visit(write);
        return Object.values(store.sessions);
      });
    });
    assert.equal(JSON.parse(told[0]).cookie.seenBy, 'getter');
  });

  each(`toJSON of Cookie replaced ${when} session() was called decides what is stored`, async (t, kind) => {
    const told = await pair(async (module) => {
      const store = new module.MemoryStore();
      const start = () => open(t, { kind, module, options: { store, genid: counter() } });
      let app = when === 'after' && await start();
      return replaced(module.Cookie, 'toJSON', () => ({ value() { return { path: '/', brief: true }; } }), async () => {
        app = app || await start();
        await app.visit(write);
        return [Object.values(store.sessions), (await app.visit(write)).body];
      });
    });
    assert.deepEqual(told, [['{"cookie":{"path":"/","brief":true},"n":1}'], '2']);
  });
}

each('what a handler does to the cookie of its session is in the header and in the store', async (t, kind) => {
  const time = clock(t);
  const changes = [
    (cookie) => { cookie.maxAge = 5000; },
    (cookie) => { cookie.maxAge = null; },
    (cookie) => { cookie.expires = new Date(Date.now() + 9000); },
    (cookie) => { cookie.expires = false; },
    (cookie) => { cookie.secure = true; },
    (cookie) => { cookie.httpOnly = false; },
    (cookie) => { cookie.path = '/there'; },
    (cookie) => { cookie.domain = 'example.com'; },
    (cookie) => { cookie.sameSite = 'none'; },
    (cookie) => { cookie.extra = 1; },
    (cookie, sess) => { sess.cookie = { path: '/', originalMaxAge: null }; },
    (cookie, sess) => { sess.cookie = Object.assign(Object.create(Object.getPrototypeOf(cookie)), cookie); },
  ];
  for (const change of changes) {
    for (const maxAge of [undefined, 60000]) {
      await pair(async (module) => {
        const store = ledger({ Store: module.Store });
        const app = await open(t, { kind, module, options: { store, cookie: { maxAge }, genid: counter() } });
        const told = [];
        const handlers = [
          (req, res) => { change(req.session.cookie, req.session); write(req, res); },
          write,
          // A change of the cookie alone is no change of the session.
          (req, res) => { change(req.session.cookie, req.session); res.end(); },
        ];
        for (const handler of handlers) {
          told.push(seen(await app.visit(handler)), store.take(), [...store.data]);
          time.tick(10);
        }
        time.setTime(Date.UTC(2030, 0, 1));
        return told;
      });
    }
  }
});

each('what a class of cookies derived from Cookie overrides counts', async (t, kind) => {
  clock(t);
  const property = (name, of) => ({ name, ...of, enumerable: true, configurable: true });
  const overrides = [
    ({ set, get }) => property('maxAge', { get, set(ms) { set.call(this, ms / 2); } }),
    ({ set }) => property('maxAge', { get: () => 7000, set }),
    (before, { expires: { get, set } }) => property('expires', { get, set(date) { set.call(this, new Date(date.valueOf() + 90_000)); } }),
    (before, { data: { get } }) => property('data', { get() { return { ...get.call(this), expires: new Date(Date.UTC(2031, 0, 1)) }; } }),
  ];
  for (const override of overrides) {
    for (const isMemory of [true, false]) {
      await pair(async (module) => {
        const members = Object.getOwnPropertyDescriptors(module.Cookie.prototype);
        const { name, ...descriptor } = override(members.maxAge, members);
        const prototype = Object.create(module.Cookie.prototype, { [name]: descriptor });
        const store = isMemory ? new module.MemoryStore() : ledger({ Store: module.Store });
        const app = await open(t, { kind, module, options: { store, cookie: { maxAge: 60000 }, rolling: true, genid: counter() } });
        const told = [];
        for (const act of [write, write, (req, res) => { res.end(); }]) {
          const { cookies, body } = await app.visit((req, res) => {
            req.session.cookie = Object.setPrototypeOf(req.session.cookie, prototype);
            act(req, res);
          });
          told.push(cookies, body, isMemory ? { ...store.sessions } : [...store.data]);
        }
        return told;
      });
    }
  }
});
