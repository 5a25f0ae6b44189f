'use strict';

const assert = require('node:assert/strict');
const { createHook } = require('node:async_hooks');
const { test } = require('node:test');
const { files, child, kinds, ledger, open, read, write } = require('../compat/app');
const { session, isOurs } = require('../subject');

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Watches the async resources of the package, as cls-hooked and its like do. */
function watch(t) {
  const made = new Set();
  let destroyed = 0;
  const hook = createHook({
    init(id, type) { if (type === 'express-session') made.add(id); },
    destroy(id) { if (made.has(id)) destroyed++; },
  }).enable();
  t.after(() => { hook.disable(); });
  /** Each was destroyed, and once. */
  return { check(label) { assert.equal(destroyed, made.size, label); } };
}

/** All ways to ask the store. */
const handlers = {
  write,
  read,
  save: (req, res) => { req.session.save(() => { res.end(); }); },
  'save without a callback': (req, res) => {
    req.session.save();
    setImmediate(() => { res.end(); });
  },
  reload: (req, res) => { req.session.reload(() => { res.end(); }); },
  regenerate: (req, res) => { req.session.regenerate(() => { write(req, res); }); },
  destroy: (req, res) => { req.session.destroy(() => { res.end(); }); },
  load: (req, res) => { req.sessionStore.load(req.sessionID, () => { res.end(); }); },
  unset(req, res) {
    req.session = null;
    res.end();
  },
  'a callback that throws': (req, res) => {
    const { set } = req.sessionStore;
    // Whoever calls back catches it.
    req.sessionStore.set = (sid, data, callback) => {
      req.sessionStore.set = set;
      try {
        callback();
      } catch {
        res.end();
      }
    };
    req.session.save(() => { throw new Error('of the app'); });
  },
};

const stores = {
  MemoryStore: () => new session.MemoryStore(),
  'a store': () => ledger(),
  'a synchronous store': () => ledger({ sync: true }),
};

for (const kind of kinds) {
  for (const [storeName, makeStore] of Object.entries(stores)) {
    test(`no async resource outlives the store's answer (${storeName}, ${kind})`, async (t) => {
      for (const storeTimeout of [undefined, 10000]) {
        const app = await open(t, { kind, options: { store: makeStore(), unset: 'destroy', storeTimeout } });
        const resources = watch(t);
        for (const [name, handler] of Object.entries(handlers)) {
          await app.visit(write, { cookie: false });
          await app.visit(handler);
          await wait(2);
          resources.check(name);
        }
      }
    });
  }
}

/** Ways in which a store does not answer. */
const failures = {
  throws: () => { throw new Error('thrown'); },
  'is rejected': () => Promise.reject(new Error('rejected')),
  'does not answer in time': () => {},
};

for (const [failure, fail] of Object.entries(failures)) {
  test(`no async resource outlives the question of a store that ${failure}`, { skip: !isOurs }, async (t) => {
    for (const [name, use] of [['get', read], ['set', write], ['touch', read], ['destroy', handlers.unset]]) {
      const store = ledger();
      const app = await open(t, { options: { store, unset: 'destroy', storeTimeout: 5 } });
      await app.visit(write);
      const resources = watch(t);
      store[name] = fail;
      await app.visit(use);
      if (app.errors.length === 0) await app.error();
      await wait(2);
      resources.check(name);
    }
  });
}

test('the collector takes the async resource of a store that never answers', { skip: !isOurs }, async () => {
  const { status, stdout, stderr } = await child(`
    const { createHook } = require('node:async_hooks');
    const http = require('node:http');
    const session = require(process.env.PACKAGE);
    const { serve } = require(process.env.KIT + '/app');
    let asked = 0;
    const made = new Set();
    let destroyed = 0;
    createHook({
      init(id, type) { if (type === 'express-session') made.add(id); },
      destroy(id) { if (made.has(id)) destroyed++; },
    }).enable();
    const store = new session.Store();
    store.get = store.set = store.destroy = store.touch = () => { asked++; };
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store, unset: 'destroy' });
    const uses = [
      (req, res) => { req.session.n = 1; res.end(); },
      (req, res) => { req.session = null; res.end(); },
      (req) => { req.session.save(() => {}); },
      (req) => { req.session.reload(() => {}); },
      (req) => { req.session.regenerate(() => {}); },
      (req) => { req.session.destroy(() => {}); },
      (req) => { req.session.destroy(); },
      (req) => { req.sessionStore.load('sid', () => {}); },
    ];
    let n = 0;
    const server = http.createServer((req, res) => middleware(req, res, () => { uses[n++ % uses.length](req, res); }));
    serve(server).then(async ({ port }) => {
      const cookie = 'connect.sid=' + encodeURIComponent('s:' + require('cookie-signature').sign('sid', 'keyboard'));
      for (let i = 0; i < 80; i++) {
        // Each other waits for get.
        const headers = i % 2 ? { cookie } : {};
        const before = asked;
        const request = http.get({ host: '127.0.0.1', port, agent: false, headers });
        const gone = new Promise((resolve) => { request.on('error', resolve); });
        while (asked === before) await new Promise((resolve) => { setTimeout(resolve, 1); });
        request.destroy(new Error('gone'));
        await gone;
      }
      for (let i = 0; i < 50 && destroyed < made.size; i++) {
        await new Promise((resolve) => { setTimeout(resolve, 10); });
        gc();
      }
      console.log(made.size - destroyed);
      process.exit();
    });
  `, { file: files.subject, args: ['--expose-gc'] });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  assert.equal(stdout, '0\n');
});
