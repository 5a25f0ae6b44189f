'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.
// In test:long: USERS_SCENARIOS=500 USERS_SEED=60000000

/** What random.test.js does, on stores of other packages. */

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
const checkScenarios = require('./random/check');
const { postgres, redis, user } = require('./random/stores');

useServers();

for (const [name, isCluster] of [['redis', false], ['redis, cluster', true]]) {
  checkScenarios(`connect-redis, ${name}`, 25, async (t) => {
    const { client, port } = await connect(t, name) ?? {};
    if (!client) return undefined;
    const nodes = [await clients.redis(t, { port })];
    return redis(({ maxSessions }) => keepInRedis(stores[10]({ client }), client, { user, maxSessions }), nodes, { isCluster });
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
  checkScenarios(`connect-pg-simple, ${type}`, 20, async (t) => {
    if (why) return t.skip(why);
    const { database } = await server.fresh();
    const pool = new (load('pg').Pool)({ host: HOST, port: server.port, user: 'postgres', database, max: 4 });
    t.after(() => pool.end());
    await pool.query(`CREATE TABLE session (sid varchar PRIMARY KEY, sess ${type} NOT NULL, expire timestamp(6) NOT NULL)`);
    await pool.query(sqlOf({ table: 'session' }));
    const PGStore = load('connect-pg-simple')(session);
    return postgres(({ maxSessions }) => keepInPostgres(new PGStore({ pool, pruneSessionInterval: false }), { user, maxSessions }), pool);
  });
}
