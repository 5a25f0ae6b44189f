'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.
// In test:long: USERS_SCENARIOS=500 USERS_SEED=60000000

/** What random.test.js and logout.test.js do, on stores of other packages. */

const { test } = require('node:test');
const keepInPostgres = require('../../postgres');
const keepInRedis = require('../../redis');
const sqlOf = require('../../bin/sql');
const { clients, connect, load, stores, useServers } = require('../hardening/redis-setups');
const { session } = require('../subject');
const startPostgres = require('../../stores/backends/postgres');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');
const { HOST } = require('../../test-kit/port');
const checkCrash = require('./crash');
const { checkLogout, LOGOUTS } = require('./logout');
const checkScenarios = require('./random/check');
const { postgres, redis, user } = require('./random/stores');

useServers();

/**
 * Defines the tests of a kind of store.
 *
 * @param {string} name
 * @param {number} usual how many scenarios
 * @param {(t: object) => Promise<{ kind: object, crashing: object } | undefined>} open returns a kind of
 *   random/stores.js, and the settings of crashing.js
 */
function checkStore(name, usual, open) {
  checkScenarios(name, usual, async (t) => (await open(t))?.kind);

  test(`${name}: 200 requests bring no session back`, async (t) => {
    const { kind } = await open(t) ?? {};
    for (const options of kind ? LOGOUTS : []) {
      const { store, records } = await kind.open({});
      await checkLogout(store, records, options);
    }
  });

  test(`${name}: after kill -9 between any two steps of requests, the index has what the store has`, async (t) => {
    const { kind, crashing } = await open(t) ?? {};
    if (kind) await checkCrash(crashing, 3, () => kind.reopen({}));
  });
}

for (const [name, isCluster] of [['redis', false], ['redis, cluster', true]]) {
  checkStore(`connect-redis, ${name}`, 12, async (t) => {
    const { client, port } = await connect(t, name) ?? {};
    if (!client) return undefined;
    const nodes = [await clients.redis(t, { port })];
    const kind = redis(({ maxSessions }) => keepInRedis(stores[10]({ client }), client, { user, maxSessions }), nodes, { isCluster });
    return { kind, crashing: { kind: 'redis', port, isCluster } };
  });
}

let why;
let server;
test.before(async () => {
  server = await startPostgres(temporaryFolder('postgres')).catch((error) => {
    if (!error.isMissing) throw error;
    why = skipWithout(error.message);
  });
});
test.after(() => server?.stop());

for (const type of ['json', 'jsonb']) {
  const define = type === 'json' ? checkStore : (name, usual, open) => { checkScenarios(name, usual, async (t) => (await open(t))?.kind); };
  define(`connect-pg-simple, ${type}`, 10, async (t) => {
    if (why) return t.skip(why);
    const { database } = await server.fresh();
    const pool = new (load('pg').Pool)({ host: HOST, port: server.port, user: 'postgres', database, max: 4 });
    t.after(() => pool.end());
    await pool.query(`CREATE TABLE session (sid varchar PRIMARY KEY, sess ${type} NOT NULL, expire timestamp(6) NOT NULL)`);
    await pool.query(sqlOf({ table: 'session' }));
    const PGStore = load('connect-pg-simple')(session);
    const kind = postgres(({ maxSessions }) => keepInPostgres(new PGStore({ pool, pruneSessionInterval: false }), { user, maxSessions }), pool);
    return { kind, crashing: { kind: 'postgres', port: server.port, database } };
  });
}
