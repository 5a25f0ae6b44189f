'use strict';

const net = require('node:net');
const { setTimeout: pause } = require('node:timers/promises');

/** Every server of the tests is on this address: no other machine can reach one. */
const HOST = '127.0.0.1';

/** How often a port is asked whether somebody listens by now, in ms. */
const PAUSE = 20;

/**
 * The ports that a program may get which cannot choose one itself. They are below those that systems
 * give to outgoing connections: such a connection could take the port before the program has it, or
 * while the program is started again.
 */
const FIRST_PORT = 10000;
const PORTS = 20000;

/**
 * Finds a port that nobody listens on.
 * @param {number} [wanted] any without one
 * @returns {Promise<number>} rejected if the one wanted is taken, or not allowed
 */
async function freePort(wanted) {
  if (wanted) return probed(wanted);
  for (;;) {
    try {
      return await probed(FIRST_PORT + Math.floor(Math.random() * PORTS));
    } catch {
      // That one is taken: another one.
    }
  }
}

/**
 * @param {number} port
 * @returns {Promise<number>} the port; rejected if nobody can listen on it now
 */
function probed(port) {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(port, HOST, () => { probe.close(() => resolve(port)); });
  });
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

module.exports = { HOST, freePort, listening };
