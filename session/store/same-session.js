'use strict';

const { isDeepStrictEqual } = require('node:util');
const comparableJSON = require('../request/comparable-json');

/**
 * Returns whether two texts are JSON of sessions with the same data, as JavaScript reads them: without
 * `cookie` and `_meta`. They may differ in white space, the order of keys, escapes, and forms of
 * numbers. What JavaScript cannot tell apart, such as digits of a number that it rounds, no request
 * could keep apart either.
 *
 * @param {string} one
 * @param {string} other
 */
function isSameSession(one, other) {
  const [data, otherData] = [one, other].map(dataOf);
  return data !== undefined && isDeepStrictEqual(data, otherData);
}

module.exports = isSameSession;

/**
 * Returns the data of a session.
 *
 * @param {string} text
 * @returns {object | undefined} undefined if the text is not the JSON of an object, or is a pointer
 */
function dataOf(text) {
  let session;
  try {
    session = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof session !== 'object' || session === null || Array.isArray(session)) return undefined;
  // A session has such numbers as JSON has: not -0, for example.
  const data = comparableJSON(session);
  return data === undefined ? undefined : JSON.parse(data);
}
