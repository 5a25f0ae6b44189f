'use strict';

const debug = require('debug')('express-session');
const Cookie = require('./cookie');
const MemoryStore = require('./memory');
const Session = require('./session');
const clock = require('./clock');
const fast = require('./fast');
const fingerprint = require('./fingerprint');
const lazy = require('./lazy');
const native = require('./native');
const state = require('./state');
const { create } = require('./generate');
const { hasPlainJSON, isResident, makesPlainSessions, touchesPlainly } = require('./plain');

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
    this.originalText = undefined;
    this.savedText = undefined;
    this.touched = false;
    /** The session that was loaded, or reloaded. */
    this.loadedSession = undefined;

    /** Nobody has looked at the session yet: see entry.js, which fills these. */
    this.isAsleep = false;
    this.session = undefined;
    this.text = undefined;
    this.restAt = 0;
    this.storedCookie = undefined;
    this.startedAt = 0;
    this.endedAt = 0;
    this.records = undefined;
    this.changes = 0;
    this.renewal = native.RENEWAL_UNCLEAR;

    /** The session cannot be read or written. What comes now is an error page. */
    this.hasFailed = false;
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
    this.originalText = fingerprint(data || req.session);
    // Without resave, a loaded session counts as saved until it is modified.
    if (data && !options.resave) this.savedText = this.originalText;
    if (data) this.loadedSession = req.session;
    this.watch(req.session);
  }

  /** Makes the session that was there when the request came. */
  wake() {
    this.isAsleep = false;
    const { req } = this;
    const { sessionID } = req;
    req.sessionID = this.originalId;
    clock.at(this.startedAt, makeSession, this);
    req.sessionID = sessionID;
    const { session } = this;
    if (this.isLoaded) this.loadedSession = session;
    this.watch(session);
    // The response has ended, and would have touched it.
    if (this.touched) clock.at(this.endedAt, touch, session);
  }

  /**
   * Lets the exchange know of a session's saves and reloads. The methods of a
   * session of another kind, or those a program replaced, are wrapped; like the
   * originals they are found on the object, but do not show.
   */
  watch(session) {
    if (fast.watch && Session.watch(session, this)) return;
    const exchange = this;
    const { reload, save } = session;
    own(session, 'reload', function watchedReload(callback) {
      reload.call(this, function onReload(...results) {
        exchange.reloaded(session);
        callback.apply(this, results);
      });
    });
    own(session, 'save', function watchedSave(...args) {
      exchange.saving(this);
      save.apply(this, args);
    });
  }

  /** A session is about to be saved. */
  saving(session) {
    this.savedText = fingerprint(session);
  }

  /** `session` was reloaded, and another may have taken its place. */
  reloaded(session) {
    const { session: current } = this.req;
    if (current && current !== session) {
      if (session === this.loadedSession) this.loadedSession = current;
      this.watch(current);
    }
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
   * @param {(error?: Error) => void} done called once the store has answered, unless
   *   the answer is there at once
   * @returns {'nothing' | 'done' | 'waiting'} whether the response must wait
   * @throws what the store throws, or `JSON.stringify` for data it refuses
   */
  settle(done) {
    const { req, options: { store } } = this;
    const isThere = isResident(store);
    if (isThere && lazy.isUntouched(this)) {
      const progress = this.settleAsleep();
      if (progress) return progress;
    }
    const { session } = req;
    if (session) this.touch();
    const text = this.textOf(session);
    const end = state.endOf(this.facts(session, text));
    const waits = !isThere || (end === native.END_SAVE && !this.saves(session));
    const callback = waits ? done : undefined;
    switch (end) {
      case native.END_DESTROY:
        debug('destroying');
        store.destroy(req.sessionID, callback);
        break;
      case native.END_SAVE:
        if (waits) session.save(callback);
        else this.put(session, text);
        break;
      case native.END_TOUCH:
        debug('touching');
        if (waits || !this.renew(session)) store.touch(req.sessionID, session, callback);
        break;
      default:
        return 'nothing';
    }
    return waits ? 'waiting' : 'done';
  }

  /** `settle` of a session nobody has looked at; undefined if it must be made first. */
  settleAsleep() {
    const { end } = this.conclusion();
    if (end !== native.END_NOTHING && end !== native.END_TOUCH) return undefined;
    if (!touchesPlainly()) return undefined;
    if (end === native.END_TOUCH && !this.renewRecord(NaN)) return undefined;
    this.touched = true;
    this.endedAt = Date.now();
    return end === native.END_NOTHING ? 'nothing' : 'done';
  }

  /** What the options say of a session that nobody has looked at. */
  conclusion() {
    const { conclusions } = this.options;
    return this.isLoaded ? conclusions.loaded : conclusions.created;
  }

  /** Stores a session at once, with the fingerprint at hand if there is one. */
  put(session, text) {
    const { store } = this.options;
    // Logged out stays logged out: who still holds a session that somebody has
    // destroyed meanwhile does not bring it back.
    const isLoaded = session === this.loadedSession;
    const records = MemoryStore.records(store);
    const start = fast.put && text !== undefined && isPlainlyWritten(session) ? this.textUpToCookie(session) : '';
    if (start === '' || MemoryStore.hasOddKeys(session)) {
      if (isLoaded && !records.has(session.id)) debug('not saving: the session was destroyed');
      else session.save();
      return;
    }
    this.savedText = text;
    const whole = `${start}${text === '}' ? '' : ','}${text}`;
    if (!isLoaded) records.set(session.id, whole);
    else if (!records.replace(session.id, whole)) debug('not saving: the session was destroyed');
  }

  /** How the text of a session begins; empty if its cookie has no JSON. */
  textUpToCookie(session) {
    const { cookie } = session;
    const isStored = this.renewal === native.RENEWAL_SAME && this.hasStoredCookie(session) && cookie._expires === null;
    if (isStored) return this.text.slice(0, this.restAt);
    const json = JSON.stringify(cookie);
    return json === undefined ? '' : `{"cookie":${json}`;
  }

  /** Whether the session was loaded here and its cookie is the stored one, the expiry aside. */
  hasStoredCookie(session) {
    const { storedCookie } = this;
    return session === this.loadedSession && storedCookie !== undefined &&
      isStill(session.cookie, storedCookie) && hasPlainJSON(session.cookie);
  }

  /** Touches the record of a session whose cookie has at most a new expiry. */
  renew(session) {
    if (!this.hasStoredCookie(session)) return false;
    const expires = session.cookie._expires;
    const isAlike = this.renewal === native.RENEWAL_SAME ? expires === null : expires instanceof Date;
    return isAlike && this.renewRecord(expires ? expires.getTime() : NaN);
  }

  /**
   * Gives the record a new expiry, in ms since the epoch, NaN for the one that its
   * cookie's lifetime makes. False if the record may be another than the one loaded.
   */
  renewRecord(expires) {
    if (!fast.renewal || this.records.changes !== this.changes || this.renewal === native.RENEWAL_UNCLEAR) return false;
    return this.renewal === native.RENEWAL_SAME || this.records.renew(this.originalId, expires);
  }

  /** Whether saving a session does no more than hand it to the store. */
  saves(session) {
    const { req, options: { store } } = this;
    return Session.hasPlainMethods(session) && req.sessionStore === store;
  }

  /** Whether the response's headers carry the session cookie. */
  setsCookie() {
    if (lazy.isUntouched(this) && !this.conclusion().setsCookie) return false;
    const { session } = this.req;
    if (!session) return false;
    // The text is made only where it decides.
    const bare = this.facts(session) | (hasExpiry(session) ? native.EXPIRES : 0);
    return state.setsCookie(bare) ||
      (state.setsCookie(bare | native.MODIFIED) && this.isModified(session));
  }

  isModified(session) {
    return this.originalId !== session.id || this.originalText !== fingerprint(session);
  }

  /** The fingerprint of the session, where it matters. */
  textOf(session) {
    // A session whose id is no string is never saved, and one with another id is
    // modified whatever it holds.
    const matters = session && typeof this.req.sessionID === 'string' && session.id === this.originalId;
    return matters ? fingerprint(session) : undefined;
  }

  /** The facts of this moment, as far as they show without or with that text. */
  facts(session, text) {
    const { sessionID } = this.req;
    let { facts } = this.options;
    if (sessionID) facts |= native.HAS_ID;
    if (typeof sessionID === 'string') facts |= native.ID_IS_STRING;
    if (sessionID === this.cookieId) facts |= native.ID_FROM_COOKIE;
    if (this.savedText !== undefined) facts |= native.WAS_SAVED;
    if (session === undefined || session === null) facts |= native.UNSET;
    if (!session) return facts;

    facts |= native.HAS_SESSION;
    if (session.id !== this.originalId) return facts | native.MODIFIED;
    if (text === undefined) return facts;
    const { originalText, savedText } = this;
    const isOriginal = text === originalText;
    if (!isOriginal) facts |= native.MODIFIED;
    // Mostly the two are one, and a long text is compared once.
    if (savedText === originalText ? isOriginal : text === savedText) facts |= native.SAVED;
    return facts;
  }
}

module.exports = Exchange;

function own(session, name, value) {
  Object.defineProperty(session, name, { value, configurable: true, writable: true, enumerable: false });
}

/** Puts the session on the request: the stored one, or a new one. */
function makeSession(exchange) {
  const { req, options } = exchange;
  if (!exchange.isLoaded) {
    create(req, options);
    return;
  }
  const { text, restAt, originalText } = exchange;
  const { store } = options;
  if (!makesPlainSessions(store, options.generate)) {
    store.createSession(req, JSON.parse(text));
    return;
  }
  // What `createSession` does, but for the cookie, which is much the same in all.
  const stored = cookieOf(text.slice(COOKIE_AT, restAt));
  exchange.storedCookie = stored;
  const session = new Session(req, { cookie: Cookie.revive(stored) });
  if (originalText !== '}') Session.take(session, JSON.parse(`{${originalText}`));
  req.session = session;
}

/** Where the cookie stands in a text that begins with it. */
const COOKIE_AT = '{"cookie":'.length;

let lastText = '';
let lastCookie;

/** The cookie of a text. Without an expiry, one session's is as the next one's. */
function cookieOf(text) {
  if (text !== lastText || !fast.cookie) {
    lastCookie = Object.freeze(JSON.parse(text));
    lastText = text;
  }
  return lastCookie;
}

function touch(session) {
  session.touch();
}

function hasExpiry({ cookie }) {
  return Boolean(cookie) && cookie.expires !== undefined && cookie.expires !== null;
}

/** Whether the text of a session is its cookie and then its fingerprint. */
function isPlainlyWritten(session) {
  if (typeof session.toJSON === 'function') return false;
  for (const key in session) return key === 'cookie';
  return false;
}

/** Whether a cookie is the stored one, its expiry aside. */
function isStill(cookie, stored) {
  return cookie.originalMaxAge === stored.originalMaxAge && cookie.path === stored.path &&
    cookie.httpOnly === stored.httpOnly && cookie.secure === stored.secure &&
    cookie.sameSite === stored.sameSite && cookie.domain === stored.domain &&
    cookie.priority === stored.priority && cookie.partitioned === stored.partitioned;
}
