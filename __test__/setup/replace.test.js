'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const replace = require('../../bin/replace');
const { platformName } = require('../../session/native/platform');
const { temporaryFolder } = require('../../test-kit/folder');

const addon = process.env.NAPI_RS_NATIVE_LIBRARY_PATH ??
  path.join(__dirname, '..', '..', `express-session-rs.${platformName()}.node`);

/** An addon in a folder of its own, and what is to replace it. */
function place(t) {
  const folder = temporaryFolder('replace', t);
  const [source, target] = ['source', 'addon.node'].map((name) => path.join(folder, name));
  fs.copyFileSync(addon, target);
  fs.writeFileSync(source, 'new');
  return { source, target, files: () => fs.readdirSync(folder).sort() };
}

/** A program that has the addon loaded; returns what ends it. */
async function load(file) {
  const child = spawn(process.execPath, ['-e', `
    require(process.argv[1]);
    console.log('loaded');
    process.stdin.resume();`, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.end();
    await once(child, 'exit');
  };
}

test('replaces a file, and makes one that is not there', (t) => {
  const { source, target, files } = place(t);
  replace(source, target);
  assert.equal(fs.readFileSync(target, 'utf8'), 'new');
  fs.rmSync(target);
  replace(source, target);
  assert.equal(fs.readFileSync(target, 'utf8'), 'new');
  assert.deepEqual(files(), ['addon.node', 'source']);
});

test('leaves a file alone that has the same bytes', (t) => {
  const { target, files } = place(t);
  const { ino, mtimeMs } = fs.statSync(target);
  replace(addon, target);
  const after = fs.statSync(target);
  assert.deepEqual([after.ino, after.mtimeMs], [ino, mtimeMs]);
  assert.deepEqual(files(), ['addon.node', 'source']);
});

test('replaces an addon that a program has loaded, and leaves nothing once it has ended', async (t) => {
  const { source, target, files } = place(t);
  const end = await load(target);
  try {
    replace(source, target);
    assert.equal(fs.readFileSync(target, 'utf8'), 'new');
  } finally {
    // Also for the folder's sake, which Windows keeps as long as it is in use.
    await end();
  }
  replace(source, target);
  assert.deepEqual(files(), ['addon.node', 'source']);
});

test('does the same where, as on Windows, what is loaded can only be renamed', (t) => {
  const { source, target, files } = place(t);
  const { renameSync, unlinkSync } = fs;
  const { ino } = fs.statSync(target);
  let isLoaded = true;
  const refuse = (file) => {
    if (!isLoaded || fs.statSync(file, { throwIfNoEntry: false })?.ino !== ino) return;
    throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
  };
  t.mock.method(fs, 'renameSync', (from, to) => { refuse(to); renameSync(from, to); });
  t.mock.method(fs, 'unlinkSync', (file) => { refuse(file); unlinkSync(file); });

  replace(source, target);
  assert.equal(fs.readFileSync(target, 'utf8'), 'new');
  assert.equal(files().length, 3);
  assert.match(files()[1], /^addon\.node\..*\.old$/);

  isLoaded = false;
  replace(source, target);
  assert.deepEqual(files(), ['addon.node', 'source']);
});

test('throws what is no matter of a loaded file, and leaves no part of the new one', (t) => {
  const { source, target, files } = place(t);
  t.mock.method(fs, 'renameSync', () => { throw Object.assign(new Error('no space'), { code: 'ENOSPC' }); });
  assert.throws(() => replace(source, target), { code: 'ENOSPC' });
  assert.deepEqual(files(), ['addon.node', 'source']);
});
