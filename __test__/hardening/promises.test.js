'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const vm = require('node:vm');
const { files, child, kinds, ledger, open, read, write } = require('../compat/app');
const { unhandled } = require('../promised');
const { isOurs } = require('../subject');
const { flaw } = require('./flaw');

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** What an `async` method that fails may return. */
const rejections = {
  'an error': () => Promise.reject(new Error('cannot')),
  'an error, later': () => wait(1).then(() => Promise.reject(new Error('cannot'))),
  nothing: () => Promise.reject(),
  'an error of another realm': () => vm.runInNewContext("Promise.reject(new Error('cannot'))"),
};

const uses = {
  get: read,
  touch: read,
  set: write,
  // Takes the place of `set`, where the store has it.
  setIfPresent: write,
  destroy(req, res) {
    req.session = null;
    res.end('ended');
  },
};

for (const kind of kinds) {
  for (const [what, reject] of Object.entries(rejections)) {
    for (const [name, use] of Object.entries(uses)) {
      flaw(`a ${name} whose promise is rejected with ${what} is an error to next (${kind})`, async (t) => {
        const reasons = unhandled(t);
        const store = ledger();
        const app = await open(t, { kind, options: { store, unset: 'destroy' } });
        await app.visit(write);
        store[name] = reject;
        const answer = await app.visit(use);
        if (app.errors.length === 0) await app.error();
        await wait(5);
        assert.equal(answer.status, name === 'get' ? 500 : 200);
        assert.deepEqual(app.errors.map(({ message }) => message), [what === 'nothing' ? 'the store failed and gave no error' : 'cannot']);
        assert.deepEqual(reasons, []);
      });
    }
  }
}

/** What a program asks, and the store's method that it is asked of. */
const calls = {
  save: ['set', (req, callback) => req.session.save(callback)],
  reload: ['get', (req, callback) => req.session.reload(callback)],
  destroy: ['destroy', (req, callback) => req.session.destroy(callback)],
  regenerate: ['destroy', (req, callback) => req.session.regenerate(callback)],
  'regenerate of its own': ['regenerate', (req, callback) => req.session.regenerate(callback)],
  'store.regenerate': ['destroy', (req, callback) => req.sessionStore.regenerate(req, callback)],
  load: ['get', (req, callback) => req.sessionStore.load(req.sessionID, callback)],
};

for (const [call, [name, act]] of Object.entries(calls)) {
  flaw(`${call} tells its callback that the store's promise was rejected, once`, async (t) => {
    const reasons = unhandled(t);
    const store = ledger();
    const app = await open(t, { options: { store } });
    for (const reject of Object.values(rejections)) {
      await app.visit(write, { cookie: false });
      const kept = store[name];
      const told = [];
      await app.visit(async (req, res) => {
        store[name] = reject;
        await new Promise((resolve) => {
          act(req, (error) => {
            told.push(error?.message);
            resolve();
          });
        });
        await wait(2);
        store[name] = kept;
        res.end();
      });
      assert.match(String(told), /^(cannot|the store failed and gave no error)$/);
    }
    assert.deepEqual(reasons, []);
  });

  flaw(`${call} without a callback, whatever the store answers, ends no process`, async (t) => {
    const reasons = unhandled(t);
    const store = ledger();
    const app = await open(t, { options: { store } });
    const plain = store[name];
    const answers = [plain, ...Object.values(rejections), (...args) => { setImmediate(args.at(-1), new Error('cannot')); }];
    if (name === 'regenerate') answers.shift();
    for (const answer of answers) {
      await app.visit(write, { cookie: false });
      await app.visit(async (req, res) => {
        store[name] = answer;
        for (const callback of [undefined, null, 'no function']) {
          act(req, callback);
          if (!req.session) req.sessionStore.generate(req);
        }
        await wait(3);
        store[name] = plain;
        res.end();
      });
    }
    assert.deepEqual(reasons, []);
  });
}

test('a promise that is rejected after the answer is a line for DEBUG alone', async (t) => {
  const reasons = unhandled(t);
  const store = ledger();
  for (const name of ['get', 'touch', 'set', 'destroy']) {
    const method = store[name];
    store[name] = async (...args) => {
      await new Promise((resolve) => {
        const callback = args.pop();
        method(...args, (...results) => {
          callback(...results);
          resolve();
        });
      });
      throw new Error('after the answer');
    };
  }
  const app = await open(t, { options: { store, unset: 'destroy' } });
  for (const use of [write, read, write, uses.destroy]) assert.equal((await app.visit(use)).status, 200);
  await wait(5);
  assert.deepEqual(app.errors, []);
  // The original's rejections are nobody's.
  if (isOurs) assert.deepEqual(reasons, []);
});

test('what a callback throws comes out of the store that called it, as with the original', async () => {
  for (const file of Object.values(files)) {
    const { stdout } = await child(`
      const session = require(process.env.PACKAGE);
      const store = new session.Store();
      process.on('unhandledRejection', (error) => { console.log('unhandled', error.message); });
      session({ secret: 'keyboard', resave: false, saveUninitialized: false, store });
      const req = { headers: {}, sessionStore: store };
      store.generate(req);
      const save = () => req.session.save(() => {
        console.log('called');
        throw new Error('of the app');
      });
      store.set = (sid, data, callback) => { callback(); };
      try { save(); } catch (error) { console.log('thrown', error.message); }
      store.set = async (sid, data, callback) => { callback(); };
      save();
    `, { file });
    assert.equal(stdout, 'called\nthrown of the app\ncalled\nunhandled of the app\n');
  }
});

test('a promise that is fulfilled says nothing if the method declares the callback, and what only looks like a promise is not asked', async (t) => {
  const store = ledger();
  let looks = 0;
  const { get, set, touch } = store;
  const odd = { get then() { looks++; throw new Error('not to be read'); } };
  store.get = async (sid, callback) => { get(sid, callback); };
  store.set = (...args) => { set(...args); return odd; };
  store.touch = (...args) => { touch(...args); return { then() { looks++; } }; };
  const app = await open(t, { options: { store } });
  await app.visit(write);
  assert.equal((await app.visit(write)).body, '2');
  assert.equal((await app.visit(read)).body, '2');
  assert.deepEqual([app.errors, looks], [[], 0]);
});

flaw('a store that throws nothing at all is an error', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  store.get = () => { throw undefined; };
  assert.equal((await app.visit(read)).body, 'the store failed and gave no error');
});

test('what a store throws before it answers is thrown to the program that asked, whose callback is not called', async (t) => {
  for (const [call, [name, act]] of Object.entries(calls)) {
    const store = ledger();
    const app = await open(t, { options: { store } });
    await app.visit(write);
    let told = 0;
    const { value } = await app.visit(async (req, res) => {
      const plain = store[name];
      store[name] = () => { throw new Error('thrown'); };
      let thrown = 'nothing';
      try {
        act(req, () => { told++; });
      } catch (error) {
        thrown = error.message;
      }
      store[name] = plain;
      await wait(2);
      res.end();
      return thrown;
    });
    assert.deepEqual([value, told], ['thrown', 0], call);
  }
});

test('without a callback, the process of the package lives on', { skip: !isOurs }, async () => {
  const { status, stdout } = await child(`
    const session = require(process.env.PACKAGE);
    class Rejecting extends session.Store {
      async get() { throw new Error('get'); }
      async set() { throw new Error('set'); }
      async destroy() { throw new Error('destroy'); }
    }
    for (const store of [new Rejecting(), new session.MemoryStore()]) {
      session({ secret: 'keyboard', resave: false, saveUninitialized: false, store });
      const req = { headers: {}, sessionStore: store };
      store.generate(req);
      req.session.save();
      req.session.reload();
      req.session.regenerate();
      req.session.destroy();
      store.load('nobody');
    }
    setTimeout(() => console.log('alive'), 20);
  `, { file: files.subject });
  assert.deepEqual([status, stdout], [0, 'alive\n']);
});
