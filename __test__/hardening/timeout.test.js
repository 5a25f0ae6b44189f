'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { kinds, ledger, open, read, write } = require('../compat/app');
const { session } = require('../subject');
const { flaw } = require('./flaw');

const LIMIT_MS = 40;
const quiet = { secret: 'keyboard', resave: false, saveUninitialized: false };

/** A store whose method `name` keeps its callbacks instead of calling them, once `isMute`. */
function mute(name) {
  const store = ledger();
  const method = store[name];
  store.kept = [];
  store[name] = (...args) => {
    if (store.isMute) store.kept.push(args.at(-1));
    else method(...args);
  };
  return store;
}

function isTimeout(error) {
  assert.equal(error.name, 'StoreTimeout');
  assert.equal(error.code, 'ERR_SESSION_STORE_TIMEOUT');
  assert.equal(error.status, 503);
  assert.equal(error.message, `session store did not answer within ${LIMIT_MS} ms`);
}

for (const kind of kinds) {
  flaw(`a get that is never answered ends in an error to next (${kind})`, async (t) => {
    const store = mute('get');
    const app = await open(t, { kind, options: { store, storeTimeout: LIMIT_MS } });
    await app.visit(write);
    store.isMute = true;
    const answer = await app.visit(read);
    assert.equal(answer.status, 500);
    isTimeout(app.errors.pop());
    // The answer that comes at last is none any more.
    store.isMute = false;
    for (const callback of store.kept) callback(null, JSON.parse([...store.data.values()][0]));
    await new Promise((resolve) => { setTimeout(resolve, 10); });
    assert.deepEqual(app.errors, []);
    assert.equal((await app.visit(read)).body, '1');
  });

  for (const name of ['set', 'touch', 'destroy']) {
    flaw(`a ${name} that is never answered ends in an error to next, and the response completes (${kind})`, async (t) => {
      const store = mute(name);
      const app = await open(t, { kind, options: { store, storeTimeout: LIMIT_MS, unset: 'destroy' } });
      await app.visit(write);
      store.isMute = true;
      const answer = await app.visit((req, res) => {
        if (name === 'set') req.session.n++;
        if (name === 'destroy') req.session = null;
        res.end('page');
      });
      assert.deepEqual([answer.status, answer.body], [200, 'page']);
      if (app.errors.length === 0) await app.error();
      isTimeout(app.errors.pop());
      for (const callback of store.kept) callback();
      await new Promise((resolve) => { setTimeout(resolve, 10); });
      assert.deepEqual(app.errors, []);
    });
  }
}

for (const [call, name] of [['save', 'set'], ['reload', 'get'], ['destroy', 'destroy'], ['regenerate', 'destroy']]) {
  flaw(`a program's ${call} learns that the store does not answer`, async (t) => {
    const store = mute(name);
    const app = await open(t, { options: { store, storeTimeout: LIMIT_MS } });
    await app.visit(write);
    const answer = await app.visit((req, res) => new Promise((resolve) => {
      store.isMute = true;
      req.session[call]((error) => {
        store.isMute = false;
        res.end('told');
        resolve(error);
      });
    }));
    assert.equal(answer.body, 'told');
    isTimeout(answer.value);
  });
}

test('without the option a slow store is waited for', async (t) => {
  const store = mute('get');
  const app = await open(t, { options: { store } });
  await app.visit(write);
  store.isMute = true;
  const answer = app.visit(read);
  await new Promise((resolve) => { setTimeout(resolve, 3 * LIMIT_MS); });
  for (const callback of store.kept) callback(null, JSON.parse([...store.data.values()][0]));
  assert.equal((await answer).body, '1');
});

test('a store that answers in time leaves no timer behind', async (t) => {
  const app = await open(t, { options: { store: ledger(), storeTimeout: 2 ** 31 - 1 } });
  await app.visit(write);
  await app.visit(read);
  assert.deepEqual(process.getActiveResourcesInfo().filter((name) => name === 'Timeout'), []);
});

flaw('storeTimeout is a number of milliseconds that timers can wait', () => {
  for (const storeTimeout of [0, -1, NaN, Infinity, 2 ** 31, '50', {}, true, null]) {
    assert.throws(() => session({ ...quiet, storeTimeout }), {
      name: 'TypeError', message: 'storeTimeout option must be a number of milliseconds from 1 to 2147483647',
    });
  }
  for (const storeTimeout of [undefined, 1, 0.5 + 1, 2 ** 31 - 1]) session({ ...quiet, storeTimeout });
});
