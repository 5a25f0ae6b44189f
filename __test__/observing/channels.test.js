'use strict';

/** The channels of node:diagnostics_channel: every scenario of scenarios.js with every store. */

const { describe, test } = require('node:test');
const { stores } = require('../features/stores');
const { ledger } = require('../compat/app');
const { session } = require('../subject');
const observe = require('./observe');
const { scenarios } = require('./scenarios');

/** A store whose methods answer by promises, and which a session that is gone does not come back to. */
function promising() {
  const records = ledger();
  const store = new session.Store();
  for (const method of ['get', 'set', 'touch', 'destroy']) {
    const ask = (args) => new Promise((resolve, reject) => { records[method](...args, (error, data) => (error ? reject(error) : resolve(data))); });
    store[method] = { get: (sid) => ask([sid]), destroy: (sid) => ask([sid]), set: (sid, data) => ask([sid, data]), touch: (sid, data) => ask([sid, data]) }[method];
  }
  store.setIfPresent = async (sid, data) => Boolean(await store.get(sid)) && (await store.set(sid, data), true);
  return store;
}

const kinds = {
  ...Object.fromEntries(Object.entries(stores).map(([name, make]) => [name, { make }])),
  'a store of promises': { make: promising },
  'a MemoryStore with users': { make: () => new session.MemoryStore({ user: (data) => (data.n ? 'ada' : undefined) }) },
  'a MemoryStore with hashIds': { make: stores.MemoryStore, options: { hashIds: true } },
  'another store with hashIds': { make: stores['another store'], options: { hashIds: true } },
};

for (const commit of ['end', 'headers']) {
  for (const [kind, { make, options }] of Object.entries(kinds)) {
    describe(`${kind}, commit: ${commit}`, () => {
      for (const [name, scenario] of Object.entries(scenarios)) {
        test(name, (t) => {
          const store = make();
          if (store.close) t.after(() => store.close());
          return observe(t, scenario, store, { ...options, commit });
        });
      }
    });
  }
}
