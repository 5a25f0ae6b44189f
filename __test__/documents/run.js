'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');

// Nothing is measured: this only turns a program that never ends into a failure.
const WATCHDOG = 120 * 1000;

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options] of `spawn`
 * @returns {Promise<{ status: number | null, stdout: string, stderr: string }>}
 */
async function run(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: WATCHDOG, killSignal: 'SIGKILL' });
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => { printed[stream] += text; });
  }
  const [status] = await once(child, 'close');
  return { status, ...printed };
}

module.exports = run;
