'use strict';

const { isDate } = require('node:util').types;
const native = require('../native/load');

const MESSAGES = native.cookieErrors();
const MALFORMED_URI = MESSAGES.indexOf('URI malformed');

const PRIORITIES = new Map([['low', 1], ['medium', 2], ['high', 3]]);
const SAME_SITES = new Map([[true, 3], ['lax', 1], ['none', 2], ['strict', 3]]);
const INVALID = 7;

const { getTime } = Date.prototype;

/**
 * A Set-Cookie header, as npm `cookie` 0.7.2 writes it.
 *
 * Programs pass anything here, so each thing is read, checked by the engine and
 * written before the next is read, as in that package.
 *
 * @param {string} name
 * @param {string} value
 * @param {object} [options] `maxAge` here is in seconds, as in that package
 * @returns {string}
 * @throws {TypeError} naming the argument or option that is invalid
 */
function serialize(name, value, options) {
  const encode = (options && options.encode) || encodeURIComponent;
  if (typeof encode !== 'function') throw new TypeError('option encode is invalid');
  serializedPart({ name: `${name}` });
  const encoded = encode(value);
  serializedPart({ value: `${encoded}` });
  let header = name + '=' + encoded;
  if (!options) return header;

  if (options.maxAge !== undefined && options.maxAge !== null) {
    header += serializedPart({ bits: native.COOKIE_MAX_AGE, maxAge: Math.floor(options.maxAge) });
  }
  if (options.domain) {
    serializedPart({ bits: native.COOKIE_DOMAIN, domain: `${options.domain}` });
    header += '; Domain=' + options.domain;
  }
  if (options.path) {
    serializedPart({ bits: native.COOKIE_PATH, path: `${options.path}` });
    header += '; Path=' + options.path;
  }
  if (options.expires) header += expiry(options.expires);
  if (options.httpOnly) header += serializedPart({ bits: native.COOKIE_HTTP_ONLY });
  if (options.secure) header += serializedPart({ bits: native.COOKIE_SECURE });
  if (options.partitioned) header += serializedPart({ bits: native.COOKIE_PARTITIONED });
  if (options.priority) header += serializedPart({ bits: priorityBits(options.priority) });
  if (options.sameSite) header += serializedPart({ bits: sameSiteBits(options.sameSite) });
  return header;
}

/** Writes the session cookies of one `session()`. */
class CookieWriter {
  /** @param {string} name of the cookie */
  constructor(name) {
    this.name = name;
    /** What stood around the last value, and for which attributes. */
    this.last = { start: '', end: '' };
  }

  /**
   * `serialize` of the signed `sid`, in one step where the attributes are what they are
   * meant to be.
   *
   * @param {string} sid
   * @param {import('./keyring')} keyring
   * @param {object} options a cookie's `data`
   * @returns {string}
   * @throws as `serialize` and `Keyring#sign`
   */
  write(sid, keyring, options) {
    const value = isPlain(options) ? native.signedCookieValue(sid, keyring.preparedKeys()) : undefined;
    const header = typeof value === 'string' && this.template(options);
    // Of several things that are wrong, `serialize` finds the first.
    return header ? header.start + value + header.end : serialize(this.name, `s:${keyring.sign(sid)}`, options);
  }

  /**
   * What stands around the value; undefined if that is invalid. It is the same for all
   * sessions that expire in the same second.
   */
  template({ domain, expires, httpOnly, partitioned, path, priority, sameSite, secure }) {
    const bits = (domain ? native.COOKIE_DOMAIN : 0) |
      (path ? native.COOKIE_PATH : 0) |
      (expires ? native.COOKIE_EXPIRES : 0) |
      (httpOnly ? native.COOKIE_HTTP_ONLY : 0) |
      (secure ? native.COOKIE_SECURE : 0) |
      (partitioned ? native.COOKIE_PARTITIONED : 0) |
      (priority ? priorityBits(priority) : 0) |
      (sameSite ? sameSiteBits(sameSite) : 0);
    const { last, name } = this;
    const time = expires ? getTime.call(expires) : 0;
    const second = Math.floor(time / 1000);
    if (last.bits === bits && last.second === second && last.domain === domain && last.path === path) return last;
    const start = `${name}=`;
    const header = native.serializeCookie(name, '', bits, NaN, domain || '', path || '', time);
    if (typeof header !== 'string') return undefined;
    this.last = { start, end: header.slice(start.length), bits, second, domain, path };
    return this.last;
  }
}

module.exports = serialize;
module.exports.CookieWriter = CookieWriter;

/** What the engine writes after `n=`, which stands in for what is not asked about. */
function serializedPart({ name = 'n', value = '', bits = 0, maxAge = NaN, domain = '', path = '', expires = NaN }) {
  const encoded = bits | native.COOKIE_ENCODED;
  return headerOr(native.serializeCookie(name, value, encoded, maxAge, domain, path, expires)).slice(2);
}

/** The header, unless it is the number of an error. */
function headerOr(header) {
  if (typeof header === 'string') return header;
  const Kind = header === MALFORMED_URI ? URIError : TypeError;
  throw new Kind(MESSAGES[header]);
}

function expiry(expires) {
  if (isPlainDate(expires)) {
    return serializedPart({ bits: native.COOKIE_EXPIRES, expires: getTime.call(expires) });
  }
  // A Date of another realm or of a derived class writes itself.
  if (Object.prototype.toString.call(expires) !== '[object Date]' || isNaN(expires.valueOf())) {
    throw new TypeError('option expires is invalid');
  }
  return '; Expires=' + expires.toUTCString();
}

function isPlain(options) {
  if (!options) return false;
  const { domain, encode, expires, maxAge, path } = options;
  return !encode && (maxAge === undefined || maxAge === null) &&
    (!domain || typeof domain === 'string') &&
    (!path || typeof path === 'string') &&
    (!expires || isPlainDate(expires));
}

/** A Date that has nothing of its own, so that the engine may write it. */
function isPlainDate(date) {
  return date instanceof Date && date.constructor === Date &&
    date.valueOf === Date.prototype.valueOf && !date[Symbol.toStringTag] && isDate(date);
}

function priorityBits(priority) {
  return numberOf(priority, PRIORITIES) << native.COOKIE_PRIORITY_SHIFT;
}

function sameSiteBits(sameSite) {
  return numberOf(sameSite, SAME_SITES) << native.COOKIE_SAME_SITE_SHIFT;
}

function numberOf(word, numbers) {
  return numbers.get(typeof word === 'string' ? word.toLowerCase() : word) || INVALID;
}
