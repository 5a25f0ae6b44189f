'use strict';

const { spawn } = require('node:child_process');

/** More than an install or a build takes, in ms: what hangs must not hang the tests. */
const LIMIT = 240000;

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env?: object, mayFail?: boolean }} options
 * @returns {Promise<{ status: number | null, output: string }>}
 * @throws {Error} with what the command printed, if it fails and may not
 */
function run(command, args, { mayFail = false, ...options }) {
  return new Promise((resolve, reject) => {
    const shell = process.platform === 'win32' && command !== process.execPath;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT, shell, ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { output += text; });
    }
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0 || mayFail) resolve({ status, output });
      else reject(new Error(`${command} ${args.join(' ')}: ${signal ?? `exit ${status}`}\n${output.slice(-3000)}`));
    });
  });
}

module.exports = run;
