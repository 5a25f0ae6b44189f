'use strict';

const Program = require('./program');
const { HOST, freePort } = require('./port');

/**
 * Starts a Redis of its own.
 * @param {string} folder for its files
 * @returns {Promise<Program & { url: string }>}
 */
async function startRedis(folder) {
  const port = await freePort();
  const redis = new Program('redis-server', [
    '--port', String(port), '--bind', HOST, '--dir', folder,
    // The folder goes when the example ends. On a server that stays, use --appendonly yes:
    // without it, a restart of Redis forgets every session.
    '--save', '', '--appendonly', 'no',
  ]);

  await redis.listening(port);
  return Object.assign(redis, { url: `redis://${HOST}:${port}` });
}

module.exports = startRedis;
