'use strict';

const native = require('./native');

/** What each combination of facts leads to (`core/src/state.rs`): facts are bits of its index. */
const decisions = native.decisions();
const { END_MASK, SETS_COOKIE } = native;

/**
 * What the end of a request does to its session.
 * @param {number} facts
 * @returns {number} one of the engine's `END_` numbers
 */
function endOf(facts) {
  return decisions[facts] & END_MASK;
}

/**
 * Whether the response carries the session cookie.
 * @param {number} facts
 * @returns {boolean}
 */
function setsCookie(facts) {
  return (decisions[facts] & SETS_COOKIE) !== 0;
}

module.exports = { endOf, setsCookie };
