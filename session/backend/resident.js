'use strict';

const Cookie = require('../cookie');
const MemoryStore = require('../memory');
const Session = require('../session');
const debug = require('debug')('express-session');
const native = require('../native/load');
const remote = require('./remote');
const { tellNone } = require('../cookie/sid');
const { answer, ask, isOfEngine } = require('../store/call');
const { arrivalOf, cookieOf } = require('../request/generate');
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
    /** From a Cookie header to a stored session, in one call: `native.createDoor`, made for these keys. */
    this.door = undefined;
    this.keys = undefined;
    this.records = undefined;
    /** What the door says beside the data. It is read before any program can act. */
    this.found = Buffer.from(new ArrayBuffer(native.FOUND_BYTES));
    this.doubles = new Float64Array(this.found.buffer);
  }

  /** This moment of the store's, NaN if it keeps no records. */
  moment() {
    return MemoryStore.recordsIn(this.settings.store)?.moment() ?? NaN;
  }

  /** Whether a session was destroyed since a moment, NaN for none. */
  wasDestroyed(sid, since) {
    return !Number.isNaN(since) && MemoryStore.recordsIn(this.settings.store).wasDestroyed(sid, since);
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
      found = this.enter(request, header);
    } catch (error) {
      if (!isOfEngine(error)) throw error;
      remote.answer(request, error, undefined, next);
      return;
    }
    if (found === native.UNCLEAR_SESSION) remote.open(request, header, next);
    else if (found === native.UNKNOWN_SID) remote.answer(request, undefined, undefined, next);
    else next();
  }

  /**
   * Lets the session of a request sleep, if nobody can tell when it is made.
   *
   * @returns {number | undefined} why it must be made at once: `UNKNOWN_SID` if the store has
   *   none of the cookie's sid, `UNCLEAR_SESSION` if it must be asked the other way
   * @throws what the engine throws
   */
  enter(request, header) {
    const { req, keyring, settings } = request;
    const records = this.records = MemoryStore.records(settings.store);
    // An accessor that a program has made for it is on the request, or on what that inherits from.
    if ('session' in req) return native.UNCLEAR_SESSION;
    const now = Date.now();
    const text = header ? this.doorFor(keyring)(header, now) : native.NO_COOKIE;
    const stored = typeof text === 'string' ? new Stored(text, this, records) : undefined;
    const isUnknown = text === native.UNKNOWN_SID;
    const cookieId = isUnknown ? this.foundSid() : stored?.id;
    // Now the program may act.
    if (records.dispose !== undefined) records.tell();
    if (stored !== undefined) {
      if (debug.enabled) debug('session found');
      request.sleep(stored, cookieId);
      return undefined;
    }
    // cookie-parser may have found the cookie elsewhere; and a secret that verified nothing may be none.
    const isNone = isUnknown ||
      !(text === native.UNCLEAR_SESSION || req.signedCookies || req.cookies || keyring.hasRest());
    const arrival = isNone && settings.canWait ? arrivalOf(req, settings, now) : undefined;
    if (arrival === undefined) {
      if (!isUnknown) return native.UNCLEAR_SESSION;
      request.came(cookieId);
      return text;
    }
    tellNone(text);
    request.sleep(new Fresh(native.sessionId(), arrival), cookieId);
    return undefined;
  }

  /** The door for the keys of a request. */
  doorFor(keyring) {
    const keys = keyring.refresh();
    if (this.keys !== keys) {
      this.keys = keys;
      this.door = native.createDoor(this.settings.name, keys, this.records.store, this.found);
    }
    return this.door;
  }

  foundSid() {
    return this.found.latin1Slice(native.FOUND_SID, native.FOUND_SID + this.found[native.FOUND_SID_LENGTH]);
  }

  /**
   * Renews the lifetime of a session that is asleep.
   * @returns {string | undefined} as `commit`; undefined if the session must be made for that
   * @throws what the engine throws
   */
  renew(request, out) {
    const { records } = this;
    if (!request.source.renew(records, NaN)) return undefined;
    if (debug.enabled) debug('touching');
    return records.flush === undefined ? 'done' : pending(request, records, out);
  }

  /**
   * Does what the end of a response must do to the session in the store, as the remote backend
   * does. An engine may need time for what it was told: then the response waits for that.
   *
   * @throws what the engine throws
   */
  commit(request, end, session, out) {
    // A request may have begun with a store that had methods of a program's.
    const records = this.records ??= MemoryStore.records(this.settings.store);
    let isDone = true;
    if (end === native.END_DESTROY) {
      debug('destroying');
      records.destroy(`${request.req.sessionID}`);
    } else if (end === native.END_TOUCH) {
      isDone = touch(request, session, records);
    } else {
      save(request, session, records);
    }
    if (!isDone) return remote.commit(request, end, session, out);
    return records.flush === undefined ? 'done' : pending(request, records, out);
  }
}

module.exports = Resident;

/** The response must wait for what the engine was told, as for the answer of any store. */
function pending({ req }, records, out) {
  ask(answer(req, out.wait()), records, 'flush');
  return 'waiting';
}

/** Renews the lifetime of a session in the store. False if only the store's own method can do that. */
function touch(request, session, records) {
  const { source, originalId } = request;
  const { cookie } = session;
  // That of the request, which a program may have put back since, and not the session's own.
  const id = `${request.req.sessionID}`;
  const expires = source instanceof Stored && id === originalId ? expiryOf(cookie, source.cookie) : undefined;
  const isRenewed = expires !== undefined && source.renew(records, expires);
  const json = isRenewed ? undefined : JSON.stringify(cookie);
  if (!isRenewed && (json === undefined || !records.touch(id, json, records.deadline(id, session)))) return false;
  if (debug.enabled) debug('touching');
  return true;
}

/** Stores a session, unless another request has destroyed it since this one has had it. */
function save(request, session, records) {
  if (debug.enabled) debug('saving');
  const { source, originalId } = request;
  const id = `${request.idOf(session)}`;
  const text = request.storing(session);
  const since = request.since(id);
  let isStored;
  if (isPlainlyWritten(session)) {
    // As its cookie, which the engine may know by its number, and its data.
    const { cookie } = session;
    const deadline = records.ttl === undefined ? NaN : records.deadline(id, session);
    const number = source instanceof Stored && id === originalId ? source.cookieNumber : records.lastPut;
    const expires = expiryOf(cookie, records.cookies.get(number));
    const outcome = expires === undefined ? native.NOT_CHANGED : records.write(id, number, expires, deadline, since, text);
    isStored = outcome === native.NOT_CHANGED
      ? records.put(id, JSON.stringify(cookie), text, deadline, since)
      : outcome === native.CHANGED;
  } else {
    isStored = records.save(id, session, JSON.stringify(session), since);
  }
  if (!isStored) debug('not saving: the session was destroyed');
}

/** A session of the store's that nobody has looked at. */
class Stored {
  /**
   * @param {string} text the JSON of its data
   * @param {Resident} resident whose door has just told the rest
   * @param {import('../engine/engine')} records
   */
  constructor(text, resident, records) {
    const { found, doubles } = resident;
    this.id = resident.foundSid();
    this.text = text;
    this.data = undefined;
    /** The cookie that the record had, and its date apart: ms since the epoch, NaN for none. */
    this.cookieNumber = doubles[native.FOUND_COOKIE_ID / EIGHT];
    this.cookie = records.cookie(this.cookieNumber, () => (
      found.latin1Slice(native.FOUND_COOKIE, native.FOUND_COOKIE + found.readUInt16LE(native.FOUND_COOKIE_LENGTH))
    ));
    this.expires = doubles[native.FOUND_EXPIRES / EIGHT];
    /** When it was found: a moment of the records. */
    this.moment = doubles[native.FOUND_MOMENT / EIGHT];
    /** What using the session does to its expiry: a `RENEWAL_` number. */
    this.renewal = found[native.FOUND_RENEWAL];
    /** How many changes the records had seen. */
    this.changes = records.changes;
  }

  /** What `createSession` would have made of it when the request came. */
  session(req) {
    const { cookie, expires, text, renewal } = this;
    const date = Number.isNaN(expires) ? null : new Date(expires);
    // A session takes over no key `req`, as it has one.
    const isLarge = text.length > LARGE && !text.includes('"req":');
    const session = isLarge ? Session.adopt(req, JSON.parse(`{"cookie":0,${text.slice(1)}`)) : new Session(req);
    session.cookie = renewal === native.RENEWAL_UNCLEAR
      // As the record's text has it: where a date is there as text, that counts beside other times.
      ? Cookie.revive('expires' in cookie ? { ...cookie, expires: date && date.toISOString() } : { ...cookie })
      : Cookie.of(cookie, date, cookie.originalMaxAge);
    // The text alone is to tell whether a large one has changed: a snapshot of it would be large.
    if (isLarge) return session;
    this.data = JSON.parse(text);
    Session.take(session, this.data);
    return session;
  }

  /**
   * Gives the record a new expiry, in ms since the epoch, NaN for the one that its cookie's
   * lifetime makes. False if the record may be another by now.
   */
  renew(records, expires) {
    const { ttl } = records;
    if (this.renewal === native.RENEWAL_UNCLEAR || typeof ttl === 'function') return false;
    const isNothing = this.renewal === native.RENEWAL_SAME && ttl === undefined &&
      records.changes === this.changes && !records.isShared;
    return isNothing || records.renew(this.id, this.cookieNumber, expires, ttl === undefined ? NaN : Date.now() + ttl);
  }
}

/** A new session that nobody has looked at. */
class Fresh {
  /**
   * @param {string} id
   * @param {object} arrival what decides about its cookie
   */
  constructor(id, arrival) {
    this.id = id;
    this.text = '{}';
    this.moment = NaN;
    this.arrival = arrival;
  }

  /** What `generate` would have made when the request came. */
  session(req) {
    const session = new Session(req);
    session.cookie = cookieOf(this.arrival);
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
