'use strict';

/** All devices are logged out while requests are under way, and processes are killed. random-servers.test.js has the other stores. */

const path = require('node:path');
const { test } = require('node:test');
const { temporaryFolder } = require('../../test-kit/folder');
const { isOurs, session } = require('../subject');
const checkCrash = require('./crash');
const { checkLogout, LOGOUTS } = require('./logout');
const { allOf, disk, memory, user } = require('./random/stores');

const skip = !isOurs && 'the original knows no users';

for (const [name, kind, more] of [['MemoryStore', memory()], ['MemoryStore with a wrapped get', memory(), { isWrapped: true }], ['DiskStore', disk()]]) {
  test(`${name}: 200 requests bring no session back`, { skip }, async (t) => {
    t.after(() => kind.close());
    for (const options of LOGOUTS) {
      const { store, records } = await kind.open({ ...more });
      await checkLogout(store, records, options);
    }
  });
}

test('DiskStore: after kill -9 between any two steps of requests, the index has what the table has', { skip }, async (t) => {
  const file = path.join(temporaryFolder('users', t), 'sessions.db');
  await checkCrash({ kind: 'disk', file }, 3, async () => {
    const store = new session.DiskStore({ path: file, user });
    return { store, records: () => allOf(store), close: () => store.close() };
  });
});
