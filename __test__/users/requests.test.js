'use strict';

/** What a request does to the session of a user: `user`, `describe`, `maxSessions`, and ends that beat requests. */

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const path = require('node:path');
const { test } = require('node:test');
const original = require('express-session');
const { clock, open } = require('../compat/app');
const { cookieOf } = require('../../test-kit/jar');
const { temporaryFolder } = require('../../test-kit/folder');
const { session, isOurs } = require('../subject');

const { MemoryStore, DiskStore } = session;
const START = Date.UTC(2030, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const skip = !isOurs && 'the original knows no users';

const user = (its) => its.user;
const describe = (req) => ({ ip: req.headers['x-ip'], userAgent: req.headers['user-agent'] });

const kinds = {
  MemoryStore: (t, options) => new MemoryStore(options),
  // It is asked by its methods.
  'MemoryStore with hashIds': (t, options) => {
    const store = new MemoryStore(options);
    hashed.add(store);
    return store;
  },
  'MemoryStore with a wrapped get': (t, options) => {
    const store = new MemoryStore(options);
    const { get } = store;
    store.get = function wrapped(...args) { return get.apply(this, args); };
    return store;
  },
  // As a store of another package makes them.
  'MemoryStore with sessions of the original\'s class': (t, options) => {
    const store = new MemoryStore(options);
    store.createSession = original.Store.prototype.createSession;
    return store;
  },
  DiskStore: (t, options) => {
    const store = new DiskStore({ path: path.join(temporaryFolder('users', t), 'sessions.db'), ...options });
    t.after(() => store.close());
    return store;
  },
};

const sidIn = (cookie) => /s%3A([^.]+)\./.exec(cookie)?.[1];
const hashed = new WeakSet();
const keyIn = (store, cookie) => (hashed.has(store) ? `h1:${createHash('sha256').update(sidIn(cookie)).digest('base64url')}` : sidIn(cookie));
const stored = (store, cookie) => new Promise((resolve, reject) => {
  store.get(keyIn(store, cookie), (error, found) => (error ? reject(error) : resolve(found)));
});

/** An app on a store with users, under a clock. `visit` says which cookie it brings, and tells the new one. */
async function app(t, make, { storeOptions, options, ...more } = {}) {
  const time = clock(t, START);
  const store = make(t, { user, ...storeOptions });
  const opened = await open(t, { options: { store, hashIds: hashed.has(store), ...options }, ...more });
  const visit = async (cookie, handler, rest) => {
    opened.jar.clear?.();
    const answer = await opened.visit(handler, { cookie: cookie ?? 'none=1', ...rest });
    return { ...answer, cookie: answer.cookies.map((line) => cookieOf(line))[0] };
  };
  const logIn = async (name, rest) => (await visit(undefined, (req, res) => { req.session.user = name; res.end(); }, rest)).cookie;
  return { ...opened, store, time, visit, logIn };
}

const outcome = (promise) => promise.then(() => 'saved', (error) => error.code ?? `${error.name}: ${error.message}`);

for (const [kind, make] of Object.entries(kinds)) {
  const each = (name, body) => test(`${kind}: ${name}`, { skip }, (t) => body(t, (more) => app(t, make, more)));

  each('a session says whose it is, and what has used it last', async (t, start) => {
    const { store, time, visit, logIn } = await start({ storeOptions: { describe } });
    const headers = (ip, agent) => ({ headers: { 'x-ip': ip, 'user-agent': agent } });
    const cookie = await logIn('ann', headers('10.0.0.1', 'Firefox "1"'));
    assert.deepEqual((await stored(store, cookie))._meta, { created: START, renewed: START, seen: START, user: 'ann', ip: '10.0.0.1', agent: 'Firefox "1"' });
    time.tick(1000);
    await visit(cookie, (req, res) => { req.session.n = 1; res.end(); }, headers('10.0.0.2', `Ü${'x'.repeat(5000)}`));
    const [{ handle, ...told }] = await store.sessionsOf('ann');
    assert.equal(handle.length, 43);
    assert.deepEqual(told, { created: START, lastSeen: START + 1000, current: false, ip: '10.0.0.2', userAgent: `Ü${'x'.repeat(254)}` });
    // A request that is not to count as a use tells nothing of itself.
    await visit(cookie, (req, res) => { req.session.touch(false); req.session.n = 2; res.end(); }, headers('10.0.0.3', 'curl'));
    assert.equal((await store.sessionsOf('ann'))[0].ip, '10.0.0.2');
    // What the program puts into _meta is nothing.
    await visit(cookie, (req, res) => { req.session._meta = { user: 'bob', created: 1 }; req.session.n = 3; res.end(); }, headers('10.0.0.4', 'x'));
    assert.deepEqual([(await store.sessionsOf('bob')).length, (await store.sessionsOf('ann'))[0].created], [0, START]);
    await visit(cookie, (req, res) => { delete req.session.user; res.end(); }, headers('10.0.0.5', 'x'));
    assert.deepEqual(Object.keys((await stored(store, cookie))._meta), ['created', 'renewed', 'seen']);
    assert.deepEqual(await store.sessionsOf('ann'), []);
  });

  each('who is shown as current', async (t, start) => {
    const { store, visit, logIn } = await start();
    const [one] = [await logIn('ann'), await logIn('ann')];
    const { value } = await visit(one, async (req, res) => {
      const list = await store.sessionsOf('ann', { current: req.session });
      res.end();
      return list.map(({ current }) => current).sort();
    });
    assert.deepEqual(value, [false, true]);
    const ended = await visit(one, async (req, res) => { res.end(String(await store.endAll('ann', { except: req.session }))); });
    assert.equal(ended.body, '1');
    assert.deepEqual([Boolean(await stored(store, one)), (await store.sessionsOf('ann')).length], [true, 1]);
  });

  each('a session that was ended is not saved again', async (t, start) => {
    for (const options of [{}, { merge: true }, { resave: true }, { renewAfter: HOUR }, { commit: 'headers' }, { touchAfter: 1000, rolling: true, cookie: { maxAge: HOUR } }]) {
      const { store, visit, logIn } = await start({ options });
      const cookie = await logIn('ann');
      const { value } = await visit(cookie, async (req, res) => {
        req.session.n = 1;
        await store.endAll('ann');
        const outcomes = [await outcome(req.session.save())];
        req.session.n = 2;
        outcomes.push(await new Promise((resolve) => { req.session.save((error, ...more) => { resolve([error?.code, more.length]); }); }));
        req.session.n = 3;
        res.end();
        return outcomes;
      }, { method: 'POST' });
      assert.deepEqual(value, ['ERR_SESSION_ENDED', ['ERR_SESSION_ENDED', 0]], JSON.stringify(options));
      assert.ok(!await stored(store, cookie), JSON.stringify(options));
      // A touch does not bring it back either.
      const next = await logIn('ann');
      await visit(next, async (req, res) => { void req.session.user; await store.endAll('ann'); res.end(); });
      assert.ok(!await stored(store, next));
    }
  });

  each('a session that this request has saved itself', async (t, start) => {
    const { store, visit } = await start();
    const { cookie, value } = await visit(undefined, async (req, res) => {
      req.session.user = 'ann';
      const outcomes = [await outcome(req.session.save()), await outcome(req.session.save())];
      const [{ handle }] = await store.sessionsOf('ann', { current: req.session });
      assert.equal(await store.end('ann', handle), 1);
      req.session.n = 1;
      outcomes.push(await outcome(req.session.save()));
      req.session.n = 2;
      res.end();
      return outcomes;
    });
    assert.deepEqual(value, ['saved', 'saved', 'ERR_SESSION_ENDED']);
    assert.ok(!await stored(store, cookie));
    // A logout by the request itself, and another login, are its own doing.
    const again = await visit(undefined, async (req, res) => {
      req.session.user = 'ann';
      await req.session.save();
      await req.session.regenerate();
      req.session.user = 'ann';
      await req.session.save();
      res.end();
    });
    assert.equal((await stored(store, again.cookie)).user, 'ann');
    assert.equal((await store.sessionsOf('ann')).length, 1);
  });

  each('a session that the program or its response has made before it was ended', async (t, start) => {
    for (const options of [{}, { merge: true }, { commit: 'headers' }, { renewAfter: HOUR }]) {
      const { store, visit, logIn } = await start({ options });
      const late = async (req) => {
        await store.endAll('ann');
        req.session.n = (req.session.n ?? 0) + 1;
        return outcome(req.session.save());
      };
      const isGone = async (cookie) => cookie === undefined || !await stored(store, cookie);
      const ways = {
        'regenerate({ keep })': async (req, res) => { await req.session.regenerate({ keep: true }); const told = await late(req); req.session.m = 1; res.end(); return told; },
        'regenerate({ keep }) without save': async (req, res) => { await req.session.regenerate({ keep: true }); await store.endAll('ann'); req.session.m = 1; res.end(); },
        regenerate: async (req, res) => { await req.session.regenerate(); req.session.user = 'ann'; await req.session.save(); const told = await late(req); res.end(); return told; },
        'regenerate, and reload': async (req, res) => {
          await req.session.regenerate();
          req.session.user = 'ann';
          await req.session.save();
          await req.session.reload();
          const told = await late(req);
          req.session.n = 9;
          res.end();
          return told;
        },
        'load outside of the request': async (req, res) => {
          const session = await new Promise((resolve, reject) => { req.sessionStore.load(req.sessionID, (error, found) => (error ? reject(error) : resolve(found))); });
          const told = await late({ session });
          res.end();
          return told;
        },
        'the program replaces save': async (req, res) => {
          const { save } = req.session;
          req.session.save = function mine(callback) { return save.call(this, callback); };
          const told = await late(req);
          res.end();
          return told;
        },
      };
      // One of another class, which no request has, saves itself.
      if (kind.includes('original')) delete ways['load outside of the request'];
      for (const [way, handler] of Object.entries(ways)) {
        const { cookie, value } = await visit(await logIn('ann'), handler);
        assert.ok(value === undefined || value === 'ERR_SESSION_ENDED', `${way}: ${value} ${JSON.stringify(options)}`);
        assert.ok(await isGone(cookie), `${way} ${JSON.stringify(options)}`);
        assert.deepEqual(await store.sessionsOf('ann'), [], `${way} ${JSON.stringify(options)}`);
      }
      // The response has stored the session for the first time, and the handler goes on.
      let request;
      const answered = await visit(undefined, (req, res) => { request = req; req.session.user = 'ann'; res.end(); });
      assert.ok(await stored(store, answered.cookie));
      assert.equal(await late(request), 'ERR_SESSION_ENDED', JSON.stringify(options));
      assert.ok(await isGone(answered.cookie));
      if (options.commit !== 'headers') continue;
      await visit(undefined, async (req, res) => {
        req.session.user = 'ann';
        res.write('x');
        while (await store.endAll('ann') === 0) await new Promise(setImmediate);
        req.session.n = 1;
        res.end();
      });
      assert.deepEqual(await store.sessionsOf('ann'), []);
    }
  });

  each('a session after regenerate hears of a user that is none', async (t, start) => {
    const { errors, visit } = await start({ storeOptions: { user: (its) => its.passport?.user } });
    const { value } = await visit(undefined, async (req, res) => {
      await req.session.regenerate();
      req.session.passport = { user: 7 };
      // As passport saves it, in a callback where an error that is thrown ends the process.
      const told = await new Promise((resolve) => { req.session.save((error) => { resolve(error?.message); }); });
      delete req.session.passport;
      res.end();
      return told;
    });
    assert.match(value, /must return undefined, or a text of 1 to 255 characters/);
    assert.deepEqual(errors, []);
  });

  each('the session that asks is known by its new id', async (t, start) => {
    const { store, time, visit, logIn } = await start({ options: { renewAfter: HOUR } });
    const cookie = await logIn('ann');
    await logIn('ann');
    time.tick(HOUR);
    for (const method of ['sessionsOf', 'endAll']) {
      let renewed;
      const { value } = await visit(cookie, async (req, res) => {
        renewed ??= await visit(cookie, (other, response) => { response.end(); });
        const told = method === 'endAll' ? await store.endAll('ann', { except: req.session }) : (await store.sessionsOf('ann', { current: req.session })).map(({ current }) => current).sort();
        res.end();
        return told;
      }, { method: 'POST' });
      assert.deepEqual(value, method === 'endAll' ? 1 : [false, true]);
    }
    assert.equal((await store.sessionsOf('ann')).length, 1);
  });

  each('a new id just after the login takes the place of the old one', async (t, start) => {
    for (const skew of [0, -1000]) {
      const { store, time, visit } = await start({ storeOptions: { maxSessions: 1 }, options: { renewAfter: HOUR } });
      const { cookie } = await visit(undefined, (req, res) => { req.session.cart = 1; res.end(); });
      time.tick(HOUR + 1000);
      await visit(cookie, (req, res) => { req.session.user = 'ann'; res.end(); }, { method: 'POST' });
      // The clock of another machine may be behind.
      time.tick(skew);
      const renewed = await visit(cookie, (req, res) => { res.end(req.session.user); });
      assert.equal(renewed.body, 'ann');
      assert.equal((await store.sessionsOf('ann')).length, 1);
    }
  });

  each('a session that has ended stays so after a regenerate({ keep }) that is refused', async (t, start) => {
    const { store, visit } = await start();
    const { value } = await visit(undefined, async (req, res) => {
      req.session.user = 'ann';
      const outcomes = [await outcome(req.session.save()), await store.endAll('ann'), await outcome(req.session.regenerate({ keep: true }))];
      req.session.n = 1;
      outcomes.push(await outcome(req.session.save()));
      res.end();
      return outcomes;
    });
    assert.deepEqual(value, ['saved', 1, 'ERR_SESSION_ENDED', 'ERR_SESSION_ENDED']);
    assert.deepEqual(await store.sessionsOf('ann'), []);
  });

  each('a session that was reloaded ends under its new id', async (t, start) => {
    for (const options of [{}, { merge: true }]) {
      for (const [leave, left] of [[(its) => its.destroy(), 0], [(its) => its.regenerate({ keep: true }), 1], [(its) => its.reload(), 1]]) {
        const { store, time, visit, logIn } = await start({ options: { renewAfter: HOUR, renewGrace: MINUTE, ...options } });
        const cookie = await logIn('ann');
        time.tick(HOUR);
        const { value } = await visit(cookie, async (req, res) => {
          await req.session.reload();
          await visit(cookie, (other, answer) => { answer.end(); });
          const outcomes = [await outcome(req.session.save())];
          // The old id leads nowhere now.
          time.tick(2 * MINUTE);
          outcomes.push((await store.sessionsOf('ann', { current: req.session }))[0].current);
          outcomes.push(await outcome(leave(req.session)));
          res.end();
          return outcomes;
        }, { method: 'POST' });
        assert.deepEqual(value, ['saved', true, 'saved'], `${JSON.stringify(options)} ${leave}`);
        assert.equal((await store.sessionsOf('ann')).length, left, `${JSON.stringify(options)} ${leave}`);
      }
    }
  });

  each('no session was seen before it began', async (t, start) => {
    const { store, time, visit } = await start({ options: { renewAfter: HOUR, saveUninitialized: true } });
    const { cookie } = await visit(undefined, (req, res) => { res.end(); });
    time.tick(HOUR);
    await visit(cookie, async (req, res) => {
      time.tick(1000);
      req.session.user = 'ann';
      res.end();
    });
    const [{ created, lastSeen }] = await store.sessionsOf('ann');
    assert.deepEqual([created, lastSeen], [START + HOUR + 1000, START + HOUR + 1000]);
  });

  each('a function that fails is an error, and the stored session stays', async (t, start) => {
    const bad = [
      [() => { throw new Error('broken'); }, 'broken'],
      [() => { throw undefined; }, /gave no error|cannot say/],
      [() => 7, /must return undefined, or a text of 1 to 255 characters/],
      [() => ({}), /must return/],
      [() => '', /must return/],
      [() => 'x'.repeat(10_000), /must return/],
      [() => '\ud800', /must return/],
      [async () => 'ann', /must return/],
      [async () => { throw new Error('broken'); }, /user option must return its value, not a promise/],
    ];
    for (const [fails, message] of bad) {
      let isBad = false;
      const { errors, store, visit, logIn } = await start({ storeOptions: { user: (its) => (isBad ? fails(its) : its.user) } });
      const cookie = await logIn('ann');
      isBad = true;
      const { value } = await visit(cookie, async (req, res) => {
        req.session.n = 1;
        const results = [await req.session.save().catch((error) => error), await new Promise((resolve) => { req.session.save(resolve); })];
        res.end();
        return results;
      });
      for (const error of value) assert.match(String(error?.message), message instanceof RegExp ? message : new RegExp(message));
      assert.equal(errors.length, 1);
      isBad = false;
      assert.equal((await stored(store, cookie)).n, undefined);
      assert.equal((await store.sessionsOf('ann')).length, 1);
    }
    for (const described of [() => { throw new Error('broken'); }, () => ({ ip: 7 }), () => ({ userAgent: {} }), async () => { throw new Error('a promise'); }]) {
      const { errors, store, visit } = await start({ storeOptions: { describe: described } });
      await visit(undefined, (req, res) => { req.session.user = 'ann'; res.end(); });
      assert.match(errors[0].message, /broken|of the option describe must be a string|not a promise/);
      assert.deepEqual(await store.sessionsOf('ann'), []);
    }
    for (const nothing of [() => undefined, () => null, () => ({}), () => ({ ip: null, userAgent: undefined })]) {
      const { store, logIn } = await start({ storeOptions: { describe: nothing } });
      await logIn('ann');
      assert.deepEqual(Object.keys((await store.sessionsOf('ann'))[0]), ['handle', 'created', 'lastSeen', 'current']);
    }
  });

  each('a session begins anew with another user, and with nobody else', async (t, start) => {
    const { store, time, visit } = await start({ options: { saveUninitialized: true } });
    const { cookie } = await visit(undefined, (req, res) => { req.session.cart = 1; res.end(); });
    const created = async () => (await store.sessionsOf('ann')).map((each) => each.created - START);
    time.tick(1000);
    await visit(cookie, (req, res) => { req.session.user = 'ann'; res.end(); });
    assert.deepEqual(await created(), [1000]);
    time.tick(1000);
    const kept = await visit(cookie, async (req, res) => { await req.session.regenerate({ keep: true }); res.end(); });
    assert.notEqual(kept.cookie, undefined);
    assert.deepEqual(await created(), [1000]);
    time.tick(1000);
    await visit(kept.cookie, async (req, res) => { await req.session.regenerate({ keep: ['cart'] }); req.session.user = 'ann'; res.end(); });
    assert.deepEqual(await created(), [3000]);
  });

  each('regenerate and a new id end no other device, a login ends the oldest', async (t, start) => {
    const { store, time, visit, logIn } = await start({ storeOptions: { maxSessions: 2 }, options: { renewAfter: HOUR, idleTimeout: 24 * HOUR } });
    const isThere = async (...cookies) => Promise.all(cookies.map(async (cookie) => Boolean((await stored(store, cookie))?.user)));
    const one = await logIn('ann');
    time.tick(1000);
    const two = await logIn('ann');
    const kept = await visit(two, async (req, res) => { await req.session.regenerate({ keep: true }); res.end(); });
    assert.deepEqual(await isThere(one, two, kept.cookie), [true, false, true]);
    time.tick(HOUR);
    const renewed = await visit(kept.cookie, (req, res) => { res.end(req.session.user); });
    assert.notEqual(renewed.cookie, undefined);
    assert.equal((await store.sessionsOf('ann')).length, 2);
    assert.deepEqual(await isThere(one, renewed.cookie), [true, true]);
    const three = await logIn('ann');
    assert.deepEqual(await isThere(one, renewed.cookie, three), [false, true, true]);
    await logIn('bob');
    assert.deepEqual(await isThere(renewed.cookie, three), [true, true]);
  });

  each('a session of before the option is found when it is used', async (t, start) => {
    const { store, time, visit } = await start();
    const make = async (meta) => {
      const cookie = (await visit(undefined, (req, res) => { req.session.n = 1; res.end(); })).cookie;
      // As it was stored by a program that knew no users.
      const data = { cookie: new original.Cookie({}), user: 'ann', ...(meta && { _meta: meta }) };
      const none = store.user;
      assert.equal(none, undefined);
      await new Promise((resolve, reject) => {
        const plain = Object.create(store, { [Object.getOwnPropertySymbols(store).find((key) => key.description === 'users')]: { value: undefined } });
        store.set.call(plain, keyIn(store, cookie), data, (error) => (error ? reject(error) : resolve()));
      });
      return cookie;
    };
    for (const meta of [undefined, { created: START, renewed: START, seen: START }]) {
      const cookie = await make(meta);
      assert.deepEqual(await store.sessionsOf('ann'), []);
      time.tick(1000);
      await visit(cookie, (req, res) => { res.end(req.session.user); });
      assert.equal((await store.sessionsOf('ann')).length, 1, JSON.stringify(meta));
      await store.endAll('ann');
    }
  });

  each('a session that has ended by its time is not shown', async (t, start) => {
    for (const options of [{ idleTimeout: 10 * MINUTE }, { absoluteTimeout: 10 * MINUTE }]) {
      const { store, time, logIn } = await start({ options });
      await logIn('ann');
      time.tick(10 * MINUTE - 1);
      assert.equal((await store.sessionsOf('ann')).length, 1);
      time.tick(1);
      assert.deepEqual(await store.sessionsOf('ann'), []);
      // It lives for another middleware of the store, whatever the order in which they are made.
      for (const others of [{}, options]) session({ store, secret: 'keyboard', resave: false, saveUninitialized: false, ...others });
      assert.equal((await store.sessionsOf('ann')).length, 1);
    }
  });

  each('the last use is shown without a lifetime, and with one', async (t, start) => {
    for (const options of [{}, { cookie: { maxAge: HOUR } }]) {
      const { store, time, visit, logIn } = await start({ options });
      const cookie = await logIn('ann');
      for (const minutes of [2, 4]) {
        time.tick(2 * MINUTE);
        await visit(cookie, (req, res) => { res.end(); });
        const [{ lastSeen, created }] = await store.sessionsOf('ann');
        assert.deepEqual([lastSeen - START, created - START], [minutes * MINUTE, 0], JSON.stringify(options));
      }
    }
  });
}

test('the request that renews an id counts as a use, on a store that knows sessions by a version', { skip }, async (t) => {
  const store = new session.Store();
  const texts = new Map();
  let version = 0;
  const put = (sid, data) => { texts.set(sid, JSON.stringify({ ...JSON.parse(JSON.stringify(data)), _meta: { ...data._meta, version: ++version } })); };
  const get = (sid) => texts.has(sid) && JSON.parse(texts.get(sid));
  Object.assign(store, {
    get: (sid, callback) => { callback(null, get(sid)); },
    set: (sid, data, callback) => { put(sid, data); callback(null); },
    destroy: (sid, callback) => { texts.delete(sid); callback(null); },
    touch: (sid, data, callback) => { callback(null); },
    setIfUnchanged: (sid, data, loaded, callback) => {
      const isSame = get(sid)?._meta?.version === loaded._meta.version;
      if (isSame) put(sid, data);
      callback(null, isSame);
    },
  });
  const { time, visit, logIn } = await app(t, () => store, { options: { renewAfter: HOUR, idleTimeout: 30 * MINUTE } });
  let cookie = await logIn('ann');
  for (let round = 0; round < 7; round++) {
    time.tick(20 * MINUTE);
    const answer = await visit(cookie, (req, res) => { res.end(req.session.user); });
    assert.equal(answer.body, 'ann', `after ${20 * (round + 1)} minutes`);
    cookie = answer.cookie ?? cookie;
  }
});
