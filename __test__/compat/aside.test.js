'use strict';

/**
 * The resident backend steps aside for what a program replaced, also after
 * `session()` was called: the replacement is called as often as by the original.
 * With the MemoryStore, which that backend is for, and the package's own ids.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { clock, pair, open } = require('./app');

/** What may be replaced: the object, the name, and whether it is an accessor's half. */
const targets = {
  'Session.prototype.touch': ({ Session }) => [Session.prototype, 'touch'],
  'Session.prototype.resetMaxAge': ({ Session }) => [Session.prototype, 'resetMaxAge'],
  'Session.prototype.save': ({ Session }) => [Session.prototype, 'save'],
  'Cookie.prototype.toJSON': ({ Cookie }) => [Cookie.prototype, 'toJSON'],
  'Cookie.prototype.data': ({ Cookie }) => [Cookie.prototype, 'data', 'get'],
  'Cookie.prototype.expires, set': ({ Cookie }) => [Cookie.prototype, 'expires', 'set'],
  'Cookie.prototype.maxAge, set': ({ Cookie }) => [Cookie.prototype, 'maxAge', 'set'],
  'Store.prototype.createSession': ({ Store }) => [Store.prototype, 'createSession'],
  'MemoryStore.prototype.get': ({ MemoryStore }) => [MemoryStore.prototype, 'get'],
  'MemoryStore.prototype.set': ({ MemoryStore }) => [MemoryStore.prototype, 'set'],
  'MemoryStore.prototype.touch': ({ MemoryStore }) => [MemoryStore.prototype, 'touch'],
  'MemoryStore.prototype.destroy': ({ MemoryStore }) => [MemoryStore.prototype, 'destroy'],
  'the store\'s get': (module, store) => [store, 'get'],
  'the store\'s set': (module, store) => [store, 'set'],
  'the store\'s touch': (module, store) => [store, 'touch'],
  'the store\'s createSession': (module, store) => [store, 'createSession'],
  'the store\'s generate': (module, store) => [store, 'generate'],
};

// How often the text of a cookie is made is each package's own business: of these
// it is compared what they have done to the store and to the cookie sent.
const UNCOUNTED = /toJSON|data|expires|maxAge/;

/** Counts the calls of a method from now on. Returns the count and the way back. */
function replace([object, name, half = 'value'], calls) {
  const own = Object.getOwnPropertyDescriptor(object, name);
  let holder = object;
  while (!Object.getOwnPropertyDescriptor(holder, name)) holder = Object.getPrototypeOf(holder);
  const descriptor = Object.getOwnPropertyDescriptor(holder, name);
  const before = descriptor[half];
  Object.defineProperty(object, name, {
    ...descriptor,
    configurable: true,
    [half](...args) {
      calls.push(args.length);
      const result = before.apply(this, args);
      return name === 'data' || name === 'toJSON' ? { ...result, priority: 'high' } : result;
    },
  });
  return () => {
    if (own) Object.defineProperty(object, name, own);
    else delete object[name];
  };
}

const handlers = {
  write: (req, res) => { req.session.n = (req.session.n || 0) + 1; res.end('written'); },
  'not look': (req, res) => res.end('nothing'),
  read: (req, res) => res.end(String(req.session.n)),
  'answer later': (req, res) => setImmediate(() => res.end('later')),
  destroy: (req, res) => req.session.destroy(() => res.end('gone')),
  'not look at a new one': (req, res) => res.end('nothing'),
};

for (const [name, target] of Object.entries(targets)) {
  for (const maxAge of [undefined, 60000]) {
    test(`${name} replaced, ${maxAge ? 'with' : 'without'} a lifetime`, async (t) => {
      clock(t);
      let called = 0;
      await pair(async (module) => {
        const store = new module.MemoryStore();
        const app = await open(t, {
          kind: 'http', module, options: { store, genid: undefined, cookie: { maxAge } },
        });
        await app.visit(handlers.write);
        const counts = [];
        const calls = [];
        const undo = replace(target(module, store), calls);
        try {
          for (const handler of Object.values(handlers)) {
            const { headers } = await app.visit(handler);
            const number = calls.splice(0).length;
            called += number;
            if (!UNCOUNTED.test(name)) counts.push(number);
            counts.push(Object.values(store.sessions), String(headers).replace(/s%3A[^;]*/, 'a sid'));
          }
        } finally {
          undo();
        }
        return counts;
      });
      assert.ok(called > 0);
    });
  }
}

test('a session looked at through an object made of the request', async (t) => {
  await pair(async (module) => {
    const app = await open(t, { kind: 'http', module, options: { genid: undefined } });
    await app.visit(handlers.write);
    return (await app.visit((req, res) => {
      const derived = Object.create(req);
      const proxy = new Proxy(req, {});
      const same = [derived.session === req.session, proxy.session === req.session, 'session' in derived];
      derived.session = 'its own';
      const apart = [derived.session, typeof req.session, Object.keys(req).includes('session')];
      proxy.session.n += 10;
      res.end();
      return [same, apart, req.session.n];
    })).value;
  });
});

test('a session that is replaced or deleted before anybody looked at it', async (t) => {
  const ways = [
    (req) => { req.session = null; },
    (req) => { delete req.session; },
    (req) => { req.session = undefined; },
    (req) => { Object.defineProperty(req, 'session', { value: null, configurable: true }); },
    (req) => { req.sessionID = 'another'; },
    (req) => { req.session.n = 5; delete req.session; },
  ];
  for (const unset of ['keep', 'destroy']) {
    for (const way of ways) {
      await pair(async (module) => {
        const store = new module.MemoryStore();
        const app = await open(t, { kind: 'http', module, options: { store, genid: undefined, unset } });
        await app.visit(handlers.write);
        const { status, headers } = await app.visit((req, res) => {
          way(req);
          res.end('done');
        });
        const left = Object.values(store.sessions);
        return [status, Object.keys(headers || {}).includes('set-cookie'), left, (await app.visit(handlers.read)).body];
      });
    }
  }
});

test('a session first looked at after a while is that of the beginning', async (t) => {
  await pair(async (module) => {
    const store = new module.MemoryStore();
    const app = await open(t, { kind: 'http', module, options: { store, genid: undefined } });
    await app.visit(handlers.write);
    const [sid] = Object.keys(store.sessions);
    return (await app.visit(async (req, res) => {
      await new Promise((resolve) => store.set(sid, { cookie: {}, n: 99 }, resolve));
      const { n } = req.session;
      res.end();
      return [n, JSON.parse(store.sessions[sid]).n];
    })).value;
  });
});

test('a session looked at after the response has ended', async (t) => {
  const time = clock(t);
  const start = Date.now();
  await pair(async (module) => {
    time.setTime(start);
    const app = await open(t, { kind: 'http', module, options: { genid: undefined, cookie: { maxAge: 60000 } } });
    await app.visit(handlers.write);
    return (await app.visit((req, res) => {
      time.tick(1000);
      res.end();
      time.tick(1000);
      return [req.session.n, req.session.cookie.expires, req.session.id === req.sessionID, Object.keys(req.session)];
    })).value;
  });
});

test('a session whose cookie cannot be written to', async (t) => {
  await pair(async (module) => {
    const app = await open(t, { kind: 'http', module, options: { genid: undefined } });
    await app.visit(handlers.write);
    const { status } = await app.visit((req, res) => {
      Object.defineProperty(req.session, 'cookie', { value: req.session.cookie, writable: false, enumerable: true });
      req.session.n = 7;
      res.end();
    });
    return [status, (await app.visit(handlers.read)).body];
  });
});

test('a session that writes itself, and a cookie that has no JSON', async (t) => {
  const ways = [
    (module, sess) => { sess.toJSON = () => ({ cookie: sess.cookie, n: 'its own' }); },
    (module, sess) => { sess.toJSON = () => ({ n: 'without a cookie' }); },
    (module, sess) => { sess.cookie.toJSON = () => undefined; },
  ];
  for (const way of ways) {
    await pair(async (module) => {
      const store = new module.MemoryStore();
      const app = await open(t, { kind: 'http', module, options: { store, genid: undefined } });
      await app.visit(handlers.write);
      await app.visit((req, res) => {
        req.session.n = 7;
        way(module, req.session);
        res.end();
      });
      return Object.values(store.sessions);
    });
  }
});
