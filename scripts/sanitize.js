'use strict';

// Builds the addon and the engine with the address sanitizer of nightly Rust, runs the
// tests on them, and fails if it reports anything: docs/memory-safety.md. Needs
// `rustup toolchain install nightly` and gcc, on Linux. Arguments are test files to run
// instead of all.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const replace = require('../bin/replace');
const { temporaryFolder } = require('../test-kit/folder');

const root = path.join(__dirname, '..');
const target = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`;
const folder = path.join(root, 'target', 'sanitize');
const reports = temporaryFolder('sanitize');

/** What the tests are found in. compat/binary.test.js breaks the addon that it finds itself. */
const FOLDERS = ['native', 'boundary', 'memory', 'compat', 'parity'];
const LEFT_OUT = new Set(['binary.test.js', 'leak.test.js']);

const RUSTFLAGS = '-Zsanitizer=address';
// As released, but with the checks of a debug build: an overflow is a panic.
const PROFILE = ['lto=false', 'codegen-units=16', 'strip="none"', 'debug=1', 'debug-assertions=true', 'overflow-checks=true']
  .flatMap((setting) => ['--config', `profile.release.${setting}`]);

main();

function main() {
  const addon = build('express_session_rs', 'Cargo.toml');
  const testAddon = build('express_session_engines', path.join('__test__', 'engines', 'Cargo.toml'));
  findsPlanted(testAddon);
  const status = tests(addon, testAddon);
  // Its own runtime is linked into a program, so this needs no other.
  cargo('test', '--package', 'express-session-core');
  const found = fs.readdirSync(reports);
  for (const name of found) console.log(fs.readFileSync(path.join(reports, name), 'utf8'));
  console.log(`address sanitizer: ${found.length} reports`);
  process.exitCode = found.length > 0 || status !== 0 ? 1 : 0;
}

/** The addon of a crate, in a file that Node.js takes for one. */
function build(name, manifest) {
  cargo('build', '--locked', '--manifest-path', manifest, '--release', ...PROFILE);
  const built = path.join(folder, target, 'release');
  const file = path.join(built, `${name}.node`);
  replace(path.join(built, `lib${name}.so`), file);
  return file;
}

function cargo(command, ...args) {
  const { status } = spawnSync('cargo', ['+nightly', command, '--target', target, '--target-dir', folder, ...args], {
    cwd: root, stdio: 'inherit', env: { ...process.env, RUSTFLAGS, ASAN_OPTIONS: 'detect_leaks=0' },
  });
  if (status !== 0) stop(`cargo ${command} failed`);
}

/** The environment in which Node.js, which is not built so, has the sanitizer's runtime. */
function environment(addon, options) {
  const runtime = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim();
  return {
    ...process.env,
    LD_PRELOAD: fs.realpathSync(runtime),
    // V8 keeps what it has until the process ends, so leaks are for another test.
    ASAN_OPTIONS: ['detect_leaks=0', 'allocator_may_return_null=1', ...options].join(':'),
    NAPI_RS_NATIVE_LIBRARY_PATH: addon,
  };
}

/** A sanitizer that finds nothing must be one that finds something: __test__/engines/src/planted.rs. */
function findsPlanted(addon) {
  for (const [name, fault] of [['__useAfterFree', 'heap-use-after-free'], ['__overflow', 'heap-buffer-overflow']]) {
    const { status, stderr } = spawnSync(process.execPath, ['-e', `require('./session/native/load').${name}()`], { cwd: root, encoding: 'utf8', env: environment(addon, []) });
    if (status === 0 || !stderr.includes(fault)) stop(`the planted ${fault} was not reported: ${stderr}`);
    console.log(`planted ${fault}: reported`);
  }
}

/** Runs tests with the package's addon. Those that need the test addon take it from `SANITIZED`. */
function tests(addon, testAddon) {
  const chosen = process.argv.slice(2);
  const files = chosen.length > 0 ? chosen : FOLDERS.flatMap((name) => {
    const tested = path.join(root, '__test__', name);
    return fs.readdirSync(tested).filter((file) => file.endsWith('.test.js') && !LEFT_OUT.has(file)).map((file) => path.join(tested, file));
  });
  const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files], {
    cwd: root, stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...environment(addon, [`log_path=${path.join(reports, 'report')}`]), SANITIZED: testAddon },
  });
  return status;
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
