'use strict';

/** @import { CookieData, CookiePlan, Engine, Meta, Request, Session as SessionShape, SessionSource } from '../types' */

const { makeCookie, reviveCookie } = require('../cookie/cookie');
const native = require('../native/load');
const { Session, addData, adoptAsSession } = require('../request/session');
const { plannedCookie } = require('../request/generate');
const { knownMeta, showMeta } = require('../request/times');

/** From this length on, in characters, a session may have hundreds of keys. */
const LARGE = 4096;

const DOUBLE_BYTES = Float64Array.BYTES_PER_ELEMENT;

/** The index of the times of `_meta` among the doubles of `details`. */
const META_AT = native.DETAILS_META / DOUBLE_BYTES;

/**
 * The source of a session that the store has.
 * @implements {SessionSource}
 */
class StoredSession {
  /**
   * Reads `resident.details`, so it must be called before the next call of a session reader.
   *
   * @param {string} text the JSON of the data that the session reader has returned
   * @param {import('./resident')} resident
   * @param {Engine} engine
   */
  constructor(text, resident, engine) {
    const { details, doubles } = resident;
    this.id = resident.detailsSid();
    this.text = text;
    /** @type {Record<string, any> | undefined} */
    this.data = undefined;
    /** The number that the engine has given the stored cookie. */
    this.cookieNumber = doubles[native.DETAILS_COOKIE_NUMBER / DOUBLE_BYTES];
    /** @type {CookieData} The stored cookie without its date. */
    this.cookie = engine.cookie(this.cookieNumber, () => (
      details.latin1Slice(native.DETAILS_COOKIE, native.DETAILS_COOKIE + details.readUInt16LE(native.DETAILS_COOKIE_LENGTH))
    ));
    /** The date of the stored cookie: ms since the epoch, NaN for none. */
    this.expires = doubles[native.DETAILS_EXPIRES / DOUBLE_BYTES];
    this.moment = doubles[native.DETAILS_MOMENT / DOUBLE_BYTES];
    /** How a use of the session changes its expiry: one of the `RENEWAL_` numbers. */
    this.renewal = details[native.DETAILS_RENEWAL];
    /** How many changes the engine had counted when the session was loaded. */
    this.changeCount = engine.changeCount;
    /** @type {Meta | undefined} */
    this.meta = undefined;
  }

  /**
   * Takes over the `_meta` that the session reader has taken out of the data. Like the constructor, it
   * reads `resident.details`.
   *
   * @param {import('./resident')} resident
   * @param {InstanceType<typeof import('../request/times').Times>} times
   * @param {number} now ms since the epoch
   * @param {boolean} mayRenew whether the request may renew the id of the session
   * @returns {boolean} false if the session is not to be used as it is: it has ended, it is to get
   *   a new id, or its `_meta` is not in the form that this package stores
   */
  takeMeta({ details, doubles }, times, now, mayRenew) {
    const created = doubles[META_AT];
    const renewed = doubles[META_AT + 1];
    const seen = doubles[META_AT + 2];
    if (!(created <= now && renewed <= now && seen <= now)) return false;
    const length = details.readUInt16LE(native.DETAILS_OTHERS_LENGTH);
    const others = length === 0 ? '' : details.utf8Slice(native.DETAILS_OTHERS, native.DETAILS_OTHERS + length);
    const meta = knownMeta(created, renewed, seen, others, this.expires, this.cookie, now);
    if (times.hasEnded(meta, now) || (mayRenew && times.mustRenew(meta, now))) return false;
    this.meta = meta;
    return true;
  }

  /**
   * Makes the session as the store's `createSession` would have made it when the request came.
   *
   * @param {Request} req
   * @returns {SessionShape}
   */
  session(req) {
    const { cookie, expires, text, renewal } = this;
    const date = Number.isNaN(expires) ? null : new Date(expires);
    // A session does not take over a key `req` of its data, because it has a property `req`.
    const isLarge = text.length > LARGE && !text.includes('"req":');
    const session = isLarge ? adoptAsSession(req, JSON.parse(`{"cookie":0,${text.slice(1)}`)) : new Session(req);
    // An unclear cookie is revived as it was stored. A date stands as text there, and
    // `reviveCookie` treats text and Date differently if the cookie has other times, too.
    session.cookie = renewal === native.RENEWAL_UNCLEAR
      ? reviveCookie('expires' in cookie ? { ...cookie, expires: date && date.toISOString() } : { ...cookie })
      : makeCookie(cookie, date, cookie.originalMaxAge);
    // Whether a large session has changed is seen by its text: a snapshot would be large, too.
    if (!isLarge) {
      const data = JSON.parse(text);
      this.data = data;
      addData(session, data);
    }
    if (this.meta !== undefined) showMeta(session, this.meta);
    return session;
  }

  /**
   * Gives the stored session a new expiry.
   *
   * @param {Engine} engine
   * @param {number} expires ms since the epoch; NaN for that which the lifetime of the cookie gives
   * @returns {boolean} false if nothing was done, because only JavaScript can do it, or because
   *   the stored session has another cookie now
   * @throws what the engine throws
   */
  renew(engine, expires) {
    const { ttl } = engine;
    if (this.renewal === native.RENEWAL_UNCLEAR || typeof ttl === 'function') return false;
    // Without any lifetime there is nothing to renew, as long as it is certain that no request
    // has stored the session with another cookie.
    const hasNoEffect = this.renewal === native.RENEWAL_SAME && ttl === undefined &&
      engine.changeCount === this.changeCount && !engine.isShared;
    return hasNoEffect || engine.renew(this.id, this.cookieNumber, expires, ttl === undefined ? NaN : Date.now() + ttl);
  }
}

/**
 * The source of a new session.
 * @implements {SessionSource}
 */
class NewSession {
  /**
   * @param {string} id
   * @param {CookiePlan} plan
   */
  constructor(id, plan) {
    this.id = id;
    this.text = '{}';
    /** @type {undefined} */
    this.data = undefined;
    this.moment = NaN;
    /** @type {undefined} */
    this.meta = undefined;
    this.plan = plan;
  }

  /**
   * Makes the session as `store.generate` would have made it when the request came.
   *
   * @param {Request} req
   * @returns {SessionShape}
   */
  session(req) {
    const session = new Session(req);
    session.cookie = plannedCookie(this.plan);
    return session;
  }
}

module.exports = { StoredSession, NewSession };
