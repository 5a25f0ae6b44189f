'use strict';

// How long a process goes on to serve a session that another process has destroyed, if its client
// keeps what it reads (node-redis, `clientSideCache`): the figures of docs/scaling.md. It starts a
// Redis, and a Redis Cluster of six nodes. node bench/near-cache.js [sessions=1000]

const os = require('node:os');
const { promisify } = require('node:util');
const Child = require('./child');
const connect = require('./redis-client');
const { REDIS_SUBJECTS, open } = require('./subjects');
const { startRedis } = require('../test-kit/redis');
const Nodes = require('../test-kit/redis-cluster');

const count = Number(process.argv[2] ?? 1000);
const subject = REDIS_SUBJECTS.find(({ name }) => name === 'and clientSideCache');

/** Ms by the clock that all processes of a machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

main();

async function main() {
  for (const [where, start] of [['one Redis', startRedis], ['a Redis Cluster of six nodes', () => Nodes.start()]]) {
    const server = await start();
    try {
      const redis = { urls: server.urls ?? [server.url] };
      for (const lanes of [1, 16]) tell(where, lanes, await measure(redis, lanes));
    } finally {
      await server.stop();
    }
  }
}

/** Destroys sessions that the child serves without a pause, and returns for how many ms it went on to do so. */
async function measure(redis, lanes) {
  const child = new Child('near-cache-child.js', { subject, redis, lanes });
  await child.answer();
  const client = await connect(redis);
  const { store } = open({ ...subject, isCached: false }, { redis: client });
  const destroy = promisify(store.destroy.bind(store));
  const delays = [];
  for (let i = 0; i < count; i++) {
    const sid = await child.ask('serve');
    const gone = child.answer();
    await destroy(sid);
    const destroyed = now();
    delays.push((await gone) - destroyed);
  }
  await child.end();
  client.destroy();
  return delays.sort((a, b) => a - b);
}

function tell(where, lanes, delays) {
  const at = (share) => delays[Math.min(delays.length - 1, Math.floor(share * delays.length))].toFixed(2);
  const not = delays.filter((delay) => delay <= 0).length;
  console.log(`${where}, ${lanes} requests at a time, load ${os.loadavg()[0].toFixed(1)}: of ${delays.length} sessions, ` +
    `${not} were not served once the destroy was answered; ms after that: median ${at(0.5)}, 9 of 10 ${at(0.9)}, 99 of 100 ${at(0.99)}, longest ${at(1)}`);
}
