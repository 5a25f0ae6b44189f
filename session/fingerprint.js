'use strict';

/** As many keys as an object has that V8 turns into JSON quickly. */
const PIECE = 64;

/**
 * A text that changes when the session's data do. The cookie is left out, as its
 * expiry moves with every request.
 *
 * @param {object} session
 * @returns {string} JSON without the cookie; empty if it has none
 * @throws whatever `JSON.stringify` throws
 */
function fingerprint(session) {
  if (typeof session.toJSON === 'function') return withoutCookie(session) ?? '';
  const keys = Object.keys(session);
  return keys.length <= PIECE ? JSON.stringify(copyOf(session, keys)) : pieces(session, keys);
}

module.exports = fingerprint;

/** The JSON of a session that has many keys. */
function pieces(session, keys) {
  const rest = keys[0] === 'cookie' ? restOf(session) : undefined;
  if (rest !== undefined) return rest;
  const texts = [];
  for (let start = 0; start < keys.length; start += PIECE) {
    const text = JSON.stringify(copyOf(session, keys.slice(start, start + PIECE)));
    if (text !== '{}') texts.push(text.slice(1, -1));
  }
  return `{${texts.join(',')}}`;
}

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
    if (key === '__proto__') define(copy, key, session[key]);
    else if (key !== 'cookie') copy[key] = session[key];
  }
  return copy;
}

/** Not by an assignment, which would give the object another prototype. */
function define(object, key, value) {
  Object.defineProperty(object, key, { value, enumerable: true });
}

/** The same for every kind of session: but a replacer is called for each value. */
function withoutCookie(session) {
  return JSON.stringify(session, function omit(key, value) {
    return this === session && key === 'cookie' ? undefined : value;
  });
}
