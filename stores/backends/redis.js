'use strict';

const net = require('node:net');
const { freePort } = require('../port');
const { startServer } = require('../server');

/**
 * A Redis that keeps nothing on disk.
 * @param {string} folder
 * @param {number} [port] to start on the same one again
 * @returns {Promise<import('../backends').Backend>}
 */
async function startRedis(folder, port) {
  port ??= await freePort();
  const server = await startServer('redis-server', [
    '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder,
  ], { port, source: 'apt-get install redis-server' });
  return { ...server, fresh: () => flush(port) };
}

/** Spoken by hand: the protocol takes a line of text. */
function flush(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.write('FLUSHALL\r\n'); });
    socket.once('data', () => {
      socket.destroy();
      resolve({});
    });
    socket.once('error', reject);
  });
}

module.exports = startRedis;
module.exports.flush = flush;
