'use strict';

/** The option `renewAfter` together with other options, and with what programs do to sessions. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const original = require('express-session');
const { open } = require('../compat/app');
const { session } = require('../subject');
const { AFTER, GRACE, START, comparing, isAtomic, late, ledger, renewing, sidIn, stores, tell } = require('./renew/visits');

const HOUR = 3_600_000;
const few = { MemoryStore: stores.MemoryStore, 'a DiskStore': stores['a DiskStore'], 'another store': ledger, 'a store with setIfUnchanged': comparing };
const set = (values) => (req, res) => { Object.assign(req.session, values); tell(req, res); };

for (const [name, makeStore] of Object.entries(few)) {
  for (const options of [
    { rolling: true, cookie: { maxAge: HOUR } },
    { resave: true },
    { resave: true, saveUninitialized: true, rolling: true },
    { touchAfter: AFTER, cookie: { maxAge: HOUR } },
    { touchAfter: AFTER, rolling: true, cookie: { maxAge: HOUR } },
    { cacheControl: 'no-store' },
    { cacheControl: 'private', commit: 'headers' },
    { clearCookie: true, unset: 'destroy' },
    { merge: true, rolling: true },
    { idleTimeout: HOUR, absoluteTimeout: 10 * HOUR },
    { idleTimeout: HOUR, touchAfter: AFTER / 4, rolling: true },
    { cookie: { expires: new Date(START + HOUR) } },
    { genid: ((n) => () => `made-${++n}`)(0) },
    { name: 'sid', secret: ['new', 'old'] },
  ]) {
    test(`the whole way with ${JSON.stringify(options)}: ${name}`, async (t) => {
      const { app, get, old, post, time } = await renewing(t, { makeStore, options });
      assert.equal((await post(old)).told.ids[0], sidIn(old));
      const touched = (req, res) => { req.session.touch(false); tell(req, res); };
      const first = await get(old, touched);
      const { cookie } = first;
      assert.ok(sidIn(cookie) && sidIn(cookie) !== sidIn(old));
      assert.deepEqual(JSON.parse(first.body), { data: { user: 1 }, ids: [sidIn(cookie)] });
      if (options.cacheControl) {
        assert.match(first.headers['cache-control'], options.cacheControl === 'private' ? /^private/ : /^no-store$/);
        assert.match(first.headers.vary, /Cookie/);
      }
      time.tick(10);
      assert.equal(sidIn((await get(old, touched)).cookie), sidIn(cookie));
      assert.deepEqual((await get(cookie, set({ n: 1 }))).told, { data: { user: 1, n: 1 }, ids: [sidIn(cookie)] });
      assert.deepEqual((await get(old)).told, { data: { user: 1, n: 1 }, ids: [sidIn(cookie)] });
      time.tick(AFTER);
      assert.deepEqual((await get(old)).told.data, {});
      const second = await get(cookie);
      assert.ok(second.cookie && sidIn(second.cookie) !== sidIn(cookie));
      assert.deepEqual(second.told, { data: { user: 1, n: 1 }, ids: [sidIn(second.cookie)] });
      assert.deepEqual(app.errors, []);
    });
  }

  test(`a program's own headers, streams and early bytes carry the cookie once: ${name}`, async (t) => {
    for (const handler of [
      (req, res) => { res.setHeader('Set-Cookie', 'a=1'); res.writeHead(200, { 'X-A': '1' }); res.write('{'); res.end('}'); },
      (req, res) => { res.flushHeaders(); res.end('{}'); },
      async (req, res) => { res.write('{}'); await req.session.save(); res.end(); },
    ]) {
      const { app, old } = await renewing(t, { makeStore });
      const { cookies } = await app.visit(handler, { cookie: old });
      const own = cookies.filter((line) => sidIn(line));
      assert.equal(own.length, 1);
      assert.notEqual(sidIn(own[0]), sidIn(old));
    }
  });

  test(`a session that the program replaces by a clone, a Proxy or an heir: ${name}`, async (t) => {
    for (const replace of [
      (sess) => new Proxy(sess, {}),
      (sess) => Object.assign(Object.create(Object.getPrototypeOf(sess), Object.getOwnPropertyDescriptors(sess)), {}),
      (sess) => Object.create(sess, { cookie: { value: sess.cookie, enumerable: true }, user: { value: sess.user, enumerable: true, writable: true, configurable: true } }),
    ]) {
      const { app, get, old, post, store } = await renewing(t, { makeStore });
      const renewed = await get(old, (req, res) => {
        req.session = replace(req.session);
        req.session.n = 1;
        tell(req, res);
      });
      assert.deepEqual(app.errors, [], String(replace));
      assert.deepEqual((await get(renewed.cookie)).told, { data: { user: 1, n: 1 }, ids: [sidIn(renewed.cookie)] }, String(replace));

      const again = await renewing(t, { makeStore });
      const slow = await late(again.post.bind(null, again.old), (req, res) => {
        req.session = replace(req.session);
        req.session.n = 2;
        tell(req, res);
      });
      const { cookie } = await again.get(again.old);
      await again.get(cookie);
      await slow.finish();
      assert.deepEqual(again.app.errors, []);
      const { told: { data } } = await again.get(cookie);
      if (isAtomic(again.store)) assert.deepEqual(data, { user: 1, n: 2 }, String(replace));
      else assert.equal(data.user, 1);
      assert.ok(post && store);
    }
  });

  test(`the session that a handler holds over a renewal by another request has the new id: ${name}`, async (t) => {
    const { get, old, post, store } = await renewing(t, { makeStore });
    if (!isAtomic(store)) return;
    const seen = [];
    const slow = await late(post.bind(null, old), async (req, res) => {
      const held = req.session;
      held.n = 1;
      seen.push(held.id);
      await held.save();
      seen.push(held.id, req.session.id, req.sessionID);
      await held.destroy();
      res.end();
    });
    const { cookie } = await get(old);
    await slow.finish();
    assert.deepEqual(seen, [sidIn(old), sidIn(cookie), sidIn(cookie), sidIn(cookie)]);
    for (const each of [old, cookie]) assert.deepEqual((await get(each)).told.data, {});
  });

  test(`what was stored before the option counts from when it is first seen: ${name}`, async (t) => {
    const { get, old, store, time } = await renewing(t, { makeStore });
    const sid = sidIn(old);
    await new Promise((resolve) => { store.set(sid, { cookie: new session.Cookie({}), user: 9 }, resolve); });
    assert.equal((await get(old)).cookie, undefined);
    time.tick(AFTER - 1);
    assert.equal((await get(old)).cookie, undefined);
    time.tick(1);
    const { cookie, told } = await get(old);
    assert.deepEqual(told, { data: { user: 9 }, ids: [sidIn(cookie)] });
    assert.notEqual(sidIn(cookie), sid);
  });

  test(`the option is switched off again: ${name}`, async (t) => {
    const { get, old, store, time } = await renewing(t, { makeStore });
    const { cookie } = await get(old);
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store });
    const off = await open(t, { middleware });
    time.tick(GRACE);
    const { value } = await off.visit((req, res) => { res.end(); return [req.sessionID, req.session.user]; }, { cookie });
    assert.deepEqual(value, [sidIn(cookie), 1]);
    const dead = await off.visit((req, res) => { res.end(); return req.session.user; }, { cookie: old });
    assert.equal(dead.value, undefined);
  });

  test(`the options of time are switched off, but not merge: ${name}`, async (t) => {
    const { get, old, store, time } = await renewing(t, { makeStore });
    const { cookie } = await get(old);
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store, merge: true });
    const off = await open(t, { middleware });
    const look = (req, res) => { res.end(); return [req.sessionID, req.session.user]; };
    for (const each of [cookie, old]) {
      const { value, cookies } = await off.visit(look, { cookie: each });
      assert.deepEqual(value, [sidIn(cookie), 1]);
      // Whether the browser has the new id nobody knows.
      assert.deepEqual(cookies.map(sidIn), each === old ? [sidIn(cookie)] : []);
    }
    const { value } = await off.visit(async (req, res) => { req.session.n = 1; await req.session.save(); res.end(); return req.sessionID; }, { cookie: old });
    assert.equal(value, sidIn(cookie));
    time.tick(GRACE);
    assert.deepEqual((await off.visit(look, { cookie: old })).value[1], undefined);
    assert.deepEqual((await off.visit(look, { cookie })).value, [sidIn(cookie), 1]);
  });
}

test('dispose hears of the session, not of pointers, and of each logout', async (t) => {
  const heard = [];
  const dispose = (sid, data, reason) => { heard.push([sid, data?.user, reason]); };
  const { get, old, post, store, time } = await renewing(t, { makeStore: () => new session.MemoryStore({ dispose }) });
  const { cookie } = await get(old);
  time.tick(GRACE + 1);
  store.prune();
  await get(cookie);
  assert.deepEqual(heard, []);
  time.tick(AFTER);
  await post(cookie, async (req, res) => { await req.session.destroy(); res.end(); });
  await new Promise((resolve) => { setImmediate(resolve); });
  assert.deepEqual(heard, [[sidIn(cookie), 1, 'destroyed']]);
});

test('a renewal costs an async store four calls, and other requests none more', async (t) => {
  const { get, old, post, store, time } = await renewing(t, { makeStore: comparing });
  const { cookie } = await get(old);
  assert.deepEqual(store.take(), ['get', 'set', 'setIfUnchanged', 'touch']);
  await get(cookie);
  store.take();
  time.tick(1);
  await get(cookie);
  assert.deepEqual(store.take(), ['get', 'touch']);
  await get(cookie, (req, res) => { req.session.n = 1; tell(req, res); });
  // A store that has no `setIfPresent` is asked whether the session was ended.
  assert.deepEqual(store.take(), ['get', 'get', 'setIfUnchanged']);
  const calls = [];
  store.setIfPresent = (sid, data, done) => { calls.push('setIfPresent'); store.set(sid, data, done); };
  await get(cookie, (req, res) => { req.session.n = 2; tell(req, res); });
  assert.deepEqual([calls, store.take()], [['setIfPresent'], ['get', 'set']]);
  // Another request may renew it from now on.
  time.tick(AFTER);
  await post(cookie, (req, res) => { req.session.n = 3; tell(req, res); });
  assert.deepEqual([calls, store.take()], [['setIfPresent'], ['get', 'get', 'setIfUnchanged']]);
});

test('a session that was reloaded before its renewal is saved under the new id at once, from then on', async (t) => {
  const { get, old, post, store } = await renewing(t, { makeStore: comparing });
  const calls = [];
  const slow = await late((handler) => post(old, async (req, res) => {
    await req.session.reload();
    await handler(req, res);
  }), async (req, res) => {
    for (const n of [1, 2]) {
      store.take();
      req.session.n = n;
      await req.session.save();
      calls.push(store.take());
    }
    tell(req, res);
  });
  await get(old);
  await slow.finish();
  assert.deepEqual(calls, [['get', 'get', 'setIfUnchanged'], ['get', 'setIfUnchanged']]);
});

test('who gets the old cookie again stays logged in, also with a store that has no touch', async (t) => {
  const { get, old, post, time } = await renewing(t, { makeStore: () => comparing({ touch: false }), options: { rolling: true } });
  const slow = await late(post.bind(null, old), tell);
  const { cookie } = await get(old);
  time.tick(1);
  // With such a store, only a save says that the new id was seen.
  await get(cookie, set({ n: 1 }));
  const { cookie: sent } = await slow.finish();
  assert.equal(sidIn(sent), sidIn(old));
  const next = await get(sent);
  assert.equal(sidIn(next.cookie), sidIn(cookie));
  time.tick(GRACE);
  assert.deepEqual((await get(next.cookie)).told.data, { user: 1, n: 1 });
});

test('a late request that has saved its session has nothing left to store, and sets no cookie', async (t) => {
  const { get, old, post, store } = await renewing(t, { makeStore: comparing });
  const slow = await late(post.bind(null, old), async (req, res) => {
    req.session.n = 1;
    await req.session.save();
    store.take();
    tell(req, res);
  });
  await get(old);
  assert.equal((await slow.finish()).cookie, undefined);
  assert.deepEqual(store.take(), ['touch']);
});

test('regenerate({ keep }) of a late request prolongs no session that has ended under its new id', async (t) => {
  const { get, old, post } = await renewing(t, { makeStore: comparing });
  let cookie = '';
  const slow = await late(post.bind(null, old), async (req, res) => {
    req.session.n = 1;
    await req.session.save();
    await post(cookie, async (request, response) => { await request.session.destroy(); response.end(); });
    await assert.rejects(req.session.regenerate({ keep: true }), { code: 'ERR_SESSION_ENDED' });
    res.end();
  });
  cookie = (await get(old)).cookie;
  await slow.finish();
  for (const each of [old, cookie]) assert.deepEqual((await get(each)).told.data, {});
});

test('a lost response logs nobody out where the clock of another machine is behind', async (t) => {
  const { get, old, post, time } = await renewing(t, { makeStore: comparing });
  await post(old, set({ n: 1 }));
  const { cookie } = await get(old);
  time.tick(-500);
  assert.equal(sidIn((await get(old)).cookie), sidIn(cookie));
  assert.equal(sidIn((await get(old)).cookie), sidIn(cookie));
});

test('the original\'s class of stores and sessions', async (t) => {
  class Sessions extends original.MemoryStore {}
  const { app, get, old, post } = await renewing(t, { makeStore: () => new Sessions() });
  const slow = await late(post.bind(null, old), async (req, res) => {
    await req.session.reload();
    req.session.n = 1;
    await req.session.save();
    tell(req, res);
  });
  const { cookie } = await get(old);
  const { body } = await slow.finish();
  assert.deepEqual(JSON.parse(body), { data: { user: 1, n: 1 }, ids: [sidIn(cookie)] });
  assert.deepEqual((await get(cookie)).told, { data: { user: 1, n: 1 }, ids: [sidIn(cookie)] });
  assert.deepEqual(app.errors, []);
});
