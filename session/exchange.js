'use strict';

const debug = require('debug')('express-session');
const fingerprint = require('./fingerprint');
const native = require('./native');
const MemoryStore = require('./memory');
const isResident = require('./resident');
const Session = require('./session');

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
    this.watch(req.session);
  }

  /**
   * Lets the exchange know of a session's saves and reloads. The methods of a
   * session of another kind, or those a program replaced, are wrapped; like the
   * originals they are found on the object, but do not show.
   */
  watch(session) {
    if (Session.watch(session, this)) return;
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
    if (current && current !== session) this.watch(current);
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
    const { session } = req;
    if (session) this.touch();
    const end = native.endOf(this.facts(true));
    const waits = !isResident(store) || (end === native.END_SAVE && !this.saves(session));
    const callback = waits ? done : undefined;
    switch (end) {
      case native.END_DESTROY:
        debug('destroying');
        store.destroy(req.sessionID, callback);
        break;
      case native.END_SAVE:
        // Logged out stays logged out: who still holds a session that somebody has
        // destroyed meanwhile does not bring it back.
        if (!waits && this.isLoaded && session.id === this.originalId && !MemoryStore.has(store, session.id)) {
          debug('not saving: the session was destroyed');
        } else {
          session.save(callback);
        }
        break;
      case native.END_TOUCH:
        debug('touching');
        store.touch(req.sessionID, session, callback);
        break;
      default:
        return 'nothing';
    }
    return waits ? 'waiting' : 'done';
  }

  /** Whether saving a session does no more than hand it to the store. */
  saves(session) {
    const { req, options: { store } } = this;
    return Session.hasPlainMethods(session) && req.sessionStore === store;
  }

  /** Whether the response's headers carry the session cookie. */
  setsCookie() {
    const { session } = this.req;
    if (!session) return false;
    // The text is made only where it decides.
    const bare = this.facts(false);
    return native.setsCookie(bare) ||
      (native.setsCookie(bare | native.MODIFIED) && this.isModified(session));
  }

  isModified(session) {
    return this.originalId !== session.id || this.originalText !== fingerprint(session);
  }

  /** The facts of this moment; those about the session's data only if asked for. */
  facts(withData) {
    const { req, options } = this;
    const { session, sessionID } = req;
    let facts = options.facts;
    if (sessionID) facts |= native.HAS_ID;
    if (typeof sessionID === 'string') facts |= native.ID_IS_STRING;
    if (sessionID === this.cookieId) facts |= native.ID_FROM_COOKIE;
    if (this.savedText !== undefined) facts |= native.WAS_SAVED;
    if (session === undefined || session === null) facts |= native.UNSET;
    if (!session) return facts;

    facts |= native.HAS_SESSION;
    if (!withData) {
      const { expires } = session.cookie || {};
      return expires === undefined || expires === null ? facts : facts | native.EXPIRES;
    }
    // Such a session is never saved, so nobody looks at its data.
    if (typeof sessionID !== 'string') return facts;
    if (session.id !== this.originalId) return facts | native.MODIFIED;
    const text = fingerprint(session);
    if (text !== this.originalText) facts |= native.MODIFIED;
    if (text === this.savedText) facts |= native.SAVED;
    return facts;
  }
}

module.exports = Exchange;

function own(session, name, value) {
  Object.defineProperty(session, name, { value, configurable: true, writable: true, enumerable: false });
}
