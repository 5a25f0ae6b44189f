'use strict';

const { strict, unknown } = require('../unknown');

/** What the Realtime Database refuses in a key. */
const REFUSED = /[.#$[\]/]/;

/** Double of the database of firebase-admin: one folder of values. */
function createDatabase() {
  const folders = {};
  return strict('firebase-admin', {
    ref(path) {
      const values = folders[path] ??= new Map();
      return strict('firebase-admin', {
        child: (key) => child(values, key),
        async once(event) {
          only('value', event);
          const all = [...values].map(([key, json]) => snapshotOf(key, json));
          return strict('firebase-admin', { forEach: (each) => { all.forEach(each); } });
        },
        async remove() {
          values.clear();
        },
      });
    },
  });
}

function child(values, key) {
  if (REFUSED.test(key)) throw new Error(`Reference.child failed: the path "${key}" is invalid`);
  return strict('firebase-admin', {
    async once(event) {
      only('value', event);
      return snapshotOf(key, values.get(key));
    },
    async set(value) {
      values.set(key, JSON.stringify(value));
    },
    async remove() {
      values.delete(key);
    },
  });
}

function snapshotOf(key, json) {
  return strict('firebase-admin', {
    key,
    exists: () => json !== undefined,
    val: () => (json === undefined ? null : JSON.parse(json)),
  });
}

function only(known, event) {
  if (event !== known) throw unknown('firebase-admin', `once('${event}')`);
}

module.exports = createDatabase;
