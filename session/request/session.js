'use strict';

/** @import RequestSession from '../request' */
/** @import { Callback, RegenerateOptions, Request, Session as SessionShape, SessionClass } from '../types' */

const { isStale } = require('../cookie/cookie');
const { storeCallback, callStore, callbackOrPromise, functionOf, runEngine } = require('../store/call');
const defer = require('../store/defer');
const REQUEST_SESSION = require('./key');
const { load } = require('./load');
const regenerateKeeping = require('./regenerate');
const SessionEnded = require('./session-ended');

/**
 * What stands for the request of each session that `Store#load` has made, if the store knows whose its
 * sessions are: such a session is saved only if it is still there.
 *
 * @type {WeakSet<object>}
 */
const loads = new WeakSet();

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
 * Returns the id under which the store has a session, which is a new one if another request has renewed
 * it and this one knows.
 *
 * @param {SessionShape} session
 */
function newestIdOf(session) {
  return requestOf(session)?.meta?.newestId(session.id) ?? session.id;
}

/**
 * Returns the `RequestSession` that must know of the saves and reloads of a session, if the
 * session is the first one of its request. A further session that must be watched has methods
 * of its own: `watchedMethods`.
 *
 * @param {SessionShape} session
 */
function watcherOf(session) {
  const request = requestOf(session);
  if (!request?.watchesFirst) return undefined;
  // The first session of a request has no own `id`, and neither has a Proxy or heir of it.
  return session === request.firstSession || !hasOwnId(session) ? request : undefined;
}

/**
 * Whether an object has a property `id` itself, or inherits it from an object before
 * `Session.prototype`.
 *
 * @param {object} session
 */
function hasOwnId(session) {
  for (let holder = session; holder && holder !== Session.prototype; holder = Object.getPrototypeOf(holder)) {
    if (Object.hasOwn(holder, 'id')) return true;
  }
  return false;
}

/**
 * Does what a program asks for, and lets subscribers hear of it.
 *
 * @template T
 * @param {'save' | 'destroy' | 'regenerate'} name
 * @param {SessionShape} session
 * @param {Callback} callback
 * @param {(session: SessionShape, callback: Callback, watcher?: RequestSession) => T} act
 * @param {RequestSession} [watcher]
 * @returns {T} what `act` returns
 * @throws what `act` throws
 */
function telling(name, session, callback, act, watcher) {
  const diagnostics = requestOf(session)?.diagnostics;
  return diagnostics === undefined ? act(session, callback, watcher) : diagnostics.during(name, session, callback, act, watcher);
}

/**
 * Stores a session, and tells the `RequestSession` that watches it.
 *
 * @param {SessionShape} session
 * @param {Callback} callback
 * @param {RequestSession} [watcher]
 */
function saveSession(session, callback, watcher) {
  const { req } = session;
  // A session that is not watched, such as one after `regenerate`, has options of the store and `merge`, too.
  const request = watcher ?? requestOf(session);
  const hearer = request?.settings.users === undefined ? watcher : request;
  const answered = storeCallback(req, hearer ? hearer.hearingSave(session, callback) : callback);
  if (hearer && !hearer.canStamp(session, answered)) return watcher ? undefined : session;
  /** @type {'set' | 'setIfPresent'} */
  let method = hearer?.savesIfPresent(hearer.idOf(session)) ? 'setIfPresent' : 'set';
  if (watcher && !runEngine(answered, () => { method = watcher.beforeSave(session); })) return undefined;
  if (request) request.store(answered, method, session.id, session);
  else if (loads.has(req)) callStore(storeCallback(undefined, (...results) => { callback(...SessionEnded.heard(results)); }), req.sessionStore, 'setIfPresent', session.id, session);
  else callStore(answered, req.sessionStore, method, session.id, session);
  return watcher ? undefined : session;
}

/**
 * Reads a session from the store again, and tells the `RequestSession` that watches it.
 *
 * @param {SessionShape} session
 * @param {Callback} callback
 * @param {RequestSession | undefined} watcher
 */
function reloadSession(session, callback, watcher) {
  const { req } = session;
  const id = newestIdOf(session);
  const { sessionStore: store } = req;
  const request = watcher ?? requestOf(session);
  // The session that takes the place of one after `regenerate` may end, too. One of another class tells
  // the request itself.
  const hearer = request?.settings.users !== undefined && session instanceof Session ? request : watcher;
  /** @type {number} */
  let moment;
  /** @param {any[]} results */
  const done = (...results) => {
    if (hearer) hearer.afterReload(session, moment, results[0]);
    callback(...results);
  };
  const told = request?.diagnostics?.begin('load');
  const answered = storeCallback(req, (error, data, _id, ending) => {
    told?.endLoad(error, data, ending);
    if (error) return done(error);
    if (!data) return done(new Error('failed to load session'));
    try {
      store.createSession(req, data);
    } catch (damaged) {
      return done(damaged);
    }
    done();
  });
  if (hearer && !runEngine(answered, () => { moment = hearer.moment(); })) return watcher ? undefined : session;
  try {
    if (request) load(request, id, answered);
    else callStore(answered, store, 'get', id);
  } catch (error) {
    told?.endLoad(error);
    throw error;
  }
  return watcher ? undefined : session;
}

/**
 * Removes a session from its request and from the store.
 *
 * @param {SessionShape} session
 * @param {Callback} callback
 * @returns {SessionShape} the same session
 */
function destroySession(session, callback) {
  const { req } = session;
  delete req.session;
  const request = requestOf(session);
  const id = newestIdOf(session);
  const watched = request ? request.beforeDestroy(id, callback) : callback;
  const end = (/** @type {Callback | undefined} */ answered) => { callStore(storeCallback(req, answered), req.sessionStore, 'destroy', id); };
  if (request?.meta?.mayBeRenewed(id)) request.meta.endStored(id, functionOf(watched), end);
  else end(watched);
  return session;
}

/**
 * Destroys the stored session of a request, and replaces it by a new one.
 *
 * @param {SessionShape} session
 * @param {Callback} callback
 * @returns {SessionShape} the same session
 */
function regenerateSession(session, callback) {
  const { req } = session;
  const request = requestOf(session);
  const { sessionID } = req;
  if (request) request.noteDestroyed(sessionID);
  const end = (/** @type {Callback} */ answered) => { callStore(storeCallback(req, answered), req.sessionStore, 'regenerate', req); };
  if (request?.meta?.mayBeRenewed(sessionID)) request.meta.endStored(sessionID, callback, end);
  else end(callback);
  return session;
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

  /**
   * Starts the lifetime of the cookie anew. It does not call the store.
   *
   * @param {boolean} [renews] false: nothing is renewed, neither now nor by the end of the
   *   response, unless the program touches the session again. Only a lifetime that is over begins anew,
   *   as a save would end the session with it.
   */
  touch(renews = true) {
    const request = requestOf(this);
    if (request !== undefined) request.noteTouch(renews !== false);
    return renews === false && !isStale(this.cookie) ? this : this.resetMaxAge();
  },

  /** Sets `cookie.maxAge` to `cookie.originalMaxAge`. */
  resetMaxAge() {
    const { cookie } = this;
    cookie.maxAge = cookie.originalMaxAge;
    return this;
  },

  // The four methods below return a promise if they get no callback: see `callbackOrPromise`.

  /**
   * Stores the session now. With a callback it returns undefined if the middleware made the
   * session for a request, as with express-session 1.19.0.
   *
   * @param {Callback} [callback]
   */
  save(callback) {
    return callbackOrPromise(callback, (done) => telling('save', this, done, saveSession, watcherOf(this)));
  },

  /**
   * Replaces `req.session` by a session of the stored data. The callback gets an error if the
   * store has no such session, or data without a cookie. Returns undefined in the same case as
   * `save`.
   *
   * @param {Callback} [callback]
   */
  reload(callback) {
    return callbackOrPromise(callback, (done) => reloadSession(this, done, watcherOf(this)));
  },

  /**
   * Removes the session from its request and from the store.
   * @param {Callback} [callback]
   */
  destroy(callback) {
    return callbackOrPromise(callback, (done) => telling('destroy', this, done, destroySession));
  },

  /**
   * Destroys the stored session, and replaces `req.session` by a new session with a new id.
   *
   * @param {RegenerateOptions | Callback} [options] or the callback. With options, the new session
   *   has data of the old one: see session/request/regenerate.js.
   * @param {Callback} [callback]
   * @throws {TypeError} if the option `keep` is wrong
   */
  regenerate(options, callback = undefined) {
    if (typeof options === 'object' && options !== null) {
      const replaced = regenerateKeeping(this, options.keep);
      return callbackOrPromise(callback, (done) => telling('regenerate', this, done, (_session, heard) => {
        // What the callback throws must not become a rejection.
        replaced.then(() => { defer(heard); }, (error) => { defer(heard, error); });
        return this;
      }));
    }
    return callbackOrPromise(options, (done) => telling('regenerate', this, done, regenerateSession));
  },
};

// They are not enumerable, so that `for … in` over a session lists its data only.
for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(members))) {
  Object.defineProperty(Session.prototype, name, { ...member, enumerable: false });
}

const { save, reload } = members;

/**
 * The methods `save` and `reload` of a further session that a `RequestSession` watches. They are
 * other functions than those of the class, so that a program which has taken one from the
 * session calls it with the same result after it has replaced the property.
 *
 * @type {Pick<SessionShape, 'save' | 'reload'> & ThisType<SessionShape>}
 */
const watchedMethods = {
  save(callback) {
    return callbackOrPromise(callback, (done) => telling('save', this, done, saveSession, requestOf(this)));
  },

  reload(callback) {
    return callbackOrPromise(callback, (done) => reloadSession(this, done, requestOf(this)));
  },
};

/**
 * Whether the method `save` or `reload` of a session is one of this file.
 *
 * @param {SessionShape} session
 * @param {'save' | 'reload'} name
 */
function hasOurMethod(session, name) {
  const method = session[name];
  return method === members[name] || method === watchedMethods[name];
}

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
 * whose methods no program has replaced.
 *
 * @param {SessionShape} session
 */
function watchSession(session) {
  defineHidden(session, 'save', watchedMethods.save);
  defineHidden(session, 'reload', watchedMethods.reload);
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
  loads,
  addData,
  adoptAsSession,
  defineHidden,
  hasOurMethod,
  watchSession,
  restoreMethods,
  hideFields,
};
