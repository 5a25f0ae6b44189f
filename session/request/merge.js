'use strict';

/** @import RequestSession from '../request' */
/** @import { Callback, Merge, Session as SessionShape, SessionData } from '../types' */

// The timers of Node.js itself: see engine/pruning.js.
const { setTimeout } = require('node:timers');
const { isDeepStrictEqual, types: { isPromise } } = require('node:util');
const debug = require('debug')('express-session');
const { storeCallback, callStore, isFailure } = require('../store/call');
const comparableJSON = require('./comparable-json');
const dataJSON = require('./data-json');
const { load } = require('./load');
const { META } = require('./times');

/** How often the store is asked again before the request gives up. */
const MOST_RETRIES = 20;

/** The longest pause before that, in ms. */
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
 * @param {string | undefined} id
 * @param {SessionShape} session
 * @param {string | undefined} base the JSON of the stored data on which the session is based, without the
 *   cookie; undefined without the option `merge`, where only the id that the session has now matters
 * @param {Callback} callback gets the error of the store or of the option `merge`, or a
 *   `ConflictError`
 * @param {boolean} [isChanged] whether it is known that the store has other data now
 * @throws what `JSON.stringify` and the first call of the store throw
 */
function saveMerged(request, id, session, base, callback, isChanged = false) {
  const { req } = request;
  const { sessionStore: store } = req;
  const isAtomic = typeof store.setIfUnchanged === 'function';
  let text = /** @type {string} */ (base);
  let retries = 0;
  let isDone = false;

  /**
   * @param {unknown} [error]
   * @param {any[]} results
   */
  const finish = (error, ...results) => {
    isDone = true;
    callback(error, ...results);
  };

  /**
   * Takes the next step. What it throws goes to the callback, unless the callback has thrown it.
   *
   * @param {(result?: any) => void} step
   * @param {unknown} [result]
   */
  const take = (step, result) => {
    try {
      step(result);
    } catch (error) {
      if (isDone) throw error;
      finish(error);
    }
  };

  /**
   * Calls a method of the store.
   *
   * @param {string} method
   * @param {unknown[]} args
   * @param {(result: any) => void} answered gets the result
   */
  const ask = (method, args, answered) => {
    callStore(storeCallback(req, (error, result) => {
      if (error) finish(error);
      else take(answered, result);
    }), store, method, ...args);
  };

  const write = () => {
    // The program may change the session before the store has answered.
    const stored = request.stampMeta(session);
    const storedText = textOf(stored);
    const data = dataJSON(stored, request.settings.metaKey);
    const method = isAtomic ? 'setIfUnchanged' : typeof store.setIfPresent === 'function' ? 'setIfPresent' : 'set';
    ask(method, isAtomic ? [id, stored, JSON.parse(text)] : [id, stored], (isStored) => {
      if (isAtomic && typeof isStored !== 'boolean') throw new TypeError('setIfUnchanged of the store must call back with true or false');
      if (isAtomic && !isStored) {
        retry();
        return;
      }
      request.bases?.note(session, storedText);
      request.saved = data;
      finish();
    });
  };

  const retry = () => {
    if (retries === MOST_RETRIES) {
      request.diagnostics?.tellConflict('failed');
      throw new ConflictError();
    }
    retries++;
    setTimeout(take, Math.random() * Math.min(2 ** retries, LONGEST_PAUSE), read);
  };

  const read = () => {
    load(request, id, (error, found, foundId) => {
      // Another request may have renewed the id.
      if (found) id = foundId;
      if (isFailure(error)) finish(error);
      else take(replace, error ? undefined : found);
    });
  };

  /** @param {SessionData | null | undefined} found */
  const replace = (found) => {
    if (!found) {
      request.noteGone(session);
      // The program that has asked for it gets an error: see `hearingSave`.
      if (request.settings.users === undefined) finish();
      else finish(undefined, false);
      return;
    }
    text = mergeStored(request, session, text, found);
    write();
  };

  if (isChanged) retry();
  else if (isAtomic && base !== undefined) write();
  else read();
}

/**
 * Merges what the store has now into the session of a request, which is based on these data from
 * then on. Without the option `merge`, the session stays as it is. Nothing changes if that throws.
 *
 * @param {RequestSession} request
 * @param {SessionShape} session
 * @param {string} base the JSON of the stored data on which the session is based
 * @param {SessionData} found what the store's `get` has given
 * @returns {string} the JSON of `found`, without the cookie
 * @throws what the option `merge` throws, and a TypeError if it gives no value
 */
function mergeStored(request, session, base, found) {
  const text = textOf(found);
  const { merge } = request.settings;
  if (merge !== undefined && comparableJSON(JSON.parse(text)) !== comparableJSON(JSON.parse(base))) {
    debug('merging');
    const changes = changesOf(JSON.parse(base), JSON.parse(textOf(session)), JSON.parse(text), merge);
    apply(session, changes, found);
    request.diagnostics?.noteMerged(session);
  }
  request.bases?.note(session, text);
  return text;
}

module.exports = { saveMerged, mergeStored, later };

/**
 * Returns the JSON of a session's data, without the cookie.
 *
 * @param {SessionData} session
 * @throws {TypeError} if it has none
 */
function textOf(session) {
  const text = dataJSON(session);
  if (text === '') throw new TypeError('a session without JSON cannot be merged');
  return text;
}

/** Stands for the value of a key that the store has now. */
const THEIRS = Symbol('theirs');

/**
 * Compares two changes of the same data, key by key. The data were made of JSON.
 *
 * @param {Record<string, any>} base the data before both
 * @param {Record<string, any>} mine
 * @param {Record<string, any>} theirs
 * @param {Merge} resolve decides for keys that both have changed
 * @returns {Map<string, any>} the keys that must change in `mine`, and their values; `THEIRS` for
 *   that of `theirs`, where the key may be missing
 * @throws what `resolve` throws, and a TypeError if it gives no value
 */
function changesOf(base, mine, theirs, resolve) {
  const changes = new Map();
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    if (key === 'cookie') continue;
    const [before, ours, others] = [base, mine, theirs].map((data) => (Object.hasOwn(data, key) ? data[key] : undefined));
    // A database may list the keys of an object in another order.
    const isTheirs = !isDeepStrictEqual(others, before);
    const isOurs = key !== META && !isDeepStrictEqual(ours, before);
    if (isOurs && isTheirs && resolve !== later) changes.set(key, resolved(key, resolve(key, before, ours, others)));
    else if (isTheirs && !isOurs) changes.set(key, THEIRS);
  }
  return changes;
}

/**
 * Checks the value that the option `merge` has returned.
 *
 * @param {string} key
 * @param {any} value
 * @returns {any} the value
 * @throws {TypeError} if it is a promise, or has no JSON
 */
function resolved(key, value) {
  const isThenable = typeof value?.then === 'function';
  if (isPromise(value)) value.catch(() => {});
  if (isThenable || JSON.stringify(value) === undefined) {
    const what = isThenable ? 'a promise' : value === undefined ? 'undefined' : `a ${typeof value}`;
    throw new TypeError(`merge option returned ${what} for the key ${JSON.stringify(key)}`);
  }
  return value;
}

/**
 * Changes the data of a session. The other values stay the same objects, because the program may
 * hold them.
 *
 * @param {SessionShape} session
 * @param {Map<string, any>} changes
 * @param {Record<string, any>} found the data of the store
 */
function apply(session, changes, found) {
  for (const [key, change] of changes) {
    const isOwn = Object.prototype.propertyIsEnumerable.call(session, key);
    // A session does not take over the keys that every session has.
    if (!isOwn && key in session) continue;
    const value = change === THEIRS ? found[key] : change;
    if (change === THEIRS && !Object.hasOwn(found, key)) delete session[key];
    else Object.defineProperty(session, key, { value, configurable: true, enumerable: true, writable: true });
  }
}

/** The error of a session that other requests have changed again and again. */
class ConflictError extends Error {
  constructor() {
    super('other requests have changed the session again and again while this one tried to store it (option merge)');
    this.name = 'ConflictError';
    this.code = 'ERR_SESSION_CONFLICT';
    // Express answers with this status (RFC 9110, section 15.6.4: Service Unavailable).
    this.status = 503;
  }
}
