'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.

/** The channels: every scenario of scenarios.js on real servers, plain, wrapped, and with hashIds. */

const { describe, test } = require('node:test');
const keepInPostgres = require('../../postgres');
const keepInRedis = require('../../redis');
const { connect, load, stores, useServers } = require('../hardening/redis-setups');
const { session } = require('../subject');
const startPostgres = require('../../stores/backends/postgres');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');
const { HOST } = require('../../test-kit/port');
const observe = require('./observe');
const { scenarios } = require('./scenarios');

useServers();

let why;
let server;
test.before(async () => {
  server = await startPostgres(temporaryFolder('postgres')).catch((error) => {
    if (!error.isMissing) throw error;
    why = skipWithout(error.message);
  });
});
test.after(() => server?.stop());

async function redis(t) {
  const { client } = await connect(t, 'redis') ?? {};
  return client && stores[10]({ client });
}

async function postgres(t) {
  if (why) return t.skip(why);
  const { database } = await server.fresh();
  const pool = new (load('pg').Pool)({ host: HOST, port: server.port, user: 'postgres', database, max: 4 });
  pool.on('error', () => {});
  const store = new (load('connect-pg-simple')(session))({ pool, createTableIfMissing: true, pruneSessionInterval: false });
  t.after(async () => {
    await store.close();
    await pool.end();
  });
  return store;
}

const wrapped = (open, keep) => async (t) => {
  const store = await open(t);
  return store && keep(store);
};

const user = (data) => (data.n ? 'ada' : undefined);

const kinds = {
  'connect-redis': { open: redis },
  'connect-redis, wrapped': { open: wrapped(redis, keepInRedis), saysGone: false },
  'connect-redis, wrapped, with users': { open: wrapped(redis, (store) => keepInRedis(store, { user })) },
  'connect-redis, wrapped, hashIds': { open: wrapped(redis, keepInRedis), options: { hashIds: true }, saysGone: false },
  'connect-pg-simple': { open: postgres },
  'connect-pg-simple, wrapped': { open: wrapped(postgres, keepInPostgres) },
  'connect-pg-simple, wrapped, hashIds': { open: wrapped(postgres, keepInPostgres), options: { hashIds: true } },
};

for (const [kind, { open, options, saysGone }] of Object.entries(kinds)) {
  describe(kind, () => {
    for (const [name, scenario] of Object.entries(scenarios)) {
      test(name, async (t) => {
        const store = await open(t);
        // The servers have clocks of their own.
        if (store) await observe(t, scenario, store, options, { now: Date.now(), saysGone });
      });
    }
  });
}
