'use strict';

/**
 * Runs one property, in a process of its own that an abort may end:
 * `node child.js FILE NAME SEED RUNS`, and prints what came of it as JSON. TRACE=1 writes
 * each case to stderr before it is tried, so that the last one is what ended the process.
 */

const { writeSync } = require('node:fs');
const path = require('node:path');
const { inspect } = require('node:util');
const fc = require('fast-check');

process.env.NO_DEPRECATION = 'express-session';

const [file, name, seed, runs] = process.argv.slice(2);
const isTraced = process.env.TRACE === '1';

function trace(...specs) {
  if (isTraced) writeSync(2, `case ${inspect(specs, { depth: 8, breakLength: Infinity, maxStringLength: 200 })}\n`);
}

(async () => {
  const { [name]: property } = require(path.resolve(__dirname, file));
  const settings = { seed: Number(seed), numRuns: Number(runs), endOnFailure: isTraced };
  const { failed, counterexamplePath, counterexample, errorInstance, numRuns } = await fc.check(property(trace), settings);
  const outcome = {
    numRuns,
    failure: failed ? `${errorInstance?.stack}\npath ${counterexamplePath}, case ${fc.stringify(counterexample)}` : undefined,
  };
  process.stdout.write(JSON.stringify(outcome), () => process.exit());
})();
