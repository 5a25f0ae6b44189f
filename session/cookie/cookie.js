'use strict';

const deprecate = require('depd')('express-session');
const serialize = require('./serialize');

/**
 * @typedef {import('../types').Cookie} Cookie
 * @typedef {import('../types').CookieClass} CookieClass
 * @typedef {import('../types').CookieData} CookieData
 * @typedef {import('../types').CookieOptions} CookieOptions
 */

/**
 * The cookie of a session: its attributes and its expiry.
 *
 * Times are in ms. `originalMaxAge` is the lifetime that the cookie was given last, and `maxAge`
 * is the rest of it.
 *
 * @this {Cookie}
 * @param {CookieOptions | null} [options] the first values of its attributes
 * @throws {TypeError} if `options` is truthy and not an object
 */
function Cookie(options) {
  if (options && typeof options !== 'object') {
    throw new TypeError('argument options must be a object');
  }
  // A cookie that is logged shows its properties in this order.
  this.path = '/';
  this.maxAge = null;
  this.httpOnly = true;
  // Inherited properties count too: the options may be another cookie.
  for (const name in options) {
    if (!IGNORED_OPTIONS.has(name)) this[name] = options[name];
  }

  if (this.originalMaxAge === undefined || this.originalMaxAge === null) this.originalMaxAge = this.maxAge;
}

/**
 * The options that a cookie does not take over. It computes `data`. `__proto__`, which stored
 * data may have, would give it another prototype, so that it had no methods and its header no
 * HttpOnly.
 */
const IGNORED_OPTIONS = new Set(['data', '__proto__']);

/**
 * Makes the cookie of a stored session. Its `originalMaxAge` is the stored one, although an
 * assignment to `expires` changes it.
 *
 * @param {CookieData} stored
 * @returns {Cookie}
 * @throws {TypeError} if `stored` is null, undefined, or truthy and not an object
 */
function reviveCookie(stored) {
  const expires = stored.expires;
  const originalMaxAge = stored.originalMaxAge;
  const date = typeof expires === 'string' ? new Date(expires) : expires;
  // A store may hand out a cookie that was never JSON, or one that is damaged. `Cookie` reads
  // those.
  const isPlainData = typeof stored === 'object' && date !== undefined && !('maxAge' in stored || '_expires' in stored);
  if (isPlainData && hasPlainTimes()) return makeCookie(stored, date, originalMaxAge);
  /** @type {Cookie} */
  const cookie = new Cookie(stored);
  if (date !== expires) cookie.expires = date;
  cookie.originalMaxAge = originalMaxAge;
  return cookie;
}

/**
 * Makes a cookie without the accessors of its class, which is quicker. No attribute may be one
 * that a cookie computes.
 *
 * @param {CookieData} attributes whose `expires` and `originalMaxAge` are ignored
 * @param {Cookie['expires']} expires
 * @param {Cookie['originalMaxAge']} originalMaxAge in ms
 * @returns {Cookie}
 */
function makeCookie(attributes, expires, originalMaxAge) {
  /** @type {Cookie} */
  const cookie = new CookieFields(expires, originalMaxAge);
  for (const name in attributes) {
    // Nearly every cookie has `path` and `httpOnly`, and an assignment to a fixed name is quicker.
    if (name === 'path') cookie.path = attributes.path;
    else if (name === 'httpOnly') cookie.httpOnly = attributes.httpOnly;
    else if (name !== 'expires' && name !== 'originalMaxAge' && !IGNORED_OPTIONS.has(name)) cookie[name] = attributes[name];
  }
  return cookie;
}

/**
 * The properties that each cookie has. They are always added in this order, so that all such
 * cookies are alike for V8.
 *
 * @this {Cookie}
 * @param {Cookie['expires']} expires
 * @param {Cookie['originalMaxAge']} originalMaxAge in ms
 */
function CookieFields(expires, originalMaxAge) {
  this.path = '/';
  this._expires = expires;
  this.originalMaxAge = originalMaxAge;
  this.httpOnly = true;
}

/**
 * Starts the lifetime of a cookie at a given time, as a touch at that time would have done. A
 * cookie without a lifetime stays as it is.
 *
 * @param {Cookie} cookie
 * @param {number} time in ms since the epoch
 * @param {number | null | undefined} lifetime in ms
 */
function startLifetimeAt(cookie, time, lifetime) {
  if (typeof lifetime !== 'number') return;
  cookie._expires = new Date(time + lifetime);
  cookie.originalMaxAge = cookie._expires.valueOf() - time;
}

/**
 * Whether the lifetime of a stored cookie is over. That does not end a session which the store still has: many
 * stores leave the stored cookie as it is when they touch a session. They would take the session for ended,
 * however, if they got it back with this date.
 *
 * @param {CookieData | null | undefined} cookie
 * @param {number} [now] ms since the epoch
 */
function isStale(cookie, now = Date.now()) {
  const { expires, originalMaxAge } = Object(cookie);
  return typeof originalMaxAge === 'number' && new Date(expires ?? NaN).getTime() <= now;
}

/**
 * Returns a stored cookie with a lifetime that begins now; the same one if it has no lifetime.
 *
 * @param {CookieData} cookie
 * @param {number} now ms since the epoch
 * @returns {CookieData}
 */
function begunAnew(cookie, now) {
  const { originalMaxAge } = Object(cookie);
  const expires = new Date(now + originalMaxAge);
  const hasLifetime = typeof originalMaxAge === 'number' && !Number.isNaN(expires.getTime());
  return hasLifetime ? { ...cookie, expires: expires.toISOString() } : cookie;
}

/**
 * Returns a stored cookie whose lifetime is not over.
 *
 * @param {CookieData} cookie
 * @param {number} now ms since the epoch
 * @returns {CookieData}
 */
function livingCookie(cookie, now) {
  return isStale(cookie, now) ? begunAnew(cookie, now) : cookie;
}

// The prototype is a plain object with enumerable accessors, as that of express-session is:
// programs see that when they log or copy a cookie, or list its keys.
Cookie.prototype = /** @type {ThisType<Cookie>} */ ({
  /** The end of the lifetime, or null. An assignment starts a new lifetime. */
  get expires() {
    return this._expires;
  },

  /** @param {Date | null | undefined} date */
  set expires(date) {
    this._expires = date;
    this.originalMaxAge = this.maxAge;
  },

  /** The rest of the lifetime in ms, or the value of `expires` if that is not a Date. */
  get maxAge() {
    const { expires } = this;
    return expires instanceof Date ? expires.valueOf() - Date.now() : expires;
  },

  /**
   * @param {number | Date | null | undefined} ms
   * @throws {TypeError} if it is truthy and neither a number nor a Date
   */
  set maxAge(ms) {
    if (typeof ms === 'number') {
      this.expires = new Date(Date.now() + ms);
      return;
    }
    if (ms instanceof Date) {
      deprecate('maxAge as Date; pass number of milliseconds instead');
    } else if (ms) {
      throw new TypeError('maxAge must be a number or Date');
    }
    this.expires = ms;
  },

  /** The attributes that are stored with the session and written into Set-Cookie. */
  get data() {
    const { originalMaxAge, partitioned, priority, secure, httpOnly, domain, path, sameSite } = this;
    const expires = this._expires;
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite };
  },

  /**
   * Returns the text of a Set-Cookie header with the attributes of this cookie.
   *
   * @param {string} name
   * @param {string} value which is not signed here
   * @returns {string}
   * @throws {TypeError} if the name or an attribute is invalid
   */
  serialize(name, value) {
    return serialize(name, value, this.data);
  },

  toJSON() {
    return this.data;
  },
});

CookieFields.prototype = Cookie.prototype;

// Programs may replace methods and accessors of cookies at any time. The functions below compare
// them with those that were there when this file was loaded.
const { prototype } = Cookie;
const { toJSON } = prototype;
const { getOwnPropertyDescriptor, getPrototypeOf, prototype: { hasOwnProperty } } = Object;
const [data, expires, maxAge] = /** @type {PropertyDescriptor[]} */ (
  ['data', 'expires', 'maxAge'].map((name) => getOwnPropertyDescriptor(prototype, name))
);

/**
 * Returns whether the accessors `expires` and `maxAge` of a cookie are those of this file.
 *
 * @param {Cookie | undefined} [cookie] without it, the accessors of the class count
 */
function hasPlainTimes(cookie = prototype) {
  const { get: getExpires, set: setExpires } = getOwnPropertyDescriptor(prototype, 'expires') || {};
  const { get: getMaxAge, set: setMaxAge } = getOwnPropertyDescriptor(prototype, 'maxAge') || {};
  return getExpires === expires.get && setExpires === expires.set && getMaxAge === maxAge.get && setMaxAge === maxAge.set &&
    (cookie === prototype || (getPrototypeOf(cookie) === prototype &&
      !(hasOwnProperty.call(cookie, 'expires') || hasOwnProperty.call(cookie, 'maxAge'))));
}

/**
 * Returns whether the JSON of a cookie is made by the functions of this file.
 *
 * @param {Cookie | null | undefined} [cookie] without it, the functions of the class count
 */
function hasPlainJSON(cookie = prototype) {
  const { get } = getOwnPropertyDescriptor(prototype, 'data') || {};
  return get === data.get && !!cookie && cookie.toJSON === toJSON &&
    (cookie === prototype || (getPrototypeOf(cookie) === prototype && !hasOwnProperty.call(cookie, 'data')));
}

module.exports = {
  Cookie: /** @type {CookieClass} */ (/** @type {unknown} */ (Cookie)),
  reviveCookie,
  makeCookie,
  startLifetimeAt,
  isStale,
  begunAnew,
  livingCookie,
  hasPlainTimes,
  hasPlainJSON,
};
