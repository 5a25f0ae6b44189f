'use strict';

/**
 * Starts the whole site and stops it again: Redis, PROCESSES of the app (2), and
 * nginx on PORT (3000; 0 takes any free one).
 */
const crypto = require('node:crypto');

const Site = require('./site');
const { missing } = require('../../test-kit/installed');

const DEFAULT_PORT = 3000;
const DEFAULT_PROCESSES = 2;

/**
 * A number from the environment; unset or empty means the default.
 * @returns {number}
 */
function read(name, { least, most, otherwise }) {
  const text = process.env[name];

  if (!text) return otherwise;

  const number = /^\d{1,5}$/.test(text) ? Number(text) : NaN;

  if (number >= least && number <= most) return number;
  throw new Error(`${name} is ${JSON.stringify(text)}: use a number from ${least} to ${most}.`);
}

function whyNot(error, port) {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} is taken: stop the program that uses it, or set PORT to another (PORT=0 takes any free one).`;
    case 'EACCES':
      return `Port ${port} is not open to this user: set PORT to 1024 or higher.`;
    default:
      return error.message;
  }
}

async function main() {
  const port = read('PORT', { least: 0, most: 65535, otherwise: DEFAULT_PORT });
  const processes = read('PROCESSES', { least: 1, most: 64, otherwise: DEFAULT_PROCESSES });
  const absent = missing('redis-server', 'nginx');

  if (absent) throw new Error(absent);

  const secret = process.env.SECRET || crypto.randomBytes(32).toString('hex');
  const starting = Site.start({ processes, port, secret });
  let stopped;
  const stop = () => { stopped ??= starting.then((site) => site.stop(), () => {}); };

  // From the start, so that nothing is left behind. A second signal does not wait.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => (stopped ? process.exit(1) : stop()));
  }

  const site = await starting.catch((error) => { throw new Error(whyNot(error, port)); });

  site.on('lost', ({ name }, how) => console.log(`${name} ${how}; ${site.processes.length} left.`));
  site.on('failed', (why) => {
    fail(`${why}: stopping.`);
    stop();
  });

  console.log(`Redis has pid ${site.redis.pid}, nginx ${site.nginx.pid}, ${
    site.processes.map(({ name, pid }) => `${name} ${pid}`).join(', ')}.`);
  if (!process.env.SECRET) console.log('SECRET is not set: the processes share a random one until they end.');
  console.log(`Listening on ${site.url} (Ctrl-C stops everything)`);
}

function fail(line) {
  console.error(line);
  process.exitCode = 1;
}

main().catch((error) => fail(error.message));
