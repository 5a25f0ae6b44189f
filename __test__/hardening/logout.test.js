'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { each, kinds, ledger, open, original, write } = require('../compat/app');
const { session, isOurs } = require('../subject');
const { flaw } = require('./flaw');
const { logouts, slowUses, slowRequest } = require('./slow');

/** A MemoryStore whose methods a program watches. */
function watched() {
  const store = new session.MemoryStore();
  for (const name of ['get', 'set', 'touch', 'destroy']) {
    const method = store[name];
    store[name] = function spied(...args) { return method.apply(this, args); };
  }
  return store;
}

/** A store of a program's own, with the optional method. Its class makes the sessions. */
function guarded(Store = session.Store) {
  const store = ledger({ Store });
  store.setIfPresent = (sid, data, callback) => {
    store.calls.push('setIfPresent');
    if (store.data.has(sid)) store.data.set(sid, JSON.stringify(data));
    setImmediate(callback);
  };
  return store;
}

const stores = {
  MemoryStore: () => new session.MemoryStore(),
  'MemoryStore with limits': () => new session.MemoryStore({ max: 10, ttl: 60000 }),
  'a watched MemoryStore': watched,
  'a store with setIfPresent': () => guarded(),
  'a store with setIfPresent, whose sessions are of another class': () => guarded(original.Store),
};

for (const kind of kinds) {
  for (const [storeName, makeStore] of Object.entries(stores)) {
    for (const [logoutName, logout] of Object.entries(logouts)) {
      for (const [useName, { options, use, isFlaw }] of Object.entries(slowUses)) {
        const declare = isFlaw ? flaw : test;
        declare(`logged out by ${logoutName}, while another request ${useName}: ${storeName} (${kind})`, async (t) => {
          const app = await open(t, { kind, options: { store: makeStore(), ...options } });
          assert.equal(await slowRequest(app, logout, use), 'undefined');
          assert.deepEqual(app.errors, []);
        });
      }
    }
  }
}

for (const storeName of isOurs ? Object.keys(stores) : []) {
  each(`an explicit save still saves: ${storeName}`, async (t, kind) => {
    const app = await open(t, { kind, options: { store: stores[storeName]() } });
    assert.equal(await slowRequest(app, logouts.destroy, (req) => new Promise((resolve) => {
      req.session.n = 2;
      req.session.save(resolve);
    })), '2');
  });

  each(`a session that is still there is saved: ${storeName}`, async (t, kind) => {
    const app = await open(t, { kind, options: { store: stores[storeName]() } });
    const nothing = (req, res) => { res.end(); };
    assert.equal(await slowRequest(app, nothing, (req) => { req.session.n = 2; }), '2');
  });
}

test('a session that was saved and then destroyed before its own request ends does not come back', async (t) => {
  const store = new session.MemoryStore();
  const app = await open(t, { options: { store } });
  await app.visit(async (req, res) => {
    req.session.n = 1;
    await new Promise((resolve) => { req.session.save(resolve); });
    await new Promise((resolve) => { store.destroy(req.sessionID, resolve); });
    req.session.n = 2;
    res.end();
  });
  if (isOurs) assert.deepEqual(Object.keys(store.sessions), []);
});

test('setIfPresent takes the place of set for loaded sessions only', { skip: !isOurs }, async (t) => {
  const store = guarded();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  assert.deepEqual(store.take(), ['set']);
  await app.visit(write);
  assert.deepEqual(store.take(), ['get', 'setIfPresent']);
  await app.visit((req, res) => new Promise((resolve) => {
    req.session.regenerate(() => {
      req.session.n = 5;
      res.end('', resolve);
    });
  }));
  assert.deepEqual(store.take(), ['get', 'destroy', 'set']);
});

test('a MemoryStore that has setIfPresent is waited for where its methods are replaced, and needs it not where they are not', { skip: !isOurs }, async (t) => {
  for (const [makeStore, calls] of [[() => new session.MemoryStore(), 0], [watched, 1]]) {
    const store = makeStore();
    let isDone = false;
    let called = 0;
    store.setIfPresent = function setIfPresent(sid, data, callback) {
      called++;
      assert.equal(typeof callback, 'function');
      this.set(sid, data, () => {
        isDone = true;
        callback();
      });
    };
    const app = await open(t, { options: { store } });
    await app.visit(write, { cookie: false });
    assert.equal((await app.visit(write)).body, '2');
    assert.deepEqual([called, isDone], [calls, calls === 1]);
    assert.deepEqual(app.errors, []);
    assert.equal((await app.visit((req, res) => { res.end(String(req.session.n)); })).body, '2');
  }
});

test('setIfPresent is reached by a save that a program has replaced', { skip: !isOurs }, async (t) => {
  const store = guarded();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  store.take();
  let saves = 0;
  await app.visit((req, res) => {
    const { save } = req.session;
    Object.defineProperty(req.session, 'save', {
      configurable: true,
      value(callback) {
        saves++;
        save.call(this, callback);
      },
    });
    write(req, res);
    assert.equal(req.sessionStore, store);
  });
  assert.equal(saves, 1);
  assert.deepEqual(store.take(), ['get', 'setIfPresent']);
});

test('an error of setIfPresent reaches next, and the response completes', { skip: !isOurs }, async (t) => {
  const store = guarded();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  store.setIfPresent = (sid, data, callback) => { setImmediate(callback, new Error('no space')); };
  const answer = await app.visit(write);
  assert.equal(answer.body, '2');
  if (app.errors.length === 0) await app.error();
  assert.deepEqual(app.errors.map(String), ['Error: no space']);
});

/** Ways in which a request gets at its session again. */
const detours = {
  'reloads it in vain, behind a Proxy': (req, goOn) => {
    const { session } = req;
    req.session = new Proxy(session, {});
    return goOn().then(() => new Promise((resolve) => { session.reload(resolve); }));
  },
  'has put on the request what store.load gave': async (req, goOn) => {
    req.session = await new Promise((resolve, reject) => {
      req.sessionStore.load(req.sessionID, (error, loaded) => (error ? reject(error) : resolve(loaded)));
    });
    await goOn();
  },
};

for (const [name, detour] of isOurs ? Object.entries(detours) : []) {
  each(`logged out while another request ${name}: MemoryStore`, async (t, kind) => {
    const app = await open(t, { kind, options: { store: new session.MemoryStore() } });
    await app.visit(write);
    await app.visit(async (req, res) => {
      await detour(req, () => app.visit((other, page) => { other.session.destroy(() => page.end()); }));
      req.session.late = 1;
      res.end();
    });
    const { body } = await app.visit((req, res) => { res.end(String(req.session.late)); });
    assert.equal(body, 'undefined');
  });
}
