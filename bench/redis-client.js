'use strict';

/**
 * The client behind connect-redis.
 *
 * @param {{ urls?: string[] }} [server] where a real Redis listens, or the nodes of a cluster; without
 *   one, the answers come from a Map in the next tick: the same store code, no socket
 * @param {boolean} [isCached] whether the client keeps what it has read
 * @returns {Promise<object>}
 */
async function connect(server, isCached = false) {
  if (!server) return new StandInClient();
  const { createClient, createCluster } = require('redis');
  const { urls } = server;
  const options = isCached ? { RESP: 3, clientSideCache: CACHE } : {};
  const client = urls.length > 1 ? createCluster({ rootNodes: urls.map((url) => ({ url })), ...options }) : createClient({ url: urls[0], ...options });
  await client.connect();
  return client;
}

/** An entry outlives the time in which its process waits for the slices of the others. */
const CACHE = { ttl: 60_000, maxEntries: 10_000 };

class StandInClient {
  constructor() {
    this.texts = new Map();
  }

  async get(key) {
    return this.texts.get(key);
  }

  async set(key, text) {
    this.texts.set(key, text);
  }

  async expire() {}
}

module.exports = connect;
