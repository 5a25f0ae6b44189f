'use strict';

const net = require('node:net');

const HOST = '127.0.0.1';

/** How often a port is asked whether somebody listens by now, in ms. */
const PAUSE = 20;

/**
 * A port that nobody listens on, for a program that cannot choose one itself.
 * @param {number} [wanted] 0, or left out: any
 * @returns {Promise<number>} rejected if the one wanted is taken, or not allowed
 */
function freePort(wanted = 0) {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);

    probe.listen(wanted, HOST, () => {
      const { port } = probe.address();

      probe.close(() => resolve(port));
    });
  });
}

/**
 * Waits until somebody listens there.
 * @param {number} port
 * @param {AbortSignal} signal that there is nothing to wait for
 */
async function listening(port, signal) {
  while (!signal.aborted && !await canConnect(port)) {
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
  }
}

function canConnect(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, HOST);

    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

module.exports = { HOST, freePort, listening };
