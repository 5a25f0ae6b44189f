'use strict';

/** @import { SessionData } from '../types' */

const { Session } = require('../request/session');

/**
 * Returns whether the engine may store a session as two texts, the JSON of the cookie and that
 * of the data. It puts the cookie before the first key that is no array index. So this must be
 * the place of the cookie in the JSON of the session, and the session must have no key that it
 * would not take over when it is loaded.
 *
 * @param {SessionData} session
 */
function hasStorableParts(session) {
  if (session.toJSON !== undefined) return false;
  let hasCookie = false;
  for (const key in session) {
    if (key in Session.prototype) return false;
    if (key === 'cookie') hasCookie = true;
    else if (!hasCookie && !isArrayIndex(key)) return false;
  }
  return hasCookie;
}

module.exports = hasStorableParts;

/**
 * Returns whether a key is an array index (ECMA-262, section 6.1.7). JavaScript lists these first.
 * @param {string} key
 */
function isArrayIndex(key) {
  return String(Number(key) >>> 0) === key && key !== '4294967295';
}
