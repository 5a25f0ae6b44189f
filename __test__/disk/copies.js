'use strict';

/**
 * Does the steps of its first argument, one after the other, and prints the JSON of what became of each:
 * `open` or the error's message. A step is `[thread, folder, act, file]`; the steps of an array of steps are
 * done at once. Threads are made when they are first named, and `main` is the main thread. Acts: `open`
 * a DiskStore, `load` the package alone, `close` what the thread has opened last, and `hold` the file
 * by other means.
 */
const fs = require('node:fs');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');

const stores = [];

async function act([folder, what, file]) {
  if (what === 'hold') {
    fs.openSync(file);
    return 'held';
  }
  if (what === 'close') {
    await stores.pop().close();
    return 'closed';
  }
  const { DiskStore } = require(folder);
  if (what === 'load') return 'loaded';
  try {
    stores.push(new DiskStore({ path: file }));
    return 'open';
  } catch (error) {
    return error.message;
  }
}

const threads = new Map();

function step([thread, ...order]) {
  if (thread === 'main') return act(order);
  if (!threads.has(thread)) threads.set(thread, new Worker(__filename));
  return new Promise((resolve) => {
    threads.get(thread).once('message', resolve).postMessage(order);
  });
}

if (isMainThread) {
  (async () => {
    const told = [];
    for (const one of JSON.parse(process.argv[2])) {
      told.push(...await Promise.all(Array.isArray(one[0]) ? one.map(step) : [step(one)]));
    }
    console.log(JSON.stringify(told));
    process.exit();
  })();
} else {
  parentPort.on('message', async (order) => { parentPort.postMessage(await act(order)); });
}
