'use strict';

/**
 * One process of the app. start.js runs several; it can as well be run by
 * systemd or in a container, with these variables:
 *
 * SECRET         signs the cookies, the same in all processes
 * REDIS_URL      where Redis is; or, of a Redis Cluster:
 * REDIS_CLUSTER  the URLs of some of its nodes, with commas between them
 * PORT           to listen on; any free one without it
 * NUMBER         of this process, for its answers
 * ORIGINAL       1: runs on express-session in place of this package, to compare
 */
if (process.env.ORIGINAL !== '1') require('./alias');

const http = require('node:http');

const { createApp } = require('./app');
const openStore = require('./store');

/** nginx, before it, is on this machine. */
const HOST = '127.0.0.1';

/** How long open requests may take to finish once the server is told to stop, in ms. */
const GRACE = 2000;

async function main() {
  const { SECRET: secret, REDIS_URL: url, REDIS_CLUSTER: cluster, PORT: port = '0', NUMBER: number = '1' } = process.env;

  // A random one would be another in each process.
  if (!secret) throw new Error('SECRET is not set');
  if (!url && !cluster) throw new Error('neither REDIS_URL nor REDIS_CLUSTER is set');

  const { store, close } = await openStore({ url, nodes: cluster ? cluster.split(',') : undefined });
  const server = http.createServer(createApp({ secret, store, number }));

  server.on('close', close);
  server.on('error', (error) => {
    fail(error);
    process.exit();
  });
  server.listen(Number(port), HOST, () => {
    console.log(`Process ${number} listens on http://${HOST}:${server.address().port}/`);
    // To whoever started it, if that is a Node.js program with a channel: where, and on which package.
    process.send?.({ port: server.address().port, session: require.resolve('express-session') });
  });

  const stop = () => {
    server.close(() => process.channel?.unref());
    server.closeIdleConnections();
    setTimeout(() => process.exit(), GRACE).unref();
  };

  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // Whoever started it is gone.
  process.once('disconnect', stop);
}

function fail(error) {
  console.error(`Process ${process.env.NUMBER ?? ''}: ${error.message}`);
  process.exitCode = 1;
}

main().catch((error) => {
  fail(error);
  process.exit();
});
