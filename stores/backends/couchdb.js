'use strict';

const startNpmServer = require('../npm-server');

/** @param {string} folder */
function startCouchdb(folder) {
  return startNpmServer(folder, 'pouchdb-server/bin/pouchdb-server', (port) => [
    '--in-memory', '--host', '127.0.0.1', '--port', String(port), '--no-stdout-logs',
  ]);
}

module.exports = startCouchdb;
