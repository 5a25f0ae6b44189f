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

test('a second copy of the addon is refused, in whichever thread it is', { skip }, async (t) => {
  const file = newFile(t);
  const copy = secondCopy(t);
  const { status, stdout, stderr } = await run(process.execPath, ['-e', `
    const { Worker, isMainThread, workerData } = require('node:worker_threads');
    const [file, root, copy] = process.argv.slice(1);
    const attempt = (folder) => {
      try {
        new (require(folder).DiskStore)({ path: file });
        return 'opened';
      } catch (error) {
        return error.message;
      }
    };
    const told = [attempt(root), attempt(root), attempt(copy), attempt(root)];
    const inThread = (folder) => new Promise((resolve) => {
      new Worker('const { parentPort, workerData: { file, folder } } = require("node:worker_threads"); parentPort.postMessage((' + attempt + ')(folder));',
        { eval: true, workerData: { file, folder } }).once('message', resolve);
    });
    (async () => {
      told.push(await inThread(copy), await inThread(root));
      console.log(JSON.stringify(told));
    })();
  `, file, root, copy], { env: { NAPI_RS_NATIVE_LIBRARY_PATH: undefined } });
  assert.equal(status, 0, stderr);
  const told = JSON.parse(stdout);
  const refusals = told.filter((each) => each !== 'opened');
  assert.deepEqual(told.map((each) => each === 'opened'), [true, true, false, true, false, true], told.join('\n'));
  for (const refusal of refusals) {
    assert.ok(refusal.includes(file) && /second copy of express-session-rs.*npm ls express-session-rs/.test(refusal), refusal);
  }
});
