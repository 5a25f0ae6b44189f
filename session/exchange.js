'use strict';

const debug = require('debug')('express-session');
const { answer, ask, listener } = require('./answer');
const Cookie = require('./cookie');
const MemoryStore = require('./memory');
const Session = require('./session');
const EXCHANGE = require('./exchange-key');
const fast = require('./fast');
const fingerprint = require('./fingerprint');
const lazy = require('./lazy');
const native = require('./native');
const state = require('./decision');
const { SAME, DIFFERENT, UNSURE, snapshot, compare, restore } = require('./snapshot');
const { hasPlainJSON, isResident, touchesPlainly } = require('./plain');

/** `saved`, while what is stored is what the exchange began with. */
const ORIGINAL = Symbol('original');

/**
 * One request and its response: what the session was when they began, and so
 * what has come of it. The engine draws the conclusions (`core/src/state.rs`).
 */
class Exchange {
  /**
   * @param {object} options of `session()`, checked
   * @param {object} req
   * @param {import('./keyring')} keyring
   * @param {string | undefined} cookieId the sid that the request brought
   */
  constructor(options, req, keyring, cookieId) {
    this.options = options;
    this.req = req;
    this.keyring = keyring;
    this.cookieId = cookieId;
    this.isLoaded = false;
    this.originalId = undefined;
    /** The JSON of the original data, unless there is only a snapshot of them. */
    this.originalText = undefined;
    this.snapshot = undefined;
    /** The JSON of what was saved last, or `ORIGINAL`. */
    this.saved = undefined;
    this.touched = false;
    /** The first session that was made for the request; null if a program put another there. */
    this.firstSession = undefined;
    /** Its id, which a Proxy of it, or an heir, finds here. */
    this.firstId = undefined;
    /** Whether that session tells of its saves and reloads itself. */
    this.watchesFirst = false;
    /** Whose session was loaded, or reloaded. */
    this.loadedId = undefined;
    /** When: a moment of a MemoryStore's records, NaN with other stores. */
    this.loadedAt = undefined;
    /** Whose session was saved. */
    this.savedId = undefined;
    this.savedAt = undefined;
    /** Whose sessions this request has destroyed, if there are any. */
    this.endedIds = undefined;

    /** Nobody has looked at the session yet: see entry.js, which fills these. */
    this.isAsleep = false;
    this.session = undefined;
    this.startedAt = 0;
    this.endedAt = 0;
    /** The attributes of a new session's cookie, as they were when the request came. */
    this.attributes = undefined;
    this.records = undefined;
    this.changes = 0;
    /** The cookie that the record had, and its date apart: ms since the epoch, NaN for none. */
    this.cookieNumber = undefined;
    this.storedCookie = undefined;
    this.storedExpires = undefined;
    this.renewal = native.RENEWAL_UNCLEAR;

    /** Whether the data differ from the original ones, as long as nobody can change them. */
    this.isModifiedNow = undefined;
    /** The session cannot be read or written. What comes now is an error page. */
    this.hasFailed = false;
    // Of another middleware: the request leads to its first session no more.
    const other = req[EXCHANGE];
    if (other !== undefined) Session.detach(other.firstSession);
    req[EXCHANGE] = this;
  }

  /**
   * Takes `req.session` as what the exchange began with.
   *
   * @param {object} [data] what the store had, unless the session is new. It is
   *   what counts: a key that the session did not take over is a modification.
   */
  begin(data) {
    const { req, options } = this;
    this.isLoaded = Boolean(data);
    this.originalId = req.sessionID;
    // It may be one that another package made, or the program.
    this.firstSession ??= null;
    if (data) {
      // Without resave, a loaded session counts as saved until it is modified.
      if (!options.resave) this.saved = ORIGINAL;
      this.loadedId = req.sessionID;
      if (fast.snapshot) this.snapshot = snapshot(data);
    }
    if (this.snapshot === undefined) this.originalText = fingerprint(data || req.session);
    this.watch(req.session);
  }

  /** Makes the session that was there when the request came. */
  wake() {
    this.isAsleep = false;
    const session = this.isLoaded ? loadedSession(this) : newSession(this);
    this.session = session;
    this.watch(session);
    // The response has ended, and would have touched it.
    if (this.touched) Cookie.startAt(session.cookie, this.endedAt, session.cookie.originalMaxAge);
  }

  /** Takes what a program puts on the request in place of the session. */
  assign(session) {
    if (this.isAsleep) {
      this.isAsleep = false;
      this.firstSession = null;
    }
    Session.complete(this.firstSession);
    this.session = session;
  }

  /**
   * Lets the exchange know of a session's saves and reloads, and of what it destroys. The
   * methods of a session of another kind, or those a program replaced, are wrapped; like
   * the originals they are found on the object, but do not show.
   */
  watch(session) {
    if (fast.watch && Session.watch(session, this)) return;
    const exchange = this;
    const { destroy, regenerate, reload, save } = session;
    own(session, 'reload', function watchedReload(callback) {
      const moment = exchange.moment();
      const tell = listener(callback);
      reload.call(this, (...results) => {
        exchange.reloaded(this, moment, results[0]);
        tell(...results);
      });
    });
    own(session, 'save', function watchedSave(...args) {
      exchange.saving(this);
      save.apply(this, args);
    });
    // Ours tell by themselves.
    if (session instanceof Session) return;
    own(session, 'destroy', function watchedDestroy(...args) {
      exchange.ending(this.id);
      return destroy.apply(this, args);
    });
    own(session, 'regenerate', function watchedRegenerate(...args) {
      exchange.ending(exchange.req.sessionID);
      return regenerate.apply(this, args);
    });
  }

  /** This moment of a MemoryStore's records, NaN with other stores. */
  moment() {
    return MemoryStore.recordsIn(this.options.store)?.moment() ?? NaN;
  }

  /** A session is about to be saved. */
  saving(session) {
    if (debug.enabled) debug('saving');
    Session.complete(this.firstSession);
    this.saved = fingerprint(session);
    this.savedId = session.id;
    this.savedAt = this.moment();
  }

  /** `session` was reloaded after a moment, or in vain, and another may have taken its place. */
  reloaded(session, moment, error) {
    if (debug.enabled && !error) debug('reloaded');
    const { session: current } = this.req;
    if (typeof current === 'object' && current !== null && current !== session) {
      const { id } = current;
      // Under another id it is not the store's.
      if (!error && id === session.id) {
        if (id === this.savedId) this.savedId = undefined;
        this.loadedId = id;
        this.loadedAt = moment;
      }
      this.watch(current);
    }
  }

  /** The request destroys the session of a sid, now or later: to save it still is its own affair. */
  ending(sid) {
    (this.endedIds ??= new Set()).add(sid);
  }

  /**
   * Logged out stays logged out: since when nobody must have destroyed the session of a
   * sid, so that the end of the response may store it. NaN for a session that is new, or
   * destroyed by the request itself.
   */
  since(sid) {
    if (sid === undefined || this.endedIds?.has(sid)) return NaN;
    if (sid === this.savedId) return this.savedAt;
    return sid === this.loadedId ? this.loadedAt : NaN;
  }

  /** Starts the cookie's lifetime anew, once. */
  touch() {
    if (this.touched) return;
    this.req.session.touch();
    this.touched = true;
  }

  /**
   * Does what the end of the response must do to the session in the store.
   *
   * @param {{ wait: () => (error?: Error) => void }} out its `wait` is called if the store's
   *   answer is not there at once, for what the store is to call
   * @returns {'nothing' | 'done' | 'waiting'} whether the response must wait
   * @throws what the store throws, or `JSON.stringify` for data it refuses
   */
  settle(out) {
    const { req, options: { store } } = this;
    const isThere = isResident(store);
    if (isThere && this.isAsleep && lazy.isUntouched(this)) {
      const progress = this.settleAsleep();
      if (progress) return progress;
    }
    const { session } = req;
    Session.complete(this.firstSession);
    if (session) this.touch();
    const { facts, text } = this.judge(session);
    const end = state.endOf(facts);
    if (end === native.END_NOTHING) return 'nothing';
    const isSave = end === native.END_SAVE;
    const waits = !isThere || (isSave && !this.saves(session));
    if (isSave && waits && this.isGone(session)) {
      debug('not saving: the session was destroyed');
      return 'done';
    }
    const callback = waits ? answer(req, out.wait()) : undefined;
    if (end === native.END_DESTROY) {
      debug('destroying');
      if (waits) ask(callback, store, 'destroy', req.sessionID);
      else store.destroy(req.sessionID);
    } else if (isSave) {
      if (waits && this.canReplace(session)) this.replace(session, callback);
      else if (waits) ask(callback, session, 'save');
      else this.put(session, text === undefined ? fingerprint(session) : text);
    } else {
      if (debug.enabled) debug('touching');
      if (waits) ask(callback, store, 'touch', req.sessionID, session);
      else if (!this.renew(session)) store.touch(req.sessionID, session);
    }
    return waits ? 'waiting' : 'done';
  }

  /** Lets go of what decides what the end does: that is done, and the store may take long to answer. */
  dropOriginal() {
    this.originalText = undefined;
    this.snapshot = undefined;
    this.saved = undefined;
    // The program may have let go of it.
    this.firstSession = null;
  }

  /** `settle` of a session nobody has looked at; undefined if it must be made first. */
  settleAsleep() {
    const { end } = this.conclusion();
    if (end === native.END_NOTHING) {
      if (!touchesPlainly()) return undefined;
    } else if (end !== native.END_TOUCH || !touchesPlainly() || !this.renewRecord(NaN)) {
      return undefined;
    }
    if (debug.enabled && end === native.END_TOUCH) debug('touching');
    this.touched = true;
    this.endedAt = Date.now();
    return end === native.END_NOTHING ? 'nothing' : 'done';
  }

  /** What the options say of a session that nobody has looked at. */
  conclusion() {
    const { conclusions } = this.options;
    return this.isLoaded ? conclusions.loaded : conclusions.created;
  }

  /**
   * Whether another request has destroyed a session that a MemoryStore has had, whose
   * methods or the session's are a program's: `put` sees to it in one step.
   */
  isGone({ id }) {
    const since = this.since(id);
    return !Number.isNaN(since) && MemoryStore.recordsIn(this.options.store).wasDestroyed(`${id}`, since);
  }

  /** Whether the store can be told to save a session only if it still has it. */
  canReplace({ id }) {
    const { req, options: { store } } = this;
    return id !== undefined && id === this.loadedId && !this.endedIds?.has(id) && req.sessionStore === store &&
      typeof store.setIfPresent === 'function';
  }

  /**
   * Saves a session by its own `save`, which another package may have made, or the
   * program, but for a store that sets only what it still has.
   */
  replace(session, callback) {
    const { req, options: { store } } = this;
    req.sessionStore = new Proxy(store, onlyPresent);
    try {
      ask(callback, session, 'save');
    } finally {
      req.sessionStore = store;
    }
  }

  /** Stores a session at once, with the fingerprint at hand if there is one. */
  put(session, text) {
    // A copy that has lost its request, or an id that is no text, is for its own method to judge.
    if (session.req !== this.req || typeof session.id !== 'string') {
      if (this.isGone(session)) debug('not saving: the session was destroyed');
      else session.save();
      return;
    }
    if (debug.enabled) debug('saving');
    const records = MemoryStore.records(this.options.store);
    const since = this.since(session.id);
    const isStored = fast.put && text && isPlainlyWritten(session)
      ? this.putParts(records, session, text, since)
      : this.putWhole(records, session, since);
    if (!isStored) debug('not saving: the session was destroyed');
  }

  /** Stores a session as its cookie and its data. Returns whether it did. */
  putParts(records, session, text, since) {
    const { id, cookie } = session;
    const number = this.isLoaded && id === this.originalId ? this.cookieNumber : records.lastPut;
    const expires = expiryOf(cookie, records.cookies.get(number));
    const deadline = MemoryStore.deadline(records, id, session);
    this.saved = text;
    if (expires !== undefined) {
      const outcome = records.write(id, number, expires, deadline, since, text);
      if (outcome !== native.NOT_CHANGED) return outcome === native.CHANGED;
    }
    const json = JSON.stringify(cookie);
    return json === undefined
      ? this.putWhole(records, session, since)
      : records.put(id, json, text, deadline, since);
  }

  /** Stores a session as the store's `set` does. Returns whether it did. */
  putWhole(records, session, since) {
    this.saved = fingerprint(session);
    const isOdd = MemoryStore.hasOddKeys(session);
    return MemoryStore.write(records, `${session.id}`, session, JSON.stringify(session), isOdd, since);
  }

  /** Touches the record of a session whose cookie has at most a new expiry. */
  renew(session) {
    if (session.id !== this.originalId) return false;
    const expires = expiryOf(session.cookie, this.storedCookie);
    return expires !== undefined && this.renewRecord(expires);
  }

  /**
   * Gives the record a new expiry, in ms since the epoch, NaN for the one that its
   * cookie's lifetime makes. False if the record may be another than the one loaded.
   */
  renewRecord(expires) {
    const { renewal, records } = this;
    const { ttl } = records;
    if (!fast.renewal || renewal === native.RENEWAL_UNCLEAR || typeof ttl === 'function') return false;
    const isNothing = renewal === native.RENEWAL_SAME && ttl === undefined &&
      records.changes === this.changes && !records.isShared;
    return isNothing ||
      records.renew(this.originalId, this.cookieNumber, expires, ttl === undefined ? NaN : Date.now() + ttl);
  }

  /** Whether saving a session does no more than hand it to the store. */
  saves(session) {
    const { req, options: { store } } = this;
    return Session.hasPlainMethods(session) && req.sessionStore === store;
  }

  /** Whether the response's headers carry the session cookie. */
  setsCookie() {
    if (this.isAsleep && !this.conclusion().setsCookie && lazy.isUntouched(this)) return false;
    const { session } = this.req;
    if (!session) return false;
    Session.complete(this.firstSession);
    // The text is made only where it decides.
    const bare = this.facts(session) | (hasExpiry(session) ? native.EXPIRES : 0);
    return state.setsCookie(bare) ||
      (state.setsCookie(bare | native.MODIFIED) && this.isModified(session));
  }

  isModified(session) {
    if (this.originalId !== session.id) return true;
    if (this.isModifiedNow !== undefined) return this.isModifiedNow;
    const verdict = this.verdictOn(session);
    return verdict === UNSURE ? fingerprint(session) !== this.textBefore() : verdict === DIFFERENT;
  }

  /** Whether the session's data are what they were, as far as the snapshot tells. */
  verdictOn(session) {
    return this.snapshot === undefined ? UNSURE : compare(session, this.snapshot);
  }

  /** The JSON of the original data. */
  textBefore() {
    this.originalText ??= fingerprint(restore(this.snapshot));
    return this.originalText;
  }

  /** The facts of this moment, and the JSON of the session's data if it had to be made. */
  judge(session) {
    let facts = this.facts(session);
    // A session whose id is no string is never saved, and one with another id is
    // modified whatever it holds.
    if (!session || facts & native.MODIFIED || !(facts & native.ID_IS_STRING)) return { facts, text: undefined };
    const verdict = this.verdictOn(session);
    let text = verdict === UNSURE ? fingerprint(session) : undefined;
    const isOriginal = verdict === UNSURE ? text === this.textBefore() : verdict === SAME;
    if (isOriginal) text = this.originalText;
    else facts |= native.MODIFIED;
    this.isModifiedNow = !isOriginal;
    this.options.wroteLast = !isOriginal;
    const { saved } = this;
    if (saved === ORIGINAL) {
      if (isOriginal) facts |= native.SAVED;
    } else if (saved !== undefined) {
      text ??= fingerprint(session);
      if (text === saved) facts |= native.SAVED;
    }
    return { facts, text };
  }

  /** The facts of this moment, as far as they show without the session's data. */
  facts(session) {
    const { sessionID } = this.req;
    let { facts } = this.options;
    if (sessionID) facts |= native.HAS_ID;
    if (typeof sessionID === 'string') facts |= native.ID_IS_STRING;
    if (sessionID === this.cookieId) facts |= native.ID_FROM_COOKIE;
    if (this.saved !== undefined) facts |= native.WAS_SAVED;
    if (session === undefined || session === null) facts |= native.UNSET;
    if (!session) return facts;
    facts |= native.HAS_SESSION;
    return session.id === this.originalId ? facts : facts | native.MODIFIED;
  }
}

module.exports = Exchange;
module.exports.ORIGINAL = ORIGINAL;

function own(session, name, value) {
  Object.defineProperty(session, name, { value, configurable: true, writable: true, enumerable: false });
}

/** What `createSession` makes of a stored session. */
function loadedSession(exchange) {
  const { req, options, originalText: text, storedCookie, storedExpires } = exchange;
  const session = new Session(req);
  session.cookie = Cookie.revive(storedCookie, Number.isNaN(storedExpires) ? undefined : new Date(storedExpires));
  if (text !== '{}') {
    const data = JSON.parse(text);
    Session.take(session, data);
    // Who writes needs the JSON anyway. Whether this one does is not known yet; the
    // last one is the best guess.
    if (fast.snapshot && !options.wroteLast) exchange.snapshot = snapshot(data);
  }
  return session;
}

/** What `generate` would have made when the request came. */
function newSession({ req, attributes, startedAt }) {
  const session = new Session(req);
  session.cookie = new Cookie(attributes);
  if (attributes.originalMaxAge === undefined) Cookie.startAt(session.cookie, startedAt, attributes.maxAge);
  return session;
}

/** A store whose `set` is its `setIfPresent`. */
const onlyPresent = {
  get(store, name) {
    const value = store[name === 'set' ? 'setIfPresent' : name];
    // Bound, as a store may have private fields.
    return typeof value === 'function' ? value.bind(store) : value;
  },
};

function hasExpiry({ cookie }) {
  return Boolean(cookie) && cookie.expires !== undefined && cookie.expires !== null;
}

/**
 * Whether the text of a session is its fingerprint with its cookie where the engine puts
 * it, before the first key that is no array index, and it is all taken over again.
 */
function isPlainlyWritten(session) {
  if (!Session.isItself(session) || typeof session.toJSON === 'function') return false;
  for (const key in session) {
    if (key === 'cookie') return !MemoryStore.hasOddKeys(session);
    if (!isArrayIndex(key)) return false;
  }
  return false;
}

/** Whether a key is one of those that JavaScript lists first (ECMA-262, "array index"). */
function isArrayIndex(key) {
  return String(key >>> 0) === key && key !== '4294967295';
}

/**
 * The expiry of a cookie that is the stored one otherwise: ms since the epoch, NaN for
 * none, undefined if it is another cookie.
 */
function expiryOf(cookie, stored) {
  if (stored === undefined || !isStill(cookie, stored) || !hasPlainJSON(cookie)) return undefined;
  const { _expires: expires } = cookie;
  if (expires === null) return NaN;
  return expires instanceof Date ? expires.getTime() : undefined;
}

/** Whether a cookie is the stored one, its expiry aside. */
function isStill(cookie, stored) {
  return cookie.originalMaxAge === stored.originalMaxAge && cookie.path === stored.path &&
    cookie.httpOnly === stored.httpOnly && cookie.secure === stored.secure &&
    cookie.sameSite === stored.sameSite && cookie.domain === stored.domain &&
    cookie.priority === stored.priority && cookie.partitioned === stored.partitioned;
}
