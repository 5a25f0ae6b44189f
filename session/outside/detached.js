'use strict';

/** @import { Request, Store } from '../types' */

const REQUEST_SESSION = require('../request/key');

/**
 * Makes a request of what a program has of one, with a place for a session of its own: the session that
 * the program's request has stays as it is.
 *
 * @param {any} from a request of Node.js, or an object with `headers`; a `Headers` or another object with
 *   `get`; an object of headers; or the text of a Cookie header
 * @param {Store} store
 * @returns {Request} one that inherits from `from`, if that is a request of Node.js. Any other has nothing
 *   but the Cookie header.
 * @throws {TypeError} if `from` is something else
 */
function detached(from, store) {
  const isOfNode = isRequest(from);
  const cookie = isOfNode ? from.headers.cookie : cookieHeader(from);
  if (cookie !== undefined && cookie !== null && typeof cookie !== 'string') throw new TypeError('sessions.load: the Cookie header must be a string');
  const req = isOfNode ? Object.create(from) : { headers: { cookie: cookie ?? undefined } };
  const own = { session: undefined, sessionID: undefined, sessionStore: store, [REQUEST_SESSION]: undefined };
  return Object.defineProperties(req, Object.getOwnPropertyDescriptors(own));
}

/**
 * Whether an object is a request of Node.js, of HTTP/1 or HTTP/2: that of a browser.
 * @param {any} from
 */
function isRequest(from) {
  return isObject(from) && 'httpVersion' in from && isObject(from.headers);
}

module.exports = { detached, isPlain, isRequest };

/**
 * Returns the Cookie header of what is no request of Node.js.
 *
 * @param {any} from
 * @returns {unknown} undefined or null for none
 * @throws {TypeError} if `from` cannot have one
 */
function cookieHeader(from) {
  if (typeof from === 'string') return from;
  const headers = isObject(from) && from.headers !== undefined ? from.headers : from;
  if (isObject(headers) && typeof headers.get === 'function') return headers.get('cookie');
  if (!isPlain(headers)) throw new TypeError('sessions.load takes a request, its headers, or the text of its Cookie header');
  const name = Object.keys(headers).find((each) => each.toLowerCase() === 'cookie' && headers[each] !== undefined);
  return name && headers[name];
}

/**
 * Whether an object can be one of headers: a promise and a socket cannot.
 * @param {any} value
 */
function isPlain(value) {
  const prototype = isObject(value) && Object.getPrototypeOf(value);
  return prototype === null || (isObject(prototype) && Object.getPrototypeOf(prototype) === null && !Array.isArray(value));
}

/** @param {any} value */
function isObject(value) {
  return typeof value === 'object' && value !== null;
}
