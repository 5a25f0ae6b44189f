'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { Worker } = require('node:worker_threads');

const native = require('../../session/native/load');

const file = require.resolve('../../session/native/load');

test('an id is 32 characters of URL-safe base64', () => {
  for (let i = 0; i < 10000; i++) assert.match(native.sessionId(), /^[A-Za-z0-9_-]{32}$/);
});

test('an id stands for 24 bytes and is written in the one way base64url has for them', () => {
  const id = native.sessionId();
  const bytes = Buffer.from(id, 'base64url');
  assert.equal(bytes.length, 24);
  assert.equal(bytes.toString('base64url'), id);
});

test('100,000 ids are all different', () => {
  const ids = new Set();
  for (let i = 0; i < 100000; i++) ids.add(native.sessionId());
  assert.equal(ids.size, 100000);
});

test('ids made in worker threads differ from those made here', async () => {
  const make = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { sessionId } = require(workerData);
    parentPort.postMessage(Array.from({ length: 2000 }, () => sessionId()));
  `;
  const made = (worker) =>
    new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const workers = Array.from({ length: 3 }, () => new Worker(make, { eval: true, workerData: file }));
  const lists = await Promise.all(workers.map(made));
  const ids = new Set(Array.from({ length: 2000 }, () => native.sessionId()));
  for (const list of lists) for (const id of list) ids.add(id);
  assert.equal(ids.size, 8000);
});

// Bounds of seven standard deviations: random bits leave them once in 10^11 runs.
test('every bit is set half of the time, and free of the bit before it', () => {
  const count = 20000;
  const bits = 192;
  const set = new Uint32Array(bits);
  const changed = new Uint32Array(bits);
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.from(native.sessionId(), 'base64url');
    let before = bytes[23] & 1;
    for (let bit = 0; bit < bits; bit++) {
      const value = (bytes[bit >> 3] >> (7 - (bit & 7))) & 1;
      set[bit] += value;
      changed[bit] += value ^ before;
      before = value;
    }
  }
  const bound = 7 * Math.sqrt(count / 4);
  for (let bit = 0; bit < bits; bit++) {
    assert.ok(Math.abs(set[bit] - count / 2) < bound, `bit ${bit} was set ${set[bit]} times of ${count}`);
    assert.ok(Math.abs(changed[bit] - count / 2) < bound, `bit ${bit} changed ${changed[bit]} times of ${count}`);
  }
});

test('ids in a row share no bits but by chance', () => {
  const count = 20000;
  const ids = Array.from({ length: count + 1 }, () => Buffer.from(native.sessionId(), 'base64url'));
  const agreed = new Uint32Array(24);
  for (let i = 0; i < count; i++) {
    for (let at = 0; at < 24; at++) if (ids[i][at] === ids[i + 1][at]) agreed[at]++;
  }
  const expected = count / 256;
  for (let at = 0; at < 24; at++) {
    assert.ok(Math.abs(agreed[at] - expected) < 8 * Math.sqrt(expected), `byte ${at} was repeated ${agreed[at]} times of ${count}`);
  }
});
