'use strict';

/**
 * Calls that are under way at the same time, as those of a busy server are.
 *
 * @param {number} count
 * @param {(at: number, done: (error?: Error) => void) => void} call
 * @returns {Promise<void>} once all have been answered
 */
function batch(count, call) {
  return new Promise((resolve, reject) => {
    let left = count;
    const done = (error) => {
      if (error) reject(error);
      else if (--left === 0) resolve();
    };
    for (let at = 0; at < count; at++) call(at, done);
  });
}

module.exports = batch;
