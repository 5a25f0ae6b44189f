'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

const { Visit } = require('../alias/visit');
const { original, subject } = require('./packages');
const plain = require('./plain');

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
  const child = spawn(process.execPath, ['--require', CLOCK, ...args, path.join(PROGRAMS, `${program}.js`)], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    timeout: WATCHDOG,
    killSignal: 'SIGKILL',
  });
  const output = { event: 'output', stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8');
    child[stream].on('data', (text) => { output[stream] += text; });
  }

  const ended = once(child, 'close');
  // Whoever waits for a program that is gone would wait for ever.
  const meanwhile = (promise) => Promise.race([
    promise,
    ended.then(() => { throw new Error(`${program} ended too early`); }),
  ]);
  const message = () => meanwhile(once(child, 'message').then(([value]) => value));

  try {
    const { file, port, records = [] } = await message();
    const visit = new Visit(port);
    visit.records.push(...records);
    if (steps) await meanwhile(steps(stageOf(visit, child, message)));
    visit.close();
    await stop(child, ended);

    const { exitCode, signalCode } = child;
    return { file, records: [...visit.records, output, { event: 'exit', exitCode, signalCode }] };
  } catch (error) {
    await stop(child, ended);
    error.message += `\n${program} printed:\n${output.stdout}${output.stderr}`;
    throw error;
  }
}

async function stop(child, ended) {
  // It may end by itself at this moment.
  if (child.connected) child.send('stop', () => {});
  await ended;
}

/** What the steps of a walk have at hand. */
function stageOf(visit, child, message) {
  return {
    port: visit.port,
    browser: () => visit.browser(),

    /** Puts on record what is no answer over HTTP. */
    tell: (event, value) => visit.records.push({ event, value }),

    /** Puts an answer on record that was fetched otherwise. */
    record: (answer) => visit.records.push(answer),

    /** Lets time pass for the program. */
    async later(ms) {
      const moved = message();
      child.send(ms);
      await moved;
    },
  };
}

/** The environment, without what would change what a program prints. */
function environment(env) {
  const clean = { ...process.env, NODE_ENV: 'test', NODE_NO_WARNINGS: '1', ...env };
  for (const name of ['DEBUG', 'NODE_OPTIONS', 'NODE_TEST_CONTEXT']) delete clean[name];
  return clean;
}

module.exports = { pair, alike, environment };
