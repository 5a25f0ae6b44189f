'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

const { installed } = require('../alias/layout');
const { alike, environment } = require('./pair');
const plain = require('./plain');
const { temporaryFolder } = require('../../test-kit/folder');
const { Program } = require('../../test-kit/program');

const TESTS = path.join(__dirname, 'runners');
const BIN = path.join(__dirname, 'node_modules');

// Nothing is measured: this only turns a runner that never ends into a failure.
const WATCHDOG = 60 * 1000;

/** How each runner is started in a folder, and told where to put its report. */
const runners = {
  jest: (folder, report) => [
    path.join(BIN, 'jest', 'bin', 'jest.js'),
    '--config', JSON.stringify({
      rootDir: folder,
      testMatch: ['**/*.jest.js'],
      // The files are what Node.js can read, and nothing is to be left behind.
      transform: {},
      cacheDirectory: path.join(folder, 'cache'),
      watchman: false,
    }),
    // One file after the other in one process, each with modules, and so with an addon, of its own.
    '--runInBand', '--json', `--outputFile=${report}`,
  ],
  'vitest in processes': (folder, report) => vitest(folder, report, 'forks'),
  'vitest in threads': (folder, report) => vitest(folder, report, 'threads'),
};

function vitest(folder, report, pool) {
  return [
    path.join(BIN, 'vitest', 'vitest.mjs'),
    'run', '--root', folder, '--pool', pool, '--reporter', 'json', '--outputFile', report,
  ];
}

/**
 * A project with the tests of ./runners, and a session package installed under the
 * name express-session. A runner has a resolution of its own, so no hook will do.
 *
 * @param {string} root the package's folder
 */
function createProject(root) {
  const folder = temporaryFolder('companions');
  const modules = path.join(folder, 'node_modules');
  const { resolve } = createRequire(path.join(TESTS, 'app.js'));

  fs.cpSync(TESTS, folder, { recursive: true });
  fs.mkdirSync(modules);
  installed(root)(path.join(modules, 'express-session'), modules);
  for (const name of ['express', 'supertest', 'vitest']) {
    fs.symlinkSync(path.dirname(resolve(`${name}/package.json`)), path.join(modules, name), 'junction');
  }

  return { folder };
}

/**
 * Runs one runner in two projects, and compares what its tests saw and how they ended.
 *
 * @param {string} name one of `runners`
 * @param {Array<{ folder: string }>} projects with the original, and with this package
 * @returns {Promise<object[]>} what was seen, which was the same in both
 */
async function compare(name, projects) {
  const [expected, actual] = (await Promise.all(projects.map(({ folder }) => run(name, folder))))
    .map((records) => plain(records));

  alike(actual, expected);
  return expected;
}

async function run(name, folder) {
  const place = fs.mkdtempSync(path.join(folder, 'seen-'));
  const report = path.join(place, 'report.json');
  const program = new Program(process.execPath, runners[name](folder, report), {
    cwd: folder,
    env: environment({ TRANSCRIPTS: place }),
    timeout: WATCHDOG,
    killSignal: 'SIGKILL',
  });
  await program.ended;
  assert.ok(fs.existsSync(report), `${name} did not run:\n${program.printed}`);

  const { testResults } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const files = testResults.map(({ name, message, assertionResults }) => ({
    file: path.basename(name),
    // Beside its tests, a file itself may fail.
    message: assertionResults.length === 0 ? message : '',
    tests: assertionResults.map(({ fullName, status, failureMessages }) => [fullName, status, ...failureMessages]),
  }));
  files.sort((a, b) => (a.file < b.file ? -1 : 1));
  const seen = files.flatMap(({ file }) => {
    const transcript = path.join(place, `${file}.json`);
    return fs.existsSync(transcript) ? JSON.parse(fs.readFileSync(transcript, 'utf8')) : [];
  });

  return [...seen, { event: 'tests', value: files }, { event: 'exit', value: program.child.exitCode }];
}

module.exports = { runners: Object.keys(runners), createProject, compare };
