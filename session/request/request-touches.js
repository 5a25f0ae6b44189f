'use strict';

/** @import RequestSession from '../request' */
/** @import { Callback, Cookie, Session as SessionShape, StoredCookie } from '../types' */
/** @import { Touches } from './touches' */

const native = require('../native/load');
const { storeCallback } = require('../store/call');
const { beginOf, isUntouched, storedCookie } = require('./touches');

/**
 * Whether one request must touch its session, and what it does that counts as a touch: the option
 * `touchAfter`.
 */
class RequestTouches {
  /**
   * @param {RequestSession} request
   * @param {InstanceType<typeof Touches>} table the touches of all sessions of the store
   */
  constructor(request, table) {
    this.request = request;
    this.table = table;
    /**
     * The cookie that the session was loaded with. Undefined if the session must be touched in any
     * case: the program asks for it, or this request has begun to.
     * @type {StoredCookie | undefined}
     */
    this.stored = undefined;
    /** @type {string | undefined} The sid that was noted last as touched. */
    this.touchedId = undefined;
  }

  /**
   * Notes the cookie with which the session was loaded that the request begins with.
   * @param {Cookie | undefined} cookie
   */
  noteLoaded(cookie) {
    this.stored = storedCookie(cookie);
  }

  /**
   * Notes the cookie of a session that was loaded again. One that must be touched before must be so still.
   * @param {Cookie | undefined} cookie
   */
  noteReloaded(cookie) {
    if (this.stored !== undefined) this.stored = storedCookie(cookie);
  }

  /** Notes that the session must be touched in any case, or that this matters no more. */
  demand() {
    this.stored = undefined;
  }

  /**
   * Calls a function that demands a touch, and takes no notice of that.
   * @param {() => void} act
   * @throws what `act` throws
   */
  withoutDemand(act) {
    const { stored } = this;
    act();
    this.stored = stored;
  }

  /**
   * Notes that this request destroys a session.
   * @param {string | undefined} sid
   */
  noteDestroyed(sid) {
    this.demand();
    this.table.forget(sid);
  }

  /**
   * Notes what the end of the response does.
   *
   * @param {number} end one of the `END_` numbers of the addon
   * @param {SessionShape | null | undefined} session `req.session`
   */
  noteEnd(end, session) {
    const { sessionID } = this.request.req;
    if (end === native.END_TOUCH) this.noteRenewed(sessionID);
    else if (end === native.END_SAVE && session) this.noteSaved(session);
    else if (end === native.END_DESTROY) this.table.forget(sessionID);
  }

  /**
   * Notes that a session is saved.
   * @param {SessionShape} session
   */
  noteSaved(session) {
    this.noteRenewed(this.request.idOf(session), beginOf(session.cookie));
  }

  /**
   * Notes that a session is renewed in the store. When the response ends, that is noted before the
   * store has answered, so that requests of the same moment touch once; `takeBack` takes it back.
   *
   * @param {string | undefined} sid
   * @param {number} [time] from which on its lifetime counts, in ms since the epoch
   */
  noteRenewed(sid, time = Date.now()) {
    const { req, loadedId, settings: { store } } = this.request;
    if (sid === loadedId) this.demand();
    if (typeof sid !== 'string' || req.sessionStore !== store) return;
    this.touchedId = sid;
    this.table.note(sid, time);
  }

  /** Notes that the store has perhaps not done what it was asked for. */
  takeBack() {
    if (this.touchedId !== undefined) this.table.forget(this.touchedId);
  }

  /**
   * Makes the callback of a save, perhaps one of the program, which counts as a touch if it succeeds.
   *
   * @param {Callback} callback made by `storeCallback`
   * @param {string | undefined} sid
   * @param {SessionShape} session
   * @returns {Callback}
   */
  hearingSave(callback, sid, session) {
    const { request } = this;
    const touches = this;
    const begin = beginOf(session.cookie);
    /**
     * @this {unknown}
     * @param {any[]} results
     */
    function heard(...results) {
      if (!results[0] && !request.destroyedIds?.has(sid)) touches.noteRenewed(sid, begin);
      return callback.apply(this, results);
    }
    return storeCallback(request.req, heard);
  }

  /**
   * Returns whether the session was loaded, was only read and was touched lately, so that this
   * request need not touch it.
   *
   * @param {SessionShape} [session] left out for a session that is asleep
   */
  isFresh(session) {
    if (session) this.compareCookie(session);
    const { stored, request: { loadedId, req }, table } = this;
    return stored !== undefined && loadedId !== undefined && req.sessionID === loadedId && table.isFresh(loadedId, stored);
  }

  /**
   * Notes whether the program has changed the session's cookie, which the touch alone stores.
   * @param {SessionShape} session
   */
  compareCookie(session) {
    const { stored } = this;
    if (stored !== undefined && !this.request.isTouched && !isUntouched(session.cookie, stored)) this.demand();
  }
}

module.exports = RequestTouches;
