'use strict';

const native = require('./native');

// A fact is a bit, and there are few enough for a table: each combination is asked
// of the engine once.
const COMBINATIONS = native.EXPIRES << 1;
const UNKNOWN = 0xff;
const ends = new Uint8Array(COMBINATIONS).fill(UNKNOWN);
const cookies = new Uint8Array(COMBINATIONS).fill(UNKNOWN);

/**
 * What the end of a request does to its session (`core/src/state.rs`).
 * @param {number} facts
 * @returns {number} one of the engine's `END_` numbers
 */
function endOf(facts) {
  if (ends[facts] === UNKNOWN) ends[facts] = native.endOf(facts);
  return ends[facts];
}

/**
 * Whether the response carries the session cookie.
 * @param {number} facts
 * @returns {boolean}
 */
function setsCookie(facts) {
  if (cookies[facts] === UNKNOWN) cookies[facts] = Number(native.setsCookie(facts));
  return cookies[facts] === 1;
}

module.exports = { endOf, setsCookie };
