'use strict';

// The script that npm runs when the package is installed, with a program that stands for
// cargo. `npm run test:install` has the real ones.
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { isMusl, platformName } = require('../../session/platform');

const root = path.join(__dirname, '..', '..');
const binary = process.env.NAPI_RS_NATIVE_LIBRARY_PATH ?? path.join(root, `express-session-rs.${platformName()}.node`);
// There, Node.js starts no script as if it were a program.
const skip = process.platform === 'win32';

const here = {
  npm_config_os: process.platform,
  npm_config_cpu: process.arch,
  ...(process.platform === 'linux' && { npm_config_libc: isMusl() ? 'musl' : 'glibc' }),
};
const elsewhere = { npm_config_os: 'aix', npm_config_cpu: 'riscv64', npm_config_libc: isMusl() ? 'glibc' : 'musl' };

/**
 * Runs the script in an installed package that has no binary.
 *
 * @param {import('node:test').TestContext} t
 * @param {{ made?: string, env?: object }} options the library that cargo makes; what npm sets
 * @returns {{ status: number, stderr: string, files: string[], isBuilt: boolean }} `isBuilt`:
 *   whether cargo was asked
 */
function install(t, { made = binary, env = {} } = {}) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'install-')));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const own = path.join(folder, 'own');
  fs.mkdirSync(path.join(own, 'scripts'), { recursive: true });
  for (const each of ['package.json', 'session', 'scripts/install.js']) {
    fs.cpSync(path.join(root, each), path.join(own, each), { recursive: true });
  }
  const library = path.join(folder, process.platform === 'darwin' ? 'made.dylib' : 'made.so');
  fs.copyFileSync(made, library);
  const asked = path.join(folder, 'asked');
  const message = { reason: 'compiler-artifact', target: { kind: ['cdylib'] }, filenames: [library] };
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.writeFileSync(path.join(folder, 'bin', 'cargo'), `#!${process.execPath}
    require('node:fs').writeFileSync(${JSON.stringify(asked)}, '');
    console.log(${JSON.stringify(JSON.stringify(message))});`, { mode: 0o755 });

  const rest = Object.fromEntries(Object.entries(process.env)
    .filter(([name]) => !/^npm_|^(NAPI_RS_NATIVE_LIBRARY_PATH|CARGO_TARGET_DIR)$/.test(name)));
  const { status, stderr } = spawnSync(process.execPath, [path.join(own, 'scripts', 'install.js')], {
    encoding: 'utf8',
    env: { ...rest, PATH: path.join(folder, 'bin'), ...env },
  });
  const files = fs.readdirSync(own).filter((file) => file.includes('.node'));
  return { status, stderr, files, isBuilt: fs.existsSync(asked) };
}

const byNpm = { npm_lifecycle_event: 'install' };

test('what loads is kept', { skip }, (t) => {
  for (const env of [{}, byNpm, { ...byNpm, ...here }]) {
    const { status, stderr, files } = install(t, { env });
    assert.deepEqual([status, stderr], [0, 'express-session-rs: built from source.\n']);
    assert.deepEqual(files, [`express-session-rs.${platformName()}.node`]);
  }
});

test('what does not load is removed, and the reason told', { skip }, (t) => {
  for (const [env, expected] of [[{}, 1], [byNpm, 0]]) {
    const { status, stderr, files } = install(t, { made: __filename, env });
    assert.deepEqual([status, files], [expected, []]);
    const [, reason] = /^express-session-rs: no addon could be built: what was built does not load: (.+)\.\n$/.exec(stderr) ?? [];
    assert.ok(reason?.includes(`express-session-rs.${platformName()}.node`), stderr);
  }
});

for (const [name, other] of Object.entries(elsewhere)) {
  test(`npm installs for another machine (${name}): nothing is built for this one`, { skip: skip || !(name in here) }, (t) => {
    const env = { ...here, [name]: other };
    const { status, stderr, isBuilt } = install(t, { env: { ...byNpm, ...env } });
    assert.deepEqual([status, stderr, isBuilt], [0, '', false]);
    // Whoever runs the script by hand wants it.
    assert.equal(install(t, { env }).isBuilt, true);
  });
}
