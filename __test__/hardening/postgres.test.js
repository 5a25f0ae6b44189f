'use strict';

// Not in check: it starts PostgreSQL, and installs clients of it.
// In coverage: it is the test of postgres.js.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open } = require('../compat/app');
const sessions = require('../..');
const keepLoggedOut = require('../../postgres');
const { load } = require('./redis-setups');
const { logouts, slowUses, slowRequest } = require('./slow');
const { ask, session, DATA, oneWins, allCount } = require('./unchanged');
const startPostgres = require('../../stores/backends/postgres');
const { install } = require('../../stores/install');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');
const { HOST, freePort } = require('../../test-kit/port');

/** Types of the column `sess`: the first is that of the package's table.sql, the last one is left over from old versions. */
const TYPES = ['json', 'jsonb', 'text'];

let why;
let server;
let database;
test.before(async () => {
  install('', () => {});
  // Without a folder that outlives this function it would be gone before the server.
  server = await startPostgres(temporaryFolder('postgres'), await freePort()).catch((error) => {
    if (!error.isMissing) throw error;
    why = skipWithout(error.message);
  });
  ({ database } = await server?.fresh() ?? {});
});
test.after(() => server?.stop());

const where = () => ({ host: HOST, port: server.port, user: 'postgres', database });

function pool(t, options = {}) {
  const made = new (load('pg').Pool)({ ...where(), ...options });
  // It tells of connections that are lost while nobody uses them.
  made.on('error', () => {});
  t.after(() => made.end());
  return made;
}

let tables = 0;

/** A wrapped store on a table of its own, in a schema of its own, with names that must be quoted. */
async function wrapped(t, type, options = {}, Class = load('connect-pg-simple')(sessions)) {
  if (why) return t.skip(why);
  const shared = pool(t);
  const tableName = `My "Table" ${tables += 1}`;
  await shared.query(`CREATE SCHEMA IF NOT EXISTS "S x"; CREATE TABLE "S x"."${tableName.replaceAll('"', '""')}" (sid varchar PRIMARY KEY, sess ${type} NOT NULL, expire timestamp(6) NOT NULL)`);
  const make = (more = {}) => {
    const store = new Class({ pool: shared, schemaName: 'S x', tableName, pruneSessionInterval: false, ...options, ...more });
    t.after(() => store.close());
    return store;
  };
  const store = keepLoggedOut(make());
  const row = async (sid) => (await shared.query(`SELECT sess::text AS text, sess, extract(epoch from expire - now()::timestamp) AS seconds FROM ${store.quotedTable()} WHERE sid = $1`, [sid])).rows[0];
  return { store, make, row, pool: shared };
}

/** What PostgreSQL refuses in a jsonb, whatever the store. */
const isRefused = (type, data) => type === 'jsonb' && /(?<!\\)(\\\\)*\\u(0000|d[89a-f])/.test(JSON.stringify(data));

/** The data of a stored session. */
function dataOf(stored) {
  const data = { ...stored };
  delete data.cookie;
  delete data._meta;
  return data;
}

for (const type of TYPES) {
  test(`stored if unchanged, and only then: ${type}`, async (t) => {
    const { store } = await wrapped(t, type) ?? {};
    if (!store) return;
    for (const [name, data] of Object.entries(DATA)) {
      if (isRefused(type, data)) {
        await assert.rejects(ask(store, 'set', name, session(data)), /unsupported Unicode escape sequence/);
        continue;
      }
      const before = session(data);
      await ask(store, 'set', name, before);
      assert.ok(!('_meta' in before), 'the session was changed');
      const loaded = await ask(store, 'get', name);
      assert.deepEqual(dataOf(loaded), JSON.parse(JSON.stringify(data)), name);
      const text = JSON.stringify(loaded);
      const next = { ...data, changed: true };
      assert.equal(await ask(store, 'setIfUnchanged', name, session(next), loaded), true, name);
      assert.deepEqual(dataOf(await ask(store, 'get', name)), JSON.parse(JSON.stringify(next)), name);
      assert.equal(await ask(store, 'setIfUnchanged', name, session({ lost: true }), loaded), false, name);
      assert.deepEqual(dataOf(await ask(store, 'get', name)), JSON.parse(JSON.stringify(next)), name);
      assert.equal(JSON.stringify(loaded), text, `${name}: loaded was changed`);
      // A session of the same data is another one: the version tells.
      await ask(store, 'set', name, session(data));
      assert.equal(await ask(store, 'setIfUnchanged', name, session({ lost: true }), loaded), false, name);
      const last = await ask(store, 'get', name);
      await ask(store, 'destroy', name);
      assert.equal(await ask(store, 'setIfUnchanged', name, session(next), last), false, `${name}: made again`);
      assert.equal(await ask(store, 'setIfPresent', name, session(next)), false, `${name}: made again`);
      assert.ok(!await ask(store, 'get', name), `${name}: made again`);
      for (let former = last, again = 0; again < 2; again += 1) {
        await ask(store, 'destroy', name);
        await ask(store, 'set', name, session(data));
        assert.equal(await ask(store, 'setIfUnchanged', name, session({ lost: true }), former), false, `${name}: the former one`);
        former = await ask(store, 'get', name);
      }
    }
  });

  test(`every write changes the version, and touch does not: ${type}`, async (t) => {
    const { store, row, pool: shared } = await wrapped(t, type) ?? {};
    if (!store) return;
    const version = async () => (await ask(store, 'get', 'a'))._meta.version;
    await ask(store, 'set', 'a', session({ n: 1 }));
    let last = await version();
    assert.ok(Number.isSafeInteger(last), `${last}`);
    for (const [method, ...more] of [['set'], ['setIfPresent'], ['set'], ['setIfUnchanged', async () => ask(store, 'get', 'a')]]) {
      const given = session({ n: 1, _meta: { version: 1, created: 5 } });
      await ask(store, method, 'a', given, ...await Promise.all(more.map((each) => each())));
      assert.deepEqual(given._meta, { version: 1, created: 5 });
      assert.equal((await ask(store, 'get', 'a'))._meta.created, 5);
      assert.ok(await version() > last, `${method}: ${await version()}`);
      assert.equal((await row('a')).text.match(/"version"/g).length, 1);
      last = await version();
    }
    await ask(store, 'touch', 'a', session({}, { expires: new Date(Date.now() + 300000) }));
    assert.equal(await version(), last);
    // A clock that goes back makes no version a second time.
    const far = 8_000_000_000_000_000;
    await shared.query(`UPDATE ${store.quotedTable()} SET sess = '{"_meta":{"a":[],"version":${far}},"n":"\\"_meta\\":{\\"version\\":3}"}'`);
    await ask(store, 'set', 'a', session());
    assert.equal(await version(), far + 1);
  });

  test(`sessions from before, which have no version, and those whose _meta says something else: ${type}`, async (t) => {
    const { store, pool: shared } = await wrapped(t, type) ?? {};
    if (!store) return;
    await shared.query(`INSERT INTO ${store.quotedTable()} VALUES ('a', '{}', now() + '1 minute')`);
    const texts = [{}, { _meta: {} }, { _meta: [] }, { _meta: 'x' }, { _meta: null }, { _meta: { version: 'x' } }, { _meta: { version: {} } },
      { _meta: { version: 1.5 } }, { _meta: { version: -1 } }, { a: { _meta: { version: 7 } }, version: 8, list: [{ _meta: { version: 9 } }] },
      { _meta: { version: 3 } }, { _meta: { version: 3 }, '\u0001_meta': { version: 5 } }, { _meta: { version: 3, '\u0001version': 5 } }, { '\\u005fmeta': { version: 5 } }];
    for (const stored of texts) {
      await shared.query(`UPDATE ${store.quotedTable()} SET sess = $1`, [JSON.stringify(stored)]);
      const loaded = await ask(store, 'get', 'a');
      const other = { _meta: { version: 4 } };
      assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ lost: 1 }), other), false, JSON.stringify(stored));
      assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 1 }), loaded), true, JSON.stringify(stored));
      assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ lost: 1 }), loaded), false, JSON.stringify(stored));
      assert.equal((await ask(store, 'get', 'a')).n, 1);
    }
  });

  test(`lifetimes are those of set, and what has expired is gone: ${type}`, async (t) => {
    const { store, row } = await wrapped(t, type, { ttl: 500 }) ?? {};
    if (!store) return;
    for (const method of ['set', 'setIfPresent', 'setIfUnchanged']) {
      for (const [expires, seconds] of [[new Date(Date.now() + 300000), 300], [null, 500], [new Date(Date.now() - 5000), -5]]) {
        await ask(store, 'set', 'a', session());
        const loaded = await ask(store, 'get', 'a');
        assert.notEqual(await ask(store, method, 'a', session({}, { expires }), ...method === 'setIfUnchanged' ? [loaded] : []), false);
        const left = Number((await row('a')).seconds);
        assert.ok(left > seconds - 5 && left < seconds + 2, `${method}: ${left} seconds, not ${seconds}`);
      }
      const { text, sess } = await row('a');
      const loaded = typeof sess === 'string' ? JSON.parse(sess) : sess;
      assert.equal(await ask(store, 'setIfPresent', 'a', session()), false);
      assert.equal(await ask(store, 'setIfUnchanged', 'a', session(), loaded), false);
      assert.equal((await row('a')).text, text);
    }
  });

  test(`eight clients at once: ${type}`, async (t) => {
    const { store, make } = await wrapped(t, type) ?? {};
    if (!store) return;
    const all = Array.from({ length: 8 }, () => keepLoggedOut(make({ pool: pool(t, { max: 1 }) })));
    await oneWins(all, 'a', assert);
    await allCount(all, 'b', assert, 10);
    // And with writes that ask nothing: no version is given twice.
    await ask(store, 'set', 'c', session());
    const loaded = await ask(store, 'get', 'c');
    const answers = await Promise.all(all.map((each, i) => ask(each, ...i === 0 ? ['set', 'c', session({ i })] : ['setIfUnchanged', 'c', session({ i }), loaded])));
    assert.ok(answers.filter((answer) => answer === true).length <= 1, `${answers}`);
    assert.equal(await ask(store, 'setIfUnchanged', 'c', session(), loaded), false);
  });

  test(`with the option merge, what a program makes of _meta changes nothing: ${type}`, async (t) => {
    const { store, pool: shared } = await wrapped(t, type) ?? {};
    if (!store) return;
    const ways = {
      'leaves it': () => {},
      'deletes it': (sess) => { delete sess._meta; },
      'replaces it': (sess) => { sess._meta = 'garbage'; },
      'lies about the version': (sess) => { sess._meta.version = 1; },
      'copies a form into the session': (sess) => { Object.assign(sess, JSON.parse('{"_meta":{"version":99}}')); },
    };
    const texts = [];
    const { query } = shared;
    shared.query = function record(...args) { texts.push(args[0]); return query.apply(this, args); };
    for (const [way, act] of Object.entries(ways)) {
      const app = await open(t, { options: { store, merge: (key, base, mine, theirs) => theirs + mine - base, commit: 'headers' } });
      await app.visit((req, res) => { Object.assign(req.session, { n: 0, _meta: { version: 7 } }); res.end(); });
      const cookie = app.jar.header;
      const change = (more) => (req, res) => { act(req.session); req.session.n += 1; Object.assign(req.session, more); res.end(); };
      // Alone: no conflict that is none.
      texts.length = 0;
      await app.visit(change(), { cookie });
      assert.deepEqual(texts.map((text) => /^\w+/.exec(text)[0]), ['SELECT', 'UPDATE'], way);
      // At once: nothing is lost.
      await app.visit(async (req, res) => {
        await app.visit(change({ a: 1 }), { cookie });
        change({ b: 1 })(req, res);
      }, { cookie });
      await Promise.all(Array.from({ length: 4 }, (_, i) => app.visit(change({ [`c${i}`]: 1 }), { cookie })));
      const { body } = await app.visit((req, res) => { res.end(JSON.stringify(req.session)); }, { cookie });
      assert.deepEqual(dataOf(JSON.parse(body)), { n: 7, a: 1, b: 1, c0: 1, c1: 1, c2: 1, c3: 1 }, way);
      assert.deepEqual(app.errors, [], way);
    }
    // Without the option, what is no object is not stored.
    for (const _meta of ['x', [], 1, null]) {
      for (const method of ['set', 'setIfPresent']) {
        await ask(store, method, 'a', session({ n: 1, _meta }));
        assert.deepEqual(Object.keys((await ask(store, 'get', 'a'))._meta), ['version']);
      }
    }
  });

  for (const [name, { options, use, isFlaw }] of Object.entries(slowUses)) {
    if (isFlaw) continue;
    test(`logged out, while another request ${name}: ${type}`, async (t) => {
      const { store } = await wrapped(t, type) ?? {};
      if (!store) return;
      const app = await open(t, { options: { store, ...options } });
      assert.equal(await slowRequest(app, logouts.destroy, use), 'undefined');
      assert.equal(await slowRequest(app, (req, res) => { res.end(); }, (req) => { req.session.n = 2; }), '2');
      assert.deepEqual(app.errors, []);
    });
  }
}

test('names without a schema, and a conString', async (t) => {
  if (why) return t.skip(why);
  const { port } = server;
  const PGStore = load('connect-pg-simple')(sessions);
  const store = keepLoggedOut(new PGStore({ conString: `postgres://postgres@${HOST}:${port}/${database}`, createTableIfMissing: true, pruneSessionInterval: false }));
  t.after(() => store.close());
  await ask(store, 'set', 'a', session({ n: 1 }));
  const loaded = await ask(store, 'get', 'a');
  assert.equal(await store.setIfUnchanged('a', session({ n: 2 }), loaded), true);
  assert.equal(await store.setIfUnchanged('a', session({ n: 3 }), loaded), false);
  assert.equal(await store.setIfPresent('a', session({ n: 4 })), true);
  assert.equal((await ask(store, 'get', 'a')).n, 4);
});

test('one statement each, and no other by the wrapper', async (t) => {
  const { store, pool: shared } = await wrapped(t, 'jsonb') ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', session());
  const loaded = await ask(store, 'get', 'a');
  const texts = [];
  const { query } = shared;
  shared.query = function record(...args) { texts.push(args[0]); return query.apply(this, args); };
  const times = async (...args) => { texts.length = 0; await ask(store, ...args); return texts.map((text) => /^\w+/.exec(text)[0]); };
  assert.deepEqual(await times('setIfUnchanged', 'a', session(), loaded), ['UPDATE']);
  assert.deepEqual(await times('setIfPresent', 'a', session()), ['UPDATE']);
  assert.deepEqual(await times('set', 'a', session()), ['INSERT']);
  for (const args of [['touch', 'a', session()], ['get', 'a'], ['pruneSessions'], ['destroy', 'a']]) {
    await times(...args);
    assert.doesNotMatch(texts.join(), /version/);
    assert.equal(texts.length, 1);
  }
});

test('expired sessions are pruned as before', async (t) => {
  const { store, row } = await wrapped(t, 'json') ?? {};
  if (!store) return;
  await ask(store, 'set', 'old', session({}, { expires: new Date(Date.now() - 5000) }));
  await ask(store, 'set', 'new', session());
  await ask(store, 'pruneSessions');
  assert.deepEqual([await row('old'), typeof await row('new')], [undefined, 'object']);
});

test('what cannot be compared or stored is an error for the callback, or of the promise', async (t) => {
  const { store, row } = await wrapped(t, 'json') ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', session());
  const before = (await row('a')).text;
  for (const loaded of [undefined, null, 'text', 1]) {
    await assert.rejects(ask(store, 'setIfUnchanged', 'a', session(), loaded), /TypeError: setIfUnchanged needs the session as it was loaded/);
    await assert.rejects(store.setIfUnchanged('a', session(), loaded), /as it was loaded/);
  }
  for (const method of ['set', 'setIfPresent', 'setIfUnchanged']) {
    const more = method === 'setIfUnchanged' ? [{}] : [];
    await assert.rejects(ask(store, method, 'a', session({ n: 1n }), ...more), /BigInt/);
  }
  assert.equal((await row('a')).text, before);
  // Without a callback, `set` says nothing, as before.
  assert.equal(store.set('a', session({ n: 1n })), undefined);
  await store.close();
  store.query = (...args) => { args[2](new Error('no connection')); };
  await assert.rejects(keepLoggedOut(store).setIfPresent('a', session()), /no connection/);
});

test('only stores of connect-pg-simple are taken', () => {
  for (const wrong of [undefined, null, {}, 'store', new sessions.MemoryStore(), { set() {}, query() {} }]) {
    assert.throws(() => keepLoggedOut(wrong), { name: 'TypeError', message: /keepLoggedOut needs a store of connect-pg-simple 10/ });
  }
});

test('a store that is wrapped twice works as before', async (t) => {
  const { store } = await wrapped(t, 'jsonb') ?? {};
  if (!store) return;
  assert.equal(keepLoggedOut(store), store);
  await ask(store, 'set', 'a', session({ n: 1 }));
  const loaded = await ask(store, 'get', 'a');
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2 }), loaded), true);
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 3 }), loaded), false);
  assert.equal(await ask(store, 'setIfPresent', 'b', session({ n: 3 })), false);
  assert.deepEqual([(await ask(store, 'get', 'a')).n, await ask(store, 'get', 'b')], [2, undefined]);
});

test('a class of somebody\'s own may change what is stored, but must write at once', async (t) => {
  const PGStore = load('connect-pg-simple')(sessions);
  class Adding extends PGStore {
    set(sid, data, callback) { super.set(sid, { ...data, added: true }, callback); }
  }
  class Late extends PGStore {
    async set(sid, data, callback) {
      await this.query('SELECT 1');
      super.set(sid, data, callback);
    }
  }
  class Around extends PGStore {
    set(sid, data, callback) { this._asyncQuery(`INSERT INTO ${this.quotedTable()} VALUES ($1, '{}', now())`, [sid]).then(() => callback(null), callback); }
  }
  const { store } = await wrapped(t, 'json', {}, Adding) ?? {};
  if (!store) return;
  await ask(store, 'set', 'a', session());
  const loaded = await ask(store, 'get', 'a');
  assert.equal(loaded.added, true);
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 1 }), loaded), true);
  assert.equal((await ask(store, 'get', 'a')).added, true);
  const { store: late, row } = await wrapped(t, 'json', {}, Late);
  for (const [method, ...more] of [['set'], ['setIfPresent'], ['setIfUnchanged', loaded]]) {
    await assert.rejects(ask(late, method, 'a', session(), ...more), /did not write by its own query before its set returned/);
  }
  assert.equal(await row('a'), undefined);
  const { store: around } = await wrapped(t, 'json', {}, Around);
  await assert.rejects(ask(around, 'setIfPresent', 'a', session()), /did not write by its own query before its set returned/);
});

test('PostgreSQL is killed and started again in between', async (t) => {
  if (why) return t.skip(why);
  const folder = temporaryFolder('postgres-killed');
  let own = await startPostgres(folder, await freePort());
  t.after(() => own.stop());
  const { port } = own;
  const shared = pool(t, { port, database: 'postgres' });
  const store = keepLoggedOut(new (load('connect-pg-simple')(sessions))({ pool: shared, createTableIfMissing: true, pruneSessionInterval: false }));
  await ask(store, 'set', 'a', session({ n: 1 }));
  const loaded = await ask(store, 'get', 'a');
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 2 }), loaded), true);
  process.kill(own.pid, 'SIGKILL');
  await own.ended;
  await assert.rejects(ask(store, 'setIfUnchanged', 'a', session({ n: 3 }), loaded));
  own = await startPostgres(folder, port);
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 3 }), loaded), false);
  assert.equal(await ask(store, 'setIfUnchanged', 'a', session({ n: 3 }), await ask(store, 'get', 'a')), true);
  assert.equal((await ask(store, 'get', 'a')).n, 3);
});
