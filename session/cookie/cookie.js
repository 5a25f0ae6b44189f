'use strict';

const deprecate = require('depd')('express-session');
const serialize = require('./serialize');

/**
 * The cookie of a session: its attributes, and when it expires.
 *
 * Times are in ms. `originalMaxAge` is the lifetime the cookie was last given;
 * `maxAge` is what is left of it now.
 *
 * @param {object} [options] initial attributes
 * @throws {TypeError} if `options` is given and is no object
 */
function Cookie(options) {
  if (options && typeof options !== 'object') {
    throw new TypeError('argument options must be a object');
  }
  // In the order in which a cookie shows its fields.
  this.path = '/';
  this.maxAge = null;
  this.httpOnly = true;
  // Inherited ones too: options may be another cookie.
  for (const name in options) {
    if (!IGNORED_OPTIONS.has(name)) this[name] = options[name];
  }

  if (this.originalMaxAge === undefined || this.originalMaxAge === null) this.originalMaxAge = this.maxAge;
}

/**
 * Names that a cookie does not take over: what it computes, and what, stored, would give it
 * another prototype, without methods, and without HttpOnly in its header.
 */
const IGNORED_OPTIONS = new Set(['data', '__proto__']);

/**
 * The cookie of a stored session. `expires` may be text or a Date; `originalMaxAge`
 * stays what it was, though setting `expires` would rewrite it.
 *
 * @param {object} stored
 * @returns {Cookie}
 */
function reviveCookie(stored) {
  const expires = stored.expires;
  const originalMaxAge = stored.originalMaxAge;
  const date = typeof expires === 'string' ? new Date(expires) : expires;
  // Of a cookie that a store has not turned into JSON, or a damaged one, its fields count.
  const isPlainData = typeof stored === 'object' && date !== undefined && !('maxAge' in stored || '_expires' in stored);
  if (isPlainData && hasPlainTimes()) return makeCookie(stored, date, originalMaxAge);
  const cookie = new Cookie(stored);
  if (date !== expires) cookie.expires = date;
  cookie.originalMaxAge = originalMaxAge;
  return cookie;
}

/**
 * A cookie with these attributes, none of which is one that a cookie computes.
 *
 * @param {object} attributes those which stand for a time are left out
 * @param {any} expires
 * @param {any} originalMaxAge
 * @returns {Cookie}
 */
function makeCookie(attributes, expires, originalMaxAge) {
  const cookie = new CookieFields(expires, originalMaxAge);
  for (const name in attributes) {
    // Those that nearly every cookie has by their names, which is quicker.
    if (name === 'path') cookie.path = attributes.path;
    else if (name === 'httpOnly') cookie.httpOnly = attributes.httpOnly;
    else if (name !== 'expires' && name !== 'originalMaxAge' && !IGNORED_OPTIONS.has(name)) cookie[name] = attributes[name];
  }
  return cookie;
}

/** The fields that each cookie has, in the same order. */
function CookieFields(expires, originalMaxAge) {
  this.path = '/';
  this._expires = expires;
  this.originalMaxAge = originalMaxAge;
  this.httpOnly = true;
}

/**
 * Lets the lifetime of a cookie begin at a moment that is over, as if the cookie had been
 * touched then.
 *
 * @param {Cookie} cookie
 * @param {number} time in ms since the epoch
 * @param {number | null | undefined} lifetime in ms; a cookie without one stays as it is
 */
function startLifetimeAt(cookie, time, lifetime) {
  if (typeof lifetime !== 'number') return;
  cookie._expires = new Date(time + lifetime);
  cookie.originalMaxAge = cookie._expires.valueOf() - time;
}

// A plain object, and its accessors enumerable: that is how a cookie has always
// looked when it is logged, copied or walked through.
Cookie.prototype = {
  /** Date or null. Setting it starts a new lifetime. */
  get expires() {
    return this._expires;
  },

  set expires(date) {
    this._expires = date;
    this.originalMaxAge = this.maxAge;
  },

  /** Ms left, or what stands in `expires` if that is no Date. */
  get maxAge() {
    const { expires } = this;
    return expires instanceof Date ? expires.valueOf() - Date.now() : expires;
  },

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

  /** What is stored with the session and written into Set-Cookie. */
  get data() {
    const { originalMaxAge, partitioned, priority, secure, httpOnly, domain, path, sameSite } = this;
    const expires = this._expires;
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite };
  },

  /**
   * A Set-Cookie header with this cookie's attributes.
   * @param {string} name
   * @param {string} value
   * @returns {string}
   */
  serialize(name, value) {
    return serialize(name, value, this.data);
  },

  toJSON() {
    return this.data;
  },
};

CookieFields.prototype = Cookie.prototype;

// Programs replace methods and accessors at any time.
const { prototype } = Cookie;
const { toJSON } = prototype;
const { getOwnPropertyDescriptor, getPrototypeOf, prototype: { hasOwnProperty } } = Object;
const [data, expires, maxAge] = ['data', 'expires', 'maxAge'].map((name) => getOwnPropertyDescriptor(prototype, name));

/** Whether the times of a cookie, or of cookies at all, do what this file says. */
function hasPlainTimes(cookie = prototype) {
  const { get: getExpires, set: setExpires } = getOwnPropertyDescriptor(prototype, 'expires') || {};
  const { get: getMaxAge, set: setMaxAge } = getOwnPropertyDescriptor(prototype, 'maxAge') || {};
  return getExpires === expires.get && setExpires === expires.set && getMaxAge === maxAge.get && setMaxAge === maxAge.set &&
    (cookie === prototype || (getPrototypeOf(cookie) === prototype &&
      !(hasOwnProperty.call(cookie, 'expires') || hasOwnProperty.call(cookie, 'maxAge'))));
}

/** Whether the JSON of a cookie, or of cookies at all, is what this file says. */
function hasPlainJSON(cookie = prototype) {
  const { get } = getOwnPropertyDescriptor(prototype, 'data') || {};
  return get === data.get && Boolean(cookie) && cookie.toJSON === toJSON &&
    (cookie === prototype || (getPrototypeOf(cookie) === prototype && !hasOwnProperty.call(cookie, 'data')));
}

module.exports = { Cookie, reviveCookie, makeCookie, startLifetimeAt, hasPlainTimes, hasPlainJSON };
