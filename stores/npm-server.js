'use strict';

const path = require('node:path');
const { freePort } = require('../test-kit/port');
const { startServer } = require('../test-kit/program');

const modules = path.join(__dirname, 'large', 'node_modules');

/**
 * Starts a server that is an npm package.
 *
 * @param {string} folder where it runs, and leaves its files
 * @param {string} script inside `large/node_modules`, or absolute
 * @param {(port: number) => string[]} args
 * @param {object} [env]
 */
async function startNpmServer(folder, script, args, env = {}) {
  const port = await freePort();
  return startServer(process.execPath, [path.resolve(modules, script), ...args(port)], {
    port,
    cwd: folder,
    env,
  });
}

module.exports = startNpmServer;
