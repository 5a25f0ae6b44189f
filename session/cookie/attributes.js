'use strict';

/**
 * The attributes of a session's cookie, in the order in which its JSON has them. The engine
 * has the same list (`core/src/session_text.rs`); tests hold what reads or writes cookies
 * against it.
 */
const ATTRIBUTES = ['originalMaxAge', 'partitioned', 'priority', 'expires', 'secure', 'httpOnly', 'domain', 'path', 'sameSite'];

/** Whether a cookie is the stored one, its expiry aside. */
function isSame(cookie, stored) {
  return cookie.originalMaxAge === stored.originalMaxAge && cookie.path === stored.path &&
    cookie.httpOnly === stored.httpOnly && cookie.secure === stored.secure &&
    cookie.sameSite === stored.sameSite && cookie.domain === stored.domain &&
    cookie.priority === stored.priority && cookie.partitioned === stored.partitioned;
}

module.exports = { ATTRIBUTES, isSame };
