'use strict';

// In test:long: MERGE_SCENARIOS=100000

/**
 * Random requests of one session, in random order, with the option `merge`: merge/scenario.js says
 * what must be true of each. A scenario that fails is made smaller.
 *
 *   MERGE_SCENARIOS=n   how many
 *   MERGE_SEED=n        the first seed, which is random otherwise; scenario i has seed n + i, so that
 *                       MERGE_SEED=n MERGE_SCENARIOS=1 replays one
 */

const assert = require('node:assert/strict');
const { randomInt } = require('node:crypto');
const { test } = require('node:test');
// It replaces timers of the package, and so it comes first.
const { drawScenario, runScenario, shrinkScenario } = require('./merge/scenario');

const FULL_RUN = 2000;
const SCENARIOS = Number(process.env.MERGE_SCENARIOS || FULL_RUN);
const SEED = Number(process.env.MERGE_SEED || randomInt(2 ** 31));

test(`${SCENARIOS} scenarios of parallel requests from seed ${SEED}`, async () => {
  const seen = { merged: 0, errors: 0, destroyed: 0, memory: 0, wrapped: 0, callbacks: 0, promises: 0 };
  for (let seed = SEED; seed < SEED + SCENARIOS; seed++) {
    const scenario = drawScenario(seed);
    const { problem, merged, errors, isDestroyed, kind } = await runScenario(scenario);
    if (problem) assert.fail(await report(scenario, problem));
    seen.merged += Number(merged > 0);
    seen.errors += Number(errors > 0);
    seen.destroyed += Number(isDestroyed);
    seen[kind] += 1;
  }
  if (SCENARIOS < FULL_RUN) return;
  assert.deepEqual(Object.keys(seen).filter((name) => seen[name] < 50), [], 'the generator hardly reaches these');
});

async function report(scenario, problem) {
  const smallest = await shrinkScenario(scenario);
  return [
    `seed ${scenario.seed}: ${problem}`,
    `replay: MERGE_SEED=${scenario.seed} MERGE_SCENARIOS=1`,
    `made smaller: ${(await runScenario(smallest)).problem}`,
    JSON.stringify(smallest),
  ].join('\n');
}
