'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { drawScenario } = require('./generate');
const { runScenario } = require('./run');
const shrink = require('./shrink');

const SEED = Number(process.env.USERS_SEED || 20_000_000);
/** Enough to see a pattern. */
const REPORTED = Number(process.env.USERS_REPORTED || 3);

/**
 * Defines the test that random scenarios are as the model says on a store.
 *
 * @param {string} name
 * @param {number} usual how many scenarios, unless USERS_SCENARIOS says otherwise
 * @param {(t: object) => Promise<object | undefined>} open returns a kind of stores.js; undefined where
 *   there is no server
 * @param {object} [options] of the test
 */
function checkScenarios(name, usual, open, options) {
  const count = Number(process.env.USERS_SCENARIOS || usual);
  test(`${name}: ${count} scenarios from seed ${SEED} are as the model says`, options, async (t) => {
    const kind = await open(t);
    if (kind === undefined) return;
    t.after(() => kind.close?.());
    const reports = [];
    for (let seed = SEED; seed < SEED + count && reports.length < REPORTED; seed++) {
      const scenario = drawScenario(seed, kind);
      const difference = await runScenario(scenario, kind);
      if (difference) reports.push(await report(scenario, difference, kind));
    }
    assert.equal(reports.length, 0, `\n${reports.join('\n')}`);
  });
}

module.exports = checkScenarios;

async function report(scenario, difference, kind) {
  const smallest = await shrink(scenario, async (smaller) => Boolean(await runScenario(smaller, kind)));
  return [
    `seed ${scenario.seed} differs: ${difference}`,
    `replay: USERS_SEED=${scenario.seed} USERS_SCENARIOS=1`,
    `made smaller, it differs: ${await runScenario(smallest, kind)}`,
    `smaller scenario: ${JSON.stringify({ ...smallest, events: undefined })}`, ...smallest.events.map((event, at) => `  ${at} ${JSON.stringify(event)}`),
  ].join('\n');
}
