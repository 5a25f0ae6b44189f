'use strict';

const path = require('node:path');
const { Program } = require('../../test-kit/program');

const SERVER = path.join(__dirname, '..', '..', 'examples', 'app', 'server.js');

/**
 * Runs the example app as a program of its own.
 * @param {Record<string, string>} env added to this process's; SECRET and STORE are unset unless given
 */
function run(env) {
  return new Program(process.execPath, [SERVER], { env: { SECRET: '', STORE: '', NODE_ENV: 'test', ...env } });
}

/**
 * Starts the app and waits for the URL it prints.
 * @param {Record<string, string>} [env]
 * @returns {Promise<Program & { url: string }>}
 */
async function start(env = { PORT: '0' }) {
  const app = run(env);
  const [url] = await app.prints(/http:\/\/127\.0\.0\.1:\d+\//);

  return Object.assign(app, { url });
}

module.exports = { SERVER, run, start };
