'use strict';

/** What the tests of `renewAfter` share: an app under a clock, a browser, and stores that answer when they are told. */

const assert = require('node:assert/strict');
const { clock, ledger, open } = require('../../compat/app');
const { comparing, stores } = require('../merge/stores');
const { cookieOf } = require('../../../test-kit/jar');

const START = Date.UTC(2030, 0, 1);
const AFTER = 10_000;
const GRACE = 2000;

/** The stores that tell whether a session is unchanged: only one of several requests renews there. */
const isAtomic = (store) => typeof store.setIfUnchanged === 'function';

/** What a handler of these tests answers: the data of its session, and its ids. */
function told(req) {
  const { ...data } = req.session;
  delete data.cookie;
  delete data._meta;
  return { data, ids: [...new Set([req.sessionID, req.session?.id])] };
}

const tell = (req, res) => { res.end(JSON.stringify(told(req))); };

/** The sid in a Cookie or Set-Cookie header. */
const sidIn = (header) => /s%3A([^.]+)\./.exec(header)?.[1];

/**
 * A visitor whose session is stored since `AFTER` ms, so that the next GET renews it.
 * @param {object} setup makeStore; options: of session(); data: of the session; age: of the session; more: of `open`
 */
async function renewing(t, { makeStore = stores.MemoryStore, options, data = { user: 1 }, age = AFTER, ...more } = {}) {
  const time = clock(t, START);
  const store = makeStore();
  if (store.close) t.after(() => store.close());
  const app = await open(t, { options: { store, renewAfter: AFTER, renewGrace: GRACE, ...options }, ...more });
  // Each visit says which cookie it brings.
  const visit = async (handler = tell, { cookie, ...rest } = {}) => {
    app.jar.clear?.();
    const answer = await app.visit(handler, { cookie, ...rest });
    const set = answer.cookies.map((line) => cookieOf(line));
    assert.ok(set.length < 2, 'the cookie is set once');
    return { ...answer, cookie: set[0], told: answer.body.startsWith('{"data"') ? JSON.parse(answer.body) : undefined };
  };
  const first = await visit((req, res) => { Object.assign(req.session, data); tell(req, res); }, { cookie: 'none=1' });
  const old = first.cookie;
  assert.ok(old, 'the session has begun');
  time.tick(age);
  store.take?.();
  const get = (cookie, handler, rest) => visit(handler, { cookie, ...rest });
  const post = (cookie, handler, rest) => visit(handler, { cookie, method: 'POST', ...rest });
  return { app, get, post, old, store, time, visit };
}

/** A gate: `open` lets all through that wait for it, and `reached` tells when somebody waits. */
function gate() {
  let open;
  let reach;
  const opened = new Promise((resolve) => { open = resolve; });
  const reached = new Promise((resolve) => { reach = resolve; });
  return { open, reached, wait: () => { reach(); return opened; } };
}

/**
 * A request that has loaded its session and goes on when it is told.
 * @returns {Promise<{ finish: () => Promise<object> }>}
 */
async function late(visit, handler, question) {
  const { open, reached, wait } = gate();
  const answer = visit(async (req, res) => {
    // A session that sleeps is loaded all the same.
    await wait();
    await handler(req, res);
  }, question);
  await Promise.race([reached, answer]);
  return { finish: () => { open(); return answer; } };
}

/**
 * A store whose calls wait, from `hold` to `free`, until the test does them.
 * @param {() => object} makeStore
 * @param {object} [other] such a store, whose calls wait in the same list
 */
function stepped(makeStore, other) {
  const store = makeStore();
  const waiting = other?.waiting ?? [];
  const holding = other?.holding ?? { isHeld: false };
  for (const name of ['get', 'set', 'destroy', 'touch', 'setIfUnchanged']) {
    const method = store[name];
    if (method === undefined) continue;
    store[name] = (...args) => {
      const act = () => { method(...args); };
      if (holding.isHeld) waiting.push({ name, act });
      else act();
    };
    // The length says whether a method declares its callback.
    Object.defineProperty(store[name], 'length', { value: method.length });
  }
  return Object.assign(store, {
    holding,
    hold() { holding.isHeld = true; },
    free() { holding.isHeld = false; for (const { act } of waiting.splice(0)) act(); },
    waiting,
  });
}

module.exports = { AFTER, GRACE, START, comparing, gate, isAtomic, late, ledger, renewing, sidIn, stepped, stores, tell, told };
