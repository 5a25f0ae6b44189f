'use strict';

const { freePort } = require('../../test-kit/port');
const { startServer } = require('../../test-kit/program');

/**
 * Without `fresh`: emptying memcached takes a second to become true.
 * @returns {Promise<import('../backends').Backend>}
 */
async function startMemcached() {
  const port = await freePort();
  // It refuses to run as root.
  const user = process.getuid() === 0 ? ['-u', 'nobody'] : [];
  return startServer('memcached', [...user, '-l', '127.0.0.1', '-p', String(port), '-U', '0'], { port });
}

module.exports = startMemcached;
