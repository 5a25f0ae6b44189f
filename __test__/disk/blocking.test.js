'use strict';

// Not in check: it takes long.
// In test:long: DISK_SECONDS=20

/**
 * Two processes write to one file as fast as they can: how long a write takes, how long a turn of
 * the event loop, and how large the log gets, also while the file is pruned and cleared. The figures
 * are those of this machine at this moment, so what is asserted is far from them.
 */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { isOurs } = require('../subject');
const { newFile } = require('./apps');
const { Program } = require('../../test-kit/program');

const SECONDS = Number(process.env.DISK_SECONDS);
const WRITER = path.join(__dirname, 'writer.js');

/** Sessions that are pruned and cleared. */
const MANY = 100_000;
/** Bytes that the log may have. */
const LONGEST_LOG = 64 * 2 ** 20;
/** In ms: the goal is 0.5 for 99 of 100 writes, and 2 for 999 of 1000 turns. */
const LONGEST_WRITE = 20;
const LONGEST_TURN = 50;

async function startWriter(t, file) {
  const writer = new Program(process.execPath, [WRITER], { env: { FILE: file }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'], endedBy: 'SIGKILL' });
  t.after(() => writer.stop());
  assert.equal(await writer.message(), 'ready');
  return writer;
}

/** Looks at the log again and again. */
function watchLog(file) {
  let most = 0;
  const timer = setInterval(() => {
    try {
      most = Math.max(most, fs.statSync(`${file}-wal`).size);
    } catch {
      // Nobody has the file open yet.
    }
  }, 10);
  return () => {
    clearInterval(timer);
    return most;
  };
}

test('two processes that write at full speed', { skip: !isOurs || (!SECONDS && 'npm run test:long has it'), timeout: 600_000 }, async (t) => {
  const file = newFile(t);
  const [one, two, third] = await Promise.all([startWriter(t, file), startWriter(t, file), startWriter(t, file)]);
  const ms = 1000 * SECONDS / 4;

  const measure = async (name, perTurn, { meanwhile, isControl } = {}) => {
    const stopWatching = watchLog(file);
    const all = Promise.all([one.ask({ run: ms, perTurn, isControl }), two.ask({ run: ms, perTurn, isControl })]);
    const took = meanwhile && await third.ask(meanwhile);
    const results = await all;
    const log = stopWatching();
    for (const [index, { writes, turns }] of results.entries()) {
      const tell = ({ count, p50, p99, p999, most }) => `${count} p50 ${p50.toFixed(3)} p99 ${p99.toFixed(3)} p99.9 ${p999.toFixed(3)} most ${most.toFixed(2)} ms`;
      console.log(`${name}, process ${index + 1}: writes ${tell(writes)}; turns ${tell(turns)}`);
      assert.ok(writes.count > 100 && writes.p99 < LONGEST_WRITE, `${writes.p99} ms`);
      assert.ok(turns.p999 < LONGEST_TURN, `${turns.p999} ms`);
    }
    console.log(`${name}: log ${(log / 2 ** 20).toFixed(1)} MB${took ? `, ${meanwhile} took ${took.toFixed()} ms` : ''}`);
    // What removes as many at once is no steady load.
    assert.ok(log < (meanwhile ? 2 : 1) * LONGEST_LOG, `${log} bytes`);
  };

  await measure('without a store', 1, { isControl: true });
  await measure('one write at a time', 1);
  await measure('ten at a time', 10);
  await third.ask({ seed: MANY, expired: true });
  await measure(`while ${MANY} are pruned`, 1, { meanwhile: 'prune' });
  await third.ask({ seed: MANY, expired: false });
  await measure(`while ${MANY} are cleared`, 1, { meanwhile: 'clear' });
});
