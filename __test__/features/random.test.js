'use strict';

// In test:long: FEATURE_SCENARIOS=40000 FEATURE_SEED=50000000

/**
 * Random scenarios with the options and methods that this package adds, on each kind of server and
 * store; what is seen must be what random/model.js says. A scenario that fails is made smaller.
 *
 *   FEATURE_SCENARIOS=n   how many
 *   FEATURE_SEED=n        the first seed; scenario i has seed n + i, so that FEATURE_SEED=n
 *                         FEATURE_SCENARIOS=1 replays one
 *   FEATURE_STATS=1       counts of what happened
 */

// It replaces timers of the package, and so it comes first.
require('./random/timers');
const assert = require('node:assert/strict');
const http = require('node:http');
const { after, test } = require('node:test');
const listen = require('../parity/differential/listener');
const { drawScenario } = require('./random/generate');
const compare = require('./random/compare');
const { predict } = require('./random/model');
const { KINDS, outcomesOf } = require('./random/outcomes');
const { runScenario } = require('./random/run');
const shrink = require('./random/shrink');

const FULL_RUN = 2000;
const SCENARIOS = Number(process.env.FEATURE_SCENARIOS || FULL_RUN);
const SEED = Number(process.env.FEATURE_SEED || 16_000_000);
/** Enough to see a pattern. */
const REPORTED = 3;

const listener = listen();
const agent = new http.Agent({ keepAlive: true });
after(() => agent.destroy());

const differenceOf = async (scenario) => compare(predict(scenario), await runScenario(scenario, listener, agent));

test(`${SCENARIOS} scenarios from seed ${SEED} are as the model says`, async () => {
  const reports = [];
  const counts = Object.fromEntries(Object.keys(KINDS).map((name) => [name, 0]));
  for (let seed = SEED; seed < SEED + SCENARIOS && reports.length < REPORTED; seed++) {
    const scenario = drawScenario(seed);
    for (const name of outcomesOf(scenario, predict(scenario))) counts[name] += 1;
    const difference = await differenceOf(scenario);
    if (difference) reports.push(await report(scenario, difference));
  }
  if (process.env.FEATURE_STATS) console.log(counts);
  assert.equal(reports.length, 0, `\n${reports.join('\n')}`);
  if (SCENARIOS < FULL_RUN) return;
  assert.deepEqual(Object.keys(counts).filter((name) => counts[name] < 5), [], 'the generator hardly reaches these');
});

async function report(scenario, difference) {
  const smallest = await shrink(scenario, async (smaller) => Boolean(await differenceOf(smaller)));
  const still = await differenceOf(smallest) ?? difference;
  const sides = ({ path, original, ours }) => [`  at ${path}`, `  model: ${JSON.stringify(original)}`, `  ours:  ${JSON.stringify(ours)}`];
  return [
    `seed ${scenario.seed} differs`, ...sides(difference),
    `replay: FEATURE_SEED=${scenario.seed} FEATURE_SCENARIOS=1`,
    'made smaller, it differs', ...sides(still),
    `smaller scenario: ${JSON.stringify(smallest)}`,
  ].join('\n');
}
