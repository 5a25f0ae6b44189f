'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

const SERVER = path.join(__dirname, '..', '..', 'examples', 'app', 'server.js');

/**
 * Runs the example app as a program of its own.
 * @param {Record<string, string>} env added to this process's; SECRET is unset unless given
 */
function run(env) {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, SECRET: '', NODE_ENV: 'test', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };

  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8');
    child[stream].on('data', (text) => { output[stream] += text; });
  }

  // 'close' and not 'exit': by then all that was printed has been read.
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }));

  return { child, output, ended };
}

/**
 * Starts the app and waits for the URL it prints.
 * @param {Record<string, string>} [env]
 */
async function start(env = { PORT: '0' }) {
  const { child, output, ended } = run(env);

  const url = await new Promise((resolve, reject) => {
    const look = () => {
      const [found] = output.stdout.match(/http:\/\/127\.0\.0\.1:\d+\//) || [];
      if (found) resolve(found);
    };

    child.stdout.on('data', look);
    ended.then(({ stderr }) => reject(new Error(`the app ended before it listened:\n${stderr}`)));
  });

  return {
    url,
    output,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

module.exports = { SERVER, run, start };
