'use strict';

const fast = require('./fast');

/**
 * A text that changes when the session's data do. The cookie is left out, as its
 * expiry moves with every request.
 *
 * @param {object} session
 * @returns {string} JSON without the cookie; empty if it has none
 * @throws whatever `JSON.stringify` throws
 */
function fingerprint(session) {
  const canHide = fast.fingerprint && typeof session.toJSON !== 'function';
  const text = canHide ? hidingCookie(session) : withoutCookie(session);
  return text === undefined ? '' : text;
}

module.exports = fingerprint;

/** JSON leaves out what is undefined, and asks nobody. */
function hidingCookie(session) {
  const { cookie } = session;
  if (cookie === undefined) return JSON.stringify(session);
  try {
    session.cookie = undefined;
  } catch {
    // A program made it read-only.
    return withoutCookie(session);
  }
  try {
    return JSON.stringify(session);
  } finally {
    session.cookie = cookie;
  }
}

/** The same for every kind of session: but a replacer is called for each value. */
function withoutCookie(session) {
  return JSON.stringify(session, function omit(key, value) {
    return this === session && key === 'cookie' ? undefined : value;
  });
}
