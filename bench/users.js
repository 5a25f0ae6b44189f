'use strict';

// What an index of users costs, and how long `sessionsOf` takes: the figures of docs/users.md.
// node --expose-gc bench/users.js [sessions=1000000] [memory|disk|both]

const path = require('node:path');
const native = require('../session/native/load');
const { MemoryStore, DiskStore, Cookie } = require('..');
const { temporaryFolder } = require('../test-kit/folder');

const sessions = Number(process.argv[2] ?? 1e6);
const which = process.argv[3] ?? 'both';
const folder = temporaryFolder('users-bench');

/** Calls of which the median is told. */
const ROUNDS = 2001;

const expires = new Date(Date.now() + 864e5).toISOString();
const cookie = `{"originalMaxAge":86400000,"expires":"${expires}","httpOnly":true,"path":"/"}`;
const user = (session) => session.user;

/** A session's data as a login leaves them; the same length without the user, whose place `x` takes. */
function dataOf(name, created, key = 'user') {
  return `{"user":"${name}","_meta":{"created":${created},"renewed":${created},"seen":${created},"${key}":"${name}"}}`;
}

const sidOf = (at) => `${at}`.padStart(32, 'Zg7Qf1cXoH5bC0kq8dS2nVtYwLrE3uMi');
const nameOf = (at) => `507f1f77bcf86cd7${`${at}`.padStart(8, '0')}`;
const us = (ns) => Math.round(Number(ns) / 10) / 100;

async function median(call, rounds = ROUNDS) {
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    await call(round);
    times.push(process.hrtime.bigint() - start);
  }
  times.sort((a, b) => (a < b ? -1 : 1));
  return us(times[rounds >> 1]);
}

/** Fills a store by the calls of requests, and commits as many at once. Returns the µs that each took. */
function fill(handle, { of, key, from = 0, count = sessions, commit = 0 }) {
  const created = Date.now();
  const start = process.hrtime.bigint();
  for (let at = from; at < from + count; at++) {
    native.storePut(handle, sidOf(at), cookie, dataOf(nameOf(of(at)), created, key), NaN, NaN);
    if (commit > 0 && at % commit === 0) native.storeCommitNow(handle);
  }
  if (commit > 0) native.storeCommitNow(handle);
  return us((process.hrtime.bigint() - start) / BigInt(count));
}

const rss = () => { global.gc?.(); return process.memoryUsage().rss; };
const show = (what, figure, unit) => console.log(`${what.padEnd(64)} ${String(figure).padStart(12)} ${unit}`);
const own = (at) => at;
const five = (at) => Math.floor(at / 5);
const one = () => 0;

async function listing(store, what) {
  const name = nameOf(Math.floor(sessions / 7 / 5));
  if ((await store.sessionsOf(name)).length !== 5) throw new Error('not five');
  show(`${what}: sessionsOf, 5 of ${sessions}`, await median(() => store.sessionsOf(name)), 'us');
}

/** What a login takes, by the median of slices that stores with and without an index take in turns. */
function logins(what, stores, { filled, more, commit }) {
  const figures = stores.map(() => []);
  for (let round = 0; round < 21; round++) {
    for (const [at, [handle, key]] of stores.entries()) {
      figures[at].push(fill(handle, { of: five, key, from: filled + round * more, count: more, commit }));
    }
  }
  const [without, index, limited] = figures.map((some) => some.sort((a, b) => a - b)[10]);
  show(`${what}: a login without an index`, without, 'us');
  show(`${what}: a login with one`, index, 'us');
  show(`${what}: a login with maxSessions: 5`, limited, 'us');
}

function memoryStores() {
  const make = (most) => native.createStore(NaN, NaN, undefined, most);
  return [[make(undefined), 'x'], [make(Infinity), 'user'], [make(5), 'user']];
}

async function memory() {
  const stores = memoryStores();
  for (const [handle, key] of stores) fill(handle, { of: five, key, count: sessions / 5 });
  logins('memory', stores, { filled: sessions / 5, more: 10_000 });
  for (const [of, whose] of [[own, 'a user each'], [five, '5 of a user'], [one, 'all of one user']]) {
    console.log(`memory: ${sessions} sessions, ${whose}`);
    for (const [handle, key] of memoryStores().slice(0, 2)) {
      const before = rss();
      const took = fill(handle, { of, key });
      const { bytes } = native.storeStats(handle);
      const has = key === 'x' ? 'without an index' : 'with one';
      show(`  ${has}: to store one`, took, 'us');
      show(`  ${has}: a session counts`, Math.round(bytes / sessions), 'bytes');
      show(`  ${has}: resident memory of a session`, Math.round((rss() - before) / sessions), 'bytes');
    }
  }
  const store = new MemoryStore({ user });
  for (let at = 0; at < sessions; at++) {
    store.set(sidOf(at), { cookie: new Cookie({ maxAge: 864e5 }), user: nameOf(five(at)) });
    if (at % 10_000 === 0) await new Promise(setImmediate);
  }
  await listing(store, 'memory');
}

function diskStore(name, maxOfUser) {
  const file = path.join(folder, `${name}.db`);
  return native.createDiskStore({ path: file, isSynced: false, touchAfter: 1000, maxBytes: NaN, isReplaced: false, checkPeriod: 0, maxOfUser }).store;
}

async function disk() {
  const stores = [[diskStore('none', undefined), 'x'], [diskStore('index', Infinity), 'user'], [diskStore('limited', 5), 'user']];
  for (const [handle, key] of stores) {
    const took = fill(handle, { of: five, key, commit: 1000 });
    await native.storeMaintain(handle, Date.now());
    const { bytes } = await native.storeStatsLater(handle);
    show(`disk: to store one of ${sessions}, 1000 at once`, took, 'us');
    show('  a session takes', Math.round(bytes / sessions), 'bytes');
  }
  logins('disk', stores, { filled: sessions, more: 500, commit: 1 });
  await native.storeClose(stores[0][0]);
  const start = process.hrtime.bigint();
  await native.storeClose(diskStore('none', Infinity));
  show(`disk: to add the index to a file of ${sessions} of nobody`, us(process.hrtime.bigint() - start) / 1000, 'ms');
  await native.storeClose(stores[1][0]);
  await listing(new DiskStore({ path: path.join(folder, 'index.db'), user }), 'disk');
}

(async () => {
  if (which !== 'disk') await memory();
  if (which !== 'memory') await disk();
})();
