'use strict';

/**
 * Answers as a client does: later, and with what went wrong as the first argument.
 *
 * @template T
 * @param {(error: Error | null, value?: T) => void} callback
 * @param {() => T} run
 */
function answer(callback, run) {
  setImmediate(() => {
    let value;
    try {
      value = run();
    } catch (error) {
      return callback(error);
    }
    callback(null, value);
  });
}

/**
 * @param {string} message
 * @param {number | string} code
 */
function failure(message, code) {
  return Object.assign(new Error(message), { code });
}

module.exports = { answer, failure };
