'use strict';

const comparableJSON = require('../request/comparable-json');
const dataJSON = require('../request/data-json');
const { storeCallback, callStore, isBusy, isFailure, runEngine } = require('./call');
const defer = require('./defer');
const { engineOf } = require('./engine-of');
const { usersOf } = require('./users');

/**
 * @typedef {import('../types').Callback} Callback
 * @typedef {import('../types').Engine} Engine
 * @typedef {import('../types').SessionData} SessionData
 * @typedef {import('../types').Store} Store
 */

/**
 * Does the work of a store's method, and calls back in a later turn, when all changes are done.
 *
 * @param {Store} store
 * @param {Callback | undefined} callback
 * @param {(engine: Engine) => any[] | void} work returns the arguments of the callback, or
 *   nothing if it makes a change
 */
function useEngine(store, callback, work) {
  runEngine(callback, () => {
    const engine = engineOf(store);
    let results;
    try {
      results = work(engine);
    } catch (error) {
      if (!isBusy(error)) throw error;
      engine.whenFree?.(() => { useEngine(store, callback, work); }, callback);
      return;
    }
    const done = (/** @type {unknown} */ error) => { defer(/** @type {Callback} */ (callback), ...(error ? [error] : [])); };
    // Without a callback, `defer` throws the TypeError of a method that only reads.
    if (results) defer(/** @type {Callback} */ (callback), ...results);
    else if (callback && engine.isCommitted) defer(callback);
    else if (callback) callStore(storeCallback(undefined, done), engine, 'flush');
  });
}

/**
 * Returns a session as the store keeps it: with the user, if the store has such an option.
 *
 * @param {Store} store
 * @param {SessionData} session
 * @param {Callback | undefined} callback gets in a later turn what the option `user` throws
 * @returns {SessionData | undefined} undefined if that has thrown
 * @throws what the option `user` throws, without a callback
 */
function stamped(store, session, callback) {
  const users = usersOf(store);
  // What is no session is removed, or has no JSON.
  if (users === undefined || Object(session) !== session) return session;
  try {
    return users.stamped(session);
  } catch (error) {
    if (typeof callback !== 'function') throw error;
    defer(callback, error);
    return undefined;
  }
}

/**
 * Gets the session of `sid`, undefined if there is none or it has expired.
 *
 * @this {Store}
 * @param {string} sid
 * @param {(error: Error | null, session?: SessionData) => void} callback
 */
function get(sid, callback) {
  useEngine(this, callback, (engine) => [null, engine.read(`${sid}`)]);
}

/**
 * Stores a session.
 *
 * @this {Store}
 * @param {string} sid
 * @param {SessionData} session
 * @param {Callback} [callback]
 * @throws what `JSON.stringify` throws, and without a callback what the option `user` throws; the stored
 *   session stays as it was
 */
function set(sid, session, callback) {
  const stored = stamped(this, session, callback);
  if (stored === undefined && session !== undefined) return;
  const text = JSON.stringify(stored);
  useEngine(this, callback, (engine) => { engine.save(`${sid}`, /** @type {SessionData} */ (stored), text, NaN); });
}

/**
 * Replaces the cookie of a stored session, and with it the expiry, by that of `session`.
 *
 * @this {Store}
 * @param {string} sid
 * @param {SessionData} session
 * @param {Callback} [callback]
 */
function touch(sid, session, callback) {
  /** @type {string | undefined} */
  const cookie = JSON.stringify(session.cookie);
  useEngine(this, callback, (engine) => {
    const key = `${sid}`;
    // A cookie without JSON removes the key `cookie`, which only JavaScript can do.
    if (cookie === undefined || !engine.touch(key, cookie, engine.deadline(key, session))) {
      const current = engine.read(key, false);
      if (current) {
        current.cookie = session.cookie;
        // Another process may have destroyed the session meanwhile.
        engine.save(key, current, JSON.stringify(current), engine.savedMoment(), true);
      }
    }
  });
}

/**
 * Removes the session of `sid`. It is no error if there is none.
 *
 * @this {Store}
 * @param {string} sid
 * @param {Callback} [callback]
 */
function destroy(sid, callback) {
  useEngine(this, callback, (engine) => { engine.destroy(`${sid}`); });
}

/**
 * Removes all sessions.
 *
 * @this {Store}
 * @param {Callback} [callback]
 */
function clear(callback) {
  useEngine(this, callback, (engine) => { engine.clear(); });
}

/**
 * Stores a session only if what the store has for this id is still `loaded`. The members `cookie`
 * and `_meta` are not compared.
 *
 * @this {Store}
 * @param {string} sid
 * @param {SessionData} session
 * @param {SessionData} loaded what `get` gave before
 * @param {(error: unknown, isStored?: boolean) => void} [callback]
 * @returns {Promise<boolean> | void} without a callback, a promise of whether it was stored
 * @throws what `JSON.stringify` throws; the stored session stays as it was
 */
function setIfUnchanged(sid, session, loaded, callback) {
  if (typeof callback !== 'function') {
    return new Promise((resolve, reject) => {
      setIfUnchanged.call(this, sid, session, loaded, (error, isStored) => { if (error) reject(error); else resolve(Boolean(isStored)); });
    });
  }
  if (this.get === get && this.set === set) {
    setIfStored(this, sid, session, loaded, callback);
    return undefined;
  }
  // The program may change the session before `get` has answered.
  const copy = { cookie: session.cookie, ...JSON.parse(dataJSON(session)) };
  // Where only `get` is a program's, the session is stored in one step all the same.
  const before = this.set === set ? engineOf(this).read(`${sid}`, false) : undefined;
  callStore(storeCallback(undefined, (error, stored) => {
    if (error || !stored || comparableJSON(stored) !== comparableJSON(loaded)) callback(isFailure(error) ? error : null, false);
    else if (before) setIfStored(this, sid, copy, before, callback);
    else callStore(storeCallback(undefined, (failure) => { callback(failure, !failure); }), this, 'set', sid, copy);
  }), this, 'get', sid);
  return undefined;
}

/**
 * Does what `setIfUnchanged` does for a store that has our methods, in one step.
 *
 * @param {Store} store
 * @param {string} sid
 * @param {SessionData} session
 * @param {SessionData} loaded
 * @param {(error: unknown, isStored?: boolean) => void} callback
 */
function setIfStored(store, sid, session, loaded, callback) {
  const stored = stamped(store, session, callback);
  if (stored === undefined) return;
  const [base, data] = [dataJSON(loaded), dataJSON(stored)];
  runEngine(callback, () => {
    const engine = engineOf(store);
    whenCommitted(engine, engine.saveIfUnchanged(`${sid}`, stored, base, data), callback);
  });
}

/**
 * Calls back, in a later turn, with whether a session was stored.
 *
 * @param {Engine} engine
 * @param {boolean} isStored as far as the engine knew when it was told to store the session
 * @param {(error: unknown, isStored?: boolean) => void} callback
 */
function whenCommitted(engine, isStored, callback) {
  if (!isStored || engine.isCommitted) defer(callback, null, isStored);
  else callStore(storeCallback(undefined, (error, ...results) => { defer(callback, error, ...results); }), engine, 'flush');
}

/** The methods that all stores of ours have. */
module.exports = { useEngine, stamped, whenCommitted, methods: { get, set, setIfUnchanged, touch, destroy, clear } };
