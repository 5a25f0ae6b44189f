'use strict';

/** @import RequestSession from '../request' */
/** @import { Callback, Merge, Session as SessionShape, SessionData } from '../types' */

// The timers of Node.js itself: see engine/pruning.js.
const { setTimeout } = require('node:timers');
const { isPromise } = require('node:util').types;
const debug = require('debug')('express-session');
const { storeCallback, callStore } = require('../store/call');
const comparableJSON = require('./comparable-json');
const dataJSON = require('./data-json');

/** How often a session is merged before the request gives up. */
const MOST_ATTEMPTS = 20;

/** The longest pause between two attempts, in ms. */
const LONGEST_PAUSE = 50;

/**
 * Decides for the value of the request that is stored later, and so for a key that it has deleted.
 * This is the option `merge: true`.
 *
 * @type {Merge}
 */
const later = (key, base, mine) => mine;

/**
 * Saves a session without losing what other requests have stored since this one has loaded it: if
 * the store has other data than `base` now, the changes of both are merged, and the session of this
 * request gets the result. A session that is gone stays gone.
 *
 * @param {RequestSession} request
 * @param {SessionShape} session
 * @param {string} base the JSON of the data that the store had when this request loaded or saved
 *   the session
 * @param {Callback} callback gets the error of the store or of the option `merge`, or a
 *   `ConflictError`
 * @param {boolean} [isChanged] whether it is known that the store has other data now
 * @throws what `JSON.stringify` and the first call of the store throw
 */
function saveMerged(request, session, base, callback, isChanged = false) {
  const { req, settings: { merge } } = request;
  const { sessionStore: store } = req;
  const { id } = session;
  const isAtomic = typeof store.setIfUnchanged === 'function';
  /** What the session of this request was made of, together with its changes. @type {SessionData} */
  let loaded = JSON.parse(base);
  let attempts = 0;

  /**
   * Calls a method of the store.
   *
   * @param {string} method
   * @param {unknown[]} args
   * @param {(result: any) => void} answered gets the result. What it throws goes to the callback.
   */
  const ask = (method, args, answered) => {
    callStore(storeCallback(req, (error, result) => {
      if (error && !(method === 'get' && error.code === 'ENOENT')) callback(error);
      else attempt(() => { answered(error ? undefined : result); });
    }), store, method, ...args);
  };

  /** @param {() => void} act */
  const attempt = (act) => {
    try {
      act();
    } catch (error) {
      callback(error);
    }
  };

  const write = () => {
    // The program may change the session before the store has answered.
    const text = dataJSON(session);
    const method = isAtomic ? 'setIfUnchanged' : typeof store.setIfPresent === 'function' ? 'setIfPresent' : 'set';
    ask(method, isAtomic ? [id, session, loaded] : [id, session], (isStored) => {
      if (isAtomic && isStored !== true) {
        pause();
        return;
      }
      request.noteBase(id, text);
      callback();
    });
  };

  const pause = () => {
    attempts++;
    if (attempts === MOST_ATTEMPTS) callback(new ConflictError());
    else setTimeout(attempt, Math.random() * Math.min(2 ** attempts, LONGEST_PAUSE), read);
  };

  const read = () => {
    ask('get', [id], (theirs) => {
      if (!theirs) {
        debug('not saving: the session was destroyed');
        callback();
        return;
      }
      if (comparableJSON(theirs) !== comparableJSON(loaded)) {
        debug('merging');
        assign(session, merged(loaded, JSON.parse(dataJSON(session)), theirs, /** @type {Merge} */ (merge)));
      }
      loaded = theirs;
      write();
    });
  };

  if (isChanged) pause();
  else if (isAtomic) write();
  else read();
}

/**
 * Merges two changes of the same data, key by key.
 *
 * @param {Record<string, any>} base the data before both
 * @param {Record<string, any>} mine
 * @param {Record<string, any>} theirs
 * @param {Merge} resolve decides for keys that both have changed
 * @returns {Record<string, any>} without the key `cookie`
 * @throws what `resolve` throws, and a TypeError if it returns undefined or a promise
 */
function merged(base, mine, theirs, resolve) {
  /** @type {Record<string, any>} */
  const result = Object.create(null);
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    if (key === 'cookie') continue;
    const [before, ours, others] = [base, mine, theirs].map((data) => own(data, key));
    const [beforeText, oursText, othersText] = [before, ours, others].map((value) => JSON.stringify(value));
    const isOurs = key !== '_meta' && oursText !== beforeText;
    // Also if both have changed it to the same value: two requests may have counted one more.
    const isConflict = isOurs && othersText !== beforeText;
    const value = isConflict ? resolved(resolve, key, before, ours, others) : isOurs ? ours : others;
    if (value !== undefined) result[key] = value;
  }
  return result;
}

module.exports = { saveMerged, merged, later };

/**
 * Returns the value of a key that both requests have changed.
 *
 * @param {Merge} resolve
 * @param {string} key
 * @param {any} base undefined if the key was not there
 * @param {any} mine undefined if the key was deleted
 * @param {any} theirs likewise
 * @returns {any} undefined to delete the key
 */
function resolved(resolve, key, base, mine, theirs) {
  const value = resolve(key, base, mine, theirs);
  if (value === undefined && resolve !== later) throw new TypeError(`merge option returned undefined for the key ${JSON.stringify(key)}`);
  if (isPromise(value)) {
    value.catch(() => {});
    throw new TypeError(`merge option returned a promise for the key ${JSON.stringify(key)}`);
  }
  return value;
}

/**
 * Returns the value of an own property.
 *
 * @param {Record<string, any>} data
 * @param {string} key
 */
function own(data, key) {
  return Object.hasOwn(data, key) ? data[key] : undefined;
}

/**
 * Gives a session other data.
 *
 * @param {SessionShape} session
 * @param {Record<string, any>} data
 */
function assign(session, data) {
  for (const key of Object.keys(session)) {
    if (key !== 'cookie' && !(key in data)) delete session[key];
  }
  for (const key of Object.keys(data)) {
    // An assignment to a key that the prototype has could call a setter.
    Object.defineProperty(session, key, { value: data[key], configurable: true, enumerable: true, writable: true });
  }
}

/** The error of a session that other requests have changed again and again. */
class ConflictError extends Error {
  constructor() {
    super(`other requests have changed the session ${MOST_ATTEMPTS} times while this one tried to store it (option merge)`);
    this.name = 'ConflictError';
    this.code = 'ERR_SESSION_CONFLICT';
    // Express answers with this status (RFC 9110, section 15.6.4: Service Unavailable).
    this.status = 503;
  }
}
