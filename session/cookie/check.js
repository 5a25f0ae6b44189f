'use strict';

const { isProxy } = require('node:util').types;
const { Cookie } = require('./cookie');
const native = require('../native/load');
const serialize = require('./serialize');

/**
 * Refuses what would fail at every response: makes a cookie of the options and writes it,
 * as a response does, and reads it, as the next request does.
 *
 * @param {string} name of the session cookie
 * @param {any} options of the cookie; what a function gives is not known yet
 * @throws {TypeError} in the words that the response would have for it
 */
function check(name, options) {
  const given = typeof options === 'function' || isProxy(options) ? {} : knownOptions(options);
  const cookie = new Cookie(given);
  const { expires } = cookie;
  // As the end of the response will.
  cookie.maxAge = cookie.originalMaxAge;
  const data = { ...cookie.data };
  if (data.sameSite === 'auto') data.sameSite = undefined;
  // A Date that has no time is the response's to refuse, as with the original.
  if (expires instanceof Date && Object.values(given).includes(expires)) data.expires = undefined;
  const header = serialize(name, 'value', data);
  // No key signs it, so what is read is refused as unsigned; what is not found is absent.
  const isRead = native.unsignCookie(header, name, native.prepareKeys([])) === native.UNSIGNED_COOKIE;
  if (!isRead) throw new TypeError('argument name is invalid');
}

module.exports = check;

/**
 * The options that stay what they are until a program assigns others. What a getter gives,
 * or an object that is to be turned into text, may be known in a request only.
 */
function knownOptions(options) {
  // The cookie refuses it.
  if (typeof options !== 'object') return options;
  const found = Object.create(null);
  for (const name in options) {
    const descriptor = descriptorOf(options, name);
    if (!descriptor || !('value' in descriptor)) continue;
    const { value } = descriptor;
    if ((name === 'domain' || name === 'path') && Object(value) === value) continue;
    // The cookie would warn of it, as it will in each request.
    found[name === 'maxAge' && value instanceof Date ? 'expires' : name] = value;
  }
  return found;
}

/** The descriptor of a property that an object has or inherits. */
function descriptorOf(object, name) {
  for (let holder = object; holder !== null; holder = Object.getPrototypeOf(holder)) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, name);
    if (descriptor) return descriptor;
  }
  return undefined;
}
