'use strict';

/** A panic in the engine is a JavaScript error, and the process goes on. */

const test = require('node:test');
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');

const native = require('../../session/native');

const file = require.resolve('../../session/native');
const skip = typeof native.__panic !== 'function' && 'this build has no __panic';

/** Runs code in a process of its own, so that an abort is seen for what it is. */
function run(code) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', code, file], { encoding: 'utf8' });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
  return JSON.parse(stdout);
}

test('a panic arrives as an Error, again and again', { skip }, () => {
  const seen = run(`
    const native = require(process.argv[1]);
    const seen = [];
    const panicking = native.__panicking();
    for (let i = 0; i < 6; i++) {
      try {
        if (i % 2) panicking();
        else native.__panic();
        seen.push('returned');
      } catch (error) {
        seen.push(error instanceof Error && typeof error.message === 'string');
      }
    }
    seen.push(native.parseCookie('sid=after', 'sid'), native.sessionId().length);
    console.log(JSON.stringify(seen));
  `);
  assert.deepEqual(seen, [true, true, true, true, true, true, 'after', 32]);
});

test('a panic in a thread is an Error there, and harms no other thread', { skip }, () => {
  const seen = run(`
    const { Worker } = require('node:worker_threads');
    const file = process.argv[1];
    const native = require(file);
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const native = require(workerData);
      let caught = false;
      try { native.__panic(); } catch (error) { caught = error instanceof Error; }
      parentPort.postMessage([caught, native.parseCookie('sid=inside', 'sid')]);
    \`;
    new Worker(code, { eval: true, workerData: file }).on('message', (inside) => {
      console.log(JSON.stringify([...inside, native.parseCookie('sid=outside', 'sid')]));
    });
  `);
  assert.deepEqual(seen, [true, 'inside', 'outside']);
});

test('an Error from a panic that nobody catches ends the process as any other does', { skip }, () => {
  const { status, signal } = spawnSync(process.execPath, ['-e', 'require(process.argv[1]).__panic()', file], { encoding: 'utf8' });
  assert.deepEqual({ status, signal }, { status: 1, signal: null });
});
