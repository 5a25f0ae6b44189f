'use strict';

// Makes a fresh checkout ready: npm packages, then the addon. Uses nothing but
// Node.js itself, as it runs before anything is installed.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const replace = require('../bin/replace');

const root = path.join(__dirname, '..');
/** Where napi builds: it would not get over an addon that a program has loaded on Windows. */
const BUILT = '.build';

if (spawnSync('cargo', ['--version']).status !== 0) {
  stop('Rust is missing: cargo was not found. Install it from https://rustup.rs and try again.');
}
// Not `npm ci`: npm 11 leaves the packages of other platforms out of a lock file,
// and then refuses that file.
if (!isInstalled()) run('npm', ['install', '--no-audit', '--no-fund']);
// Cargo itself knows what has changed.
run('npm', ['run', '--silent', 'build', '--', '--output-dir', BUILT]);
for (const name of fs.readdirSync(path.join(root, BUILT))) {
  if (/\.(node|d\.ts)$/.test(name)) replace(path.join(root, BUILT, name), path.join(root, name));
}

/** Whether node_modules is what package-lock.json asks for. */
function isInstalled() {
  const [locked, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map(packagesIn);
  return Boolean(installed) && Object.keys(locked).every((name) =>
    name === '' || locked[name].optional || installed[name]?.version === locked[name].version);
}

function packagesIn(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** In a shell, since npm is a batch file on Windows; no word here has anything to be quoted. */
function run(command, args) {
  const { status, error } = spawnSync([command, ...args].join(' '), {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: true,
  });
  if (status !== 0) stop(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
