'use strict';

const native = require('./native');
const tellNone = require('./reasons');

/**
 * The session id that a request brings: from its Cookie header, or from what
 * cookie-parser made of it.
 *
 * @param {object} req
 * @param {string | undefined} header `Cookie`
 * @param {string} name of the session cookie
 * @param {import('./keyring')} keyring
 * @param {(message: string) => void} deprecate
 * @returns {string | undefined} a string, unless cookie-parser gave something else
 */
function sidOf(req, header, name, keyring, deprecate) {
  let sid;
  let reason = native.NO_COOKIE;
  if (header) {
    const opened = keyring.open(header, name);
    if (typeof opened === 'string') sid = opened;
    else reason = opened;
  }
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
  if (!sid) tellNone(reason);
  return sid;
}

module.exports = sidOf;
