'use strict';

const startNpmServer = require('../npm-server');

/** Any name and key will do: the emulator takes those it is started with. */
const ACCOUNT = { name: 'suite', key: Buffer.from('of the suite').toString('base64') };

/** @param {string} folder */
function startAzure(folder) {
  return startNpmServer(folder, 'azurite/dist/src/table/main.js', (port) => [
    '--tableHost', '127.0.0.1', '--tablePort', String(port), '--location', folder,
    '--skipApiVersionCheck', '--silent', '--disableTelemetry',
  ], { AZURITE_ACCOUNTS: `${ACCOUNT.name}:${ACCOUNT.key}` });
}

module.exports = startAzure;
module.exports.ACCOUNT = ACCOUNT;
