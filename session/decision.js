'use strict';

const native = require('./native');

/** Which bits of a decision say what the end of the response does: one of the `END_` numbers. */
const END = 3;
/** The bit of a decision that says that the response carries the session cookie. */
const SETS_COOKIE = 4;

/** Facts → decision, for every combination. */
const DECISIONS = new Uint8Array(native.EXPIRES << 1);
for (let facts = 0; facts < DECISIONS.length; facts++) {
  DECISIONS[facts] = native.endOf(facts) | (native.setsCookie(facts) ? SETS_COOKIE : 0);
}

module.exports = { DECISIONS, END, SETS_COOKIE };
