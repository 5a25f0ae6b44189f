'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { isMusl, platformName } = require('../../session/native/platform');
const { temporaryFolder } = require('../../test-kit/folder');

const root = path.join(__dirname, '..', '..');
const isLinux = process.platform === 'linux';

/** As if this Node.js were another file. */
function running(t, file) {
  const before = process.execPath;
  process.execPath = file;
  t.after(() => { process.execPath = before; });
}

function program(t, bytes) {
  const folder = temporaryFolder('platform', t);
  const file = path.join(folder, 'node');
  fs.writeFileSync(file, bytes);
  return file;
}

const loaders = {
  '/lib/ld-musl-x86_64.so.1': true,
  '/lib/ld-musl-aarch64.so.1': true,
  '/lib64/ld-linux-x86-64.so.2': false,
  '/lib/ld-linux-aarch64.so.1': false,
  '/nix/store/of-musl-named-things/glibc/lib/ld-linux-x86-64.so.2': false,
};

for (const [loader, expected] of Object.entries(loaders)) {
  test(`a program with the loader ${loader} is ${expected ? 'of' : 'not of'} musl`, (t) => {
    running(t, program(t, `\x7fELF${'\0'.repeat(0x300)}${loader}\0${'\0'.repeat(5000)}`));
    assert.equal(isMusl(), expected);
  });
}

for (const [name, file] of Object.entries({
  'names no loader': (t) => program(t, '\x7fELF'),
  'is empty': (t) => program(t, ''),
  'cannot be read': () => path.join(os.tmpdir(), 'no', 'such', 'file'),
})) {
  test(`a program that ${name}: Node.js is asked for the C library`, (t) => {
    running(t, file(t));
    const { getReport } = process.report;
    t.after(() => { process.report.getReport = getReport; });
    for (const [version, expected] of [['2.36', false], [undefined, true]]) {
      process.report.getReport = () => ({ header: { glibcVersionRuntime: version } });
      assert.equal(isMusl(), expected);
    }
    process.report.getReport = () => { throw new Error('not allowed'); };
    assert.equal(isMusl(), false);
  });
}

test('the C library of this Node.js', { skip: !isLinux }, () => {
  assert.equal(isMusl(), process.report.getReport().header.glibcVersionRuntime === undefined);
});

test('the name of this platform is one that the package has, or napi names so', () => {
  const names = fs.readdirSync(path.join(root, 'npm'));
  assert.ok(names.length >= 8);
  assert.ok(names.includes(platformName()) || fs.existsSync(path.join(root, `express-session-rs.${platformName()}.node`)));
});
