'use strict';

/**
 * Makes every MemoryStore of a process be asked as any store is, and writes at its end how
 * often one was, as a line of the file REMOTE_CALLS: for `node --require`.
 */
const fs = require('node:fs');
const { MemoryStore } = require('../..');

const { get } = MemoryStore.prototype;
let calls = 0;

MemoryStore.prototype.get = function forced(sid, callback) {
  calls += 1;
  return get.call(this, sid, callback);
};

process.on('exit', () => {
  if (calls > 0) fs.appendFileSync(process.env.REMOTE_CALLS, `${calls}\n`);
});
