'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { engines } = require('../../package.json');

const root = path.join(__dirname, '..', '..');
const [, needed] = /^>= (\d+)$/.exec(engines.node);
/** What programs load: with paths that the original has, too. */
const entries = ['index.js', 'postgres.js', 'redis.js', 'session/cookie', 'session/memory', 'session/session', 'session/store']
  .map((file) => path.join(root, file));

/** Loads files, and prints the code and the message of what each throws. */
const program = `
  const told = {};
  for (const file of process.argv.slice(1)) {
    try {
      require(file);
    } catch (error) {
      told[file] = [error.code, error.message];
    }
  }
  console.log(JSON.stringify(told));`;

/**
 * Asserts that each file, and the command, says which Node.js is needed.
 *
 * @param {string} version of the Node.js that is too old
 * @param {(args: string[]) => { status: number, stdout: string, stderr: string }} run that Node.js
 */
function assertTells(version, run) {
  const message = `express-session-rs needs Node.js ${needed} or newer, and this is ${version}.`;
  const { stdout, stderr } = run(['-e', program, ...entries]);
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), Object.fromEntries(entries.map((file) => [file, ['ERR_EXPRESS_SESSION_RS_NODE', message]])));
  for (const args of [[], ['build']]) {
    const { status, stdout: printed, stderr: told } = run([path.join(root, 'bin', 'express-session-rs.js'), ...args]);
    assert.deepEqual([status, printed, told], [1, '', `${message}\n`]);
  }
}

module.exports = { assertTells, entries, needed, program, root };
