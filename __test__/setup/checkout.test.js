'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { temporaryFolder } = require('../../test-kit/folder');

const root = path.join(__dirname, '..', '..');
const isCheckout = fs.existsSync(path.join(root, '.git'));

/** Whoever owns the checkout: in a container that is often another than who runs the tests. */
function git(...args) {
  return execFileSync('git', ['-c', 'safe.directory=*', ...args], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/** Writes every file out as git does with one setting of line ends. */
function checkedOut(folder, autocrlf) {
  const place = path.join(folder, autocrlf);
  git('-c', `core.autocrlf=${autocrlf}`, 'checkout-index', '--all', `--prefix=${place}/`);
  return (file) => fs.readFileSync(path.join(place, file));
}

test('a checkout has the same bytes with the line ends of Git for Windows', { skip: !isCheckout }, (t) => {
  const folder = temporaryFolder('checkout', t);
  const [plain, windows] = ['false', 'true'].map((autocrlf) => checkedOut(folder, autocrlf));
  // Links have no bytes of their own.
  const files = git('ls-files', '--stage', '-z').split('\0').filter((line) => line.startsWith('100')).map((line) => line.split('\t')[1]);
  assert.ok(files.includes('package.json'));
  assert.deepEqual(files.filter((file) => !plain(file).equals(windows(file))), []);
});

test('inputs of the fuzzer are never taken for text', { skip: !isCheckout }, () => {
  const files = git('ls-files', '-z', 'fuzz/inputs').split('\0').filter(Boolean);
  assert.ok(files.length > 0);
  const told = git('check-attr', '-z', 'text', '--', ...files).split('\0').filter(Boolean);
  assert.deepEqual(new Set(told.filter((_, at) => at % 3 === 2)), new Set(['unset']));
});
