'use strict';

/**
 * Runs one scenario through one session module and returns its trace: all that
 * a program, a store or a client could see, as plain JSON.
 *
 * A run is the state of the whole scenario; a visit is that of one request, and may come in
 * the middle of another one.
 */
const original = require('express-session');
const { createAnother } = require('./another');
const { createListener, runDetached } = require('./app');
const { changeOption, mayBeRefused, nameOf, optionsOf } = require('./settings');
const { startClock } = require('./clock');
const { threwWritingHead } = require('./crash');
const { createForger } = require('./forger');
const { startIds } = require('./ids');
const { patches } = require('./patches');
const { replace } = require('./replaceable');
const { createStore, spy } = require('./store');
const { hasStalled, turn } = require('./turns');
const { describe, describeError, revive, textOf } = require('./values');
const { readSession } = require('./view');
const Visit = require('./visit');
const { exchange } = require('./wire');
const unhashed = require('../../users/unhashed');

/**
 * @param {Function} mod the session module
 * @param {object} scenario
 * @param {{ port: number, handle?: Function }} listener the server of the process
 */
async function runScenario(mod, scenario, listener) {
  const run = {
    mod,
    isOriginal: mod === original,
    /** Whether our side has the option `hashIds`: DIFF_HASH_IDS. */
    isHashed: mod !== original && Boolean(process.env.DIFF_HASH_IDS),
    // what the store has answered as errors
    storeErrors: new Set(),
    isMemory: scenario.store.kind !== 'custom',
    clock: startClock(scenario.start),
    /** Answers that the store owes. */
    pending: 0,
    undo: [],
    /** What cookie options with getters give now. */
    tenant: {},
    /** Keys that a form gave a session and that only ours may show. */
    unseen: new Set(),
    /** Sessions that requests left for later ones. */
    remembered: [],
    /** Whether the program has put null in the place of a session of the MemoryStore. */
    hasRemoved: false,
    /** Names of what the program has replaced. */
    patched: new Set(),
    patch(name) {
      run.patched.add(name);
      run.undo.push(patches[name](mod, run));
    },
    /** What puts back what the program has replaced, by its name in replaceable.js. */
    replaced: new Map(),
    replace(replacement) {
      const restore = replace(run, replacement);
      run.replaced.set(replacement.name, restore);
      run.undo.push(restore);
    },
    restore({ name }) {
      if (run.replaced.has(name)) run.replaced.get(name)();
    },
  };
  run.active = run.outer = new Visit(run, {});
  // of what outlives its request: the store, a method that was replaced
  run.record = (event) => run.outer.events.push(event);
  if (scenario.patch) run.patch(scenario.patch);
  const sids = scenario.seeds.map(({ sid }) => sid);
  const stopIds = startIds(scenario.seed, sids);
  // thrown where nobody can catch it: the end of a program
  process.setUncaughtExceptionCaptureCallback((err) => run.record({ uncaught: describeError(err) }));
  try {
    return await play(run, scenario, listener, sids);
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
    stopIds();
    for (const undo of run.undo.reverse()) undo();
    run.clock.stop();
    listener.handle = undefined;
  }
}

async function play(run, scenario, listener, sids) {
  const store = createStore(run.mod, scenario.store, run);
  run.store = store;
  // The store gets ids, so that what it is asked for can be compared.
  const keyed = run.isHashed ? unhashed(store ?? new run.mod.MemoryStore()) : store;
  for (const replacement of scenario.replaced) run.replace(replacement);
  const secrets = scenario.options.secret ? scenario.options.secret.values.map(revive) : [];
  const trace = { setup: 'ok', mayBeRefused: mayBeRefused(scenario.options), requests: [] };
  const middlewares = [];
  try {
    for (const options of [scenario.options, ...(scenario.second ? [scenario.second] : [])]) {
      const { secret } = scenario.options;
      middlewares.push(run.mod(optionsOf({ ...options, secret }, { seed: scenario.seed, store: keyed, secrets, sids }, run)));
    }
  } catch (err) {
    return { ...trace, setup: describeError(err) };
  }
  if (store && store.addTouch) store.addTouch();
  for (const { sid, text } of scenario.seeds) put(store, sid, text);

  const forger = createForger(nameOf(scenario.options), () => signingSecrets(scenario, secrets), sids);
  run.another = createAnother(run, {
    forger,
    middlewares,
    requestSecret: scenario.requestSecret,
    storeOf: () => store || run.memory,
  });
  const app = { forger, listener, middlewares, handle: createListener(run, scenario.server, middlewares) };
  run.meanwhile = async (request) => {
    const interrupted = run.active;
    const seen = await send(new Visit(run, request), app);
    run.active = interrupted;
    return seen;
  };

  for (const [index, request] of scenario.requests.entries()) {
    const visit = new Visit(run, request);
    run.outer = visit;
    if (scenario.store.kind === 'spied' && scenario.store.from === index && index > 0) spy(store, scenario.store, run);
    await between(run, request.before, { store, secrets, sids });
    const seen = await send(visit, app);
    trace.requests.push(seen);
    if (seen.response === 'hang') break;
  }
  return trace;
}

function signingSecrets(scenario, secrets) {
  return secrets.length > 0 ? secrets : [scenario.requestSecret || 'none'];
}

function put(store, sid, text) {
  if (store.put) store.put(sid, text);
  else store.sessions[sid] = text;
}

async function between(run, actions, { store, secrets, sids }) {
  const memory = store instanceof run.mod.MemoryStore ? store : run.memory;
  const last = sids[sids.length - 1];
  const target = store || run.memory;
  for (const action of actions) {
    if (action.do === 'advance') run.clock.advance(action.ms);
    else if (action.do === 'replace' || action.do === 'restore') run[action.do](action);
    else if (action.do === 'option') changeOption(run, action);
    else if (action.do === 'push secret') secrets.push(revive(action.value));
    else if (action.do === 'new secret') secrets.unshift(revive(action.value));
    else if (action.do === 'replace secret') secrets[0] = revive(action.value);
    else if (action.do === 'emit' && target) target.emit(action.event);
    else if (action.do === 'forget' && memory) delete memory.sessions[last];
    else if (action.do === 'edit' && memory && memory.sessions[last]) {
      memory.sessions[last] = memory.sessions[last].replace(/([^{])}$/, '$1,"edited":true}');
    } else if (action.do === 'blank' && memory) {
      const value = revive(action.value);
      memory.sessions[action.sid || last] = value;
      run.hasRemoved ||= value === null || value === undefined;
    } else if (action.do === 'look' && memory) {
      run.record({ look: await LOOKS[action.how](memory, run) });
    } else if (action.do === 'clear' && memory) {
      await new Promise((resolve) => memory.clear(resolve));
    } else if (action.do === 'destroy' && memory) {
      await new Promise((resolve) => memory.destroy(last, resolve));
    } else if (action.do === 'set' && target) {
      await new Promise((resolve) => target.set(String(last), revive(action.value), resolve));
    }
  }
}

/** How programs look through a MemoryStore. */
const LOOKS = {
  all: (memory, run) => answered((callback) => memory.all(callback))
    .then((all) => textOf(typeof all === 'string' ? all : Object.fromEntries(inOrder(Object.keys(all), run).map((sid) => [sid, all[sid]])))),
  length: (memory) => answered((callback) => memory.length(callback)),
  sessions: (memory, run) => sidsOf(memory, run).map((sid) => `${sid} ${memory.sessions[sid]}`),
};

/** What a store answers, or throws. */
function answered(ask) {
  return new Promise((resolve) => {
    ask((err, value) => resolve(err ? describeError(err) : value));
  }).catch((err) => `threw ${describeError(err)}`);
}

// an entry that is null or empty is no session, and may be gone
const sidsOf = ({ sessions }, run) => inOrder(Object.keys(sessions).filter((sid) => sessions[sid]), run);

/**
 * With the original an entry that is null keeps its place for a session of that sid. Ours has
 * removed it and puts such a session last, so that their order is not looked at any more.
 */
function inOrder(sids, { hasRemoved }) {
  return hasRemoved ? sids.sort() : sids;
}

async function send(visit, { forger, listener, handle, middlewares }) {
  const { request, run } = visit;
  run.active = visit;
  visit.parsedCookies = request.cookieParser ? forger.parsed(request.cookieParser) : undefined;
  const cookies = forger.headers(request.cookie);

  let response;
  if (request.detached) {
    const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
    if (cookies.length > 0) headers.cookie = cookies.map(([, value]) => value).join('; ');
    await runDetached(visit, middlewares[request.session || 0], headers);
    response = 'none';
  } else {
    listener.handle = handle;
    response = await exchange(listener.port, {
      method: request.method,
      target: request.target,
      headers: [...request.headers, ...cookies],
    }, () => isStuck(visit));
    visit.isClosed = true;
    if (response !== 'hang') forger.learn(response.head);
  }
  if (response !== 'hang') await settle(visit);
  // looking at `sessions` could itself change which path a store takes, so not here
  if (visit.req && visit.req.sessionStore instanceof run.mod.MemoryStore) run.memory = visit.req.sessionStore;

  const isAbandoned = visit.hasAbandonedBody || visit.events.some(threwWritingHead);
  const seen = { events: visit.events, response: isAbandoned && response !== 'hang' ? withoutBody(response) : response };
  if (visit.ids) Object.assign(seen, { ids: [...visit.ids, visit.req.sessionID].map(describe), others: visit.others });
  if (request.inspect) seen.after = await inspect(visit);
  // what still arrives belongs to no request
  visit.events = [];
  return seen;
}

/** Resolves to whether a request has arrived and nobody will end its response any more. */
async function isStuck(visit) {
  const isStalled = await hasStalled(visit.run, () => visit.isClosed, () => !visit.req || visit.isHandling);
  return isStalled && !visit.res.writableEnded && !visit.res.destroyed;
}

/**
 * Which of its headers an abandoned body leaves behind is not the same on both sides: neither
 * for an error page nor where the program mends the session and ends the response after all.
 */
function withoutBody({ head }) {
  return { head: head.filter((line, index) => index === 0 || /^set-cookie:/i.test(line)), framing: 'error page', body: '' };
}

/** Waits for the handler, for what the store still owes, and for deferred errors. */
async function settle(visit) {
  await visit.handled;
  while (visit.run.pending > 0) await turn();
  for (let turns = 0; turns < 4; turns++) await turn();
}

/** The session and the store as they are when the request is over. */
async function inspect(visit) {
  const { req, run } = visit;
  const after = {};
  if (req) {
    after.sessionID = describe(req.sessionID);
    after.session = readSession(req.session, run);
  }
  if (run.store && run.store.dump) after.kept = run.store.dump();
  const memory = run.store instanceof run.mod.MemoryStore ? run.store : run.memory;
  if (memory) {
    after.sessions = LOOKS.sessions(memory, run);
    after.all = await LOOKS.all(memory, run);
    after.length = await LOOKS.length(memory);
    after.afterAll = sidsOf(memory, run).join();
  }
  return after;
}

module.exports = { runScenario };
