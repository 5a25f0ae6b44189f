'use strict';

// Not in check: it takes long.
// In test:long: DIFF_SCENARIOS=20000 DIFF_SEED=50000000

/**
 * A request that begins at a MemoryStore is answered at once, and its session sleeps until
 * looked at, unless the program has replaced a method that this passes over: then the
 * store is asked by its public methods, as any other store is. Which of the two it is
 * nobody must see.
 *
 *   DIFF_SCENARIOS=n   how many scenarios each test has
 *   DIFF_SEED=n        the first seed: see differential.test.js. One scenario again:
 *                      DIFF_SEED=n DIFF_SCENARIOS=1 node --test --test-name-pattern=scenarios
 */

// hundreds of scenarios use deprecated options, on purpose
process.env.NO_DEPRECATION = '*';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { compareTraces } = require('./differential/crash');
const listen = require('./differential/listener');
const { REPLACEABLE, called } = require('./differential/replaceable');
const { addReplacements } = require('./differential/replacements');
const { report } = require('./differential/report');
const { runScenario } = require('./differential/run');
const { drawScenario } = require('./differential/scenario');
const { session, isOurs } = require('../subject');
const original = require('express-session');
const { temporaryFolder } = require('../../test-kit/folder');
const { run } = require('../../test-kit/program');

const SEED = Number(process.env.DIFF_SEED || 30_000_000);
const isFullRun = !process.env.DIFF_SCENARIOS;

const listener = listen();

async function compare(scenario) {
  const trace = await runScenario(original, scenario, listener);
  const ours = await runScenario(session, scenario, listener);
  return { trace, difference: compareTraces(trace, ours) };
}

/** Runs so many scenarios with a MemoryStore, each as `change` has made it. */
async function agree(count, change) {
  called.clear();
  for (let seed = SEED, left = count; left > 0; seed++) {
    const scenario = drawScenario(seed);
    if (scenario.store.kind === 'custom') continue;
    left -= 1;
    change(scenario);
    const { difference } = await compare(scenario);
    if (difference) assert.fail(`\n${await report(scenario, difference, compare)}`);
  }
}

/** `get` says nothing of what it does, but that it is not the store's own. */
const FORCED = ['MemoryStore.prototype.get', 'the store\'s get'];

function forceRemote(scenario) {
  const name = FORCED[scenario.store.kind === 'default' ? 0 : scenario.seed % 2];
  scenario.replaced.push({ do: 'replace', name, mark: 'none', in: 'ours' });
}

const FORCED_SCENARIOS = Number(process.env.DIFF_SCENARIOS || 300);

test(`${FORCED_SCENARIOS} scenarios agree when every MemoryStore is asked as any store`, { skip: !isOurs }, async () => {
  await agree(FORCED_SCENARIOS, forceRemote);
  for (const name of FORCED) assert.ok(!isFullRun || called.get(name) > FORCED_SCENARIOS / 10, `${name}: called ${called.get(name)} times`);
});

const SCENARIOS = Number(process.env.DIFF_SCENARIOS || 600);

test(`${SCENARIOS} scenarios agree whatever the program replaces, and when`, { skip: !isOurs }, async () => {
  await agree(SCENARIOS, addReplacements);
  const uncalled = Object.keys(REPLACEABLE).filter((name) => !REPLACEABLE[name].isRare && !called.has(name));
  if (isFullRun) assert.deepEqual(uncalled, []);
});

const COMPAT = path.join(__dirname, '../compat');
/** Fewer than there are, so that not every new test is to be counted here. */
const LEAST_TESTS = 350;
const LEAST_CALLS = 1300;

/** Files in which no MemoryStore is asked, or only in processes of their own. */
const UNASKED = ['binary', 'connection', 'deprecations', 'surface', 'target'].map((name) => `${name}.test.js`);

/** Tests of what is different on purpose with a store that answers later, and why. */
const DIFFERENT = {
  'form fields called save and reload are no data': 'such a key of a session shows until the response ends: README, "What differs"',
};

test('the compat tests pass when every MemoryStore is asked as any store', { skip: !isOurs }, async (t) => {
  const folder = temporaryFolder('remote', t);
  const calls = path.join(folder, 'calls');
  const { ran, failed } = await verdicts({
    REMOTE_CALLS: calls,
    NODE_OPTIONS: `--require ${JSON.stringify(path.join(__dirname, 'remote-preload.js'))}`,
    // What is asked as any store is on each kind of server, in compat itself.
    SERVER: isFullRun ? 'http' : '',
    // as __test__/compat/app.js has it, which comes after the package here
    NO_DEPRECATION: 'express-session',
  });
  assert.deepEqual([...failed], Object.keys(DIFFERENT));
  assert.ok(ran >= LEAST_TESTS, `${ran} tests`);
  const called = fs.readFileSync(calls, 'utf8').split('\n').reduce((sum, line) => sum + Number(line), 0);
  assert.ok(called >= LEAST_CALLS, `${called} calls`);
});

/** Runs the compat tests: how many ran, and the names of those that failed. */
async function verdicts(variables) {
  const files = fs.readdirSync(COMPAT)
    .filter((name) => name.endsWith('.test.js') && !UNASKED.includes(name)).map((name) => path.join(COMPAT, name));
  const { stdout } = await run(process.execPath, ['--test', '--test-concurrency=2', '--test-reporter=tap', ...files], {
    // A test runner below a test runner would report to that.
    env: { ...variables, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Old versions of Node.js count each file as a test.
  const told = [...stdout.matchAll(/^ *(not )?ok \d+ - (.*)$/gm)].filter(([, , name]) => !/\.test\.js$|# SKIP/.test(name));
  // A test for each kind of server has that behind its name.
  const failed = told.filter(([, not]) => not).map(([, , name]) => name.replace(/ \([^)]*\)$/, ''));
  return { ran: told.length, failed: new Set(failed) };
}
