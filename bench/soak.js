'use strict';

const { monitorEventLoopDelay } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');
const { MemoryStore } = require('..');
const Crowd = require('./crowd');
const progress = require('./progress');
const { summary } = require('./statistics');
const { table, digits } = require('./table');

/** What each session sees of a kind in a lifetime, on average. */
const MIX = { look: 3, touch: 0.8, write: 0.6, leave: 0.2 };

/** New sessions at a time, by those that end if nobody touches them: what is missing comes soon, not at once. */
const RUSH = 2;

/** ms of load that may be made up for at a time. */
const LATEST = 5;

/** ms between what the event loop's delay is measured by. */
const RESOLUTION = 1;

/** ms that a session lasts, on average; less in a short run, for some lifetimes in it. */
const LIFE = 120000;
const LIVES = 5;

/** Sessions that end in a ms, at most: more would be too much work, and the delay that of the load. */
const ENDING = 8;

/** Prunings in a lifetime. */
const PRUNINGS = 20;

/**
 * Mixed load on a store whose sessions expire: some end, are touched, written and
 * destroyed, and as many come, so that about `sessions` are alive.
 *
 * @param {object} store a MemoryStore of this package
 * @param {object} load
 * @param {number} load.sessions
 * @param {number} load.seconds after the store was filled
 * @param {number} load.life ms that a session lasts, on average
 * @param {(crowd: Crowd, samples: object[]) => unknown} [onSample] called each second while no call is under way
 * @returns {Promise<{ crowd: Crowd, samples: object[] }>}
 */
async function soak(store, { sessions, seconds, life }, onSample) {
  const crowd = new Crowd(store, sessions, life);
  const load = new Load(crowd);
  await crowd.fill();
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  const samples = [];
  const started = Date.now();
  while (samples.length < seconds) {
    await sleep(1);
    load.go();
    if (Date.now() < started + (samples.length + 1) * 1000) continue;
    samples.push(sampleOf(crowd, delay, (Date.now() - started) / 1000));
    await crowd.settle();
    if (onSample) await onSample(crowd, samples);
    delay.reset();
  }
  delay.disable();
  await crowd.settle();
  return { crowd, samples };
}

/** What the crowd does, evenly over time. */
class Load {
  constructor(crowd) {
    this.crowd = crowd;
    this.last = Date.now();
    this.owed = { look: 0, touch: 0, write: 0, leave: 0 };
  }

  /** Does what is due since the last time. */
  go() {
    const { crowd, owed } = this;
    const now = Date.now();
    const ending = (Math.min(LATEST, now - this.last) * crowd.sessions) / crowd.life;
    this.last = now;
    for (const [kind, share] of Object.entries(MIX)) {
      for (owed[kind] += ending * share; owed[kind] >= 1; owed[kind]--) crowd[kind]();
    }
    const missing = crowd.sessions - crowd.alive();
    for (let left = Math.min(missing, Math.ceil(ending * RUSH)); left > 0; left--) crowd.enter();
  }
}

function sampleOf(crowd, delay, second) {
  const { rss, heapUsed } = process.memoryUsage();
  const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  return {
    second,
    rss: rss / 1e6,
    heap: heapUsed / 1e6,
    delay: ms(delay.max),
    usual: ms(delay.percentile(99)),
    stored: crowd.store.stats().sessions,
    alive: crowd.alive(),
  };
}

/**
 * The soak mode.
 *
 * @param {object} options of the command line
 * @returns {Promise<object>}
 */
async function soakRun({ sessions, seconds }) {
  const life = Math.round(Math.max(sessions / ENDING, Math.min(LIFE, (seconds * 1000) / LIVES)));
  const store = new MemoryStore({ checkPeriod: Math.ceil(life / PRUNINGS) });
  progress(0, seconds, 'filling');
  const { crowd, samples } = await soak(store, { sessions, seconds, life }, (_, { length }) => progress(length, seconds, 'load'));
  const title = `${seconds} s of mixed load on ${sessions} sessions that last ${digits(life / 1000)} s on average`;
  return { title, samples, panels: panelsOf(samples), counts: crowd.counts, stats: store.stats(), faults: crowd.faults };
}

function panelsOf(samples) {
  const line = (name, key) => ({ name, points: samples.map((sample) => [sample.second, sample[key]]) });
  return [
    { title: 'memory, MB', lines: [line('RSS', 'rss'), line('JavaScript heap', 'heap')] },
    { title: 'delay of the event loop, ms', lines: [line('longest', 'delay'), line('99 of 100 are below', 'usual')] },
    { title: 'sessions', lines: [line('in the store', 'stored'), line('alive', 'alive')] },
  ];
}

function soakTable({ title, panels, counts, stats, faults }) {
  const rows = panels.flatMap(({ title: what, lines }) => lines.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    const { median, low, high } = summary(values);
    return [`${what}: ${name}`, ...[values[0], values.at(-1), low, median, high].map(digits)];
  }));
  const told = (numbers) => Object.entries(numbers).map(([name, number]) => `${name} ${number}`).join(', ');
  return [
    table([title, 'first', 'last', 'least', 'median', 'most'], rows),
    '',
    `calls:  ${told(counts)}`,
    `store:  ${told(stats)}`,
    ...faults.map((fault) => `fault:  ${fault}`),
  ].join('\n');
}

module.exports = { soak, soakRun, soakTable };
