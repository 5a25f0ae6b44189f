'use strict';

const debug = require('debug')('express-session');
const native = require('./native');

/**
 * The session id that a request brings: from its Cookie header, or from what
 * cookie-parser made of it.
 *
 * @param {object} req
 * @param {string} name of the session cookie
 * @param {import('./keyring')} keyring
 * @param {(message: string) => void} deprecate
 * @returns {string | undefined} a string, unless cookie-parser gave something else
 */
function sidOf(req, name, keyring, deprecate) {
  const header = req.headers.cookie;
  let sid;
  if (header) {
    const opened = keyring.open(header, name);
    if (typeof opened === 'string') {
      sid = opened;
    } else if (opened === native.FORGED_COOKIE) {
      debug('cookie signature invalid');
    } else if (opened === native.UNSIGNED_COOKIE) {
      debug('cookie unsigned');
    }
  }
  if (!sid && req.signedCookies) {
    sid = req.signedCookies[name];
    if (sid) deprecate('cookie should be available in req.headers.cookie');
  }
  if (!sid && req.cookies) {
    sid = parsed(req, name, keyring) || sid;
    if (sid) deprecate('cookie should be available in req.headers.cookie');
  }
  return sid;
}

module.exports = sidOf;

/** What cookie-parser parsed, verified here. */
function parsed(req, name, keyring) {
  const value = req.cookies[name];
  if (!value) return undefined;
  if (typeof value !== 'string' || !value.startsWith('s:')) {
    debug('cookie unsigned');
    return undefined;
  }
  const sid = keyring.unsign(value.slice(2));
  if (sid === false) {
    debug('cookie signature invalid');
    return undefined;
  }
  return sid;
}
