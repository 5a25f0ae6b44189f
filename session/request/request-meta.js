'use strict';

/** @import RequestSession from '../request' */
/** @import ResponsePatch from '../response' */
/** @import { Users } from '../store/users' */
/** @import { Callback, Meta, Session as SessionShape, SessionData } from '../types' */

const { isDeepStrictEqual } = require('node:util');
const debug = require('debug')('express-session');
const isSecure = require('../cookie/secure');
const native = require('../native/load');
const { callStore, isFailure, storeCallback } = require('../store/call');
const dataJSON = require('./data-json');
const { createSession } = require('../store/store').prototype;
const { askStore, attempt, load } = require('./load');
const { endRenewed, enter } = require('./renew');
const { META, appendMeta, defineMeta, isUnseen, newMeta, parsedOthers, showMeta, usedMeta, withMeta, withOthers } = require('./times');

/**
 * What `_meta` says of the sessions of one request, and which of them have got other ids: the options
 * `idleTimeout`, `absoluteTimeout` and `renewAfter`. With the option `merge` alone, `_meta` stays as
 * the store has it.
 */
class RequestMeta {
  /** @param {RequestSession} request */
  constructor(request) {
    this.request = request;
    this.times = request.settings.times;
    /** @type {string | undefined} The sid of the first session of which `_meta` is known. */
    this.firstId = undefined;
    /**
     * What `_meta` said of that session when it was loaded or stored last.
     * @type {Meta | undefined}
     */
    this.first = undefined;
    /**
     * What `_meta` said of each other session, by sid. Few requests have one.
     * @type {Map<string | undefined, Meta> | undefined}
     */
    this.others = undefined;
    /** With the option `renewAfter`: whether the request may renew the id of its session. */
    this.mayRenew = false;
    /**
     * If the request has brought an old id of the session: whether the response sets the cookie of
     * the new one. Undefined else.
     * @type {boolean | undefined}
     */
    this.tellsId = undefined;
    /** @type {Map<string, string> | undefined} The new ids of the sessions that were renewed, by their old ones. */
    this.newIds = undefined;
    /** Whether `_meta` must say that no request has brought the new id yet. */
    this.keepsUnseen = false;
    /**
     * The sid whose cookie the response has set.
     * @type {string | undefined}
     */
    this.toldId = undefined;
  }

  /**
   * Notes what `_meta` says of a session that was loaded or is stored now. From here on, only that
   * counts, whatever the program does to the property `_meta` of the session.
   *
   * @param {string | undefined} sid
   * @param {Meta} meta
   */
  set(sid, meta) {
    if (this.first === undefined || sid === this.firstId) {
      this.firstId = sid;
      this.first = meta;
    } else {
      (this.others ??= new Map()).set(sid, meta);
    }
  }

  /**
   * Returns what `_meta` says of a session; undefined for one that was not stored yet.
   * @param {string | undefined} sid
   */
  of(sid) {
    return sid === this.firstId ? this.first : this.others?.get(sid);
  }

  /**
   * Gives a session that was loaded the property `_meta`.
   * @param {SessionShape} session
   */
  show(session) {
    const meta = this.of(this.request.idOf(session));
    if (meta !== undefined) showMeta(session, meta);
  }

  /**
   * Lets a session that takes the place of another one end when that would have ended, unless it gets
   * another user.
   *
   * @param {string | undefined} oldId
   * @param {SessionShape} session
   */
  carry(oldId, session) {
    const meta = this.of(oldId);
    if (meta === undefined) return;
    const now = Date.now();
    // A store knows by these times that the session takes the place of another one.
    this.set(session.id, { ...newMeta(now), created: Math.min(meta.created, now - 1), others: meta.others });
  }

  /**
   * Returns the `_meta` with which a session is stored now, and notes it.
   *
   * @param {string | undefined} sid
   * @param {SessionData} session
   * @returns {Meta}
   * @throws what the store's options `user` and `describe` throw, and a TypeError if they return what
   *   they may not
   */
  toStore(sid, session) {
    const known = this.of(sid);
    const now = Date.now();
    const { keepsExpiry, loadedId, settings: { users } } = this.request;
    let meta = known === undefined ? newMeta(now) : usedMeta(known, now, keepsExpiry, this.keepsUnseen && sid === loadedId);
    if (users !== undefined) meta = this.withUser(meta, users, session, keepsExpiry && known !== undefined, now);
    this.set(sid, meta);
    return meta;
  }

  /**
   * Returns a `_meta` that says whose the session is, and what browser has used it last.
   *
   * @param {Meta} meta
   * @param {InstanceType<typeof Users>} users
   * @param {SessionData} session
   * @param {boolean} isNoUse whether this request is not to count as a use
   * @param {number} now
   * @returns {Meta} one that begins now if the session gets a user, or another one
   * @throws as `toStore`
   */
  withUser(meta, users, session, isNoUse, now) {
    const user = users.userOf(session);
    const before = parsedOthers(meta);
    if (user === undefined) return withOthers(meta, { user, ip: undefined, agent: undefined });
    const { ip = undefined, agent = undefined } = isNoUse ? before : users.described(this.request.req);
    const described = withOthers(meta, { user, ip, agent });
    return user === before.user ? described : { ...described, created: now };
  }

  /**
   * Whether the store has another user of a session than its data say: the option `user` is newer than
   * the stored session.
   *
   * @param {SessionShape} session
   * @param {Meta} meta
   */
  hasOtherUser(session, meta) {
    const { users } = this.request.settings;
    if (users === undefined) return false;
    try {
      return users.userOf(session) !== parsedOthers(meta).user;
    } catch {
      // Who stores the session gets the error.
      return false;
    }
  }

  /**
   * Gives a session the property `_meta` with which it is stored now, whatever a program has made of
   * it. With the option `merge` alone, that is the `_meta` that the store's `get` has given.
   *
   * @param {SessionShape} session
   * @returns {SessionShape} what the store must get: the session, or a copy, as `withMeta` says
   */
  stamp(session) {
    const { request, times } = this;
    if (times !== undefined) return withMeta(session, this.toStore(request.idOf(session), session));
    const base = request.bases?.of(session);
    const loaded = base?.includes(`"${META}"`) ? JSON.parse(base)[META] : undefined;
    if (isDeepStrictEqual(session[META], loaded)) return session;
    if (loaded === undefined) Reflect.deleteProperty(session, META);
    else defineMeta(session, loaded);
    return session;
  }

  /**
   * Returns the JSON with which the data of a session are stored now.
   *
   * @param {string} sid
   * @param {SessionShape} session
   * @param {string} text the JSON of the data without `_meta`
   * @throws as `toStore`
   */
  textToStore(sid, session, text) {
    return this.times === undefined ? text : appendMeta(text, this.toStore(sid, session));
  }

  /**
   * Whether the id of the session that was loaded for this request is to be renewed now.
   * @param {SessionData} data
   */
  mustRenew(data) {
    const { mayRenew, times, request: { req, settings: { proxy } } } = this;
    if (!mayRenew || times === undefined || this.tellsId !== undefined) return false;
    const meta = this.of(req.sessionID);
    // Without its cookie, the browser would lose the session.
    return meta !== undefined && times.mustRenew(meta, Date.now()) && !(data.cookie?.secure && !isSecure(req, proxy));
  }

  /**
   * Whether another request may have renewed the id of a session since it was loaded.
   * @param {string | undefined} sid
   */
  mayBeRenewed(sid) {
    const { times } = this;
    const meta = times?.renews ? this.of(sid) : undefined;
    return meta !== undefined && /** @type {NonNullable<typeof times>} */ (times).mayBeRenewed(meta, Date.now());
  }

  /**
   * Notes that a session has a new id, which the request has got before.
   *
   * @param {string | undefined} oldId
   * @param {string} id
   */
  noteRenamed(oldId, id) {
    if (oldId !== undefined) (this.newIds ??= new Map()).set(oldId, id);
    const meta = this.of(id);
    // No request has brought the new id yet, or the browser has the old one from this response,
    // perhaps after it had the new one.
    if (this.toldId === oldId || (meta !== undefined && isUnseen(meta))) this.keepsUnseen = true;
  }

  /**
   * Returns the id that a session has now, which is another one if it was renewed since.
   * @param {string | undefined} sid
   */
  newestId(sid) {
    let newest = sid;
    while (newest !== undefined && this.newIds?.has(newest)) newest = this.newIds.get(newest);
    return newest;
  }

  /**
   * Notes that the request has brought the old id of its session. The response tells the browser
   * the new one until a request has brought that: a response may be lost.
   *
   * @param {boolean} [isUnseenId] whether no request can have brought it yet; true, too, if the options
   *   of time are off now, so that nobody knows
   */
  tellNewId(isUnseenId = this.isUnseenNow()) {
    this.tellsId = isUnseenId;
    this.keepsUnseen = isUnseenId;
  }

  /** Whether no request has brought the id of the session yet, as far as is known. */
  isUnseenNow() {
    const meta = this.of(this.request.req.sessionID);
    return meta === undefined || isUnseen(meta);
  }

  /**
   * Returns the session whose cookie the response sets because the request has brought the old id of
   * it.
   *
   * @returns {SessionShape | null | undefined} null if the browser has that cookie already;
   *   undefined if the request has brought no old id, or has another session now
   */
  sessionToTell() {
    const { request, tellsId } = this;
    if (tellsId === undefined) return undefined;
    const session = request.current();
    const { loadedId, req } = request;
    if (!session || req.sessionID !== loadedId || request.idOf(session) !== loadedId) return undefined;
    return tellsId ? session : null;
  }

  /**
   * Whether a session that is asleep must be woken for what the end of the response does.
   * @param {number} end
   */
  mustWake(end) {
    return this.mustNoteUse(end) || this.mayBeRenewed(this.request.loadedId);
  }

  /**
   * Does to the session in the store what the end of the response must do, if the backend does not
   * know how: another request may have renewed the id, or the use must be noted.
   *
   * @param {number} end
   * @param {boolean} setsCookie whether the response sets the cookie
   * @param {SessionShape | null | undefined} session `req.session`
   * @param {ResponsePatch} response
   * @returns {'waiting' | undefined} undefined if the backend must do it
   * @throws what the store throws, and what `JSON.stringify` throws for the data
   */
  commit(end, setsCookie, session, response) {
    const isLate = end !== native.END_SAVE && (end !== native.END_NOTHING || setsCookie) && this.mayBeRenewed(this.request.req.sessionID);
    if (isLate) return this.commitLate(end, session, response);
    if (!session || !this.mustNoteUse(end, session)) return undefined;
    this.noteUse(end, session, response.wait(native.END_TOUCH));
    return 'waiting';
  }

  /**
   * Whether a session that is not saved otherwise must be stored because its `_meta` has become old.
   * @param {number} end what the end of the response does
   * @param {SessionShape | null} [session] `req.session`, unless it is asleep
   */
  mustNoteUse(end, session) {
    const { request, times } = this;
    const { cookieId, keepsExpiry, loadedId, req } = request;
    if (times === undefined || (end !== native.END_TOUCH && end !== native.END_NOTHING)) return false;
    if (req.sessionID !== loadedId || cookieId !== loadedId || !request.wasStored(loadedId)) return false;
    const meta = this.of(loadedId);
    if (meta === undefined) return false;
    return times.isDue(meta, Date.now(), keepsExpiry, this.keepsUnseen) || Boolean(session && this.hasOtherUser(session, meta));
  }

  /**
   * Stores a session whose data have not changed, so that its `_meta` says when it was used. If
   * another request has changed the data or destroyed the session meanwhile, the store keeps what
   * that has stored, and the use is noted in that. A store without `setIfUnchanged` is read again to see
   * it.
   *
   * @param {number} end `END_TOUCH` or `END_NOTHING`
   * @param {SessionShape} session
   * @param {Callback} done
   * @throws what the store throws, and what `JSON.stringify` throws for the data
   */
  noteUse(end, session, done) {
    debug('noting the use');
    const { request, request: { req, req: { sessionStore: store } } } = this;
    const id = request.idOf(session);
    request.touches?.noteSaved(session);
    if (typeof store.setIfUnchanged !== 'function') {
      this.finishLate(end, id, session, storeCallback(req, done));
      return;
    }
    const stored = this.stamp(session);
    callStore(storeCallback(req, (error, isStored) => {
      if (error || isStored) done(error);
      else attempt((answered) => { this.finishLate(end, id, session, answered); }, done);
    }), store, 'setIfUnchanged', id, stored, { ...JSON.parse(dataJSON(stored)), cookie: session.cookie });
  }

  /**
   * Touches a session, or notes its use, after the store was read again.
   *
   * @param {number} end `END_TOUCH`, or `END_NOTHING` if only the use may have to be noted
   * @param {string | undefined} sid
   * @param {SessionShape | null | undefined} session `req.session`
   * @param {Callback} done gets the error of the store
   * @throws what the store throws
   */
  finishLate(end, sid, session, done) {
    const { request } = this;
    load(request, sid, (error, found, id) => {
      const mustNote = session && (id === sid ? this.mustNoteUse(end, session) : this.keepsUnseen);
      if (isFailure(error)) {
        done(error);
      } else if (error || !found || (!mustNote && end === native.END_NOTHING)) {
        request.diagnostics?.dropEnd();
        done();
      } else if (mustNote) this.noteUseIn(session, found, done);
      else askStore(request.req, done, 'touch', id, session);
    });
  }

  /**
   * Writes the use of a session into what the store has of it now.
   *
   * @param {SessionShape} session `req.session`, which was touched
   * @param {SessionData} found what the store has
   * @param {Callback} done gets the error of the store
   */
  noteUseIn(session, found, done) {
    const { request, request: { req, req: { sessionStore: store } } } = this;
    const { sessionID: id } = req;
    attempt((answered) => {
      const record = createSession.call(store, { sessionID: id, sessionStore: store }, { ...found });
      // Many stores leave the stored cookie as it is when they touch a session.
      record.cookie = session.cookie;
      const stored = withMeta(record, this.toStore(id, record));
      if (typeof store.setIfUnchanged === 'function') askStore(req, answered, 'setIfUnchanged', id, stored, found);
      else askStore(req, answered, request.savesIfPresent(id) ? 'setIfPresent' : 'set', id, stored);
    }, done);
  }

  /**
   * Touches or destroys a session whose id another request may have renewed meanwhile. If the response
   * brings the old id to the browser, the renewed session must know that.
   *
   * @param {number} end `END_TOUCH`, `END_DESTROY` or `END_NOTHING`
   * @param {SessionShape | null | undefined} session `req.session`
   * @param {ResponsePatch} response
   * @returns {'waiting'}
   * @throws what the store throws
   */
  commitLate(end, session, response) {
    const { request: { req } } = this;
    const { sessionID: sid } = req;
    const callback = storeCallback(req, response.wait(end === native.END_DESTROY ? end : native.END_TOUCH));
    if (end === native.END_DESTROY) {
      debug('destroying');
      this.endStored(sid, callback, (answered) => { askStore(req, answered, 'destroy', sid); });
      return 'waiting';
    }
    this.finishLate(end, sid, session, callback);
    return 'waiting';
  }

  /**
   * Ends a session whose id another request may have renewed meanwhile: under the new id first.
   *
   * @param {string | undefined} sid
   * @param {Callback} callback gets the error of the store
   * @param {(callback: Callback) => void} end ends it under the id `sid`
   */
  endStored(sid, callback, end) {
    const { request, request: { settings: { store } } } = this;
    const { leave } = enter(store, `${sid}`, true);
    endRenewed(request, sid, (error) => {
      if (error) {
        leave();
        callback(error);
        return;
      }
      attempt(end, (...results) => {
        leave();
        callback(...results);
      });
    });
  }
}

module.exports = RequestMeta;
