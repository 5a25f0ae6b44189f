'use strict';

const MemoryStore = require('./memory');

const { get, set, touch, destroy } = MemoryStore.prototype;

/**
 * Whether a store's answers are there at once: a MemoryStore whose methods are
 * its own. Asked anew for each request, because programs replace methods at any
 * time.
 *
 * @param {object} store
 * @returns {boolean}
 */
function isResident(store) {
  return store instanceof MemoryStore &&
    store.get === get && store.set === set && store.touch === touch && store.destroy === destroy;
}

module.exports = isResident;
