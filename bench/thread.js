'use strict';

// A thread of the threads mode. For each message, `{ kind, ms }`, it does what requests do
// to a store of its own or to the shared one, and answers with the calls per second.

const { parentPort, workerData } = require('node:worker_threads');
const { MemoryStore } = require('..');
const batch = require('./batch');
const resident = require('./resident');
const Sids = require('./sids');

const WIDTH = 100;

const { shared, count, memory } = workerData;
const sids = new Sids(count, memory);
const stores = { shared: new MemoryStore({ shared }), own: new MemoryStore() };

main();

async function main() {
  for (let at = 0; at < count; at += WIDTH) {
    await batch(WIDTH, (index, done) => stores.own.set(sids.at(at + index), resident(at + index), done));
  }
  parentPort.on('message', async ({ kind, ms }) => parentPort.postMessage(await load(stores[kind], ms)));
  parentPort.postMessage('ready');
}

async function load(store, ms) {
  const started = performance.now();
  let calls = 0;
  let elapsed = 0;
  for (; elapsed < ms; elapsed = performance.now() - started) {
    await batch(WIDTH, (at, done) => request(store, done));
    calls += WIDTH;
  }
  return (calls / elapsed) * 1000;
}

/** Eight of ten read, one touches and one writes. */
function request(store, done) {
  const seed = Math.floor(Math.random() * count);
  const sid = sids.at(seed);
  const lot = Math.random();
  if (lot < 0.8) {
    store.get(sid, (error, session) => {
      done(error || (resident.is(session, seed) ? undefined : new Error(`session ${seed} is not the one stored`)));
    });
  } else if (lot < 0.9) {
    store.touch(sid, resident(seed), done);
  } else {
    store.set(sid, resident(seed), done);
  }
}
