'use strict';

let fixed;

/**
 * Ms since the epoch: JavaScript's clock, read anew each time because programs
 * replace it, or the moment that `at` holds.
 * @returns {number}
 */
function now() {
  return fixed === undefined ? Date.now() : fixed;
}

/**
 * Runs a step as if it were `time`: a session that is made when first looked at
 * is the one that was there when the request came.
 *
 * @param {number} time in ms since the epoch
 * @param {(subject: T) => void} step
 * @param {T} subject
 * @template T
 */
function at(time, step, subject) {
  fixed = time;
  try {
    step(subject);
  } finally {
    fixed = undefined;
  }
}

module.exports = { now, at };
