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
  const keys = native.prepareKeys([Buffer.from('secret')]);
  parentPort.postMessage({
    id: native.sessionId(),
    value: native.unsignCookie('a=1; sid=' + native.signedCookieValue('\u00e9', keys), 'sid', keys),
    exports: Object.keys(native).sort(),
  });
`;

/** What an addon reads from a cookie that it has signed. */
function roundTrip(native, value) {
  const keys = native.prepareKeys([Buffer.from('secret')]);
  return native.unsignCookie(`sid=${native.signedCookieValue(value, keys)}`, 'sid', keys);
}

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
  assert.equal(roundTrip(native, 'still'), 'still');
});

test('threads that are ended in the middle of calls leave this one working', async () => {
  const native = require('../../session/native/load');
  const busy = `
    const { parentPort, workerData } = require('node:worker_threads');
    const native = require(workerData);
    const header = 'a=1; '.repeat(10000) + 'sid=x';
    const keys = native.prepareKeys([Buffer.from('secret')]);
    native.unsignCookie(header, 'sid', keys);
    parentPort.postMessage('busy');
    for (;;) { native.sessionId(); native.unsignCookie(header, 'sid', keys); }
  `;
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(busy, { eval: true, workerData: file });
    await once(worker, 'message');
    await worker.terminate();
    assert.equal(roundTrip(native, 'still'), 'still');
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
    assert.equal(roundTrip(again, 'again'), 'again');
    assert.equal(roundTrip(before, 'before'), 'before');
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
    const keys = (native) => native.prepareKeys([Buffer.from('secret')]);
    parentPort.postMessage([first, second].map((native) => native.unsign(native.sign('x', keys(native)), keys(native))));
  `;
  assert.deepEqual(await runThread(twice), ['x', 'x']);
});
