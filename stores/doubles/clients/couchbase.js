'use strict';

const { answer, failure } = require('../answer');
const Expiring = require('../expiring');
const { strict } = require('../unknown');

const NO_SUCH_KEY = 13;

/** Double of a `Bucket` of couchbase 2: values that end after their `expiry`, in s. */
function createBucket() {
  const values = new Expiring();
  const found = (is) => {
    if (!is) throw failure('The key does not exist on the server', NO_SUCH_KEY);
  };
  return strict('couchbase', {
    connectionTimeout: 0,
    operationTimeout: 0,
    get(key, callback) {
      answer(callback, () => {
        const value = values.get(key);
        found(value);
        return { value };
      });
    },
    upsert(key, value, { expiry }, callback) {
      answer(callback, () => { values.set(key, value, msOf(expiry)); });
    },
    touch(key, expiry, callback) {
      answer(callback, () => { found(values.touch(key, msOf(expiry))); });
    },
    remove(key, callback) {
      answer(callback, () => { found(values.delete(key)); });
    },
  });
}

/** Nought is for good. */
function msOf(expiry) {
  return expiry === 0 ? undefined : expiry * 1000;
}

module.exports = createBucket;
