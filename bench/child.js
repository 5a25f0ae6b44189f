'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');

/**
 * Runs a file of this folder in a process of its own.
 *
 * @param {string} file
 * @param {object} task its first argument, as JSON
 * @returns {Promise<object>} the JSON it prints
 */
function child(file, task) {
  return new Promise((resolve, reject) => {
    const { DEBUG: _debug, ...env } = process.env;
    const args = [path.join(__dirname, file), JSON.stringify(task)];
    const worker = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    worker.stdout.setEncoding('utf8').on('data', (text) => { output += text; });
    worker.on('error', reject);
    worker.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(output));
      else reject(new Error(`${file} ended with ${status} for ${JSON.stringify(task)}`));
    });
  });
}

module.exports = child;
