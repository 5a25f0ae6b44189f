'use strict';

const Program = require('./program');
const { HOST, freePort } = require('./port');

// The folder goes when the example ends. On a server that stays, use --appendonly yes:
// without it, a restart of Redis forgets every session.
const FORGETFUL = ['--save', '', '--appendonly', 'no'];

/**
 * Starts a Redis of its own.
 * @param {string} folder for its files
 * @param {{ port?: number, settings?: string[] }} [options] any free port without
 *   one, and nothing kept on the disk without settings
 * @returns {Promise<Program & { url: string }>}
 */
async function startRedis(folder, { port, settings = FORGETFUL } = {}) {
  port ??= await freePort();

  const redis = new Program('redis-server', ['--port', String(port), '--bind', HOST, '--dir', folder, ...settings]);

  await redis.listening(port);
  return Object.assign(redis, { url: `redis://${HOST}:${port}` });
}

module.exports = startRedis;
