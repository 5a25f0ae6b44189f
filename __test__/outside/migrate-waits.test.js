'use strict';

// Not in check: it waits for ten seconds.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { ledger } = require('../compat/app');
const { session } = require('../subject');

test('a call that the old or the new store never answers holds a session for ten seconds only', async (t) => {
  // The timer does not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  t.after(() => { clearInterval(alive); });
  const [from, to] = [ledger(), ledger()];
  const store = session.migrate(from, to);
  const { set } = to;
  to.set = () => {};
  store.set('sid', { cookie: new session.Cookie(), n: 2 });
  to.set = set;
  const start = performance.now();
  await store.set('sid', { cookie: new session.Cookie(), n: 3 });
  assert.ok(performance.now() - start > 9000);
  assert.equal(JSON.parse(to.data.get('sid')).n, 3);
});
