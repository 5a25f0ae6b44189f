'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const installCompanions = require('../companions/install');
const { installed } = require('../alias/layout');
const { root } = require('./blocks');
const run = require('./run');
const scenes = require('./scenes');

const companions = path.join(root, '__test__', 'companions', 'node_modules');
const preload = path.join(__dirname, 'preload.js');

/**
 * Runs a block in an empty folder, and checks what it prints; first without its remedy, if the
 * scene has one.
 */
async function javascript({ text, mark }, folder) {
  if (Object.hasOwn(runners, mark)) return runners[mark](text, folder);
  assert.ok(Object.hasOwn(scenes, mark), `there is no scene "${mark}"`);
  const { printed, lines, remedy, symptom, warned } = scenes[mark];
  if (remedy) {
    const without = text.replace(...[remedy, ''].flat().slice(0, 2));
    assert.notEqual(without, text, 'the block has no remedy');
    await program(mark, without, folder, symptom, warned);
  }
  for (const part of lines ? text.trim().split('\n') : [text]) await program(mark, part, folder, printed);
}

/**
 * Writes a program into a folder, where it finds this package and those of this checkout.
 * @returns {string[]} the arguments of Node.js that start it
 */
function ready(text, folder, frameworks) {
  link(folder, frameworks);
  const file = path.join(folder, 'program.js');
  fs.writeFileSync(file, text);
  return ['--require', preload, file];
}

/** Runs a text in its scene. */
async function program(mark, text, folder, printed, warned = /^$/) {
  const { before = '', after = '', alias, frameworks, visits, headers, sent, env: own = { SECRET: 'a secret of the test' } } = scenes[mark];
  const args = ready(before + text + after, folder, frameworks);
  const env = { ...process.env, NODE_ENV: 'test', ...own, ALIAS: alias ? '1' : '', VISITS: JSON.stringify({ visits, headers, sent }) };
  const { status, stdout, stderr } = await run(process.execPath, args, { cwd: folder, env });
  assert.equal(status, 0, stderr);
  assert.match(stderr, warned);
  assert.match(stdout, printed);
}

/** @param {boolean} [frameworks] whether the program needs one of the companions, and not what is in the root */
function link(folder, frameworks) {
  if (frameworks) installCompanions();
  const target = path.join(folder, 'node_modules');
  if (!fs.existsSync(target)) fs.symlinkSync(frameworks ? companions : path.join(root, 'node_modules'), target, 'junction');
}

/** Tests, run by the runner that they are written for, with this package under the alias. */
const runners = {
  jest: (text, folder) => underRunner(folder, 'guide.test.js', text, [
    path.join(companions, 'jest', 'bin', 'jest.js'),
    '--config', JSON.stringify({ rootDir: folder, transform: {}, watchman: false, cacheDirectory: path.join(folder, 'cache') }),
  ], /Tests: +2 passed, 2 total/),
  vitest: (text, folder) => underRunner(folder, 'guide.test.mjs', text, [
    path.join(companions, 'vitest', 'vitest.mjs'), 'run', '--root', folder,
  ], /Tests +2 passed \(2\)/),
};

async function underRunner(folder, file, text, args, expected) {
  installCompanions();
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  installed(root)(path.join(modules, 'express-session'), modules);
  fs.symlinkSync(path.join(companions, 'vitest'), path.join(modules, 'vitest'), 'junction');
  fs.writeFileSync(path.join(folder, file), text);
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
  const { status, stdout, stderr } = await run(process.execPath, args, { cwd: folder, env });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout + stderr, expected);
}

module.exports = Object.assign(javascript, { ready });
