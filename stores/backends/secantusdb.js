'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Missing } = require('../../test-kit/installed');
const { freePort } = require('../../test-kit/port');
const { startServer } = require('../../test-kit/program');

const PACKAGE = 'SecantusDB==0.7.0b3';
const place = path.join(__dirname, '..', 'mongo', 'node_modules', '.secantusdb');

/**
 * MongoDB itself is in no registry. SecantusDB, a package of PyPI, speaks its
 * protocol, keeps its data in MongoDB's storage engine, and has indexes that expire.
 *
 * @param {string} folder
 * @returns {Promise<import('../backends').Backend>}
 */
async function startSecantusdb(folder) {
  if (!isInstalled()) install();
  const port = await freePort();
  const server = await startServer('python3', [
    '-m', 'secantus', '--host', '127.0.0.1', '--port', String(port), '--standalone',
    '--storage-path', path.join(folder, 'data'), '--cache-size', '64M', '--log-level', 'WARNING',
  ], {
    port, source: `pip install ${PACKAGE}`, cwd: folder, env: { PYTHONPATH: place },
  });
  let databases = 0;
  const fresh = () => Promise.resolve({ database: `sessions${databases += 1}` });
  return Object.assign(server, { fresh });
}

function install() {
  spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--target', place, PACKAGE]);
  if (!isInstalled()) throw new Missing('SecantusDB', `pip install ${PACKAGE}`);
}

function isInstalled() {
  return fs.existsSync(path.join(place, 'secantus', '__main__.py'));
}

module.exports = startSecantusdb;
