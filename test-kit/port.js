'use strict';

const net = require('node:net');
const { setTimeout: pause } = require('node:timers/promises');

/** Every server of the tests is on this address: no other machine can reach one. */
const HOST = '127.0.0.1';

/** How often a port is asked whether somebody listens by now, in ms. */
const PAUSE = 20;

/**
 * Finds a port that nobody listens on, for a program that cannot choose one itself.
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
 * Finds a port that is still free when a killed program is started again: it is below
 * those that systems give to outgoing connections.
 * @returns {Promise<number>}
 */
async function lastingPort() {
  for (;;) {
    try {
      return await freePort(10000 + Math.floor(Math.random() * 20000));
    } catch {
      // That one is taken: another one.
    }
  }
}

/**
 * Waits until somebody listens on a port.
 * @param {number} port
 * @param {{ signal: AbortSignal, patience: number }} options `signal` says that there is
 *   nothing to wait for, whereupon this returns; `patience` is in ms
 * @throws {Error} if nobody does for so long
 */
async function listening(port, { signal, patience }) {
  for (const end = Date.now() + patience; !signal.aborted; await pause(PAUSE)) {
    if (await canConnect(port)) return;
    if (Date.now() > end) throw new Error(`nobody listens on port ${port} after ${patience} ms`);
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

module.exports = { HOST, freePort, lastingPort, listening };
