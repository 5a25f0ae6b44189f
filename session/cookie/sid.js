'use strict';

const debug = require('debug')('express-session');
const native = require('../native/load');

/** Why a request begins without a stored session. */
const REASONS = new Map([
  [native.NO_COOKIE, 'no cookie'],
  [native.UNSIGNED_COOKIE, 'cookie unsigned'],
  [native.FORGED_COOKIE, 'cookie forged: signature invalid'],
  [native.UNKNOWN_SID, 'unknown id'],
]);

/**
 * The session id that a request brings: from its Cookie header, or from what
 * cookie-parser made of it.
 *
 * @param {import('../request')} request
 * @param {string | undefined} header `Cookie`
 * @returns {string | undefined} a string, unless cookie-parser gave something else
 * @throws what the keyring throws for a secret that is none
 */
function sidFrom({ req, keyring, settings: { name, deprecate } }, header) {
  const opened = header ? keyring.unsignCookie(header, name) : native.NO_COOKIE;
  let [sid, reason] = typeof opened === 'string' ? [opened, native.NO_COOKIE] : [undefined, opened];
  if (!sid && req.signedCookies) {
    sid = req.signedCookies[name];
    if (sid) deprecate('cookie should be available in req.headers.cookie');
  }
  if (!sid && req.cookies) {
    const value = req.cookies[name];
    if (typeof value === 'string' && value.startsWith('s:')) {
      sid = keyring.unsign(value.slice(2));
      if (sid) deprecate('cookie should be available in req.headers.cookie');
      if (sid === false) {
        reason = native.FORGED_COOKIE;
        sid = undefined;
      }
    } else if (value) {
      reason = native.UNSIGNED_COOKIE;
    }
  }
  if (!sid) logNoSession(reason);
  return sid;
}

/**
 * Tells a log, which must show no id, why a request gets a new session.
 * @param {number} reason one of the numbers above
 */
function logNoSession(reason) {
  if (debug.enabled) debug('no session found: %s', REASONS.get(reason));
}

module.exports = { sidFrom, logNoSession };
