'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { before, test } = require('node:test');
const { pathToFileURL } = require('node:url');
const { assertTells, entries, needed, program, root } = require('./old-node');
const { temporaryFolder } = require('../../test-kit/folder');

let folder;
before(() => { folder = temporaryFolder('old-node'); });

for (const version of ['v0.10.48', 'v9.11.2', 'v17.9.1']) {
  test(`a Node.js that says it is ${version}: one error says which is needed`, () => {
    const preload = path.join(folder, `${version}.js`);
    fs.writeFileSync(preload, `Object.defineProperty(process, 'version', { value: '${version}' });`);
    assertTells(version, (args) => spawnSync(process.execPath, ['--require', preload, ...args], { encoding: 'utf8' }));
  });
}

test('the oldest that will do, and those of a far day, do', () => {
  for (const version of [`v${needed}.0.0`, 'v100.0.0']) {
    const preload = path.join(folder, `${version}.js`);
    fs.writeFileSync(preload, `Object.defineProperty(process, 'version', { value: '${version}' });`);
    const { stdout, stderr } = spawnSync(process.execPath, ['--require', preload, '-e', program, ...entries], { encoding: 'utf8' });
    assert.deepEqual([stdout, stderr], ['{}\n', '']);
  }
});

test('what names can be imported from the package is not hidden by the look at the version', () => {
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', `
    import session, { Cookie, MemoryStore, Session, Store } from ${JSON.stringify(pathToFileURL(path.join(root, 'index.js')))};
    if (![Cookie, MemoryStore, Session, Store].every((each) => Object.values(session).includes(each))) throw new Error('another');`], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
