'use strict';

const { makeCookie, reviveCookie } = require('../cookie/cookie');
const { MemoryStore, engineOf, existingEngine } = require('../store/memory-store');
const { Session, addData, adoptAsSession } = require('../request/session');
const debug = require('debug')('express-session');
const native = require('../native/load');
const remote = require('./remote');
const { logNoSession } = require('../cookie/sid');
const { storeCallback, callStore, isEngineError } = require('../store/call');
const { planCookie, plannedCookie } = require('../request/generate');
const { isSame } = require('../cookie/attributes');

/** From this length on, in characters, a session may have hundreds of keys. */
const LARGE = 4096;

const EIGHT = Float64Array.BYTES_PER_ELEMENT;

/**
 * The backend of a store of ours, for one `session()`: its engine answers at once, so the
 * session can sleep until somebody looks at it.
 */
class Resident {
  /**
   * @param {object} settings of `session()`
   * @returns {Resident | undefined} undefined if the store is another's
   */
  static of(settings) {
    return settings.store instanceof MemoryStore ? new Resident(settings) : undefined;
  }

  constructor(settings) {
    this.settings = settings;
    /** From a Cookie header to a stored session, in one call: `native.createSessionReader`, made for these keys. */
    this.readSession = undefined;
    this.keys = undefined;
    this.engine = undefined;
    /** What the session reader says beside the data. It is read before any program can act. */
    this.details = Buffer.from(new ArrayBuffer(native.DETAILS_BYTES));
    this.doubles = new Float64Array(this.details.buffer);
  }

  /** This moment of the store's, NaN if it keeps no records. */
  moment() {
    return existingEngine(this.settings.store)?.moment() ?? NaN;
  }

  /** Whether a session was destroyed since a moment, NaN for none. */
  wasDestroyed(sid, since) {
    return !Number.isNaN(since) && existingEngine(this.settings.store).wasDestroyed(sid, since);
  }

  /**
   * Puts the session on a request, as the remote backend does. An error of the engine goes to
   * `next`.
   *
   * @throws what the program's functions throw
   */
  open(request, header, next) {
    let found;
    try {
      found = this.load(request, header);
    } catch (error) {
      if (!isEngineError(error)) throw error;
      remote.loaded(request, error, undefined, next);
      return;
    }
    if (found === native.UNCLEAR_SESSION) remote.open(request, header, next);
    else if (found === native.UNKNOWN_SID) remote.loaded(request, undefined, undefined, next);
    else next();
  }

  /**
   * Lets the session of a request sleep, if nobody can tell when it is made.
   *
   * @returns {number | undefined} why it must be made at once: `UNKNOWN_SID` if the store has
   *   none of the cookie's sid, `UNCLEAR_SESSION` if it must be asked the other way
   * @throws what the engine throws
   */
  load(request, header) {
    const { req, keyring, settings } = request;
    const engine = this.engine = engineOf(settings.store);
    // An accessor that a program has made for it is on the request, or on what that inherits from.
    if ('session' in req) return native.UNCLEAR_SESSION;
    const now = Date.now();
    const text = header ? this.readerFor(keyring)(header, now) : native.NO_COOKIE;
    const stored = typeof text === 'string' ? new StoredSession(text, this, engine) : undefined;
    const isUnknown = text === native.UNKNOWN_SID;
    const cookieId = isUnknown ? this.detailsSid() : stored?.id;
    // Now the program may act.
    if (engine.dispose !== undefined) engine.reportRemoved();
    if (stored !== undefined) {
      if (debug.enabled) debug('session found');
      request.sleep(stored, cookieId);
      return undefined;
    }
    // cookie-parser may have found the cookie elsewhere; and a secret that verified nothing may be none.
    const isNone = isUnknown ||
      !(text === native.UNCLEAR_SESSION || req.signedCookies || req.cookies || keyring.hasInvalidSecret());
    const plan = isNone && settings.canDelay ? planCookie(req, settings, now) : undefined;
    if (plan === undefined) {
      if (!isUnknown) return native.UNCLEAR_SESSION;
      request.setCookieId(cookieId);
      return text;
    }
    logNoSession(text);
    request.sleep(new NewSession(native.sessionId(), plan), cookieId);
    return undefined;
  }

  /** The door for the keys of a request. */
  readerFor(keyring) {
    const keys = keyring.preparedKeys();
    if (this.keys !== keys) {
      this.keys = keys;
      this.readSession = native.createSessionReader(this.settings.name, keys, this.engine.handle, this.details);
    }
    return this.readSession;
  }

  detailsSid() {
    return this.details.latin1Slice(native.DETAILS_SID, native.DETAILS_SID + this.details[native.DETAILS_SID_LENGTH]);
  }

  /**
   * Renews the lifetime of a session that is asleep.
   * @returns {string | undefined} as `commit`; undefined if the session must be made for that
   * @throws what the engine throws
   */
  renew(request, response) {
    const { engine } = this;
    if (!request.source.renew(engine, NaN)) return undefined;
    if (debug.enabled) debug('touching');
    return engine.flush === undefined ? 'done' : pending(request, engine, response);
  }

  /**
   * Does what the end of a response must do to the session in the store, as the remote backend
   * does. An engine may need time for what it was told: then the response waits for that.
   *
   * @throws what the engine throws
   */
  commit(request, end, session, response) {
    // A request may have begun with a store that had methods of a program's.
    const engine = this.engine ??= engineOf(this.settings.store);
    let isDone = true;
    if (end === native.END_DESTROY) {
      debug('destroying');
      engine.destroy(`${request.req.sessionID}`);
    } else if (end === native.END_TOUCH) {
      isDone = touch(request, session, engine);
    } else {
      save(request, session, engine);
    }
    if (!isDone) return remote.commit(request, end, session, response);
    return engine.flush === undefined ? 'done' : pending(request, engine, response);
  }
}

module.exports = Resident;

/** The response must wait for what the engine was told, as for the answer of any store. */
function pending({ req }, engine, response) {
  callStore(storeCallback(req, response.wait()), engine, 'flush');
  return 'waiting';
}

/** Renews the lifetime of a session in the store. False if only the store's own method can do that. */
function touch(request, session, engine) {
  const { source, originalId } = request;
  const { cookie } = session;
  // That of the request, which a program may have put back since, and not the session's own.
  const id = `${request.req.sessionID}`;
  const expires = source instanceof StoredSession && id === originalId ? expiryOf(cookie, source.cookie) : undefined;
  const isRenewed = expires !== undefined && source.renew(engine, expires);
  const json = isRenewed ? undefined : JSON.stringify(cookie);
  if (!isRenewed && (json === undefined || !engine.touch(id, json, engine.deadline(id, session)))) return false;
  if (debug.enabled) debug('touching');
  return true;
}

/** Stores a session, unless another request has destroyed it since this one has had it. */
function save(request, session, engine) {
  if (debug.enabled) debug('saving');
  const { source, originalId } = request;
  const id = `${request.idOf(session)}`;
  const text = request.dataToStore(session);
  const since = request.since(id);
  let isStored;
  if (isPlainlyWritten(session)) {
    // As its cookie, which the engine may know by its number, and its data.
    const { cookie } = session;
    const deadline = engine.ttl === undefined ? NaN : engine.deadline(id, session);
    const number = source instanceof StoredSession && id === originalId ? source.cookieNumber : engine.lastPut;
    const expires = expiryOf(cookie, engine.cookies.get(number));
    const outcome = expires === undefined ? native.NOT_CHANGED : engine.write(id, number, expires, deadline, since, text);
    isStored = outcome === native.NOT_CHANGED
      ? engine.put(id, JSON.stringify(cookie), text, deadline, since)
      : outcome === native.CHANGED;
  } else {
    isStored = engine.save(id, session, JSON.stringify(session), since);
  }
  if (!isStored) debug('not saving: the session was destroyed');
}

/** A session of the store's that nobody has looked at. */
class StoredSession {
  /**
   * @param {string} text the JSON of its data
   * @param {Resident} resident whose door has just told the rest
   * @param {import('../engine/engine')} records
   */
  constructor(text, resident, engine) {
    const { details, doubles } = resident;
    this.id = resident.detailsSid();
    this.text = text;
    this.data = undefined;
    /** The cookie that the record had, and its date apart: ms since the epoch, NaN for none. */
    this.cookieNumber = doubles[native.DETAILS_COOKIE_ID / EIGHT];
    this.cookie = engine.cookie(this.cookieNumber, () => (
      details.latin1Slice(native.DETAILS_COOKIE, native.DETAILS_COOKIE + details.readUInt16LE(native.DETAILS_COOKIE_LENGTH))
    ));
    this.expires = doubles[native.DETAILS_EXPIRES / EIGHT];
    /** When it was found: a moment of the records. */
    this.moment = doubles[native.DETAILS_MOMENT / EIGHT];
    /** What using the session does to its expiry: a `RENEWAL_` number. */
    this.renewal = details[native.DETAILS_RENEWAL];
    /** How many changes the records had seen. */
    this.changeCount = engine.changeCount;
  }

  /** What `createSession` would have made of it when the request came. */
  session(req) {
    const { cookie, expires, text, renewal } = this;
    const date = Number.isNaN(expires) ? null : new Date(expires);
    // A session takes over no key `req`, as it has one.
    const isLarge = text.length > LARGE && !text.includes('"req":');
    const session = isLarge ? adoptAsSession(req, JSON.parse(`{"cookie":0,${text.slice(1)}`)) : new Session(req);
    session.cookie = renewal === native.RENEWAL_UNCLEAR
      // As the record's text has it: where a date is there as text, that counts beside other times.
      ? reviveCookie('expires' in cookie ? { ...cookie, expires: date && date.toISOString() } : { ...cookie })
      : makeCookie(cookie, date, cookie.originalMaxAge);
    // The text alone is to tell whether a large one has changed: a snapshot of it would be large.
    if (isLarge) return session;
    this.data = JSON.parse(text);
    addData(session, this.data);
    return session;
  }

  /**
   * Gives the record a new expiry, in ms since the epoch, NaN for the one that its cookie's
   * lifetime makes. False if the record may be another by now.
   */
  renew(engine, expires) {
    const { ttl } = engine;
    if (this.renewal === native.RENEWAL_UNCLEAR || typeof ttl === 'function') return false;
    const isNothing = this.renewal === native.RENEWAL_SAME && ttl === undefined &&
      engine.changeCount === this.changeCount && !engine.isShared;
    return isNothing || engine.renew(this.id, this.cookieNumber, expires, ttl === undefined ? NaN : Date.now() + ttl);
  }
}

/** A new session that nobody has looked at. */
class NewSession {
  /**
   * @param {string} id
   * @param {object} arrival what decides about its cookie
   */
  constructor(id, plan) {
    this.id = id;
    this.text = '{}';
    this.moment = NaN;
    this.plan = plan;
  }

  /** What `generate` would have made when the request came. */
  session(req) {
    const session = new Session(req);
    session.cookie = plannedCookie(this.plan);
    return session;
  }
}

/**
 * The expiry of a cookie that is the stored one otherwise: ms since the epoch, NaN for
 * none, undefined if it is another cookie.
 */
function expiryOf(cookie, stored) {
  if (stored === undefined || !isSame(cookie, stored)) return undefined;
  const { _expires: expires } = cookie;
  if (expires === null) return NaN;
  return expires instanceof Date ? expires.getTime() : undefined;
}

/**
 * Whether the text of a session is that of its data with its cookie where the engine puts
 * it, before the first key that is no array index, and it is all taken over again.
 */
function isPlainlyWritten(session) {
  if (session.toJSON !== undefined) return false;
  let hasCookie = false;
  for (const key in session) {
    if (key in Session.prototype) return false;
    if (key === 'cookie') hasCookie = true;
    else if (!hasCookie && !isArrayIndex(key)) return false;
  }
  return hasCookie;
}

/** Whether a key is one of those that JavaScript lists first (ECMA-262, "array index"). */
function isArrayIndex(key) {
  return String(key >>> 0) === key && key !== '4294967295';
}
