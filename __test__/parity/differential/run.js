'use strict';

/**
 * Runs one scenario through one session module and returns its trace: all that
 * a program, a store or a client could see, as plain JSON.
 */
const { createListener, runDetached } = require('./app');
const { startClock } = require('./clock');
const { createJar } = require('./jar');
const { startIds } = require('./ids');
const { patches } = require('./patches');
const { readSession } = require('./steps');
const { createStore, spy } = require('./store');
const { describe, describeError, revive, textOf } = require('./values');
const { exchange } = require('./wire');

/**
 * @param {Function} mod the session module
 * @param {object} scenario
 * @param {{ port: number, handle?: Function }} listener the server of the process
 */
async function runScenario(mod, scenario, listener) {
  const run = {
    mod,
    clock: startClock(scenario.start),
    events: [],
    pending: 0,
    record: (event) => run.events.push(event),
  };
  const sids = scenario.seeds.map(({ sid }) => sid);
  const undo = scenario.patch ? patches[scenario.patch](mod, run) : () => {};
  const stopIds = startIds(scenario.seed, sids);
  try {
    return await play(run, scenario, listener, sids);
  } finally {
    stopIds();
    undo();
    run.clock.stop();
    listener.handle = undefined;
  }
}

async function play(run, scenario, listener, sids) {
  const store = createStore(run.mod, scenario.store, run);
  const secrets = scenario.options.secret ? scenario.options.secret.values.map(revive) : [];
  let middleware;
  try {
    middleware = run.mod(optionsOf(scenario, store, secrets, sids));
  } catch (err) {
    return { setup: describeError(err), requests: [] };
  }
  run.store = store;
  if (store && store.addTouch) store.addTouch();
  for (const { sid, text } of scenario.seeds) put(store, sid, text);

  const jar = createJar(nameOf(scenario.options), () => signingSecrets(scenario, secrets), sids);
  const handle = createListener(run, scenario.server, middleware);
  const trace = { setup: 'ok', requests: [] };

  for (const [index, request] of scenario.requests.entries()) {
    run.events = [];
    if (scenario.store.kind === 'spied' && scenario.store.from === index && index > 0) spy(store, scenario.store, run);
    await between(run, request.before, { store, secrets, sids });
    const seen = await send(run, request, { jar, listener, handle, middleware });
    trace.requests.push(seen);
    if (seen.response === 'hang') break;
  }
  return trace;
}

function nameOf({ name, key }) {
  return name || key || 'connect.sid';
}

function signingSecrets(scenario, secrets) {
  return secrets.length > 0 ? secrets : [scenario.requestSecret || 'none'];
}

/** The options as an app would write them, made of the scenario's data. */
function optionsOf({ options, seed }, store, secrets, sids) {
  const { secret, genid, cookie, ...plain } = options;
  const made = revive(plain);
  if (store) made.store = store;
  if (secret) made.secret = secret.kind === 'array' ? secrets : secrets[0];
  if (genid && genid.kind !== 'own') made.genid = genidOf(genid, seed, sids);
  if (cookie && cookie.perRequest) {
    made.cookie = (req) => revive(/alt/.test(req.url) ? cookie.alt : cookie.value);
  } else if (cookie !== undefined) {
    made.cookie = revive(cookie.value);
  }
  return made;
}

/** Both sides have to make the same ids, so they count instead of drawing them. */
function genidOf(genid, seed, sids) {
  if (genid.kind === 'no function') return 'genid';
  let count = 0;
  return function makeId(req) {
    count += 1;
    if (genid.kind === 'throws') throw new Error('no id today');
    const id = {
      counter: () => `s${seed}-${String(count).padStart(4, '0')}-aBcDeFgHiJkLmNoP_-`,
      constant: () => 'always-the-same',
      fromRequest: () => `${req.method}-${count}`,
      value: () => revive(genid.value),
      // objects list these keys by number, not in the order of making
      digits: () => String(100 - count),
      odd: () => `${genid.text}${count}`,
    }[genid.kind]();
    if (typeof id === 'string') sids.push(id);
    return id;
  };
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
    else if (action.do === 'push secret') secrets.push(revive(action.value));
    else if (action.do === 'new secret') secrets.unshift(revive(action.value));
    else if (action.do === 'replace secret') secrets[0] = revive(action.value);
    else if (action.do === 'emit' && target) target.emit(action.event);
    else if (action.do === 'forget' && memory) delete memory.sessions[last];
    else if (action.do === 'edit' && memory && memory.sessions[last]) {
      memory.sessions[last] = memory.sessions[last].replace(/}$/, ',"edited":true}');
    } else if (action.do === 'clear' && memory) {
      await new Promise((resolve) => memory.clear(resolve));
    } else if (action.do === 'destroy' && memory) {
      await new Promise((resolve) => memory.destroy(last, resolve));
    } else if (action.do === 'set' && target) {
      await new Promise((resolve) => target.set(String(last), revive(action.value), resolve));
    }
  }
}

async function send(run, request, { jar, listener, handle, middleware }) {
  Object.assign(run, { request, req: undefined, res: undefined, handled: undefined, held: undefined, ended: false });
  run.detached = request.detached;
  run.parsedCookies = request.cookieParser ? jar.parsed(request.cookieParser) : undefined;
  const cookies = jar.headers(request.cookie);

  let response;
  if (request.detached) {
    const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
    if (cookies.length > 0) headers.cookie = cookies.map(([, value]) => value).join('; ');
    await runDetached(run, middleware, headers);
    response = 'none';
  } else {
    listener.handle = handle;
    response = await exchange(listener.port, {
      method: request.method,
      target: request.target,
      headers: [...request.headers, ...cookies],
    });
    if (response !== 'hang') jar.learn(response.head);
  }
  if (response !== 'hang') await settle(run);
  // looking at `sessions` could itself change which path a store takes, so not here
  if (run.req && run.req.sessionStore instanceof run.mod.MemoryStore) run.memory = run.req.sessionStore;

  const seen = { events: run.events, response };
  if (request.inspect) seen.after = await inspect(run);
  // what still arrives belongs to no request
  run.events = [];
  return seen;
}

/** Waits for the handler, for what the store still owes, and for deferred errors. */
async function settle(run) {
  await run.handled;
  while (run.pending > 0) await turn();
  for (let turns = 0; turns < 4; turns++) await turn();
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The session and the store as they are when the request is over. */
async function inspect(run) {
  const after = {};
  if (run.req) {
    after.sessionID = describe(run.req.sessionID);
    after.session = readSession(run.req.session);
  }
  if (run.store && run.store.dump) after.kept = run.store.dump();
  const memory = run.store instanceof run.mod.MemoryStore ? run.store : run.memory;
  if (memory) {
    after.sessions = Object.keys(memory.sessions).map((sid) => `${sid} ${memory.sessions[sid]}`);
    after.all = await new Promise((resolve) => memory.all((err, sessions) => resolve(err ? describeError(err) : textOf(sessions))));
    after.length = await new Promise((resolve) => memory.length((err, length) => resolve(err ? describeError(err) : length)));
    after.afterAll = Object.keys(memory.sessions).join();
  }
  return after;
}

module.exports = { runScenario };
