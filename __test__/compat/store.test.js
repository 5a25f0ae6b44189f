'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { test } = require('node:test');
const util = require('node:util');
const { each, pair, clock, open, seen, counter, ledger, story, write, read, original } = require('./app');
const { session, isOurs } = require('../subject');

/** The least a store has to do, put onto any object. */
const methods = {
  get(sid, fn) {
    setImmediate(() => fn(null, this.data[sid] && JSON.parse(this.data[sid])));
  },
  set(sid, sess, fn) {
    this.data[sid] = JSON.stringify(sess);
    setImmediate(() => fn && fn());
  },
  destroy(sid, fn) {
    delete this.data[sid];
    setImmediate(() => fn && fn());
  },
};

/** The ways in which stores on npm are made of Store. */
const makes = {
  'class extends': (Store) => class extends Store {
    constructor(options) {
      super(options);
      this.data = {};
      Object.assign(this, methods);
    }
  },
  'util.inherits': (Store) => {
    function Made(options) {
      Store.call(this, options);
      this.data = {};
    }
    util.inherits(Made, Store);
    Object.assign(Made.prototype, methods);
    return Made;
  },
  '__proto__': (Store) => {
    function Made() {
      Store.call(this);
      this.data = {};
    }
    Made.prototype.__proto__ = Store.prototype;
    Object.assign(Made.prototype, methods);
    return Made;
  },
  'Object.create': (Store) => {
    function Made() {
      Store.call(this);
      this.data = {};
    }
    Made.prototype = Object.create(Store.prototype, { constructor: { value: Made } });
    Object.assign(Made.prototype, methods);
    return Made;
  },
  'Object.setPrototypeOf': (Store) => {
    function Made() {
      const self = Store.call(this) || this;
      self.data = {};
      return self;
    }
    Object.setPrototypeOf(Made.prototype, Store.prototype);
    Object.setPrototypeOf(Made, Store);
    Object.assign(Made.prototype, methods);
    return Made;
  },
  'a bare emitter with the methods of Store': (Store) => function Made() {
    const self = new EventEmitter();
    for (const name of ['createSession', 'regenerate', 'load']) self[name] = Store.prototype[name];
    return Object.assign(self, methods, { data: {} });
  },
};

/** What both packages have to offer for a base, and which of them serves the session. */
const bases = { 'the same package': (module) => module.Store, 'the original': () => original.Store };

for (const [how, make] of Object.entries(makes)) {
  for (const [whose, base] of Object.entries(bases)) {
    each(`a store made with ${how}, on the Store of ${whose}`, async (t, kind) => {
      clock(t);
      const told = await pair(async (module) => {
        const Made = make(base(module));
        const store = new Made();
        const app = await open(t, { kind, module, options: { store, cookie: { maxAge: 60000 }, genid: counter() } });
        const handlers = [
          write, write, read,
          (req, res) => req.session.regenerate(() => write(req, res)),
          (req, res) => req.session.reload(() => write(req, res)),
          (req, res) => req.session.save(() => write(req, res)),
          (req, res) => req.session.destroy(() => res.end(String(req.session))),
          write,
        ];
        const answers = [];
        for (const handler of handlers) answers.push([seen(await app.visit(handler)), { ...store.data }]);
        assert.deepEqual(app.errors, []);
        return answers;
      });
      assert.deepEqual(told.map(([{ body }]) => body), ['1', '2', '2', '1', '2', '3', 'undefined', '1']);
    });
  }
}

test('Store can be called without new', () => {
  const self = Object.create(session.Store.prototype);
  assert.equal(session.Store.call(self), undefined);
  let heard = 0;
  self.on('connect', () => heard++);
  self.emit('connect');
  assert.equal(heard, 1);
});

each('a store on the original Store makes sessions and cookies of the original, and they work', { skip: !isOurs }, async (t, kind) => {
  const store = ledger({ Store: original.Store });
  const app = await open(t, { kind, options: { store } });
  await app.visit((req, res) => {
    // A new session is made by the middleware, so it is ours.
    assert.ok(req.session instanceof session.Session);
    write(req, res);
  });
  const { value } = await app.visit((req, res) => new Promise((resolve) => {
    const kinds = [req.session instanceof original.Session, req.session.cookie instanceof original.Cookie];
    req.session.n = 10;
    req.session.save(() => req.session.reload(() => {
      write(req, res);
      resolve([...kinds, req.session.n]);
    }));
  }));
  assert.deepEqual(value, [true, true, 11]);
  assert.deepEqual(store.take(), ['set', 'get', 'set', 'get', 'set']);
});

each('a MemoryStore of the original serves too', { skip: !isOurs }, async (t, kind) => {
  const store = new original.MemoryStore();
  const app = await open(t, { kind, options: { store } });
  for (const n of ['1', '2', '3']) assert.equal((await app.visit(write)).body, n);
  assert.equal(Object.keys(store.sessions).length, 1);
});

test('get, load and createSession work outside a request', async (t) => {
  clock(t);
  const { cookie } = JSON.parse(JSON.stringify({ cookie: new session.Cookie({ maxAge: 1e9 }) }));
  const results = await pair(async (module) => {
    const told = [];
    for (const store of [new module.MemoryStore(), ledger({ Store: module.Store })]) {
      await new Promise((resolve) => store.set('known', { cookie, user: 'tobi' }, resolve));
      const got = await new Promise((resolve) => store.get('known', (...args) => resolve(args)));
      const loaded = await new Promise((resolve) => store.load('known', (...args) => resolve(args)));
      const missing = await new Promise((resolve) => store.load('unknown', (...args) => resolve(args)));
      const [, sess] = loaded;
      assert.ok(sess instanceof module.Session);
      assert.ok(sess.cookie instanceof module.Cookie);
      assert.ok(sess.cookie.expires instanceof Date);
      const made = {};
      const created = store.createSession(made, { cookie: { ...cookie }, user: 'jane' });
      assert.equal(made.session, created);
      sess.user = 'loki';
      const saved = await new Promise((resolve) => {
        assert.equal(sess.save(resolve), sess);
      });
      const again = await new Promise((resolve) => store.get('known', (...args) => resolve(args)));
      told.push(JSON.stringify([got, loaded, missing, missing.length, created, saved, again]), sess.id, sess.req.sessionID);
    }
    return told;
  });
  assert.equal(results[1], 'known');
});

test('load hands on an error', async () => {
  const store = ledger();
  store.fails.get = new Error('unreachable');
  const args = await new Promise((resolve) => store.load('x', (...all) => resolve(all)));
  assert.deepEqual(args, [store.fails.get]);
});

each('the store gets the session itself, with the fields of its cookie', async (t, kind) => {
  clock(t);
  for (const cookie of [{}, { maxAge: 60000 }, { expires: new Date(Date.UTC(2031, 0, 1)) }]) {
    await pair(async (module) => {
      const store = ledger({ Store: module.Store });
      const told = [];
      for (const name of ['set', 'touch']) {
        const method = store[name];
        store[name] = function (sid, sess, fn) {
          assert.equal(this, store);
          assert.ok(sess instanceof module.Session);
          assert.ok(sess.cookie instanceof module.Cookie);
          const { expires, _expires, originalMaxAge, maxAge, path } = sess.cookie;
          told.push([name, sid, sess.id, sess.req.sessionID, expires, _expires, originalMaxAge, maxAge, path, JSON.stringify(sess), typeof fn]);
          method.call(this, sid, sess, fn);
        };
      }
      const app = await open(t, { kind, module, options: { store, cookie, genid: counter() } });
      await app.visit((req, res) => {
        store.live = req.session;
        write(req, res);
      });
      await app.visit(read);
      await app.visit(write);
      return told;
    });
  }
});

each('a store may add keys to the session that it is given', async (t, kind) => {
  const { told } = await story(t, kind, (module, store) => {
    const { set, touch } = store;
    store.set = (sid, sess, fn) => {
      sess.lastModified = 1;
      set(sid, sess, fn);
    };
    store.touch = (sid, sess, fn) => {
      sess.__lastAccess = 2;
      touch(sid, sess, fn);
    };
    return {};
  }, [
    [write], [read],
    [(req, res) => req.session.save(() => res.end(JSON.stringify(Object.keys(req.session))))],
    [(req, res) => res.end(JSON.stringify(Object.keys(req.session)))],
  ]);
  assert.equal(told[3].body, '["cookie","n","lastModified"]');
  // The key arrived with the save, so there is nothing to save at the end, or so it is with the original.
  assert.deepEqual(told[2].calls.slice(0, 2), ['get', 'set']);
});

each('expires may come back as a string or as a Date; originalMaxAge survives both', async (t, kind) => {
  const time = clock(t);
  for (const form of [(text) => text, (text) => new Date(text), () => undefined, () => null]) {
    time.setTime(Date.UTC(2030, 0, 1));
    const { told } = await story(t, kind, (module, store) => {
      const { get } = store;
      store.get = (sid, fn) => get(sid, (err, sess) => {
        if (sess) sess.cookie.expires = form(sess.cookie.expires);
        fn(err, sess);
      });
      return { cookie: { maxAge: 60000 }, rolling: true };
    }, [
      [write],
      [(req, res) => {
        const { expires, originalMaxAge, maxAge } = req.session.cookie;
        res.end(JSON.stringify([expires instanceof Date, expires, originalMaxAge, maxAge, req.session]));
      }],
      [write],
    ]);
    assert.equal(JSON.parse(told[1].body)[2], 60000);
    assert.match(told[2].headers.join('\n'), /Expires=Tue, 01 Jan 2030 00:01:00 GMT/);
  }
});

each('a session from a store without originalMaxAge, or with an odd one', (t, kind) => {
  clock(t);
  return pair(async (module) => {
    const told = [];
    for (const cookie of ['{}', '{"path":"/"}', '{"originalMaxAge":null}', '{"originalMaxAge":5000}', '{"expires":"2031-01-01T00:00:00.000Z"}',
      '{"originalMaxAge":5000,"expires":"2031-01-01T00:00:00.000Z"}', '{"expires":"nonsense"}', '{"maxAge":3000}', '{"expires":false}', '[]']) {
      const store = ledger({ Store: module.Store });
      const app = await open(t, { kind, module, options: { store, rolling: true, genid: counter() } });
      await app.visit(write);
      store.data.set('sid-1', `{"cookie":${cookie},"n":7}`);
      told.push(seen(await app.visit((req, res) => res.end(JSON.stringify([req.session, req.session.cookie.originalMaxAge])))), [...store.data], store.take(), app.errors.map(String));
    }
    return told;
  });
});

each('createSession and generate are called through the store', async (t, kind) => {
  const { told } = await story(t, kind, (module, store) => {
    const { createSession } = store;
    store.createSession = function (req, sess) {
      assert.equal(this, store);
      store.calls.push('createSession');
      sess.stamped = true;
      return createSession.call(this, req, sess);
    };
    return {};
  }, [
    [write], [read],
    [(req, res) => req.session.reload(() => res.end(String(req.session.stamped)))],
  ]);
  assert.deepEqual(told.map(({ calls }) => calls), [['set'], ['get', 'createSession', 'touch'], ['get', 'createSession', 'get', 'createSession', 'touch']]);
  assert.equal(told[2].body, 'true');
});

each('createSession on the prototype of a store is called too, of a MemoryStore as well', (t, kind) => pair(async (module) => {
  const told = [];
  for (const Base of [module.MemoryStore, module.Store]) {
    class Stamping extends Base {
      createSession(req, sess) {
        sess.stamped = 'yes';
        return super.createSession(req, sess);
      }
    }
    const store = Base === module.Store ? ledger({ Store: Stamping }) : new Stamping();
    const app = await open(t, { kind, module, options: { store, genid: counter() } });
    await app.visit(write);
    told.push((await app.visit((req, res) => res.end(req.session.stamped))).body);
  }
  return told;
}).then((told) => assert.deepEqual(told, ['yes', 'yes'])));

each('generate belongs to the store, and can be replaced after session() was called', async (t, kind) => {
  const { told } = await story(t, kind, () => ({}), [
    [(req, res) => {
      const { sessionStore: store } = req;
      const { generate } = store;
      assert.equal(typeof generate, 'function');
      store.generate = function (request) {
        store.calls.push('generate');
        generate.call(this, request);
        request.session.made = 'here';
      };
      res.end();
    }],
    [(req, res) => res.end(req.session.made), { cookie: false }],
    [(req, res) => req.session.regenerate(() => write(req, res)), { cookie: false }],
  ]);
  assert.deepEqual(told.map(({ calls }) => calls), [[], ['generate'], ['generate', 'destroy', 'generate', 'set']]);
  assert.equal(told[1].body, 'here');
});

each('two middlewares on one store: the last generate wins', (t, kind) => pair(async (module) => {
  // A ms that passes while a cookie is made is missing in its originalMaxAge.
  if (module === original) clock(t);
  const store = ledger({ Store: module.Store });
  const options = { secret: 'keyboard', resave: false, saveUninitialized: true, store };
  const first = module({ ...options, genid: () => 'first' });
  const one = await open(t, { kind, module, middleware: first });
  const before = (await one.visit((req, res) => res.end(req.sessionID))).body;
  module({ ...options, genid: () => 'second', cookie: { path: '/', maxAge: 1000 } });
  const after = (await one.visit((req, res) => res.end(`${req.sessionID} ${req.session.cookie.originalMaxAge}`), { cookie: false })).body;
  return [before, after];
}).then((told) => assert.deepEqual(told, ['first', 'second 1000'])));

each('a store that answers at once', async (t, kind) => {
  clock(t);
  const { told } = await story(t, kind, () => ({ cookie: { maxAge: 5000 } }), [
    [write], [write], [read],
    [(req, res) => req.session.regenerate(() => write(req, res))],
    [(req, res) => req.session.save(() => write(req, res))],
    [(req, res) => req.session.destroy(() => res.end())],
    [read],
  ], { stores: { sync: true } });
  assert.deepEqual(told.map(({ calls }) => calls), [['set'], ['get', 'set'], ['get', 'touch'], ['get', 'destroy', 'set'], ['get', 'set', 'set'], ['get', 'destroy'], ['get']]);
});

each('a store without touch', async (t, kind) => {
  for (const sync of [true, false]) {
    const { told } = await story(t, kind, () => ({}), [[write], [read], [write]], { stores: { touch: false, sync } });
    assert.deepEqual(told.map(({ calls }) => calls), [['set'], ['get'], ['get', 'set']]);
  }
});

each('ENOENT from get means that there is no such session', async (t, kind) => {
  const { told, errors } = await story(t, kind, () => ({}), [
    [write],
    [(req, res) => {
      req.sessionStore.fails.get = Object.assign(new Error('no such file'), { code: 'ENOENT' });
      res.end();
    }],
    [(req, res) => res.end(JSON.stringify([req.sessionID, req.session.n]))],
  ]);
  assert.equal(told[2].body, '["sid-2",null]');
  assert.deepEqual(errors, []);
});

each('any other error from get reaches next', async (t, kind) => {
  const store = ledger();
  const app = await open(t, { kind, options: { store } });
  await app.visit(write);
  for (const failure of [new Error('unreachable'), Object.assign(new Error('denied'), { code: 'EACCES' }), { message: 'no Error at all' }]) {
    store.fails.get = failure;
    const { status, body } = await app.visit(read);
    assert.deepEqual([status, body], [500, failure.message]);
    assert.equal(app.errors.pop(), failure);
  }
  store.fails.get = null;
  assert.equal((await app.visit(write)).body, '2');
});

each('get may answer undefined, null, false or nothing at all: a new session', async (t, kind) => {
  for (const args of [[], [null], [null, undefined], [null, null], [null, false], [undefined, 0], [null, '']]) {
    const { told, errors } = await story(t, kind, (module, store) => {
      store.get = (sid, fn) => setImmediate(fn, ...args);
      return {};
    }, [[write], [(req, res) => res.end(req.sessionID)]]);
    assert.equal(told[1].body, 'sid-2');
    assert.deepEqual(errors, []);
  }
});

each('a store that has lost its connection gives requests without a session until it is back', async (t, kind) => {
  for (const make of [(module) => new module.MemoryStore(), (module) => ledger({ Store: module.Store })]) {
    const told = await pair(async (module) => {
      const store = make(module);
      const app = await open(t, { kind, module, options: { store, genid: counter() } });
      const look = (req, res) => res.end(JSON.stringify([typeof req.session, typeof req.sessionID, typeof req.sessionStore]));
      const answers = [await app.visit(write)];
      store.emit('disconnect');
      answers.push(await app.visit(look), await app.visit(look));
      store.emit('connect');
      answers.push(await app.visit(write));
      store.emit('disconnect');
      store.emit('disconnect');
      store.emit('connect');
      answers.push(await app.visit(look));
      return answers.map(seen);
    });
    assert.deepEqual(told.map(({ body }) => body), ['1', '["undefined","undefined","undefined"]', '["undefined","undefined","undefined"]', '2', '["object","string","object"]']);
  }
});

each('a store that is put in the place of req.sessionStore is the one that saves', async (t, kind) => {
  const told = await pair(async (module) => {
    const other = ledger({ Store: module.Store });
    const app = await open(t, { kind, module, options: { genid: counter() } });
    const swapped = (req, res) => {
      req.sessionStore = other;
      write(req, res);
    };
    const answers = [seen(await app.visit(swapped)), other.take()];
    other.fails.set = new Error('the other one is full');
    const arrived = app.error();
    answers.push(seen(await app.visit(swapped, { cookie: false })), String(await arrived));
    return answers;
  });
  assert.deepEqual(told[1], ['set']);
});

each('what a store throws in get is an error for next', { skip: !isOurs }, async (t, kind) => {
  const store = ledger();
  const app = await open(t, { kind, options: { store } });
  await app.visit(write);
  store.get = () => { throw new Error('thrown'); };
  assert.deepEqual([(await app.visit(read)).status, app.errors.map(String)], [500, ['Error: thrown']]);
});
