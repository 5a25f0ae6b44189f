'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/**
 * The Rust of this machine, tried.
 *
 * @returns {{ cargo: string, version: string, env: object }} the program, which version it is,
 *   and the environment to run it in
 * @throws {Error} in words for the user, where there is none, or none that does
 */
function toolchain() {
  const folders = trustedFolders();
  const env = { ...process.env };
  // Windows has it as `Path`, and two of them would be one too many.
  for (const name of Object.keys(env)) if (/^path$/i.test(name)) delete env[name];
  // Cargo finds rustc by it, and rustc the linker.
  env.PATH = folders.join(path.delimiter);

  const cargo = find('cargo', folders);
  const { release: version } = versionOf(cargo, env);
  // The variable is Cargo's own. Whoever can set one can run what he likes, a package cannot.
  const { host } = versionOf(env.RUSTC || find('rustc', folders), env);
  // With the one for GNU's tools, napi-rs asks for a Node.js that is a library.
  if (/-windows-gnu/.test(host)) {
    throw new Error(`this Rust is for ${host}, but Rust for MSVC is needed ("rustup default stable-msvc" installs it)`);
  }
  return { cargo, version, env };
}

/**
 * The folders of PATH, but for those with what packages have brought: `npm run`, npx and others
 * put node_modules/.bin before all, and Yarn 4 a folder of its own. A package may call
 * a program of its own `cargo`. What is no absolute path depends on where one is.
 */
function trustedFolders() {
  const ofYarn = process.env.BERRY_BIN_FOLDER;
  return (process.env.PATH ?? '').split(path.delimiter).filter((folder) =>
    path.isAbsolute(folder) && path.resolve(folder) !== ofYarn && !isOfPackages(folder));
}

/** Whether a file or folder is in a node_modules, also if a link from elsewhere leads there. */
function isOfPackages(place) {
  return [place, realPath(place)].some((each) => each.toLowerCase().split(/[\\/]/).includes('node_modules'));
}

function realPath(place) {
  try {
    return fs.realpathSync(place);
  } catch {
    return place;
  }
}

/** The whole path of a program: a name would be looked for once more, in more places. */
function find(name, folders) {
  const files = folders.map((folder) => path.join(folder, process.platform === 'win32' ? `${name}.exe` : name));
  const found = files.find((file) => isProgram(file) && !isOfPackages(file));
  if (!found) throw new Error(`${name} was not found in PATH, without the folders in node_modules: install Rust (https://rustup.rs)`);
  return found;
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** What cargo and rustc say of themselves, if they are as new as Cargo.toml wants. */
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

/** By the first two numbers of a version. */
function isOlder(version, other) {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number));
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

module.exports = toolchain;
