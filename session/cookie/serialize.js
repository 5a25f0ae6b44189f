'use strict';

const { isDate } = require('node:util').types;
const native = require('../native/load');

/** @typedef {import('../types').CookieData} CookieData */

/**
 * The options of npm `cookie`.
 *
 * @typedef {CookieData & { encode?: (value: string) => string, maxAge?: number | null }} SerializeOptions
 */

/** The messages of the addon's errors, by their numbers. */
const MESSAGES = native.cookieErrors();

/** @type {Map<unknown, number>} */
const PRIORITIES = new Map([['low', 1], ['medium', 2], ['high', 3]]);
const SAME_SITES = new Map(/** @type {Array<[unknown, number]>} */ ([[true, 3], ['lax', 1], ['none', 2], ['strict', 3]]));
/** The number that stands for any other value of these two attributes. */
const INVALID = 7;

const { getTime } = Date.prototype;

/**
 * Returns the text of a Set-Cookie header, as npm `cookie` 0.7.2 writes it.
 *
 * Programs pass any values here, and their getters and conversions to text are code. So each
 * value is read, checked by the addon and written before the next one is read, as in that
 * package.
 *
 * @param {string} name
 * @param {string} value
 * @param {SerializeOptions} [options] `maxAge` is in seconds
 * @returns {string}
 * @throws {TypeError} naming the argument or option that is invalid
 * @throws {URIError} for a value that `encodeURIComponent` refuses
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
  if (options.expires) header += serializedExpires(/** @type {Date} */ (options.expires));
  if (options.httpOnly) header += serializedPart({ bits: native.COOKIE_HTTP_ONLY });
  if (options.secure) header += serializedPart({ bits: native.COOKIE_SECURE });
  if (options.partitioned) header += serializedPart({ bits: native.COOKIE_PARTITIONED });
  if (options.priority) header += serializedPart({ bits: priorityBits(options.priority) });
  if (options.sameSite) header += serializedPart({ bits: sameSiteBits(options.sameSite) });
  return header;
}

/**
 * What a header has before and after its value, and the attributes that it was made of.
 *
 * @typedef {object} Template
 * @property {string} start
 * @property {string} end
 * @property {number} bits
 * @property {number} second of `Expires`, since the epoch
 * @property {string | undefined} domain
 * @property {string | undefined} path
 */

/** Writes the session cookies of one `session()`. */
class CookieWriter {
  /** @param {string} name of the cookie */
  constructor(name) {
    this.name = name;
    /**
     * The template of the last cookie. Before the first one, its bits are those of no cookie.
     * @type {Template}
     */
    this.last = { start: '', end: '', bits: -1, second: -1, domain: undefined, path: undefined };
  }

  /**
   * Returns what `serialize` makes of the signed `sid`. One call to the addon does it if no
   * attribute has code of a program that `serialize` would run.
   *
   * @param {string} sid
   * @param {import('./keyring')} keyring
   * @param {CookieData} options the `data` of a cookie
   * @returns {string}
   * @throws as `serialize` and `Keyring#sign`
   */
  write(sid, keyring, options) {
    const value = isPlain(options) ? native.signedCookieValue(sid, keyring.preparedKeys()) : undefined;
    const template = typeof value === 'string' ? this.template(options) : undefined;
    // If several values are invalid, `serialize` throws the error of the first.
    return template ? template.start + value + template.end : serialize(this.name, `s:${keyring.sign(sid)}`, options);
  }

  /**
   * Returns the template of a cookie with these attributes, or undefined if one of them is
   * invalid. All sessions whose cookies expire in the same second share it.
   *
   * @param {CookieData} attributes for which `isPlain` is true
   * @returns {Template | undefined}
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
    const time = expires ? getTime.call(/** @type {Date} */ (expires)) : 0;
    const second = Math.floor(time / 1000);
    if (last.bits === bits && last.second === second && last.domain === domain && last.path === path) return last;
    const start = `${name}=`;
    const header = native.serializeCookie(name, '', bits, NaN, domain || '', path || '', time);
    if (typeof header !== 'string') return undefined;
    this.last = { start, end: header.slice(start.length), bits, second, domain, path };
    return this.last;
  }
}

module.exports = Object.assign(serialize, { CookieWriter });

/**
 * Returns what the addon writes for one attribute. It has the addon check a name or a value.
 *
 * @param {{ name?: string, value?: string, bits?: number, maxAge?: number, domain?: string, path?: string, expires?: number }} part
 *   `value` is encoded, `maxAge` in seconds, and `expires` in ms since the epoch
 * @throws {TypeError}
 */
function serializedPart({ name = 'n', value = '', bits = 0, maxAge = NaN, domain = '', path = '', expires = NaN }) {
  const header = native.serializeCookie(name, value, bits, maxAge, domain, path, expires);
  if (typeof header !== 'string') throw new TypeError(MESSAGES[header]);
  // `n=` stands before an attribute.
  return header.slice(2);
}

/**
 * Returns what `serialize` writes for `Expires`. A TypeError about a method of a strange value
 * names the variable `expires`, as in npm `cookie`.
 *
 * @param {Date} expires or anything that a program has assigned
 * @throws {TypeError}
 */
function serializedExpires(expires) {
  if (isPlainDate(expires)) {
    return serializedPart({ bits: native.COOKIE_EXPIRES, expires: getTime.call(expires) });
  }
  // A Date of another realm, or of a derived class, has methods of its own.
  if (Object.prototype.toString.call(expires) !== '[object Date]' || isNaN(expires.valueOf())) {
    throw new TypeError('option expires is invalid');
  }
  return '; Expires=' + expires.toUTCString();
}

/**
 * Returns whether the addon can write these attributes without code of a program.
 *
 * @param {SerializeOptions} options
 * @returns {boolean}
 */
function isPlain(options) {
  if (!options) return false;
  const { domain, encode, expires, maxAge, path } = options;
  return !encode && (maxAge === undefined || maxAge === null) &&
    (!domain || typeof domain === 'string') &&
    (!path || typeof path === 'string') &&
    (!expires || isPlainDate(expires));
}

/**
 * Returns whether a value is a Date without properties or methods of its own.
 *
 * @param {any} date
 * @returns {boolean}
 */
function isPlainDate(date) {
  return date instanceof Date && date.constructor === Date &&
    date.valueOf === Date.prototype.valueOf && !date[Symbol.toStringTag] && isDate(date);
}

/** @param {unknown} priority */
function priorityBits(priority) {
  return numberOf(priority, PRIORITIES) << native.COOKIE_PRIORITY_SHIFT;
}

/** @param {unknown} sameSite */
function sameSiteBits(sameSite) {
  return numberOf(sameSite, SAME_SITES) << native.COOKIE_SAME_SITE_SHIFT;
}

/**
 * @param {unknown} word
 * @param {Map<unknown, number>} numbers
 */
function numberOf(word, numbers) {
  return numbers.get(typeof word === 'string' ? word.toLowerCase() : word) || INVALID;
}
