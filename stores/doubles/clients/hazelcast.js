'use strict';

const Expiring = require('../expiring');
const { strict } = require('../unknown');

/** Double of a client of hazelcast-client: maps whose values end after a `ttl`, in ms. */
function createClient() {
  const maps = {};
  return strict('hazelcast-client', {
    async getMap(name) {
      return maps[name] ??= createMap();
    },
  });
}

function createMap() {
  const values = new Expiring();
  return strict('hazelcast-client', {
    async get(key) {
      return values.get(key) ?? null;
    },
    async set(key, value, ttl) {
      values.set(key, value, ttl);
    },
    async containsKey(key) {
      return values.get(key) !== undefined;
    },
    async remove(key) {
      const value = values.get(key) ?? null;
      values.delete(key);
      return value;
    },
    async delete(key) {
      values.delete(key);
    },
  });
}

module.exports = createClient;
