'use strict';

const { RedisStore } = require('connect-redis');
const { createClient } = require('redis');

const openClusterStore = require('./cluster');

/**
 * The store that all processes share.
 * @param {{ url?: string, nodes?: string[] }} where one Redis, or some nodes of a cluster
 * @returns {Promise<{ store: RedisStore, close: () => Promise<void> }>}
 */
async function openStore({ url, nodes }) {
  if (nodes) return openClusterStore(nodes);

  const client = createClient({ url });

  // Without a listener, a lost connection would end the process. It comes back by itself.
  client.on('error', (error) => console.error(`Redis: ${error.message}`));
  await client.connect();

  return { store: new RedisStore({ client }), close: () => client.close() };
}

module.exports = openStore;
