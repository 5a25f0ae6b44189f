'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { isMusl, platformName } = require('../session/native/platform');
const replace = require('./replace');
const toolchain = require('./toolchain');

const root = path.join(__dirname, '..');

/**
 * Builds the addon for the machine that this runs on, and puts it where the package looks
 * first. What was there before stays until another has been loaded.
 *
 * @returns {string} the file
 * @throws {Error} in words for the user
 */
function build() {
  if (fs.existsSync(path.join(root, 'scripts', 'setup.js'))) throw new Error('this is a checkout of the repository: build it with "node scripts/setup.js"');
  for (const source of ['Cargo.toml', 'Cargo.lock', 'src', 'core']) {
    if (!fs.existsSync(path.join(root, source))) throw new Error(`${root} lacks its source files (${source}): install the package again`);
  }
  const name = `express-session-rs.${platformName()}.node`;
  const file = path.join(root, name);
  const made = path.join(root, `${name}.${process.pid}.node`);
  // So that a folder that cannot be written is found out before the work.
  write(made, '');
  // The terminal interrupts cargo as well, and what is below then removes what there is.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  try {
    const rust = toolchain();
    console.error(`express-session-rs: building for ${platformName()} with ${rust.cargo}, Rust ${rust.version}.`);
    compile(rust, made);
    tryOut(made);
    replace(made, file);
  } finally {
    fs.rmSync(made, { force: true });
  }
  // For bundlers, which cannot know the name of the platform.
  write(path.join(root, 'built.js'), `module.exports = require('./${name}');\n`);
  return file;
}

/** Never through a link: pnpm's files are those of other projects, too. */
function write(file, text) {
  try {
    fs.rmSync(file, { force: true });
    fs.writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const help = /\.zip[\\/]/.test(file) ? 'take the package out of its archive with "yarn unplug express-session-rs"' : 'run the command as a user who may write there, or where the folder is created';
    throw new Error(`${root} cannot be written (${error.code}): ${help}`, { cause: error });
  }
}

/** Makes the library, and copies it to a file. */
function compile({ cargo, env }, made) {
  // Rust's own directory of what it made would stay in node_modules, with 100 MB.
  const own = env.CARGO_TARGET_DIR ? undefined : fs.mkdtempSync(path.join(os.tmpdir(), 'express-session-rs-'));
  try {
    const { status, signal, stdout, error } = spawnSync(cargo, ['build', '--release', '--locked', '--message-format=json'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...env, ...flags(), CARGO_TARGET_DIR: own ?? path.resolve(env.CARGO_TARGET_DIR) },
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 64 * 1024 * 1024,
    });
    if (error) throw error;
    const messages = stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
    if (status !== 0) throw new Error(signal ? `cargo was ended by ${signal}` : reasonIn(messages));
    fs.copyFileSync(libraryIn(messages), made);
  } finally {
    if (own) discard(own);
  }
}

/** Shows what the compiler says, and sums it up. What cargo itself says is shown already. */
function reasonIn(messages) {
  const errors = messages.filter(({ reason, message }) => reason === 'compiler-message' && message.level === 'error');
  for (const { message } of errors) process.stderr.write(message.rendered);
  const [, linker] = errors.map(({ message }) => /^linker `(.+)` not found$/.exec(message.message)).find(Boolean) ?? [];
  if (linker) return `Rust needs the linker ${linker}, which is missing: install a C compiler (Debian has it in build-essential, Alpine in build-base, macOS by "xcode-select --install", Windows in the Build Tools for Visual Studio)`;
  return 'cargo build failed, see the messages above';
}

/** The file of the library, which cargo names as the platform wants. */
function libraryIn(messages) {
  const files = messages.filter(({ reason, target }) => reason === 'compiler-artifact' && target.kind.includes('cdylib'))
    .flatMap(({ filenames }) => filenames);
  const library = files.find((file) => /\.(so|dylib|dll)$/.test(file));
  if (!library) throw new Error('cargo made no library for this platform');
  return library;
}

/** Asked of another process: an addon cannot be unloaded, and one that is broken may crash. */
function tryOut(file) {
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', path.join(root, 'session', 'native', 'load.js')], {
    encoding: 'utf8',
    env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: file },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return;
  throw new Error(`the new binary does not load: ${/The loader said: (.+)/.exec(stderr)?.[1] ?? signal ?? stderr.trim()}`);
}

/** On Windows a virus scanner may hold a file of it for a while: no reason to have no addon. */
function discard(folder) {
  try {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  } catch (error) {
    console.error(`express-session-rs: ${folder} could not be removed: ${error.message}.`);
  }
}

/** With musl, Rust links statically unless told otherwise, and then makes no library. */
function flags() {
  if (process.platform !== 'linux' || !isMusl()) return {};
  return { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() };
}

module.exports = build;
