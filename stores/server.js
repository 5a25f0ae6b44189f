'use strict';

const { spawn } = require('node:child_process');
const { accepts } = require('./port');

const START_MS = 60000;
const STOP_MS = 15000;

/** A server that is not installed here. */
class Missing extends Error {
  /**
   * @param {string} server
   * @param {string} source what brings it, for a person to type
   */
  constructor(server, source) {
    super(`${server} is missing: ${source}`);
    this.isMissing = true;
  }
}

/**
 * Starts a server and waits until it accepts connections.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} options those of `spawn`, and
 * @param {number} options.port where it listens
 * @param {NodeJS.Signals} [options.signal] what ends it
 * @param {string} options.source what brings it if it is missing
 * @returns {Promise<{ port: number, stop: () => Promise<void> }>}
 */
async function startServer(command, args, { port, source, signal = 'SIGTERM', ...options }) {
  const server = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => { output = (output + chunk).slice(-2000); });
  }
  let failure;
  const ended = new Promise((resolve) => {
    server.on('exit', () => { resolve(failure ??= new Error(`${command} ended: ${output}`)); });
    server.on('error', (error) => {
      resolve(failure = error.code === 'ENOENT' ? new Missing(command, source) : error);
    });
  });
  const stop = async () => {
    server.kill(signal);
    const timer = setTimeout(() => { server.kill('SIGKILL'); }, STOP_MS);
    await ended;
    clearTimeout(timer);
  };
  if (!await accepts(port, START_MS, () => failure)) {
    if (!failure) await stop();
    throw failure ?? new Error(`${command} does not listen`);
  }
  return { port, stop };
}

module.exports = { startServer, Missing };
