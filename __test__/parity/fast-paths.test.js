'use strict';

/**
 * What each fast path skips it skips unseen: random scenarios agree with npm
 * express-session with each one forced off. (With all of them on:
 * differential.test.js.) DIFF_SCENARIOS says how many scenarios each gets.
 */

process.env.NO_DEPRECATION = '*';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { compareTraces } = require('./differential/crash');
const listen = require('./differential/listener');
const { runScenario } = require('./differential/run');
const { drawScenario } = require('./differential/scenario');
const { session } = require('../subject');
const original = require('express-session');
const fast = require('../../session/fast');

const SCENARIOS = Number(process.env.DIFF_SCENARIOS || 250);
const SEED = Number(process.env.DIFF_SEED || 30_000_000);

const listener = listen();

for (const [index, name] of Object.keys(fast).entries()) {
  test(`${SCENARIOS} scenarios agree without the fast path "${name}"`, async () => {
    assert.equal(fast[name], true);
    fast[name] = false;
    try {
      for (let i = 0; i < SCENARIOS; i++) {
        const scenario = drawScenario(SEED + index * SCENARIOS + i);
        const theirs = await runScenario(original, scenario, listener);
        const ours = await runScenario(session, scenario, listener);
        const difference = compareTraces(theirs, ours);
        assert.equal(difference, undefined, `seed ${scenario.seed}: ${JSON.stringify(difference)}`);
      }
    } finally {
      fast[name] = true;
    }
  });
}
