'use strict';

const { serve } = require('../test-kit/app');
const Browser = require('./browser');
const Trace = require('./trace');
const { createApp } = require('./app');
const checks = require('./checks');

/** For one question to a store, and for one check. */
const ANSWER_MS = 5000;
const CHECK_MS = 15000;

/**
 * Runs the checks on one store.
 *
 * @param {Function} session
 * @param {() => Promise<object>} open makes the store, or another on the same data
 * @param {{ leftOut?: Record<string, string>, fleeting?: string[] }} row
 * @param {import('./table').At} at
 * @returns {Promise<{ checks: object[], trace: object[] }>}
 */
async function runChecks(session, open, { leftOut = {}, fleeting = [] }, at) {
  const hidden = { [at.folder]: 'folder', [`127.0.0.1:${at.port}`]: 'server' };
  const trace = new Trace(hidden, at.times === undefined ? fleeting : [...fleeting, '_meta', 'meta']);
  let { store, app } = await mount(session, open, trace, at.times);
  const { port, close } = await serve((req, res) => { app(req, res); });
  const saw = (path, { status, body, cookies }) => {
    trace.add({ path: trace.plain(path), status, ...trace.plain({ body, cookies }) });
  };
  const bench = {
    session,
    notes: {},
    pace: at.pace,
    hasTimes: at.times,
    get store() { return store; },
    browser: () => new Browser(port, saw),
    ask: (method, ...args) => asked(store, method, args),
    reopen: async () => { ({ store, app } = await mount(session, open, trace, at.times)); },
  };

  const verdicts = [];
  for (const check of checks.filter(({ ofTimes = false }) => !ofTimes || at.times !== undefined)) {
    trace.begin(check.name);
    verdicts.push({ name: check.name, ...await judged(check, bench, leftOut) });
    await settled();
    if (check.shuffled) trace.shuffle();
  }
  await close();
  return {
    checks: verdicts.map((verdict) => ({ ...verdict, message: trace.plain(verdict.message ?? '') })),
    trace: trace.sections,
  };
}

async function mount(session, open, trace, hasTimes) {
  const store = await open();
  trace.listen(store);
  const app = createApp(session, store, hasTimes);
  // The middleware has just put it there.
  trace.listen(store, ['generate']);
  return { store, app };
}

async function judged(check, bench, leftOut) {
  if (leftOut[check.name]) return { status: 'left out', message: leftOut[check.name] };
  if (check.has && typeof bench.store[check.has] !== 'function') {
    return { status: 'left out', message: `no ${check.has}()` };
  }
  try {
    await within(CHECK_MS, check.run(bench), 'the check does not end');
    return { status: 'passed' };
  } catch (error) {
    return { status: 'failed', message: error.message };
  }
}

function asked(store, method, args) {
  const answer = new Promise((resolve, reject) => {
    store[method](...args, (error, value) => { error ? reject(error) : resolve(value); });
  });
  return within(ANSWER_MS, answer, `${method}() does not answer`);
}

async function within(ms, promise, message) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => { reject(new Error(message)); }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Some stores answer a moment after the response is out. */
function settled() {
  return new Promise((resolve) => { setTimeout(resolve, 20); });
}

module.exports = runChecks;
