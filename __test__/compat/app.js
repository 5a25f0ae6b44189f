'use strict';

/**
 * What the compat tests share: a server of the wanted kind with the session
 * middleware in it, a client with a cookie jar, a store that keeps a ledger of
 * its calls, and the npm original to compare with.
 */

// Deprecations have a file of their own, with child processes: quiet here.
process.env.NO_DEPRECATION = 'express-session';

const assert = require('node:assert/strict');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const original = require('express-session');
const { clock } = require('../clock');
const { createApp, frameworks, kinds, serve } = require('../../test-kit/app');
const { PATIENCE, ask, raw } = require('../../test-kit/client');
const { Jar } = require('../../test-kit/jar');
const { run } = require('../../test-kit/program');
const { session: subject } = require('../subject');

/** The two packages as files, for child processes. */
const files = {
  original: require.resolve('express-session'),
  subject: require.resolve(process.env.SUBJECT || '../..'),
};

const KIT = path.join(__dirname, '..', '..', 'test-kit');

/** One test for each kind of server: `fn(t, kind)`. */
function each(name, options, fn = options) {
  for (const kind of kinds) {
    test(`${name} (${kind})`, fn === options ? {} : options, (t) => fn(t, kind));
  }
}

/** Runs `fn(session)` on the original and on the subject: both must tell the same. */
async function pair(fn) {
  const theirs = await fn(original);
  const ours = await fn(subject);
  assert.deepEqual(ours, theirs);
  return ours;
}

/**
 * Starts a server and returns its client.
 * @param {import('node:test').TestContext} t closes it all at the end
 * @param {object} setup
 *   kind: one of `kinds`; module: which package (the subject);
 *   options: for session(), over quiet defaults; middleware: instead of those;
 *   drop: the error handler takes the session off the request;
 *   use: middleware before the session, or a function that makes it; mount: Express only; server: for http.createServer
 */
async function open(t, setup = {}) {
  const { kind = 'http', module = subject, options, use = [], mount, server: serverOptions = {} } = setup;
  const middleware = setup.middleware || module({
    secret: 'keyboard', resave: false, saveUninitialized: false, ...options,
  });
  const before = typeof use === 'function' ? use(module) : use;
  const handlers = new Map();
  const errors = [];
  const waiting = [];

  const answer = async (visit, req, res, next) => {
    try {
      visit.value = await visit.handler(req, res, next);
    } catch (err) {
      // A failed assertion in a handler has to reach the test that wrote it.
      visit.crash = err;
      res.destroy();
    }
  };
  const handle = (req, res, next) => {
    const visit = handlers.get(req.headers['x-visit']) || { handler: setup.handler };
    visit.done = answer(visit, req, res, next);
  };

  const fail = (err, req, res) => {
    errors.push(err);
    const waiter = waiting.shift();
    if (waiter) waiter(err);
    if (res.headersSent) return;
    // A session that is half made cannot be saved.
    if (setup.drop) req.session = null;
    res.statusCode = 500;
    res.end(String(err.message));
  };

  const app = createApp({ kind, layers: [...before, middleware], routes: handle, fail, mount });
  const { server, port } = await serve(http.createServer(serverOptions, app), t);
  const jar = new Jar();
  let visits = 0;

  /** Sends one request, on which `handler(req, res, next)` runs in the server. */
  async function visit(handler, { path = '/', method = 'GET', headers = {}, cookie, body } = {}) {
    const id = String(++visits);
    const record = { handler };
    handlers.set(id, record);
    const sent = { connection: 'close', 'x-visit': id, ...headers };
    if (cookie === undefined && jar.size) sent.cookie = jar.header;
    if (cookie) sent.cookie = cookie;

    const answer = await ask(port, path, { method, headers: sent, body }).catch((err) => {
      throw record.crash || err;
    });
    await record.done;
    if (record.crash) throw record.crash;
    jar.take(answer.cookies);
    return { ...answer, value: record.value };
  }

  /** The next error given to `next`. */
  function error() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no error was given to next')), PATIENCE);
      waiting.push((err) => {
        clearTimeout(timer);
        resolve(err);
      });
    });
  }

  return { visit, raw: (bytes) => raw(port, bytes), error, errors, jar, port, server };
}

/** What a client can see of an answer, without the one header that tells the time. */
function seen({ status, message, rawHeaders, body }) {
  const headers = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i] !== 'Date') headers.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  return { status, message, headers, body };
}

/**
 * What a run told, as text, with the ids that the package made as sid-1, sid-2, … in the
 * order in which they come: with a `genid` of a program's own, no new session sleeps.
 */
function named(told) {
  const ids = new Map();
  const name = (id) => ids.get(id) || ids.set(id, `sid-${ids.size + 1}`).get(id);
  return JSON.stringify(told).replace(/(s%3A)?([\w-]{32})(\.[^;"]+)?/g, (all, signed = '', id, signature) => (
    signed + name(id) + (signature && !signed ? signature : '')
  ));
}

/** Session ids sid-1, sid-2, … so that two runs make the same. */
function counter() {
  let n = 0;
  return () => `sid-${++n}`;
}

/**
 * A store that writes down the name of each call in `calls`.
 * @param {object} setup Store: the base class; sync: answers at once; touch: false for none
 */
function ledger({ Store = subject.Store, sync = false, touch = true } = {}) {
  const store = new Store();
  const answer = sync ? (fn, ...args) => fn && fn(...args) : (fn, ...args) => fn && setImmediate(fn, ...args);
  store.calls = [];
  store.data = new Map();
  store.fails = {};
  store.get = (sid, fn) => {
    store.calls.push('get');
    const text = store.data.get(sid);
    answer(fn, store.fails.get || null, text && JSON.parse(text));
  };
  store.set = (sid, sess, fn) => {
    store.calls.push('set');
    if (!store.fails.set) store.data.set(sid, JSON.stringify(sess));
    answer(fn, store.fails.set);
  };
  store.destroy = (sid, fn) => {
    store.calls.push('destroy');
    if (!store.fails.destroy) store.data.delete(sid);
    answer(fn, store.fails.destroy);
  };
  if (touch) {
    store.touch = (sid, sess, fn) => {
      store.calls.push('touch');
      answer(fn, store.fails.touch);
    };
  }
  /** The calls since the last time. */
  store.take = () => store.calls.splice(0);
  return store;
}

/** Two handlers: one that writes to the session, one that only reads it. */
const write = (req, res) => {
  req.session.n = (req.session.n || 0) + 1;
  res.end(String(req.session.n));
};
const read = (req, res) => {
  res.end(String(req.session && req.session.n));
};

/**
 * The same visits on both packages, with a ledger for store.
 * @param {(module: Function) => object} makeOptions what session() gets besides
 * @param {Array<[Function, object?]>} plan handlers, each with what visit() takes
 */
const story = (t, kind, makeOptions, plan, { stores, ...setup } = {}) => pair(async (module) => {
  const store = ledger({ Store: module.Store, ...stores });
  const app = await open(t, { kind, module, options: { store, genid: counter(), ...makeOptions(module, store) }, ...setup });
  const told = [];
  for (const [handler, options] of plan) {
    const answer = await app.visit(handler, options);
    // A handler written as one expression returns the response or the session: no news.
    const value = answer.value instanceof Object && !Array.isArray(answer.value) ? undefined : answer.value;
    told.push({ ...seen(answer), calls: store.take(), value });
  }
  return { told, errors: app.errors.map(String) };
});

/** What would change what a script prints. */
const UNSET = Object.fromEntries(['DEBUG', 'NODE_ENV', 'NO_DEPRECATION', 'TRACE_DEPRECATION', 'NODE_OPTIONS'].map((name) => [name, undefined]));

/** Runs a script in a fresh node, where PACKAGE is the file to load, and KIT the folder of the kit. */
async function child(source, { file, env = {}, args = [] }) {
  const { stdout, stderr, status } = await run(process.execPath, [...args, '-e', source], { env: { PACKAGE: file, KIT, ...UNSET, ...env } });
  return { stdout, stderr, status };
}

module.exports = { files, each, pair, clock, open, seen, named, counter, ledger, write, read, story, child, original, kinds, frameworks };
