'use strict';

/**
 * Renewals that fail or are disturbed: whatever a store, a `genid` or another request does in
 * between, nobody loses a session, and no logout is undone. The orders are made by stores whose
 * calls are done when the test says so.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open } = require('../compat/app');
const { session } = require('../subject');
const { AFTER, GRACE, comparing, late, ledger, renewing, sidIn, stepped, stores, tell } = require('./renew/visits');

const isPointer = (text) => /^\{"cookie":\{[^}]*\},"_meta":\{"next":"r1:[\w-]+"\}\}$/.test(text);
const lives = (store) => [...store.data.values()].filter((text) => !isPointer(text)).length;
const kinds = { 'a store with setIfUnchanged': comparing, 'another store': ledger };
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** A store of which some calls fail: `plan` has by name what each call does, as functions of the act and the callback. */
function failing(makeStore, plan) {
  const store = makeStore();
  for (const name of ['get', 'set', 'destroy', 'touch', 'setIfUnchanged']) {
    const method = store[name];
    if (method === undefined) continue;
    store[name] = (...args) => {
      const callback = args.at(-1);
      const act = plan[name]?.shift();
      if (act) return act(() => method(...args.slice(0, -1), () => {}), callback);
      return method(...args);
    };
    Object.defineProperty(store[name], 'length', { value: method.length });
  }
  return store;
}

const no = new Error('the store is broken');
const outcomes = {
  'calls back with an error': (act, callback) => { setImmediate(callback, no); },
  'throws': () => { throw no; },
  'rejects': () => Promise.reject(no),
  'has done it, and calls back with an error': (act, callback) => { act(); setImmediate(callback, no); },
  'never answers': () => {},
  'has done it, and never answers': (act) => { act(); },
};

for (const [kind, makeStore] of Object.entries(kinds)) {
  const pointing = kind === 'another store' ? ['set', 1] : ['setIfUnchanged', 0];
  for (const [outcome, act] of Object.entries(outcomes)) {
    const steps = {
      'the store of the new record': ['set', 0],
      'the store of the pointer': pointing,
    };
    for (const [step, [name, at]] of Object.entries(steps)) {
      test(`${step} ${outcome}: ${kind}`, async (t) => {
        const plan = {};
        const { app, get, old, store, time } = await renewing(t, {
          makeStore: () => failing(makeStore, plan),
          options: { storeTimeout: 60 },
        });
        plan[name] = [...Array(at).fill(undefined), act];
        const first = await get(old);
        assert.deepEqual([first.status, first.told?.data], [200, { user: 1 }], first.body);
        assert.deepEqual(app.errors, []);
        assert.equal(plan[name].length, 0, 'it has failed');
        time.tick(1);
        const second = await get(first.cookie ?? old);
        assert.deepEqual([second.status, second.told?.data], [200, { user: 1 }]);
        const now = second.cookie ?? first.cookie;
        assert.ok(now && sidIn(now) !== sidIn(old), 'the next request tries again');
        time.tick(GRACE);
        assert.deepEqual((await get(now)).told.data, { user: 1 });
        // What is left over has ended, unless nobody knows whether it is in use.
        if (step === 'the store of the new record' && !/never/.test(outcome)) assert.equal(lives(store), 1);
      });
    }
  }

  for (const [outcome, act] of Object.entries(outcomes)) {
    test(`the second look at the session ${outcome}: ${kind}`, async (t) => {
      const plan = {};
      const { app, get, old, time } = await renewing(t, { makeStore: () => failing(makeStore, plan), options: { storeTimeout: 60 } });
      plan.set = [outcomes.throws];
      plan.get = [undefined, act];
      const first = await get(old);
      assert.deepEqual([first.status, first.told?.data, first.told?.ids, first.cookie], [200, { user: 1 }, [sidIn(old)], undefined], first.body);
      assert.deepEqual(app.errors, []);
      assert.equal(plan.get.length, 0);
      time.tick(1);
      assert.ok((await get(old)).cookie, 'the next request tries again');
    });
  }
}

for (const [outcome, act] of Object.entries(outcomes)) {
  test(`the end of a spare record ${outcome}`, async (t) => {
    const plan = {};
    const { app, get, old, store } = await renewing(t, { makeStore: () => failing(comparing, plan), options: { storeTimeout: 60 } });
    // Another request has written in between.
    plan.setIfUnchanged = [(_act, callback) => { setImmediate(callback, null, false); }];
    plan.destroy = [act];
    const { cookie, told } = await get(old);
    assert.deepEqual(told, { data: { user: 1 }, ids: [sidIn(cookie)] });
    assert.notEqual(sidIn(cookie), sidIn(old));
    assert.deepEqual(app.errors, []);
    assert.ok(isPointer(store.data.get(sidIn(old))));
  });
}

test('a session that others change all the time keeps its id for now', async (t) => {
  const plan = {};
  const { get, old, store } = await renewing(t, { makeStore: () => failing(comparing, plan) });
  plan.setIfUnchanged = Array(9).fill((_act, callback) => { setImmediate(callback, null, false); });
  const { told, cookie } = await get(old);
  assert.deepEqual([told, cookie], [{ data: { user: 1 }, ids: [sidIn(old)] }, undefined]);
  assert.equal(lives(store), 1, 'no spare record is left');
  assert.equal(plan.setIfUnchanged.length, 6);
  plan.setIfUnchanged = [];
  assert.ok((await get(old)).cookie);
});

for (const [what, genid] of Object.entries({
  'throws': () => { throw new Error('no id'); },
  'returns the same id': (req) => req.sessionID,
  'returns no string': () => 7,
  'returns nothing': () => undefined,
  'returns an empty string': () => '',
  'is async': async () => 'promised',
})) {
  for (const [name, makeStore] of Object.entries({ MemoryStore: stores.MemoryStore, ...kinds })) {
    test(`a genid that ${what}: ${name}`, async (t) => {
      let isOdd = false;
      let n = 0;
      const { app, get, old } = await renewing(t, { makeStore, options: { genid: (req) => (isOdd ? genid(req) : `id-${++n}`) } });
      isOdd = true;
      const { status, told, cookie } = await get(old);
      assert.deepEqual([status, told, cookie], [200, { data: { user: 1 }, ids: [sidIn(old)] }, undefined]);
      assert.deepEqual(app.errors, []);
      isOdd = false;
      assert.equal(sidIn((await get(old)).cookie), 'id-2');
    });
  }
}

test('genid gets the request', async (t) => {
  const seen = [];
  let n = 0;
  const { get, old } = await renewing(t, { options: { genid: (req) => { seen.push(req.url); return `id-${++n}`; } } });
  await get(old, tell, { path: '/renewing' });
  assert.deepEqual(seen, ['/', '/renewing']);
});

/**
 * Does the held calls of a store one after the other in an order: the digits of `order` choose
 * among those that wait.
 */
async function play(store, order, isDone) {
  for (let at = 0, idle = 0; !isDone() && idle < 100;) {
    await new Promise((resolve) => { setImmediate(resolve); });
    await pause(0);
    if (store.waiting.length === 0) {
      idle++;
      continue;
    }
    idle = 0;
    const choice = (order[at++] ?? 0) % store.waiting.length;
    const [{ act }] = store.waiting.splice(choice, 1);
    act();
  }
  store.free();
}

/** Lets a request have its session, which it begins to renew then. */
async function answerLook({ waiting }) {
  const [{ name, act }] = waiting.splice(0, 1);
  assert.equal(name, 'get');
  act();
  while (waiting.length === 0) await pause(0);
  assert.equal(waiting[0].name, 'set');
}

/** All lists of zeros and ones of a length. */
const orders = (n) => Array.from({ length: 2 ** n }, (_, bits) => Array.from({ length: n }, (_each, at) => (bits >> at) & 1));

for (const [kind, makeStore] of Object.entries({
  ...kinds,
  'MemoryStore with held methods': () => {
    const store = new session.MemoryStore();
    for (const name of ['get', 'set', 'destroy', 'touch', 'setIfUnchanged']) store[name] = store[name].bind(store);
    return store;
  },
})) {
  for (const [way, leave] of Object.entries({
    'destroy()': async (req, res) => { await req.session.destroy(); res.end('bye'); },
    'regenerate()': async (req, res) => { await req.session.regenerate(); res.end('bye'); },
    'unset': (req, res) => { req.session = null; res.end('bye'); },
  })) {
    test(`a logout by ${way} beats a renewal in each order: ${kind}`, async (t) => {
      for (const order of orders(6)) {
        await t.test(order.join(''), async (t) => {
          const [isBegun] = order;
          const { app, get, old, post, store } = await renewing(t, { makeStore: () => stepped(makeStore), options: { unset: 'destroy' } });
          const slow = await late(post.bind(null, old), leave);
          store.hold();
          let left = 2;
          const count = () => { left--; };
          const renewal = get(old);
          // It has come when its first call waits.
          while (store.waiting.length === 0) await pause(0);
          if (isBegun) await answerLook(store);
          const logout = slow.finish();
          renewal.then(count, count);
          logout.then(count, count);
          await play(store, order, () => left === 0);
          const [renewed, gone] = await Promise.all([renewal, logout]);
          assert.deepEqual([renewed.status, gone.status], [200, 200], renewed.body);
          assert.deepEqual(app.errors, []);
          for (const cookie of [old, renewed.cookie ?? old]) {
            assert.deepEqual((await get(cookie)).told.data, {}, `${cookie} lives`);
          }
          if (store.data) assert.deepEqual([...store.data.values()].filter((text) => 'user' in JSON.parse(text)), []);
        });
      }
    });
  }

  test(`a write that overlaps a renewal is kept in each order: ${kind}`, async (t) => {
    for (const order of orders(6)) {
      await t.test(order.join(''), async (t) => {
        const { app, get, old, post, store } = await renewing(t, { makeStore: () => stepped(makeStore) });
        const slow = await late(post.bind(null, old), (req, res) => { req.session.n = 1; tell(req, res); });
        store.hold();
        let left = 2;
        const count = () => { left--; };
        const renewal = get(old);
        while (store.waiting.length === 0) await pause(0);
        const writing = slow.finish();
        renewal.then(count, count);
        writing.then(count, count);
        await play(store, order, () => left === 0);
        const [{ cookie = old, told }, { status }] = await Promise.all([renewal, writing]);
        assert.deepEqual([told.data.user, status], [1, 200]);
        assert.deepEqual(app.errors, []);
        const { data } = (await get(cookie)).told;
        // A MemoryStore whose `set` is a program's cannot compare in one step.
        if (store.setIfUnchanged && store.data) assert.deepEqual(data, { user: 1, n: 1 });
        else assert.equal(data.user, 1);
      });
    }
  });
}

for (const [way, leave] of Object.entries({
  'destroy()': async (req, res) => { await req.session.destroy(); res.end('bye'); },
  'regenerate()': async (req, res) => { await req.session.regenerate(); res.end('bye'); },
  'regenerate({ keep })': async (req, res) => { await req.session.regenerate({ keep: [] }).catch(() => {}); res.end('bye'); },
  'unset': (req, res) => { req.session = null; res.end('bye'); },
})) {
  test(`a logout by ${way} in another process beats a renewal in each order`, async (t) => {
    let renewals = 0;
    for (const order of orders(7)) {
      await t.test(order.join(''), async (t) => {
        const [isBegun] = order;
        const here = await renewing(t, { makeStore: () => stepped(comparing) });
        // The processes have the same sessions, and do not know of each other.
        const store = comparing();
        store.data = here.store.data;
        const there = await open(t, { options: { store: stepped(() => store, here.store), unset: 'destroy', renewAfter: AFTER, renewGrace: GRACE } });
        const slow = await late((handler) => there.visit(handler, { cookie: here.old, method: 'POST' }), leave);
        here.store.hold();
        let left = 2;
        const count = () => { left--; };
        const renewal = here.get(here.old);
        while (here.store.waiting.length === 0) await pause(0);
        if (isBegun) await answerLook(here.store);
        const logout = slow.finish();
        renewal.then(count, count);
        logout.then(count, count);
        await play(here.store, order, () => left === 0);
        const [renewed, gone] = await Promise.all([renewal, logout]);
        assert.deepEqual([renewed.status, gone.status], [200, 200]);
        if (renewed.cookie) renewals++;
        for (const cookie of [here.old, renewed.cookie ?? here.old]) {
          assert.deepEqual((await here.get(cookie)).told.data, {}, `${cookie} lives`);
        }
        assert.deepEqual([...store.data.values()].filter((text) => 'user' in JSON.parse(text)), []);
      });
    }
    assert.ok(renewals > 0 && renewals < 128, `both come first: ${renewals}`);
  });
}

test('a store that tells of an absent session by setIfPresent gets no session back', async (t) => {
  const makeStore = () => {
    const store = ledger();
    store.setIfPresent = (sid, sess, callback) => {
      const isThere = store.data.has(sid);
      if (isThere) store.data.set(sid, JSON.stringify(sess));
      setImmediate(callback, null, isThere);
    };
    return store;
  };
  const { get, old, store } = await renewing(t, { makeStore });
  const { set } = store;
  // Another machine logs out between the two writes.
  store.set = (sid, sess, callback) => {
    store.data.delete(sidIn(old));
    set(sid, sess, callback);
  };
  const { told, cookie } = await get(old);
  assert.deepEqual([told.data, cookie], [{}, undefined]);
  assert.equal(store.data.size, 0);
});

test('a store without its own touch of the stored cookie keeps a session whose stored cookie is over', async (t) => {
  // As connect-redis does: what is stored with a cookie that is over is gone at once.
  const makeStore = () => {
    const store = ledger();
    const { set } = store;
    store.set = (sid, sess, callback) => {
      if (new Date(sess.cookie.expires) <= Date.now()) store.destroy(sid, callback);
      else set(sid, sess, callback);
    };
    return store;
  };
  for (const handler of [tell, (req, res) => { req.session.touch(false); tell(req, res); }]) {
    const { get, old, post, time } = await renewing(t, { makeStore, options: { cookie: { maxAge: AFTER / 2 } } });
    const answer = await get(old, handler);
    assert.deepEqual(JSON.parse(answer.body).data, { user: 1 });
    assert.ok(answer.cookie);
    assert.ok(Date.parse(/Expires=([^;]+)/.exec(answer.headers['set-cookie'][0])[1]) >= Date.now(), 'the browser keeps it');
    assert.deepEqual((await get(answer.cookie)).told.data, { user: 1 });
    time.tick(1);
    assert.equal((await post(answer.cookie)).told.data.user, 1);
  }
});

test('a late response that brings the old cookie keeps a session whose stored cookie is over', async (t) => {
  const makeStore = () => {
    const store = comparing();
    for (const name of ['set', 'setIfUnchanged']) {
      const method = store[name];
      store[name] = (sid, sess, ...more) => {
        if (new Date(sess.cookie.expires) <= Date.now()) store.destroy(sid, () => { more.at(-1)(null, true); });
        else method(sid, sess, ...more);
      };
      Object.defineProperty(store[name], 'length', { value: method.length });
    }
    return store;
  };
  const { get, old, post, time } = await renewing(t, { makeStore, options: { rolling: true, cookie: { maxAge: GRACE / 2 } } });
  const slow = await late(post.bind(null, old), tell);
  const { cookie } = await get(old);
  await get(cookie);
  time.tick(GRACE - 10);
  const { cookie: sent } = await slow.finish();
  assert.equal(sidIn(sent), sidIn(old));
  const next = await get(sent);
  assert.equal(sidIn(next.cookie), sidIn(cookie));
  assert.deepEqual((await get(next.cookie)).told.data, { user: 1 });
});
