'use strict';

const { AsyncResource } = require('node:async_hooks');
const { isPromise } = require('node:util').types;
const debug = require('debug')('express-session');
const REQUEST_SESSION = require('../request/key');
const defer = require('./defer');
const redacted = require('./redacted');

/** The `code` of what the addon throws that is no wrong argument: what an engine says, or a panic. */
const ENGINE_FAILURE = 'GenericFailure';

/** Where a function that `storeCallback` made has its `StoreCall`. */
const STORE_CALL = Symbol('question');

/** Nothing was thrown. */
const NOTHING = Symbol('nothing');

const { then } = Promise.prototype;

/**
 * What a store is given to call back. Whatever the store does, `callback` is called
 * once, in the async context of whoever asked, and with an error if the store does not
 * answer within the request's `storeTimeout`.
 *
 * @param {object | undefined} req
 * @param {((error?: Error, ...results: any[]) => any) | undefined} callback what is no
 *   function hears nothing
 * @returns {(error?: Error, ...results: any[]) => any} `callback` itself, if it comes from here
 */
function storeCallback(req, callback) {
  const isFunction = typeof callback === 'function';
  if (isFunction && callback[STORE_CALL] !== undefined) return callback;
  // A function that refers to itself by its own name has no scope of its own to keep.
  const answered = function answered(...results) {
    return answered[STORE_CALL].answer(this, results);
  };
  answered[STORE_CALL] = isFunction ? new StoreCall(req, callback) : new StoreCall(undefined, ignore);
  return answered;
}

/**
 * Calls a method of a store, or a session's method that calls one. A promise that is
 * rejected is an answer, too, if nothing came before. What is thrown or rejected after
 * the answer goes to the debug log alone, unless `callback` threw it.
 *
 * Only real promises count, such as an `async` method returns: asking another thenable
 * what becomes of it makes many database clients run the query, here for a second time.
 *
 * @param {Function} answered made by `storeCallback`
 * @param {object} store
 * @param {string} method
 * @param {...any} args what `method` takes before its callback
 * @throws what `method` throws before it has answered, which then is no question any
 *   more, and what `callback` throws
 */
function callStore(answered, store, method, ...args) {
  const question = answered[STORE_CALL];
  try {
    const asked = store[method];
    if (typeof asked !== 'function') throw new TypeError(`${method} is not a function`);
    const result = asked.call(store, ...args, answered);
    if (isPromise(result)) then.call(result, undefined, (error) => { question.rejected(error, answered, args); });
  } catch (error) {
    question.threw(error, args);
  }
  if (question.ms !== undefined) question.limit(answered);
}

/**
 * A callback that can be called: what is no function gives way to one that does nothing.
 * @param {any} callback
 * @returns {Function}
 */
function functionOf(callback) {
  return typeof callback === 'function' ? callback : ignore;
}

/**
 * Does what a method with a callback is for. An error of the engine goes to the callback, in a
 * later turn, as the answers do; without a callback it is thrown, and so is any other one.
 *
 * @param {((error: Error) => void) | undefined} callback
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

/** Whether the engine has thrown an error, and no program. */
function isEngineError(error) {
  return Boolean(error) && error.code === ENGINE_FAILURE;
}

module.exports = { storeCallback, callStore, runEngine, isEngineError, functionOf };

/**
 * A question to a store. It is the async resource of its asker, as clients with a pool
 * of connections call back from the context that opened one. Without a
 * `requireManualDestroy`, that of a store which never answers goes with the collector.
 */
class StoreCall extends AsyncResource {
  constructor(req, callback) {
    super('express-session');
    this.req = req;
    this.callback = callback;
    /** How long the store may take to answer: no time means as long as it likes. */
    this.ms = req?.[REQUEST_SESSION]?.settings.storeTimeout;
    this.isOpen = true;
    this.thrown = NOTHING;
    this.timer = undefined;
  }

  /** The store calls back. */
  answer(self, results) {
    const isFirst = this.isOpen;
    if (isFirst) {
      this.isOpen = false;
      if (this.timer !== undefined) clearTimeout(this.timer);
    } else if (this.thrown !== NOTHING && results[0] === this.thrown) {
      // The store took what `callback` threw for an error of its own. Nobody else
      // hears of it, so it is told.
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

  /** The promise of the store's method was rejected. */
  rejected(error, answered, args) {
    if (this.isOpen) answered(error || reasonless());
    // What `callback` threw becomes an unhandled rejection, as with the original.
    else if (error === this.thrown) throw error;
    else this.logLate(error, args);
  }

  /** The store's method threw. */
  threw(error, args) {
    if (this.isOpen) {
      this.isOpen = false;
      this.emitDestroy();
      // The caller is told, and nobody else.
      this.callback = ignore;
      this.thrown = error || reasonless();
      throw this.thrown;
    }
    if (error === this.thrown) throw error;
    this.logLate(error, args);
  }

  /** Tells the debug log of an error that came too late. */
  logLate(error, args) {
    if (debug.enabled) debug('the store failed after it had called back: %s', redacted(error, this.req?.sessionID, ...args));
  }

  /** Bounds the answer, if it is not there yet. */
  limit(answered) {
    if (this.isOpen && this.timer === undefined) this.timer = setTimeout(expire, this.ms, answered, this.ms);
  }
}

function expire(answered, ms) {
  answered(new StoreTimeout(ms));
}

function ignore() {}

/** An error in place of nothing, which would say that all went well. */
function reasonless() {
  return new Error('the store failed and gave no error');
}

/** A store has not answered in time. */
class StoreTimeout extends Error {
  /** @param {number} ms */
  constructor(ms) {
    super(`session store did not answer within ${ms} ms`);
    this.name = 'StoreTimeout';
    this.code = 'ERR_SESSION_STORE_TIMEOUT';
    // What Express answers with: RFC 9110 section 15.6.4, Service Unavailable.
    this.status = 503;
  }
}
