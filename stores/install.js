'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

/**
 * Installs the packages of one folder, where they are missing or of another
 * version. A lock file is not kept: it would name a registry.
 *
 * @param {'' | 'large' | 'native' | 'mongo' | 'doubles'} folder
 * @param {(text: string) => void} tell
 */
function install(folder, tell) {
  const place = path.join(__dirname, folder);
  if (isInstalled(place)) return;
  tell(`npm install in stores/${folder}`);
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--legacy-peer-deps',
    '--loglevel=error'];
  // Only what must be compiled has scripts worth running: others download.
  if (folder === 'native') args.push('--build-from-source');
  else args.push('--ignore-scripts');
  // npm is a batch file on Windows, which only a shell runs.
  const shell = process.platform === 'win32';
  const { status, stderr, error } = spawnSync('npm', args, { cwd: place, encoding: 'utf8', shell });
  if (status !== 0) throw new Error(`npm install in stores/${folder} failed:\n${error?.message ?? stderr}`);
}

function isInstalled(place) {
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(place, 'package.json'), 'utf8'));
  return Object.entries(dependencies).every(([name, range]) =>
    installedVersion(place, name) === range.split('@').at(-1));
}

function installedVersion(place, name) {
  try {
    const file = path.join(place, 'node_modules', name, 'package.json');
    return JSON.parse(fs.readFileSync(file, 'utf8')).version;
  } catch {
    return undefined;
  }
}

/**
 * @param {import('./table').Row} row
 * @returns {string} name and version of the store, and of the clients it ran with
 */
function versions(row) {
  if (!row.package) return row.path ? row.name : row.from;
  const place = path.join(__dirname, row.folder);
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(place, 'package.json'), 'utf8'));
  const told = [row.package, ...row.with ?? []].map((key) => {
    const range = dependencies[key];
    return range.startsWith('npm:') ? range.slice('npm:'.length).replace(/@(?=[^@]+$)/, ' ') : `${key} ${range}`;
  });
  return told.length === 1 ? told[0] : `${told[0]} (${told.slice(1).join(', ')})`;
}

module.exports = { install, versions };
