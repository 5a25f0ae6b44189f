'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');
const { temporaryFolder } = require('./folder');
const { HOST, freePort } = require('./port');
const { startServer } = require('./program');

/** How often a Redis is asked whether it has read its files by now, in ms. */
const PAUSE = 20;

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
 * @throws {import('./installed').Missing} where there is no Redis; an Error if it cannot start
 */
async function startRedis({ folder = temporaryFolder('redis'), port, settings = [], program = 'redis-server' } = {}) {
  port ??= await freePort();
  const args = ['--port', String(port), '--bind', HOST, '--dir', folder, ...FORGETFUL, ...settings];
  const server = await startServer(program, args, { port });
  try {
    await server.until(ready(server));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return Object.assign(server, {
    url: `redis://${HOST}:${port}`,
    async fresh() {
      await askRedis(port, 'FLUSHALL');
      return {};
    },
  });
}

/**
 * Waits until it has read what is on its disk: it listens before.
 * @throws {Error} if another one answers, who was faster to take the port
 */
async function ready({ pid, port }) {
  while (await askRedis(port, 'PING') !== '+PONG\r\n') await pause(PAUSE);
  const told = await askRedis(port, 'INFO server');
  if (!told.includes(`process_id:${pid}\r\n`)) throw new Error(`port ${port} is another server's`);
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
 * @returns {Promise<string>} the answer, as it is on the wire; rejected if there is none
 */
function askRedis(port, question) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, HOST, () => { socket.write(`${question}\r\n`); });
    socket.setEncoding('utf8').once('data', (text) => {
      socket.destroy();
      resolve(text);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`no answer to ${question}`)));
  });
}

module.exports = { startRedis, startSentinel, askRedis };
