'use strict';

const debug = require('debug')('express-session');
const defer = require('../store/defer');
const { Session } = require('../request/session');
const native = require('../native/load');
const { checked, warnIfShort } = require('./options');
const prunePeriodically = require('./pruning');
const { sessionsObject } = require('./sessions-object');

/** How many cookies a store's records keep parsed. An app has one for each kind of session. */
const COOKIES = 16;

/** Records that a slice of pruning looks at: about half a millisecond. */
const SLICE = 500;

/** The budget of a slice of judging (`native.storeUnclassified`): about half a millisecond, too. */
const CLASSIFY_BUDGET = 100_000;

/** Why a session was removed, for `dispose`. */
const REASONS = [];
REASONS[native.REMOVED_EXPIRED] = 'expired';
REASONS[native.REMOVED_EVICTED] = 'evicted';
REASONS[native.REMOVED_DESTROYED] = 'destroyed';

/**
 * The records of a memory store: the small interface between its JavaScript face
 * and the engine. Sids and texts are strings; times are ms since the epoch. `data` is
 * a session's JSON object without its cookie; `deadline` is when a session expires whose
 * cookie does not, NaN for never. What an engine says that fails is thrown.
 *
 * These do at once what they are told, and so have no method `flush(callback)`. Records whose
 * changes take time, as on a disk, have one: whoever reads them sees a change at once, and
 * `callback` is called once, when all that was told before is done, with an `Error` if it was
 * not. Responses and the callbacks of a store's methods wait for that.
 */
class Engine {
  /**
   * @param {object} [options] of the MemoryStore
   * @throws {TypeError} naming the option that is wrong
   */
  constructor(options) {
    const { max, maxBytes, ttl, checkPeriod, dispose, shared, given } = checked(options);
    this.handle = native.createStore(max, maxBytes, shared);
    this.requestCalls = native.storeRequestCalls(this.handle);
    this.ttl = ttl;
    this.dispose = dispose;
    this.given = given;
    /** Whether its memory has a limit whatever sessions come. */
    this.isBounded = ttl !== undefined || !Number.isNaN(max) || !Number.isNaN(maxBytes);
    /**
     * Counts changes, renewals aside: who saw the same number saw the same texts. Other
     * threads' changes are not among them.
     */
    this.changeCount = 0;
    this.isShared = shared !== undefined;
    /** The engine's numbers of cookies, and the cookies themselves, dates aside. */
    this.cookies = new Map();
    /** The number of the cookie that the last new session had. */
    this.lastPut = NaN;
    /** What stores show as `sessions`. */
    this.sessions = sessionsObject(this);
    this.canDefineSessions = true;
    // From now on what is removed is kept.
    this.reportRemoved();
    /** Where the next slice of pruning goes on to judge. */
    this.classifiedTo = 0;
    this.checkPeriod = checkPeriod;
    this.stopPruning = ignore;
    this.startPruning();
  }

  /** Prunes once in a `checkPeriod`, from now on. */
  startPruning() {
    this.stopPruning();
    if (this.checkPeriod > 0) this.stopPruning = prunePeriodically(this, this.checkPeriod);
  }

  /** The text of a session, expired or not. */
  text(sid) {
    return native.storePeek(this.handle, sid);
  }

  /**
   * This moment: what is destroyed from now on has a later one. Who has had a session from
   * here can name it when storing the session: `since`.
   */
  moment() {
    return native.storeMoment(this.handle);
  }

  /** Whether a session was destroyed since a moment. */
  wasDestroyed(sid, since) {
    return native.storeWasDestroyed(this.handle, sid, since);
  }

  /**
   * When a session expires that is stored now, if its cookie does not expire; NaN for never.
   * @param {string} sid
   * @param {object} session
   * @throws {TypeError} if the function `ttl` gives no number
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

  /** Counts a change, and tells of what it has removed. Returns what came of it. */
  noteChange(outcome) {
    this.changeCount++;
    if (this.dispose !== undefined) this.reportRemoved();
    return outcome;
  }

  /**
   * Stores a session, unless it was destroyed since the moment `since`, NaN for none. What has
   * no JSON is no session: the record goes. An odd text is one that JavaScript must read each
   * time, as it has keys that the session will not take over when it is loaded.
   *
   * @param {string} sid
   * @param {object} session
   * @param {string | undefined} text its JSON
   * @param {number} since
   * @param {boolean} [isOdd]
   * @returns {boolean} whether it was stored
   */
  save(sid, session, text, since, isOdd = hasOddKeys(session)) {
    if (text === undefined) {
      this.destroy(sid);
      return true;
    }
    const set = isOdd ? native.storeSetRaw : native.storeSet;
    return this.noteChange(set(this.handle, sid, text, this.deadline(sid, session), since));
  }

  /** `save` of a session in parts: its cookie's JSON, and its data. */
  put(sid, cookie, data, deadline, since) {
    const number = this.noteChange(native.storePut(this.handle, sid, cookie, data, deadline, since));
    if (number === native.NOT_PUT) return false;
    this.lastPut = number;
    if (!Number.isNaN(number)) this.cookie(number, () => cookie);
    return true;
  }

  /**
   * `put` of a session whose cookie is the one of that number, with its date, NaN for
   * none: `native.CHANGED`, `DESTROYED`, or `NOT_CHANGED` if the stored session has
   * another cookie or the engine does not remember it.
   */
  write(sid, cookieNumber, date, deadline, since, data) {
    return this.noteChange(this.requestCalls.write(sid, cookieNumber, date, deadline, since, data));
  }

  /** Stores any text. */
  setRaw(sid, text) {
    this.noteChange(native.storeSetRaw(this.handle, sid, text, NaN, NaN));
  }

  /**
   * Puts a cookie's JSON in place of the session's cookie. False if only JavaScript can
   * do it.
   */
  touch(sid, cookie, deadline) {
    return this.noteChange(native.storeTouch(this.handle, sid, cookie, Date.now(), deadline)) !== native.NOT_CHANGED;
  }

  /**
   * Gives the session's cookie a new date, or the one its lifetime makes, if it is the
   * cookie of that number. False if it is not, or only JavaScript can do it.
   */
  renew(sid, cookieNumber, date, deadline) {
    const outcome = this.requestCalls.renew(sid, cookieNumber, date, deadline, Date.now());
    if (this.dispose !== undefined) this.reportRemoved();
    return outcome !== native.NOT_CHANGED;
  }

  destroy(sid) {
    this.noteChange(native.storeDestroy(this.handle, sid));
  }

  clear() {
    this.noteChange(native.storeClear(this.handle));
  }

  /** Every sid in order of insertion, expired ones too. */
  sids() {
    return native.storeSids(this.handle);
  }

  /**
   * Tells how many sessions have not expired; the others are removed. It is the number of
   * the moment of the call; but where many texts have come that only JavaScript can judge,
   * they are judged in slices first, and it is the number of when that is done.
   *
   * @param {(error: Error | null, length?: number) => void} callback gets an error if such
   *   a text is damaged, or the engine fails
   */
  count(callback, from = 0) {
    let length;
    try {
      const { sids, next } = native.storeUnclassified(this.handle, from, CLASSIFY_BUDGET);
      for (const sid of sids) this.read(sid, false);
      if (next !== 0) {
        defer(() => this.count(callback, next));
        return;
      }
      if (from !== 0 || sids.length > 0) {
        // More may have come since, to places that were looked at before.
        this.count(callback);
        return;
      }
      length = native.storeLength(this.handle, Date.now());
      this.reportRemoved();
    } catch (error) {
      defer(callback, error);
      return;
    }
    defer(callback, null, length);
  }

  /** Removes all that has expired. Returns how many those were. */
  prune() {
    const { expired } = this.stats();
    let from = 0;
    do {
      from = this.classifySome(from);
    } while (from !== 0);
    native.storeLength(this.handle, Date.now());
    this.reportRemoved();
    return this.stats().expired - expired;
  }

  /** Frees some of what has expired. Returns whether that was all. */
  pruneSlice() {
    const isDone = native.storePrune(this.handle, Date.now(), SLICE);
    this.reportRemoved();
    if (!isDone) return false;
    this.classifiedTo = this.classifySome(this.classifiedTo);
    return this.classifiedTo === 0;
  }

  /**
   * Judges some of the texts that only JavaScript can judge, and so removes those that have
   * expired. Returns where to go on, 0 if that was all.
   */
  classifySome(from) {
    const { sids, next } = native.storeUnclassified(this.handle, from, CLASSIFY_BUDGET);
    for (const sid of sids) {
      try {
        this.read(sid, false);
      } catch {
        // Damaged. Whoever asks for it is told.
      }
    }
    return next;
  }

  stats() {
    return native.storeStats(this.handle);
  }

  /**
   * The session of `sid`, parsed, or undefined if there is none or it has expired.
   * @param {string} sid
   * @param {boolean} [isUse] false for who looks through the store
   * @throws {SyntaxError} if its text is damaged
   */
  read(sid, isUse = true) {
    const found = native.storeGet(this.handle, sid, Date.now(), isUse);
    this.reportRemoved();
    if (found === undefined) return undefined;
    if (typeof found === 'string') return JSON.parse(found);
    // An empty text is no session, as it is no JSON either.
    const session = found.text === '' ? undefined : JSON.parse(found.text);
    return found.isClassified || this.isAlive(sid, found.text, session) ? session : undefined;
  }

  /** Judges whether a session has expired whose text only JavaScript can read. */
  isAlive(sid, text, session) {
    const now = Date.now();
    const end = session === undefined ? NaN : endOf(session);
    native.storeClassify(this.handle, sid, text, Boolean(session), end, now);
    this.reportRemoved();
    return !(end <= now);
  }

  /**
   * Tells `dispose`, in a later turn, what was removed. Never throws: what comes before this
   * is done, and an engine that fails here tells the next time.
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
    for (const { sid, text, reason } of removed) defer(this.dispose, sid, parsed(text), REASONS[reason]);
  }

  /**
   * The cookie of a number, without its date. Frozen, as sessions share it: one in which
   * something could be changed in spite of that has no number.
   */
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

module.exports = Engine;

function ignore() {}

/** Whether a session has keys that it will not take over when it is loaded. */
function hasOddKeys(session) {
  for (const key in session) {
    if (key in Session.prototype) return true;
  }
  return false;
}

/** When a parsed session expires: ms since the epoch, NaN for never. */
function endOf(session) {
  if (!session.cookie) return NaN;
  const { expires } = session.cookie;
  const at = typeof expires === 'string' ? new Date(expires) : expires;
  return at ? Math.ceil(at) : NaN;
}

/** A removed session; undefined if its text was damaged. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
