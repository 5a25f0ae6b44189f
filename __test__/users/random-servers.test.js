'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.
// In test:long: USERS_SCENARIOS=500 USERS_SEED=60000000

/** What random.test.js and logout.test.js do, on stores of other packages. */

const { test } = require('node:test');
const keepInPostgres = require('../../postgres');
const keepInRedis = require('../../redis');
const sqlOf = require('../../bin/sql');
const { clients, load, startCluster, stores, whenJoined } = require('../hardening/redis-setups');
const { useServers } = require('../servers');
const { session } = require('../subject');
const startPostgres = require('../../stores/backends/postgres');
const startValkey = require('../../stores/backends/valkey');
const { temporaryFolder } = require('../../test-kit/folder');
const { HOST } = require('../../test-kit/port');
const { startRedis } = require('../../test-kit/redis');
const checkCrash = require('./crash');
const { checkLogout, LOGOUTS } = require('./logout');
const checkScenarios = require('./random/check');
const { postgres, redis, user } = require('./random/stores');

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

/** The servers that speak the protocol of Redis: each gives its nodes. */
const REDISES = {
  redis: () => startRedis(),
  'a cluster of three': async () => {
    const nodes = await startCluster(3);
    await whenJoined(nodes);
    return nodes;
  },
  Valkey: () => startValkey(temporaryFolder('valkey')),
};

for (const [name, start] of Object.entries(REDISES)) {
  const { servers, why } = useServers({ nodes: start });

  checkStore(`connect-redis, ${name}`, 12, async (t) => {
    if (why.nodes) return t.skip(why.nodes);
    const ports = [servers.nodes].flat().map(({ port }) => port);
    const isCluster = ports.length > 1;
    const client = await clients[isCluster ? 'redis, cluster' : 'redis'](t, { port: ports[0] });
    const all = await Promise.all(ports.map((port) => clients.redis(t, { port })));
    const kind = redis(({ maxSessions }) => keepInRedis(stores[10]({ client }), client, { user, maxSessions }), all, { isCluster });
    return { kind, crashing: { kind: 'redis', port: ports[0], isCluster } };
  });
}

const { servers, why } = useServers({ postgres: () => startPostgres(temporaryFolder('postgres')) });

for (const type of ['json', 'jsonb']) {
  const define = type === 'json' ? checkStore : (name, usual, open) => { checkScenarios(name, usual, async (t) => (await open(t))?.kind); };
  define(`connect-pg-simple, ${type}`, 10, async (t) => {
    if (why.postgres) return t.skip(why.postgres);
    const { postgres: server } = servers;
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
