'use strict';

// Not in check: it takes long.
// In test:long: SOAK_SECONDS=120

/**
 * The soak benchmark, short: what a MemoryStore holds under mixed load, against a model
 * of what must be there (bench/crowd.js), for SOAK_SECONDS. Nothing here is timed.
 */

const test = require('node:test');
const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');
const resident = require('../../bench/resident');
const { soak } = require('../../bench/soak');
const { session, isOurs } = require('../subject');

const LOAD = { sessions: 20000, seconds: Number(process.env.SOAK_SECONDS || 6), life: 2000 };
const CHECK_PERIOD = 100;

/** ms after which what has not been freed never will be. */
const PATIENCE = 60000;

test('a store under mixed load has what it must, and frees the rest by itself', { skip: !isOurs }, async () => {
  const store = new session.MemoryStore({ checkPeriod: CHECK_PERIOD });
  const { crowd, samples } = await soak(store, LOAD, checkCounts);
  assert.equal(samples.length, LOAD.seconds);
  // The load was one: of everything there was some.
  assert.ok(crowd.counts.stored > LOAD.sessions);
  for (const [kind, count] of Object.entries(crowd.counts)) assert.ok(kind === 'faults' || count > 0, kind);

  for (let place = 0; place < crowd.ends.length; place++) if (crowd.ends[place] > 0) crowd.ask(place);
  await crowd.settle();
  await checkCounts(crowd);
  await checkAll(crowd);

  await emptied(store);
  const { counts } = crowd;
  assert.equal(store.stats().expired, counts.stored - counts.destroyed);
  assert.equal(store.stats().bytes, 0);
  assert.equal(await promisify(store.length).call(store), 0);
  assert.deepEqual(await promisify(store.all).call(store), Object.create(null));
});

/** What the store has counted, when no call is under way. */
async function checkCounts(crowd) {
  const { store, counts, faults } = crowd;
  assert.deepEqual(faults, []);
  assert.equal(crowd.pending, 0, 'each call is answered once');
  const { sessions, hits, misses, expired, evicted } = store.stats();
  assert.deepEqual({ hits, misses, evicted }, { hits: counts.found, misses: counts.missed, evicted: 0 });
  assert.equal(sessions, counts.stored - counts.destroyed - expired);
  // Sessions end while this is asked.
  const most = crowd.aliveAfter(Date.now());
  const length = await promisify(store.length).call(store);
  const least = crowd.aliveAfter(Date.now());
  assert.ok(least <= length && length <= most, `length ${length} is not from ${least} to ${most}`);
}

/** Every session, found in one call. */
async function checkAll({ store, sids, ends, visits }) {
  const before = Date.now();
  const found = await promisify(store.all).call(store);
  const after = Date.now();
  let known = 0;
  for (let place = 0; place < ends.length; place++) {
    const one = found[sids.at(place)];
    const { [place]: end } = ends;
    if (one) {
      known++;
      assert.ok(end > before, 'it has ended');
      assert.ok(resident.is(one, place, visits[place]), 'it is another');
    } else {
      assert.ok(end <= after, 'it is missing');
    }
  }
  assert.equal(Object.keys(found).length, known, 'nobody stored the others');
}

/** Waits until everything has ended and was freed, and asks for no session. */
async function emptied(store) {
  for (let left = PATIENCE; store.stats().sessions > 0; left -= CHECK_PERIOD) {
    assert.ok(left > 0, `${store.stats().sessions} sessions are not freed`);
    await sleep(CHECK_PERIOD);
  }
}
