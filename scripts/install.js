'use strict';

// npm runs this when the package is installed: where the addon does not load, it is built
// from source if Rust is there. It never fails an install, since the package says itself
// what to do when it is loaded without its addon. Run by hand, it fails where it must.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const isByHand = process.env.npm_lifecycle_event !== 'install';

// A checkout, which setup.js builds, with the loader and its types.
if (fs.existsSync(path.join(__dirname, 'setup.js'))) return;

try {
  if (isMeantForHere() && !loads()) {
    build();
    tell('built from source');
  }
} catch (error) {
  tell(`no addon could be built: ${error.message}`);
  if (isByHand) process.exitCode = 1;
}

/**
 * Whether what is installed is to run on this machine: npm can be told to install for another
 * (`--os`, `--cpu`, `--libc`), whose binary does not load here, and would not be built here.
 */
function isMeantForHere() {
  if (isByHand) return true;
  const here = { os: process.platform, cpu: process.arch };
  if (process.platform === 'linux') here.libc = require('../session/platform').isMusl() ? 'musl' : 'glibc';
  return Object.entries(here).every(([name, own]) => (process.env[`npm_config_${name}`] || own) === own);
}

function loads() {
  return trial().status === 0;
}

/** Asked of another process: an addon cannot be unloaded, and one that is broken may crash. */
function trial() {
  const args = ['-e', 'require(process.argv[1])', path.join(root, 'session', 'native.js')];
  return spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
}

function build() {
  // Rust's own directory of what it made would stay in node_modules, with 100 MB.
  const own = process.env.CARGO_TARGET_DIR ? undefined : fs.mkdtempSync(path.join(os.tmpdir(), 'express-session-rs-'));
  const { platformName } = require('../session/platform');
  const file = path.join(root, `express-session-rs.${platformName()}.node`);
  try {
    const addon = compile(own ?? process.env.CARGO_TARGET_DIR);
    // By another name first: a program that starts meanwhile must not find half a file.
    fs.copyFileSync(addon, `${file}.part`);
    fs.renameSync(`${file}.part`, file);
  } finally {
    if (own) discard(own);
  }
  const { status, signal, stderr } = trial();
  if (status === 0) return;
  // Every start of the program would try it again, and might crash by it.
  fs.rmSync(file);
  throw new Error(`what was built does not load: ${/The loader said: (.+)/.exec(stderr)?.[1] ?? signal ?? stderr.trim()}`);
}

/** On Windows a virus scanner may hold a file of it for a while: no reason to have no addon. */
function discard(folder) {
  try {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  } catch (error) {
    tell(`${folder} could not be removed: ${error.message}`);
  }
}

/** @returns {string} the file of the library, which cargo names as the platform wants */
function compile(target) {
  const args = ['build', '--release', '--locked', '--message-format=json-render-diagnostics'];
  const { status, stdout, error } = spawnSync('cargo', args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...flags(), CARGO_TARGET_DIR: target },
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error?.code === 'ENOENT') throw new Error('Rust is not there (https://rustup.rs)');
  if (error) throw error;
  if (status !== 0) throw new Error(`cargo build failed, as it says above${unfitToolchain()}`);
  const made = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line))
    .find(({ reason, target }) => reason === 'compiler-artifact' && target.kind.includes('cdylib'));
  return made.filenames.find((file) => /\.(so|dylib|dll)$/.test(file));
}

/** Which Rust it takes, where another is there. What cargo says of an old one depends on its age. */
function unfitToolchain() {
  const { stdout } = spawnSync('rustc', ['-vV'], { cwd: root, encoding: 'utf8' });
  const [, release] = /^release: (\S+)/m.exec(stdout ?? '') ?? [];
  const [, needed] = /^rust-version = "(.+)"$/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'));
  if (release && isOlder(release, needed)) {
    return `: Rust is ${release} here, and ${needed} or newer is needed (https://rustup.rs)`;
  }
  // With the one for GNU's tools, napi-rs asks for a Node.js that is a library.
  const [, host] = /^host: (.*-windows-gnu.*)$/m.exec(stdout ?? '') ?? [];
  return host ? `: Rust is the one for ${host.trim()} here, and the one for MSVC is needed ("rustup default stable-msvc" installs it)` : '';
}

/** By the first two numbers of a version. */
function isOlder(version, other) {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number));
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

/** With musl, Rust links statically unless told otherwise, and then makes no library. */
function flags() {
  const { isMusl } = require('../session/platform');
  if (process.platform !== 'linux' || !isMusl()) return {};
  return { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() };
}

function tell(text) {
  console.error(`express-session-rs: ${text}.`);
}
