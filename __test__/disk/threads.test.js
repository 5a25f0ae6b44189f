'use strict';

/** Worker threads that share a file with the main thread, and a second copy of the addon. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');
const { session, isOurs } = require('../subject');
const { newFile } = require('./apps');
const { temporaryFolder } = require('../../test-kit/folder');
const { run } = require('../../test-kit/program');

const skip = !isOurs && 'the original has no DiskStore';
const root = path.join(__dirname, '..', '..');

const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});
const sess = (data) => ({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, ...data });

/** A thread that runs `body`, with a store of the file. */
function thread(file, body) {
  const worker = new Worker(`
    const { parentPort, workerData } = require('node:worker_threads');
    const { DiskStore } = require(workerData.root);
    const ask = ${ask};
    const sess = ${sess};
    (async () => {
      const store = new DiskStore({ path: workerData.file });
      ${body}
    })();
  `, { eval: true, workerData: { file, root } });
  return { worker, message: once(worker, 'message').then(([message]) => message), exit: once(worker, 'exit').then(([code]) => code) };
}

/** How many files this process has open that belong to the store. Only Linux tells. */
function openFiles(file) {
  return fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(file);
    } catch {
      return false;
    }
  }).length;
}

test('what one thread stores another one reads, changes and destroys', { skip }, async (t) => {
  const file = newFile(t);
  const store = new session.DiskStore({ path: file });
  await ask(store, 'set', 'a', sess({ from: 'this thread' }));
  await ask(store, 'set', 'gone', sess({}));
  const { message, exit } = thread(file, `
    const found = await ask(store, 'get', 'a');
    await ask(store, 'set', 'b', sess({ from: 'the other' }));
    await ask(store, 'destroy', 'gone');
    const isStored = await ask(store, 'setIfPresent', 'gone', sess({}));
    parentPort.postMessage([found.from, isStored, (await store.ids()).sort()]);
  `);
  assert.deepEqual(await message, ['this thread', false, ['a', 'b']]);
  assert.equal(await exit, 0);
  assert.equal((await ask(store, 'get', 'b')).from, 'the other');
  assert.equal(await ask(store, 'setIfPresent', 'gone', sess({})), false);
  await store.close();
});

for (const how of ['ends', 'calls process.exit()']) {
  test(`a thread that ${how} right after its last call loses nothing`, { skip }, async (t) => {
    const file = newFile(t);
    const { exit } = thread(file, `
      for (let n = 0; n < 10; n++) store.set('sid ' + n, sess({ n }));
      ${how === 'ends' ? '' : 'process.exit();'}
    `);
    await exit;
    const store = new session.DiskStore({ path: file });
    assert.equal((await store.ids()).length, 10);
    await store.close();
  });
}

test('threads that are ended in the middle of calls leave the store usable, and no file open', { skip }, async (t) => {
  const file = newFile(t);
  const store = new session.DiskStore({ path: file });
  // All three connections of a store are open then.
  await Promise.all([ask(store, 'clear'), store.prune()]);
  const before = process.platform === 'linux' && openFiles(file);
  for (let round = 1; round <= 12; round++) {
    const threads = Array.from({ length: 2 }, (_, number) => thread(file, `
      parentPort.postMessage('begun');
      const sid = 'thread ${number}';
      for (let n = 0; ; n++) {
        store.set(sid, sess({ n }));
        store.prune();
        const calls = [ask(store, 'set', sid + n % 50, sess({ n })), store.all(), ask(store, 'get', sid), store.length()];
        if (n % 7 === 0) calls.push(store.stats(), ask(store, 'destroy', sid + n % 50));
        await Promise.all(calls);
      }
    `));
    await Promise.all(threads.map(({ message }) => message));
    await wait(Math.random() * 30);
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    await ask(store, 'set', 'kept', sess({ n: round }));
    assert.equal((await ask(store, 'get', 'kept')).n, round);
  }
  assert.equal((await store.prune()), 0);
  // As long as one connection of a process holds a lock, SQLite keeps the files of those that were
  // closed, for the next ones that are opened: of two threads at a time, with three each.
  if (before !== false) assert.ok(openFiles(file) <= before + 6, `${before} files were open, and ${openFiles(file)} are`);
  await store.close();
  if (before !== false) assert.equal(openFiles(file), 0);
});

/** Copies the package as npm would have installed it. */
function secondCopy(t) {
  const folder = temporaryFolder('copy', t);
  const addon = fs.readdirSync(root).filter((name) => name.endsWith('.node'));
  for (const name of ['package.json', 'index.js', 'session', ...addon]) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  return folder;
}

/** Does steps in a process of its own: see copies.js. */
async function told(steps) {
  const { status, stdout, stderr } = await run(process.execPath, [path.join(__dirname, 'copies.js'), JSON.stringify(steps)],
    { env: { NAPI_RS_NATIVE_LIBRARY_PATH: undefined } });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const isRefusal = (answer, file) =>
  answer.includes(file) && /second copy of express-session-rs.*npm ls express-session-rs/.test(answer);

// On Windows a second copy does no harm.
const onUnix = !skip && process.platform === 'win32' ? 'only Unix ends locks that somebody else has set' : skip;

test('two copies of the addon do not open one file, whichever thread opens it first', { skip: onUnix }, async (t) => {
  const copy = secondCopy(t);
  const orders = [['main', 'main'], ['main', 'a'], ['a', 'main'], ['a', 'b'], ['b', 'a']];
  await Promise.all(orders.map(async ([first, second]) => {
    for (const [one, other] of [[root, copy], [copy, root]]) {
      const file = newFile(t);
      const answers = await told([
        [first, one, 'open', file], [second, other, 'open', file], [second, one, 'open', file],
        [first, one, 'close'], [second, other, 'open', file], [second, one, 'close'], [second, other, 'open', file],
      ]);
      const refused = [answers[1], answers[4]];
      assert.deepEqual(answers, ['open', refused[0], 'open', 'closed', refused[1], 'closed', 'open'], `${first}, ${second}`);
      for (const refusal of refused) assert.ok(isRefusal(refusal, file), refusal);
    }
  }));
});

test('of two copies that open a file at the same moment, one does', { skip: onUnix }, async (t) => {
  const copy = secondCopy(t);
  const files = Array.from({ length: 40 }, () => newFile(t));
  const answers = await told([
    [['a', root, 'load'], ['b', copy, 'load']],
    ...files.map((file) => [['a', root, 'open', file], ['b', copy, 'open', file]]),
  ]);
  for (const [at, file] of files.entries()) {
    const both = answers.slice(2 + 2 * at, 4 + 2 * at);
    assert.ok(both.includes('open') && both.some((answer) => isRefusal(answer, file)), both.join('\n'));
  }
});

test('a second copy may be loaded, and may open another file', { skip }, async (t) => {
  const copy = secondCopy(t);
  const [file, other] = [newFile(t), newFile(t)];
  assert.deepEqual(await told([
    ['main', copy, 'load'], ['a', copy, 'load'], ['main', root, 'open', file], ['a', root, 'open', file],
    ['b', root, 'open', file], ['a', copy, 'open', other], ['main', copy, 'open', other],
  ]), ['loaded', 'loaded', 'open', 'open', 'open', 'open', 'open']);
});

test('a file that the process has open by other means is refused', { skip: onUnix }, async (t) => {
  const file = newFile(t);
  const answers = await told([
    ['main', root, 'open', file], ['main', root, 'close'], ['a', root, 'hold', file], ['main', root, 'open', file],
  ]);
  assert.ok(isRefusal(answers.pop(), file));
  assert.deepEqual(answers, ['open', 'closed', 'held']);
});
