'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { kinds, ledger, open, write } = require('../compat/app');
const { flaw } = require('./flaw');

/**
 * A store whose answers come from one connection, opened before any request: its
 * events run in the context of whoever opened it.
 */
function pooled() {
  const queue = [];
  const pump = setInterval(() => { queue.shift()?.(); }, 1);
  const store = ledger();
  for (const name of ['get', 'set', 'touch', 'destroy']) {
    const method = store[name];
    store[name] = (...args) => {
      const callback = args.pop();
      method(...args, (...results) => { queue.push(() => callback(...results)); });
    };
  }
  store.close = () => { clearInterval(pump); };
  return store;
}

for (const kind of kinds) {
  flaw(`the context of a request survives a store with a pool of connections (${kind})`, async (t) => {
    const store = pooled();
    t.after(store.close);
    const context = new AsyncLocalStorage();
    let n = 0;
    const app = await open(t, {
      kind,
      options: { store },
      use: [(req, res, next) => { context.run(++n, next); }],
    });
    await app.visit(write);
    const { value } = await app.visit(async (req, res) => {
      const seen = { begun: context.getStore() };
      for (const call of ['save', 'reload', 'regenerate']) {
        await new Promise((resolve) => {
          req.session[call](() => {
            seen[call] = context.getStore();
            resolve();
          });
        });
      }
      req.session.n = 2;
      await new Promise((resolve) => {
        res.end('page', () => {
          seen.ended = context.getStore();
          resolve();
        });
      });
      return seen;
    });
    assert.deepEqual(value, { begun: 2, save: 2, reload: 2, regenerate: 2, ended: 2 });
  });

  flaw(`errors reach next in the context of their request (${kind})`, async (t) => {
    const store = pooled();
    t.after(store.close);
    const context = new AsyncLocalStorage();
    const seen = [];
    const app = await open(t, {
      kind,
      options: { store },
      use: [(req, res, next) => { context.run(req.url, next); }],
    });
    const { push } = app.errors;
    app.errors.push = (error) => {
      seen.push(context.getStore());
      return push.call(app.errors, error);
    };
    await app.visit(write, { path: '/first' });
    store.fails.set = new Error('no space');
    await app.visit(write, { path: '/second' });
    if (seen.length === 0) await app.error();
    assert.deepEqual(seen, ['/second']);
  });
}
