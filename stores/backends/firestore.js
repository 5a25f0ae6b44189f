'use strict';

const path = require('node:path');
const startNpmServer = require('../npm-server');

const script = path.join(__dirname, '..', 'large', 'firestore-server.js');

/** @param {string} folder */
function startFirestore(folder) {
  return startNpmServer(folder, script, (port) => [String(port)]);
}

module.exports = startFirestore;
