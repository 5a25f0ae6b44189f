'use strict';

/** @import { CookieData, Meta, Session as SessionShape, SessionData } from '../types' */

/** The key of a session's data in which this package keeps what an option must remember of the session. */
const META = '_meta';

/** What else this package keeps in `_meta` of a session: texts and numbers. Whatever else stands there is dropped. */
const OTHERS = ['user', 'ip', 'agent', 'version'];

/**
 * How old the last use that is written may become, as a part of the idle time, before the next one
 * is written. In our own stores a touch writes it into the cookie, if the cookie has a lifetime.
 */
const SEEN_PART = 1 / 10;
const SEEN_PART_OF_OURS = 1 / 100;
const SEEN_PART_OF_TOUCHED = 1 / 2;

/**
 * How old the last use that our own stores show of a user's session may become, in ms, if the cookie has
 * no lifetime and so no touch tells of a use.
 */
const SEEN_OF_USERS = 60_000;

/**
 * How much earlier than its time a session may have got a new id: by another machine, whose clock
 * is ahead. In ms, and as a part of the time.
 */
const LARGEST_SKEW = 5000;
const SKEW_PART = 1 / 10;

/**
 * When sessions end, whatever their stores and cookies say, and when they get new ids: the options
 * `idleTimeout`, `absoluteTimeout` (OWASP ASVS 5, 7.3.1 and 7.3.2), `renewAfter` and `renewGrace` of
 * one `session()`. All times are in ms, and moments in ms since the epoch.
 */
class Times {
  /**
   * @param {object} options
   * @param {number} [options.idleTimeout]
   * @param {number} [options.absoluteTimeout]
   * @param {number} [options.touchAfter]
   * @param {number} [options.renewAfter]
   * @param {number} [options.renewGrace]
   * @param {boolean} [options.hasUsers] whether the store shows the sessions of a user
   * @param {boolean} isOurs whether the store is one of ours
   */
  constructor({ idleTimeout = Infinity, absoluteTimeout = Infinity, touchAfter = 0, renewAfter = Infinity, renewGrace = 0, hasUsers }, isOurs) {
    this.idleTimeout = idleTimeout;
    this.absoluteTimeout = absoluteTimeout;
    const longest = isOurs && hasUsers ? SEEN_OF_USERS : Infinity;
    this.seenAfter = Math.max(touchAfter, Math.min(longest, idleTimeout * (isOurs ? SEEN_PART_OF_OURS : SEEN_PART)));
    this.seenAfterTouches = isOurs ? idleTimeout * SEEN_PART_OF_TOUCHED : this.seenAfter;
    this.renewAfter = renewAfter;
    this.renewGrace = renewGrace;
    this.renews = renewAfter < Infinity;
    /** From which age on other requests may have renewed an id. */
    this.mayRenewAfter = renewAfter - Math.min(LARGEST_SKEW, renewAfter * SKEW_PART);
  }

  /**
   * Whether the id of a session is to be renewed.
   *
   * @param {Meta} meta
   * @param {number} now
   */
  mustRenew({ renewed }, now) {
    return now - renewed >= this.renewAfter;
  }

  /**
   * Whether another request may have renewed the id of a session since that was loaded.
   *
   * @param {Meta} meta
   * @param {number} now
   */
  mayBeRenewed({ renewed }, now) {
    return now - renewed >= this.mayRenewAfter;
  }

  /**
   * Returns why a session has ended: by `idleTimeout` or by `absoluteTimeout`.
   *
   * @param {Meta} meta
   * @param {number} now
   * @returns {'idle' | 'absolute' | undefined} undefined if it has not
   */
  endingOf({ created, used }, now) {
    if (now - used >= this.idleTimeout) return 'idle';
    return now - created >= this.absoluteTimeout ? 'absolute' : undefined;
  }

  /**
   * Whether a session has ended.
   *
   * @param {Meta} meta
   * @param {number} now
   */
  hasEnded(meta, now) {
    return this.endingOf(meta, now) !== undefined;
  }

  /**
   * Whether a session that was loaded must be stored only to keep its `_meta`.
   *
   * @param {Meta} meta
   * @param {number} now
   * @param {boolean} keepsExpiry whether this request is not to count as a use
   * @param {boolean} keepsUnseen whether no request has brought the id yet
   */
  isDue(meta, now, keepsExpiry, keepsUnseen) {
    const { isKnown, used, hasLifetime } = meta;
    return !isKnown || (!keepsExpiry && ((isUnseen(meta) && !keepsUnseen) || now - used >= (hasLifetime ? this.seenAfterTouches : this.seenAfter)));
  }
}

/**
 * Reads the `_meta` of stored data. If it has any other form than ours, the session is seen for
 * the first time now. A time in the future, such as another machine's clock may write, counts as now.
 *
 * @param {SessionData} data
 * @param {number} now
 * @returns {Meta}
 */
function readMeta(data, now) {
  try {
    const { [META]: stored, cookie } = data;
    if (!isPlain(stored)) return newMeta(now, false);
    const times = [stored.created, stored.renewed, stored.seen];
    const [created, renewed, seen] = times.map((time) => (isPast(time, now) ? time : now));
    const expires = new Date(cookie?.expires ?? NaN).getTime();
    // Whether the id was seen must stay known, also if another machine's clock is ahead.
    const lastSeen = isPast(times[2], times[1] - 1) ? Math.min(seen, renewed - 1) : seen;
    const meta = created === times[0] ? knownMeta(created, renewed, lastSeen, '', expires, cookie, now) : newMeta(now, false);
    // Or else a last use in the future would be one until then.
    meta.isKnown &&= renewed === times[1] && seen === times[2];
    meta.others = othersOf(stored);
    return meta;
  } catch {
    // A store that keeps sessions as objects may give some that throw when they are read.
    return newMeta(now, false);
  }
}

/**
 * Returns the `_meta` of data that a store has. The lifetime of a cookie has begun at the last use of
 * the session that its store has noted in it.
 *
 * @param {number} created
 * @param {number} renewed
 * @param {number} seen
 * @param {string} others what else it has, as `Meta` says
 * @param {number} expires the date of the stored cookie; NaN for none
 * @param {CookieData | undefined} cookie as it was stored
 * @param {number} now
 * @returns {Meta}
 */
function knownMeta(created, renewed, seen, others, expires, cookie, now) {
  const originalMaxAge = cookie?.originalMaxAge;
  const start = typeof originalMaxAge === 'number' ? expires - originalMaxAge : NaN;
  const used = start > seen && start <= now ? start : seen;
  return { created, renewed, seen, used, hasLifetime: start <= now, isKnown: true, others };
}

/**
 * Returns the JSON of data with a `_meta` as their last member: its usual form, which the session
 * reader of the addon knows.
 *
 * @param {string} text the JSON of the data without the cookie, which is an object
 * @param {Meta} meta
 */
function appendMeta(text, meta) {
  const { created, renewed, seen, others } = meta;
  const start = `${text.slice(0, -1)}${text === '{}' ? '' : ','}"${META}":{"created":${created},"renewed":${renewed},"seen":${seen}`;
  return others === '' ? `${start}}}` : `${start},${others}}}`;
}

/**
 * Returns a `_meta` with other members beside the times.
 *
 * @param {Meta} meta
 * @param {Record<string, string | undefined>} changes the members that change; undefined for none
 * @returns {Meta}
 */
function withOthers(meta, changes) {
  return { ...meta, others: othersOf({ ...parsedOthers(meta), ...changes }) };
}

/**
 * Returns what a `_meta` has beside the times.
 *
 * @param {Meta} meta
 * @returns {Record<string, any>}
 */
function parsedOthers({ others }) {
  return others === '' ? {} : JSON.parse(`{${others}}`);
}

/**
 * Returns the `_meta` of a session that begins now.
 *
 * @param {number} now
 * @param {boolean} [isKnown]
 * @returns {Meta}
 */
function newMeta(now, isKnown = true) {
  return { created: now, renewed: now, seen: now, used: now, hasLifetime: false, isKnown, others: '' };
}

/**
 * Returns the `_meta` of a session that is stored now.
 *
 * @param {Meta} meta
 * @param {number} now
 * @param {boolean} keepsExpiry whether this request is not to count as a use
 * @param {boolean} keepsUnseen whether no request has brought the id yet
 * @returns {Meta}
 */
function usedMeta(meta, now, keepsExpiry, keepsUnseen) {
  const seen = keepsExpiry ? meta.seen : now;
  const { created, renewed, used, hasLifetime, others } = meta;
  return {
    created,
    renewed,
    seen: keepsUnseen ? Math.min(seen, renewed - 1) : seen,
    used: seen > used ? seen : used,
    hasLifetime,
    isKnown: true,
    others,
  };
}

/**
 * Whether no request has brought the id of a session since that has got it.
 * @param {Meta} meta
 */
function isUnseen({ renewed, seen }) {
  return seen < renewed;
}

/**
 * Returns the value of the property `_meta` of a session.
 *
 * @param {Meta} meta
 */
function shownMeta(meta) {
  const { created, renewed, seen, others } = meta;
  return others === '' ? { created, renewed, seen } : { created, renewed, seen, ...parsedOthers(meta) };
}

/**
 * Gives a session the property `_meta`, as its last one.
 *
 * @param {Record<string, any>} session
 * @param {Meta} meta
 * @returns {boolean} false if the session refuses that, because it is frozen, for example
 */
function showMeta(session, meta) {
  try {
    // An assignment is quicker than what follows. A setter, which it would call, is among these.
    if (!(META in session) && Object.isExtensible(session)) {
      session[META] = shownMeta(meta);
      return Object.hasOwn(session, META);
    }
    Reflect.deleteProperty(session, META);
    return defineMeta(session, shownMeta(meta));
  } catch {
    // The session is a Proxy.
    return false;
  }
}

/**
 * @param {Record<string, any>} session
 * @param {unknown} value of the property `_meta`
 * @returns {boolean} false if the session refuses it
 */
function defineMeta(session, value) {
  return Reflect.defineProperty(session, META, { value, configurable: true, enumerable: true, writable: true });
}

/**
 * Returns a session as a store gets it: with the property `_meta`, whatever the program has done to
 * keep it out.
 *
 * @param {SessionShape} session
 * @param {Meta} meta
 * @returns {SessionShape} the same session; or a copy if it refuses the property, or has a method
 *   `toJSON`, which may leave it out
 */
function withMeta(session, meta) {
  if (showMeta(session, meta) && typeof session.toJSON !== 'function') return session;
  /** @type {Record<string, PropertyDescriptor>} */
  const properties = Object.getOwnPropertyDescriptors(session);
  delete properties[META];
  delete properties.toJSON;
  const copy = Object.create(Object.getPrototypeOf(session), properties);
  showMeta(copy, meta);
  if (typeof session.toJSON === 'function') {
    /** @param {string} key */
    const toJSON = (key) => {
      const json = session.toJSON(key);
      if (!isPlain(json)) return json;
      const data = { ...json };
      showMeta(data, meta);
      return data;
    };
    Object.defineProperty(copy, 'toJSON', { value: toJSON, configurable: true, enumerable: false, writable: true });
  }
  return copy;
}

module.exports = { META, Times, readMeta, knownMeta, appendMeta, withOthers, parsedOthers, newMeta, usedMeta, isUnseen, showMeta, defineMeta, withMeta };

/**
 * Whether a value is an object and no array.
 *
 * @param {any} value
 */
function isPlain(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Returns what this package keeps in a stored `_meta` beside the times, as JSON.
 *
 * @param {Record<string, any>} stored
 */
function othersOf(stored) {
  const others = OTHERS.filter((key) => isStringOrNumber(stored[key])).map((key) => [key, stored[key]]);
  return others.length === 0 ? '' : JSON.stringify(Object.fromEntries(others)).slice(1, -1);
}

/** @param {unknown} value */
function isStringOrNumber(value) {
  return typeof value === 'string' || Number.isFinite(value);
}

/**
 * @param {unknown} time
 * @param {number} now
 */
function isPast(time, now) {
  return typeof time === 'number' && time >= 0 && time <= now;
}
