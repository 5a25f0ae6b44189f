'use strict';

/** Another process recovers the file, after a third one was killed: nobody can read it meanwhile. */

const assert = require('node:assert/strict');
const path = require('node:path');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const { session, isOurs } = require('../subject');
const { newFile } = require('./apps');
const { createApp, serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');
const { needs } = require('../../test-kit/installed');
const { Program } = require('../../test-kit/program');

const skip = (!isOurs && 'the original has no DiskStore') || (process.platform === 'win32' && 'Python has no such locks there') || needs('python3');

/** For how long it goes on, in ms. */
const LONG = 1000;
/** In ms. A machine that has much else to do may need as long for a turn; who waits for the file needs longer. */
const LONGEST_TURN = 500;

const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});
const sess = (data, maxAge = null) => ({
  cookie: { originalMaxAge: maxAge, expires: maxAge && new Date(Date.now() + maxAge).toISOString(), httpOnly: true, path: '/' }, ...data,
});

/** Does what `work` does while another process recovers the file. Nothing may be answered before that ends. */
async function whileRecovering(t, file, work) {
  const other = new Program('python3', [path.join(__dirname, 'recovering.py'), file], { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => other.stop());
  await other.prints(/held/);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let answered = 0;
  const answers = Promise.all(work().map(async (answer) => {
    const value = await answer;
    answered++;
    return value;
  }));
  await wait(LONG);
  delay.disable();
  const early = answered;
  other.child.stdin.end();
  const values = await answers;
  assert.equal(early, 0, 'what was answered cannot have been read');
  assert.ok(delay.max < LONGEST_TURN * 1e6, `the event loop stood still for ${delay.max / 1e6} ms`);
  return values;
}

test('calls of a store wait on another thread until the file is recovered', { skip }, async (t) => {
  const file = newFile(t);
  const store = new session.DiskStore({ path: file, touchAfter: 0 });
  for (const sid of ['read', 'kept', 'touched', 'destroyed']) await ask(store, 'set', sid, sess({ sid }));
  const [read, , , , , all, ids, length] = await whileRecovering(t, file, () => [
    ask(store, 'get', 'read'),
    ask(store, 'touch', 'touched', sess({}, 60_000)),
    ask(store, 'destroy', 'destroyed'),
    ask(store, 'set', 'stored', sess({ n: 1 })),
    ask(store, 'setIfPresent', 'kept', sess({ n: 2 })),
    store.all(),
    store.ids(),
    store.length(),
  ]);
  assert.equal(read.sid, 'read');
  assert.deepEqual(ids.sort(), ['kept', 'read', 'stored', 'touched']);
  assert.deepEqual(Object.keys(all).sort(), ids);
  assert.equal(length, 4);
  const other = new session.DiskStore({ path: file });
  assert.equal((await ask(other, 'get', 'touched')).cookie.originalMaxAge, 60_000);
  assert.equal((await ask(other, 'get', 'kept')).n, 2);
  await Promise.all([store.close(), other.close()]);
});

test('requests wait until the file is recovered, and others go on', { skip }, async (t) => {
  const file = newFile(t);
  const store = new session.DiskStore({ path: file, touchAfter: 0 });
  t.after(() => store.close());
  const routes = {
    'GET /': (req, res) => { res.end(req.session.user ?? 'nobody'); },
    'GET /login': (req, res) => { req.session.user = 'ada'; res.end('hello'); },
    'GET /write': (req, res) => { req.session.user += '!'; res.end(req.session.user); },
    'GET /logout': (req, res, next) => { req.session.destroy((error) => { if (error) next(error); else res.end('bye'); }); },
    'GET /late': async (req, res) => { await late; res.end(req.session.user); },
  };
  let start;
  const late = new Promise((resolve) => { start = resolve; });
  const middleware = session({ secret: 'x', resave: false, saveUninitialized: false, store, cookie: { maxAge: 60_000 } });
  const { port } = await serve(createApp({ kind: 'http', layers: [middleware], routes }), t);
  const visitors = await Promise.all(['/', '/write', '/logout', '/late'].map(async (page) => {
    const visitor = new Visitor(port);
    await visitor.get('/login');
    return { page, visitor };
  }));
  // Its session was loaded before, and is touched meanwhile.
  const early = visitors.pop().visitor.get('/late');
  await wait(50);
  const answers = await whileRecovering(t, file, () => {
    start();
    return [early, ...visitors.map(({ page, visitor }) => visitor.get(page))];
  });
  assert.deepEqual(answers.map(({ status, body }) => `${status} ${body}`), ['200 ada', '200 ada', '200 ada!', '200 bye']);
  assert.deepEqual(await Promise.all(visitors.map(async ({ visitor }) => (await visitor.get('/')).body)), ['ada', 'ada!', 'nobody']);
});

test('a file that stays busy is an error after some seconds', { skip }, async (t) => {
  const file = newFile(t);
  const store = new session.DiskStore({ path: file });
  await ask(store, 'set', 'a', sess({}));
  const other = new Program('python3', [path.join(__dirname, 'recovering.py'), file], { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => other.stop());
  await other.prints(/held/);
  await assert.rejects(ask(store, 'get', 'a'), (error) => error.message.includes(file) && error.message.includes('is locked'));
  await other.stop();
  assert.ok(await ask(store, 'get', 'a'));
  await store.close();
});
