'use strict';

/**
 * Four workers of `cluster` run the example app on one DiskStore, and are replaced one after the
 * other while visitors use the app: in turn by SIGTERM, as when an app is deployed, and by SIGKILL,
 * as when it crashes. It ends after DURATION seconds (10) with a line that counts the sessions that were lost.
 */
const cluster = require('node:cluster');
const crypto = require('node:crypto');
const { once } = require('node:events');
const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');

const Crowd = require('./crowd');
const { temporaryFolder } = require('../../test-kit/folder');

const WORKERS = 4;
const VISITORS = 16;
const DEFAULT_DURATION = 10;

/** In ms. */
const BETWEEN_RESTARTS = 300;

function readDuration(text) {
  if (!text) return DEFAULT_DURATION;

  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : 0;

  if (seconds > 0) return seconds;
  throw new Error(`DURATION is ${JSON.stringify(text)}: use a number from 1 to 99999.`);
}

async function main() {
  const seconds = readDuration(process.env.DURATION);
  const file = path.join(temporaryFolder('express-session-cluster'), 'sessions.db');
  // The same in all workers, and in those that take their places. An app has it from its environment.
  const env = { SECRET: process.env.SECRET || crypto.randomBytes(32).toString('hex'), FILE: file, PORT: process.env.PORT || '0' };
  const stop = new AbortController();

  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
  cluster.setupPrimary({ exec: path.join(__dirname, 'worker.js') });
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => fork(env)));
  const { port } = workers[0];

  console.log(`${WORKERS} workers, with the pids ${workers.map(({ process: { pid } }) => pid).join(', ')}, share ${file}.`);
  console.log(`${VISITORS} visitors log in at http://127.0.0.1:${port}/ and count their page views for ${seconds} s.`);

  const over = new AbortController();
  const crowd = new Crowd(port, VISITORS, over.signal);
  const visits = crowd.visit();

  // The error itself is that of `main`.
  visits.catch(() => stop.abort());

  const restarts = { SIGTERM: 0, SIGKILL: 0 };
  const last = Date.now() + seconds * 1000;

  // One of each at least, however slow the machine is.
  for (let i = 0; i < 2 || Date.now() < last; i++) {
    await pause(BETWEEN_RESTARTS, undefined, { signal: stop.signal }).catch(() => {});
    if (stop.signal.aborted) break;

    const signal = i % 2 === 0 ? 'SIGTERM' : 'SIGKILL';
    const place = i % WORKERS;

    await end(workers[place], signal);
    workers[place] = await fork(env);
    restarts[signal]++;
  }
  over.abort();
  await visits;
  await crowd.look();
  await Promise.all(workers.map((worker) => end(worker, 'SIGTERM')));

  const { answers, repeated, lostSessions, lostViews } = crowd;

  console.log(`${restarts.SIGTERM + restarts.SIGKILL} workers were replaced, ${restarts.SIGKILL} of them by SIGKILL. ${
    answers} requests were answered; ${repeated} were not, as their worker was killed, and were sent again.`);
  console.log(`Sessions lost: ${lostSessions} of ${VISITORS}. Page views lost: ${lostViews}.`);
  if (lostSessions + lostViews > 0) process.exitCode = 1;
}

/** Starts a worker, and returns it when it listens. */
async function fork(env) {
  const worker = cluster.fork(env);
  const failed = once(worker, 'exit').then(() => { throw new Error('A worker has ended before it listened.'); });
  const [{ port }] = await Promise.race([once(worker, 'listening'), failed]);

  failed.catch(() => {});
  return Object.assign(worker, { port });
}

/** Sends a signal to a worker, and returns when that has ended. */
async function end(worker, signal) {
  if (worker.isDead()) return;

  const ended = once(worker, 'exit');

  worker.process.kill(signal);
  await ended;
}

main().then(() => process.exit(), (error) => {
  console.error(error.message);
  process.exit(1);
});
