'use strict';

// Not in check: it starts PostgreSQL, and installs clients of it.
// In coverage: it is the test of session/store/postgres-users.js.

/** Whose the sessions of a store of connect-pg-simple are, with and without the index that the command prints. */

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const sessions = require('../..');
const keepLoggedOut = require('../../postgres');
const sqlOf = require('../../bin/sql');
const { load } = require('../hardening/redis-setups');
const { ask, session } = require('../hardening/unchanged');
const { makePointer } = require('../../session/request/pointer');
const startPostgres = require('../../stores/backends/postgres');
const { install } = require('../../stores/install');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');
const { HOST, freePort } = require('../../test-kit/port');
const { run } = require('../../test-kit/program');

const COMMAND = path.join(__dirname, '..', '..', 'bin', 'express-session-rs.js');
const SCHEMA = 'S x';
const TYPES = ['json', 'jsonb'];
const HOUR = 3600000;

let why;
let server;
let database;
test.before(async () => {
  install('', () => {});
  server = await startPostgres(temporaryFolder('postgres'), await freePort()).catch((error) => {
    if (!error.isMissing) throw error;
    why = skipWithout(error.message);
  });
  ({ database } = await server?.fresh() ?? {});
});
test.after(() => server?.stop());

function pool(t, options = {}) {
  const made = new (load('pg').Pool)({ host: HOST, port: server.port, user: 'postgres', database, ...options });
  // It tells of connections that are lost while nobody uses them.
  made.on('error', () => {});
  t.after(() => made.end());
  return made;
}

const printed = async (...args) => {
  const { status, stdout, stderr } = await run(process.execPath, [COMMAND, 'sql', ...args]);
  assert.deepEqual([status, stderr], [0, '']);
  return stdout;
};

let tables = 0;

/** A table of its own, and what makes wrapped stores on it. */
async function open(t, type, options = {}, { isIndexed = true, pool: shared = pool(t) } = {}) {
  const tableName = `My "Table" ${tables += 1}`;
  await shared.query(`CREATE SCHEMA IF NOT EXISTS "${SCHEMA}"; CREATE TABLE "${SCHEMA}"."${tableName.replaceAll('"', '""')}"
    (sid varchar PRIMARY KEY, sess ${type} NOT NULL, expire timestamp(6) NOT NULL)`);
  const PGStore = load('connect-pg-simple')(sessions);
  const plain = (more = {}) => {
    const store = new PGStore({ pool: shared, schemaName: SCHEMA, tableName, pruneSessionInterval: false, ...more });
    t.after(() => store.close());
    return store;
  };
  const make = (more) => keepLoggedOut(plain(more), { user: ({ user }) => user, ...options });
  const store = make();
  const table = store.quotedTable();
  const index = (...args) => printed('--table', tableName, '--schema', SCHEMA, ...args);
  if (isIndexed) await shared.query(sqlOf({ table: tableName, schema: SCHEMA }));
  const sids = async () => (await shared.query(`SELECT sid FROM ${table} ORDER BY sid`)).rows.map(({ sid }) => sid);
  return { store, plain, make, table, index, sids, pool: shared };
}

/** A session of a user that began, and had its id, so many ms ago. */
const of = (user, age = 0, more = {}, renewed = age) => {
  const now = Date.now();
  return session({ user, _meta: { created: now - age, renewed: now - renewed, seen: now - renewed }, ...more });
};
const set = (store, sid, data) => ask(store, 'set', sid, data);

for (const type of TYPES) {
  for (const isIndexed of [true, false]) {
    test(`sessions are listed and ended: ${type}, ${isIndexed ? 'with' : 'without'} the index`, async (t) => {
      if (why) return t.skip(why);
      const { store, sids } = await open(t, type, {}, { isIndexed });
      const meta = { created: 5000, renewed: 5000, seen: 6000, ip: '::1', agent: 'A "browser"\u0001\\u0001\u001f/u\\/u0041' };
      const expires = new Date(Math.floor(Date.now() / 1000) * 1000 + 60001);
      await set(store, 'old', session({ user: 'ann', _meta: meta }, { originalMaxAge: HOUR, expires }));
      await set(store, 'new', of('ann', 1000));
      await set(store, 'gone', session({ user: 'ann' }, { expires: new Date(Date.now() - 5000) }));
      await set(store, 'bob', of('bob'));
      await set(store, 'nobody', session());
      const [first, second, ...more] = await store.sessionsOf('ann', { current: { id: 'old' } });
      assert.deepEqual(more, []);
      assert.deepEqual([first.current, second.current], [false, true]);
      const { handle, lastSeen, ...rest } = second;
      // A touch has moved the expiry to an hour later, which the store has rounded up.
      assert.equal(lastSeen, expires - HOUR);
      assert.deepEqual(rest, { created: 5000, current: true, ip: '::1', userAgent: meta.agent });
      assert.deepEqual(Object.keys(first), ['handle', 'created', 'lastSeen', 'current']);
      assert.match(handle, /^[\w-]{43}$/);
      for (const [user, wrong] of [['bob', handle], ['ann', 'old'], ['ann', undefined], ['ann', {}]]) assert.equal(await store.end(user, wrong), 0);
      assert.equal(await store.end('ann', handle), 1);
      assert.equal(await store.end('ann', handle), 0);
      assert.deepEqual(await sids(), ['bob', 'gone', 'new', 'nobody']);
      await set(store, 'newer', of('ann'));
      await set(store, 'newest', of('ann'));
      assert.equal(await store.endAll('ann', { except: { id: 'newer' } }), 2);
      assert.deepEqual((await store.sessionsOf('ann', { current: undefined })).map(({ current }) => current), [false]);
      assert.equal(await store.endAll('ann', { except: undefined }), 1);
      assert.equal(await store.endAll('ann'), 0);
      assert.deepEqual(await store.sessionsOf('ann'), []);
      assert.deepEqual(await sids(), ['bob', 'gone', 'nobody']);
      // A session that changes hands.
      await set(store, 'bob', of('cid'));
      assert.deepEqual([(await store.sessionsOf('bob')).length, (await store.sessionsOf('cid')).length], [0, 1]);
      await store.setIfPresent('bob', of(undefined));
      assert.equal((await store.sessionsOf('cid')).length, 0);
    });
  }

  test(`users and data that are hard to find in JSON: ${type}`, async (t) => {
    if (why) return t.skip(why);
    const { store, plain, table, pool: shared } = await open(t, type);
    const users = ['ann', '"', '\\', '\\"', '"\\', 'a\u0001', 'a/u0001', 'a\\u0001', 'a\\/u0001', 'a\\\u0001', '\u0001\u0002\u0001', '\n\t\b', '😀', 'ü', 'Ann', ' ann',
      '5', '{}', 'null', '$1', '%', "'", '"'.repeat(255), '\u0001'.repeat(255), `${'\u0001'.repeat(254)}\u0002`, '€'.repeat(255), '😀'.repeat(127), '\u007f\u2028'];
    const data = [{}, { text: '"_meta":{"user":"ann"}' }, { a: { _meta: { user: 'ann' } } }, { a: '\\', b: '\\\\u0000', c: '\u0001' }];
    // PostgreSQL refuses them in a jsonb, whatever the store.
    if (type === 'json') data.push({ '\0': '\0\\\0', 'half': '\ud800' });
    for (const [i, user] of users.entries()) {
      for (const [j, more] of data.entries()) await set(store, `${i} ${j}`, of(user, 0, more));
    }
    for (const [i, user] of users.entries()) {
      const found = (await store.sessionsOf(user, { current: { id: `${i} 1` } }));
      assert.equal(found.length, data.length, JSON.stringify(user));
      assert.equal(found.filter(({ current }) => current).length, 1, JSON.stringify(user));
    }
    for (const user of users) assert.equal(await store.endAll(user), data.length, JSON.stringify(user));
    // What another program puts there is nobody's, and is stored.
    const long = Array.from({ length: 3000 }, (_, i) => String.fromCodePoint(0x4e00 + (i * 7919) % 20000)).join('');
    for (const [i, user] of [5, {}, null, ['ann'], long].entries()) await set(plain(), `foreign ${i}`, session({ _meta: { user } }));
    for (const [i, _meta] of ['x', 7, [], null].entries()) await set(plain(), `other ${i}`, session({ _meta }));
    assert.equal((await shared.query(`SELECT FROM ${table}`)).rowCount, 9);
    for (const user of ['5', '{}', 'null', 'ann', '["ann"]']) assert.deepEqual(await store.sessionsOf(user), []);
    // One who stores nothing but the user: it was seen first now.
    await shared.query(`INSERT INTO ${table} VALUES ('mine', '{"_meta":{"user":"ann"}}', now() + '1 hour')`);
    const [{ created }] = await store.sessionsOf('ann');
    assert.ok(Math.abs(Date.now() - created) < 5000);
  });

  test(`a user that cannot be: ${type}`, async (t) => {
    if (why) return t.skip(why);
    let user;
    const { store } = await open(t, type, { user: () => user(), maxSessions: 1 });
    user = () => 'ann';
    await set(store, 'a', of(0));
    const loaded = await ask(store, 'get', 'a');
    for (const wrong of [() => { throw new RangeError('no user'); }, () => 7, () => ({}), () => '', () => 'x'.repeat(10240), () => 'a\0', () => '\ud800', async () => 'ann']) {
      user = wrong;
      const kind = { name: wrong.toString().includes('throw') ? 'RangeError' : 'TypeError' };
      await assert.rejects(set(store, 'a', of(1)), kind);
      await assert.rejects(set(store, 'b', of(1)), kind);
      await assert.rejects(store.setIfPresent('a', of(1)), kind);
      await assert.rejects(ask(store, 'setIfUnchanged', 'a', of(1), loaded), kind);
      await assert.rejects(store.setIfUnchanged('a', of(1), loaded), kind);
    }
    assert.deepEqual(await ask(store, 'get', 'a'), loaded);
    assert.ok(!await ask(store, 'get', 'b'));
    for (const wrong of [undefined, null, 7, '', 'x'.repeat(256), 'a\0', {}]) {
      for (const call of [store.sessionsOf(wrong), store.end(wrong, 'x'), store.endAll(wrong)]) await assert.rejects(call, { name: 'TypeError' });
    }
    for (const wrong of [null, 'a', 1, {}, { id: 1 }]) {
      await assert.rejects(store.sessionsOf('ann', { current: wrong }), /TypeError: current must be a session/);
      await assert.rejects(store.endAll('ann', { except: wrong }), /TypeError: except must be a session/);
    }
    assert.equal((await store.sessionsOf('ann')).length, 1);
  });

  test(`maxSessions: ${type}`, async (t) => {
    if (why) return t.skip(why);
    const { store, sids } = await open(t, type, { maxSessions: 2 });
    const after = async (method, ...args) => { await ask(store, method, ...args); return (await sids()).join(); };
    await set(store, 'a', of('ann', 3000));
    await set(store, 'b', of('ann', 2000));
    await set(store, 'z', of('bob', 9000));
    assert.equal(await after('set', 'c', of('ann', 1000)), 'b,c,z', 'the oldest one ends');
    assert.equal(await after('set', 'b', of('ann', 2000)), 'b,c,z', 'it was there');
    assert.equal(await after('setIfPresent', 'c', of('ann', 1000)), 'b,c,z', 'it was there');
    assert.equal(await after('set', 'd', of('ann', 9000)), 'c,d,z', 'never the one that is written');
    assert.equal(await after('set', 'e', of('ann', 1000, {}, 0)), 'c,d,e,z', 'one that was renewed');
    const loaded = await ask(store, 'get', 'e');
    assert.equal(await after('setIfUnchanged', 'c', makePointer('c', 'e', Date.now() + HOUR, HOUR), await ask(store, 'get', 'c')), 'c,d,e,z');
    assert.equal(await after('setIfUnchanged', 'e', of('ann', 1000, {}, 0), loaded), 'c,d,e,z');
    assert.equal((await store.sessionsOf('ann')).length, 2, 'a pointer is nobody\'s');
    assert.equal(await after('setIfPresent', 'none', of('ann')), 'c,d,e,z');
    assert.equal(await after('setIfUnchanged', 'e', of('bob', 0), loaded), 'c,d,e,z', 'it has changed');
    assert.equal(await after('setIfPresent', 'z', of('ann', 9000)), 'c,e,z', 'another user\'s becomes hers');
    await set(store, 'f', of('bob', 9000, {}, 0));
    assert.equal(await after('setIfUnchanged', 'f', of('ann', 8000, {}, 0), await ask(store, 'get', 'f')), 'c,e,f', 'also one that was renewed');
    await set(store, 'g', session());
    assert.equal(await after('set', 'g', of('ann', 500)), 'c,e,g', 'nobody\'s becomes hers');
    await set(store, 'e', session({ user: 'ann' }, { expires: new Date(Date.now() - 5000) }));
    assert.equal(await after('set', 'h', of('ann')), 'c,e,g,h', 'what has expired does not count');
    assert.equal(await after('set', 'e', of('ann')), 'c,e,h', 'and begins anew');
    assert.equal(await store.endAll('ann'), 2);
    assert.deepEqual(await sids(), ['c'], 'a pointer is not ended');
  });

  test(`the printed index is made as printed, twice, and used: ${type}`, async (t) => {
    if (why) return t.skip(why);
    const { store, table, index, pool: shared } = await open(t, type, { maxSessions: 2 }, { isIndexed: false, pool: pool(t, { max: 1 }) });
    await shared.query(`CREATE INDEX ON ${table} (expire)`);
    await shared.query(`INSERT INTO ${table} SELECT i::text, ('{"cookie":{"originalMaxAge":60000},"text":"' || repeat('x', 100) || '","_meta":{"created":1,"user":"' || i / 5 || '"}}')::${type},
      now() + '1 day' FROM generate_series(5, 100004) AS i`);
    const [sql, inTransaction] = [await index(), await index('--in-transaction')];
    await assert.rejects(shared.query(`BEGIN; ${sql}`), /cannot run inside a transaction block/);
    await shared.query('ROLLBACK');
    await shared.query(`BEGIN; ${inTransaction}; ROLLBACK`);
    const plans = async () => {
      const { query } = shared;
      const sent = [];
      shared.query = function record(text, values) { sent.push([text, values]); return query.call(this, text, values); };
      assert.equal((await store.sessionsOf('7')).length, 5);
      await set(store, 'new', of('8'));
      assert.equal((await store.sessionsOf('8')).length, 2);
      assert.equal(await store.endAll('8'), 2);
      await set(store, 'new', of('7'));
      assert.equal(await store.endAll('7'), 2);
      shared.query = query;
      const texts = [];
      for (const [text, values] of sent) {
        const plan = (await shared.query(`EXPLAIN (COSTS OFF) ${text}`, values)).rows.map((row) => row['QUERY PLAN']).join('\n');
        texts.push(plan);
        await shared.query(`INSERT INTO ${table} SELECT i::text, ('{"_meta":{"created":1,"user":"' || i / 5 || '"}}')::${type}, now() + '1 day' FROM generate_series(35, 44) AS i ON CONFLICT DO NOTHING`);
      }
      return texts;
    };
    for (const each of [sql, sql, inTransaction]) await shared.query(each);
    assert.equal((await shared.query('SELECT FROM pg_index WHERE indrelid = $1::regclass AND indisvalid', [table])).rowCount, 3);
    for (const analysed of ['', `ANALYZE ${table}`]) {
      await shared.query(analysed);
      const texts = await plans();
      assert.ok(texts.length >= 8, `${texts.length}`);
      for (const text of texts) {
        // Sessions that are to be ended are named by their sids.
        const isNamed = text.includes('ANY (');
        assert.match(text, isNamed ? /Index Scan using "My ""Table"" \d+_pkey"/ : /Index Scan (?:using|on) "IDX_My ""Table"" \d+_user"/);
        assert.doesNotMatch(text, /Seq Scan|expire_idx/);
      }
    }
  });

  test(`20 logins at once leave as many as allowed: ${type}`, async (t) => {
    if (why) return t.skip(why);
    const { make } = await open(t, type, { maxSessions: 3 });
    const stores = Array.from({ length: 4 }, () => make({ pool: pool(t, { max: 5 }) }));
    for (let round = 0; round < 10; round += 1) {
      const user = `user ${round}`;
      await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        if (i % 4 > 0) return set(stores[i % 4], `${round} ${i}`, of(user, i));
        await set(stores[0], `${round} ${i}`, session());
        return stores[0].setIfPresent(`${round} ${i}`, of(user, i));
      }));
      assert.equal((await stores[0].sessionsOf(user)).length, 3);
    }
  });

  test(`all sessions end while 50 writers store them and give them new ids: ${type}`, async (t) => {
    if (why) return t.skip(why);
    const { make, sids } = await open(t, type);
    const stores = Array.from({ length: 5 }, () => make({ pool: pool(t, { max: 4 }) }));
    let isOver = false;
    const writers = Array.from({ length: 50 }, async (_, i) => {
      const store = stores[i % stores.length];
      let sid = `${i}`;
      await set(store, sid, of('ann', 1000));
      for (let round = 1; ; round += 1) {
        if (!await store.setIfPresent(sid, of('ann', 1000, { round }))) return round;
        assert.ok(!isOver, `${sid} was left`);
        if (i % 3 > 0) continue;
        const [from, to] = [sid, `${i}/${round}`];
        const loaded = await ask(store, 'get', from);
        if (!loaded) return round;
        await set(store, to, of('ann', 1000, {}, 0));
        sid = to;
        if (!await store.setIfUnchanged(from, makePointer(from, to, Date.now() + HOUR, HOUR), loaded)) await ask(store, 'destroy', to);
      }
    });
    while ((await stores[0].sessionsOf('ann')).length < 50) ;
    const counts = await Promise.all([stores[0].endAll('ann'), stores[1].endAll('ann')]);
    // A writer may be about to store the new id of a session that has ended; it destroys that itself.
    setTimeout(() => { isOver = true; }, 1000).unref();
    const rounds = await Promise.all(writers);
    assert.ok(counts[0] + counts[1] >= 50, `${counts}`);
    assert.ok(Math.max(...rounds) > 2, 'nobody wrote meanwhile');
    assert.deepEqual(await stores[0].sessionsOf('ann'), []);
    // What is left are pointers.
    for (const sid of await sids()) assert.ok((await ask(stores[0], 'get', sid))._meta.next, sid);
  });

  test(`a session that gets a new id while others wait to end it: ${type}`, async (t) => {
    if (why) return t.skip(why);
    const { store, make, table, sids } = await open(t, type, { maxSessions: 1 });
    const other = pool(t, { max: 1 });
    const move = async (act) => {
      await set(store, 'old', of('ann', 1000));
      await other.query('BEGIN');
      await other.query(`INSERT INTO ${table} SELECT 'new', sess, expire FROM ${table} WHERE sid = 'old'`);
      await other.query(`UPDATE ${table} SET sess = $1 WHERE sid = 'old'`, [JSON.stringify(makePointer('old', 'new', Date.now() + HOUR, HOUR))]);
      const acted = act(make());
      const waits = `SELECT FROM pg_locks WHERE NOT granted`;
      while ((await store._asyncQuery(waits)) === undefined) ;
      await other.query('COMMIT');
      return acted;
    };
    assert.equal(await move((each) => each.endAll('ann')), 1);
    assert.deepEqual(await sids(), ['old']);
    const [{ handle }] = (await set(store, 'old', of('ann')), await store.sessionsOf('ann'));
    assert.equal(await move((each) => each.end('ann', handle)), 0);
    assert.deepEqual(await sids(), ['new', 'old']);
    await ask(store, 'destroy', 'new');
    await move((each) => set(each, 'login', of('ann')));
    assert.deepEqual(await sids(), ['login', 'old']);
  });
}

test('a touch is a use, also by the store\'s own lifetime', async (t) => {
  if (why) return t.skip(why);
  for (const [ttl, seconds] of [[1000, 1000], [undefined, 86400]]) {
    const { store, make } = await open(t, 'json');
    const withTtl = make({ ttl });
    await set(withTtl, 'a', of('ann', 7200000, { cookie: { originalMaxAge: null, expires: null } }));
    await ask(store, 'touch', 'a', session({}, { expires: new Date(Date.now() - 600000 + seconds * 1000) }));
    const [{ lastSeen }] = await withTtl.sessionsOf('ann');
    assert.ok(Math.abs(lastSeen - (Date.now() - 600000)) < 2000, `${ttl}: ${lastSeen}`);
  }
});

test('without the option nothing is different, and a wrong one is refused', async (t) => {
  if (why) return t.skip(why);
  const { plain } = await open(t, 'json');
  for (const options of [undefined, null, {}, { user: null, maxSessions: undefined }]) {
    const store = keepLoggedOut(plain(), options);
    for (const name of ['sessionsOf', 'end', 'endAll']) assert.ok(!(name in store));
    await set(store, 'a', session({ user: 'ann' }));
    assert.deepEqual(Object.keys((await ask(store, 'get', 'a'))._meta), ['version']);
  }
  for (const [options, name] of [[{ user: 'ann' }, 'user'], [{ maxSessions: 5 }, 'maxSessions'], [{ user: () => 'a', maxSessions: 0 }, 'maxSessions'],
    [{ user: () => 'a', maxSessions: 1.5 }, 'maxSessions'], [{ user: () => 'a', describe: 1 }, 'describe'], [{ describe: () => ({}) }, 'describe']]) {
    const store = plain();
    assert.throws(() => keepLoggedOut(store, options), { name: 'TypeError', message: new RegExp(`^${name} option`) });
    assert.ok(!('setIfPresent' in store));
  }
  const { store } = await open(t, 'json');
  assert.deepEqual(Object.keys(store).filter((name) => ['sessionsOf', 'end', 'endAll'].includes(name)), []);
  for (const name of ['sessionsOf', 'end', 'endAll']) assert.ok(Object.hasOwn(store, name));
});

test('names of tables that are long or odd', async (t) => {
  if (why) return t.skip(why);
  const shared = pool(t);
  const long = 'x'.repeat(62);
  for (const name of [`${long}1`, `${long}2`, 'ü "; DROP', 'session']) {
    await shared.query(`CREATE TABLE "${name.replaceAll('"', '""')}" (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL)`);
    for (let again = 0; again < 2; again += 1) await shared.query(await printed(...name === 'session' ? [] : ['--table', name]));
    const { rows } = await shared.query('SELECT indexdef FROM pg_indexes WHERE tablename = $1 AND indexname LIKE \'IDX%\'', [name]);
    assert.equal(rows.length, 1, name);
  }
});

test('PostgreSQL is killed amid logins', async (t) => {
  if (why) return t.skip(why);
  const folder = temporaryFolder('postgres-killed');
  let own = await startPostgres(folder, await freePort());
  t.after(() => own.stop());
  const { port } = own;
  const shared = pool(t, { port, database: 'postgres' });
  const { store, sids } = await open(t, 'json', { maxSessions: 2 }, { pool: shared });
  await set(store, 'bob', of('bob'));
  const stored = [];
  const logins = (async () => {
    for (let i = 1; ; i += 1) {
      await set(store, `a${i}`, of('ann', 1000 - i));
      stored.push(`a${i}`);
    }
  })();
  logins.catch(() => {});
  while (stored.length < 20) await new Promise(setImmediate);
  process.kill(own.pid, 'SIGKILL');
  await own.ended;
  await assert.rejects(logins);
  own = await startPostgres(folder, port);
  // The last login may be stored, although nobody has heard of it.
  const left = (await sids()).filter((sid) => sid !== 'bob');
  assert.ok(left.length >= 2 && left.length <= 3 && left.includes(stored.at(-1)), `${left}, ${stored}`);
  assert.equal((await store.sessionsOf('bob')).length, 1);
  await set(store, 'last', of('ann'));
  assert.equal((await store.sessionsOf('ann')).length, 2);
});
