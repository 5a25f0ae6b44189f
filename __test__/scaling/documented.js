'use strict';

/**
 * The example's app on a cluster, with nothing but what the documentation of
 * connect-redis and node-redis says. The variables are those of its server.js.
 */
if (process.env.ORIGINAL !== '1') require('../../examples/redis/alias');

const { RedisStore } = require('connect-redis');
const { createCluster } = require('redis');

const { createApp } = require('../../examples/redis/app');
const { serve } = require('../../test-kit/app');

async function main() {
  const { SECRET: secret, REDIS_CLUSTER: nodes, NUMBER: number } = process.env;
  const client = createCluster({ rootNodes: nodes.split(',').map((url) => ({ url })) });

  client.on('error', (error) => console.error(error.message));
  await client.connect();

  const store = new RedisStore({ client });
  const { port } = await serve(createApp({ secret, store, number }));

  process.send({ port, session: require.resolve('express-session') });

  // Requests that wait for a dead node would keep it from ending by itself.
  process.once('SIGTERM', () => process.exit());
  process.once('disconnect', () => process.exit());
}

main();
