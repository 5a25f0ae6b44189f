'use strict';

/**
 * The addon loaded again and again: by fifty threads in a row, twice by one thread, and
 * from a copy under another name. Each load works, and what one made is refused by the
 * other, or taken, but never ends the process.
 */

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { isOurs } = require('../subject');
const { temporaryFolder } = require('../../test-kit/folder');

const root = path.join(__dirname, '../..');
const THREADS = 50;

/** What a thread does: a request that writes and one that reads, on a store of all threads. */
const work = `
  const { parentPort, workerData } = require('node:worker_threads');
  const http = require('node:http');
  const session = require(workerData.root);
  const { cookieOf } = require(workerData.root + '/test-kit/jar');
  const store = new session.MemoryStore({ shared: workerData.name });
  const middleware = session({ secret: 'keyboard', name: 'sid', resave: false, saveUninitialized: false, store });
  const visit = (cookie, handler) => new Promise((resolve) => {
    const req = Object.assign(new http.IncomingMessage(), { method: 'GET', url: '/' });
    if (cookie) req.headers.cookie = cookie;
    const res = new http.ServerResponse(req);
    middleware(req, res, () => {
      const value = handler(req.session);
      res.end(() => {});
      setImmediate(() => resolve({ value, cookie: cookieOf(res.getHeader('Set-Cookie')) }));
    });
  });
  (async () => {
    const { cookie } = await visit('', (its) => { its.from = workerData.thread; });
    const { value } = await visit(cookie, (its) => its.from);
    const before = workerData.cookie && (await visit(workerData.cookie, (its) => its.from)).value;
    parentPort.postMessage({ cookie, value, before, length: Object.keys(store.sessions).length });
  })();
`;

test(`${THREADS} threads in a row, each with a store of its own load and one of all`, { skip: !isOurs }, async () => {
  const { MemoryStore } = require(root);
  const name = `loads ${process.pid}`;
  const store = new MemoryStore({ shared: name });
  let cookie;
  const resident = [];
  for (let thread = 0; thread < THREADS; thread++) {
    const worker = new Worker(work, { eval: true, workerData: { root, name, thread, cookie } });
    const [[seen], [status]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    assert.equal(status, 0);
    assert.equal(seen.value, thread);
    // The session that the thread before has left, which is no more.
    assert.equal(seen.before, thread === 0 ? undefined : thread - 1);
    assert.equal(seen.length, thread + 1);
    ({ cookie } = seen);
    resident.push(process.memoryUsage().rss);
  }
  assert.equal(store.stats().sessions, THREADS);
  // A thread costs megabytes: what the first ten did not give back, the others would add to.
  const [early, late] = [resident.slice(5, 15), resident.slice(-10)].map((some) => Math.min(...some));
  // A sanitizer keeps what is freed for a while.
  assert.ok(late - early < 30e6 || process.env.SANITIZED, `the process has grown by ${((late - early) / 1e6).toFixed(1)} MB`);
});

/** Runs code in a process that may end. */
function run(code, ...args) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '-e', code, ...args], { encoding: 'utf8' });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
  assert.doesNotMatch(stderr, /panicked at/);
  return JSON.parse(stdout);
}

/** With loads `one` and `two`: each works, and each is given what the other made. */
const exchange = `
  const make = (native) => {
    const keys = native.prepareKeys([Buffer.from('secret')]);
    const store = native.createStore(NaN, NaN);
    native.storeSet(store, 'a', '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"n":1}', NaN, NaN);
    return { keys, store, found: new Uint8Array(native.DETAILS_BYTES) };
  };
  const made = [one, two].map(make);
  const cross = (keys, store, found, native) => [
    () => native.sign('a', keys), () => native.unsign('a.b', keys), () => native.signedCookieValue('a', keys), () => native.unsignCookie('sid=s%3Aa.b', 'sid', keys),
    () => native.createSessionReader('sid', keys, store, found)('sid=' + native.signedCookieValue('a', keys), 0),
    ...Object.keys(native).filter((name) => /^store/.test(name)).map((name) => () => native[name](store, 'a', '{}', '{}', NaN, NaN)),
  ];
  const outcome = (call) => { try { call(); return 'done'; } catch (error) { return error instanceof Error ? 'refused' : 'odd'; } };
  // Some refuse these arguments whoever made the store.
  const all = (native, { keys, store, found }) => cross(keys, store, found, native).map(outcome);
  const tally = (native, its, ownOnes) => (all(native, its).join() === all(native, ownOnes).join() ? 'as its own' : [...new Set(all(native, its))].join());
  const own = [one, two].map((native, at) => {
    const { keys, store, found } = made[at];
    return native.createSessionReader('sid', keys, store, found)('sid=' + native.signedCookieValue('a', keys), 0);
  });
  const other = [one, two].map((native, at) => {
    return tally(native, made[1 - at], made[at]);
  });
  const names = [one, two].map((native) => {
    const shared = native.createStore(NaN, NaN, 'by name');
    native.storeSet(shared, 'by ' + (native === one ? 'one' : 'two'), '{}', NaN, NaN);
    return shared;
  });
  made.length = 0;
  for (let n = 0; n < 5; n++) gc();
  console.log(JSON.stringify({ own, other, isOne: one === two, sids: [one, two].map((native, at) => native.storeSids(names[at])) }));
`;

test('twice in one thread, the require cache cleared', { skip: !isOurs }, () => {
  const seen = run(`
    const file = process.argv[1];
    const one = require(file);
    for (const name of Object.keys(require.cache)) delete require.cache[name];
    const two = require(file);
    ${exchange}
  `, path.join(root, 'session/native/load'));
  assert.deepEqual(seen, {
    own: ['{"n":1}', '{"n":1}'],
    // One library: what it made it knows, whichever of its loads is asked.
    other: ['as its own', 'as its own'],
    isOne: false,
    sids: [['by one', 'by two'], ['by one', 'by two']],
  });
});

test('a copy under another name refuses what the first made, and the first what it made', { skip: !isOurs }, (t) => {
  const folder = temporaryFolder('addon', t);
  require('../../session/native/load');
  const file = process.env.NAPI_RS_NATIVE_LIBRARY_PATH || Object.keys(require.cache).find((name) => name.endsWith('.node'));
  const copy = path.join(folder, 'copy.node');
  fs.copyFileSync(file, copy);
  const seen = run(`
    const [one, two] = process.argv.slice(1).map((file) => require(file));
    ${exchange}
  `, file, copy);
  assert.deepEqual(seen, {
    own: ['{"n":1}', '{"n":1}'],
    other: ['refused', 'refused'],
    isOne: false,
    // Two libraries have two lists of names.
    sids: [['by one'], ['by two']],
  });
});
