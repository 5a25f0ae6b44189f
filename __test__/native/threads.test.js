'use strict';

/** The addon is loaded once per thread, and a thread may end at any time. */

const test = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { once } = require('node:events');
const { Worker } = require('node:worker_threads');

const file = require.resolve('../../session/native/load');

const use = `
  const { parentPort, workerData } = require('node:worker_threads');
  const native = require(workerData);
  parentPort.postMessage({
    id: native.sessionId(),
    value: native.parseCookie('a=1; sid=%C3%A9', 'sid'),
    exports: Object.keys(native).sort(),
  });
`;

/** Starts a thread, and hands back its message once it has ended. */
async function runThread(code, workerData = file) {
  const worker = new Worker(code, { eval: true, workerData });
  // Both at once: a thread may end in the turn that brings its message.
  const [[message], [status]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  assert.equal(status, 0);
  return message;
}

test('ten threads one after the other, before this one loads it', async () => {
  assert.equal(require.cache[file], undefined);
  const ids = new Set();
  for (let i = 0; i < 10; i++) {
    const { id, value } = await runThread(use);
    assert.equal(value, '\u00e9');
    ids.add(id);
  }
  assert.equal(ids.size, 10);
});

test('this thread, then threads beside it, all with the same exports', async () => {
  const native = require('../../session/native/load');
  const seen = await Promise.all(Array.from({ length: 4 }, () => runThread(use)));
  for (const { exports } of seen) assert.deepEqual(exports, Object.keys(native).sort());
  assert.equal(native.parseCookie('sid=still', 'sid'), 'still');
});

test('threads that are ended in the middle of calls leave this one working', async () => {
  const native = require('../../session/native/load');
  const busy = `
    const { parentPort, workerData } = require('node:worker_threads');
    const native = require(workerData);
    const header = 'a=1; '.repeat(10000) + 'sid=x';
    native.parseCookie(header, 'sid');
    parentPort.postMessage('busy');
    for (;;) { native.sessionId(); native.parseCookie(header, 'sid'); }
  `;
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(busy, { eval: true, workerData: file });
    await once(worker, 'message');
    await worker.terminate();
    assert.equal(native.parseCookie('sid=still', 'sid'), 'still');
  }
});

test('loading it again in the same thread', () => {
  const before = require('../../session/native/load');
  const session = path.dirname(file) + path.sep;
  for (let i = 0; i < 10; i++) {
    // The addon and everything of ours that stands before it.
    for (const name of Object.keys(require.cache)) {
      if (name.startsWith(session) || name.endsWith('.node')) delete require.cache[name];
    }
    const again = require('../../session/native/load');
    assert.equal(again.parseCookie('sid=again', 'sid'), 'again');
    assert.equal(before.parseCookie('sid=before', 'sid'), 'before');
    assert.notEqual(again.sessionId(), before.sessionId());
    assert.deepEqual(Object.keys(again), Object.keys(before));
  }
});

test('loading it twice inside a thread', async () => {
  const twice = `
    const { parentPort, workerData } = require('node:worker_threads');
    const first = require(workerData);
    for (const name of Object.keys(require.cache)) delete require.cache[name];
    const second = require(workerData);
    parentPort.postMessage([first, second].map((native) => native.parseCookie('sid=x', 'sid')));
  `;
  assert.deepEqual(await runThread(twice), ['x', 'x']);
});
