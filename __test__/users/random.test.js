'use strict';

// In test:long: USERS_SCENARIOS=10000 USERS_SEED=50000000

/**
 * Random interleavings of all that begins, lists and ends sessions of users; what is seen must be what
 * random/model.js says. A scenario that fails is made smaller.
 *
 *   USERS_SCENARIOS=n   how many on each store of ours
 *   USERS_SEED=n        the first seed; scenario i has seed n + i, so that USERS_SEED=n
 *                       USERS_SCENARIOS=1 replays one
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { isOurs } = require('../subject');
const { drawScenario } = require('./random/generate');
const { runScenario } = require('./random/run');
const shrink = require('./random/shrink');
const { disk, memory } = require('./random/stores');

const SCENARIOS = Number(process.env.USERS_SCENARIOS || 300);
const SEED = Number(process.env.USERS_SEED || 20_000_000);
/** Enough to see a pattern. */
const REPORTED = 3;

for (const [name, make] of Object.entries({ MemoryStore: memory, DiskStore: disk })) {
  test(`${name}: ${SCENARIOS} scenarios from seed ${SEED} are as the model says`, { skip: !isOurs && 'the original knows no users' }, async (t) => {
    const kind = make();
    t.after(() => kind.close());
    const reports = [];
    for (let seed = SEED; seed < SEED + SCENARIOS && reports.length < REPORTED; seed++) {
      const scenario = drawScenario(seed);
      const difference = await runScenario(scenario, kind);
      if (difference) reports.push(await report(scenario, difference, kind));
    }
    assert.equal(reports.length, 0, `\n${reports.join('\n')}`);
  });
}

async function report(scenario, difference, kind) {
  const smallest = await shrink(scenario, async (smaller) => Boolean(await runScenario(smaller, kind)));
  return [
    `seed ${scenario.seed} differs: ${difference}`,
    `replay: USERS_SEED=${scenario.seed} USERS_SCENARIOS=1`,
    `made smaller, it differs: ${await runScenario(smallest, kind)}`,
    `smaller scenario: ${JSON.stringify({ ...smallest, events: undefined })}`, ...smallest.events.map((event, at) => `  ${at} ${JSON.stringify(event)}`),
  ].join('\n');
}
