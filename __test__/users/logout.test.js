'use strict';

/** All devices are logged out while requests are under way. random-servers.test.js has the other stores. */

const { test } = require('node:test');
const { isOurs } = require('../subject');
const { checkLogout, LOGOUTS } = require('./logout');
const { disk, memory } = require('./random/stores');

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
