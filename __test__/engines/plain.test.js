'use strict';

// Not in check: it takes long.

/**
 * Tests of programs with a memory store, on an addon whose stores have another engine: the
 * plainest one that fulfils the contract of `core/src/engine.rs`. So what a program sees
 * is what the contract says, and nothing that only the memory engine does. What it does
 * alone, to count its bytes and to prune in short slices, is in memory/options.test.js.
 */

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { before, test } = require('node:test');
const { isOurs } = require('../subject');
const native = require('../../session/native/load');
const build = require('./addon');

/** Files below `__test__` that ask an engine for all that it does, with what they need in the environment. */
const FILES = {
  'compat/memory-store.test.js': {},
  'compat/replaced.test.js': {},
  'compat/request.test.js': {},
  'compat/session.test.js': {},
  'compat/store.test.js': {},
  'memory/memorystore.test.js': {},
  'parity/differential.test.js': { DIFF_SCENARIOS: '300' },
};

/** What the addon has beside the package's exports. */
const ADDED = ['__overflow', '__panic', '__panicking', '__parseCookie', '__useAfterFree', 'enginesMade', 'fail', 'useEngine'];

/** Ms that a file may take: one that hangs has failed. */
const LONGEST = 300_000;

let addon;

before(async () => {
  if (isOurs) addon = await build();
});

test('the addon is the package\'s, and lets a test choose the engine', { skip: !isOurs }, () => {
  assert.deepEqual(Object.keys(require(addon)).sort(), [...Object.keys(native), ...ADDED].sort());
});

for (const [file, env] of Object.entries(FILES)) {
  test(`${file} with the plain engine`, { skip: !isOurs }, async () => {
    const { status, stdout, stderr } = await run(file, env);
    const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1]);
    assert.deepEqual({ status, fail: count('fail') }, { status: 0, fail: 0 }, failures(stdout, stderr));
    assert.ok(count('pass') > 0, `${stdout}${stderr}`);
    const [, made] = /^plain engines made: (\d+)$/m.exec(stderr) ?? [];
    assert.ok(Number(made) > 0, `it has not used the engine:\n${stderr}`);
  });
}

function run(file, env) {
  const args = ['--require', path.join(__dirname, 'preload.js'), '--test-reporter', 'tap', path.join(__dirname, '..', file)];
  const outer = { ...process.env };
  // A test runner would have it report in a way of its own.
  delete outer.NODE_TEST_CONTEXT;
  return new Promise((resolve) => {
    execFile(process.execPath, args, {
      // An engine is asked the same on each kind of server.
      env: { SERVER: 'http', ...outer, ...env, ENGINE: 'plain', NAPI_RS_NATIVE_LIBRARY_PATH: addon },
      maxBuffer: 64 * 1024 * 1024,
      timeout: LONGEST,
    }, (error, stdout, stderr) => resolve({ status: error ? error.code ?? error.signal : 0, stdout, stderr }));
  });
}

/** What failed in a run, and why. */
function failures(stdout, stderr) {
  const blocks = stdout.split(/^(?= *# Subtest: )/m).filter((block) => /^ *not ok /m.test(block));
  return `${blocks.join('').slice(0, 20_000)}\n${stderr.slice(-4000)}`;
}
