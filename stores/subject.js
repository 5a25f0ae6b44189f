'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { discard, temporaryFolder } = require('../test-kit/folder');
const { isDouble } = require('./backends');
const subjects = require('./subjects');

const child = path.join(__dirname, 'child.js');
/** No row takes a minute; one that takes two hangs. */
const PATIENCE_MS = 120000;
/** For a row that has a server of its own, to stop that. */
const GRACE_MS = 10000;

/** Those that run now, so that none outlives the suite. */
const running = new Set();

/**
 * Runs a row with one of the two packages, in a process of its own.
 *
 * @param {import('./table').Row} row
 * @param {'original' | 'package'} subject
 * @param {object} settings what the backend told
 * @returns {Promise<{ checks?: object[], trace?: object[], error?: string }>}
 * @throws {Error} if a store given by its path, or one on a double, does not run
 */
async function runSubject(row, subject, settings) {
  const folder = temporaryFolder('store');
  try {
    const at = JSON.stringify({ ...settings, folder });
    const program = spawn(process.execPath, [child, row.path ?? row.name, at], {
      // Some stores write into the folder they find themselves in.
      cwd: folder,
      env: {
        ...process.env,
        EXPRESS_SESSION_ALIAS: subjects[subject],
        NODE_ENV: 'test',
        NO_DEPRECATION: 'express-session',
        NODE_NO_WARNINGS: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const report = await reportOf(program);
    // To its author, a store that does not run is no store as with the original; where a
    // double of its client was made for it, the double fails.
    if ((row.path || isDouble(row.backend)) && report.error) throw new Error(reason(report.error, subject));
    return report;
  } finally {
    discard(folder);
  }
}

function reportOf(program) {
  let output = '';
  let errors = '';
  program.stdout.setEncoding('utf8').on('data', (chunk) => { output += chunk; });
  program.stderr.setEncoding('utf8').on('data', (chunk) => { errors += chunk; });
  running.add(program);
  const timer = setTimeout(() => { end(program); }, PATIENCE_MS);
  return new Promise((resolve) => {
    program.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(program);
      resolve(parsed(output) ?? { error: `ended with ${signal ?? code}: ${errors.slice(-2000)}` });
    });
  });
}

/** The line that says what is wrong comes first: that of a SyntaxError is the fifth. */
function reason(stack, subject) {
  const lines = stack.split('\n');
  const at = Math.max(0, lines.findIndex((line) => /^(ended with )?.*\w*Error\b.*: /.test(line)));
  return [`${subject === 'package' ? 'only with this package: ' : ''}${lines[at]}`, ...lines.slice(0, at), ...lines.slice(at + 1)].join('\n');
}

function parsed(output) {
  try {
    return JSON.parse(output.trimEnd().split('\n').at(-1));
  } catch {
    return undefined;
  }
}

function end(program) {
  program.kill();
  setTimeout(() => { program.kill('SIGKILL'); }, GRACE_MS).unref();
}

/** Ends what runs now. */
async function endSubjects() {
  const ended = [...running].map((program) => once(program, 'close'));
  running.forEach(end);
  await Promise.all(ended);
}

module.exports = { runSubject, endSubjects };
