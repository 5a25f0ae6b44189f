'use strict';

const defer = require('./defer');

/** The `code` of what the addon throws that is no wrong argument: what an engine says, or a panic. */
const FAILED = 'GenericFailure';

/**
 * Does what a method with a callback is for. An error of the engine goes to the callback, in a
 * later turn, as the answers do; without a callback it is thrown, and so is any other one.
 *
 * @param {((error: Error) => void) | undefined} callback
 * @param {() => void} work
 * @returns {boolean} whether the engine did not fail
 */
function attempt(callback, work) {
  try {
    work();
    return true;
  } catch (error) {
    if (typeof callback !== 'function' || !isOfEngine(error)) throw error;
    defer(callback, error);
    return false;
  }
}

/** Whether the engine has thrown an error, and no program. */
function isOfEngine(error) {
  return Boolean(error) && error.code === FAILED;
}

module.exports = attempt;
module.exports.isOfEngine = isOfEngine;
