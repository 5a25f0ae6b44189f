'use strict';

// Not in check: it installs packages.

// What docs/migrating.md says of bundlers, with esbuild: for a binary that the platform's
// package brought, and for one that was built on the machine.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, test } = require('node:test');
const { Place, root, binary, name } = require('../native/place');
const { platformName } = require('../../session/native/platform');
const run = require('./run');
const { temporaryFolder } = require('../../test-kit/folder');

// The stand-in for cargo, by which a binary is built here, does not run there.
const skip = process.platform === 'win32';
const guide = fs.readFileSync(path.join(root, 'docs', 'migrating.md'), 'utf8').split('\n## Bundlers\n')[1]?.split('\n## ')[0] ?? '';
const PROGRAM = `
  const session = require('express-session-rs');
  const store = new session.MemoryStore();
  store.set('sid', { cookie: new session.Cookie(), user: 'ann' }, () => {
    store.get('sid', (error, { user }) => console.log(user));
  });`;

let tools;

before(async () => {
  if (skip) return;
  tools = temporaryFolder('bundlers');
  const { status, stdout, stderr } = await run('npm', ['install', '--prefix', tools, '--ignore-scripts', '--no-audit', '--no-fund', 'esbuild@0.28.2'], { cwd: tools });
  assert.equal(status, 0, stdout + stderr);
});

/** The binary, where the packages of a release have it, or `build` makes it. */
const binaries = {
  'of the platform\'s package': (place) => {
    const folder = place.makes('node_modules', `express-session-rs-${platformName()}`);
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ main: name, binarySize: fs.statSync(binary).size }));
    fs.copyFileSync(binary, path.join(folder, name));
  },
  'built on the machine': (place) => {
    const { status, stderr } = place.run();
    assert.equal(status, 0, stderr);
  },
};

/**
 * Bundles the program, and runs that.
 * @param {import('node:test').TestContext} t
 * @param {(place: Place) => void} prepare brings the binary
 * @param {string[]} args of esbuild
 * @param {{ hasModules?: boolean }} [options] whether node_modules is shipped
 */
async function bundled(t, prepare, args, { hasModules = false } = {}) {
  const place = new Place(t);
  for (const each of ['index.js', 'postgres.js', 'redis.js']) fs.copyFileSync(path.join(root, each), path.join(place.own, each));
  for (const each of ['debug', 'depd', 'ms']) fs.symlinkSync(path.join(root, 'node_modules', each), path.join(place.folder, 'node_modules', each), 'junction');
  prepare(place);
  fs.writeFileSync(path.join(place.folder, 'app.js'), PROGRAM);
  const made = await run(process.execPath, [path.join(tools, 'node_modules', 'esbuild', 'bin', 'esbuild'), 'app.js', '--bundle', '--platform=node', '--outdir=dist', ...args], { cwd: place.folder });
  assert.equal(made.status, 0, made.stderr);
  assert.doesNotMatch(made.stderr, /WARNING/);
  if (!hasModules) fs.rmSync(path.join(place.folder, 'node_modules'), { recursive: true });
  return run(process.execPath, [path.join(place.folder, 'dist', 'app.js')], { cwd: place.folder, env: place.environment() });
}

for (const [which, prepare] of Object.entries(binaries)) {
  for (const [args, hasModules] of [[['--loader:.node=copy'], false], [['--external:express-session-rs'], true]]) {
    test(`a binary ${which}: a bundle with ${args} works`, { skip }, async (t) => {
      for (const each of args) assert.ok(guide.includes(`\`${each}\``), `the guide has no ${each}`);
      const { stdout, stderr } = await bundled(t, prepare, args, { hasModules });
      assert.deepEqual([stdout, stderr], ['ann\n', '']);
    });
  }

  for (const loader of ['file', 'dataurl', 'base64', 'text', 'empty']) {
    test(`a binary ${which}: a bundle with the loader "${loader}" says what to do`, { skip }, async (t) => {
      const { status, stdout, stderr } = await bundled(t, prepare, [`--loader:.node=${loader}`]);
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, /ERR_EXPRESS_SESSION_RS_NATIVE/);
      assert.match(stderr, /keep it out of the bundle, .*external.*--loader:\.node=copy.* is not an addon/);
    });
  }
}

test('a bundle without the binary says what to do', { skip }, async (t) => {
  const { status, stderr } = await bundled(t, () => {}, []);
  assert.equal(status, 1);
  assert.match(stderr, /is missing\. Looked for the package \S+\. If a bundler .*keep it out of the bundle, .*external.*--loader:\.node=copy/);
});
