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
 * Builds the addon for this machine, and puts it into the folder of the package, where
 * session/native/load.js looks first. A file that is there already is replaced only after the new
 * one was loaded.
 *
 * @returns {string} the path of the addon
 * @throws {Error} with a message for the user
 */
function build() {
  if (fs.existsSync(path.join(root, 'scripts', 'setup.js'))) throw new Error('this is a checkout of the repository: build it with "node scripts/setup.js"');
  for (const source of ['Cargo.toml', 'Cargo.lock', 'src', 'core']) {
    if (!fs.existsSync(path.join(root, source))) throw new Error(`${root} lacks its source files (${source}): install the package again`);
  }
  const name = `express-session-rs.${platformName()}.node`;
  const file = path.join(root, name);
  const made = path.join(root, `${name}.${process.pid}.node`);
  // Fails before the long build if the folder cannot be written.
  write(made, '');
  // Without these listeners, a signal would end the process before `finally` removes the file. The
  // terminal sends the signal to cargo as well, so the build ends.
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
  // Bundlers find the addon by this file, because they do not know the name of the platform.
  write(path.join(root, 'built.js'), `module.exports = require('./${name}');\n`);
  return file;
}

/**
 * Writes a new file. It removes the old one first, because with pnpm that may be a hard link which
 * other projects share.
 *
 * @param {string} file
 * @param {string} text
 * @throws {Error} with a message for the user
 */
function write(file, text) {
  try {
    fs.rmSync(file, { force: true });
    fs.writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const help = /\.zip[\\/]/.test(file) ? 'take the package out of its archive with "yarn unplug express-session-rs"' : 'run the command as a user who may write there, or where the folder is created';
    throw new Error(`${root} cannot be written (${error.code}): ${help}`, { cause: error });
  }
}

/**
 * Builds the library, and copies it to a file.
 *
 * @param {{ cargo: string, env: NodeJS.ProcessEnv }} rust
 * @param {string} made the file
 * @throws {Error}
 */
function compile({ cargo, env }, made) {
  // The directory that cargo uses by default would stay in node_modules, with 100 MB.
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

/**
 * Prints the errors of the compiler, and returns a summary. Cargo has printed its own messages
 * already.
 *
 * @param {any[]} messages of cargo
 * @returns {string}
 */
function reasonIn(messages) {
  const errors = messages.filter(({ reason, message }) => reason === 'compiler-message' && message.level === 'error');
  for (const { message } of errors) process.stderr.write(message.rendered);
  const [, linker] = errors.map(({ message }) => /^linker `(.+)` not found$/.exec(message.message)).find(Boolean) ?? [];
  if (linker) return `Rust needs the linker ${linker}, which is missing: install a C compiler (Debian has it in build-essential, Alpine in build-base, macOS by "xcode-select --install", Windows in the Build Tools for Visual Studio)`;
  return 'cargo build failed, see the messages above';
}

/**
 * Returns the file of the library. Its name depends on the platform.
 *
 * @param {any[]} messages of cargo
 * @returns {string}
 * @throws {Error} if there is none
 */
function libraryIn(messages) {
  const files = messages.filter(({ reason, target }) => reason === 'compiler-artifact' && target.kind.includes('cdylib'))
    .flatMap(({ filenames }) => filenames);
  const library = files.find((file) => /\.(so|dylib|dll)$/.test(file));
  if (!library) throw new Error('cargo made no library for this platform');
  return library;
}

/**
 * Loads an addon in another process: an addon cannot be unloaded, and a broken one may crash the
 * process.
 *
 * @param {string} file
 * @throws {Error} if it does not load
 */
function tryOut(file) {
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', path.join(root, 'session', 'native', 'load.js')], {
    encoding: 'utf8',
    env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: file },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return;
  throw new Error(`the new binary does not load: ${/The loader said: (.+)/.exec(stderr)?.[1] ?? signal ?? stderr.trim()}`);
}

/**
 * Removes a folder. It only warns if that fails, because the addon is built by then. On Windows a
 * virus scanner may keep a file open for a while.
 *
 * @param {string} folder
 */
function discard(folder) {
  try {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  } catch (error) {
    console.error(`express-session-rs: ${folder} could not be removed: ${error.message}.`);
  }
}

/**
 * Returns the environment variables that the platform needs. On musl, Rust links statically by
 * default, and then it makes no library that Node.js can load.
 *
 * @returns {NodeJS.ProcessEnv}
 */
function flags() {
  if (process.platform !== 'linux' || !isMusl()) return {};
  return { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() };
}

module.exports = build;
