'use strict';

const Cookie = require('./cookie');
const fast = require('./fast');

const { hidden } = Cookie;
const { toJSON } = Cookie.prototype;

/**
 * A text that changes when the session's data do. The cookie is left out, as its
 * expiry moves with every request.
 *
 * @param {object} session
 * @returns {string} JSON without the cookie and without the opening brace, as it
 *   stands behind the cookie in a stored text
 * @throws whatever `JSON.stringify` throws
 */
function fingerprint(session) {
  const { cookie } = session;
  const canHide = fast.fingerprint && cookie instanceof Cookie && cookie.toJSON === toJSON && typeof session.toJSON !== 'function';
  // A replacer leaves it out too, but is called for every value.
  const text = canHide ? hiding(cookie, session) : withoutCookie(session);
  return text === undefined ? '' : text.slice(1);
}

module.exports = fingerprint;

function hiding(cookie, session) {
  hidden.cookie = cookie;
  hidden.times = 0;
  let text;
  try {
    text = JSON.stringify(session);
  } finally {
    hidden.cookie = undefined;
  }
  // If the data hold the cookie a second time, there it counts.
  return hidden.times > 1 ? withoutCookie(session) : text;
}

function withoutCookie(session) {
  return JSON.stringify(session, function omit(key, value) {
    return this === session && key === 'cookie' ? undefined : value;
  });
}
