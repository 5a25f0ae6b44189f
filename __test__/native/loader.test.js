'use strict';

/** What a program is told when the addon cannot be had. */

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');

const root = path.join(__dirname, '../..');
const binary = fs.readdirSync(root).find((name) => name.endsWith('.node'));

/** The package in a folder of its own, without its addon unless `arrange` puts one there. */
function loaded(t, arrange) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'loader-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  for (const name of ['index.js', 'package.json', 'session']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  arrange(folder);
  const script = `try { require(${JSON.stringify(folder)}); console.log('{}') } catch (error) {
    console.log(JSON.stringify({ message: error.message, code: error.code, hasCause: error.cause instanceof Error }));
  }`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { folder, ...JSON.parse(stdout) };
}

function assertExplains({ folder, message, code, hasCause }) {
  assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
  assert.ok(hasCause);
  assert.ok(message.includes(`${process.platform}-${process.arch}`), message);
  assert.ok(message.includes(path.join(folder, binary)), message);
  assert.ok(message.includes('npm run build'), message);
}

test('with its addon the package loads', (t) => {
  const told = loaded(t, (folder) => {
    for (const name of ['native.js', binary]) fs.copyFileSync(path.join(root, name), path.join(folder, name));
  });
  assert.equal(told.message, undefined);
});

test('without an addon one error names the platform, the file and the way to build it', (t) => {
  const told = loaded(t, (folder) => fs.copyFileSync(path.join(root, 'native.js'), path.join(folder, 'native.js')));
  assertExplains(told);
  assert.match(told.message, /is missing/);
});

test('so it does where nothing was ever built', (t) => {
  const told = loaded(t, () => {});
  assertExplains(told);
  assert.match(told.message, /is missing/);
});

test('an addon that cannot be loaded is named too, with the reason', (t) => {
  const told = loaded(t, (folder) => {
    fs.copyFileSync(path.join(root, 'native.js'), path.join(folder, 'native.js'));
    fs.writeFileSync(path.join(folder, binary), 'no addon');
  });
  assertExplains(told);
  assert.match(told.message, /cannot be loaded/);
  assert.match(told.message, /The loader said: .*(ELF|file too short|invalid|slice|not a valid)/i);
});
