'use strict';

const { isProxy } = require('node:util').types;
const { Cookie } = require('./cookie');
const native = require('../native/load');
const serialize = require('./serialize');

/**
 * @typedef {import('../types').CookieOptions} CookieOptions
 * @typedef {import('../types').Request} Request
 */

/** The options whose attributes decide whether browsers refuse a cookie. */
const READ_BY_BROWSERS = ['domain', 'path', 'sameSite', 'secure'];

/**
 * Refuses a name and options with which every response would fail. It makes a cookie of the
 * options, writes the Set-Cookie header as a response does, and reads it as the next request does.
 *
 * The result of a function in place of the options is known in a request only, so it is not
 * checked.
 *
 * @param {string} name of the session cookie
 * @param {CookieOptions | ((req: Request) => CookieOptions)} options of the cookie
 * @returns {string | undefined} the header, with a short value; undefined if its attributes are
 *   known in a request only
 * @throws {TypeError} with the message that the response would fail with
 */
function check(name, options) {
  const isOpaque = typeof options === 'function' || isProxy(options);
  const known = isOpaque ? {} : knownOptions(options);
  const cookie = new Cookie(known);
  const { expires } = cookie;
  // The end of a response starts the lifetime anew in the same way.
  cookie.maxAge = cookie.originalMaxAge;
  const data = { ...cookie.data };
  if (data.sameSite === 'auto') data.sameSite = undefined;
  // express-session accepts an invalid Date here, and its response fails.
  if (expires instanceof Date && Object.values(known).includes(expires)) data.expires = undefined;
  const header = serialize(name, 'value', data);
  // Without keys, a cookie that is found counts as unsigned. NO_COOKIE means that the name is
  // one under which no request finds a cookie.
  const isRead = native.unsignCookie(header, name, native.prepareKeys([])) === native.UNSIGNED_COOKIE;
  if (!isRead) throw new TypeError('argument name is invalid');
  return isOpaque || READ_BY_BROWSERS.some((option) => option in options && !(option in known)) ? undefined : header;
}

module.exports = check;

/**
 * Returns the options that stay the same until a program assigns other values. The value of a
 * getter, and the text that an object is converted to, may be known in a request only.
 *
 * @param {CookieOptions} options
 * @returns {CookieOptions}
 */
function knownOptions(options) {
  // `Cookie` throws for these.
  if (typeof options !== 'object') return options;
  const known = Object.create(null);
  for (const name in options) {
    const descriptor = descriptorOf(options, name);
    if (!descriptor || !('value' in descriptor)) continue;
    const { value } = descriptor;
    if ((name === 'domain' || name === 'path') && Object(value) === value) continue;
    // `Cookie` warns of a Date in `maxAge`. As each request will warn, the check does not.
    known[name === 'maxAge' && value instanceof Date ? 'expires' : name] = value;
  }
  return known;
}

/**
 * Returns the descriptor of a property that an object has or inherits.
 *
 * @param {object} object
 * @param {string} name
 */
function descriptorOf(object, name) {
  for (let holder = object; holder !== null; holder = Object.getPrototypeOf(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, name);
    if (descriptor) return descriptor;
  }
  return undefined;
}
