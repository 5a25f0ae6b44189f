'use strict';

/** As many keys as an object has that V8 turns into JSON quickly. */
const FEW = 64;

/**
 * A text that changes when the session's data do. The cookie is left out, as its
 * expiry moves with every request.
 *
 * @param {object} session
 * @returns {string} JSON without the cookie; empty if it has none
 * @throws whatever `JSON.stringify` throws
 */
function dataJSON(session) {
  const canCut = typeof session.toJSON !== 'function';
  const keys = Object.keys(session);
  if (canCut && keys.length <= FEW) return JSON.stringify(copyOf(session, keys));
  const rest = canCut && keys[0] === 'cookie' ? restOf(session) : undefined;
  return rest ?? withoutCookie(session) ?? '';
}

module.exports = dataJSON;

/** What follows the cookie in the JSON of a session; undefined if that begins otherwise. */
function restOf(session) {
  const start = `{"cookie":${JSON.stringify(session.cookie)},`;
  const text = JSON.stringify(session);
  return text.startsWith(start) ? `{${text.slice(start.length)}` : undefined;
}

/**
 * What is in the session beside the cookie, which stays where it is: getters and `toJSON`
 * of the data may look at it.
 */
function copyOf(session, keys) {
  const copy = {};
  for (const key of keys) {
    // Not by an assignment, which would give the copy another prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: session[key], enumerable: true });
    else if (key !== 'cookie') copy[key] = session[key];
  }
  return copy;
}

/** The same for every kind of session: but a replacer is called for each value. */
function withoutCookie(session) {
  return JSON.stringify(session, function omit(key, value) {
    return this === session && key === 'cookie' ? undefined : value;
  });
}
