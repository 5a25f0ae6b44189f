'use strict';

/**
 * `node bench/large.js [SESSIONS]`: how large the file of a DiskStore with many sessions is, how long
 * it takes to open, and what a look-up costs, beside a file with a thousand. The operating system
 * has the files in its memory.
 */

const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { DiskStore } = require('..');
const native = require('../session/native/load');
const { temporaryFolder } = require('../test-kit/folder');

/** Look-ups for a figure. */
const LOOKUPS = 20_000;
/** Sessions that are stored before the event loop turns. */
const TOGETHER = 500;

const session = (n) => ({
  cookie: { originalMaxAge: 3600000, expires: new Date(Date.now() + 3600000), httpOnly: true, path: '/' },
  user: { id: n, name: 'Ada Marlow', visits: 1 },
  text: 'a'.repeat(145),
});

/** Returns µs of the processor for each call. */
async function costOf(act) {
  const before = process.cpuUsage();
  for (let n = 0; n < LOOKUPS; n++) await act(n);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / LOOKUPS;
}

async function measure(count) {
  const file = path.join(temporaryFolder('large'), 'sessions.db');
  let store = new DiskStore({ path: file, checkPeriod: false });
  const sids = Array.from({ length: count }, () => native.sessionId());
  for (let at = 0; at < count; at += TOGETHER) {
    await Promise.all(sids.slice(at, at + TOGETHER).map((sid, n) => promisify(store.set.bind(store))(sid, session(at + n))));
  }
  await store.close();
  const before = process.hrtime.bigint();
  store = new DiskStore({ path: file, checkPeriod: false });
  const opened = Number(process.hrtime.bigint() - before) / 1e6;
  const get = promisify(store.get.bind(store));
  // Sids are random, so each look-up is in another page. A server has the sid of a request in the processor's
  // cache, which a million strings do not fit into: so these are copies, beside each other.
  const asked = Array.from({ length: LOOKUPS }, (_, n) => Buffer.from(sids[(n * 7919) % count]).toString('latin1'));
  const act = async (n) => {
    if ((await get(asked[n])).user === undefined) throw new Error('the session was not found');
  };
  await costOf(act);
  const cost = await costOf(act);
  console.log(`${count} sessions of ${JSON.stringify(session(0)).length} bytes: ${(fs.statSync(file).size / count).toFixed(0)} bytes each, ` +
    `opened in ${opened.toFixed(1)} ms, get ${cost.toFixed(1)} µs, heap ${(process.memoryUsage().heapUsed / 2 ** 20).toFixed(0)} MB with the sids`);
  await store.close();
  return cost;
}

async function main() {
  const few = await measure(1000);
  const many = await measure(Number(process.argv[2] ?? 1_000_000));
  console.log(`A look-up among many costs ${(many / few).toFixed(2)} times as much.`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
