'use strict';

/**
 * For what a double was not made to answer. Some stores swallow what their client
 * throws, so this ends the process as well, and the row fails with this message.
 *
 * @param {string} client
 * @param {unknown} what
 * @returns {Error} to be thrown
 */
function unknown(client, what) {
  const error = new Error(`double of ${client} does not know: ${String(what)}`);
  error.isUnknown = true;
  setImmediate(() => { throw error; });
  return error;
}

/**
 * @template {object} T
 * @param {string} client
 * @param {T} double
 * @returns {T} the same, but for what it lacks, which nobody may ask for
 */
function strict(client, double) {
  return new Proxy(double, {
    get(target, name) {
      if (!(name in target) && typeof name === 'string' && !ASKED_OF_ANYTHING.has(name)) {
        throw unknown(client, name);
      }
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** By promises, by JSON, and by EventEmitter of an emitter. */
const ASKED_OF_ANYTHING = new Set(['then', 'toJSON', '_events', '_maxListeners']);

module.exports = { unknown, strict };
