'use strict';

const native = require('./native');

/** How many cookies a store's records keep parsed. An app has one for each kind of session. */
const COOKIES = 16;

/**
 * The records of a memory store: the small interface between its JavaScript face
 * and the engine. Sids and texts are strings; times are ms since the epoch. `data` is
 * a session's JSON object without its cookie.
 */
class Records {
  constructor() {
    this.store = native.createStore();
    this.engine = native.storeChanges(this.store);
    /** Counts changes, renewals aside: who saw the same number saw the same texts. */
    this.changes = 0;
    /** The engine's numbers of cookies, and the cookies themselves, dates aside. */
    this.cookies = new Map();
    /** The number of the cookie that the last new session had. */
    this.lastPut = NaN;
  }

  /**
   * The text of a session that has not expired; undefined if there is none; an
   * object with the text if only JavaScript can judge whether it has expired.
   */
  get(sid) {
    return native.storeGet(this.store, sid, Date.now());
  }

  /** The text of a session, expired or not. */
  peek(sid) {
    return native.storePeek(this.store, sid);
  }

  has(sid) {
    return native.storeHas(this.store, sid);
  }

  /** Stores a text that `JSON.stringify` made of a session. */
  set(sid, text) {
    this.changes++;
    native.storeSet(this.store, sid, text);
  }

  /** Stores a session: its cookie's JSON, and its data. */
  put(sid, cookie, data) {
    this.changes++;
    this.lastPut = native.storePut(this.store, sid, cookie, data);
    if (!Number.isNaN(this.lastPut)) this.cookie(this.lastPut, () => cookie);
  }

  /**
   * Stores a new session whose cookie is the one of that number, with its expiry, NaN
   * for none. False if the engine does not remember the cookie, or has the sid.
   */
  insert(sid, cookieNumber, expires, data) {
    this.changes++;
    return this.engine.insert(sid, cookieNumber, expires, data) === native.CHANGED;
  }

  /** Stores any text. */
  setRaw(sid, text) {
    this.changes++;
    native.storeSetRaw(this.store, sid, text);
  }

  /**
   * Gives a session other data and another expiry, NaN for none, if its cookie is the
   * one of that number: `native.CHANGED`, `MISSING` or `NOT_CHANGED`.
   */
  rewrite(sid, cookieNumber, expires, data) {
    this.changes++;
    return this.engine.rewrite(sid, cookieNumber, expires, data);
  }

  /**
   * Puts a cookie's JSON in place of the session's cookie. The text, if only
   * JavaScript can do it.
   */
  touch(sid, cookie) {
    this.changes++;
    return native.storeTouch(this.store, sid, cookie, Date.now());
  }

  /**
   * Gives the session a new expiry, or the one its cookie's lifetime makes, if its
   * cookie is the one of that number. False if it is not, or only JavaScript can do it.
   */
  renew(sid, cookieNumber, expires) {
    return this.engine.renew(sid, cookieNumber, expires, Date.now()) !== native.NOT_CHANGED;
  }

  destroy(sid) {
    this.changes++;
    native.storeDestroy(this.store, sid);
  }

  clear() {
    this.changes++;
    native.storeClear(this.store);
  }

  /** Every sid in order of insertion, expired ones too. */
  sids() {
    return native.storeSids(this.store);
  }

  /** How many sessions have not expired; null if only JavaScript can judge one. */
  count() {
    return native.storeLength(this.store, Date.now());
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
