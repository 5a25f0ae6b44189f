'use strict';

// Not in check: it starts Redis and PostgreSQL, and installs clients of them.

/** The channels: every scenario of scenarios.js on real servers, plain, wrapped, and with hashIds. */

const { describe, test } = require('node:test');
const keepInPostgres = require('../../postgres');
const keepInRedis = require('../../redis');
const { postgresStore, redisStore, useServers } = require('../servers');
const observe = require('./observe');
const { scenarios } = require('./scenarios');

const { servers, why } = useServers();
const redis = (t) => (why.redis ? t.skip(why.redis) : redisStore(t, servers.redis));
const postgres = (t) => (why.postgres ? t.skip(why.postgres) : postgresStore(t, servers.postgres));

const wrapped = (open, keep) => async (t) => {
  const store = await open(t);
  return store && keep(store);
};

const user = (data) => (data.n ? 'ada' : undefined);

const kinds = {
  'connect-redis': { open: redis },
  'connect-redis, wrapped': { open: wrapped(redis, keepInRedis) },
  'connect-redis, wrapped, with users': { open: wrapped(redis, (store) => keepInRedis(store, { user })) },
  'connect-redis, wrapped, hashIds': { open: wrapped(redis, keepInRedis), options: { hashIds: true } },
  'connect-pg-simple': { open: postgres },
  'connect-pg-simple, wrapped': { open: wrapped(postgres, keepInPostgres) },
  'connect-pg-simple, wrapped, hashIds': { open: wrapped(postgres, keepInPostgres), options: { hashIds: true } },
};

for (const [kind, { open, options }] of Object.entries(kinds)) {
  describe(kind, () => {
    for (const [name, scenario] of Object.entries(scenarios)) {
      test(name, async (t) => {
        const store = await open(t);
        // The servers have clocks of their own.
        if (store) await observe(t, scenario, store, options, { now: Date.now() });
      });
    }
  });
}
