'use strict';

const { spawn } = require('node:child_process');
const net = require('node:net');

/**
 * Starts a Redis that keeps nothing on disk, on a free port.
 *
 * @returns {Promise<{ port: number, stop: () => Promise<void> } | undefined>}
 *   undefined if redis-server is not installed
 */
async function startRedis() {
  const port = await freePort();
  const server = spawn('redis-server', [
    '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no',
  ], { stdio: 'ignore' });
  const ended = new Promise((resolve) => {
    server.on('exit', resolve);
    server.on('error', resolve);
  });
  const isUp = await Promise.race([accepts(port), ended.then(() => false)]);
  if (!isUp) return undefined;
  const stop = async () => {
    server.kill();
    await ended;
  };
  return { port, stop };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Whether something listens there within five seconds. */
async function accepts(port) {
  for (const end = Date.now() + 5000; Date.now() < end;) {
    if (await canConnect(port)) return true;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
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
    socket.on('error', () => resolve(false));
  });
}

module.exports = startRedis;
