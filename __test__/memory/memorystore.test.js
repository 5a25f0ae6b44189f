'use strict';

/**
 * This package's MemoryStore where npm `memorystore` stood: the same program on both,
 * with the options and methods that package has.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const original = require('express-session');
const incumbent = require('memorystore')(original);
const { clock, open } = require('../compat/app');
const { session } = require('../subject');

const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});

const DAY = 24 * 60 * 60 * 1000;
const sess = (data, maxAge) => ({ cookie: new original.Cookie({ maxAge }), ...data });

/** Runs a program on both; what it tells must be the same. */
async function both(program) {
  const theirs = await program(incumbent, original);
  const ours = await program(session.MemoryStore, session);
  assert.deepEqual(ours, theirs);
  return ours;
}

const sidsOf = async (store) => (await ask(store, 'ids')).sort();

test('max keeps the sessions used last', async (t) => {
  clock(t);
  const left = await both(async (MemoryStore) => {
    const store = new MemoryStore({ checkPeriod: DAY, max: 3 });
    for (const sid of ['a', 'b', 'c']) await ask(store, 'set', sid, sess({ sid }, DAY));
    await ask(store, 'get', 'a');
    await ask(store, 'set', 'd', sess({ sid: 'd' }, DAY));
    await ask(store, 'touch', 'c', sess({}, DAY));
    await ask(store, 'set', 'e', sess({ sid: 'e' }, DAY));
    const told = [await sidsOf(store), await ask(store, 'length'), (await ask(store, 'get', 'c')).sid];
    store.stopInterval();
    return told;
  });
  assert.deepEqual(left[0], ['c', 'd', 'e']);
});

test('an expired session is not found, is pruned and does not count any more', async (t) => {
  const time = clock(t);
  await both(async (MemoryStore) => {
    const store = new MemoryStore({ checkPeriod: DAY });
    await ask(store, 'set', 'short', sess({}, 1000));
    await ask(store, 'set', 'shorter', sess({}, 500));
    await ask(store, 'set', 'long', sess({}, DAY));
    time.tick(501);
    const told = [await ask(store, 'get', 'shorter')];
    time.tick(1000);
    store.prune();
    told.push(await sidsOf(store), await ask(store, 'length'), Object.keys(await ask(store, 'all')));
    store.stopInterval();
    return told;
  });
});

for (const [name, ttl] of [['a number', DAY], ['a function', (options, data) => data.keep]]) {
  test(`ttl, ${name}, of sessions whose cookie has no expiry`, async (t) => {
    const time = clock(t);
    await both(async (MemoryStore) => {
      const store = new MemoryStore({ checkPeriod: DAY, ttl });
      const told = [];
      await ask(store, 'set', 'a', sess({ keep: DAY }));
      await ask(store, 'set', 'b', sess({ keep: DAY }));
      time.tick(DAY - 10);
      told.push((await ask(store, 'get', 'a')).keep);
      await ask(store, 'touch', 'a', sess({ keep: DAY }));
      time.tick(11);
      told.push((await ask(store, 'get', 'a')).keep, await ask(store, 'get', 'b'));
      time.tick(DAY);
      told.push(await ask(store, 'get', 'a'));
      store.stopInterval();
      return told;
    });
  });
}

test('a ttl function gets the options, the session and its id', async (t) => {
  clock(t);
  await both(async (MemoryStore) => {
    const calls = [];
    const options = { checkPeriod: DAY, ttl: (...args) => { calls.push([typeof args[0], args[1].name, args[2]]); return DAY; } };
    const store = new MemoryStore(options);
    await ask(store, 'set', 'sid', sess({ name: 'ann' }));
    await ask(store, 'touch', 'sid', sess({ name: 'bob' }));
    store.stopInterval();
    return calls;
  });
});

test('dispose gets the id of what is dropped', async (t) => {
  const time = clock(t);
  await both(async (MemoryStore) => {
    const dropped = [];
    const store = new MemoryStore({ checkPeriod: DAY, max: 2, noDisposeOnSet: true, dispose: (sid) => dropped.push(sid) });
    for (const sid of ['evicted', 'destroyed', 'expiring']) await ask(store, 'set', sid, sess({}, 1000));
    await ask(store, 'destroy', 'destroyed');
    time.tick(1001);
    store.prune();
    await new Promise(setImmediate);
    store.stopInterval();
    return dropped;
  });
});

test('clear', async (t) => {
  clock(t);
  await both(async (MemoryStore) => {
    const store = new MemoryStore({ checkPeriod: DAY });
    await ask(store, 'set', 'a', sess({}, DAY));
    await ask(store, 'clear');
    store.stopInterval();
    return [await ask(store, 'length'), await sidsOf(store)];
  });
});

test('an app on it', async (t) => {
  const time = clock(t);
  const start = Date.now();
  await both(async (MemoryStore, module) => {
    time.setTime(start);
    const store = new MemoryStore({ checkPeriod: DAY, max: 100 });
    const app = await open(t, { module, options: { store, genid: () => 'sid', cookie: { maxAge: DAY } } });
    const told = [];
    const visit = async (handler) => {
      const { status, body, cookies } = await app.visit(handler);
      told.push([status, body, cookies]);
    };
    await visit((req, res) => { req.session.views = 1; res.end(); });
    time.tick(DAY - 1);
    await visit((req, res) => res.end(String(req.session.views)));
    time.tick(DAY - 1);
    await visit((req, res) => res.end(String(++req.session.views)));
    time.tick(DAY + 1);
    await visit((req, res) => res.end(String(req.session.views)));
    store.stopInterval();
    return told;
  });
});
