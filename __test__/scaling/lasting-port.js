'use strict';

const { freePort } = require('../../examples/redis/port');

/**
 * A port that is still free when a killed program is started again: below those that
 * systems give to outgoing connections.
 * @returns {Promise<number>}
 */
async function lastingPort() {
  for (;;) {
    try {
      return await freePort(10000 + Math.floor(Math.random() * 20000));
    } catch {
      // Taken: another one.
    }
  }
}

module.exports = lastingPort;
