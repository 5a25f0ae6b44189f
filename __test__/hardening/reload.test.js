'use strict';

const assert = require('node:assert/strict');
const { kinds, ledger, open, write } = require('../compat/app');
const { session } = require('../subject');
const { flaw } = require('./flaw');

const damaged = { 'without a cookie': '{"n":1}', 'whose cookie is null': '{"cookie":null}' };

/** Each with its way to damage the only record. */
const stores = {
  MemoryStore() {
    const store = new session.MemoryStore();
    return { store, damage: (sid, text) => { store.sessions[sid] = text; } };
  },
  'a store'() {
    const store = ledger();
    return { store, damage: (sid, text) => { store.data.set(sid, text); } };
  },
};

for (const kind of kinds) {
  for (const [storeName, makeStore] of Object.entries(stores)) {
    for (const [name, text] of Object.entries(damaged)) {
      flaw(`reload of a record ${name} gives its callback an error: ${storeName} (${kind})`, async (t) => {
        const { store, damage } = makeStore();
        const app = await open(t, { kind, options: { store } });
        await app.visit(write);
        const answer = await app.visit((req, res) => new Promise((resolve) => {
          damage(req.sessionID, text);
          req.session.reload((error) => {
            res.end(`${error?.name}`);
            resolve();
          });
        }));
        assert.equal(answer.body, 'TypeError');
      });
    }
  }
}
