'use strict';

/**
 * Parallel requests of one session, in an order that a scheduler chooses, and what must be true of
 * them with the option `merge`: no update is lost or made twice, unless the program has heard of an
 * error; a session that was destroyed stays so; and neither the cookie nor `_meta` is merged.
 *
 * The model knows nothing of how a merge is made. It notes what each request has done to the session,
 * and whether it was told that this is stored.
 */

const { createHmac } = require('node:crypto');
const { EventEmitter } = require('node:events');
const { Scheduler, restoreTimers } = require('./scheduler');
const { session } = require('../../subject');
const { createRandom } = require('../../parity/differential/random');
const { dropEach, shrink } = require('../../parity/differential/shrink');
const { counting } = require('./stores');

restoreTimers();

const SID = 's'.repeat(32);
const SECRET = 'keyboard';
const COOKIE = `connect.sid=s%3A${SID}.${encodeURIComponent(createHmac('sha256', SECRET).update(SID).digest('base64').replace(/=+$/, ''))}`;
const START = { n0: 0, n1: 0, list0: [], list1: [], reg0: 'start', reg1: 'start', map: {} };

/** Adds counters, appends lists, joins objects; of other keys the later value wins. */
function resolve(key, base, mine, theirs) {
  if (key === 'cookie' || key === '_meta') throw new Error(`${key} was merged`);
  if (key.startsWith('n')) return theirs + mine - base;
  if (key.startsWith('list')) { theirs.push(...mine.slice(base.length)); return theirs; }
  if (key === 'map') return Object.assign(theirs, mine);
  if (key === 'refused') throw new Error('cannot decide');
  return mine ?? null;
}

/** @param {number} seed */
function drawScenario(seed) {
  const { int, chance, pick, weighted } = createRandom(seed);
  const isPlain = chance(0.3);
  const drawStep = () => {
    const kind = weighted([
      [isPlain ? 0 : 4, 'count'], [isPlain ? 0 : 4, 'push'], [isPlain ? 0 : 2, 'join'], [3, 'put'], [1, 'remove'], [4, 'own'],
      [1, 'cookie'], [1, 'meta'], [isPlain ? 0 : 0.3, 'refused'], [3, 'save'], [1, 'reload'], [0.4, 'destroy'], [0.2, 'keep'], [0.3, 'big'],
    ]);
    return { kind, index: int(0, 1), by: int(1, 9), how: pick(['callback', 'promise', 'forget']) };
  };
  return {
    seed,
    isPlain,
    kind: pick(Object.keys(KINDS)),
    resave: chance(0.2),
    rolling: chance(0.2),
    requests: Array.from({ length: int(2, 5) }, () => ({ steps: Array.from({ length: int(0, 5) }, drawStep) })),
    failures: Array.from({ length: weighted([[4, 0], [1, 1], [1, 3]]) }, () => int(1, 25)),
    choices: Array.from({ length: 120 }, () => int(0, 11)),
  };
}

/** Makes each kind of store. Each is one whose comparison is one step. */
const KINDS = {
  memory: () => new session.MemoryStore(),
  wrapped() {
    const store = new session.MemoryStore();
    const { get } = store;
    store.get = function wrapped(sid, callback) { get.call(this, sid, callback); };
    return store;
  },
  callbacks: (run) => scheduled(run),
  promises(run) {
    const { get, set, destroy, touch, setIfUnchanged } = scheduled(run);
    const asked = (method, ...args) => new Promise((fulfil, reject) => { method(...args, (error, result) => (error ? reject(error) : fulfil(result))); });
    return Object.assign(new session.Store(), {
      get: async (sid) => asked(get, sid),
      set: async (sid, sess) => asked(set, sid, sess),
      destroy: async (sid) => asked(destroy, sid),
      touch: async (sid, sess) => asked(touch, sid, sess),
      setIfUnchanged: async (sid, sess, loaded) => asked(setIfUnchanged, sid, sess, loaded),
    });
  },
};

/** A store whose calls take effect, and are answered, when the scheduler says. */
function scheduled({ scheduler, records, failures }) {
  let calls = 0;
  const act = (callback, effect, mayFail = true) => {
    const fails = mayFail && failures.includes(++calls);
    scheduler.add(() => {
      const result = fails ? undefined : effect();
      scheduler.add(() => (fails ? callback(new Error('the store is down')) : callback(null, result)));
    });
  };
  return Object.assign(new session.Store(), {
    get(sid, callback) {
      act(callback, () => (records.has(sid) ? JSON.parse(records.get(sid)) : undefined), sid === SID && calls > 4);
    },
    set(sid, sess, callback) {
      const text = JSON.stringify(sess);
      act(callback, () => { records.set(sid, text); });
    },
    setIfUnchanged(sid, sess, loaded, callback) {
      const [text, base] = [JSON.stringify(sess), counting(loaded)];
      act(callback, () => {
        const isSame = records.has(sid) && counting(JSON.parse(records.get(sid))) === base;
        if (isSame) records.set(sid, text);
        return isSame;
      });
    },
    touch(sid, sess, callback) { act(callback, () => {}, false); },
    destroy(sid, callback) { act(callback, () => { records.delete(sid); }, false); },
  });
}

/** As much of a response as the middleware uses. */
class FakeResponse extends EventEmitter {
  statusCode = 200;

  headersSent = false;

  headers = {};

  getHeader(name) { return this.headers[name.toLowerCase()]; }

  setHeader(name, value) { this.headers[name.toLowerCase()] = value; }

  hasHeader(name) { return name.toLowerCase() in this.headers; }

  removeHeader(name) { delete this.headers[name.toLowerCase()]; }

  writeHead() { this.headersSent = true; }

  write() { return true; }

  end() {
    if (!this.headersSent) this.writeHead();
    this.writableEnded = true;
    this.emit('finish');
  }
}

/**
 * Runs a scenario.
 * @returns {Promise<{ problem: string | undefined, merged: number, errors: number, isDestroyed: boolean, kind: string }>}
 *   what was wrong, and what has happened
 */
async function runScenario(scenario) {
  const scheduler = new Scheduler(scenario.choices);
  const run = {
    scheduler, failures: scenario.failures, records: new Map(),
    /** What requests have done: { request, step, isStored, isDropped }. */
    updates: [], ends: [], clock: 0, isDestroyed: false, problems: [], unanswered: 0, counts: { merged: 0, errors: 0 },
  };
  const store = KINDS[scenario.kind](run);
  const first = { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, ...structuredClone(START) };
  if (store instanceof session.MemoryStore) store.sessions[SID] = JSON.stringify(first);
  else run.records.set(SID, JSON.stringify(first));
  const merge = scenario.isPlain ? true : (...args) => { run.counts.merged++; return resolve(...args); };
  const { resave, rolling } = scenario;
  const middleware = session({ secret: SECRET, saveUninitialized: false, resave, rolling, store, merge });
  run.textOf = () => (store instanceof session.MemoryStore ? store.sessions[SID] : run.records.get(SID));
  scenario.requests.forEach((request, id) => { scheduler.add(() => { serve(run, middleware, request, id); }); });
  await scheduler.run();
  for (const end of run.ends) end();
  if (run.unanswered > 0) run.problems.push(`${run.unanswered} requests were not answered`);
  check(run);
  return { problem: run.problems[0], ...run.counts, isDestroyed: run.isDestroyed, kind: scenario.kind };
}

function serve(run, middleware, { steps }, id) {
  const req = Object.assign(new EventEmitter(), { url: '/', method: 'GET', headers: { cookie: COOKIE }, socket: {}, connection: {} });
  const res = new FakeResponse();
  /** What this request has done since it has last begun a save. */
  const state = { id, req, began: run.clock++, done: [], hasBegun: false, endUpdates: undefined };
  run.unanswered++;
  res.on('finish', () => {
    run.unanswered--;
    // The end has stored all that was not stored before, if no error follows.
    const end = run.clock++;
    run.ends.push(() => { if (!state.hasFailed) settle(run, state.endUpdates ?? [], end); });
  });
  middleware(req, res, (error) => {
    if (error) {
      run.counts.errors++;
      state.hasFailed = true;
      if (!/is down|cannot decide|again and again|BigInt/.test(error.message)) run.problems.push(`request ${id}: ${error.message}`);
      // The error page. It saves nothing: the session has failed.
      if (!res.writableEnded) { req.session = null; res.end(); }
      return;
    }
    program(run, state, steps).then(() => {
      state.endUpdates = state.done.splice(0);
      res.end();
    }).catch((thrown) => { run.problems.push(`request ${id}: ${thrown.stack}`); });
  });
}

/** The updates are stored, as the program was told. */
function settle(run, updates, end = run.clock++) {
  for (const update of updates) {
    update.isStored = true;
    update.end ??= end;
  }
}

async function program(run, state, steps) {
  const { req, id } = state;
  const isSession = req.session?.id === SID;
  for (const [at, { kind, index, by, how }] of steps.entries()) {
    await run.scheduler.turn();
    const { session: sess } = req;
    if (!sess || sess.id !== SID || !isSession) return;
    const token = `${id}.${at}`;
    const note = (key, value) => {
      const update = { kind, key, value, began: state.loadedAt ?? state.began };
      state.done.push(update);
      run.updates.push(update);
    };
    switch (kind) {
      case 'count': sess[`n${index}`] += by; note(`n${index}`, by); break;
      case 'push': sess[`list${index}`].push(token); note(`list${index}`, token); break;
      case 'join': sess.map[token] = by; note('map', token); break;
      case 'put': sess[`reg${index}`] = token; note(`reg${index}`, token); break;
      case 'remove': {
        const key = `reg${index}`;
        // A key that is not there is no change, which the end would store if the save before fails.
        if (key in sess) note(key, null);
        delete sess[key];
        break;
      }
      case 'own': sess[`own ${token}`] = { token }; note(`own ${token}`, token); break;
      case 'refused': sess.refused = token; break;
      case 'cookie': sess.cookie.maxAge = by * 10_000_000; break;
      case 'meta': sess._meta = { token }; break;
      case 'big':
        sess.big = 1n;
        await sess.save().catch(() => {});
        delete sess.big;
        break;
      case 'save': await save(run, state, sess, how); break;
      case 'reload': {
        const done = state.done.splice(0);
        const began = run.clock++;
        // What was not saved is gone, and nobody is surprised; if the session is gone, it stays.
        const error = await sess.reload().catch((failure) => failure);
        if (error) state.done.unshift(...done);
        else state.loadedAt = began;
        break;
      }
      case 'destroy': run.isDestroyed = true; state.done.length = 0; await sess.destroy(); return;
      case 'keep':
        state.done.length = 0;
        await sess.regenerate({ keep: true }).then(() => { run.isDestroyed = true; }, () => {});
        return;
    }
  }
  await run.scheduler.turn();
}

async function save(run, state, sess, how) {
  const saved = state.done.splice(0);
  const outcome = new Promise((resolve) => {
    if (how === 'callback') sess.save(resolve);
    else sess.save().then(() => resolve(), resolve);
  }).then((error) => {
    if (error) run.counts.errors++;
    // After an error the program knows that they may be lost, unless another save stores them.
    if (!error) settle(run, saved);
  });
  if (how !== 'forget') await outcome;
}

/** What must be true in the end. */
function check(run) {
  const { problems, updates } = run;
  const text = run.textOf();
  if (run.isDestroyed) {
    if (text !== undefined) problems.push('the destroyed session is back');
    return;
  }
  if (text === undefined) {
    problems.push('the session is gone');
    return;
  }
  const data = JSON.parse(text);
  const of = (key) => updates.filter((update) => update.key === key);
  for (const key of ['n0', 'n1']) {
    const sum = (list) => list.reduce((total, { value }) => total + value, 0);
    const least = sum(of(key).filter(({ isStored }) => isStored));
    const most = sum(of(key));
    if (!(data[key] >= least && data[key] <= most)) problems.push(`${key} is ${data[key]}, not between ${least} and ${most}`);
  }
  for (const key of ['list0', 'list1', 'map']) {
    const list = key === 'map' ? Object.keys(data.map) : data[key];
    if (new Set(list).size < list.length) problems.push(`${key} has an item twice: ${list}`);
    for (const { value, isStored } of of(key)) if (isStored && !list.includes(value)) problems.push(`${key} has lost ${value}`);
  }
  for (const { kind, key, value, isStored } of updates) {
    if (kind === 'own' && isStored && data[key]?.token !== value) problems.push(`${key} is lost`);
  }
  for (const key of ['reg0', 'reg1']) {
    const value = data[key] ?? null;
    const stored = of(key).filter(({ isStored }) => isStored);
    const writer = of(key).findLast((update) => update.value === value);
    if (value === 'start' ? stored.length > 0 : !writer) problems.push(`${key} is ${value}`);
    // Who has loaded the session after a value was stored, and has stored another, wins.
    if (writer?.isStored && writer.value !== null && stored.some((other) => other.value !== value && other.began > writer.end)) problems.push(`${key} is ${value}, which is older`);
  }
}

/** What can be left out of a scenario, the big parts first. */
function parts({ requests, failures, choices, resave, rolling }) {
  const removals = [];
  dropEach(removals, requests, (copy) => copy.requests);
  requests.forEach(({ steps }, at) => { dropEach(removals, steps, (copy) => copy.requests[at].steps); });
  dropEach(removals, failures, (copy) => copy.failures);
  if (resave) removals.push((copy) => { copy.resave = false; });
  if (rolling) removals.push((copy) => { copy.rolling = false; });
  for (let length = choices.length; length >= 1; length = Math.floor(length / 2)) removals.push((copy) => { copy.choices.splice(-length); });
  choices.forEach((choice, at) => { if (choice > 0) removals.push((copy) => { copy.choices[at] = 0; }); });
  return removals;
}

/** Makes a scenario that fails as small as possible. */
const shrinkScenario = (scenario) => shrink(scenario, async (smaller) => Boolean((await runScenario(smaller)).problem), parts, 5000);

module.exports = { drawScenario, runScenario, shrinkScenario };
