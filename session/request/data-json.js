'use strict';

/** @import { SessionData } from '../types' */

/** Up to this many keys, V8 keeps the properties of an object in a form that is turned into JSON quickly. */
const FEW_KEYS = 64;

/**
 * Returns the JSON of a session's data. It is compared to see whether they have changed, so the
 * cookie is left out, whose expiry changes with each request.
 *
 * @param {SessionData} session
 * @param {string} [omitted] another key that is left out
 * @returns {string} empty if the session has no JSON
 * @throws what `JSON.stringify` throws
 */
function dataJSON(session, omitted = undefined) {
  const hasNoToJSON = typeof session.toJSON !== 'function';
  const keys = Object.keys(session);
  if (hasNoToJSON && keys.length <= FEW_KEYS) return JSON.stringify(withoutCookie(session, keys, omitted));
  const canCut = hasNoToJSON && keys[0] === 'cookie' && (omitted === undefined || !keys.includes(omitted));
  return (canCut ? cutOutCookie(session) : undefined) ?? omitCookie(session, omitted) ?? '';
}

module.exports = dataJSON;

/**
 * Makes the JSON of a session and cuts the cookie out of it.
 *
 * @param {SessionData} session
 * @returns {string | undefined} undefined if the JSON does not begin with the cookie
 */
function cutOutCookie(session) {
  const start = `{"cookie":${JSON.stringify(session.cookie)},`;
  const text = JSON.stringify(session);
  return text.startsWith(start) ? `{${text.slice(start.length)}` : undefined;
}

/**
 * Returns a copy of a session without the cookie. The session itself keeps the cookie, because
 * getters and `toJSON` methods of the data may read it.
 *
 * @param {SessionData} session
 * @param {string[]} keys the session's own enumerable keys
 * @param {string | undefined} omitted
 */
function withoutCookie(session, keys, omitted) {
  /** @type {Record<string, any>} */
  const copy = {};
  for (const key of keys) {
    // An assignment would change the prototype of the copy.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: session[key], enumerable: true });
    else if (key !== 'cookie' && key !== omitted) copy[key] = session[key];
  }
  return copy;
}

/**
 * Makes the JSON of any session without the cookie. This is slow, because `JSON.stringify` calls
 * the function for each value.
 *
 * @param {SessionData} session
 * @param {string | undefined} omitted
 * @returns {string | undefined}
 */
function omitCookie(session, omitted) {
  /** What has the data: the session, or what its `toJSON` has returned. */
  let data;
  return JSON.stringify(session, function omit(key, value) {
    data ??= value;
    return (this === session && key === 'cookie') || (this === data && key === omitted) ? undefined : value;
  });
}
