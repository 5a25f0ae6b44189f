'use strict';

/** @import { Callback, CookieData, Next, Request, Response, Session as SessionShape, SessionData, SessionSource, Settings } from './types' */
/** @import Resident from './backend/resident' */
/** @import ResponsePatch from './response' */

const debug = require('debug')('express-session');
const { select, touchesPlainly } = require('./backend/select');
const { startLifetimeAt } = require('./cookie/cookie');
const { warnOfProblems, warnOfWithheld } = require('./cookie/problems');
const isSecure = require('./cookie/secure');
const serialize = require('./cookie/serialize');
const RequestDiagnostics = require('./diagnostics');
const native = require('./native/load');
const Bases = require('./request/bases');
const dataJSON = require('./request/data-json');
const wrapMethods = require('./request/foreign-session');
const REQUEST_SESSION = require('./request/key');
const Original = require('./request/original');
const { sessionProperty, hasSessionProperty } = require('./request/property');
const { saveMerged } = require('./request/merge');
const RequestMeta = require('./request/request-meta');
const RequestTouches = require('./request/request-touches');
const SessionEnded = require('./request/session-ended');
const { Session, hasOurMethod, hideFields, restoreMethods, watchSession } = require('./request/session');
const { callStore, functionOf, storeCallback } = require('./store/call');
const defer = require('./store/defer');

/**
 * The decision on each combination of facts: what the end of the response does to the session,
 * and whether the response sets the session cookie.
 */
const DECISIONS = native.decisions();
const { END_MASK, SETS_COOKIE } = native;

/** The value of `saved` while the store has the data that the request began with. */
const ORIGINAL = Symbol('original');

/** `sessionForCookie` returns this if the browser is to delete the cookie of an ended session. */
const CLEARED = Symbol('cleared');

/** The facts of each session that is asleep. */
const ASLEEP_FACTS = native.HAS_ID | native.ID_IS_STRING | native.HAS_SESSION;

const { save, reload } = Session.prototype;

/**
 * The session of one request: what the session was when the request came, who may have changed
 * it since, and so what the end of the response must do with it. It finds the facts; what they
 * lead to is decided in the addon (core/src/state.rs).
 *
 * The session is *asleep* if the backend has found it, and nobody has read `req.session` yet.
 * Then there is no session object, only its `source`, and the session cannot have changed. The
 * first read *wakes* the session: the object is made, and from then on the session is awake.
 * Only the resident backend lets sessions sleep.
 *
 * A *moment* is a number by which a `MemoryStore` knows whether a session was destroyed before or
 * after another event (`native.storeMoment`).
 */
class RequestSession {
  /**
   * @param {Settings} settings
   * @param {Request} req
   * @param {import('./cookie/keyring')} keyring
   */
  constructor(settings, req, keyring) {
    this.settings = settings;
    this.req = req;
    this.keyring = keyring;
    /** @type {string | undefined} The sid that the cookie of the request brought. */
    this.cookieId = undefined;
    /** @type {string | undefined} The sid of the session with which the request began. */
    this.originalId = undefined;
    /** @type {Original | undefined} The data of that session, as they were then. */
    this.original = undefined;
    /** @type {SessionSource | undefined} What the resident backend knows of that session. */
    this.source = undefined;
    this.isAsleep = false;
    /** Whether a program has read or assigned `req.session`, if the session was asleep. */
    this.isLookedAt = false;
    /** @type {SessionShape | null | undefined} The value of `req.session`, if the session was asleep and is awake now. */
    this.session = undefined;
    /** @type {number | undefined} When the response ended, in ms since the epoch, if the session was asleep then. */
    this.endedAt = undefined;

    /**
     * The JSON of the data that were saved last, or `ORIGINAL`; undefined if nothing was saved,
     * and the session is new or the option `resave` is set.
     * @type {string | typeof ORIGINAL | undefined}
     */
    this.saved = undefined;
    /** Whether this response has started the lifetime of the session anew. */
    this.isTouched = false;
    /** Whether the program wants the expiry to stay as it is: `touch(false)`. */
    this.keepsExpiry = false;
    /**
     * The first `Session` that was made for the request; null if the program or another package
     * has put a session on the request before, or after `dropOriginal`.
     * @type {SessionShape | null | undefined}
     */
    this.firstSession = undefined;
    /**
     * The id of `firstSession`. The session has no `id` of its own: it reads this one, and so
     * does a Proxy of the session or an object that inherits from it.
     * @type {string | undefined}
     */
    this.firstId = undefined;
    /** Whether `save` and `reload` of `firstSession` call `beforeSave` and `afterReload`. */
    this.watchesFirst = false;
    /** @type {SessionShape | undefined} The last `Session` that was made for the request. */
    this.lastMade = undefined;
    /** @type {Function | undefined} The wrapper of `save` of a session that was not made by this package. */
    this.foreignSave = undefined;
    /** @type {string | undefined} The sid of the session that was loaded or reloaded last. */
    this.loadedId = undefined;
    /** The moment of that load. */
    this.loadedMoment = NaN;
    /** @type {string | undefined} The sid of the session that was saved last. */
    this.savedId = undefined;
    /** The moment of that save. */
    this.savedMoment = NaN;
    /**
     * If the store knows whose its sessions are: the sid of the session that this request has stored last.
     * @type {string | undefined}
     */
    this.presentId = undefined;
    /**
     * The sid of the session with another id that was stored last: by `regenerate({ keep })`, or
     * before the headers were sent.
     * @type {string | undefined}
     */
    this.replacedId = undefined;
    /** @type {Set<string | undefined> | undefined} The sids of the sessions that this request has destroyed, if there are any. */
    this.destroyedIds = undefined;
    /** With the option `clearCookie`: whether `destroy` was called, and has had no error. */
    this.isDestroyed = false;
    /**
     * With the option `clearCookie`: the attributes of the cookie of the first session that was awake.
     * @type {CookieData | undefined}
     */
    this.cookieData = undefined;

    // These two hold only as long as nobody can change the session: see `invalidate`.
    /** @type {string | undefined} The JSON of the session's data. */
    this.knownJSON = undefined;
    /**
     * The session whose cookie the response must set, if the end of the response has decided
     * that; null for none.
     * @type {SessionShape | null | undefined}
     */
    this.cookieSession = undefined;
    /** Whether the end of the response is calling a `save` that may call ours. */
    this.isEnding = false;
    /** @type {number | undefined} What was done to the session before the headers were sent. */
    this.earlyEnd = undefined;
    /** Whether the session cannot be read or written. An error page follows, and leaves it alone. */
    this.hasFailed = false;
    // These three are there if an option needs them. A request that waits for its store takes no
    // memory for options that are off.
    this.meta = settings.metaKey === undefined ? undefined : new RequestMeta(this);
    this.touches = settings.touches === undefined ? undefined : new RequestTouches(this, settings.touches);
    this.bases = settings.merge !== undefined ? new Bases(this) : undefined;
    /** What subscribers hear of the session; undefined if there are none. */
    this.diagnostics = RequestDiagnostics.of(this);
    // Another middleware may have had the request before.
    req[REQUEST_SESSION]?.leave();
    req[REQUEST_SESSION] = this;
  }

  /**
   * Notes the sid that the cookie of the request brought.
   * @param {string | undefined} sid
   */
  setCookieId(sid) {
    this.cookieId = sid;
    this.req.sessionID = sid;
  }

  /** Notes that the store is loading the session from now on. */
  startLoading() {
    this.loadedMoment = this.moment();
  }

  /**
   * Puts a session on the request that is asleep.
   *
   * @param {SessionSource} source
   * @param {string | undefined} cookieId the sid that the cookie brought
   */
  sleep(source, cookieId) {
    const { req } = this;
    this.cookieId = cookieId;
    req.sessionID = cookieId;
    this.loadedMoment = source.moment;
    this.originalId = source.id;
    this.source = source;
    this.isAsleep = true;
    if (source.id === cookieId) {
      if (source.meta !== undefined) this.meta?.set(cookieId, source.meta);
      this.markLoaded(cookieId);
      this.bases?.set(cookieId, source.text);
    } else {
      req.sessionID = source.id;
    }
    Object.defineProperty(req, 'session', sessionProperty);
  }

  /**
   * Puts an awake session on the request.
   *
   * @param {SessionData | null} [data] what the store has returned; without data, the session is
   *   new. The session is compared with these data later, so a key that it has not taken over
   *   counts as a modification.
   * @throws what the program's functions throw, and a TypeError for damaged data
   */
  begin(data) {
    const { req, settings: { store } } = this;
    try {
      if (data) {
        debug('session found');
        store.createSession(req, data);
      } else {
        store.generate(req);
      }
      this.originalId = req.sessionID;
      // If no `Session` was made, the program or another package has made the session.
      this.firstSession ??= null;
      if (data) this.markLoaded(req.sessionID);
      const session = /** @type {SessionShape} */ (req.session);
      if (data) this.noteLoaded(session, data);
      if (data) this.touches?.noteLoaded(session.cookie);
      const { metaKey } = this.settings;
      this.original = data ? new Original(undefined, data, metaKey) : new Original(dataJSON(session, metaKey), undefined, metaKey);
      this.watch(session);
    } catch (error) {
      // A session that is on the request already is incomplete, and must not be stored.
      this.hasFailed = Boolean(req.session);
      throw error;
    }
  }

  /**
   * Notes that the session was loaded from the store. Without the option `resave` it counts as
   * saved until it is modified.
   *
   * @param {string | undefined} sid
   */
  markLoaded(sid) {
    this.loadedId = sid;
    if (!this.settings.resave) this.saved = ORIGINAL;
  }

  /** Makes the session object of a session that is asleep. */
  wake() {
    const source = /** @type {SessionSource} */ (this.source);
    this.isAsleep = false;
    const session = source.session(this.req);
    this.original = new Original(source.text, source.data, this.settings.metaKey);
    this.session = session;
    this.watch(session);
    if (this.loadedId !== undefined) this.bases?.set(session, source.text);
    // The response has ended before, and its end has touched the session: see `settleAsleep`.
    if (this.isTouched) startLifetimeAt(session.cookie, /** @type {number} */ (this.endedAt), session.cookie.originalMaxAge);
  }

  /**
   * Notes that a `Session` is made for the request.
   *
   * @param {SessionShape} session
   * @returns {boolean} whether it is the first one, whose id is `firstId`
   */
  register(session) {
    if (this.isAsleep) return false;
    this.lastMade = session;
    if (this.firstSession !== undefined) return false;
    this.firstSession = session;
    this.firstId = this.originalId === undefined ? this.req.sessionID : this.originalId;
    return true;
  }

  /**
   * Takes the value that a program assigns to `req.session`, while that is the accessor property.
   *
   * @param {SessionShape | null | undefined} session
   */
  assign(session) {
    if (this.isAsleep) {
      this.isAsleep = false;
      this.firstSession = null;
    }
    this.isLookedAt = true;
    this.restoreMethods();
    this.session = session;
  }

  /**
   * Lets another middleware take the request. The first session gets a property `id`, because
   * its request leads to another `RequestSession` from now on.
   */
  leave() {
    const { firstSession, firstId } = this;
    if (firstSession && firstSession.id === firstId) Object.defineProperty(firstSession, 'id', { value: firstId });
  }

  /**
   * Restores the methods of the first session, and those of a clone of it, if a program has
   * hidden them. session/request/session.js says how that happens.
   *
   * @param {SessionShape | null} [session] `req.session`
   */
  restoreMethods(session) {
    const { firstSession } = this;
    if (firstSession && this.watchesFirst && (firstSession.save !== save || firstSession.reload !== reload)) {
      restoreMethods(firstSession, this.firstId);
    }
    if (session !== firstSession && isLikeFirst(session)) hideFields(session);
  }

  /**
   * Returns `req.session`, awake, with its methods restored.
   *
   * @returns {SessionShape | null | undefined}
   */
  current() {
    const { req, source } = this;
    if (this.isAsleep && hasSessionProperty(this)) this.wake();
    // If the program has replaced a session that was asleep, `wake` was not called.
    if (source !== undefined) this.original ??= new Original(source.text, undefined, this.settings.metaKey);
    const session = source !== undefined && hasSessionProperty(this) ? this.session : req.session;
    this.restoreMethods(session);
    return session;
  }

  /**
   * Returns whether the session, which is asleep, is still the session of the request, and its
   * JSON is what its source says. A program may have deleted or replaced it, or given all sessions
   * a method `toJSON`.
   */
  isUnreplaced() {
    return this.req.sessionID === this.originalId && hasSessionProperty(this) &&
      Session.prototype.toJSON === undefined;
  }

  /**
   * Makes sure that this object knows of the saves and reloads of a session, and of the sessions
   * that it destroys.
   *
   * @param {SessionShape} session
   */
  watch(session) {
    if (this.settings.clearCookie) this.cookieData ??= session.cookie?.data;
    const isPlain = session.save === save && session.reload === reload;
    const isOurs = session === this.lastMade && (isPlain || (hasOurMethod(session, 'save') && hasOurMethod(session, 'reload')));
    if (!isOurs) this.foreignSave = wrapMethods(session, this) ?? this.foreignSave;
    else if (session === this.firstSession) this.watchesFirst = true;
    else watchSession(session);
  }

  /** Returns the current moment; NaN if the store knows none, as it is not a `MemoryStore`. */
  moment() {
    return this.settings.resident?.moment() ?? NaN;
  }

  /**
   * Notes that a method `save` is about to save a session.
   *
   * @param {SessionShape} session
   * @returns {'set' | 'setIfPresent'} the method of the store that must save it
   */
  beforeSave(session) {
    this.restoreMethods(session);
    const id = this.idOf(session);
    this.touches?.demand();
    const isPresent = (this.isEnding || this.settings.users !== undefined) && this.savesIfPresent(id);
    this.noteSave(session, id);
    return isPresent ? 'setIfPresent' : 'set';
  }

  /**
   * Tries whether the store's options `user` and `describe` say whose a session is that the program
   * saves. If they fail, the callback gets the error in a later turn.
   *
   * @param {SessionShape} session
   * @param {Callback} callback
   * @returns {boolean} whether they do not fail
   */
  canStamp(session, callback) {
    if (this.settings.users === undefined) return true;
    try {
      this.stampMeta(session);
      return true;
    } catch (error) {
      defer(callback, error || new Error('the store cannot say whose the session is'));
      return false;
    }
  }

  /**
   * Makes the callback of a save that the program asks for. After an error, the session counts as
   * stored only if it was stored before. If the store knows whose its sessions are, it is an error that
   * the session has ended.
   *
   * @param {SessionShape} session
   * @param {Callback} callback
   * @returns {Callback} `callback` itself at the end of the response, where that does not matter
   */
  hearingSave(session, callback) {
    if (this.isEnding) return callback;
    const request = this;
    const { savedId, savedMoment, settings: { users } } = this;
    /**
     * @this {unknown}
     * @param {any[]} results
     */
    return function heard(...results) {
      if (users !== undefined) results = SessionEnded.heard(results);
      if (results[0] && request.savedId === request.idOf(session)) Object.assign(request, { savedId, savedMoment });
      return callback.apply(this, results);
    };
  }

  /**
   * Notes that a session is saved now.
   *
   * @param {SessionShape} session
   * @param {string | undefined} id
   */
  noteSave(session, id) {
    if (debug.enabled) debug('saving');
    this.stampMeta(session);
    this.dataToStore(session);
    this.savedId = id;
    this.savedMoment = this.settings.resident?.savedMoment() ?? NaN;
  }

  /**
   * Notes that the data of a session are about to be stored.
   *
   * @param {SessionShape} session
   * @returns {string} the JSON of the data, without the cookie
   * @throws what `JSON.stringify` throws
   */
  dataToStore(session) {
    const json = this.knownJSON ?? dataJSON(session, this.settings.metaKey);
    this.saved = json;
    return json;
  }

  /**
   * Notes that the `reload` of a session has finished. A new session may have taken its place
   * on the request; that one is watched then.
   *
   * @param {SessionShape} session
   * @param {number} moment of the beginning of the reload
   * @param {any} error of the reload
   */
  afterReload(session, moment, error) {
    if (debug.enabled && !error) debug('reloaded');
    const { session: current } = this.req;
    if (typeof current === 'object' && current !== null && current !== session) {
      const id = this.idOf(current);
      // A session with another id was put there by the program, not by the reload.
      if (!error && id === this.idOf(session)) {
        if (id === this.savedId) this.savedId = undefined;
        this.loadedId = id;
        // It is later if the session was found under another id.
        if (!(this.loadedMoment > moment)) this.loadedMoment = moment;
        this.noteLoaded(current, current);
        this.touches?.noteReloaded(current.cookie);
      }
      this.watch(current);
    }
  }

  /**
   * Notes the data that the store's `get` has given, and from which a session was made.
   *
   * @param {SessionShape} session
   * @param {SessionData} data
   * @throws what `JSON.stringify` throws
   */
  noteLoaded(session, data) {
    this.bases?.note(session, dataJSON(data));
    this.meta?.show(session);
  }

  /**
   * Notes that a session has a new id.
   *
   * @param {string | undefined} oldId
   * @param {string} id
   */
  rename(oldId, id) {
    const { req } = this;
    if (req.sessionID === oldId) req.sessionID = id;
    if (this.cookieId === oldId) this.cookieId = id;
    if (this.originalId === oldId) this.originalId = id;
    if (this.firstId === oldId) this.firstId = id;
    if (this.loadedId === oldId) this.loadedId = id;
    if (this.presentId === oldId) this.presentId = id;
    if (this.savedId === oldId) {
      this.savedId = id;
      this.savedMoment = this.loadedMoment;
    }
    this.bases?.rename(oldId, id);
    this.meta?.noteRenamed(oldId, id);
  }

  /**
   * Gives a session the `_meta` with which it is stored now, if an option keeps something there.
   *
   * @param {SessionShape} session
   * @returns {SessionShape} what the store must get
   */
  stampMeta(session) {
    return this.meta === undefined ? session : this.meta.stamp(session);
  }

  /**
   * Calls the store to store a session.
   *
   * @param {Callback} callback made by `storeCallback`
   * @param {'set' | 'setIfPresent'} method
   * @param {string | undefined} id
   * @param {SessionShape} session
   * @throws what the store throws before it has called back
   */
  store(callback, method, id, session) {
    id = this.meta?.newestId(id) ?? id;
    if (this.settings.users !== undefined) callback = this.hearingPresence(callback, session);
    if (this.touches !== undefined) callback = this.touches.hearingSave(callback, id, session);
    if (this.bases !== undefined) this.bases.store(callback, method, id, session);
    else if (this.mustFollow(id)) saveMerged(this, id, session, undefined, callback);
    else callStore(callback, this.req.sessionStore, method, id, this.stampMeta(session));
  }

  /**
   * Makes the callback of a save after which the store has the session.
   *
   * @param {Callback} callback made by `storeCallback`
   * @param {SessionShape} session
   * @returns {Callback}
   */
  hearingPresence(callback, session) {
    const request = this;
    const moment = this.settings.resident?.savedMoment() ?? NaN;
    /**
     * @this {unknown}
     * @param {any[]} results
     */
    function heard(...results) {
      if (!results[0] && results[1] !== false) request.notePresent(request.idOf(session), moment);
      return callback.apply(this, results);
    }
    return storeCallback(this.req, heard);
  }

  /**
   * Notes that this request has stored a session. If the store knows whose its sessions are, this
   * request stores it again only if it is still there.
   *
   * @param {string | undefined} id
   * @param {number} moment of the save
   */
  notePresent(id, moment) {
    if (this.settings.users === undefined) return;
    this.presentId = id;
    this.savedId = id;
    this.savedMoment = moment;
  }

  /**
   * Whether another request may have renewed the id of a stored session, so that the store must be asked
   * for the new one before the session is stored. A store that can compare and no more is asked in any case
   * with the option `renewAfter`: so a logout, which ends the session by either id, is not undone.
   *
   * @param {string | undefined} sid
   */
  mustFollow(sid) {
    const { meta, req, settings: { resident, store } } = this;
    const comparesOnly = meta?.times?.renews && sid === this.loadedId && resident === undefined && typeof store.setIfPresent !== 'function';
    return meta !== undefined && (comparesOnly || meta.mayBeRenewed(sid)) && this.wasStored(sid) && req.sessionStore === store &&
      typeof store.setIfUnchanged === 'function';
  }

  /**
   * Notes that a session is not saved, because it was destroyed.
   * @param {SessionShape} session
   */
  noteGone(session) {
    debug('not saving: the session was destroyed');
    this.diagnostics?.noteGone(session);
  }

  /**
   * Notes that this request destroys a session. If it saves the session nevertheless, the
   * session is stored again.
   *
   * @param {string | undefined} sid
   */
  noteDestroyed(sid) {
    (this.destroyedIds ??= new Set()).add(sid);
    this.touches?.noteDestroyed(sid);
  }

  /**
   * Returns whether this request has loaded or saved a session and has not destroyed it, so that
   * the store has the session unless another request has destroyed it.
   *
   * @param {string | undefined} sid
   */
  wasStored(sid) {
    return (sid === this.loadedId || sid === this.savedId) && !this.destroyedIds?.has(sid);
  }

  /**
   * Notes that `regenerate({ keep })` has put a new session on the request, which is stored already.
   *
   * @param {SessionShape} session
   * @param {string | undefined} oldId the sid of the old session, which is destroyed now
   * @param {string} text the JSON of the data that were stored
   */
  noteReplaced(session, oldId, text) {
    this.noteDestroyed(oldId);
    this.watch(session);
    this.noteStored(session, text);
  }

  /**
   * Notes that a session whose id is not the one that the request began with is stored.
   *
   * @param {SessionShape} session
   * @param {string} text the JSON of its data
   */
  noteStored(session, text) {
    this.replacedId = this.idOf(session);
    this.saved = text;
  }

  /**
   * Notes that the program calls `destroy` of a session.
   *
   * @param {string | undefined} sid
   * @param {Callback | undefined} callback of the program
   * @returns {Callback | undefined} the callback for the store
   */
  beforeDestroy(sid, callback) {
    this.noteDestroyed(this.meta?.newestId(sid) ?? sid);
    if (!this.settings.clearCookie) return callback;
    this.isDestroyed = true;
    const call = functionOf(callback);
    return (error, ...results) => {
      if (error) this.isDestroyed = false;
      call(error, ...results);
    };
  }

  /**
   * Returns whether a session must be saved by the store's `setIfPresent`: this request has loaded the
   * session and has not destroyed it, and the store has that method. If the store knows whose its
   * sessions are, the same holds for one that the request has saved.
   *
   * @param {string | undefined} id
   */
  savesIfPresent(id) {
    const { req, settings: { store, users } } = this;
    const isPresent = id === this.loadedId || (users !== undefined && id === this.presentId);
    return id !== undefined && isPresent && !this.destroyedIds?.has(id) && req.sessionStore === store &&
      typeof store.setIfPresent === 'function';
  }

  /**
   * Returns the moment at which this request has loaded or saved a session. If another request
   * has destroyed the session since then, for example at logout, the end of the response must not
   * store it again.
   *
   * @param {string | undefined} sid
   * @returns {number} NaN if the session may be stored in any case: it is new, or this request
   *   itself has destroyed it
   */
  since(sid) {
    if (sid === undefined || this.destroyedIds?.has(sid)) return NaN;
    if (sid === this.savedId) return this.savedMoment;
    return sid === this.loadedId ? this.loadedMoment : NaN;
  }

  /**
   * Notes that the program touches the session.
   * @param {boolean} renews false: nothing is to be renewed
   */
  noteTouch(renews) {
    this.keepsExpiry = !renews;
    if (renews) this.touches?.demand();
  }

  /**
   * Starts the lifetime of a session's cookie anew, unless the program wants it to stay.
   *
   * @param {SessionShape} session
   * @throws what a `touch` of the program throws
   */
  touch(session) {
    if (this.keepsExpiry) return;
    this.touches?.compareCookie(session);
    if (touchesPlainly(session)) {
      startLifetimeAt(session.cookie, Date.now(), session.cookie.originalMaxAge);
    } else {
      // A `touch` of the program may change the data.
      this.knownJSON = undefined;
      if (this.touches === undefined) session.touch();
      else this.touches.withoutDemand(() => { session.touch(); });
    }
    this.isTouched = true;
  }

  /**
   * Does to the session in the store what the end of the response must do.
   *
   * @param {ResponsePatch} response its method `wait` is called if the response must wait
   * @returns {'nothing' | 'done' | 'waiting'} `'nothing'` if nothing had to be done; `'waiting'`
   *   if the response must wait until the store calls back
   * @throws what the store throws, and what `JSON.stringify` throws for the data
   */
  settle(response) {
    this.diagnostics?.decideEnd();
    if (this.isAsleep && this.isUnreplaced()) {
      const progress = this.settleAsleep(response);
      if (progress) return progress;
    }
    const session = this.current();
    if (session && !this.isTouched) this.touch(session);
    const decision = DECISIONS[this.factsWithData(session)];
    return this.earlyEnd !== undefined && this.isSettledEarly(decision) ? 'nothing' : this.carryOut(decision, session, response);
  }

  /**
   * Does what `settle` does, before the headers are sent, if the session must be saved or
   * destroyed. A session whose expiry alone must be renewed is left to the end of the response.
   *
   * @param {ResponsePatch} response as for `settle`
   * @returns {'nothing' | 'done' | 'waiting'}
   * @throws what `settle` throws
   */
  settleEarly(response) {
    this.diagnostics?.decideEnd();
    const isAsleep = this.isAsleep && this.isUnreplaced();
    if (isAsleep && !changesData(DECISIONS[this.factsAsleep()])) return 'nothing';
    const session = this.current();
    const decision = DECISIONS[this.factsWithData(session)];
    if (!changesData(decision)) {
      this.knownJSON = undefined;
      return 'nothing';
    }
    if (session && !this.isTouched) this.touch(session);
    this.earlyEnd = decision & END_MASK;
    // The end of the response need not save it again, though its id is not the one that came.
    if (session && this.earlyEnd === native.END_SAVE && this.idOf(session) !== this.originalId) this.noteStored(session, dataJSON(session, this.settings.metaKey));
    const progress = this.carryOut(decision, session, response);
    // The program has written the headers, so what it does to the session from now on comes too late for the cookie.
    if (session && !(decision & SETS_COOKIE)) this.cookieSession = null;
    return progress;
  }

  /**
   * Whether nothing is left to do because the session was settled before the headers were sent.
   *
   * @param {number} decision of the table `DECISIONS`
   */
  isSettledEarly(decision) {
    const end = decision & END_MASK;
    return end === native.END_TOUCH || (end === native.END_DESTROY && end === this.earlyEnd);
  }

  /**
   * Does to the session in the store what was decided, and keeps whether its cookie is sent.
   *
   * @param {number} decision of the table `DECISIONS`
   * @param {SessionShape | null | undefined} session `req.session`
   * @param {ResponsePatch} response as for `settle`
   * @returns {'nothing' | 'done' | 'waiting'}
   * @throws what `settle` throws
   */
  carryOut(decision, session, response) {
    const end = decision & END_MASK;
    this.touches?.noteEnd(end, session);
    // The changes of others that a merge brings do not count, also if the store answers at once.
    if (end === native.END_SAVE && this.settings.merge !== undefined && session && hasOurMethod(session, 'save')) {
      this.cookieSession = decision & SETS_COOKIE ? session : null;
    }
    this.diagnostics?.beginEnd(end, session);
    const progress = this.meta?.commit(end, (decision & SETS_COOKIE) !== 0, session, response) ??
      (end === native.END_NOTHING ? 'nothing' : select(this, session).commit(this, end, /** @type {SessionShape} */ (session), response));
    this.diagnostics?.endSettled(progress);
    this.knownJSON = undefined;
    if (progress !== 'nothing') {
      // The store may change the session when it saves it, but a cookie that was decided on is
      // set. After a `save` of the program, which may replace the session, that is decided again.
      if (decision & SETS_COOKIE) this.cookieSession = session && hasOurMethod(session, 'save') ? session : undefined;
      else if (progress === 'done' && session) this.cookieSession = null;
    }
    return progress;
  }

  /**
   * Does what `settle` does for a session that is asleep.
   *
   * @param {ResponsePatch} response
   * @returns {'nothing' | 'done' | 'waiting' | undefined} undefined if the session must be woken first
   * @throws what the engine throws
   */
  settleAsleep(response) {
    const resident = /** @type {Resident} */ (this.settings.resident);
    if (select(this) !== resident) return undefined;
    const decision = DECISIONS[this.factsAsleep()];
    const end = decision & END_MASK;
    if (this.meta?.mustWake(end)) return undefined;
    this.diagnostics?.beginEnd(end);
    const renewed = end === native.END_TOUCH ? resident.renew(this, response) : undefined;
    const progress = end === native.END_NOTHING ? 'nothing' : renewed;
    this.diagnostics?.endSettled(progress);
    if (progress === undefined) return undefined;
    this.isTouched = true;
    this.endedAt = Date.now();
    if (end === native.END_TOUCH) this.touches?.noteRenewed(this.loadedId);
    if (!(decision & SETS_COOKIE)) this.cookieSession = null;
    return progress;
  }

  /**
   * Saves a session at the end of the response, by its own method `save` or in its place.
   *
   * @param {SessionShape} session
   * @param {Callback} callback made by `storeCallback`
   * @throws what `save` and the store throw before they have called back
   */
  save(session, callback) {
    const id = this.idOf(session);
    const isPresent = this.savesIfPresent(id);
    // Our `save` does no more than this. The `save` of another class does not know of
    // `setIfPresent`, so that is called in its place.
    const isOurs = session === this.firstSession && this.watchesFirst && session.save === save;
    if (isOurs || (isPresent && session.save === this.foreignSave)) {
      this.noteSave(session, id);
      this.store(callback, isPresent ? 'setIfPresent' : 'set', id, session);
      return;
    }
    // A `save` of the program may change the data before it calls ours.
    this.knownJSON = undefined;
    this.isEnding = true;
    this.diagnostics?.lendEnd();
    try {
      callStore(callback, session, 'save');
    } finally {
      this.isEnding = false;
    }
  }

  /**
   * Drops what was kept to decide what the end of the response does. That is done now, and the
   * memory is free while the response waits for the store.
   */
  dropOriginal() {
    this.original = undefined;
    if (!this.isAsleep) this.source = undefined;
    this.touches?.demand();
    this.saved = undefined;
    this.firstSession = null;
    this.lastMade = undefined;
  }

  /** Drops what is known of the session, because from now on somebody can change it. */
  invalidate() {
    this.knownJSON = undefined;
    this.cookieSession = undefined;
  }

  /** Notes that the session cannot be read or written. */
  fail() {
    this.hasFailed = true;
    this.touches?.takeBack();
    this.invalidate();
  }

  /**
   * Decides whether the headers of the response set the session cookie.
   *
   * @returns {SessionShape | typeof CLEARED | null} the session whose cookie they set, null for
   *   none, `CLEARED` if the browser must delete the cookie that the request brought
   * @throws what `JSON.stringify` throws for the data, and a TypeError if the session has no
   *   cookie but the expiry of the cookie decides
   */
  sessionForCookie() {
    const told = this.meta?.sessionToTell();
    if (told !== undefined) return told;
    if (this.cookieSession !== undefined) return this.cookieSession;
    if (this.isAsleep && this.isUnreplaced() && !(DECISIONS[this.factsAsleep()] & SETS_COOKIE)) return null;
    const session = this.current();
    if (!session) return this.clearedCookie(session);
    const { cookie } = session;
    const facts = this.facts(session);
    // Without a cookie this throws the same error as express-session 1.19.0 does here.
    if (!cookie && facts & native.ID_FROM_COOKIE && !(facts & native.ROLLING)) return /** @type {any} */ (cookie).expires;
    const ifUnmodified = DECISIONS[facts] & SETS_COOKIE;
    if (ifUnmodified === (DECISIONS[facts | native.MODIFIED] & SETS_COOKIE)) return ifUnmodified ? session : null;
    // Only here the data matter. They are not compared before, because that may need their JSON.
    const { isSame } = /** @type {Original} */ (this.original).compare(session);
    return isSame ? null : session;
  }

  /**
   * Returns `CLEARED` if the browser must delete the cookie that the request brought: the option
   * `clearCookie` is set, and the session has ended.
   *
   * @param {null | undefined | false | 0 | ''} session `req.session`, which is falsy
   * @returns {typeof CLEARED | null}
   */
  clearedCookie(session) {
    const { clearCookie, facts } = this.settings;
    const isUnset = facts & native.UNSET_DESTROY && (session === null || session === undefined);
    if (!(clearCookie && this.cookieId && (this.isDestroyed || isUnset))) return null;
    this.cookieData ??= this.source?.session(this.req).cookie.data;
    return this.cookieData ? CLEARED : null;
  }

  /**
   * Returns whether the response may depend on the session: a store has given it, and nobody can
   * say that it is not looked at.
   *
   * @param {boolean} hasEnded whether `end` was called, so that no later look can change the response
   */
  mayShow(hasEnded) {
    return this.isLookedAt || (this.loadedId !== undefined && (this.source === undefined || !hasEnded));
  }

  /**
   * Adds the cookie of a session to a response, unless the cookie is secure and the connection
   * is not.
   *
   * @param {SessionShape | typeof CLEARED} session
   * @param {Response} res
   * @param {Next} next gets the error, in a later turn, if the cookie cannot be written
   * @returns {string | undefined} the header Set-Cookie of this cookie, if it was added
   * @throws what a `touch` of the program throws
   */
  addCookie(session, res, next) {
    const { req, settings, keyring } = this;
    const isCleared = session === CLEARED;
    const attributes = isCleared ? /** @type {CookieData} */ (this.cookieData) : session.cookie;
    // Read as express-session reads it, so that a session without a cookie gives the same error.
    if (attributes.secure && !isSecure(req, settings.proxy)) {
      debug('cookie withheld: the connection is not secure');
      warnOfWithheld(settings.name);
      return undefined;
    }
    if (!isCleared && !this.isTouched) this.touch(session);
    // The browser gets a new expiry, and so must the store.
    this.touches?.demand();
    try {
      const header = isCleared
        ? serialize(settings.name, '', { ...this.cookieData, expires: new Date(0) })
        : settings.cookieWriter.write(/** @type {string} */ (req.sessionID), keyring, session.cookie.data);
      const before = res.getHeader('Set-Cookie');
      res.setHeader('Set-Cookie', before ? /** @type {any[]} */ ([]).concat(before, header) : [header]);
      debug(isCleared ? 'cookie cleared' : 'cookie set');
      if (this.meta !== undefined) this.meta.toldId = req.sessionID;
      warnOfProblems(header);
      return header;
    } catch (error) {
      defer(next, error);
      return undefined;
    }
  }

  /**
   * Returns the facts as they are now, for which it compares the data. Keeps their JSON in
   * `knownJSON`, if it was made.
   *
   * @param {SessionShape | null | undefined} session `req.session`
   * @returns {number}
   * @throws what `JSON.stringify` throws
   */
  factsWithData(session) {
    let facts = this.facts(session);
    this.knownJSON = undefined;
    // The data of a session whose id is not a string do not matter: it is never saved.
    if (!session || !(facts & native.ID_IS_STRING)) return facts;
    const { saved } = this;
    let isSame = false;
    if (facts & native.MODIFIED) {
      // A session with another id is saved, unless it is known to be stored.
      if (saved === undefined || this.idOf(session) !== this.replacedId) return facts;
    } else {
      const compared = /** @type {Original} */ (this.original).compare(session);
      isSame = compared.isSame;
      this.knownJSON = compared.text;
      if (!isSame) facts |= native.MODIFIED;
    }
    if (saved === ORIGINAL) {
      if (isSame) facts |= native.SAVED;
    } else if (saved !== undefined) {
      this.knownJSON ??= dataJSON(session, this.settings.metaKey);
      if (this.knownJSON === saved) facts |= native.SAVED;
    }
    return facts;
  }

  /**
   * Returns `session.id`, or the id that another request has given the session. That of the first session
   * is here, which saves the accessor.
   *
   * @param {SessionShape} session
   * @returns {string | undefined}
   */
  idOf(session) {
    if (session === this.firstSession) return this.firstId;
    const { id } = session;
    return this.meta?.newestId(id) ?? id;
  }

  /**
   * Returns the facts as they are now that do not depend on the session's data.
   *
   * @param {SessionShape | null | undefined} session `req.session`
   * @returns {number} the sum of the facts
   */
  facts(session) {
    const { sessionID } = this.req;
    let { facts } = this.settings;
    if (sessionID) facts |= native.HAS_ID;
    if (typeof sessionID === 'string') facts |= native.ID_IS_STRING;
    if (sessionID === this.cookieId) facts |= native.ID_FROM_COOKIE;
    if (this.saved !== undefined) facts |= native.WAS_SAVED;
    if (this.keepsExpiry) facts |= native.KEEPS_EXPIRY;
    if (session && this.touches?.isFresh(session)) facts |= native.FRESH;
    if (session === undefined || session === null) facts |= native.UNSET;
    if (!session) return facts;
    facts |= native.HAS_SESSION;
    const { cookie } = session;
    const expires = cookie ? cookie.expires : undefined;
    if (expires !== undefined && expires !== null) facts |= native.EXPIRES;
    return this.idOf(session) === this.originalId ? facts : facts | native.MODIFIED;
  }

  /** Returns the facts of a session that is asleep. */
  factsAsleep() {
    const { facts, resave } = this.settings;
    if (this.loadedId === undefined) return facts | ASLEEP_FACTS;
    return facts | ASLEEP_FACTS | native.ID_FROM_COOKIE | (resave ? 0 : native.WAS_SAVED | native.SAVED) | (this.touches?.isFresh() ? native.FRESH : 0);
  }
}

module.exports = RequestSession;

/**
 * Returns whether a session is the first session of a request, or a clone of it. A Proxy or heir
 * of the first session has no `req` of its own.
 *
 * @param {SessionShape | null | undefined} session
 * @returns {session is SessionShape}
 */
function isLikeFirst(session) {
  return session instanceof Session && Object.hasOwn(session, 'req') && !Object.hasOwn(session, 'id') &&
    Boolean(session.req?.[REQUEST_SESSION]?.watchesFirst);
}

/**
 * Whether a decision of the table `DECISIONS` is to save or destroy the session.
 * @param {number} decision
 */
function changesData(decision) {
  const end = decision & END_MASK;
  return end === native.END_SAVE || end === native.END_DESTROY;
}
