'use strict';

/** Each major version of connect-redis with the clients that it takes, and the servers for them. */

const path = require('node:path');
const { test } = require('node:test');
const { session } = require('../subject');
const { install } = require('../../stores/install');
const { temporaryFolder } = require('../../test-kit/folder');
const { needs } = require('../../test-kit/installed');
const { HOST, freePort } = require('../../test-kit/port');
const { askRedis, startRedis, startSentinel } = require('../../test-kit/redis');

// Of the stores' own packages, where all versions are.
const load = (name) => require(require.resolve(name, { paths: [path.join(__dirname, '..', '..', 'stores')] }));

/** Options of node-redis 5 with which a client keeps what it reads. */
const NEAR = { RESP: 3, clientSideCache: { ttl: 0 } };

/** Makes a client of each kind that there is, closed at the end of the test. */
const clients = {
  redis: (t, { port }, name = 'redis', options = {}) =>
    connected(t, load(name).createClient({ url: `redis://${HOST}:${port}`, ...options })),
  'redis, pool': (t, { port }) => connected(t, load('redis').createClientPool({ url: `redis://${HOST}:${port}` })),
  'redis, cluster': (t, { port }, name = 'redis', options = {}) =>
    connected(t, load(name).createCluster({ rootNodes: [{ url: `redis://${HOST}:${port}` }], ...options })),
  'redis, near cache': (t, server) => clients.redis(t, server, 'redis', NEAR),
  'redis, cluster, near cache': (t, server) => clients['redis, cluster'](t, server, 'redis', NEAR),
  'redis, Sentinel': (t, { sentinel: port }) =>
    connected(t, load('redis').createSentinel({ name: 'master', sentinelRootNodes: [{ host: HOST, port }] })),
  'redis, legacy': async (t, server) => (await clients.redis(t, server)).legacy(),
  'redis 6': (t, server) => clients.redis(t, server, 'redis-6'),
  'redis 6, pool': (t, { port }) => connected(t, load('redis-6').createClientPool({ url: `redis://${HOST}:${port}` })),
  'redis 4': (t, server) => clients.redis(t, server, 'redis-4'),
  'redis 4, cluster': (t, server) => clients['redis, cluster'](t, server, 'redis-4'),
  'redis 4, legacy': (t, server) => clients.redis(t, server, 'redis-4', { legacyMode: true }),
  async 'redis 3'(t, { port }) {
    const client = load('redis-3').createClient({ host: HOST, port });
    t.after(() => { client.end(true); });
    return client;
  },
  ioredis: (t, { port }, options = {}) => ofIoredis(t, new (load('ioredis'))({ host: HOST, port, ...options })),
  'ioredis, pipelined': (t, server) => clients.ioredis(t, server, { enableAutoPipelining: true, keyPrefix: 'app:' }),
  'ioredis, cluster': (t, { port }) => ofIoredis(t, new (load('ioredis').Cluster)([{ host: HOST, port }])),
  'ioredis, Sentinel': (t, { sentinel: port }) =>
    ofIoredis(t, new (load('ioredis'))({ name: 'master', sentinels: [{ host: HOST, port }] })),
  iovalkey: (t, { port }) => ofIoredis(t, new (load('iovalkey'))({ host: HOST, port })),
};

async function connected(t, client) {
  await client.connect();
  // Not all of them have both.
  t.after(() => (client.destroy ? client.destroy() : client.disconnect()));
  return client;
}

async function ofIoredis(t, client) {
  t.after(() => { client.disconnect(); });
  return client;
}

const stores = {
  10: (options) => new (load('connect-redis').RedisStore)(options),
  9: (options) => new (load('connect-redis-9').RedisStore)(options),
  8: (options) => new (load('connect-redis-8').RedisStore)(options),
  7: (options) => new (load('connect-redis-7').default)(options),
  6: (options) => new (load('connect-redis-6')(session))(options),
};

/** Each major version of connect-redis with the clients that it takes; those in `all` go through all uses. */
const setUps = Object.entries({
  10: { all: ['redis', 'redis, near cache'], some: ['redis, pool', 'redis, cluster', 'redis, cluster, near cache', 'redis, Sentinel', 'redis 6', 'redis 6, pool'] },
  9: { all: ['redis'], some: ['redis, pool', 'redis, cluster', 'redis, near cache', 'redis, Sentinel'] },
  8: {
    all: ['redis 4', 'ioredis'],
    some: ['redis 4, cluster', 'redis, cluster', 'ioredis, pipelined', 'ioredis, cluster', 'ioredis, Sentinel', 'iovalkey'],
  },
  7: { all: ['redis 4', 'ioredis'], some: ['ioredis, cluster'] },
  6: { all: ['redis 3', 'ioredis'], some: ['redis 4, legacy', 'redis, legacy', 'ioredis, cluster'] },
}).flatMap(([version, { all, some }]) => [...all, ...some].map((client) => ({
  name: `connect-redis ${version}, ${client}`, version, client, isBrief: some.includes(client),
})));

/** Of each Redis Cluster. */
const SLOTS = 16384;

const why = needs('redis-server');
let servers;

/** Starts the servers before the tests of a file, and stops them behind them. */
function useServers() {
  test.before(async () => {
    if (why) return;
    servers = await startServers();
    install('', () => {});
  });
  test.after(() => servers?.stop());
}

/** A Redis, a Sentinel that knows it, and a Redis Cluster of one node. */
async function startServers() {
  const started = [];
  const stop = async () => { await Promise.all(started.map((server) => server.stop())); };
  try {
    const redis = await startRedis();
    started.push(redis);
    const sentinel = await startSentinel(temporaryFolder('sentinel'), redis.port);
    started.push(sentinel);
    const nodes = await startCluster(1);
    started.push(...nodes);
    const isOk = whenJoined(nodes);
    // It is not looked at until then.
    isOk.catch(() => {});
    return { redis, sentinel, cluster: () => isOk.then(() => nodes[0]), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts the nodes of a Redis Cluster, each of which has a part of the slots. */
async function startCluster(count) {
  const bounds = Array.from({ length: count + 1 }, (_, i) => Math.floor((i * SLOTS) / count));
  const nodes = [];
  try {
    for (let i = 0; i < count; i++) {
      const bus = await freePort();
      const node = await startRedis({ settings: ['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-announce-ip', HOST] });
      nodes.push(node);
      await answers(node.port, `CLUSTER ADDSLOTSRANGE ${bounds[i]} ${bounds[i + 1] - 1}`, /OK/);
      if (i > 0) await answers(nodes[0].port, `CLUSTER MEET ${HOST} ${node.port} ${bus}`, /OK/);
    }
  } catch (error) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw error;
  }
  return nodes;
}

/** Waits until each node of a cluster knows the others. */
async function whenJoined(nodes) {
  const whole = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${nodes.length}[^]*cluster_size:${nodes.length}`);
  for (const { port } of nodes) await answers(port, 'CLUSTER INFO', whole);
}

/** Asks until the answer is as it should be. */
async function answers(port, question, expected) {
  for (;;) {
    const answer = await askRedis(port, question);
    if (expected.test(answer)) return;
    if (answer.startsWith('-')) throw new Error(`${question}: ${answer}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/** A client of a server that holds nothing; undefined where there is no server. */
async function connect(t, name) {
  if (why) return t.skip(why);
  if (name.startsWith('redis 6') && process.version.startsWith('v18.')) return t.skip('redis 6 wants Node.js 20');
  const { redis, sentinel, cluster } = servers;
  const server = name.includes('cluster') ? await cluster() : { ...redis, sentinel: sentinel.port };
  await server.fresh();
  return { client: await clients[name](t, server), port: server.port };
}

module.exports = { load, connected, clients, stores, setUps, useServers, startCluster, whenJoined, connect, why };
