'use strict';

/**
 * The client behind connect-redis.
 *
 * @param {{ port?: number }} [server] where a real Redis listens; without one,
 *   the answers come from a Map in the next tick: the same store code, no socket
 * @returns {Promise<object>}
 */
async function connect(server) {
  if (!server || !server.port) return new StandInClient();
  const { createClient } = require('redis');
  const client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
  await client.connect();
  return client;
}

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
