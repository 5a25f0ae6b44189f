'use strict';

const fs = require('node:fs');

/** Redis stores any text. */
const NO_JSON = { 'no JSON': '{"count"', empty: '' };

/** Servers that are down at the start, go away under load, come back, hand out no sessions, and talk nonsense. */
module.exports = [
  {
    name: 'redis, outage',
    package: 'connect-redis',
    with: ['redis'],
    loads: 'import',
    ci: true,
    outage: { server: 'redis', spoil: spoilRedis, spoilt: NO_JSON },
    // As node-redis advises for a server that answers requests: fail, do not queue.
    open: (_session, at) => redisStore(at, { disableOfflineQueue: true }),
  },
  {
    name: 'redis, outage, queued',
    package: 'connect-redis',
    with: ['redis'],
    loads: 'import',
    outage: { server: 'redis', spoil: spoilRedis, spoilt: NO_JSON, queues: true },
    note: 'node-redis keeps commands until the server is back, so requests wait for it',
    open: (_session, at) => redisStore(at, {}),
  },
  {
    name: 'postgres, outage',
    package: 'connect-pg-simple',
    with: ['pg'],
    loads: 'arg',
    ci: true,
    outage: { server: 'postgres', prepare: table, spoil: spoilPostgres },
    open(session, at) {
      const pool = new (require('pg').Pool)({ ...server(at), connectionTimeoutMillis: 1000 });
      pool.on('error', ignore);
      return new (require('connect-pg-simple')(session))({ pool, pruneSessionInterval: false });
    },
  },
];

function redisStore({ port }, options) {
  const { RedisStore } = require('connect-redis');
  const client = require('redis').createClient({
    ...options,
    socket: { host: '127.0.0.1', port, reconnectStrategy: 100 },
  });
  client.on('error', ignore);
  client.connect().catch(ignore);
  return new RedisStore({ client });
}

function server({ port }) {
  return { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' };
}

function table(at) {
  return query(at, fs.readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8'));
}

function spoilPostgres(at, sid, text) {
  return query(at, 'UPDATE session SET sess = $1 WHERE sid = $2', [text, sid]);
}

async function query(at, ...what) {
  const client = new (require('pg').Client)(server(at));
  await client.connect();
  await client.query(...what);
  await client.end();
}

async function spoilRedis({ port }, sid, text) {
  const client = require('redis').createClient({ socket: { host: '127.0.0.1', port } });
  await client.connect();
  await client.set(`sess:${sid}`, text);
  await client.close();
}

/** What goes wrong with a connection is seen in the answers to the requests. */
function ignore() {}
