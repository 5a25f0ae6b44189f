'use strict';

// Not in check: it takes long.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { MARK } = require('./flaw');
const { run } = require('../../test-kit/program');

/** What hangs with the original is given up sooner than usual, in ms. */
const GIVEN_UP_MS = '500';

const files = fs.readdirSync(__dirname)
  .filter((name) => name.endsWith('.test.js') && name !== path.basename(__filename))
  .map((name) => path.join(__dirname, name))
  .filter((file) => fs.readFileSync(file, 'utf8').includes('flaw('));

// Mostly they wait for what hangs.
describe('express-session 1.19.0 fails what is said to be a flaw of it', { concurrency: 4 }, () => {
  for (const file of files) {
    it(path.basename(file), async () => {
      const verdicts = [...await verdictsOf(file)];
      const flaws = verdicts.filter(([name]) => name.includes(MARK));
      assert.ok(flaws.length > 0, 'no such test was run');
      assert.deepEqual(flaws.filter(([, isPassed]) => isPassed).map(([name]) => name), []);
    });
  }
});

/** Runs a file on the original: the names of its tests, and whether each passed. */
async function verdictsOf(file) {
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', file], {
    // A test runner below a test runner would report to that.
    env: { SUBJECT: 'express-session', WATCHDOG_MS: GIVEN_UP_MS, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Map([...stdout.matchAll(/^ *(not )?ok \d+ - (.*)$/gm)]
    .map(([, not, name]) => [name.replaceAll('\\', ''), not === undefined]));
}
