'use strict';

const assert = require('node:assert/strict');
const { kinds, ledger, open, read, write } = require('../compat/app');
const { session } = require('../subject');
const { flaw } = require('./flaw');

/** What `JSON.stringify` throws on. */
const refused = {
  'a BigInt': (data) => { data.value = 1n; },
  'a circle': (data) => { data.value = { data }; },
  'a toJSON that throws': (data) => { data.value = { toJSON() { throw new Error('no JSON of this'); } }; },
};

const stores = {
  MemoryStore: () => new session.MemoryStore(),
  'a store': () => ledger(),
  'a synchronous store': () => ledger({ sync: true }),
};

for (const kind of kinds) {
  for (const [storeName, makeStore] of Object.entries(stores)) {
    for (const [name, spoil] of Object.entries(refused)) {
      flaw(`${name} reaches next, and the error page the client: ${storeName} (${kind})`, async (t) => {
        const app = await open(t, { kind, options: { store: makeStore() } });
        for (const isKnown of [false, true]) {
          if (isKnown) await app.visit(write, { cookie: false });
          const answer = await app.visit((req, res) => {
            spoil(req.session);
            res.end('a page');
          });
          assert.equal(answer.status, 500);
          assert.match(answer.body, /BigInt|circular|no JSON/);
          assert.equal(app.errors.splice(0).length, 1);
        }
        // Nothing is lost of what was stored before.
        assert.equal((await app.visit(read)).body, '1');
      });
    }
  }
}
