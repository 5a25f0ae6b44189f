'use strict';

const Expiring = require('../expiring');
const { strict } = require('../unknown');

/** Double of datacache-client: values that end after a `ttl`, in s. */
function createClient() {
  const values = new Expiring();
  return strict('datacache-client', {
    async get(key) {
      const body = values.get(key);
      if (body === undefined) throw Object.assign(new Error('not found'), { statusCode: 404 });
      return { statusCode: 200, body };
    },
    async put(key, value, ttl) {
      values.set(key, value, ttl * 1000);
      return { statusCode: 200 };
    },
    async destroy(key) {
      values.delete(key);
      return { statusCode: 200 };
    },
  });
}

module.exports = createClient;
