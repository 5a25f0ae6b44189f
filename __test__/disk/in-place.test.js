'use strict';

// Not in check: it takes long.

/**
 * Tests of programs with a MemoryStore, and the differential test, with a DiskStore's engine in the
 * place of the memory engine: in-place.js.
 */

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { isOurs } = require('../subject');
const { run } = require('../../test-kit/program');

/** Files below `__test__` that ask an engine for all that it does, with what they need in the environment. */
const FILES = {
  'compat/aside.test.js': {},
  'compat/large.test.js': {},
  'compat/memory-store.test.js': {},
  'compat/own-end.test.js': {},
  'compat/replaced.test.js': {},
  'compat/request.test.js': {},
  'compat/response.test.js': {},
  'compat/session.test.js': {},
  'compat/store.test.js': {},
  // Of thousands, some tell which of two answers comes first, which is not promised.
  'parity/differential.test.js': { DIFF_SCENARIOS: '400', DIFF_SEED: '' },
};

/** Tests of what is different on purpose, and why. */
const DIFFERENT = {
  'callbacks come in the order of the calls': 'a change is answered when it is committed, and a look at once',
  'a class that keeps its sessions itself, as objects, is left alone': 'that is so if the store has setIfPresent, as a DiskStore has: store.test.js',
};

for (const [file, env] of Object.entries(FILES)) {
  test(`${file} with a disk engine`, { skip: !isOurs && 'the original has no DiskStore' }, async () => {
    const args = ['--require', path.join(__dirname, 'in-place.js'), '--test-reporter', 'tap', path.join(__dirname, '..', file)];
    // A test runner below a test runner would report to that. An engine is asked the same on each kind of server.
    const { stdout, stderr } = await run(process.execPath, args, { env: { ...env, SERVER: 'http', NODE_TEST_CONTEXT: undefined } });
    const told = [...stdout.matchAll(/^(not )?ok \d+ - (.*)$/gm)].map(([, not, name]) => [name.replace(/ \(http\)$/, ''), !not]);
    assert.ok(told.some(([, isPassed]) => isPassed), `${stdout}${stderr}`);
    const failed = told.filter(([name, isPassed]) => !isPassed && !(name in DIFFERENT)).map(([name]) => name);
    assert.deepEqual(failed, [], stdout.slice(-20_000));
    // What is not different any more need not be named.
    assert.deepEqual(told.filter(([name, isPassed]) => isPassed && name in DIFFERENT), []);
    const [, made] = /^disk engines made: (\d+)$/m.exec(stderr) ?? [];
    assert.ok(Number(made) > 0, `it has not used the engine:\n${stderr}`);
  });
}
