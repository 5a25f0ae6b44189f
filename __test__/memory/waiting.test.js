'use strict';

// Not in check: it takes long.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { child, files } = require('../compat/app');
const { isOurs } = require('../subject');

/** What a figure may differ by from run to run, as a part of it. */
const SPREAD = 0.1;

/** Prints bytes of the heap for each request that waits for the store, by size of the data and by method. */
const program = `
  const http = require('node:http');
  const session = require(process.env.PACKAGE);
  const signature = require('cookie-signature');
  const REQUESTS = 1000;
  // What was measured stays, as what is freed later would be taken for less.
  const held = [];
  const storeTimeout = Number(process.env.STORE_TIMEOUT) || undefined;
  const cookie = 'connect.sid=' + encodeURIComponent('s:' + signature.sign('a-session-that-is-known', 'keyboard'));
  const uses = {
    get(req, res) { res.end('page'); },
    set(req, res) { req.session.n++; res.end('page'); },
    touch(req, res) { res.end('page'); },
    destroy(req, res) { req.session = null; res.end('page'); },
  };

  function exchanges() {
    return Array.from({ length: REQUESTS }, () => {
      const req = Object.assign(new http.IncomingMessage(null), { method: 'GET', url: '/', headers: { cookie } });
      return [req, new http.ServerResponse(req)];
    });
  }

  async function heap() {
    for (let i = 0; i < 3; i++) {
      await new Promise(setImmediate);
      gc();
    }
    return process.memoryUsage().heapUsed;
  }

  async function measure(items, method) {
    const list = Array.from({ length: items }, (_, id) => ({ id, name: 'item ' + id, isNew: true }));
    const text = JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, n: 1, list });
    const store = new session.Store();
    let kept;
    for (const name of Object.keys(uses)) {
      store[name] = (...args) => {
        const callback = args.pop();
        if (kept && name === method) kept.push(callback);
        else callback(null, name === 'get' ? JSON.parse(text) : undefined);
      };
    }
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, unset: 'destroy', store, storeTimeout });
    const visit = ([req, res]) => { middleware(req, res, () => { uses[method](req, res); }); };
    exchanges().forEach(visit);
    const waiting = exchanges();
    const before = await heap();
    kept = [];
    waiting.forEach(visit);
    const after = await heap();
    held.push(waiting, kept);
    if (kept.length !== REQUESTS) throw new Error(method + ' was asked ' + kept.length + ' times');
    return Math.round((after - before) / REQUESTS);
  }

  (async () => {
    const bytes = {};
    // What runs for the first time leaves code behind.
    await measure(2, 'get');
    for (const [method, items] of [['get', 2], ['set', 2], ['touch', 2], ['set', 20], ['touch', 20], ['destroy', 20]]) {
      bytes[method + ', ' + items + ' items'] = await measure(items, method);
    }
    console.log(JSON.stringify(bytes));
    process.exit();
  })();
`;

async function bytesOf(file, env) {
  const { stdout, stderr } = await child(program, { file, env: { NO_DEPRECATION: '*', ...env }, args: ['--expose-gc'] });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

test('a request that waits for its store takes no more memory than with the original', { skip: !isOurs }, async (t) => {
  const theirs = await bytesOf(files.original);
  for (const [storeTimeout, name] of [['', 'without a storeTimeout'], ['1000000', 'with a storeTimeout']]) {
    const ours = await bytesOf(files.subject, { STORE_TIMEOUT: storeTimeout });
    // What else the process keeps only adds to it: the least of several counts.
    for (let again = 0; again < 3 && Object.keys(ours).some((row) => ours[row] > theirs[row]); again++) {
      const more = await bytesOf(files.subject, { STORE_TIMEOUT: storeTimeout });
      for (const row of Object.keys(ours)) ours[row] = Math.min(ours[row], more[row]);
    }
    for (const [row, bytes] of Object.entries(ours)) {
      t.diagnostic(`${row}, ${name}: ${bytes} bytes, ${theirs[row]} with the original`);
      assert.ok(bytes <= theirs[row] * (1 + SPREAD), `${row}, ${name}: ${bytes} bytes, ${theirs[row]} with the original`);
    }
  }
});
