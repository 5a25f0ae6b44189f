'use strict';

/** The list in docs/dependencies.md is what the lock files say, and scripts/audit.js fails when it must. */
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { root, npmPackages, crates, isAllowed, allowedLicences, documented } = require('../../scripts/dependencies');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');

/** Cargo fetches the crates of other platforms when it is first asked for them. */
let shipped;
let skip = false;
try {
  shipped = [...npmPackages(), ...crates()];
} catch (error) {
  skip = skipWithout(`${error.message.split('\n')[0]} (it needs crates.io once: run \`cargo fetch\`)`);
}

const row = ({ part, name, licence }) => `${part}: ${name} (${licence})`;

test('docs/dependencies.md lists the packages and crates that are shipped, in order, and no other', { skip }, () => {
  assert.deepEqual(documented().map(row), shipped.map(row).sort(byPart));
});

test('each has a reason of its own words', () => {
  for (const { name, why } of documented()) assert.match(why, /^[\w`].*[\w`)]\.$/, name);
});

test('each comes from where it must, under a licence that deny.toml allows', { skip }, () => {
  for (const { name, licence, problems } of shipped) {
    assert.deepEqual(problems, [], name);
    assert.ok(isAllowed(licence, allowedLicences()), `${name}: ${licence}`);
  }
});

test('no crate is there in two versions', { skip }, () => {
  const names = shipped.map(({ part, name }) => (part === 'npm' ? part : 'crate') + name);
  assert.equal(new Set(names).size, names.length);
});

test('the manifests ask for no npm package at run time but those listed', () => {
  const { dependencies, optionalDependencies = {} } = require('../../package.json');
  const listed = documented().filter(({ part }) => part === 'npm').map(({ name }) => name);
  for (const name of Object.keys(dependencies)) assert.ok(listed.includes(name), name);
  // Those of the platforms are this package's own.
  for (const name of Object.keys(optionalDependencies)) assert.match(name, /^express-session-rs-/);
});

test('a licence expression is read as SPDX says', () => {
  const allowed = ['MIT', 'Zlib', 'Apache-2.0 WITH LLVM-exception'];
  const cases = {
    MIT: true,
    GPL: false,
    'MIT OR GPL': true,
    'GPL OR MIT': true,
    'GPL/MIT': true,
    'GPL / MIT': true,
    'MIT AND GPL': false,
    'GPL OR MIT AND Zlib': true,
    'MIT OR GPL AND GPL': true,
    'MIT AND GPL OR GPL': false,
    '(MIT OR GPL) AND Zlib': true,
    '(MIT OR Zlib) AND GPL': false,
    'Apache-2.0': false,
    'Apache-2.0 WITH LLVM-exception': true,
    'MIT WITH LLVM-exception': false,
    'Apache-2.0 WITH LLVM-exception OR GPL': true,
    'MIT GPL': false,
    '(MIT': false,
    'MIT)': false,
    '': false,
    none: false,
  };
  for (const [expression, expected] of Object.entries(cases)) {
    assert.equal(isAllowed(expression, allowed), expected, expression);
  }
});

// The programs are stand-ins, for which a shell is needed.
describe('npm run audit', { skip: skip || (process.platform === 'win32' && 'no shell scripts here') }, () => {
  const advisory = { vulnerabilities: { debug: { name: 'debug', severity: 'high', range: '<5' } } };
  const summary = '{"type":"summary","fields":{}}';
  const denied = `{"type":"diagnostic","fields":{"severity":"error","message":"detected a yanked crate","graphs":[{"Krate":{"name":"rand","version":"1.0.0"}}]}}\n${summary}`;
  const warned = `{"type":"diagnostic","fields":{"severity":"warning","message":"meh","graphs":[]}}\n${summary}`;
  const unreachable = '{"type":"log","fields":{"level":"ERROR","message":"failed to fetch advisory database"}}';

  const cases = [
    ['nothing is found', { npm: ['{"vulnerabilities":{}}', 0], 'cargo-deny': [warned, 0] }, 0, [/npm audit: nothing found/, /advisories: nothing found/]],
    ['npm knows of a flaw', { npm: [JSON.stringify(advisory), 1], 'cargo-deny': [summary, 0] }, 1, [/npm audit: 1 found\n {2}debug <5: high/]],
    ['cargo deny finds something', { npm: ['{"vulnerabilities":{}}', 0], 'cargo-deny': [denied, 1] }, 1, [/advisories: 1 found\n {2}rand 1\.0\.0: detected a yanked crate/]],
    ['cargo deny fails in another way', { npm: ['{"vulnerabilities":{}}', 0], 'cargo-deny': [summary, 3] }, 1, [/cargo deny ended with 3/]],
    ['the registry has no advisories', { npm: ['{"message":"405 Method Not Allowed - POST https://registry.example/-/npm"}', 1], 'cargo-deny': [summary, 0] }, 0, [/npm audit: not run: 405 Method Not Allowed\n/]],
    ['the database of advisories cannot be fetched', { npm: ['{"vulnerabilities":{}}', 0], 'cargo-deny': [unreachable, 1] }, 0, [/advisories: not run: failed to fetch advisory database/]],
    ['cargo-deny is not installed', { npm: ['{"vulnerabilities":{}}', 0] }, 0, [/licenses, sources: not run: there is no cargo-deny here/]],
  ];

  for (const [name, programs, expected, lines] of cases) {
    test(name, (t) => {
      const { status, stdout, stderr } = audit(t, programs);
      assert.equal(stderr, '');
      assert.match(stdout, /sources, licences and reasons: nothing found/);
      for (const line of lines) assert.match(stdout, line);
      assert.doesNotMatch(stdout, /registry\.example/);
      assert.equal(status, expected);
    });
  }
});

/** Runs the script with stand-ins: for each program what it prints, and its exit status. */
function audit(t, programs) {
  const folder = temporaryFolder('audit', t);
  // A PATH with nothing else in it, or an installed cargo-deny would be found.
  for (const name of ['cargo', 'rustc']) link(folder, name);
  for (const [name, [output, status]] of Object.entries(programs)) {
    const stream = name === 'npm' ? 1 : 2;
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\necho '${output}' >&${stream}\nexit ${status}\n`, { mode: 0o755 });
  }
  return spawnSync(process.execPath, [path.join(root, 'scripts', 'audit.js')], { encoding: 'utf8', env: { ...process.env, PATH: folder } });
}

function link(folder, name) {
  const found = process.env.PATH.split(path.delimiter).map((dir) => path.join(dir, name)).find((file) => fs.existsSync(file));
  fs.symlinkSync(found, path.join(folder, name));
}

function byPart(a, b) {
  const order = ['npm', 'addon', 'build'];
  return order.findIndex((part) => a.startsWith(`${part}:`)) - order.findIndex((part) => b.startsWith(`${part}:`));
}
