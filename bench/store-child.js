'use strict';

// One store and its sessions, in a process of its own. The task is JSON in the first
// argument. It fills the store and says what memory that took. Each message names one of
// TASKS, whose figures are the answer; times are in ms unless they are called µs.

const { PerformanceObserver } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');
const batch = require('./batch');
const resident = require('./resident');
const Sids = require('./sids');
const { median } = require('./statistics');
const { open } = require('./subjects');

/** Calls under way at a time. */
const WIDTH = 100;

/** Batches that make a figure of an operation. */
const BATCHES = 100;

const { subject, sessions } = JSON.parse(process.argv[2]);
const { store } = open(subject);

// Made before memory is first read: the benchmark's own.
const sids = new Sids(sessions).fill();
const order = Uint32Array.from({ length: sessions }, (_, at) => at);

const OPERATIONS = {
  get: {
    call: ({ sid, seed }, done) => store.get(sid, (error, session) => done(error || missing(session, seed))),
  },
  set: { call: ({ sid, session }, done) => store.set(sid, session, done) },
  touch: { call: ({ sid, session }, done) => store.touch(sid, session, done) },
  destroy: {
    call: ({ sid }, done) => store.destroy(sid, done),
    // So that their number stays.
    undo: ({ sid, session }, done) => store.set(sid, session, done),
  },
};

const TASKS = { memory, operate, pauses, thin, refill, count, clear, prune };

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

async function main() {
  await warm();
  const before = await memory();
  await fill(store, sessions, (at) => at);
  process.send({ before, after: await memory() });
  process.on('message', async ({ task, of }) => process.send(await TASKS[task](of)));
  process.on('disconnect', () => process.exit(0));
}

/** The compiler and the young generation have grown up before memory is first read. */
async function warm() {
  const count = Math.min(sessions, 1000);
  await fill(store, count, (at) => at);
  for (const name of Object.keys(OPERATIONS)) await operate(name, count);
  for (let at = 0; at < count; at++) store.destroy(sids.at(at));
  await sleep(1);
}

/** Stores the sessions whose numbers `numberOf` says. */
async function fill(into, count, numberOf, life) {
  for (let at = 0; at < count; at += WIDTH) {
    await batch(Math.min(WIDTH, count - at), (index, done) => {
      const number = numberOf(at + index);
      into.set(sids.at(number), resident(number, life && life(number)), done);
    });
  }
}

/** Puts `count` numbers of sessions, at random, at the front of `order`. */
function shuffle(count, among = sessions) {
  for (let at = 0; at < count; at++) {
    const other = at + Math.floor(Math.random() * (among - at));
    [order[at], order[other]] = [order[other], order[at]];
  }
}

/** @returns {Promise<{ rss: number, heap: number }>} bytes, once collected and given back */
async function memory() {
  for (let round = 0; round < 3; round++) {
    global.gc();
    // Threads of V8 give pages back.
    await sleep(100);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}

/** @returns {Promise<number>} CPU time of one call, µs: what else the machine does is none of it */
async function operate(name, among = sessions) {
  const { call, undo } = OPERATIONS[name];
  const width = Math.min(WIDTH, among);
  let spent = 0;
  for (let left = BATCHES; left > 0; left--) {
    shuffle(width, among);
    const chosen = Array.from(order.subarray(0, width), (seed) => ({ seed, sid: sids.at(seed), session: resident(seed) }));
    const before = process.cpuUsage();
    await batch(width, (at, done) => call(chosen[at], done));
    const { user, system } = process.cpuUsage(before);
    spent += user + system;
    if (undo) await batch(width, (at, done) => undo(chosen[at], done));
  }
  return spent / (BATCHES * width);
}

function missing(session, seed) {
  return resident.is(session, seed) ? undefined : new Error(`${subject.name}: session ${seed} is not the one stored`);
}

/**
 * What the garbage collector stops the process for.
 *
 * @param {number} calls half of them `get`, half `set`
 * @returns {Promise<{ longest: number, full: number }>} the longest stop during the calls;
 *   a full collection that is asked for
 */
async function pauses(calls) {
  const stops = [];
  const observer = new PerformanceObserver((list) => stops.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ entryTypes: ['gc'] });
  for (let done = 0; done < calls; done += WIDTH) {
    await batch(WIDTH, (at, called) => {
      const seed = Math.floor(Math.random() * sessions);
      if (at % 2) store.set(sids.at(seed), resident(seed), called);
      else store.get(sids.at(seed), (error, session) => called(error || missing(session, seed)));
    });
  }
  await sleep(10);
  observer.disconnect();
  const full = [1, 2, 3].map(() => timed(() => global.gc()));
  return { longest: Math.max(0, ...stops), full: median(full) };
}

function timed(call) {
  const started = performance.now();
  call();
  return performance.now() - started;
}

function share() {
  return Math.floor(sessions * 0.9);
}

/** Destroys nine of ten sessions. */
async function thin() {
  shuffle(share());
  for (let at = 0; at < share(); at += WIDTH) {
    await batch(Math.min(WIDTH, share() - at), (index, done) => store.destroy(sids.at(order[at + index]), done));
  }
  return memory();
}

/** Stores others in their place. */
async function refill() {
  for (let at = 0; at < share(); at++) sids.renew(order[at]);
  await fill(store, share(), (at) => order[at]);
  return memory();
}

/** @returns {Promise<{ blocked: number, answered: number }>} of `length()` */
function count() {
  return answer((done) => store.length((error, length) => {
    done(error || (length === sessions ? undefined : new Error(`${subject.name}: length is ${length}`)));
  }));
}

/** @returns {Promise<{ blocked: number, answered: number }>} of `clear()` */
function clear() {
  return answer((done) => store.clear(done));
}

async function answer(call) {
  const started = performance.now();
  let blocked;
  await batch(1, (_, done) => {
    call(done);
    blocked = performance.now() - started;
  });
  return { blocked, answered: performance.now() - started };
}

/**
 * Sessions that have all expired, and how long a turn of the event loop takes while the
 * store frees them.
 *
 * @param {number} round
 * @returns {Promise<{ longest: number, total: number } | null>} null if it frees nothing by itself
 */
async function prune(round) {
  if (typeof store.stats !== 'function') return null;
  const { MemoryStore } = require(subject.session);
  const shared = `expired sessions ${round}`;
  const now = Date.now();
  const filled = new MemoryStore({ shared, checkPeriod: false });
  await fill(filled, sessions, (at) => at, (number) => ({ ends: now - 1000 - number % 60000 }));
  await memory();
  // Of the two only this one prunes, and only once.
  const pruned = new MemoryStore({ shared, checkPeriod: 3000 });
  return new Promise((resolve) => {
    let longest = 0;
    let started;
    let last = performance.now();
    (function turn() {
      const at = performance.now();
      const left = pruned.stats().sessions;
      if (left < sessions) {
        started ??= last;
        longest = Math.max(longest, at - last);
      }
      if (left === 0) resolve({ longest, total: at - started });
      else setImmediate(turn);
      last = at;
    })();
  });
}
