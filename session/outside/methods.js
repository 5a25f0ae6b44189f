'use strict';

/** @import { Callback, Session as SessionShape, SessionData } from '../types' */
/** @import OutsideRequest from './outside-request' */

const { isStale } = require('../cookie/cookie');
const native = require('../native/load');
const REQUEST_SESSION = require('../request/key');
const { askStore, attempt, load } = require('../request/load');
const { Session, defineHidden } = require('../request/session');
const SessionEnded = require('../request/session-ended');
const { callbackOrPromise, isFailure, storeCallback } = require('../store/call');
const defer = require('../store/defer');

/** How often a touch is tried while others change the session. */
const MOST_TRIALS = 20;

/**
 * Gives a session the methods that it has outside a request.
 *
 * @param {SessionShape} session whose `req` has an `OutsideRequest`
 * @returns {SessionShape} the same session
 */
function withMethods(session) {
  for (const [name, method] of Object.entries(methods)) defineHidden(session, name, method);
  return session;
}

module.exports = { withMethods, storeAt };

/**
 * Stores a session by a method of its store.
 *
 * @param {OutsideRequest} request
 * @param {SessionShape} session
 * @param {Callback} done gets the error, also what the store and the option `user` throw
 */
function storeAt(request, session, done) {
  const id = request.idOf(session);
  const told = request.diagnostics?.begin('save', session);
  /** @type {Callback} */
  const stored = (error) => {
    told?.end(error);
    done(error);
  };
  const method = request.savesIfPresent(id) ? 'setIfPresent' : 'set';
  const isRead = request.bases !== undefined || request.mustFollow(id);
  attempt((answered) => {
    request.noteSave(session, id);
    request.store(storeCallback(request.req, answered), method, id, session);
  }, (error, isStored) => {
    // The promise of a `set` may give any value, and `setIfPresent` need not tell what it has done.
    if (id !== request.loadedId) stored(error);
    else if (error || isRead || typeof isStored === 'boolean' || method === 'set') stored(...SessionEnded.heard([error, isStored]));
    else find(request, session, stored);
  });
}

/** @type {ThisType<SessionShape> & Record<string, (...args: any[]) => any>} */
const methods = {
  /**
   * Stores the session with a lifetime that begins anew, if it is still there.
   * @param {Callback} [callback]
   */
  save(callback) {
    return callbackOrPromise(callback, (done) => {
      const request = requestOf(this);
      const store = (/** @type {unknown} */ error) => {
        if (error) {
          request.diagnostics?.begin('save', this).end(error);
          done(error);
          return;
        }
        if (!request.keepsExpiry) resetMaxAge(this);
        storeAt(request, this, done);
      };
      if (mayHaveEnded(request, this)) find(request, this, store);
      else store(undefined);
    });
  },

  /**
   * Starts the lifetime of the stored session anew, which is a use of it.
   * @param {boolean} [renews] false: a later `save` renews nothing
   */
  touch(renews = true) {
    return callbackOrPromise(undefined, (done) => {
      const request = requestOf(this);
      request.noteTouch(renews !== false);
      if (renews !== false || isStale(this.cookie)) resetMaxAge(this);
      if (renews === false) {
        done();
        return;
      }
      const told = request.diagnostics?.begin('touch');
      touch(request, this, (error) => {
        if (error instanceof SessionEnded) told?.drop();
        else told?.end(error);
        done(error);
      }, MOST_TRIALS);
    });
  },

  /**
   * Gives the session the data that the store has now.
   * @param {Callback} [callback]
   */
  reload(callback) {
    return callbackOrPromise(callback, (done) => {
      const request = requestOf(this);
      const { req } = this;
      const told = request.diagnostics?.begin('load');
      find(request, this, (error, data, ending) => {
        told?.endLoad(error instanceof SessionEnded ? undefined : error, data, ending);
        if (error) {
          done(error);
          return;
        }
        attempt((answered) => {
          const fresh = req.sessionStore.createSession(req, data);
          for (const key of Object.keys(this)) Reflect.deleteProperty(this, key);
          Object.assign(this, fresh);
          req.session = this;
          request.noteLoaded(this, data);
          answered();
        }, done);
      });
    });
  },

  /**
   * Removes the session from the store. One that may live on under another id, to which nothing leads any
   * more, is an error.
   * @param {Callback} [callback]
   */
  destroy(callback) {
    return callbackOrPromise(callback, (done) => {
      const request = requestOf(this);
      const destroy = (/** @type {unknown} */ missing) => {
        if (missing) {
          if (!(missing instanceof SessionEnded)) request.diagnostics?.begin('destroy', this).end(missing);
          done(missing);
          return;
        }
        Session.prototype.destroy.call(this, (error) => {
          // The store may have it still.
          if (error) request.destroyedIds?.delete(request.idOf(this));
          done(error);
        });
      };
      const id = request.idOf(this);
      if (request.meta?.mayBeRenewed(id) && !request.destroyedIds?.has(id)) find(request, this, destroy);
      else destroy(undefined);
    });
  },

  /**
   * @param {unknown} options
   * @param {Callback} [callback] gets the error
   */
  regenerate(options, callback = undefined) {
    return callbackOrPromise(typeof options === 'function' ? options : callback, (done) => {
      defer(done, new Error('a session outside a request cannot get a new id: no response tells it to the browser'));
    });
  },
};

/**
 * Starts the lifetime of the cookie anew, by the session's own method if its class has one.
 * @param {SessionShape} session
 */
function resetMaxAge(session) {
  (session.resetMaxAge ?? Session.prototype.resetMaxAge).call(session);
}

/**
 * @param {SessionShape} session
 * @returns {OutsideRequest}
 */
function requestOf({ req }) {
  return /** @type {OutsideRequest} */ (req[REQUEST_SESSION]);
}

/**
 * Whether only the store can say that a session has not ended: the program has destroyed it, or an option
 * of time has ended it unless others have used it.
 *
 * @param {OutsideRequest} request
 * @param {SessionShape} session
 */
function mayHaveEnded(request, session) {
  const { destroyedIds, meta, settings: { times } } = request;
  const id = request.idOf(session);
  const known = meta?.of(id);
  return Boolean(destroyedIds?.has(id)) || (times !== undefined && known !== undefined && times.hasEnded(known, Date.now()));
}

/**
 * Looks for a session in the store.
 *
 * @param {OutsideRequest} request
 * @param {SessionShape} session
 * @param {(error: any, data?: any, ending?: 'idle' | 'absolute') => void} callback gets what the store has, or a
 *   `SessionEnded`, and why it has ended if an option of time says so
 */
function find(request, session, callback) {
  const id = request.idOf(session);
  if (request.destroyedIds?.has(id)) {
    defer(callback, new SessionEnded());
    return;
  }
  attempt((answered) => { load(request, id, answered); }, (error, data, _id, ending) => {
    if (isFailure(error)) callback(error);
    else if (error || !data) callback(new SessionEnded(), undefined, ending);
    else callback(undefined, data);
  });
}

/**
 * Touches a session in the store, and notes the use in its `_meta` if that has become old.
 *
 * @param {OutsideRequest} request
 * @param {SessionShape} session
 * @param {Callback} done gets the error
 * @param {number} trials
 */
function touch(request, session, done, trials) {
  const { meta, req, settings: { store } } = request;
  find(request, session, (error, found) => {
    /** @type {Callback} */
    const answered = (failure, isStored) => {
      if (!failure && isStored === false && trials > 1) {
        touch(request, session, done, trials - 1);
        return;
      }
      if (!failure) request.touches?.noteRenewed(request.idOf(session));
      done(failure);
    };
    if (error) done(error);
    else if (meta?.mustNoteUse(native.END_TOUCH, session)) meta.noteUseIn(session, found, answered);
    else if (typeof store.touch === 'function') askStore(req, (failure) => { answered(failure); }, 'touch', request.idOf(session), session);
    else done();
  });
}
