'use strict';

const { AsyncResource } = require('node:async_hooks');
const { isPromise } = require('node:util').types;
const debug = require('debug')('express-session');
const REQUEST_SESSION = require('../request/key');
const defer = require('./defer');
const redacted = require('./redacted');

/**
 * @typedef {import('../types').Callback} Callback
 * @typedef {import('../types').Request} Request
 * @typedef {Callback & { [STORE_CALL]: StoreCall }} StoreCallback
 */

/**
 * The `code` of an error that the addon throws because the engine failed or panicked. An error
 * about a wrong argument has another code.
 */
const ENGINE_FAILURE = 'GenericFailure';

/** The same if the engine was busy. */
const ENGINE_BUSY = 'Cancelled';

/**
 * The property of a function that `storeCallback` made, with its `StoreCall`.
 * @type {unique symbol}
 */
const STORE_CALL = Symbol('store call');

/** The value of `StoreCall#thrown` before anything was thrown. */
const NOTHING = Symbol('nothing');

const { then } = Promise.prototype;

/**
 * Makes the callback that is passed to a store's method. However often the store
 * calls it, `callback` is called once, in the async context of the caller of this function. If the
 * store takes longer than the request's `storeTimeout`, `callback` gets an error; without that
 * option, a store that never calls back leaves it waiting. Only an error that `callback` itself
 * has thrown, and that the store passes back, is passed to it as well.
 *
 * @param {Request | undefined} req
 * @param {Callback | undefined} callback nothing is called if it is no function
 * @returns {StoreCallback} `callback` itself if this function made it
 */
function storeCallback(req, callback) {
  const isFunction = typeof callback === 'function';
  if (isFunction && callback[STORE_CALL] !== undefined) return /** @type {StoreCallback} */ (callback);
  // The function finds its `StoreCall` by its own name, so that no closure is kept in memory.
  const made = /** @type {StoreCallback} */ (
    /**
     * @this {unknown}
     * @param {any[]} results
     */
    function answered(...results) {
      return /** @type {StoreCallback} */ (answered)[STORE_CALL].answer(this, results);
    }
  );
  made[STORE_CALL] = isFunction ? new StoreCall(req, callback) : new StoreCall(undefined, ignore);
  return made;
}

/**
 * Calls a method of a store, or a method of a session that calls the store. If the method returns
 * a promise that is rejected, and the store has not called back before, the callback gets that
 * error. An error that is thrown or rejected after the store has called back goes to the debug
 * log only, unless the callback threw it.
 *
 * The fulfilment of that promise is an answer only if the method of the store does not declare
 * the callback as a parameter: `async get(sid, callback) { client.get(sid, callback) }` is
 * fulfilled before the client answers. The method `save` of a session calls back in any case,
 * and programs wrap it as `(...args) =>`, which declares nothing.
 *
 * Only real promises count, such as those of `async` methods. The other thenables of many database
 * clients run their query when `then` is called, here for a second time.
 *
 * @param {Callback} callback made by `storeCallback`
 * @param {object} target the store or the session
 * @param {string} method
 * @param {...unknown} args of the method, before its callback
 * @throws what `method` throws before the store has called back, which the callback then does
 *   not get, and what the callback throws
 */
function callStore(callback, target, method, ...args) {
  const storeCall = /** @type {StoreCallback} */ (callback)[STORE_CALL];
  try {
    const implementation = target[method];
    if (typeof implementation !== 'function') throw new TypeError(`${method} is not a function`);
    const result = implementation.call(target, ...args, callback);
    if (isPromise(result)) {
      const isAnswer = implementation.length <= args.length && method !== 'save';
      const fulfilled = isAnswer ? (/** @type {unknown} */ value) => { if (storeCall.isOpen) callback(null, value); } : undefined;
      then.call(result, fulfilled, (error) => { storeCall.rejected(error, callback, args); });
    }
  } catch (error) {
    storeCall.threw(error, args);
  }
  if (storeCall.timeout !== undefined) storeCall.startTimer(callback);
}

/**
 * Returns whether a store has failed. An error with the code `ENOENT` means that it has no such session.
 *
 * @param {any} error that the store has called back with, if any
 */
function isFailure(error) {
  return Boolean(error) && error.code !== 'ENOENT';
}

/**
 * Returns a callback, or a function that does nothing if it is no function.
 *
 * @param {unknown} callback
 * @returns {Callback}
 */
function functionOf(callback) {
  return typeof callback === 'function' ? /** @type {Callback} */ (callback) : ignore;
}

/**
 * Calls a function with the callback of a program. If the program gives none, the callback settles
 * a promise. Nobody need look at that promise: it never is an unhandled rejection.
 *
 * @template T
 * @param {unknown} callback
 * @param {(callback: Callback) => T} act
 * @returns {T | Promise<void>} what `act` returns; without a callback a promise of undefined, which
 *   is rejected with the error that the callback gets or that `act` throws
 */
function callbackOrPromise(callback, act) {
  if (typeof callback === 'function') return act(/** @type {Callback} */ (callback));
  /** @type {Promise<void>} */
  const promise = new Promise((resolve, reject) => {
    act((error) => { if (error) reject(error); else resolve(); });
  });
  promise.catch(ignore);
  return promise;
}

/**
 * Gives the outcome of a promise to a callback, if there is one. Nobody need look at the promise of a call
 * without a callback: it never is an unhandled rejection.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {Callback} [callback]
 * @returns {Promise<T | void>} rejected with what the callback throws
 */
function answer(promise, callback) {
  if (callback) return promise.then((value) => callback(null, value), callback);
  promise.catch(ignore);
  return promise;
}

/**
 * Does the work of a method that has a callback. If the engine fails, the callback gets the error
 * in a later turn; without a callback, the error is thrown. Any other error is thrown.
 *
 * @param {Callback | undefined} callback
 * @param {() => void} work
 * @returns {boolean} whether the engine did not fail
 */
function runEngine(callback, work) {
  try {
    work();
    return true;
  } catch (error) {
    if (typeof callback !== 'function' || !isEngineError(error)) throw error;
    defer(callback, error);
    return false;
  }
}

/**
 * Returns whether an error is one that the engine has thrown.
 *
 * @param {any} error
 */
function isEngineError(error) {
  return Boolean(error) && (error.code === ENGINE_FAILURE || error.code === ENGINE_BUSY);
}

/**
 * Returns whether an error is one that the engine has thrown because it was busy. Its `whenFree` waits
 * until it is not.
 *
 * @param {any} error
 */
function isBusy(error) {
  return Boolean(error) && error.code === ENGINE_BUSY;
}

module.exports = { storeCallback, callStore, answer, callbackOrPromise, runEngine, isBusy, isEngineError, isFailure, functionOf };

/**
 * One call of a store's method. It is an async resource, made in the context of the caller,
 * because clients with a pool of connections call back in the context that opened a connection.
 * Without `requireManualDestroy`, the garbage collector ends the resource of a store that never
 * calls back.
 */
class StoreCall extends AsyncResource {
  /**
   * @param {Request | undefined} req
   * @param {Callback} callback
   */
  constructor(req, callback) {
    super('express-session');
    this.req = req;
    this.callback = callback;
    /**
     * The time in ms after which the callback gets an error; undefined for no limit.
     * @type {number | undefined}
     */
    this.timeout = req?.[REQUEST_SESSION]?.settings.storeTimeout;
    /** Whether the callback was not called yet. */
    this.isOpen = true;
    /**
     * What the callback, or the method before it called back, has thrown.
     * @type {unknown}
     */
    this.thrown = NOTHING;
    /** @type {NodeJS.Timeout | undefined} */
    this.timer = undefined;
  }

  /**
   * The store calls back.
   *
   * @param {unknown} self the `this` that the store has called with
   * @param {any[]} results
   * @returns {unknown} what the callback returns
   */
  answer(self, results) {
    const isFirst = this.isOpen;
    if (isFirst) {
      this.isOpen = false;
      if (this.timer !== undefined) clearTimeout(this.timer);
    } else if (this.thrown !== NOTHING && results[0] === this.thrown) {
      // The store has caught what the callback threw, and calls back with it as an error of its
      // own. The callback gets it, because nothing else reports it.
      this.thrown = NOTHING;
    } else {
      debug('the store called back again, or after storeTimeout: ignored');
      return undefined;
    }
    try {
      return this.runInAsyncScope(this.callback, self, ...results);
    } catch (error) {
      this.thrown = error;
      throw error;
    } finally {
      if (isFirst) this.emitDestroy();
    }
  }

  /**
   * The promise of the store's method was rejected.
   *
   * @param {unknown} error
   * @param {Callback} callback
   * @param {unknown[]} args of the method
   */
  rejected(error, callback, args) {
    if (this.isOpen) callback(error || unknownError());
    // What the callback threw becomes an unhandled rejection, as with express-session.
    else if (error === this.thrown) throw error;
    else this.logLate(error, args);
  }

  /**
   * The store's method threw.
   *
   * @param {unknown} error
   * @param {unknown[]} args of the method
   */
  threw(error, args) {
    if (this.isOpen) {
      this.isOpen = false;
      this.emitDestroy();
      // The caller gets the error, so the callback must not get another one.
      this.callback = ignore;
      this.thrown = error || unknownError();
      throw this.thrown;
    }
    if (error === this.thrown) throw error;
    this.logLate(error, args);
  }

  /**
   * Writes an error that came after the call back into the debug log.
   *
   * @param {unknown} error
   * @param {unknown[]} args of the method
   */
  logLate(error, args) {
    if (debug.enabled) debug('the store failed after it had called back: %s', redacted(error, this.req?.sessionID, ...args));
  }

  /**
   * Starts the timer of `storeTimeout`, unless the store has called back already.
   *
   * @param {Callback} callback
   */
  startTimer(callback) {
    const ms = /** @type {number} */ (this.timeout);
    if (this.isOpen && this.timer === undefined) this.timer = setTimeout(expire, ms, callback, ms);
  }
}

/**
 * @param {Callback} callback
 * @param {number} ms
 */
function expire(callback, ms) {
  callback(new StoreTimeout(ms));
}

function ignore() {}

/** Makes the error of a store that failed with a falsy value, which would mean success. */
function unknownError() {
  return new Error('the store failed and gave no error');
}

/** The error of a store that has not called back in time. */
class StoreTimeout extends Error {
  /** @param {number} ms */
  constructor(ms) {
    super(`session store did not answer within ${ms} ms`);
    this.name = 'StoreTimeout';
    this.code = 'ERR_SESSION_STORE_TIMEOUT';
    // Express answers with this status (RFC 9110, section 15.6.4: Service Unavailable).
    this.status = 503;
  }
}
