'use strict';

/** Servers for the tests of one file, and stores of other packages on them. */

const { test } = require('node:test');
const { load } = require('./hardening/redis-setups');
const { session } = require('./subject');
const startPostgres = require('../stores/backends/postgres');
const { install } = require('../stores/install');
const { temporaryFolder } = require('../test-kit/folder');
const { skipWithout } = require('../test-kit/installed');
const { HOST } = require('../test-kit/port');
const { startRedis } = require('../test-kit/redis');

/** How each server is started. */
const STARTS = { redis: () => startRedis(), postgres: () => startPostgres(temporaryFolder('postgres')) };

/**
 * Starts servers before the tests of a file, with the clients of stores/ installed, and stops them behind
 * them.
 *
 * @param {Record<string, () => Promise<any>>} [starts] each gives a server, or a list of servers
 * @returns {{ servers: Record<string, any>, why: Record<string, string> }} by name: the servers that there
 *   are, and of the others what to install
 */
function useServers(starts = STARTS) {
  const servers = {};
  const why = {};
  test.before(async () => {
    install('', () => {});
    await Promise.all(Object.entries(starts).map(async ([name, start]) => {
      try {
        servers[name] = await start();
      } catch (error) {
        if (!error.isMissing) throw error;
        why[name] = skipWithout(error.message);
      }
    }));
  });
  test.after(() => Promise.all(Object.values(servers).flat().map((server) => server.stop())));
  return { servers, why };
}

/**
 * Makes a store of connect-redis that shares its server with others.
 *
 * @param {object} t
 * @param {{ url: string }} server
 */
async function redisStore(t, { url }) {
  const client = load('redis').createClient({ url });
  await client.connect();
  t.after(() => client.destroy());
  return new (load('connect-redis').RedisStore)({ client, prefix: `${Math.random()}:` });
}

/**
 * Makes a store of connect-pg-simple with a database of its own.
 *
 * @param {object} t
 * @param {object} server
 * @param {'json' | 'jsonb'} [type] of the column
 */
async function postgresStore(t, server, type = 'json') {
  const { database } = await server.fresh();
  const pool = new (load('pg').Pool)({ host: HOST, port: server.port, user: 'postgres', database, max: 4 });
  // The server may be stopped while a connection of an ended pool closes.
  pool.on('error', () => {});
  await pool.query(`CREATE TABLE session (sid varchar PRIMARY KEY, sess ${type} NOT NULL, expire timestamp(6) NOT NULL)`);
  const store = new (load('connect-pg-simple')(session))({ pool, pruneSessionInterval: false });
  t.after(async () => {
    await store.close();
    await pool.end();
  });
  return store;
}

module.exports = { useServers, redisStore, postgresStore };
