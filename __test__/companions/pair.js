'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');

const { Visit } = require('../alias/visit');
const { original, subject } = require('./packages');
const plain = require('./plain');
const { Program } = require('../../test-kit/program');

const CLOCK = path.join(__dirname, '..', 'alias', 'clock.js');
const HOOK = path.join(__dirname, '..', 'alias', 'hook.js');
const PROGRAMS = path.join(__dirname, 'programs');

// Nothing is measured: this only turns a program that never ends into a failure.
const WATCHDOG = 60 * 1000;

/**
 * Takes the same walk through one program on both packages.
 *
 * @param {object} walk
 * @param {string} walk.program a file of ./programs. It knows one session package, by
 *   the name express-session, and says by a message where it listens; or, if it is its
 *   own visitor, what it saw.
 * @param {object} [walk.env] what it gets besides
 * @param {(stage: object) => Promise<void>} [walk.steps] what visitors do
 * @param {string} [walk.secret]
 * @param {Array<[string, RegExp]>} [walk.random] see plain.js
 * @returns {Promise<object[]>} what came back, which was the same on both
 */
async function pair({ program, env, steps, ...randomness }) {
  const [theirs, ours] = await Promise.all([
    run({ program, env, steps }),
    run({ program, env: { ...env, EXPRESS_SESSION_ALIAS: subject }, args: ['--require', HOOK], steps }),
  ]);

  // That each ran on the package it is meant to run on.
  assert.equal(theirs.file, path.join(original, 'index.js'));
  assert.equal(ours.file, path.join(subject, 'index.js'));

  const expected = plain(theirs.records, randomness);
  alike(plain(ours.records, randomness), expected);
  return expected;
}

/** One by one, for a message that names the step. */
function alike(actual, expected) {
  expected.forEach((record, i) => {
    assert.deepEqual(actual[i], record, `step ${i + 1}, ${record.request || record.event}, differs from the original's`);
  });
  assert.equal(actual.length, expected.length);
}

async function run({ program, env, args = [], steps }) {
  const child = new Program(process.execPath, ['--require', CLOCK, ...args, path.join(PROGRAMS, `${program}.js`)], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    timeout: WATCHDOG,
    killSignal: 'SIGKILL',
  });

  try {
    const { file, port, records = [] } = await child.message();
    const visit = new Visit(port);
    visit.records.push(...records);
    // Whoever waits for a program that is gone would wait for ever.
    if (steps) await child.until(steps(stageOf(visit, child)));
    visit.close();
    await child.dismiss();

    const { stdout, stderr, child: { exitCode, signalCode } } = child;
    return { file, records: [...visit.records, { event: 'output', stdout, stderr }, { event: 'exit', exitCode, signalCode }] };
  } catch (error) {
    await child.dismiss();
    error.message += `\n${program} printed:\n${child.printed}`;
    throw error;
  }
}

/** What the steps of a walk have at hand. */
function stageOf(visit, program) {
  return {
    port: visit.port,
    browser: () => visit.browser(),

    /** Puts on record what is no answer over HTTP. */
    tell: (event, value) => visit.records.push({ event, value }),

    /** Puts an answer on record that was fetched otherwise. */
    record: (answer) => visit.records.push(answer),

    /** Lets time pass for the program. */
    async later(ms) {
      await program.ask(ms);
    },
  };
}

/** What a program's environment has besides this one's, and not: what would change what it prints. */
function environment(env) {
  return { NODE_ENV: 'test', NODE_NO_WARNINGS: '1', ...env, DEBUG: undefined, NODE_OPTIONS: undefined, NODE_TEST_CONTEXT: undefined };
}

module.exports = { pair, alike, environment };
