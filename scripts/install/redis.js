'use strict';

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

/**
 * Starts a Redis server on a socket in a folder, which no other server can have.
 *
 * @param {string} folder
 * @returns {Promise<{ socket: string, stop(): void } | undefined>} undefined, with a word
 *   about it, where there is no Redis
 * @throws {Error} where CI=true and there is no Redis
 */
async function startRedis(folder) {
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    if (process.env.CI === 'true') throw new Error('redis-server is missing');
    console.error('redis-server is missing, so connect-redis is not tried: install Redis.');
    return undefined;
  }
  const socket = path.join(folder, 'redis');
  const args = ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  while (!fs.existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  return { socket, stop: () => child.kill() };
}

module.exports = startRedis;
