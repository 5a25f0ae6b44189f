'use strict';

// Not in check: it takes long.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { MARK } = require('./flaw');

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
function verdictsOf(file) {
  const env = { ...process.env, SUBJECT: 'express-session', WATCHDOG_MS: GIVEN_UP_MS };
  // A test runner below a test runner would report to that.
  delete env.NODE_TEST_CONTEXT;
  const runner = spawn(process.execPath, ['--test', '--test-reporter=tap', file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  runner.stdout.setEncoding('utf8').on('data', (text) => { output += text; });
  return new Promise((resolve, reject) => {
    runner.on('error', reject);
    runner.on('close', () => {
      resolve(new Map([...output.matchAll(/^ *(not )?ok \d+ - (.*)$/gm)]
        .map(([, not, name]) => [name.replaceAll('\\', ''), not === undefined])));
    });
  });
}
