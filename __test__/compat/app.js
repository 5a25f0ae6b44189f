'use strict';

/**
 * What the compat tests share: a server of the wanted kind with the session
 * middleware in it, a client with a cookie jar, a store that keeps a ledger of
 * its calls, and the npm original to compare with.
 */

// Deprecations have a file of their own, with child processes: quiet here.
process.env.NO_DEPRECATION = 'express-session';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const http = require('node:http');
const net = require('node:net');
const { test } = require('node:test');
const original = require('express-session');
const { clock } = require('../clock');
const { session: subject } = require('../subject');

const frameworks = { 'Express 5': require('express'), 'Express 4': require('express4') };
/** All, or the one that the variable SERVER names, for who runs these tests once more with something else changed. */
const kinds = process.env.SERVER ? [process.env.SERVER] : ['Express 5', 'Express 4', 'http'];

/** The two packages as files, for child processes. */
const files = {
  original: require.resolve('express-session'),
  subject: require.resolve(process.env.SUBJECT || '../..'),
};

// Nothing is measured: this only turns a response that never comes into a failure.
const WATCHDOG = Number(process.env.WATCHDOG_MS) || 10000;

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

function listener(kind, layers, fail, mount) {
  if (kind !== 'http') {
    const app = frameworks[kind]();
    for (const layer of layers) app.use(mount || '/', layer);
    // An error handler is told by its four parameters.
    app.use((err, req, res, next) => fail(err, req, res, next));
    return app;
  }
  return (req, res) => {
    let i = 0;
    const next = (err) => (err ? fail(err, req, res) : layers[i++](req, res, next));
    next();
  };
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

  const run = async (visit, req, res, next) => {
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
    visit.done = run(visit, req, res, next);
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

  const server = http.createServer(serverOptions, listener(kind, [...before, middleware, handle], fail, mount));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  t.after(close);

  const { port } = server.address();
  const jar = new Map();
  let visits = 0;

  /** Sends one request, on which `handler(req, res, next)` runs in the server. */
  async function visit(handler, { path = '/', method = 'GET', headers = {}, cookie, body } = {}) {
    const id = String(++visits);
    const record = { handler };
    handlers.set(id, record);
    const sent = { connection: 'close', 'x-visit': id, ...headers };
    if (cookie === undefined && jar.size) sent.cookie = [...jar].map((pair) => pair.join('=')).join('; ');
    if (cookie) sent.cookie = cookie;

    const answer = await new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, path, method, headers: sent, agent: false, timeout: WATCHDOG });
      request.on('timeout', () => request.destroy(new Error('the response did not complete')));
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ response, body: Buffer.concat(chunks).toString() }));
      });
      request.end(body);
    }).catch((err) => {
      throw record.crash || err;
    });
    await record.done;
    if (record.crash) throw record.crash;

    const { response } = answer;
    const cookies = response.headers['set-cookie'] || [];
    for (const text of cookies) {
      const [name, ...value] = text.split(';')[0].split('=');
      jar.set(name, value.join('='));
    }
    return {
      status: response.statusCode,
      message: response.statusMessage,
      headers: response.headers,
      rawHeaders: response.rawHeaders,
      body: answer.body,
      cookies,
      value: record.value,
    };
  }

  /** Sends these very bytes and gives back all that comes, both as latin1. */
  function raw(bytes) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
      let text = '';
      socket.setEncoding('latin1');
      socket.setTimeout(WATCHDOG, () => socket.destroy(new Error('the response did not complete')));
      socket.on('data', (part) => { text += part; });
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
  }

  /** The next error given to `next`. */
  function error() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no error was given to next')), WATCHDOG);
      waiting.push((err) => {
        clearTimeout(timer);
        resolve(err);
      });
    });
  }

  return { visit, raw, error, errors, jar, port, server };
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

/** Runs a script in a fresh node, where PACKAGE is the file to load. */
function child(source, { file, env = {}, args = [] }) {
  const clean = { ...process.env, PACKAGE: file };
  for (const name of ['DEBUG', 'NODE_ENV', 'NO_DEPRECATION', 'TRACE_DEPRECATION', 'NODE_OPTIONS']) delete clean[name];
  return new Promise((resolve, reject) => {
    const node = spawn(process.execPath, [...args, '-e', source], { env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const result = { stdout: '', stderr: '' };
    node.stdout.on('data', (part) => { result.stdout += part; });
    node.stderr.on('data', (part) => { result.stderr += part; });
    node.on('error', reject);
    node.on('close', (status) => resolve({ ...result, status }));
  });
}

module.exports = { files, each, pair, clock, open, seen, named, counter, ledger, write, read, story, child, original, kinds, frameworks };
