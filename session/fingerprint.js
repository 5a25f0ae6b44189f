'use strict';

/**
 * A text that changes when the session's data do. The cookie is left out, as its
 * expiry moves with every request.
 *
 * @param {object} session
 * @returns {string} JSON without the opening brace and the cookie
 * @throws whatever `JSON.stringify` throws
 */
function fingerprint(session) {
  const text = JSON.stringify(session);
  if (text === undefined) return '';
  // The cookie is nearly always the first key. Cutting it off is far cheaper than
  // a replacer, which JSON.stringify calls for every value.
  const { cookie } = session;
  if (typeof cookie === 'object' && cookie !== null && typeof session.toJSON !== 'function') {
    const start = `{"cookie":${JSON.stringify(cookie)}`;
    if (text.startsWith(start)) return text.slice(start.length);
  }
  return withoutCookie(session);
}

module.exports = fingerprint;

function withoutCookie(session) {
  const text = JSON.stringify(session, function omit(key, value) {
    return this === session && key === 'cookie' ? undefined : value;
  });
  if (text === undefined) return '';
  return text === '{}' ? '}' : `,${text.slice(1)}`;
}
