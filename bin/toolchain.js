'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/**
 * Finds the Rust toolchain of this machine, and checks that it runs and is new enough.
 *
 * @returns {{ cargo: string, version: string, env: NodeJS.ProcessEnv }} the path of cargo, its
 *   version, and the environment to run it in
 * @throws {Error} with a message for the user
 */
function toolchain() {
  const folders = trustedFolders();
  const env = { ...process.env };
  // Windows calls the variable `Path`. The environment must not have both names.
  for (const name of Object.keys(env)) if (/^path$/i.test(name)) delete env[name];
  // Cargo finds rustc by this variable, and rustc finds the linker.
  env.PATH = folders.join(path.delimiter);

  const cargo = find('cargo', folders);
  const { release: version } = versionOf(cargo, env);
  // Cargo itself reads the variable RUSTC. A package cannot set it, and anybody who can set the
  // environment can run any program anyway.
  const { host } = versionOf(env.RUSTC || find('rustc', folders), env);
  // With the toolchain for GNU, napi-rs needs a Node.js that is built as a library.
  if (/-windows-gnu/.test(host)) {
    throw new Error(`this Rust is for ${host}, but Rust for MSVC is needed ("rustup default stable-msvc" installs it)`);
  }
  return { cargo, version, env };
}

/**
 * Returns the folders of PATH without those that contain programs of npm packages. `npm run`, npx
 * and others put node_modules/.bin first in PATH, and Yarn 4 a folder of its own, and any package
 * may have a program that is called `cargo`. Relative paths do not count either, because they
 * depend on the current folder.
 *
 * @returns {string[]}
 */
function trustedFolders() {
  const ofYarn = process.env.BERRY_BIN_FOLDER;
  return (process.env.PATH ?? '').split(path.delimiter).filter((folder) =>
    path.isAbsolute(folder) && path.resolve(folder) !== ofYarn && !isOfPackages(folder));
}

/**
 * Returns whether a file or folder is in a node_modules, also if a link outside leads there.
 *
 * @param {string} place
 */
function isOfPackages(place) {
  return [place, realPath(place)].some((each) => each.toLowerCase().split(/[\\/]/).includes('node_modules'));
}

/**
 * Returns a path without links, or the path itself if it does not exist.
 *
 * @param {string} place
 */
function realPath(place) {
  try {
    return fs.realpathSync(place);
  } catch {
    return place;
  }
}

/**
 * Returns the path of a program. Its name alone would let the system search again, also in other
 * folders.
 *
 * @param {string} name
 * @param {string[]} folders
 * @throws {Error} if it is in none of the folders
 */
function find(name, folders) {
  const files = folders.map((folder) => path.join(folder, process.platform === 'win32' ? `${name}.exe` : name));
  const program = files.find((file) => isProgram(file) && !isOfPackages(file));
  if (!program) throw new Error(`${name} was not found in PATH, without the folders in node_modules: install Rust (https://rustup.rs)`);
  return program;
}

/**
 * Returns whether a path is a file that can be executed.
 *
 * @param {string} file
 */
function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Returns the release of Rust that cargo or rustc belongs to, and the platform it builds for.
 *
 * @param {string} program the path of cargo or rustc
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ release: string, host: string }}
 * @throws {Error} if it does not run, or is older than `rust-version` in Cargo.toml
 */
function versionOf(program, env) {
  const { status, stdout, stderr, error } = spawnSync(program, ['-vV'], { cwd: root, encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${program} does not run: ${error ? error.message : stderr.trim()}`);
  const [, release] = /^release: (\S+)/m.exec(stdout) ?? [];
  const [, host] = /^host: (\S+)/m.exec(stdout) ?? [];
  const [, needed] = /^rust-version = "(.+)"$/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'));
  if (release && isOlder(release, needed)) {
    throw new Error(`${program} belongs to Rust ${release}, but ${needed} or newer is needed (https://rustup.rs)`);
  }
  return { release, host };
}

/**
 * Compares two versions by their first two numbers.
 *
 * @param {string} version
 * @param {string} other
 * @returns {boolean} whether `version` is the older one
 */
function isOlder(version, other) {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number));
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

module.exports = toolchain;
