'use strict';

const startNpmServer = require('../npm-server');

/** @param {string} folder */
function startDynamodb(folder) {
  return startNpmServer(folder, 'dynalite/cli.js', (port) => [
    '--host', '127.0.0.1', '--port', String(port), '--createTableMs', '0',
  ]);
}

module.exports = startDynamodb;
