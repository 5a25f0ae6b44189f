'use strict';

/**
 * Requests per second of the page of a visitor who is logged in: one process
 * with a MemoryStore, one with Redis, then one and two behind nginx; and the CPU
 * time that the app, Redis and nginx take for a request. The load comes from
 * this process, so everything shares the cores of this machine. Only on Linux.
 *
 * ORIGINAL=1 measures express-session in place of this package.
 */
if (process.env.ORIGINAL !== '1') require('./alias');

const net = require('node:net');
const os = require('node:os');

const cpuTime = require('./cpu');
const Site = require('./site');
const { serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');
const { missing } = require('../../test-kit/installed');
const { HOST } = require('../../test-kit/port');
const { Program } = require('../../test-kit/program');

/** Requests under way at once, each on a connection of its own. */
const CONNECTIONS = 16;

/** Times, in ms. */
const WARM_UP = 1000;
const ROUND = 1000;

const ROUNDS = 9;
const PARTS = ['app', 'redis', 'nginx'];
const SECRET = 'only measured';

async function main() {
  const absent = missing('redis-server', 'nginx');

  if (absent) throw new Error(absent);

  const alone = new Program(process.execPath, [__filename, 'alone'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const one = await Site.start({ processes: 1, secret: SECRET });
  const two = await Site.start({ processes: 2, secret: SECRET });

  try {
    const { port } = await alone.message();
    const subjects = [
      { name: '1 process, MemoryStore', port, app: [alone] },
      { name: '1 process, Redis', port: one.processes[0].port, app: one.processes, redis: [one.redis] },
      { name: '1 process, Redis, behind nginx', port: one.port, app: one.processes, redis: [one.redis], nginx: [one.nginx] },
      { name: '2 processes, Redis, behind nginx', port: two.port, app: two.processes, redis: [two.redis], nginx: [two.nginx] },
    ];

    for (const subject of subjects) {
      subject.cookie = await logIn(subject.port);
      subject.rates = [];
      subject.responses = 0;
      subject.cpu = PARTS.map(() => 0);
      await load(subject, WARM_UP);
    }
    // In turn, so that whatever else this machine does meets all of them.
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of subjects) await measure(subject);
    }

    print(subjects);
  } finally {
    await Promise.all([alone.stop(), one.stop(), two.stop()]);
  }
}

async function measure(subject) {
  const before = PARTS.map((part) => taken(subject[part]));
  const { responses, seconds } = await load(subject, ROUND);

  PARTS.forEach((part, i) => { subject.cpu[i] += taken(subject[part]) - before[i]; });
  subject.responses += responses;
  subject.rates.push(responses / seconds);
}

/** CPU time of some programs, in ms. */
const taken = (programs = []) => programs.reduce((sum, { pid }) => sum + cpuTime(pid), 0);

function print(subjects) {
  console.log(`| ${os.cpus().length} cores for everything | requests per second (least to most of ${ROUNDS}) | CPU time per request: ${PARTS.join(', ')} |`);
  console.log('|---|---|---|');
  for (const { name, rates, responses, cpu } of subjects) {
    const [least, most] = [Math.min(...rates), Math.max(...rates)];
    const median = [...rates].sort((a, b) => a - b)[ROUNDS >> 1];
    const each = cpu.filter(Boolean).map((ms) => `${Math.round((ms / responses) * 1000)} µs`);

    console.log(`| ${name} | ${Math.round(median)} (${Math.round(least)} to ${Math.round(most)}) | ${each.join(', ')} |`);
  }
}

/** The app as it would be if it were never to be more than one process. */
async function serveAlone() {
  const { MemoryStore } = require('express-session');
  const { createApp } = require('./app');
  const { port } = await serve(createApp({ secret: SECRET, store: new MemoryStore(), number: '1' }));

  process.send({ port });
  process.once('disconnect', () => process.exit());
}

async function logIn(port) {
  const visitor = new Visitor(port);

  await visitor.post('/login', { name: 'ada' });
  return visitor.jar.header;
}

/** @returns {Promise<{ responses: number, seconds: number }>} */
function load({ port, cookie }, ms) {
  const request = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nCookie: ${cookie}\r\n\r\n`;
  const started = process.hrtime.bigint();

  return new Promise((resolve, reject) => {
    const sockets = new Set();
    let responses = 0;
    let isOver = false;

    for (let i = 0; i < CONNECTIONS; i++) open();
    setTimeout(() => { isOver = true; }, ms);

    function open() {
      const socket = net.connect(port, HOST, () => socket.write(request)).setNoDelay().setEncoding('latin1');
      let text = '';

      sockets.add(socket);
      socket.on('error', reject);
      socket.on('data', (more) => {
        text += more;
        if (!text.endsWith('</html>\n')) return;
        if (!text.startsWith('HTTP/1.1 200') || !text.includes('Ada Lovelace')) reject(new Error(text));
        text = '';
        responses++;
        // What was asked is answered before it ends: the next subject has the machine for itself.
        if (isOver) socket.destroy();
        else socket.write(request);
      });
      // nginx ends a connection after a thousand requests.
      socket.on('close', () => {
        sockets.delete(socket);
        if (!isOver) open();
        else if (sockets.size === 0) resolve({ responses, seconds: Number(process.hrtime.bigint() - started) / 1e9 });
      });
    }
  });
}

if (process.argv[2] === 'alone') {
  serveAlone();
} else {
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
