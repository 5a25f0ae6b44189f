'use strict';

const debug = require('debug')('express-session');
const { callStore, runEngine, functionOf } = require('./store/call');
const { startLifetimeAt } = require('./cookie/cookie');
const Original = require('./request/original');
const REQUEST_SESSION = require('./request/key');
const { Session, defineHidden, hideFields, restoreMethods, watchSession } = require('./request/session');
const defer = require('./store/defer');
const dataJSON = require('./request/data-json');
const isSecure = require('./cookie/secure');
const native = require('./native/load');
const serialize = require('./cookie/serialize');
const select = require('./backend/select');

/** Facts → decision, for every combination: what the end of the response does, and whether a cookie goes. */
const DECISIONS = native.decisions();
const { END_MASK, SETS_COOKIE } = native;

/** `saved`, while what is stored is what the request began with. */
const ORIGINAL = Symbol('original');

const { save, reload } = Session.prototype;

/** In place of a session: it is destroyed, and its cookie must go. */
const CLEARED = Symbol('cleared');

/** What is a fact of every session that nobody has looked at. */
const WHOLE = native.HAS_ID | native.ID_IS_STRING | native.HAS_SESSION;

/**
 * The session of one request: what it was when the request came, who may have changed it
 * since, and so what the end of the response must do. It is asleep until somebody looks at
 * `req.session`, if the backend that had it lets it sleep. The engine draws the conclusions
 * (`core/src/state.rs`).
 */
class RequestSession {
  /**
   * @param {object} settings of `session()`, checked
   * @param {object} req
   * @param {import('./cookie/keyring')} keyring
   */
  constructor(settings, req, keyring) {
    this.settings = settings;
    this.req = req;
    this.keyring = keyring;
    /** The sid that the request's cookie brought. */
    this.cookieId = undefined;
    /** The sid that the session had when the request came. */
    this.originalId = undefined;
    /** Its data then. */
    this.original = undefined;
    /** What the backend knows of it, and makes it of when it wakes. */
    this.source = undefined;
    this.isAsleep = false;
    /** `req.session`, of a session that was asleep. */
    this.session = undefined;
    /** When the response ended with the session asleep: ms since the epoch. */
    this.endedAt = undefined;

    /** The JSON of what was saved last, or `ORIGINAL`. */
    this.saved = undefined;
    this.isTouched = false;
    /** The first session that was made for the request; null if a program put another there. */
    this.firstSession = undefined;
    /** Its id, which what stands for it, a Proxy or an heir, finds here. */
    this.firstId = undefined;
    /** Whether that session tells of its saves and reloads itself. */
    this.watchesFirst = false;
    /** The last session that was made for the request. */
    this.lastMade = undefined;
    /** The `save` that `watch` has put in place of that of a class of its own. */
    this.foreignSave = undefined;
    /** Whose session was loaded, or reloaded, and at which moment of the store's. */
    this.loadedId = undefined;
    this.loadedAt = NaN;
    /** Whose session was saved, and when. */
    this.savedId = undefined;
    this.savedAt = NaN;
    /** Whose sessions this request has destroyed, if there are any. */
    this.destroyedIds = undefined;
    /** Whether `destroy` was called, and the store has not failed in it. */
    this.isDestroyed = false;
    /** For the option `clearCookie`: what the cookie was set with, of a session that was made. */
    this.cookieData = undefined;

    // What is known as long as nobody can change the session.
    /** The JSON of the data. */
    this.knownJSON = undefined;
    /** Whose cookie the response must carry: null for none. */
    this.cookieSession = undefined;
    /** Whether the end of the response is saving the session by a method of a program's. */
    this.isEnding = false;
    /** The session cannot be read or written. What comes now is an error page. */
    this.hasFailed = false;
    // Of another middleware: the request leads to its first session no more.
    req[REQUEST_SESSION]?.leave();
    req[REQUEST_SESSION] = this;
  }

  /** The cookie brought a sid, or none. */
  setCookieId(sid) {
    this.cookieId = sid;
    this.req.sessionID = sid;
  }

  /** The store is asked for the session now. */
  startLoading() {
    this.loadedAt = this.moment();
  }

  /**
   * The session is there, and sleeps until somebody looks at it.
   *
   * @param {{ id: string, text: string, moment: number, session: (req: object) => Session }} source
   * @param {string | undefined} cookieId the sid that the cookie brought
   */
  sleep(source, cookieId) {
    const { req } = this;
    this.cookieId = cookieId;
    req.sessionID = cookieId;
    this.loadedAt = source.moment;
    this.originalId = source.id;
    this.source = source;
    this.isAsleep = true;
    if (source.id === cookieId) this.markLoaded(cookieId);
    else req.sessionID = source.id;
    Object.defineProperty(req, 'session', property);
  }

  /**
   * Puts a session on the request at once.
   *
   * @param {object} [data] what the store had, unless the session is new. It is what
   *   counts: a key that the session did not take over is a modification.
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
      // It may be one that another package made, or the program.
      this.firstSession ??= null;
      if (data) this.markLoaded(req.sessionID);
      this.original = data ? new Original(undefined, data) : new Original(dataJSON(req.session));
      this.watch(req.session);
    } catch (error) {
      // What was put on the request before the error is not whole.
      this.hasFailed = Boolean(req.session);
      throw error;
    }
  }

  /** The session is that of the store. Without `resave` it counts as saved until it is modified. */
  markLoaded(sid) {
    this.loadedId = sid;
    if (!this.settings.resave) this.saved = ORIGINAL;
  }

  /** Makes the session that was there when the request came. */
  wake() {
    this.isAsleep = false;
    const session = this.source.session(this.req);
    this.original = new Original(this.source.text, this.source.data);
    this.session = session;
    this.watch(session);
    // The response has ended, and would have touched it.
    if (this.isTouched) startLifetimeAt(session.cookie, this.endedAt, session.cookie.originalMaxAge);
  }

  /** A session is made for the request. Returns whether it is the first, whose id the request keeps. */
  register(session) {
    if (this.isAsleep) return false;
    this.lastMade = session;
    if (this.firstSession !== undefined) return false;
    this.firstSession = session;
    this.firstId = this.originalId === undefined ? this.req.sessionID : this.originalId;
    return true;
  }

  /** Takes what a program puts on the request in place of a session that was asleep. */
  assign(session) {
    if (this.isAsleep) {
      this.isAsleep = false;
      this.firstSession = null;
    }
    this.restoreMethods();
    this.session = session;
  }

  /** Another middleware takes the request. */
  leave() {
    const { firstSession, firstId } = this;
    if (firstSession && firstSession.id === firstId) Object.defineProperty(firstSession, 'id', { value: firstId });
  }

  /** Gives the first session, and what stands in its place, what a program has hidden from them. */
  restoreMethods(session) {
    const { firstSession } = this;
    if (firstSession && this.watchesFirst && (firstSession.save !== save || firstSession.reload !== reload)) {
      restoreMethods(firstSession, this.firstId);
    }
    if (session !== firstSession && isLikeFirst(session)) hideFields(session);
  }

  /** `req.session`, with all that belongs to it. */
  current() {
    const { req } = this;
    if (this.isAsleep && hasProperty(this)) this.wake();
    if (this.source !== undefined) this.original ??= new Original(this.source.text);
    const session = this.source !== undefined && hasProperty(this) ? this.session : req.session;
    this.restoreMethods(session);
    return session;
  }

  /** Whether nobody has replaced or deleted the session, which is asleep. */
  isUntouched() {
    return this.req.sessionID === this.originalId && hasProperty(this) &&
      // One that the program has made since is a modification.
      Session.prototype.toJSON === undefined;
  }

  /**
   * Lets the request know of a session's saves and reloads, and of what it destroys. The
   * methods of a session of another kind, or those a program replaced, are wrapped; like
   * the originals they are found on the object, but do not show.
   */
  watch(session) {
    if (this.settings.clearCookie) this.cookieData ??= session.cookie?.data;
    if (session === this.lastMade && session.save === save && session.reload === reload) {
      if (session === this.firstSession) this.watchesFirst = true;
      else watchSession(session);
      return;
    }
    const request = this;
    const { destroy, regenerate, reload: itsReload, save: itsSave } = session;
    defineHidden(session, 'reload', function watchedReload(callback) {
      const tell = functionOf(callback);
      let moment;
      if (!runEngine(tell, () => { moment = request.moment(); })) return;
      itsReload.call(this, (...results) => {
        request.afterReload(this, moment, results[0]);
        tell(...results);
      });
    });
    const watchedSave = function watchedSave(...args) {
      if (runEngine(functionOf(args[0]), () => { request.beforeSave(this); })) itsSave.apply(this, args);
    };
    const isOfClass = !Object.hasOwn(session, 'save');
    defineHidden(session, 'save', watchedSave);
    // Ours tell by themselves.
    if (session instanceof Session) return;
    if (isOfClass) this.foreignSave = watchedSave;
    defineHidden(session, 'destroy', function watchedDestroy(callback, ...args) {
      return destroy.call(this, request.beforeDestroy(this.id, callback), ...args);
    });
    defineHidden(session, 'regenerate', function watchedRegenerate(...args) {
      request.noteDestroyed(request.req.sessionID);
      return regenerate.apply(this, args);
    });
  }

  /** This moment of the store's, NaN for a store that knows none. */
  moment() {
    return this.settings.resident?.moment() ?? NaN;
  }

  /**
   * A session is about to be saved.
   *
   * @param {object} session
   * @returns {string} the method of the store that is to save it
   */
  beforeSave(session) {
    this.restoreMethods(session);
    const { id } = session;
    this.noteSave(session, id);
    return this.isEnding && this.savesIfPresent(id) ? 'setIfPresent' : 'set';
  }

  /** The session of a sid is saved now. */
  noteSave(session, id) {
    if (debug.enabled) debug('saving');
    this.dataToStore(session);
    this.savedId = id;
    this.savedAt = this.moment();
  }

  /**
   * The data of a session are about to be stored.
   * @returns {string} their JSON
   */
  dataToStore(session) {
    this.saved = this.knownJSON ?? dataJSON(session);
    return this.saved;
  }

  /** `session` was reloaded after a moment, or in vain, and another may have taken its place. */
  afterReload(session, moment, error) {
    if (debug.enabled && !error) debug('reloaded');
    const { session: current } = this.req;
    if (typeof current === 'object' && current !== null && current !== session) {
      const { id } = current;
      // Under another id it is not the store's.
      if (!error && id === session.id) {
        if (id === this.savedId) this.savedId = undefined;
        this.loadedId = id;
        this.loadedAt = moment;
      }
      this.watch(current);
    }
  }

  /** The request destroys the session of a sid, now or later: to save it still is its own affair. */
  noteDestroyed(sid) {
    (this.destroyedIds ??= new Set()).add(sid);
  }

  /**
   * The program destroys the session of a sid.
   * @returns {Function | undefined} what is to hear of it in place of the program's callback
   */
  beforeDestroy(sid, callback) {
    this.noteDestroyed(sid);
    if (!this.settings.clearCookie) return callback;
    this.isDestroyed = true;
    const tell = functionOf(callback);
    return (error, ...results) => {
      if (error) this.isDestroyed = false;
      tell(error, ...results);
    };
  }

  /** Whether the end of the response tells the store to save a session only if it still has it. */
  savesIfPresent(id) {
    const { req, settings: { store } } = this;
    return id !== undefined && id === this.loadedId && !this.destroyedIds?.has(id) && req.sessionStore === store &&
      typeof store.setIfPresent === 'function';
  }

  /**
   * Logged out stays logged out: since when nobody must have destroyed the session of a
   * sid, so that the end of the response may store it. NaN for a session that is new, or
   * destroyed by the request itself.
   */
  since(sid) {
    if (sid === undefined || this.destroyedIds?.has(sid)) return NaN;
    if (sid === this.savedId) return this.savedAt;
    return sid === this.loadedId ? this.loadedAt : NaN;
  }

  /** Starts the cookie's lifetime anew. */
  touch(session) {
    if (select.touchesPlainly(session)) startLifetimeAt(session.cookie, Date.now(), session.cookie.originalMaxAge);
    else session.touch();
    this.isTouched = true;
  }

  /**
   * Does what the end of the response must do to the session in the store.
   *
   * @param {{ wait: () => (error?: Error) => void }} out its `wait` is called if the store's
   *   answer is not there at once, for what the store is to call
   * @returns {'nothing' | 'done' | 'waiting'} whether the response must wait
   * @throws what the store throws, or `JSON.stringify` for data it refuses
   */
  settle(response) {
    if (this.isAsleep && this.isUntouched()) {
      const progress = this.settleAsleep(response);
      if (progress) return progress;
    }
    const session = this.current();
    if (session && !this.isTouched) this.touch(session);
    const decision = DECISIONS[this.factsWithData(session)];
    const end = decision & END_MASK;
    const progress = end === native.END_NOTHING ? 'nothing' : select(this, session).commit(this, end, session, response);
    this.knownJSON = undefined;
    if (progress !== 'nothing') {
      // A store may change what it is given to save; but a cookie that was due stays so, unless
      // a method of a program's has saved it, which may put another in its place.
      if (decision & SETS_COOKIE) this.cookieSession = session.save === save ? session : undefined;
      else if (progress === 'done' && session) this.cookieSession = null;
    }
    return progress;
  }

  /** `settle` of a session nobody has looked at; undefined if it must be made first. */
  settleAsleep(response) {
    const { resident } = this.settings;
    if (select(this) !== resident) return undefined;
    const decision = DECISIONS[this.factsAsleep()];
    const end = decision & END_MASK;
    const renewed = end === native.END_TOUCH ? resident.renew(this, response) : undefined;
    const progress = end === native.END_NOTHING ? 'nothing' : renewed;
    if (progress === undefined) return undefined;
    this.isTouched = true;
    this.endedAt = Date.now();
    if (!(decision & SETS_COOKIE)) this.cookieSession = null;
    return progress;
  }

  /**
   * Saves a session at the end of the response: by its own `save`, which another package may
   * have made, or the program.
   */
  save(session, callback) {
    const { req } = this;
    const id = this.idOf(session);
    const isPresent = this.savesIfPresent(id);
    // These do no more than hand the session to the store, and tell of that.
    const isOurs = session === this.firstSession && this.watchesFirst && session.save === save;
    if (isOurs || (isPresent && session.save === this.foreignSave)) {
      this.noteSave(session, id);
      callStore(callback, req.sessionStore, isPresent ? 'setIfPresent' : 'set', id, session);
      return;
    }
    // Another one may change the data before it comes to ours.
    this.knownJSON = undefined;
    this.isEnding = true;
    try {
      callStore(callback, session, 'save');
    } finally {
      this.isEnding = false;
    }
  }

  /** Lets go of what decides what the end does: that is done, and the store may take long to answer. */
  dropOriginal() {
    this.original = undefined;
    if (!this.isAsleep) this.source = undefined;
    this.saved = undefined;
    // The program may have let go of it.
    this.firstSession = null;
    this.lastMade = undefined;
  }

  /** From now on somebody can change the data. */
  invalidate() {
    this.knownJSON = undefined;
    this.cookieSession = undefined;
  }

  /** The session cannot be read or written. */
  fail() {
    this.hasFailed = true;
    this.invalidate();
  }

  /**
   * The session whose cookie the response's headers must carry; null for none, and `CLEARED`
   * if they must let the browser forget the one that the request brought.
   */
  sessionForCookie() {
    if (this.cookieSession !== undefined) return this.cookieSession;
    if (this.isAsleep && this.isUntouched() && !(DECISIONS[this.factsAsleep()] & SETS_COOKIE)) return null;
    const session = this.current();
    if (!session) return this.clearedCookie(session);
    const { cookie } = session;
    const facts = this.facts(session);
    // Where a session has no cookie although that decides, the headers are refused.
    if (!cookie && facts & native.ID_FROM_COOKIE && !(facts & native.ROLLING)) return cookie.expires;
    const unmodified = DECISIONS[facts] & SETS_COOKIE;
    // The text is made only where it decides.
    const isDue = unmodified === (DECISIONS[facts | native.MODIFIED] & SETS_COOKIE)
      ? unmodified
      : !this.original.compare(session).isSame;
    return isDue ? session : null;
  }

  /** `CLEARED`, if the browser has a cookie of a session that is destroyed, and is to forget it; else null. */
  clearedCookie(session) {
    const { clearCookie, facts } = this.settings;
    const isUnset = facts & native.UNSET_DESTROY && (session === null || session === undefined);
    if (!(clearCookie && this.cookieId && (this.isDestroyed || isUnset))) return null;
    this.cookieData ??= this.source?.session(this.req).cookie.data;
    return this.cookieData ? CLEARED : null;
  }

  /**
   * Adds the cookie of a session to a response, unless the connection must not carry it.
   *
   * @param {object} session or `CLEARED`
   * @param {import('node:http').ServerResponse} res
   * @param {(error: Error) => void} next is told, in a later turn, why it cannot be written
   * @returns {string | undefined} the header, if there is one now
   */
  addCookie(session, res, next) {
    const { req, settings, keyring } = this;
    const isCleared = session === CLEARED;
    const { secure } = isCleared ? this.cookieData : session.cookie;
    if (secure && !isSecure(req, settings.proxy)) {
      debug('cookie withheld: the connection is not secure');
      return undefined;
    }
    if (!isCleared && !this.isTouched) this.touch(session);
    try {
      const header = isCleared
        ? serialize(settings.name, '', { ...this.cookieData, expires: new Date(0) })
        : settings.cookieWriter.write(req.sessionID, keyring, session.cookie.data);
      const others = res.getHeader('Set-Cookie');
      res.setHeader('Set-Cookie', others ? [].concat(others, header) : [header]);
      debug(isCleared ? 'cookie cleared' : 'cookie set');
      return header;
    } catch (error) {
      defer(next, error);
      return undefined;
    }
  }

  /** The facts of this moment. Keeps what it has found out of the data. */
  factsWithData(session) {
    let facts = this.facts(session);
    this.knownJSON = undefined;
    // A session whose id is no string is never saved, and one with another id is
    // modified whatever it holds.
    if (!session || facts & native.MODIFIED || !(facts & native.ID_IS_STRING)) return facts;
    const { isSame, text } = this.original.compare(session);
    this.knownJSON = text;
    if (!isSame) facts |= native.MODIFIED;
    const { saved } = this;
    if (saved === ORIGINAL) {
      if (isSame) facts |= native.SAVED;
    } else if (saved !== undefined) {
      this.knownJSON ??= dataJSON(session);
      if (this.knownJSON === saved) facts |= native.SAVED;
    }
    return facts;
  }

  /** `session.id`, which the request itself knows of its first session. */
  idOf(session) {
    return session === this.firstSession ? this.firstId : session.id;
  }

  /** The facts of this moment, as far as they show without the session's data. */
  facts(session) {
    const { sessionID } = this.req;
    let { facts } = this.settings;
    if (sessionID) facts |= native.HAS_ID;
    if (typeof sessionID === 'string') facts |= native.ID_IS_STRING;
    if (sessionID === this.cookieId) facts |= native.ID_FROM_COOKIE;
    if (this.saved !== undefined) facts |= native.WAS_SAVED;
    if (session === undefined || session === null) facts |= native.UNSET;
    if (!session) return facts;
    facts |= native.HAS_SESSION;
    const { cookie } = session;
    const expires = cookie ? cookie.expires : undefined;
    if (expires !== undefined && expires !== null) facts |= native.EXPIRES;
    return this.idOf(session) === this.originalId ? facts : facts | native.MODIFIED;
  }

  /** The facts of a session that nobody has looked at. */
  factsAsleep() {
    const { facts, resave } = this.settings;
    if (this.loadedId === undefined) return facts | WHOLE;
    return facts | WHOLE | native.ID_FROM_COOKIE | (resave ? 0 : native.WAS_SAVED | native.SAVED);
  }
}

module.exports = RequestSession;

/**
 * `req.session`, made when it is first looked at. One descriptor serves every
 * request, so that requests stay alike for the JavaScript engine.
 */
const property = {
  configurable: true,
  enumerable: true,

  get() {
    const request = this[REQUEST_SESSION];
    if (request.isAsleep) request.wake();
    else request.restoreMethods();
    return request.session;
  },

  set(session) {
    const request = this[REQUEST_SESSION];
    if (request.req === this) {
      request.assign(session);
      return;
    }
    // An object that inherits from the request gets a property of its own.
    Object.defineProperty(this, 'session', { value: session, configurable: true, enumerable: true, writable: true });
  },
};

/** Whether that property still leads to a request's session: another middleware may have taken the request. */
function hasProperty(request) {
  const { req } = request;
  const own = Object.getOwnPropertyDescriptor(req, 'session');
  return own !== undefined && own.get === property.get && req[REQUEST_SESSION] === request;
}

/** Whether a session is the first one of a request, or a clone of that: an heir has no `req` of its own. */
function isLikeFirst(session) {
  return session instanceof Session && Object.hasOwn(session, 'req') && !Object.hasOwn(session, 'id') &&
    Boolean(session.req?.[REQUEST_SESSION]?.watchesFirst);
}
