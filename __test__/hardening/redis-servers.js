'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const startRedis = require('../../stores/backends/redis');
const { flush } = startRedis;
const { freePort } = require('../../stores/port');
const { startServer } = require('../../stores/server');

const HOST = '127.0.0.1';
const source = 'apt-get install redis-server';

/**
 * A Redis, a Sentinel that knows it by the name of `master`, and a Redis Cluster of one node.
 *
 * @param {string} folder takes their files
 * @returns {Promise<{ redis: object, sentinel: { port: number }, cluster: () => Promise<object>, stop: () => Promise<void> }>}
 *   `redis` and what `cluster` gives are as of stores/backends
 */
async function startServers(folder) {
  const started = [];
  const stop = async () => { await Promise.all(started.map((server) => server.stop())); };
  try {
    const redis = await startRedis(folder);
    started.push(redis);
    const sentinel = await startSentinel(path.join(folder, 'sentinel'), redis.port);
    started.push(sentinel);
    const node = await startCluster(path.join(folder, 'cluster'));
    started.push(node);
    const isOk = answers(node.port, 'CLUSTER INFO', /cluster_state:ok/);
    // It is not looked at until then.
    isOk.catch(() => {});
    return { redis, sentinel, cluster: () => isOk.then(() => node), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Redis can be both. A Sentinel rewrites its file. */
async function startSentinel(folder, master) {
  const port = await freePort();
  fs.mkdirSync(folder);
  const file = path.join(folder, 'sentinel.conf');
  fs.writeFileSync(file, `port ${port}\nbind ${HOST}\ndir ${folder}\nsentinel monitor master ${HOST} ${master} 1\n`);
  return startServer('redis-server', [file, '--sentinel'], { port, source });
}

async function startCluster(folder) {
  const [port, bus] = [await freePort(), await freePort()];
  fs.mkdirSync(folder);
  const node = await startServer('redis-server', [
    '--port', String(port), '--bind', HOST, '--save', '', '--appendonly', 'no', '--dir', folder,
    '--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-announce-ip', HOST,
  ], { port, source });
  await answers(port, 'CLUSTER ADDSLOTSRANGE 0 16383', /OK/);
  return { ...node, fresh: () => flush(port) };
}

/** Asks, in the line of text that the protocol takes, until the answer is as it should be. */
async function answers(port, question, expected) {
  for (;;) {
    const answer = await ask(port, question);
    if (expected.test(answer)) return;
    if (answer.startsWith('-')) throw new Error(`${question}: ${answer}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

function ask(port, question) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, HOST, () => { socket.write(`${question}\r\n`); });
    socket.setEncoding('utf8').once('data', (text) => {
      socket.destroy();
      resolve(text);
    });
    socket.once('error', reject);
  });
}

module.exports = startServers;
