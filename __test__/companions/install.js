'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { dependencies } = require('./package.json');

// Nothing here has to be built: whatever is native comes ready in a package of its own.
const COMMAND = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];

/**
 * Brings the packages of this folder's package.json, unless they are there.
 * @throws {Error} with what npm said
 */
function install() {
  if (missing().length === 0) return;
  const { status, error, stdout, stderr } = spawnSync('npm', COMMAND, {
    cwd: __dirname,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  const absent = missing();
  if (status === 0 && absent.length === 0) return;
  throw new Error(`npm ${COMMAND.join(' ')} left out ${absent.join(', ') || 'nothing, but failed'}:\n${error || stdout + stderr}`);
}

function missing() {
  return Object.entries(dependencies)
    .filter(([name, version]) => versionOf(name) !== version.split('@').at(-1))
    .map(([name, version]) => `${name}@${version}`);
}

function versionOf(name) {
  try {
    const file = path.join(__dirname, 'node_modules', name, 'package.json');
    return JSON.parse(fs.readFileSync(file, 'utf8')).version;
  } catch {
    return undefined;
  }
}

module.exports = install;
