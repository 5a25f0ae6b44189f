'use strict';

/** @import { Callback, Request, Session as SessionShape, SessionClass } from '../types' */

const { storeCallback, callStore, runEngine, functionOf } = require('../store/call');
const REQUEST_SESSION = require('./key');

/**
 * The session of a request: the data, and methods that act on the store.
 *
 * @this {SessionShape}
 * @param {Request} req the session's `id` is `req.sessionID`
 * @param {object | null} [data] what the store has returned; keys that every session has are left out
 */
function Session(req, data) {
  // An own property, so that a Proxy of the session, an object that inherits from it and a clone
  // have it, too.
  Object.defineProperty(this, 'req', { value: req });
  const request = req[REQUEST_SESSION];
  // `RequestSession` keeps the id of the first session of a request, because a second property
  // would take as long as the rest of this function. Further sessions are rare: each has its
  // own property.
  if (request === undefined || !request.register(this)) Object.defineProperty(this, 'id', { value: req.sessionID });
  if (typeof data === 'object' && data !== null) addData(this, data);
}

/**
 * Adds data to a session, except for keys that every session has.
 *
 * @param {SessionShape} session
 * @param {Record<string, any>} data
 */
function addData(session, data) {
  for (const key in data) {
    if (!(key in session)) session[key] = data[key];
  }
}

/**
 * Returns the `RequestSession` of the request that a session belongs to, or undefined if the
 * request has not come through the middleware.
 *
 * @param {SessionShape} session
 */
function requestOf({ req }) {
  return req === undefined || req === null ? undefined : req[REQUEST_SESSION];
}

/**
 * Returns the `RequestSession` that must know of the saves and reloads of a session; undefined if
 * none must. A session that was watched (`watchSession`) is told from others also through a
 * Proxy, and through an object that inherits from it.
 *
 * @param {SessionShape} session
 */
function watcherOf(session) {
  const request = requestOf(session);
  if (request === undefined) return undefined;
  // The first session of a request has no own `id`, and neither has a Proxy or heir of it.
  const isWatched = session === request.firstSession || ownOf(session, 'id') === undefined
    ? request.watchesFirst
    : isOwn(session, 'save', save) || isOwn(session, 'reload', reload);
  return isWatched ? request : undefined;
}

/**
 * Returns the descriptor of a property that an object has itself or inherits from an object
 * before `Session.prototype`.
 *
 * @param {object} session
 * @param {string} name
 */
function ownOf(session, name) {
  for (let holder = session; holder && holder !== Session.prototype; holder = Object.getPrototypeOf(holder)) {
    const own = Object.getOwnPropertyDescriptor(holder, name);
    if (own) return own;
  }
  return undefined;
}

/**
 * @param {object} session
 * @param {string} name
 * @param {Function} method
 */
function isOwn(session, name, method) {
  const own = ownOf(session, name);
  return own !== undefined && own.value === method;
}

/** @type {Omit<SessionShape, 'cookie'> & ThisType<SessionShape>} */
const members = {
  /** The session id. It cannot be assigned. */
  get id() {
    // Only for the first session of a request; the others have a property of their own.
    const { req } = this;
    const request = req === undefined || req === null ? undefined : req[REQUEST_SESSION];
    return /** @type {string} */ (request && request.firstId);
  },

  /** Starts the lifetime of the cookie anew. It does not call the store. */
  touch() {
    return this.resetMaxAge();
  },

  /** Sets `cookie.maxAge` to `cookie.originalMaxAge`. */
  resetMaxAge() {
    const { cookie } = this;
    cookie.maxAge = cookie.originalMaxAge;
    return this;
  },

  /**
   * Stores the session now. Returns undefined if the middleware made the session for a request,
   * as with express-session 1.19.0.
   *
   * @param {Callback} [callback]
   */
  save(callback) {
    const watcher = watcherOf(this);
    const { req } = this;
    const answered = storeCallback(req, callback);
    let method = 'set';
    if (watcher && !runEngine(answered, () => { method = watcher.beforeSave(this); })) return undefined;
    callStore(answered, req.sessionStore, method, this.id, this);
    return watcher ? undefined : this;
  },

  /**
   * Replaces `req.session` by a session of the stored data. The callback gets an error if the
   * store has no such session, or data without a cookie. Returns undefined in the same case as
   * `save`.
   *
   * @param {Callback} [callback]
   */
  reload(callback) {
    const { req, id } = this;
    const store = req.sessionStore;
    const watcher = watcherOf(this);
    /** @type {number} */
    let moment;
    const call = functionOf(callback);
    /** @param {any[]} results */
    const done = (...results) => {
      if (watcher) watcher.afterReload(this, moment, results[0]);
      call(...results);
    };
    const answered = storeCallback(req, (error, data) => {
      if (error) return done(error);
      if (!data) return done(new Error('failed to load session'));
      try {
        store.createSession(req, data);
      } catch (damaged) {
        return done(damaged);
      }
      done();
    });
    if (watcher && !runEngine(answered, () => { moment = watcher.moment(); })) return undefined;
    callStore(answered, store, 'get', id);
    return watcher ? undefined : this;
  },

  /**
   * Removes the session from its request and from the store.
   * @param {Callback} [callback]
   */
  destroy(callback) {
    const { req } = this;
    delete req.session;
    const request = requestOf(this);
    const watched = request ? request.beforeDestroy(this.id, callback) : callback;
    callStore(storeCallback(req, watched), req.sessionStore, 'destroy', this.id);
    return this;
  },

  /**
   * Destroys the stored session, and replaces `req.session` by a new session with a new id.
   * @param {Callback} [callback]
   */
  regenerate(callback) {
    const { req } = this;
    const sessionStore = req.sessionStore;
    const request = requestOf(this);
    if (request) request.noteDestroyed(req.sessionID);
    callStore(storeCallback(req, callback), sessionStore, 'regenerate', req);
    return this;
  },
};

// They are not enumerable, so that `for … in` over a session lists its data only.
for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(members))) {
  Object.defineProperty(Session.prototype, name, { ...member, enumerable: false });
}

const { save, reload } = members;

// The functions below are no methods of the class, because programs list its methods.

/**
 * Makes a session of an object that has a place for the cookie and the data. This is faster than
 * `new Session` for hundreds of keys, because V8 is slow to add so many properties.
 *
 * @param {Request} req
 * @param {object} object
 * @returns {SessionShape} the same object
 */
function adoptAsSession(req, object) {
  const session = Object.setPrototypeOf(object, Session.prototype);
  Session.call(session, req);
  return session;
}

/**
 * Lets the `RequestSession` know of the saves and reloads of a further session of its request,
 * whose methods no program has replaced. `watcherOf` sees by these properties, which are those
 * of the class, that the session is watched.
 *
 * @param {SessionShape} session
 */
function watchSession(session) {
  defineHidden(session, 'save', save);
  defineHidden(session, 'reload', reload);
}

/**
 * Gives the first session of a request the properties `save`, `reload` and `id`, if `session.save`
 * and so on are not those of `Session.prototype`: a program has changed the prototype of the
 * session, or has copied form fields of these names into the session. With express-session,
 * each session has these hidden properties from the start, so such a form field does not
 * become data.
 *
 * @param {SessionShape} session
 * @param {string | undefined} id
 */
function restoreMethods(session, id) {
  restoreMethod(session, 'save', save);
  restoreMethod(session, 'reload', reload);
  if (session.id !== id) Object.defineProperty(session, 'id', { value: id });
}

/**
 * Hides the properties `save` and `reload` of a session: a clone of the first session has
 * form fields of these names as enumerable properties.
 *
 * @param {SessionShape} session
 */
function hideFields(session) {
  hideField(session, 'save');
  hideField(session, 'reload');
}

/**
 * @param {SessionShape} session
 * @param {string} name
 * @param {Function} method
 */
function restoreMethod(session, name, method) {
  if (!hideField(session, name) && session[name] !== method) defineHidden(session, name, method);
}

/**
 * Makes an own property not enumerable. Returns whether the session has it.
 *
 * @param {SessionShape} session
 * @param {string} name
 */
function hideField(session, name) {
  const own = Object.getOwnPropertyDescriptor(session, name);
  if (own && own.enumerable) defineHidden(session, name, own.value);
  return own !== undefined;
}

/**
 * @param {object} session
 * @param {string} name
 * @param {unknown} value
 */
function defineHidden(session, name, value) {
  Object.defineProperty(session, name, { value, configurable: true, writable: true, enumerable: false });
}

module.exports = {
  Session: /** @type {SessionClass} */ (/** @type {unknown} */ (Session)),
  addData,
  adoptAsSession,
  defineHidden,
  watchSession,
  restoreMethods,
  hideFields,
};
