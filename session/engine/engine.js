'use strict';

const debug = require('debug')('express-session');
const defer = require('../store/defer');
const { isPointer } = require('../request/pointer');
const isSameSession = require('../store/same-session');
const { Session } = require('../request/session');
const { META, parsedOthers, readMeta } = require('../request/times');
const native = require('../native/load');
const { warnIfShort } = require('./options');
const hasStorableParts = require('./storable-parts');

/**
 * @typedef {import('../types').MemoryStoreOptions} MemoryStoreOptions
 * @typedef {import('../types').SessionData} SessionData
 * @typedef {import('../types').CookieData} CookieData
 * @typedef {import('../types').Listed} Listed
 */

/** The number of parsed cookies that an engine keeps. An app has one for each kind of session. */
const COOKIES = 16;

/**
 * Why a session was removed, for `dispose`, by the engine's number of the reason.
 * @type {Array<import('../types').RemovalReason>}
 */
const REASONS = [];
REASONS[native.REMOVED_EXPIRED] = 'expired';
REASONS[native.REMOVED_EVICTED] = 'evicted';
REASONS[native.REMOVED_DESTROYED] = 'destroyed';

/**
 * What keeps the sessions of a store of ours: the sessions are in the native engine, and this
 * class is its interface for JavaScript. `MemoryEngine` and `DiskEngine` add what is theirs.
 *
 * Sids and texts are strings, and a text is the JSON of a session. Times are ms since the epoch.
 * `data` is the JSON object of a session without its cookie. `deadline` is the time at which a
 * session expires if its cookie has no date, NaN for never. If the native engine fails, each
 * method throws its error unless it says otherwise.
 *
 * Who reads from the engine sees a change when a method returns. See `Engine` in session/types.d.ts
 * for when the others do.
 */
class Engine {
  /**
   * @param {object} handle of the native engine
   * @param {object} options
   * @param {import('./options').EngineOptions['ttl']} options.ttl
   * @param {import('./options').EngineOptions['dispose']} options.dispose
   * @param {MemoryStoreOptions} options.given the object that the program gave, for the function `ttl`
   * @param {boolean} options.isBounded whether the memory is bounded however many sessions are stored
   * @param {boolean} options.isShared whether other threads or processes change the sessions, too
   */
  constructor(handle, { ttl, dispose, given, isBounded, isShared }) {
    this.handle = handle;
    this.requestCalls = native.storeRequestCalls(handle);
    this.ttl = ttl;
    this.dispose = dispose;
    this.given = given;
    this.isBounded = isBounded;
    this.isShared = isShared;
    /**
     * The number of changes, without renewals. While it stays the same, no text has changed,
     * unless the sessions are shared.
     */
    this.changeCount = 0;
    /** Whether all changes are made for all readers. If not, `flush` tells when they are. */
    this.isCommitted = true;
    /**
     * Parsed cookies without their dates, by the native engine's ids of cookies.
     * @type {Map<number, CookieData>}
     */
    this.cookies = new Map();
    /** The id of the cookie of the last session that `put` stored. */
    this.lastPut = NaN;
    // The native engine collects removed sessions from this first call on.
    this.reportRemoved();
  }

  /**
   * Returns the current moment of the store, which is no time: each session that is destroyed
   * from now on is destroyed at this moment or later. A request that has loaded a session passes
   * the moment as `since` when it stores the session.
   */
  moment() {
    return native.storeMoment(this.handle);
  }

  /** Returns what to pass as `since` of a session that is saved now, when it is saved again. */
  savedMoment() {
    return this.moment();
  }

  /**
   * Returns whether a session was destroyed at a moment or later.
   *
   * @param {string} sid
   * @param {number} since a moment, or NaN for false
   */
  wasDestroyed(sid, since) {
    return native.storeWasDestroyed(this.handle, sid, since);
  }

  /**
   * Returns the deadline of a session that is stored now: NaN if the store has no `ttl` or the
   * cookie has an expiry.
   *
   * @param {string} sid
   * @param {SessionData} session
   * @throws {TypeError} if the function `ttl` returns no finite number
   */
  deadline(sid, session) {
    const { ttl } = this;
    if (ttl === undefined || session.cookie?.expires) return NaN;
    if (typeof ttl === 'number') return Date.now() + ttl;
    const ms = ttl(this.given, session, sid);
    if (!Number.isFinite(ms)) throw new TypeError('ttl option must give a number of milliseconds');
    warnIfShort(ms);
    return Date.now() + ms;
  }

  /**
   * Counts a change, and reports the sessions that it removed.
   *
   * @template T
   * @param {T} outcome
   * @param {string} [_sid] of the session that was changed; undefined for all
   * @returns {T} the same outcome
   */
  noteChange(outcome, _sid) {
    this.changeCount++;
    if (this.dispose !== undefined) this.reportRemoved();
    return outcome;
  }

  /**
   * Stores a session, unless it was destroyed at the moment `since` or later. A session without
   * JSON is removed.
   *
   * @param {string} sid
   * @param {SessionData} session
   * @param {string | undefined} text the JSON of the session
   * @param {number} since a moment, or NaN to store the session in any case
   * @param {boolean} [isOdd] whether the native engine must leave the text to JavaScript,
   *   because the session has keys that it does not take over when it is loaded
   * @returns {boolean} whether it was stored
   * @throws {TypeError} as `deadline`
   */
  save(sid, session, text, since, isOdd = hasOddKeys(session)) {
    if (text === undefined) {
      this.destroy(sid);
      return true;
    }
    const set = isOdd ? native.storeSetRaw : native.storeSet;
    return this.noteChange(set(this.handle, sid, text, this.deadline(sid, session), since), sid);
  }

  /**
   * Stores a session as `save` does, but only if there is one that has not expired. The record that
   * leads to the new id of a session is none.
   *
   * @param {string} sid
   * @param {SessionData} session
   * @param {string | undefined} text
   * @returns {boolean} whether it was stored, as far as is known yet: see `isCommitted`
   * @throws as `save`
   */
  saveIfPresent(sid, session, text) {
    const since = this.moment();
    const stored = this.read(sid, false);
    return stored !== undefined && !isPointer(stored) && this.save(sid, session, text, since);
  }

  /**
   * Stores a session as `save` does, from the JSON of its cookie and its data.
   *
   * @param {string} sid
   * @param {string} cookie
   * @param {string} data
   * @param {number} deadline
   * @param {number} since
   * @returns {boolean} whether it was stored
   */
  put(sid, cookie, data, deadline, since) {
    const id = native.storePut(this.handle, sid, cookie, data, deadline, since);
    this.noteChange(true, sid);
    if (id === native.NOT_PUT) return false;
    this.lastPut = id;
    if (!Number.isNaN(id)) this.cookie(id, () => cookie);
    return true;
  }

  /**
   * Stores the data of a session as `put` does, with the cookie of an id and a date.
   *
   * @param {string} sid
   * @param {number} cookieNumber
   * @param {number} date of the cookie, NaN for none
   * @param {number} deadline
   * @param {number} since
   * @param {string} data
   * @returns {number} `native.CHANGED`; `DESTROYED` if the session was destroyed; `NOT_CHANGED`
   *   if the stored session has another cookie or the native engine does not know the id
   */
  write(sid, cookieNumber, date, deadline, since, data) {
    return this.noteChange(this.requestCalls.write(sid, cookieNumber, date, deadline, since, data), sid);
  }

  /**
   * Stores a session as `write` does if the data of the stored one, without `cookie` and `_meta`, are
   * still `base`.
   *
   * @param {string} sid
   * @param {number} cookieNumber
   * @param {number} date of the cookie, NaN for none
   * @param {number} deadline
   * @param {string} base the JSON of data
   * @param {string} data
   * @returns {boolean} whether it was stored, as far as is known yet: see `isCommitted`. It is not,
   *   too, if the cookie cannot be used as in `write`.
   */
  writeIfUnchanged(sid, cookieNumber, date, deadline, base, data) {
    const outcome = this.requestCalls.writeIfUnchanged(sid, cookieNumber, date, deadline, base, data, Date.now());
    return this.noteChange(outcome, sid) === native.CHANGED;
  }

  /**
   * Stores a session if the data of the stored one, without `cookie` and `_meta`, are still `base`.
   *
   * @param {string} sid
   * @param {SessionData} session
   * @param {string} base the JSON of data
   * @param {string} data the JSON of the session without its cookie
   * @returns {boolean} whether it was stored, as far as is known yet: see `isCommitted`
   * @throws what `JSON.stringify` throws, and as `deadline`
   */
  saveIfUnchanged(sid, session, base, data) {
    const cookie = hasStorableParts(session) ? JSON.stringify(session.cookie) : undefined;
    const text = cookie === undefined ? JSON.stringify(session) : data;
    if (text === undefined) throw new TypeError('a session without JSON cannot be compared');
    const deadline = this.deadline(sid, session);
    const store = (/** @type {string} */ known) => (
      this.noteChange(native.storePutIfUnchanged(this.handle, sid, known, cookie, text, Date.now(), deadline), sid) === native.CHANGED
    );
    if (store(base)) return true;
    // A program may have written the same data in another way, for example with spaces.
    const stored = native.storePeek(this.handle, sid);
    return stored !== undefined && isSameSession(stored, base) && store(stored);
  }

  /**
   * Replaces the cookie of a session.
   *
   * @param {string} sid
   * @param {string} cookie JSON
   * @param {number} deadline
   * @returns {boolean} false if only JavaScript can read one of the two cookies
   */
  touch(sid, cookie, deadline) {
    return this.noteChange(native.storeTouch(this.handle, sid, cookie, Date.now(), deadline), sid) !== native.NOT_CHANGED;
  }

  /**
   * Renews a session whose cookie has an id.
   *
   * @param {string} sid
   * @param {number} cookieNumber
   * @param {number} date of the cookie; NaN to start its lifetime now
   * @param {number} deadline
   * @returns {boolean} false if the session has another cookie, or only JavaScript can renew it
   */
  renew(sid, cookieNumber, date, deadline) {
    const outcome = this.requestCalls.renew(sid, cookieNumber, date, deadline, Date.now());
    if (this.dispose !== undefined) this.reportRemoved();
    return outcome !== native.NOT_CHANGED;
  }

  /** @param {string} sid */
  destroy(sid) {
    this.noteChange(native.storeDestroy(this.handle, sid), sid);
  }

  clear() {
    this.noteChange(native.storeClear(this.handle));
  }

  /**
   * Returns the sessions of a user that have not expired, in no order, as far as the changes are made.
   *
   * @param {string} user
   * @returns {Listed[]}
   */
  sessionsOf(user) {
    const now = Date.now();
    const found = native.storeSessionsOf(this.handle, JSON.stringify(user), now);
    return found.filter(({ sid, isUnclear }) => !isUnclear || this.isLive(sid)).map(({ sid, meta, expires, lifetime, isDeadline }) => {
      const its = readMeta(/** @type {any} */ ({ [META]: parsed(meta) }), now);
      const { ip, agent } = parsedOthers(its);
      const { ttl } = this;
      const prolongation = isDeadline && typeof ttl === 'number' ? ttl : lifetime;
      return { key: sid, meta: { created: its.created, seen: its.seen, ip, agent }, expires, lifetime: prolongation };
    });
  }

  /**
   * Returns whether a text that the native engine cannot read is a session that has not expired.
   *
   * @param {string} sid
   */
  isLive(sid) {
    try {
      return Boolean(this.read(sid, false));
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    }
  }

  /**
   * Destroys a session if it is one of a user that has not expired.
   *
   * @param {string} user
   * @param {string} sid
   * @returns {boolean} whether it was, as far as is known yet: see `isCommitted`
   */
  end(user, sid) {
    return this.noteChange(native.storeEnd(this.handle, JSON.stringify(user), sid, Date.now()), sid);
  }

  /** Returns all sids, also of expired sessions, in the order in which they were inserted. */
  sids() {
    return native.storeSids(this.handle);
  }

  stats() {
    return native.storeStats(this.handle);
  }

  /**
   * Returns the session of `sid`, parsed, or undefined if there is none or it has expired.
   *
   * @param {string} sid
   * @param {boolean} [isUse] whether this counts as a use of the session; false for a look
   *   through the whole store
   * @throws {SyntaxError} if the text is damaged
   */
  read(sid, isUse = true) {
    const stored = native.storeGet(this.handle, sid, Date.now(), isUse);
    this.reportRemoved();
    if (stored === undefined) return undefined;
    if (typeof stored === 'string') return JSON.parse(stored);
    // An empty text, which a program can write, is no session.
    const session = stored.text === '' ? undefined : JSON.parse(stored.text);
    return stored.isClassified || this.classify(sid, stored.text, session) ? session : undefined;
  }

  /**
   * Tells the native engine what a text that it cannot read is, and removes the session if it
   * has expired.
   *
   * @param {string} sid
   * @param {string} text
   * @param {any} session the parsed text, which may be any JSON value; undefined for an empty
   *   text
   * @returns {boolean} whether it has not expired
   */
  classify(sid, text, session) {
    const now = Date.now();
    const expires = session === undefined ? NaN : expiryOf(session);
    native.storeClassify(this.handle, sid, text, Boolean(session), expires, now);
    this.reportRemoved();
    return !(expires <= now);
  }

  /**
   * Calls `dispose`, in a later turn, for each session that was removed. It never throws, because
   * the change that came before it is done. If the native engine fails, the next call reports
   * these sessions too.
   */
  reportRemoved() {
    if (this.dispose === undefined) return;
    let removed;
    try {
      removed = native.storeTakeRemoved(this.handle);
    } catch (error) {
      debug('dispose is not called yet, as the engine failed: %s', error);
      return;
    }
    for (const { sid, text, reason } of removed) {
      const session = parsed(text);
      // The session that was there lives on under another id.
      if (!isPointer(Object(session))) defer(this.dispose, sid, session, REASONS[reason]);
    }
  }

  /**
   * Returns the cookie of an id, parsed, without its date. It is frozen, because sessions share
   * it; the native engine gives no id to a cookie with an object in it, which would not be frozen.
   *
   * @param {number} id
   * @param {() => string} textOf returns the JSON of the cookie
   * @returns {CookieData}
   */
  cookie(id, textOf) {
    const known = this.cookies.get(id);
    if (known !== undefined) return known;
    const cookie = JSON.parse(textOf());
    if (cookie.expires) cookie.expires = null;
    Object.freeze(cookie);
    if (this.cookies.size === COOKIES) this.cookies.clear();
    this.cookies.set(id, cookie);
    return cookie;
  }
}

module.exports = Engine;

/**
 * Returns whether a session has keys that it does not take over when it is loaded.
 *
 * @param {SessionData} session
 */
function hasOddKeys(session) {
  for (const key in session) {
    if (key in Session.prototype) return true;
  }
  return false;
}

/**
 * Returns when a parsed session expires, in ms since the epoch, NaN for never.
 *
 * @param {any} session any JSON value
 * @returns {number}
 */
function expiryOf(session) {
  if (!session.cookie) return NaN;
  const { expires } = session.cookie;
  const date = typeof expires === 'string' ? new Date(expires) : expires;
  return date ? Math.ceil(date) : NaN;
}

/**
 * Returns a removed session, or undefined if its text was damaged.
 *
 * @param {string} text
 */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
