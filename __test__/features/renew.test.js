'use strict';

/**
 * The options `renewAfter` and `renewGrace`: a session gets a new id in time, nobody is logged out
 * by that, no write is lost, and no logout is undone.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { kinds } = require('../compat/app');
const { session } = require('../subject');
const { bring, records } = require('./stores');
const { AFTER, GRACE, START, isAtomic, late, renewing, sidIn, stores, tell, told } = require('./renew/visits');

const BASE = { secret: 'x', resave: false, saveUninitialized: false };
const set = (values) => (req, res) => { Object.assign(req.session, values); tell(req, res); };
const isPointer = (record) => Object.keys(record).every((key) => key === 'cookie' || key === '_meta') && /^r1:/.test(record._meta?.next);
/** What a store has for the sid of a cookie. */
const stored = (store, cookie) => new Promise((resolve, reject) => {
  const promise = store.get(sidIn(cookie), (error, found) => (error ? reject(error) : resolve(found ?? undefined)));
  if (store.get.length < 2) promise.then(resolve, reject);
});
const length = (store) => new Promise((resolve, reject) => { store.length((error, n) => (error ? reject(error) : resolve(n))); });
const all = (store) => new Promise((resolve, reject) => { store.all((error, found) => (error ? reject(error) : resolve(found))); });

/** Nobody has a session in the store: what is there leads nowhere. */
async function assertNoSession({ store, get }, ...cookies) {
  for (const cookie of cookies) {
    const { told: { data }, cookie: sent } = await get(cookie);
    assert.deepEqual([data, sent], [{}, undefined], `the session lives: ${cookie}`);
  }
  // `regenerate` has made a new one.
  assert.deepEqual(Object.values(await records(store)).filter(({ user }) => user !== undefined), [], 'the store has a session');
}

test('wrong options are a TypeError', () => {
  const make = (options) => session({ ...BASE, ...options });
  for (const bad of [0, -1, NaN, Infinity, '1000', null, {}, 1n, true]) {
    assert.throws(() => make({ renewAfter: bad }), { name: 'TypeError', message: /^renewAfter option must be a number of milliseconds/ }, String(bad));
    assert.throws(() => make({ renewAfter: 1000, renewGrace: bad }), { name: 'TypeError', message: /^renewGrace option must be a number of milliseconds/ }, String(bad));
  }
  assert.throws(() => make({ renewGrace: 1000 }), { name: 'TypeError', message: 'renewGrace option needs renewAfter' });
  for (const options of [{ renewAfter: 1000, renewGrace: 1000 }, { renewAfter: 1000, renewGrace: 2000 }, { renewAfter: 60_000 }, { renewAfter: 5 }]) {
    assert.throws(() => make(options), { name: 'TypeError', message: /^renewGrace option must be less than renewAfter; its default is 60000$/ });
  }
  make({ renewAfter: 60_001 });
  make({ renewAfter: 1000, renewGrace: 999 });
  make({ renewAfter: undefined, renewGrace: undefined });
});

for (const kind of kinds) {
  for (const method of ['GET', 'HEAD']) {
    test(`a ${method} renews the id before the handler (${kind})`, async (t) => {
      const { get, old, store } = await renewing(t, { kind });
      let seen;
      const { cookie } = await get(old, async (req, res) => {
        seen = { ids: [req.sessionID, req.session.id], user: req.session.user, stored: await records(store) };
        res.end();
      }, { method });
      const [id] = seen.ids;
      assert.deepEqual(seen.ids, [sidIn(cookie), sidIn(cookie)]);
      assert.notEqual(id, sidIn(old));
      assert.equal(seen.user, 1);
      assert.deepEqual(Object.keys(seen.stored).sort(), [id, sidIn(old)].sort());
      assert.equal(seen.stored[id].user, 1);
      assert.ok(isPointer(seen.stored[sidIn(old)]), 'the old record has become a pointer');
      assert.ok(!JSON.stringify(seen.stored[sidIn(old)]).includes(id), 'it does not tell the new id');
      assert.deepEqual((await get(cookie)).told, { data: { user: 1 }, ids: [id] });
    });
  }

  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    test(`a ${method} renews nothing (${kind})`, async (t) => {
      const { get, old, store, time } = await renewing(t, { kind });
      time.tick(AFTER);
      const { told: { ids }, cookie } = await get(old, tell, { method });
      assert.deepEqual([ids, cookie], [[sidIn(old)], undefined]);
      assert.deepEqual(Object.keys(await records(store)), [sidIn(old)]);
    });
  }

  test(`an upgrade renews nothing (${kind})`, async (t) => {
    const { app, old, store } = await renewing(t, { kind });
    const bytes = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Visit: up\r\nCookie: ${old}\r\n\r\n`;
    const middleware = session({ ...BASE, secret: 'keyboard', store, renewAfter: AFTER, renewGrace: GRACE });
    const seen = [];
    app.server.on('upgrade', (req, socket) => {
      middleware(req, {}, () => {
        seen.push([req.sessionID, req.session.user]);
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      });
    });
    await app.raw(bytes('/'));
    assert.deepEqual(seen, [[sidIn(old), 1]]);
    assert.deepEqual(Object.keys(await records(store)), [sidIn(old)]);
  });
}

test('an upgrade that has a response renews nothing', async (t) => {
  // Without a listener for upgrades, Node.js hands such a request to the app.
  const { get, old, store } = await renewing(t);
  const { told: { ids }, cookie } = await get(old, tell, { headers: { connection: 'Upgrade', upgrade: 'h2c' } });
  assert.deepEqual([ids, cookie], [[sidIn(old)], undefined]);
  assert.deepEqual(Object.keys(await records(store)), [sidIn(old)]);
});

test('a request without a response renews nothing', async (t) => {
  const { old, store } = await renewing(t);
  const middleware = session({ ...BASE, secret: 'keyboard', store, renewAfter: AFTER, renewGrace: GRACE });
  const req = await bring((request, ...more) => middleware(Object.assign(request, { method: 'GET' }), ...more), { cookie: old });
  assert.equal(req.sessionID, sidIn(old));
  assert.deepEqual(Object.keys(await records(store)), [sidIn(old)]);
});

test('nothing is renewed where the secure cookie would be withheld', async (t) => {
  const { get, old, store, time } = await renewing(t, { options: { cookie: { secure: true }, proxy: true }, use: [(req, res, next) => {
    req.headers['x-forwarded-proto'] ??= 'https';
    next();
  }] });
  const plain = { headers: { 'x-forwarded-proto': 'http' } };
  assert.deepEqual((await get(old, tell, plain)).told.ids, [sidIn(old)]);
  assert.deepEqual(Object.keys(await records(store)), [sidIn(old)]);
  const { cookie } = await get(old);
  assert.notEqual(sidIn(cookie), sidIn(old));
  // The old id brings the session also where the cookie cannot be sent, and counts as no sight of the new one.
  const insecure = await get(old, tell, plain);
  assert.deepEqual([insecure.told.ids, insecure.cookie], [[sidIn(cookie)], undefined]);
  time.tick(1);
  assert.equal(sidIn((await get(old)).cookie), sidIn(cookie));
});

test('nothing is renewed after the headers were sent', async (t) => {
  const { get, old, store } = await renewing(t, { use: [(req, res, next) => {
    if (req.url === '/early') res.flushHeaders();
    next();
  }] });
  const { told: { ids } } = await get(old, tell, { path: '/early' });
  assert.deepEqual(ids, [sidIn(old)]);
  assert.deepEqual(Object.keys(await records(store)), [sidIn(old)]);
});

for (const [name, makeStore] of Object.entries(stores)) {
  const begin = (t, setup) => renewing(t, { makeStore, ...setup });

  test(`the time is exact, and counts anew for the new id: ${name}`, async (t) => {
    const { get, old, time } = await begin(t, { age: AFTER - 1 });
    assert.equal((await get(old)).cookie, undefined);
    time.tick(1);
    const { cookie, told: { ids, data } } = await get(old);
    assert.deepEqual([ids, data], [[sidIn(cookie)], { user: 1 }]);
    time.tick(AFTER - 1);
    assert.equal((await get(cookie)).cookie, undefined);
    time.tick(1);
    const again = await get(cookie);
    assert.ok(again.cookie && again.cookie !== cookie);
    assert.deepEqual(again.told, { data: { user: 1 }, ids: [sidIn(again.cookie)] });
  });

  test(`ten requests at the same time all succeed: ${name}`, async (t) => {
    const { app, get, old, store } = await begin(t);
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(old)));
    const ids = new Set(answers.map(({ told: { ids: [id] } }) => id));
    for (const { cookie, told: { data, ids: [id, ...more] } } of answers) {
      assert.deepEqual([data, more], [{ user: 1 }, []]);
      assert.equal(sidIn(cookie), id, 'the browser hears of it');
      assert.deepEqual((await get(cookie)).told, { data: { user: 1 }, ids: [id] }, 'it is valid');
    }
    assert.ok(!ids.has(sidIn(old)));
    // A replaced `set` is called later than the comparison: on Node.js 18, all ten have compared by then.
    if (isAtomic(store) && !name.endsWith('wrapped set')) assert.equal(ids.size, 1);
    assert.deepEqual(app.errors, []);
  });

  test(`ten requests of a session without data: ${name}`, async (t) => {
    const { get, old, store } = await begin(t, { data: {}, options: { saveUninitialized: true } });
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(old)));
    const ids = new Set(answers.map(({ told: { ids: [id] } }) => id));
    assert.ok(!ids.has(sidIn(old)));
    if (isAtomic(store) && !name.startsWith('a store') && !name.endsWith('wrapped set')) assert.equal(ids.size, 1);
    for (const { cookie } of answers) assert.deepEqual((await get(cookie)).told.ids, [sidIn(cookie)]);
  });

  test(`the old id is refused after the grace, exactly: ${name}`, async (t) => {
    const { get, old, store, time } = await begin(t);
    const { cookie } = await get(old);
    time.tick(GRACE - 1);
    assert.deepEqual((await get(old)).told, { data: { user: 1 }, ids: [sidIn(cookie)] });
    // The store keeps the pointer for longer.
    const pointer = await stored(store, old);
    pointer.cookie.expires = new Date(START + 1e9).toISOString();
    pointer.cookie.originalMaxAge = 1e9;
    await new Promise((resolve) => {
      const answer = store.set(sidIn(old), pointer, resolve);
      if (store.set.length < 3) answer.then(resolve);
    });
    assert.deepEqual((await get(old)).told, { data: { user: 1 }, ids: [sidIn(cookie)] });
    time.tick(1);
    assert.deepEqual((await get(old)).told.data, {}, 'it is refused');
    assert.deepEqual((await get(cookie)).told.data, { user: 1 });
  });

  test(`a late touch does not prolong the old id: ${name}`, async (t) => {
    const { get, old, post, time } = await begin(t, { options: { cookie: { maxAge: 100 * AFTER } } });
    const slow = await late(post.bind(null, old), tell);
    const { cookie } = await get(old);
    await get(cookie);
    assert.equal((await slow.finish()).status, 200);
    time.tick(GRACE);
    assert.deepEqual((await get(old)).told.data, {});
    assert.deepEqual((await get(cookie)).told.data, { user: 1 });
  });

  for (const how of [{}, { rolling: true }, { cookie: { maxAge: 100 * AFTER } }, { commit: 'headers' }]) {
    const options = JSON.stringify(how);

    test(`a lost response logs nobody out, with ${options}: ${name}`, async (t) => {
      const { get, old, time } = await begin(t, { options: how });
      const lost = await get(old);
      time.tick(1);
      const again = await get(old, set({ n: 1 }));
      assert.equal(sidIn(again.cookie), sidIn(lost.cookie), 'the browser hears of it again');
      time.tick(1);
      const third = await get(old);
      assert.equal(sidIn(third.cookie), sidIn(lost.cookie), 'and again');
      assert.deepEqual(third.told.data, { user: 1, n: 1 });
      await get(lost.cookie);
      for (const handler of [tell, set({ n: 2 })]) {
        time.tick(1);
        const hushed = await get(old, handler);
        assert.equal(hushed.cookie, undefined, 'the new id was seen');
        assert.equal(JSON.parse(hushed.body).data.user, 1);
      }
      assert.deepEqual((await get(lost.cookie)).told.data, { user: 1, n: 2 });
    });

    test(`the cookie is set at the renewal whatever the handler does, with ${options}: ${name}`, async (t) => {
      for (const handler of [tell, set({ n: 1 }), async (req, res) => { await req.session.save(); tell(req, res); },
        async (req, res) => { req.session.touch(false); tell(req, res); }, async (req, res) => { await req.session.reload(); tell(req, res); }]) {
        const { app, get, old } = await begin(t, { options: how });
        const { cookie, body } = await get(old, handler);
        assert.deepEqual(JSON.parse(body).ids, [sidIn(cookie)], String(handler));
        assert.notEqual(sidIn(cookie), sidIn(old));
        assert.equal((await get(cookie)).told.data.user, 1, String(handler));
        assert.deepEqual(app.errors, []);
      }
    });
  }

  for (const merge of [false, true]) {
    for (const commit of ['end', 'headers']) {
      for (const saves of [false, true]) {
        const how = `merge: ${merge}, commit: ${commit}${saves ? ', save()' : ''}`;
        test(`a late write follows the session, ${how}: ${name}`, async (t) => {
          const { app, get, old, post, store, time } = await begin(t, { options: { merge, commit } });
          const slow = await late(post.bind(null, old), async (req, res) => {
            req.session.mine = 1;
            if (saves) {
              await req.session.save();
              req.session.more = 2;
            }
            tell(req, res);
          });
          const { cookie } = await get(old);
          if (merge) await get(cookie, set({ theirs: 1 }));
          else await get(cookie);
          assert.equal((await slow.finish()).status, 200);
          assert.deepEqual(app.errors, []);
          const expected = { user: 1, ...(merge && { theirs: 1 }), mine: 1, ...(saves && { more: 2 }) };
          if (!isAtomic(store) && !merge) {
            // The old record may be back, and no other harm is done.
            assert.equal((await get(cookie)).told.data.user, 1);
            return;
          }
          assert.deepEqual((await get(cookie)).told, { data: expected, ids: [sidIn(cookie)] });
          assert.ok(isPointer(await stored(store, old)), 'the old record is not back');
          time.tick(GRACE);
          assert.deepEqual((await get(old)).told.data, {});
          assert.deepEqual((await get(cookie)).told.data, expected);
        });
      }
    }
  }

  for (const [what, options, handler] of [
    ['rolling', { rolling: true }, tell],
    ['rolling, without data that change, and touch() of the program', { rolling: true }, (req, res) => { req.session.touch(); tell(req, res); }],
    ['maxAge and a change', { cookie: { maxAge: 100 * AFTER } }, set({ n: 1 })],
    ['rolling, after save()', { rolling: true }, async (req, res) => { req.session.n = 1; await req.session.save(); tell(req, res); }],
    ['rolling, in a stream', { rolling: true }, async (req, res) => { res.write(' '); tell(req, res); }],
  ]) {
    test(`who gets the old cookie again by a late response stays logged in, ${what}: ${name}`, async (t) => {
      const { get, old, post, store, time } = await begin(t, { options });
      const slow = await late(post.bind(null, old), handler);
      const { cookie } = await get(old);
      time.tick(1);
      await get(cookie);
      const { cookie: sent } = await slow.finish();
      assert.ok(sent, 'the late response sets a cookie');
      if (!isAtomic(store) && /change|save/.test(what)) return;
      // The browser has this one only, for the rest of the grace.
      time.tick(GRACE - 2);
      const next = await get(sent);
      time.tick(GRACE);
      const last = next.cookie ?? sent;
      assert.equal((await get(last)).told.data.user, 1, 'logged out');
      assert.equal(sidIn(last), sidIn(cookie));
    });
  }

  for (const [way, end, options] of [
    ['destroy()', (req) => req.session.destroy()],
    ['regenerate()', (req) => req.session.regenerate()],
    ['unset', (req) => { req.session = null; }, { unset: 'destroy' }],
    ['unset, headers', (req) => { req.session = null; }, { unset: 'destroy', commit: 'headers' }],
    ['destroy() and clearCookie', (req) => req.session.destroy(), { clearCookie: true }],
  ]) {
    const leave = async (req, res) => { await end(req); res.end('bye'); };

    test(`${way} by the new id ends both: ${name}`, async (t) => {
      const app = await begin(t, { options });
      const { cookie } = await app.get(app.old);
      assert.equal((await app.get(cookie, leave)).status, 200);
      await assertNoSession(app, app.old, cookie);
    });

    test(`${way} by the old id ends both: ${name}`, async (t) => {
      const app = await begin(t, { options });
      const { cookie } = await app.get(app.old);
      assert.equal((await app.post(app.old, leave)).status, 200);
      await assertNoSession(app, app.old, cookie);
    });

    test(`${way} in the request that renews ends both: ${name}`, async (t) => {
      const app = await begin(t, { options });
      await app.get(app.old, leave);
      await assertNoSession(app, app.old);
    });

    test(`${way} by a request that began before the renewal ends both: ${name}`, async (t) => {
      const app = await begin(t, { options });
      const slow = await late(app.post.bind(null, app.old), leave);
      const { cookie } = await app.get(app.old);
      const other = await late(app.get.bind(null, cookie), set({ n: 1 }));
      assert.equal((await slow.finish()).status, 200);
      await assertNoSession(app, app.old, cookie);
      // A request with the new id that is under way does not revive it, where the store can tell.
      await other.finish();
      if (isAtomic(app.store)) await assertNoSession(app, app.old, cookie);
    });
  }

  test(`regenerate({ keep }) of a late request: ${name}`, async (t) => {
    const app = await begin(t, { options: { absoluteTimeout: 100 * AFTER } });
    const slow = await late(app.post.bind(null, app.old), async (req, res) => {
      await req.session.regenerate({ keep: true });
      tell(req, res);
    });
    const { cookie } = await app.get(app.old);
    const fresh = await slow.finish();
    assert.deepEqual(JSON.parse(fresh.body), { data: { user: 1 }, ids: [sidIn(fresh.cookie)] });
    assert.notEqual(sidIn(fresh.cookie), sidIn(cookie));
    assert.deepEqual((await app.get(cookie)).told.data, {});
    assert.deepEqual((await app.get(app.old)).told.data, {});
    const { told: { data } } = await app.get(fresh.cookie);
    assert.deepEqual(data, { user: 1 });
    const record = await stored(app.store, fresh.cookie);
    assert.deepEqual([record._meta.created, record._meta.renewed], [START, START + AFTER]);
  });

  test(`reload finds a session that was renewed meanwhile, and what follows is kept: ${name}`, async (t) => {
    const { app, get, old, post, store } = await begin(t);
    let ids;
    const slow = await late(post.bind(null, old), async (req, res) => {
      await req.session.reload();
      ids = told(req);
      req.session.n = 1;
      tell(req, res);
    });
    const { cookie } = await get(old);
    assert.equal((await slow.finish()).status, 200);
    assert.deepEqual(ids, { data: { user: 1 }, ids: [sidIn(cookie)] });
    assert.deepEqual((await get(cookie)).told.data, { user: 1, n: 1 });
    assert.ok(isPointer(await stored(store, old)));
    assert.deepEqual(app.errors, []);
  });

  test(`a session that was reloaded before is followed, too: ${name}`, async (t) => {
    const { get, old, post, store } = await begin(t);
    if (!isAtomic(store)) return;
    const slow = await late(async (handler) => post(old, async (req, res) => {
      await req.session.reload();
      await handler(req, res);
    }), async (req, res) => {
      req.session.n = 1;
      await req.session.save();
      req.session.m = 1;
      tell(req, res);
    });
    const { cookie } = await get(old);
    await get(cookie);
    assert.equal((await slow.finish()).status, 200);
    assert.deepEqual((await get(cookie)).told, { data: { user: 1, n: 1, m: 1 }, ids: [sidIn(cookie)] });
    const record = await stored(store, cookie);
    assert.deepEqual([record._meta.created, record._meta.renewed], [START, START + AFTER]);
    assert.ok(isPointer(await stored(store, old)));
  });

  test(`a late save() before the new id was seen keeps it unseen: ${name}`, async (t) => {
    const { get, old, post, store, time } = await begin(t);
    if (!isAtomic(store)) return;
    const slow = await late(post.bind(null, old), async (req, res) => {
      req.session.n = 1;
      await req.session.save();
      tell(req, res);
    });
    const lost = await get(old);
    time.tick(1);
    await slow.finish();
    assert.equal(sidIn((await get(old)).cookie), sidIn(lost.cookie), 'the browser must hear of the new id');
  });

  test(`_meta keeps when the session was created, and the absolute end holds: ${name}`, async (t) => {
    const { get, old, store, time } = await begin(t, { options: { absoluteTimeout: 2.5 * AFTER } });
    const { cookie } = await get(old);
    const { _meta } = await stored(store, cookie);
    assert.deepEqual([_meta.created, _meta.renewed], [START, START + AFTER]);
    time.tick(AFTER);
    const second = await get(cookie);
    assert.ok(second.cookie);
    time.tick(AFTER / 2);
    assert.deepEqual((await get(second.cookie)).told.data, {});
  });

  test(`all and length skip pointers, get finds them: ${name}`, async (t) => {
    const { get, old, store } = await begin(t);
    if (!(store instanceof session.MemoryStore || store instanceof session.DiskStore)) return;
    const { cookie } = await get(old);
    assert.deepEqual(Object.keys(await all(store)), [sidIn(cookie)]);
    assert.equal(await length(store), 1);
    assert.ok(isPointer(await stored(store, old)));
  });
}
