'use strict';

// In test:long: DIFF_SCENARIOS=20000 DIFF_SEED=40000000

/**
 * The differential test: random scenarios through npm express-session and
 * through the package under test; every byte, store call and error must agree.
 *
 *   DIFF_SCENARIOS=n   how many (1,000 unless told)
 *   DIFF_SEED=n        the first seed; scenario i has seed n + i, so that
 *                      DIFF_SEED=n DIFF_SCENARIOS=1 replays one
 *   DIFF_HABIT=name    only the scenarios that have this habit (habits.js)
 *   DIFF_SUBJECT=name  the module to test instead of this package: a name
 *                      (`express-session` compares the original with itself)
 *                      or a path
 *   DIFF_HASH_IDS=1    with the option `hashIds` on our side
 *   DIFF_STATS=1       counts of what happened
 *   DIFF_TRACE=1       the original's trace of each scenario (for a replay)
 */

// hundreds of scenarios use deprecated options, on purpose
process.env.NO_DEPRECATION = '*';

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { firstDifference } = require('./differential/compare');
const { compareTraces } = require('./differential/crash');
const { outcomesOf, KINDS, UNWANTED } = require('./differential/outcomes');
const listen = require('./differential/listener');
const { report } = require('./differential/report');
const { runScenario } = require('./differential/run');
const { drawScenario } = require('./differential/scenario');

const FULL_RUN = 1000;
const SCENARIOS = numberFrom('DIFF_SCENARIOS', FULL_RUN);
const SEED = numberFrom('DIFF_SEED', 20_255_000);
const HABIT = process.env.DIFF_HABIT;
// enough to see a pattern; shrinking costs hundreds of runs each
const REPORTED = 3;

const original = require('express-session');
const subject = loadSubject();
// the original ends where it ends
const differenceOf = subject === original ? firstDifference : compareTraces;

const listener = listen();

test(`${SCENARIOS} scenarios from seed ${SEED} agree`, async () => {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  const reports = [];

  for (let index = 0; index < SCENARIOS; index++) {
    const scenario = drawScenario(SEED + index);
    if (HABIT && !scenario.habits.includes(HABIT)) continue;
    const { trace, difference } = await compare(scenario);
    for (const kind of outcomesOf(trace, scenario)) counts[kind] += 1;
    if (process.env.DIFF_TRACE) console.log(JSON.stringify({ scenario, trace }, null, 2));
    if (!difference) continue;
    reports.push(await report(scenario, difference, compare));
    if (reports.length === REPORTED) break;
  }

  console.log(`differential: base seed ${SEED}, ${SCENARIOS} scenarios`);
  if (process.env.DIFF_STATS) console.log(counts);
  assert.equal(reports.length, 0, `\n${reports.join('\n')}`);
  assert.ok(counts.hang < Math.max(1, SCENARIOS / 100), `${counts.hang} scenarios hang on both sides`);
  if (SCENARIOS < FULL_RUN || HABIT) return;
  const starved = KINDS.filter((kind) => counts[kind] < 5 && !UNWANTED.includes(kind));
  assert.deepEqual(starved, [], 'the generator hardly reaches these');
});

async function compare(scenario, isAgain = false) {
  const trace = await runScenario(original, scenario, listener);
  const ours = await runScenario(subject, scenario, listener);
  const difference = differenceOf(trace, ours);
  // on a busy machine the watchdog takes a slow response for one that hangs: a real one hangs again
  if (!isAgain && [difference?.original, difference?.ours].includes('hang')) return compare(scenario, true);
  return { trace, difference };
}

function numberFrom(name, otherwise) {
  const text = process.env[name];
  if (text === undefined || text === '') return otherwise;
  assert.match(text, /^\d+$/, `${name} must be a whole number`);
  return Number(text);
}

function loadSubject() {
  const name = process.env.DIFF_SUBJECT;
  if (!name) return require('../subject').session;
  return /^[./]/.test(name) ? require(path.resolve(name)) : require(name);
}
