'use strict';

const { startRedis } = require('../../test-kit/redis');

/**
 * A Redis that keeps nothing on disk.
 * @param {string} folder
 * @param {number} [port] to start on the same one again
 * @returns {Promise<import('../backends').Backend>}
 */
module.exports = (folder, port) => startRedis({ folder, port });
