'use strict';

/** @import { Cookie, CookieData, Store, StoredCookie } from '../types' */

const { expiryOf } = require('../cookie/attributes');
const native = require('../native/load');
const { existingEngine } = require('../store/engine-of');

/**
 * The table of each store in which `touchAfter` counts. Middlewares that share a store share it, so
 * that a touch by one of them counts for all, and so does the end of a session.
 *
 * @type {WeakMap<Store, ReturnType<typeof native.createTouched>>}
 */
const tables = new WeakMap();

/**
 * When the sessions of a store were touched last, for one `session()` with the option `touchAfter`.
 *
 * The stored cookie says when its lifetime began. Many stores leave it as it is when they touch a
 * session, and a cookie without a lifetime says nothing. So this process notes its touches in a
 * table of the addon, which is bounded: what it has forgotten counts as long ago.
 */
class Touches {
  /**
   * @param {Store} store
   * @param {number} touchAfter in ms
   */
  constructor(store, touchAfter) {
    const table = tables.get(store) ?? native.createTouched();
    tables.set(store, table);
    this.store = store;
    this.touchAfter = touchAfter;
    this.table = table;
  }

  /**
   * Returns whether a session was touched less than `touchAfter` ago, and lives long enough to be
   * touched in time after that.
   *
   * @param {string} sid
   * @param {StoredCookie} stored
   */
  isFresh(sid, { cookie, expires }) {
    const now = Date.now();
    const lifetime = cookie.originalMaxAge ?? this.ownLifetime();
    if (!(lifetime >= 2 * this.touchAfter)) return false;
    return this.isLate(expires - lifetime, now) || this.isLate(this.table.last(sid), now);
  }

  /** Returns how long sessions live whose cookie does not say it, in ms: NaN if a function of the program says it. */
  ownLifetime() {
    const ttl = existingEngine(this.store)?.ttl ?? Infinity;
    return typeof ttl === 'number' ? ttl : NaN;
  }

  /**
   * Whether a time is less than `touchAfter` ago, and not in the future.
   *
   * @param {number} time in ms since the epoch, NaN for an unknown one
   * @param {number} now
   */
  isLate(time, now) {
    return time <= now && now - time < this.touchAfter;
  }

  /**
   * Notes that a session was touched.
   *
   * @param {string} sid
   * @param {number} time in ms since the epoch
   */
  note(sid, time) {
    this.table.note(sid, time);
  }

  /**
   * Forgets a session, which is touched then by the next request that has it.
   * @param {unknown} sid
   */
  forget(sid) {
    if (typeof sid === 'string') this.table.forget(sid);
  }
}

/**
 * Returns when the lifetime of a cookie has begun that is saved now. A save counts as a touch at
 * that time: after `touch(false)` it prolongs nothing.
 *
 * @param {Cookie | undefined} cookie
 * @returns {number} ms since the epoch; the current time if the cookie does not say it
 */
function beginOf(cookie) {
  const now = Date.now();
  const begin = Number(cookie?.expires ?? NaN) - Number(cookie?.originalMaxAge ?? NaN);
  return begin <= now ? begin : now;
}

/**
 * Returns what `Touches#isFresh` must know of the cookie of a loaded session, before a program or a
 * touch can change it.
 *
 * @param {Cookie | undefined} cookie
 * @returns {StoredCookie | undefined} undefined for a cookie that is not of the usual kind
 */
function storedCookie(cookie) {
  const expires = cookie && expiryOf(cookie, cookie);
  return expires === undefined ? undefined : { cookie: { ...cookie }, expires };
}

/**
 * Returns whether nobody has changed the cookie of a session since it was loaded.
 *
 * @param {Cookie | undefined} cookie
 * @param {StoredCookie} stored
 */
function isUntouched(cookie, stored) {
  return Boolean(cookie) && Object.is(expiryOf(/** @type {Cookie} */ (cookie), stored.cookie), stored.expires);
}

module.exports = { Touches, beginOf, isUntouched, storedCookie };
