'use strict';

const { storeCallback, callStore, runEngine, functionOf } = require('../store/call');
const REQUEST_SESSION = require('./key');

/**
 * The session of a request: the data, and methods that act on the store.
 *
 * @param {object} req the request; its `sessionID` becomes the session's `id`
 * @param {object} [data] what the store had; keys that every object has are left out
 */
function Session(req, data) {
  // The session's own, so that it is found through a Proxy, an heir or a clone of the session.
  Object.defineProperty(this, 'req', { value: req });
  const request = req[REQUEST_SESSION];
  // The request remembers the id of its first session: a second property would take as long
  // as the rest of this function. Others, which are rare, have one.
  if (request === undefined || !request.register(this)) Object.defineProperty(this, 'id', { value: req.sessionID });
  if (typeof data === 'object' && data !== null) addData(this, data);
}

function addData(session, data) {
  for (const key in data) {
    if (!(key in session)) session[key] = data[key];
  }
}

/**
 * What knows the request that a session belongs to, if that has come through the middleware.
 * @returns {import('./request') | undefined}
 */
function requestOf({ req }) {
  return req === undefined || req === null ? undefined : req[REQUEST_SESSION];
}

/**
 * The same, if it wants to know of the saves and reloads of a session, or of what stands for
 * that session: a Proxy, or an object that inherits from it.
 */
function watcherOf(session) {
  const request = requestOf(session);
  if (request === undefined) return undefined;
  // What stands for the first session of the request has no id but the prototype's.
  const isWatched = session === request.firstSession || ownOf(session, 'id') === undefined
    ? request.watchesFirst
    : isOwn(session, 'save', save) || isOwn(session, 'reload', reload);
  return isWatched ? request : undefined;
}

/** A property that a session, or what stands for one, has beside its prototype. */
function ownOf(session, name) {
  for (let holder = session; holder && holder !== Session.prototype; holder = Object.getPrototypeOf(holder)) {
    const own = Object.getOwnPropertyDescriptor(holder, name);
    if (own) return own;
  }
  return undefined;
}

function isOwn(session, name, method) {
  const own = ownOf(session, name);
  return own !== undefined && own.value === method;
}

const members = {
  /** The session id; read-only. */
  get id() {
    // Of the first session of a request, and of what stands for that. Others have their own.
    const { req } = this;
    const request = req === undefined || req === null ? undefined : req[REQUEST_SESSION];
    return request && request.firstId;
  },

  /** Starts the cookie's lifetime anew. Does not call the store. */
  touch() {
    return this.resetMaxAge();
  },

  resetMaxAge() {
    const { cookie } = this;
    cookie.maxAge = cookie.originalMaxAge;
    return this;
  },

  /** Writes the session to the store now. On a request's own session, returns nothing. */
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
   * Replaces `req.session` by what the store has. The callback gets an error if it
   * has nothing, or nothing that is a session. On a request's own session, returns
   * nothing.
   */
  reload(callback) {
    const { req, id } = this;
    const store = req.sessionStore;
    const watcher = watcherOf(this);
    let moment;
    const tell = functionOf(callback);
    const done = (...results) => {
      if (watcher) watcher.afterReload(this, moment, results[0]);
      tell(...results);
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

  /** Removes the session from the request and from the store. */
  destroy(callback) {
    const { req } = this;
    delete req.session;
    const request = requestOf(this);
    const heard = request ? request.beforeDestroy(this.id, callback) : callback;
    callStore(storeCallback(req, heard), req.sessionStore, 'destroy', this.id);
    return this;
  },

  /** Destroys the session and puts a new one, with a new id, on the request. */
  regenerate(callback) {
    const { req } = this;
    const sessionStore = req.sessionStore;
    const request = requestOf(this);
    if (request) request.noteDestroyed(req.sessionID);
    callStore(storeCallback(req, callback), sessionStore, 'regenerate', req);
    return this;
  },
};

// Not enumerable, so that a session shows its data alone.
for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(members))) {
  Object.defineProperty(Session.prototype, name, { ...member, enumerable: false });
}

const { save, reload } = members;

// What follows is for the middleware, and no method of the class: a program may list those.

/**
 * Makes a session of an object with a place for the cookie and the data behind it. It is
 * quicker for hundreds of keys, as V8 adds them slowly.
 */
function adoptAsSession(req, object) {
  Session.call(Object.setPrototypeOf(object, Session.prototype), req);
  return object;
}

/**
 * Lets the request know of the saves and reloads of a session, which it made and which has
 * plain methods.
 */
function watchSession(session) {
  // They tell what stands for this session from what stands for one that nobody watches.
  defineHidden(session, 'save', save);
  defineHidden(session, 'reload', reload);
}

/**
 * Gives the first session of a request the properties `save`, `reload` and `id`, where a
 * program has come between the session and its prototype: by another prototype, or by form
 * fields of that name. Those of express-session have them from the start, hidden, so that
 * such a form field is no data.
 */
function restoreMethods(session, id) {
  restoreMethod(session, 'save', save);
  restoreMethod(session, 'reload', reload);
  if (session.id !== id) Object.defineProperty(session, 'id', { value: id });
}

/** Hides the form fields of those names that a clone of such a session has been given. */
function hideFields(session) {
  hideField(session, 'save');
  hideField(session, 'reload');
}

function restoreMethod(session, name, method) {
  if (!hideField(session, name) && session[name] !== method) defineHidden(session, name, method);
}

/** Returns whether there is one. */
function hideField(session, name) {
  const own = Object.getOwnPropertyDescriptor(session, name);
  if (own && own.enumerable) defineHidden(session, name, own.value);
  return own !== undefined;
}

function defineHidden(session, name, value) {
  Object.defineProperty(session, name, { value, configurable: true, writable: true, enumerable: false });
}

module.exports = { Session, addData, adoptAsSession, defineHidden, watchSession, restoreMethods, hideFields };
