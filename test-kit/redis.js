'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { temporaryFolder } = require('./folder');
const { HOST, freePort } = require('./port');
const { startServer } = require('./program');

/** Nothing is kept on the disk. */
const FORGETFUL = ['--save', '', '--appendonly', 'no'];

/**
 * Starts a Redis of its own, which keeps nothing on the disk unless its settings say so.
 * @param {object} [options]
 * @param {string} [options.folder] takes its files
 * @param {number} [options.port] any free port without one
 * @param {string[]} [options.settings] more of them
 * @param {string} [options.program] the path of a server that is used as Redis is
 * @returns {Promise<import('./program').Program & { port: number, url: string, fresh: () => Promise<{}> }>}
 *   `fresh` empties it
 * @throws {import('./installed').Missing} where there is no Redis
 */
async function startRedis({ folder = temporaryFolder('redis'), port, settings = [], program = 'redis-server' } = {}) {
  port ??= await freePort();
  const args = ['--port', String(port), '--bind', HOST, '--dir', folder, ...FORGETFUL, ...settings];
  const server = await startServer(program, args, { port });
  return Object.assign(server, {
    url: `redis://${HOST}:${port}`,
    async fresh() {
      await askRedis(port, 'FLUSHALL');
      return {};
    },
  });
}

/**
 * Starts a Sentinel that knows one Redis by the name of `master`.
 * @param {string} folder takes its files
 * @param {number} master the port of that Redis
 * @returns {Promise<import('./program').Program & { port: number }>}
 */
async function startSentinel(folder, master) {
  const port = await freePort();
  // A Sentinel rewrites its file.
  const file = path.join(folder, 'sentinel.conf');
  fs.writeFileSync(file, `port ${port}\nbind ${HOST}\ndir ${folder}\nsentinel monitor master ${HOST} ${master} 1\n`);
  return startServer('redis-server', [file, '--sentinel'], { port });
}

/**
 * Asks a Redis without a client: its protocol takes a line of text.
 * @param {number} port
 * @param {string} question
 * @returns {Promise<string>} the answer, as it is on the wire
 */
function askRedis(port, question) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, HOST, () => { socket.write(`${question}\r\n`); });
    socket.setEncoding('utf8').once('data', (text) => {
      socket.destroy();
      resolve(text);
    });
    socket.once('error', reject);
  });
}

module.exports = { startRedis, startSentinel, askRedis };
