'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const util = require('node:util');
const signature = require('cookie-signature');
const { each, pair, clock, open, counter, ledger, story, write, original } = require('./app');
const { AS_EXPECTED, withoutCallback } = require('../promised');
const { session, isOurs } = require('../subject');

const signed = (sid) => `connect.sid=${encodeURIComponent(`s:${signature.sign(sid, 'keyboard')}`)}`;

/** Everything that a program can see of an object from outside. */
function look(sess) {
  const all = [];
  for (const key in sess) all.push(key);
  return {
    all,
    keys: Object.keys(sess),
    json: JSON.stringify(sess),
    spread: JSON.stringify({ ...sess }),
    assigned: Object.keys(Object.assign({}, sess)),
    entries: Object.entries(sess).map(([key, value]) => [key, typeof value]),
    shown: util.inspect(sess),
    deep: util.inspect(sess, { depth: null, showHidden: false }),
    isIn: ['id', 'req', 'cookie', 'n', 'save', 'touch', 'toString', 'constructor', 'missing'].map((key) => key in sess),
    // whether they are its own or its prototype's is not told apart
    enumerable: ['id', 'req', 'cookie', 'save', 'reload'].map((key) => Object.prototype.propertyIsEnumerable.call(sess, key)),
  };
}

const fill = (sess) => Object.assign(sess, {
  z: 1, a: 'text', 7: 'seven', 2: 'two', list: [1, { two: 2 }, null], deep: { deeper: { deepest: true } },
  nothing: null, missing: undefined, date: new Date(0), 'ключ': '\ud83d\ude00', lone: '\ud800', when: 1.5, no: false,
});

each('a session shows itself as with the original: new, written, loaded, changed', async (t, kind) => {
  clock(t);
  for (const cookie of [{}, { maxAge: 60000, sameSite: 'lax' }]) {
    for (const store of [(module) => new module.MemoryStore(), (module) => ledger({ Store: module.Store })]) {
      await pair(async (module) => {
        const app = await open(t, { kind, module, options: { cookie, store: store(module), genid: counter() } });
        const told = [];
        told.push((await app.visit((req, res) => {
          const fresh = look(req.session);
          fill(req.session);
          const filled = look(req.session);
          res.end();
          return [fresh, filled, look(req.session)];
        })).value);
        told.push((await app.visit((req, res) => {
          const loaded = look(req.session);
          const { session: sess } = req;
          const deleted = [delete sess.a, delete sess.missing, delete sess[7], delete sess.never];
          sess.b = 'last';
          sess.deep.deeper.more = [1];
          const changed = look(sess);
          res.end();
          return [loaded, deleted, changed, 'a' in sess, 'b' in sess];
        })).value);
        told.push((await app.visit((req, res) => {
          res.end();
          return look(req.session);
        })).value);
        return told;
      });
    }
  }
});

each('only data and cookie are enumerable', async (t, kind) => {
  const app = await open(t, { kind });
  await app.visit(write);
  const { value } = await app.visit((req, res) => {
    res.end();
    return [Object.keys(req.session), JSON.parse(JSON.stringify(req.session))];
  });
  assert.deepEqual(value[0], ['cookie', 'n']);
  assert.deepEqual(Object.keys(value[1]), ['cookie', 'n']);
});

each('id and req are read-only', async (t, kind) => {
  const app = await open(t, { kind });
  await app.visit((req, res) => {
    const { id } = req.session;
    assert.equal(id, req.sessionID);
    assert.equal(req.session.req, req);
    assert.throws(() => { req.session.id = 'other'; }, TypeError);
    assert.throws(() => { req.session.req = {}; }, TypeError);
    assert.deepEqual([req.session.id, req.session.req], [id, req]);
    res.end();
  });
});

each('id and req in stored data do not take their place', async (t, kind) => {
  const store = new session.MemoryStore();
  const app = await open(t, { kind, options: { store, genid: counter() } });
  await app.visit(write);
  const bad = JSON.stringify({ ...JSON.parse(store.sessions['sid-1']), id: 'bad', req: 'bad' });
  store.sessions['sid-1'] = bad;
  await app.visit((req, res) => {
    assert.deepEqual([req.session.id, req.session.req === req], ['sid-1', true]);
    res.end();
  });
});

test('keys that the prototype chain has are not taken over from data', () => {
  const data = JSON.parse(`{"cookie":{"path":"/"},"constructor":1,"toString":2,"save":3,"touch":4,"reload":5,"hasOwnProperty":6,
    "valueOf":7,"__proto__":{"polluted":true},"__defineGetter__":8,"isPrototypeOf":9,"ok":10,"then":11,"id":12,"req":13}`);
  const [ours, theirs] = [session, original].map(({ Session }) => {
    const sess = new Session({ sessionID: 'x' }, data);
    return [Object.keys(sess), JSON.stringify(sess), sess.polluted, sess.toString === Object.prototype.toString, typeof sess.save, sess.id];
  });
  assert.deepEqual(ours, theirs);
  assert.deepEqual(ours[0], ['cookie', 'ok', 'then']);
});

each('nor are they when they come from a store', async (t, kind) => {
  const told = await pair(async (module) => {
    const results = [];
    for (const store of [new module.MemoryStore(), ledger({ Store: module.Store })]) {
      const app = await open(t, { kind, module, options: { store, genid: counter() } });
      await app.visit(write);
      const text = '{"cookie":{"path":"/"},"constructor":1,"toString":2,"save":3,"__proto__":{"polluted":true},"destroy":null,"ok":4}';
      if (store.data) store.data.set('sid-1', text);
      else store.sessions['sid-1'] = text;
      results.push((await app.visit((req, res) => {
        const sess = req.session;
        res.end();
        return [look(sess), sess.polluted, typeof sess.save, typeof sess.destroy];
      })).value, store.data ? [...store.data] : Object.entries(store.sessions));
    }
    return results;
  });
  assert.deepEqual(told[0][0].keys, ['cookie', 'ok']);
});

test('a Session can be made by hand, of any data', () => {
  const inherited = Object.create({ fromProto: 1 });
  inherited.own = 2;
  for (const data of [undefined, null, 'text', 5, true, () => {}, {}, [1, 2], inherited, { nested: { deep: 1 } }]) {
    const req = { sessionID: 'x' };
    const [ours, theirs] = [session, original].map(({ Session }) => {
      const sess = new Session(req, data);
      assert.equal(sess.req, req);
      return [Object.keys(sess), JSON.stringify(sess), sess.id, util.inspect(sess)];
    });
    assert.deepEqual(ours, theirs);
  }
});

each('save and reload return nothing; touch, destroy, regenerate and resetMaxAge the session', async (t, kind) => {
  await pair(async (module) => {
    const store = ledger({ Store: module.Store });
    const app = await open(t, { kind, module, options: { store } });
    const returned = async (act) => (await app.visit((req, res) => new Promise((resolve) => {
      const sess = req.session;
      const results = [];
      const done = () => setImmediate(() => {
        res.end();
        resolve(results[0] === sess ? 'the session' : results[0]);
      });
      results.push(act(sess, done));
    }))).value;

    await app.visit(write);
    const told = [];
    for (const method of ['save', 'reload', 'regenerate', 'save', 'destroy']) told.push(await returned((sess, done) => sess[method](done)));
    for (const method of ['touch', 'resetMaxAge']) {
      told.push(await returned((sess, done) => {
        done();
        return sess[method]();
      }));
    }
    return told;
  }).then((told) => assert.deepEqual(told, [undefined, undefined, 'the session', undefined, 'the session', 'the session', 'the session']));
});

test('the methods of an unwrapped Session all return it', () => {
  for (const module of [original, session]) {
    const { Session, Store, Cookie } = module;
    const store = ledger({ Store, sync: true });
    const req = { sessionID: 'x', sessionStore: store };
    store.generate = (request) => { request.session = new Session(request); };
    const sess = req.session = new Session(req, { cookie: new Cookie({ maxAge: 1000 }) });
    assert.equal(withoutCallback(module, sess.save()), AS_EXPECTED);
    assert.equal(sess.save(() => {}), sess);
    assert.equal(sess.reload(() => {}), sess);
    assert.equal(sess.touch(), sess);
    assert.equal(sess.regenerate(() => {}), sess);
    assert.equal(sess.destroy(() => {}), sess);
    assert.deepEqual(store.calls, ['set', 'set', 'get', 'destroy', 'destroy']);
    assert.equal('session' in req, false);
  }
});

each('touch moves the expiry and never calls the store', async (t, kind) => {
  const time = clock(t);
  const store = ledger();
  const app = await open(t, { kind, options: { store, cookie: { maxAge: 60000 } } });
  await app.visit(write);
  time.tick(1000);
  store.take();
  await app.visit((req, res) => {
    // As stored: a thousand milliseconds are gone.
    assert.equal(req.session.cookie.maxAge, 59000);
    req.session.touch();
    assert.equal(req.session.cookie.maxAge, 60000);
    assert.equal(req.session.cookie.originalMaxAge, 60000);
    assert.deepEqual(store.take(), ['get']);
    res.end();
  });
  assert.deepEqual(store.take(), ['touch']);
});

each('save stores at once, tells its callback, and is not repeated at the end', async (t, kind) => {
  const { told } = await story(t, kind, () => ({}), [
    [(req, res) => {
      req.session.n = 1;
      req.session.save((...args) => res.end(JSON.stringify(args)));
    }],
    [(req, res) => {
      req.session.n = 2;
      req.session.save((...args) => {
        req.session.n = 3;
        res.end(JSON.stringify(args));
      });
    }],
    [(req, res) => {
      req.session.n = 4;
      req.session.save();
      res.end();
    }],
    [(req, res) => req.session.save(() => req.session.save(() => res.end()))],
  ]);
  assert.deepEqual(told.map(({ calls }) => calls), [['set'], ['get', 'set', 'set'], ['get', 'set', 'touch'], ['get', 'set', 'set', 'touch']]);
});

each('the callback of save gets the error, and next does not', async (t, kind) => {
  const store = ledger();
  const app = await open(t, { kind, options: { store } });
  await app.visit(write);
  store.fails.set = new Error('disk full');
  const { body } = await app.visit((req, res) => {
    req.session.n = 9;
    req.session.save((err) => res.end(err.message));
  });
  assert.equal(body, 'disk full');
  assert.deepEqual(app.errors, []);
});

each('reload brings back what is stored, in a new session that saves and reloads as before', async (t, kind) => {
  clock(t);
  const { told } = await story(t, kind, () => ({ cookie: { maxAge: 60000 } }), [
    [write],
    [(req, res) => new Promise((resolve) => {
      const before = req.session;
      before.n = 100;
      before.reload((err) => {
        const after = req.session;
        const values = [err, after === before, after.n, before.n, after.id === before.id, Object.keys(after)];
        after.n += 1;
        values.push(after.save((error) => {
          after.n = 200;
          req.session.reload(() => {
            res.end();
            resolve([...values, error, req.session.n]);
          });
        }));
      });
    })],
  ]);
  assert.deepEqual(told[1].value, [undefined, false, 1, 100, true, ['cookie', 'n'], undefined, undefined, 2]);
});

each('reload of a session that is gone fails, and says so', async (t, kind) => {
  const store = ledger();
  const app = await open(t, { kind, options: { store } });
  await app.visit(write);
  const { body } = await app.visit((req, res) => {
    store.data.clear();
    req.session.reload((err) => res.end(err.message));
  });
  assert.equal(body, 'failed to load session');
  store.fails.get = new Error('unreachable');
  await app.visit((req, res) => res.end(), { cookie: false });
  const failed = await app.visit((req, res) => req.session.reload((err) => res.end(err.message)), { cookie: false });
  assert.equal(failed.body, 'unreachable');
});

each('regenerate makes a new id and an empty session; the old one is destroyed', async (t, kind) => {
  const { told } = await story(t, kind, () => ({}), [
    [write],
    [(req, res) => new Promise((resolve) => {
      const before = req.session;
      before.regenerate((err) => {
        const { session: after } = req;
        const values = [err, before.id, after.id, req.sessionID, Object.keys(after), after === before];
        after.user = 'tobi';
        after.save((error) => after.reload(() => {
          res.end();
          resolve([...values, error, req.session.user]);
        }));
      });
    })],
    [(req, res) => res.end(JSON.stringify([req.session.user, req.sessionID]))],
  ]);
  assert.deepEqual(told[1].value, [undefined, 'sid-1', 'sid-2', 'sid-2', ['cookie'], false, undefined, 'tobi']);
  // The end of the request saves once more: the session has another id than it came with.
  assert.deepEqual(told[1].calls, ['get', 'destroy', 'set', 'get', 'set']);
  assert.equal(told[2].body, '["tobi","sid-2"]');
});

each('regenerate makes the new session even when destroy failed, and hands on the error', async (t, kind) => {
  const store = ledger();
  const app = await open(t, { kind, options: { store, genid: counter() } });
  await app.visit(write);
  store.fails.destroy = new Error('cannot');
  const { body } = await app.visit((req, res) => req.session.regenerate((err) => res.end(`${err.message} ${req.session.id}`)));
  assert.equal(body, 'cannot sid-2');
});

each('destroy takes the session off the request and out of the store', async (t, kind) => {
  const { told } = await story(t, kind, () => ({}), [
    [write],
    [(req, res) => new Promise((resolve) => {
      req.session.destroy((err) => {
        res.end();
        resolve([err, req.session]);
      });
      assert.equal('session' in req, false);
      assert.equal(req.sessionID, 'sid-1');
    })],
    [(req, res) => res.end(String(req.session.n))],
  ]);
  assert.deepEqual(told[1].calls, ['get', 'destroy']);
  assert.deepEqual([told[1].value, told[2].body], [[undefined, undefined], 'undefined']);
});

each('destroy without a callback works too', async (t, kind) => {
  const { told } = await story(t, kind, () => ({}), [[write], [(req, res) => { req.session.destroy(); res.end(); }]]);
  assert.deepEqual(told[1].calls, ['get', 'destroy']);
});

each('a session that replaces the one of the request is saved in its place', async (t, kind) => {
  await story(t, kind, (module) => ({
    store: new module.MemoryStore(), genid: counter(),
  }), [
    [write],
    [(req, res) => {
      const { constructor: Session } = Object.getPrototypeOf(req.session);
      const other = new Session(req, { cookie: req.session.cookie, other: true });
      req.session = other;
      res.end();
    }],
    [(req, res) => { res.end(JSON.stringify([Object.keys(req.session), req.session.other, req.session.n])); }],
  ]);
});

each('what a save of a program\'s does to the session or its id decides on the cookie', async (t, kind) => {
  clock(t);
  const acts = [
    (req) => { req.session = null; },
    (req) => { delete req.session; },
    (req) => { req.sessionID = 'sid-1'; },
    (req) => { req.session.cookie.maxAge = 90_000; },
  ];
  for (const act of acts) {
    for (const more of [{}, { cookie: { maxAge: 60_000 } }]) {
      for (const isMemory of [true, false]) {
        await pair(async (module) => {
          const store = isMemory ? new module.MemoryStore() : ledger({ Store: module.Store });
          const app = await open(t, { kind, module, options: { store, genid: counter(), ...more } });
          const told = [];
          for (let visits = 2; visits > 0; visits--) {
            const { cookies, body } = await app.visit((req, res) => {
              const { session: sess } = req;
              const { save } = sess;
              sess.save = function saveAndAct(callback) {
                act(req);
                return save.call(this, callback);
              };
              write(req, res);
            });
            told.push(cookies, body);
          }
          return told;
        });
      }
    }
  }
});

each('changes are found wherever they are: nested, deleted, reordered, undone', async (t, kind) => {
  const acts = {
    nothing: [() => {}, 'touch'],
    'a nested write': [(sess) => { sess.deep.x = 2; }, 'set'],
    'a push': [(sess) => { sess.list.push(1); }, 'set'],
    'a delete': [(sess) => { delete sess.a; }, 'set'],
    'the same value': [(sess) => { sess.a = 'a'; }, 'touch'],
    'written and undone': [(sess) => { sess.a = 'b'; sess.a = 'a'; }, 'touch'],
    'another order': [(sess) => { const { a } = sess; delete sess.a; sess.a = a; }, 'set'],
    'a key without a value': [(sess) => { sess.u = undefined; }, 'touch'],
    'a function': [(sess) => { sess.f = () => {}; }, 'touch'],
    'a symbol': [(sess) => { sess[Symbol('s')] = 1; }, 'touch'],
    'toJSON on a value': [(sess) => { sess.a = { toJSON: () => 'a' }; }, 'touch'],
    'the cookie only': [(sess) => { sess.cookie.maxAge = 5000; }, 'touch'],
    'a nested key called cookie': [(sess) => { sess.deep.cookie = 1; }, 'set'],
    'NaN for null': [(sess) => { sess.none = NaN; }, 'touch'],
    '-0 for 0': [(sess) => { sess.zero = -0; }, 'touch'],
    'a date for its text': [(sess) => { sess.when = new Date(0); }, 'touch'],
    'only read': [(sess) => JSON.stringify(sess), 'touch'],
  };
  for (const [name, [act, call]] of Object.entries(acts)) {
    const { told } = await story(t, kind, () => ({}), [
      [(req, res) => {
        Object.assign(req.session, { a: 'a', deep: { x: 1 }, list: [], none: null, zero: 0, when: new Date(0) });
        res.end();
      }],
      [(req, res) => {
        act(req.session);
        res.end();
      }],
      [(req, res) => res.end(JSON.stringify(req.session))],
    ]);
    assert.deepEqual(told[1].calls, ['get', call], name);
  }
});

// With the original, end throws: under Express the request hangs, under bare http the process ends.
each('a session that cannot be saved is an error for next, and the response completes', { skip: !isOurs }, async (t, kind) => {
  const spoil = [
    [(sess) => { sess.self = sess; }, /circular/],
    [(sess) => { sess.big = 10n; }, /BigInt/],
    [(sess) => { sess.bad = { toJSON() { throw new Error('will not'); } }; }, /^will not$/],
    [(sess) => { sess.cookie.originalMaxAge = 'long'; }, /^maxAge must be a number or Date$/],
    [(sess) => { delete sess.cookie; }, /originalMaxAge|maxAge/],
    [(sess, req) => { req.session = { n: 1 }; }, /touch/],
  ];
  for (const make of [() => new session.MemoryStore(), () => ledger()]) {
    for (const [act, message] of spoil) {
      const app = await open(t, { kind, options: { store: make() } });
      const { status } = await app.visit((req, res) => {
        act(req.session, req);
        res.end('fine');
      });
      assert.equal(status, 500);
      assert.equal(app.errors.length, 1);
      assert.match(app.errors[0].message, message);
      assert.equal((await app.visit(write, { cookie: false })).body, '1');
    }
  }
});

each('stored keys that do not become part of the session count as a change of it', async (t, kind) => {
  for (const extra of ['"constructor":1', '"save":2', '"id":"x"']) {
    const { told } = await story(t, kind, (module, store) => {
      store.data.set('sid-1', `{"cookie":{"path":"/"},"n":1,${extra}}`);
      return { genid: () => 'sid-1' };
    }, [[(req, res) => res.end(String(req.session.n)), { cookie: signed('sid-1') }]]);
    assert.deepEqual([told[0].body, told[0].calls], ['1', ['get', 'set']]);
  }
});

each('what createSession adds to the session counts as a change of it', async (t, kind) => {
  const { told } = await story(t, kind, (module, store) => {
    const { createSession } = store;
    store.createSession = function (req, data) {
      const sess = createSession.call(this, req, data);
      sess.stamped = true;
      return sess;
    };
    return {};
  }, [[write], [(req, res) => res.end(String(req.session.stamped))]]);
  assert.deepEqual([told[1].body, told[1].calls], ['true', ['get', 'set']]);
});

each('the expiry of a session goes by Date.now, also with fake timers', async (t, kind) => {
  const time = clock(t);
  for (const make of [() => new session.MemoryStore(), () => new original.MemoryStore()]) {
    time.setTime(Date.UTC(2030, 0, 1));
    const app = await open(t, { kind, options: { store: make(), cookie: { maxAge: 10000 } } });
    const first = await app.visit(write);
    assert.match(first.cookies[0], /Expires=Tue, 01 Jan 2030 00:00:10 GMT/);
    time.tick(9999);
    // Still there, and its expiry is moved by this request.
    assert.equal((await app.visit(write)).body, '2');
    time.tick(9999);
    assert.equal((await app.visit((req, res) => res.end(String(req.session.cookie.maxAge)))).body, '1');
    time.tick(9999);
    assert.equal((await app.visit(write)).body, '3');
    time.tick(10000);
    assert.equal((await app.visit(write)).body, '1');
  }
});

test('the callback of save runs in a later turn with a MemoryStore', async () => {
  const store = new session.MemoryStore();
  const req = { sessionID: 'x', sessionStore: store };
  const sess = new session.Session(req, { cookie: new session.Cookie() });
  let later = false;
  const done = new Promise((resolve) => { sess.save(() => resolve(later)); });
  later = true;
  assert.equal(await done, true);
});
