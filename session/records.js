'use strict';

const checked = require('./memory-options');
const defer = require('./defer');
const native = require('./native');
const prunePeriodically = require('./pruning');

/** How many cookies a store's records keep parsed. An app has one for each kind of session. */
const COOKIES = 16;

/** Records that a slice of pruning looks at: about half a millisecond. */
const SLICE = 500;

/** Why a session was removed, for `dispose`. */
const REASONS = [];
REASONS[native.REMOVED_EXPIRED] = 'expired';
REASONS[native.REMOVED_EVICTED] = 'evicted';
REASONS[native.REMOVED_DESTROYED] = 'destroyed';

/**
 * The records of a memory store: the small interface between its JavaScript face
 * and the engine. Sids and texts are strings; times are ms since the epoch. `data` is
 * a session's JSON object without its cookie; `deadline` is when a session expires whose
 * cookie does not, NaN for never.
 */
class Records {
  /**
   * @param {object} [options] of the MemoryStore
   * @throws {TypeError} naming the option that is wrong
   */
  constructor(options) {
    const { max, maxBytes, ttl, checkPeriod, dispose, shared, given } = checked(options);
    this.store = native.createStore(max, maxBytes, shared);
    this.engine = native.storeChanges(this.store);
    this.ttl = ttl;
    this.dispose = dispose;
    this.given = given;
    /** Whether its memory has a limit whatever sessions come. */
    this.isBounded = ttl !== undefined || !Number.isNaN(max) || !Number.isNaN(maxBytes);
    /**
     * Counts changes, renewals aside: who saw the same number saw the same texts. Other
     * threads' changes are not among them.
     */
    this.changes = 0;
    this.isShared = shared !== undefined;
    /** The engine's numbers of cookies, and the cookies themselves, dates aside. */
    this.cookies = new Map();
    /** The number of the cookie that the last new session had. */
    this.lastPut = NaN;
    if (dispose) native.storeWatch(this.store);
    this.checkPeriod = checkPeriod;
    this.stopPruning = ignore;
    this.startPruning();
  }

  /** Prunes once in a `checkPeriod`, from now on. */
  startPruning() {
    this.stopPruning();
    if (this.checkPeriod > 0) this.stopPruning = prunePeriodically(this, this.checkPeriod);
  }

  /**
   * The text of a session that has not expired; undefined if there is none; an
   * object with the text if only JavaScript can judge whether it has expired.
   */
  get(sid) {
    const found = native.storeGet(this.store, sid, Date.now());
    this.tell();
    return found;
  }

  /** The text of a session, expired or not. */
  peek(sid) {
    return native.storePeek(this.store, sid);
  }

  has(sid) {
    return native.storeHas(this.store, sid);
  }

  /**
   * When a session expires that is stored now, if its cookie does not expire.
   * @param {string} sid
   * @param {object} session
   * @throws {TypeError} if the function `ttl` gives no number
   */
  deadline(sid, session) {
    const { ttl } = this;
    if (ttl === undefined) return NaN;
    if (typeof ttl === 'number') return Date.now() + ttl;
    const ms = ttl(this.given, session, sid);
    if (!Number.isFinite(ms)) throw new TypeError('ttl option must give a number of milliseconds');
    return Date.now() + ms;
  }

  /** Stores a text that `JSON.stringify` made of a session. */
  set(sid, text, deadline) {
    this.changes++;
    native.storeSet(this.store, sid, text, deadline);
    this.tell();
  }

  /** Stores a session: its cookie's JSON, and its data. */
  put(sid, cookie, data, deadline) {
    this.changes++;
    this.lastPut = native.storePut(this.store, sid, cookie, data, deadline);
    if (!Number.isNaN(this.lastPut)) this.cookie(this.lastPut, () => cookie);
    this.tell();
  }

  /**
   * Stores a new session whose cookie is the one of that number, with its date, NaN
   * for none. False if the engine does not remember the cookie, or has the sid.
   */
  insert(sid, cookieNumber, date, deadline, data) {
    this.changes++;
    const isDone = this.engine.insert(sid, cookieNumber, date, deadline, data) === native.CHANGED;
    this.tell();
    return isDone;
  }

  /** Stores any text. */
  setRaw(sid, text, deadline) {
    this.changes++;
    native.storeSetRaw(this.store, sid, text, deadline);
    this.tell();
  }

  /**
   * Gives a session other data and another date, NaN for none, if its cookie is the
   * one of that number: `native.CHANGED`, `MISSING` or `NOT_CHANGED`.
   */
  rewrite(sid, cookieNumber, date, deadline, data) {
    this.changes++;
    const outcome = this.engine.rewrite(sid, cookieNumber, date, deadline, data);
    this.tell();
    return outcome;
  }

  /**
   * Puts a cookie's JSON in place of the session's cookie. False if only JavaScript can
   * do it.
   */
  touch(sid, cookie, deadline) {
    this.changes++;
    const outcome = native.storeTouch(this.store, sid, cookie, Date.now(), deadline);
    this.tell();
    return outcome !== native.NOT_CHANGED;
  }

  /**
   * Gives the session's cookie a new date, or the one its lifetime makes, if it is the
   * cookie of that number. False if it is not, or only JavaScript can do it.
   */
  renew(sid, cookieNumber, date, deadline) {
    const outcome = this.engine.renew(sid, cookieNumber, date, deadline, Date.now());
    this.tell();
    return outcome !== native.NOT_CHANGED;
  }

  destroy(sid) {
    this.changes++;
    native.storeDestroy(this.store, sid);
    this.tell();
  }

  /** `destroy`, of a session that has expired. */
  expire(sid) {
    this.changes++;
    native.storeExpire(this.store, sid);
    this.tell();
  }

  clear() {
    this.changes++;
    native.storeClear(this.store);
    this.tell();
  }

  /** Every sid in order of insertion, expired ones too. */
  sids() {
    return native.storeSids(this.store);
  }

  /**
   * How many sessions have not expired; the others are removed.
   * @throws {SyntaxError} if a text that only JavaScript can judge is damaged
   */
  count() {
    let others = 0;
    for (const sid of native.storeUnclearSids(this.store)) {
      // An empty text, say, or `false`, is there and is no session.
      if (!this.read(sid) && this.has(sid)) others++;
    }
    const length = native.storeLength(this.store, Date.now());
    this.tell();
    return length - others;
  }

  /** Removes all that has expired. Returns how many those were. */
  prune() {
    const { expired } = this.stats();
    this.judge();
    native.storeLength(this.store, Date.now());
    this.tell();
    return this.stats().expired - expired;
  }

  /** Frees some of what has expired. Returns whether that was all. */
  pruneSlice() {
    const isDone = native.storePrune(this.store, Date.now(), SLICE);
    if (isDone) this.judge();
    this.tell();
    return isDone;
  }

  /** Removes of the texts that only JavaScript can judge those that have expired. */
  judge() {
    for (const sid of native.storeUnclearSids(this.store)) {
      try {
        this.read(sid);
      } catch {
        // Damaged. Whoever asks for it is told.
      }
    }
  }

  stats() {
    return native.storeStats(this.store);
  }

  /**
   * The session of `sid`, parsed, or undefined if there is none or it has expired.
   * @throws {SyntaxError} if its text is damaged
   */
  read(sid) {
    const found = this.get(sid);
    if (found === undefined) return undefined;
    if (typeof found === 'string') return JSON.parse(found);
    // An empty text is no session, as it is no JSON either.
    if (!found.text) return undefined;
    const session = JSON.parse(found.text);
    if (session.cookie) {
      const { expires } = session.cookie;
      const at = typeof expires === 'string' ? new Date(expires) : expires;
      if (at && at <= Date.now()) {
        this.expire(sid);
        return undefined;
      }
    }
    return session;
  }

  /** Tells `dispose`, in a later turn, what was removed. */
  tell() {
    if (this.dispose === undefined) return;
    for (const { sid, text, reason } of native.storeTakeRemoved(this.store)) {
      defer(this.dispose, sid, parsed(text), REASONS[reason]);
    }
  }

  /** The cookie of a number, without its date. Frozen, as sessions share it. */
  cookie(id, textOf) {
    let cookie = this.cookies.get(id);
    if (cookie === undefined) {
      cookie = JSON.parse(textOf());
      if (cookie.expires) cookie.expires = null;
      Object.freeze(cookie);
      if (this.cookies.size === COOKIES) this.cookies.clear();
      this.cookies.set(id, cookie);
    }
    return cookie;
  }
}

module.exports = Records;

function ignore() {}

/** A removed session; undefined if its text was damaged. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
