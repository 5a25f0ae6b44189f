'use strict';

const net = require('node:net');

const POLL_MS = 50;

/** @returns {Promise<number>} a port of 127.0.0.1 that nobody listens on */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => { resolve(port); });
    });
  });
}

/**
 * @param {number} port
 * @param {number} ms how long to wait
 * @param {() => boolean} [givenUp]
 * @returns {Promise<boolean>} whether something listens there by then
 */
async function accepts(port, ms, givenUp = () => false) {
  for (const end = Date.now() + ms; Date.now() < end && !givenUp();) {
    if (await canConnect(port)) return true;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
  return false;
}

function canConnect(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => { resolve(false); });
  });
}

module.exports = { freePort, accepts };
