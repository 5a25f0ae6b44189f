'use strict';

const native = require('./native');

/**
 * The records of a memory store: the small interface between its JavaScript face
 * and the engine. Sids and texts are strings; times are ms since the epoch.
 */
class Records {
  constructor() {
    this.store = native.createStore();
    /** Counts changes, renewals aside: who saw the same number saw the same texts. */
    this.changes = 0;
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

  /** Stores any text. */
  setRaw(sid, text) {
    this.changes++;
    native.storeSetRaw(this.store, sid, text);
  }

  /** `set`, unless there is no record. False if there was none. */
  replace(sid, text) {
    this.changes++;
    return native.storeReplace(this.store, sid, text);
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
   * Gives the session a new expiry, or the one its cookie's lifetime makes. False
   * if only JavaScript can do it.
   */
  renew(sid, expires) {
    return native.storeRenew(this.store, sid, expires, Date.now());
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
}

module.exports = Records;
