'use strict';

const { once } = require('node:events');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { MemoryStore } = require('..');
const batch = require('./batch');
const progress = require('./progress');
const resident = require('./resident');
const Sids = require('./sids');
const { summary } = require('./statistics');
const { table, spread } = require('./table');

const SESSIONS = 100000;
const WIDTH = 100;
const THREADS = 2;
const ROUNDS = 6;
const MS = 600;

/** One store for the threads, and one for each: what the machine gives two threads. */
const KINDS = ['shared', 'own'];

/**
 * The threads mode: calls per second on a store that threads share, with one of them at
 * work and with two, in turn.
 *
 * @returns {Promise<object[]>} a row for each of KINDS
 */
async function threadRates() {
  const shared = 'threads';
  const memory = new SharedArrayBuffer(Sids.size(SESSIONS));
  const sids = new Sids(SESSIONS, memory).fill();
  const store = new MemoryStore({ shared });
  for (let at = 0; at < SESSIONS; at += WIDTH) {
    await batch(WIDTH, (index, done) => store.set(sids.at(at + index), resident(at + index), done));
  }
  const workers = Array.from({ length: THREADS }, () => (
    new Worker(path.join(__dirname, 'thread.js'), { workerData: { shared, count: SESSIONS, memory } })
  ));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (const kind of KINDS) await rate(workers, kind);

  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const rates = {};
    for (const kind of KINDS) {
      progress(rounds.length * KINDS.length + KINDS.indexOf(kind), ROUNDS * KINDS.length, `${kind} store`);
      // The threads take turns at being alone.
      rates[kind] = { one: await rate([workers[round % THREADS]], kind), two: await rate(workers, kind) };
    }
    rounds.push(rates);
  }
  progress(1, 1, '');
  await Promise.all(workers.map((worker) => worker.terminate()));
  if (store.stats().sessions !== SESSIONS) throw new Error(`the shared store has ${store.stats().sessions} sessions`);
  return KINDS.map((kind) => rowOf(kind, rounds.map((round) => round[kind])));
}

/** @returns {Promise<number>} calls per second of these workers together */
async function rate(workers, kind) {
  const answers = workers.map((worker) => {
    worker.postMessage({ kind, ms: MS });
    return once(worker, 'message');
  });
  const rates = await Promise.all(answers);
  return rates.reduce((sum, [each]) => sum + each, 0);
}

function rowOf(kind, rounds) {
  return {
    kind,
    one: summary(rounds.map(({ one }) => one)),
    two: summary(rounds.map(({ two }) => two)),
    ratio: summary(rounds.map(({ one, two }) => two / one)),
    rounds,
  };
}

function threadTable(rows) {
  const thousands = (number) => `${Math.round(number / 1000)}k`;
  return table(
    [`calls per second, ${SESSIONS} sessions`, 'ratio 2 : 1', '1 thread', '2 threads'],
    rows.map(({ kind, one, two, ratio }) => [
      kind === 'shared' ? 'one store, shared' : 'a store for each thread',
      spread(ratio), spread(one, thousands), spread(two, thousands),
    ]),
  );
}

module.exports = { threadRates, threadTable };
