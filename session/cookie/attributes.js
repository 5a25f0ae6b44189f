'use strict';

/**
 * The attributes of a session's cookie, in the order in which its JSON has them. The addon
 * has the same list (`core/src/session_text.rs`). `__test__/native/attributes.test.js` checks that
 * all code that reads or writes cookies knows each of them.
 */
const ATTRIBUTES = ['originalMaxAge', 'partitioned', 'priority', 'expires', 'secure', 'httpOnly', 'domain', 'path', 'sameSite'];

/**
 * Returns whether two cookies have the same attributes, apart from `expires`.
 *
 * @param {import('../types').CookieData} cookie
 * @param {import('../types').CookieData} stored
 */
function isSame(cookie, stored) {
  return cookie.originalMaxAge === stored.originalMaxAge && cookie.path === stored.path &&
    cookie.httpOnly === stored.httpOnly && cookie.secure === stored.secure &&
    cookie.sameSite === stored.sameSite && cookie.domain === stored.domain &&
    cookie.priority === stored.priority && cookie.partitioned === stored.partitioned;
}

/**
 * Returns the expiry of a cookie, if the cookie does not differ from the stored one in anything
 * but its expiry.
 *
 * @param {import('../types').Cookie} cookie
 * @param {import('../types').CookieData | undefined} stored
 * @returns {number | undefined} ms since the epoch, NaN for none; undefined if the cookie differs
 */
function expiryOf(cookie, stored) {
  if (stored === undefined || !isSame(cookie, stored)) return undefined;
  const { _expires: expires } = cookie;
  if (expires === null) return NaN;
  return expires instanceof Date ? expires.getTime() : undefined;
}

module.exports = { ATTRIBUTES, expiryOf, isSame };
