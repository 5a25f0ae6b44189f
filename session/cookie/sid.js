'use strict';

const debug = require('debug')('express-session');
const native = require('../native/load');

/** Why a request begins without a stored session, for the debug log. */
const REASONS = new Map([
  [native.NO_COOKIE, 'no cookie'],
  [native.UNSIGNED_COOKIE, 'cookie unsigned'],
  [native.FORGED_COOKIE, 'cookie forged: signature invalid'],
  [native.UNKNOWN_SID, 'unknown id'],
]);

/**
 * Returns the sid that a request brings in its Cookie header, or in the cookies that
 * cookie-parser has read. Notes whether the cookie is to be sent again: see `noteSigner`.
 *
 * @param {import('../request')} request
 * @param {string | undefined} header `Cookie`
 * @returns {string | undefined} the sid. It is another value than a string if a program has put
 *   one into `req.signedCookies`
 * @throws {TypeError} if a secret that must be tried is invalid: see `Keyring#unsign`
 */
function sidFrom(request, header) {
  const { req, keyring, settings: { name, deprecate } } = request;
  const result = header ? keyring.unsignCookie(header, name) : native.NO_COOKIE;
  /** @type {string | false | undefined} */
  let sid;
  let reason = native.NO_COOKIE;
  if (typeof result === 'string') {
    sid = result;
    noteSigner(request, (first) => first.unsignCookie(/** @type {string} */ (header), name) === result);
  } else {
    reason = result;
  }
  if (!sid && req.signedCookies) {
    sid = req.signedCookies[name];
    if (sid) deprecate('cookie should be available in req.headers.cookie');
  }
  if (!sid && req.cookies) {
    const value = req.cookies[name];
    if (typeof value === 'string' && value.startsWith('s:')) {
      sid = keyring.unsign(value.slice(2));
      if (sid) {
        deprecate('cookie should be available in req.headers.cookie');
        noteSigner(request, (first) => first.unsign(value.slice(2)) !== false);
      }
      if (sid === false) {
        reason = native.FORGED_COOKIE;
        sid = undefined;
      }
    } else if (value) {
      reason = native.UNSIGNED_COOKIE;
    }
  }
  if (!sid) logNoSession(reason);
  return /** @type {string | undefined} */ (sid);
}

/**
 * Notes, for the option `resign`, whether another secret than the first has signed the cookie of a request.
 *
 * @param {import('../request')} request
 * @param {(first: import('./keyring')) => boolean} isSignedBy whether the only secret of a keyring has
 *   signed it
 */
function noteSigner(request, isSignedBy) {
  const first = request.settings.resign ? request.keyring.firstAlone() : undefined;
  request.isSignedByOld = first !== undefined && !isSignedBy(first);
}

/**
 * Writes into the debug log why a request gets a new session. The log must not contain sids.
 *
 * @param {number} reason a key of `REASONS`
 */
function logNoSession(reason) {
  if (debug.enabled) debug('no session found: %s', REASONS.get(reason));
}

module.exports = { sidFrom, noteSigner, logNoSession };
