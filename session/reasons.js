'use strict';

const debug = require('debug')('express-session');
const native = require('./native');

/** Why a request begins without a stored session. */
const REASONS = new Map([
  [native.NO_COOKIE, 'no cookie'],
  [native.UNSIGNED_COOKIE, 'cookie unsigned'],
  [native.FORGED_COOKIE, 'cookie forged: signature invalid'],
  [native.UNKNOWN_SID, 'unknown id'],
]);

/**
 * Tells a log, which must show no id, why a request gets a new session.
 * @param {number} reason one of the numbers above
 */
function tellNone(reason) {
  if (debug.enabled) debug('no session found: %s', REASONS.get(reason));
}

module.exports = tellNone;
