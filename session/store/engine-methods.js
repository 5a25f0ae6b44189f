'use strict';

const comparableJSON = require('../request/comparable-json');
const dataJSON = require('../request/data-json');
const { storeCallback, callStore, functionOf, runEngine } = require('./call');
const defer = require('./defer');
const { engineOf } = require('./engine-of');

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
    const results = work(engine);
    const done = (/** @type {unknown} */ error) => { defer(/** @type {Callback} */ (callback), ...(error ? [error] : [])); };
    // Without a callback, `defer` throws the TypeError of a method that only reads.
    if (results) defer(/** @type {Callback} */ (callback), ...results);
    else if (callback && engine.isCommitted) defer(callback);
    else if (callback) callStore(storeCallback(undefined, done), engine, 'flush');
  });
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
 * @throws what `JSON.stringify` throws; the stored session stays as it was
 */
function set(sid, session, callback) {
  const text = JSON.stringify(session);
  useEngine(this, callback, (engine) => { engine.save(`${sid}`, session, text, NaN); });
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
        engine.save(key, current, JSON.stringify(current), NaN, true);
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
 * @throws what `JSON.stringify` throws; the stored session stays as it was
 */
function setIfUnchanged(sid, session, loaded, callback) {
  // A class that replaces these may keep its sessions in another form.
  if (this.get !== get || this.set !== set) {
    setIfSame(this, sid, session, loaded, functionOf(callback));
    return;
  }
  const [base, data] = [dataJSON(loaded), dataJSON(session)];
  runEngine(callback, () => {
    const engine = engineOf(this);
    const isStored = engine.saveIfUnchanged(`${sid}`, session, base, data);
    if (callback) whenCommitted(engine, isStored, callback);
  });
}

/**
 * Does what `setIfUnchanged` does, by the store's own methods. Somebody may store the session between
 * the two calls.
 *
 * @param {Store} store
 * @param {string} sid
 * @param {SessionData} session
 * @param {SessionData} loaded
 * @param {Callback} callback
 */
function setIfSame(store, sid, session, loaded, callback) {
  store.get(sid, (error, stored) => {
    if (error || !stored || comparableJSON(stored) !== comparableJSON(loaded)) callback(error, false);
    else store.set(sid, session, (failure) => { callback(failure, !failure); });
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
module.exports = { useEngine, whenCommitted, methods: { get, set, setIfUnchanged, touch, destroy, clear } };
