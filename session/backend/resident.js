'use strict';

/** @import { Backend, Callback, Engine, Next, Session as SessionShape, SessionReader, Settings } from '../types' */
/** @import RequestSession from '../request' */
/** @import ResponsePatch from '../response' */

const debug = require('debug')('express-session');
const { expiryOf } = require('../cookie/attributes');
const { logNoSession } = require('../cookie/sid');
const hasStorableParts = require('../engine/storable-parts');
const native = require('../native/load');
const dataJSON = require('../request/data-json');
const { planCookie } = require('../request/generate');
const { POINTER, isPointer } = require('../request/pointer');
const { saveMerged } = require('../request/merge');
const { META } = require('../request/times');
const { storeCallback, callStore, isBusy, isEngineError } = require('../store/call');
const { methods: { setIfUnchanged } } = require('../store/engine-methods');
const { engineOf, existingEngine, hasEngineClass } = require('../store/engine-of');
const remote = require('./remote');
const { StoredSession, NewSession } = require('./sources');

/**
 * The backend of a store of ours, for one `session()`. It calls the store's engine, which
 * returns at once, in place of the store's methods. So it can let the session sleep until
 * somebody reads `req.session`.
 *
 * @implements {Backend}
 */
class Resident {
  /**
   * @param {Settings} settings
   * @returns {Resident | undefined} undefined if the store is not one of ours
   */
  static of(settings) {
    return hasEngineClass(settings.store) ? new Resident(settings) : undefined;
  }

  /** @param {Settings} settings */
  constructor(settings) {
    this.settings = settings;
    /**
     * The session reader, which finds the stored session of a `Cookie` header in one call. It
     * was made for `keys`.
     * @type {SessionReader | undefined}
     */
    this.readSession = undefined;
    /** @type {object | undefined} */
    this.keys = undefined;
    /** @type {Engine | undefined} The engine of the store; undefined before the first request. */
    this.engine = undefined;
    /**
     * What the session reader has found beside the data of the session. The next call of the
     * session reader overwrites it.
     */
    this.details = Buffer.from(new ArrayBuffer(native.DETAILS_BYTES));
    /** The same bytes as `details`, as doubles. */
    this.doubles = new Float64Array(this.details.buffer);
  }

  /** Returns the current moment of the store (`native.storeMoment`); NaN if the store has no engine yet. */
  moment() {
    return existingEngine(this.settings.store)?.moment() ?? NaN;
  }

  /** Returns the moment of a session that is saved now; NaN if the store has no engine yet. */
  savedMoment() {
    return existingEngine(this.settings.store)?.savedMoment() ?? NaN;
  }

  /**
   * Returns whether the session `sid` was destroyed at the moment `since` or later.
   *
   * @param {string} sid
   * @param {number} since NaN for no moment, for which the result is false
   */
  wasDestroyed(sid, since) {
    const engine = Number.isNaN(since) ? undefined : existingEngine(this.settings.store);
    return engine !== undefined && engine.wasDestroyed(sid, since);
  }

  /**
   * Opens the session of a request: see `Backend`.
   *
   * @param {RequestSession} request
   * @param {string | undefined} header `Cookie`
   * @param {Next} next
   * @throws what the program's functions throw
   */
  open(request, header, next) {
    const told = request.diagnostics?.begin('load');
    let reason;
    try {
      reason = this.load(request, header, told);
    } catch (error) {
      if (!isEngineError(error)) throw error;
      if (isBusy(error)) {
        remote.open(request, header, next);
        return;
      }
      told?.endLoad(error);
      remote.loaded(request, error, undefined, next);
      return;
    }
    if (reason === native.ASK_STORE) remote.open(request, header, next);
    else if (reason === native.UNKNOWN_SID) remote.loaded(request, undefined, undefined, next);
    else next();
  }

  /**
   * Lets the session of a request sleep, if no program can notice when the session is made.
   *
   * @param {RequestSession} request
   * @param {string | undefined} header `Cookie`
   * @param {ReturnType<NonNullable<RequestSession['diagnostics']>['begin']>} [told] ends if the store was asked
   * @returns {number | undefined} undefined if the session sleeps. `UNKNOWN_SID` if a new
   *   session must be made now, as the store has none of the cookie's sid; `ASK_STORE` if
   *   the remote backend must open the session.
   * @throws what the engine throws
   */
  load(request, header, told) {
    const { req, keyring, settings } = request;
    const engine = this.engine = engineOf(settings.store);
    // A program may have defined an accessor `session` on the request or on its prototype. It
    // must see the session assigned.
    if ('session' in req) return native.ASK_STORE;
    const now = Date.now();
    const text = header ? this.readerFor(keyring, engine)(header, now) : native.NO_COOKIE;
    const stored = typeof text === 'string' ? new StoredSession(text, this, engine) : undefined;
    const isUnknown = text === native.UNKNOWN_SID;
    const cookieId = isUnknown ? this.detailsSid() : stored?.id;
    // From here on `details` is not read any more: functions of the program may run below, and
    // start another request, whose session reader overwrites it.
    if (engine.dispose !== undefined) engine.reportRemoved();
    if (stored !== undefined) {
      // Without options of time, only `remote` finds the session to which a pointer leads.
      if (settings.times === undefined && settings.metaKey !== undefined && stored.text.startsWith(POINTER)) return native.ASK_STORE;
      if (settings.times !== undefined && !stored.takeMeta(this, settings.times, now, request.meta?.mayRenew === true)) return native.ASK_STORE;
      if (debug.enabled) debug('session found');
      told?.endLoad(undefined, stored);
      request.sleep(stored, cookieId);
      if (request.touches !== undefined) request.touches.stored = stored;
      return undefined;
    }
    if (isUnknown) {
      told?.endLoad(undefined);
      settings.touches?.forget(cookieId);
    }
    // The cookie may be in `req.cookies` or `req.signedCookies`, where `sidFrom` looks for it. An
    // invalid secret must be reported if no other secret has verified the cookie.
    const hasNoSession = isUnknown ||
      !(text === native.ASK_STORE || req.signedCookies || req.cookies || keyring.hasInvalidSecret());
    const plan = hasNoSession && settings.canDelay ? planCookie(req, settings, now) : undefined;
    if (plan === undefined) {
      if (!isUnknown) return native.ASK_STORE;
      request.setCookieId(cookieId);
      return native.UNKNOWN_SID;
    }
    logNoSession(/** @type {number} */ (text));
    request.sleep(new NewSession(native.sessionId(), plan), cookieId);
    return undefined;
  }

  /**
   * Returns the session reader for the keys of a request. It is made anew if the keys have
   * changed.
   *
   * @param {import('../cookie/keyring')} keyring
   * @param {Engine} engine
   * @returns {SessionReader}
   */
  readerFor(keyring, engine) {
    const keys = keyring.preparedKeys();
    if (this.keys !== keys) {
      this.keys = keys;
      const { name, times } = this.settings;
      this.readSession = native.createSessionReader(name, keys, engine.handle, this.details, times !== undefined);
    }
    return /** @type {SessionReader} */ (this.readSession);
  }

  /** Returns the sid that the session reader has written into `details`. */
  detailsSid() {
    return this.details.latin1Slice(native.DETAILS_SID, native.DETAILS_SID + this.details[native.DETAILS_SID_LENGTH]);
  }

  /**
   * Renews the lifetime of the stored session of a request, which is asleep.
   *
   * @param {RequestSession} request
   * @param {ResponsePatch} response
   * @returns {'done' | 'waiting' | undefined} as `commit`; undefined if the session must be woken for that
   * @throws what the engine throws
   */
  renew(request, response) {
    const engine = /** @type {Engine} */ (this.engine);
    // The decision `END_TOUCH` is for a session whose sid the cookie brought: it is stored.
    const source = /** @type {InstanceType<typeof StoredSession>} */ (request.source);
    if (!source.renew(engine, NaN)) return undefined;
    if (debug.enabled) debug('touching');
    return engine.isCommitted ? 'done' : pending(request, engine, native.END_TOUCH, response);
  }

  /**
   * Settles the session in the store: see `Backend`. The response waits if the engine needs time for
   * the change. What only the store's own methods can do, or must wait for a save, is left to `remote`.
   *
   * @param {RequestSession} request
   * @param {number} end
   * @param {SessionShape} session
   * @param {ResponsePatch} response
   * @returns {'done' | 'waiting'}
   * @throws what the engine throws
   */
  commit(request, end, session, response) {
    // This is the first use of the engine if the request began with the remote backend.
    const engine = this.engine ??= engineOf(this.settings.store);
    let isDone = true;
    /** @type {string | undefined} */
    let text;
    if (end === native.END_DESTROY) {
      debug('destroying');
      engine.destroy(`${request.req.sessionID}`);
    } else if (end === native.END_TOUCH) {
      isDone = touch(request, session, engine);
    } else if (request.bases?.waitingSaves !== undefined) {
      isDone = false;
    } else {
      const base = request.bases?.of(session) ?? this.followedBase(request, session, engine);
      if (base === undefined) text = save(request, session, engine);
      else if (base === null) request.noteGone(session);
      else if (base !== '' && this.settings.store.setIfUnchanged === setIfUnchanged) return saveIfUnchanged(request, session, base, engine, response);
      else isDone = false;
    }
    if (!isDone) return remote.commit(request, end, session, response);
    const note = () => {
      if (text === undefined) return;
      request.bases?.note(session, text);
      request.notePresent(request.idOf(session), engine.savedMoment());
    };
    if (!engine.isCommitted) return pending(request, engine, end, response, note);
    note();
    return 'done';
  }

  /**
   * Returns the JSON of the data, without the cookie, that the store has of a session whose id another
   * request may have renewed.
   *
   * @param {RequestSession} request
   * @param {SessionShape} session
   * @param {Engine} engine
   * @returns {string | undefined | null} undefined if nobody can have renewed it; null if it is gone;
   *   empty if the store must be asked for it
   * @throws what the engine throws
   */
  followedBase(request, session, engine) {
    const id = request.idOf(session);
    if (!request.mustFollow(id)) return undefined;
    const stored = engine.read(`${id}`, false);
    if (stored === undefined) return null;
    return isPointer(stored) ? '' : dataJSON(stored);
  }
}

module.exports = Resident;

/**
 * Lets the response wait until the engine has made all changes.
 *
 * @param {RequestSession} request
 * @param {Engine} engine one that has not made the last change for all yet
 * @param {number} end `END_SAVE`, `END_TOUCH` or `END_DESTROY`
 * @param {ResponsePatch} response
 * @param {() => void} [note] is called when they are made
 * @returns {'waiting'}
 */
function pending({ req }, engine, end, response, note) {
  const done = response.wait(end, true);
  callStore(storeCallback(req, (error, isStored) => {
    if (!error) note?.();
    done(error, isStored);
  }), engine, 'flush');
  return 'waiting';
}

/**
 * Renews the lifetime of a session in the store.
 *
 * @param {RequestSession} request
 * @param {SessionShape} session
 * @param {Engine} engine
 * @returns {boolean} false if nothing was done, because only the store's own `touch` can do it
 * @throws what the engine throws
 */
function touch(request, session, engine) {
  const { source } = request;
  const { cookie } = session;
  // The store's `touch` is given `req.sessionID`, too, and not `session.id`: they differ if a
  // program has assigned one of them.
  const id = `${request.req.sessionID}`;
  const stored = source instanceof StoredSession && id === source.id ? source : undefined;
  const expires = stored && expiryOf(cookie, stored.cookie);
  if (!(stored && expires !== undefined && stored.renew(engine, expires))) {
    const json = JSON.stringify(cookie);
    if (json === undefined || !engine.touch(id, json, engine.deadline(id, session))) return false;
  }
  if (debug.enabled) debug('touching');
  return true;
}

/**
 * Stores a session, unless another request has destroyed it since this request has loaded it.
 *
 * @param {RequestSession} request
 * @param {SessionShape} session
 * @param {Engine} engine
 * @returns {string | undefined} the JSON of its data, without the cookie; undefined if it was not stored
 * @throws what the engine throws
 */
function save(request, session, engine) {
  if (debug.enabled) debug('saving');
  const id = `${request.idOf(session)}`;
  const text = request.dataToStore(session);
  const since = request.since(id);
  let isStored;
  if (hasStorableParts(session)) {
    const { cookie } = session;
    const deadline = engine.ttl === undefined ? NaN : engine.deadline(id, session);
    const number = cookieNumber(request, id, engine);
    const expires = expiryOf(cookie, engine.cookies.get(number));
    const storedText = request.meta?.textToStore(id, session, text) ?? text;
    const outcome = expires === undefined ? native.NOT_CHANGED : engine.write(id, number, expires, deadline, since, storedText);
    isStored = outcome === native.NOT_CHANGED
      ? engine.put(id, JSON.stringify(cookie), storedText, deadline, since)
      : outcome === native.CHANGED;
  } else {
    const stored = request.stampMeta(session);
    isStored = engine.save(id, stored, JSON.stringify(stored), since);
  }
  if (isStored) return text;
  request.noteGone(session);
  return undefined;
}

/**
 * Stores a session with the option `merge`, or one whose id another request may have renewed. If the
 * store has other data than `base`, they are merged, for which the response waits.
 *
 * @param {RequestSession} request
 * @param {SessionShape} session
 * @param {string} base the JSON of the data on which the session is based, without the cookie
 * @param {Engine} engine
 * @param {ResponsePatch} response
 * @returns {'done' | 'waiting'}
 * @throws what the engine throws
 */
function saveIfUnchanged(request, session, base, engine, response) {
  if (debug.enabled) debug('saving');
  const { bases } = request;
  const id = request.idOf(session);
  const sid = `${id}`;
  const data = request.dataToStore(session);
  const stored = request.stampMeta(session);
  const text = Object.hasOwn(stored, META) ? dataJSON(stored) : data;
  const number = cookieNumber(request, sid, engine);
  const expires = hasStorableParts(stored) ? expiryOf(stored.cookie, engine.cookies.get(number)) : undefined;
  const isStored = (expires !== undefined && engine.writeIfUnchanged(sid, number, expires, engine.deadline(sid, stored), base, text)) ||
    engine.saveIfUnchanged(sid, stored, base, text);
  if (isStored && engine.isCommitted) {
    bases?.note(session, text);
    return 'done';
  }
  const store = (/** @type {Callback} */ done) => {
    const settle = (/** @type {unknown} */ error, /** @type {boolean} */ wasStored) => {
      if (!error && !wasStored) {
        saveMerged(request, id, session, base, done, true);
        return;
      }
      if (!error) bases?.note(session, text);
      done(error);
    };
    if (isStored) callStore(storeCallback(request.req, settle), engine, 'flush');
    else settle(undefined, false);
  };
  const done = response.wait(native.END_SAVE);
  if (bases === undefined) store(done);
  else bases.inTurn(done, store);
  return 'waiting';
}

/**
 * Returns the number of the cookie that a session mostly has when it is stored: the one that it had
 * before, or that the last new session had. The engine remembers cookies by number, so that the JSON
 * of one that it still knows need not be made.
 *
 * @param {RequestSession} request
 * @param {string} id of the session
 * @param {Engine} engine
 */
function cookieNumber({ source, originalId }, id, engine) {
  return source instanceof StoredSession && id === originalId ? source.cookieNumber : engine.lastPut;
}
