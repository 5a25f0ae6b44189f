'use strict';

const { EventEmitter } = require('node:events');
const { answer, failure } = require('../answer');
const Expiring = require('../expiring');
const { strict } = require('../unknown');

const NOT_FOUND = 2;

class Key {
  constructor(...parts) {
    this.text = JSON.stringify(parts);
  }
}

/** Double of the package `aerospike`, as far as it needs no connection. */
const aerospike = strict('aerospike', {
  Key,
  status: strict('aerospike.status', { AEROSPIKE_ERR_RECORD_NOT_FOUND: NOT_FOUND }),
  operations: strict('aerospike.operations', { touch: (ttl) => ({ touch: ttl }) }),
});

/** Double of its client: records that end after their `ttl`, in s. */
function createClient() {
  const records = new Expiring();
  const found = (is) => {
    if (!is) throw failure('AEROSPIKE_ERR_RECORD_NOT_FOUND', NOT_FOUND);
  };
  const client = new EventEmitter();
  return strict('aerospike', Object.assign(client, {
    get(key, callback) {
      answer(callback, () => {
        const bins = records.get(key.text);
        found(bins);
        return { bins };
      });
    },
    put(key, bins, { ttl }, callback) {
      answer(callback, () => { records.set(key.text, bins, msOf(ttl)); });
    },
    remove(key, callback) {
      answer(callback, () => { found(records.delete(key.text)); });
    },
    operate(key, [{ touch }], callback) {
      answer(callback, () => { found(records.touch(key.text, msOf(touch))); });
    },
    truncate(_namespace, _set, callback) {
      answer(callback, () => { records.clear(); });
    },
  }));
}

/** Without one, that of the namespace, which is none. */
function msOf(ttl) {
  return ttl ? ttl * 1000 : undefined;
}

module.exports = { aerospike, createClient };
