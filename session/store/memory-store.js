'use strict';

const { inherits } = require('node:util');
const EngineClass = require('../engine/engine');
const { storeCallback, callStore, runEngine } = require('./call');
const defer = require('./defer');
const Store = require('./store');

/**
 * @typedef {import('../types').Callback} Callback
 * @typedef {import('../types').Engine} Engine
 * @typedef {import('../types').MemoryStore & { [ENGINE]?: Engine }} MemoryStore
 * @typedef {import('../types').MemoryStoreClass} MemoryStoreClass
 * @typedef {import('../types').SessionData} SessionData
 * @typedef {import('../types').MemoryStoreOptions} MemoryStoreOptions
 */

/**
 * The default store. It keeps sessions as JSON in the memory of this process, outside the
 * JavaScript heap. Callbacks run in a later turn of the event loop.
 *
 * @this {MemoryStore}
 * @param {MemoryStoreOptions} [options]
 * @throws {TypeError} naming the option that is wrong
 */
function MemoryStore(options) {
  Store.call(this);
  engineOf(this, options);
}

/**
 * The property of a store with its engine.
 * @type {unique symbol}
 */
const ENGINE = Symbol('engine');

/**
 * Returns the engine of a store. The first call makes it, because a store may borrow the methods
 * of MemoryStore without a call of its constructor. Each call gives the store the property
 * `sessions` again if a derived class has replaced it, as a field does after the constructor.
 *
 * @param {import('../types').Store} store
 * @param {MemoryStoreOptions} [options] for the first call
 * @returns {Engine}
 * @throws {TypeError} naming the option that is wrong
 */
function engineOf(store, options) {
  /** @type {Engine | undefined} */
  let engine = /** @type {MemoryStore} */ (store)[ENGINE];
  if (engine === undefined) {
    engine = new EngineClass(options);
    Object.defineProperty(store, ENGINE, { value: engine });
  }
  if (store.sessions !== engine.sessions) engine.defineSessions(store);
  return engine;
}

inherits(MemoryStore, Store);

/**
 * Does the work of a store's method, and calls back in a later turn, when all changes are done.
 *
 * @param {MemoryStore} store
 * @param {Callback | undefined} callback
 * @param {(engine: Engine) => any[] | void} work returns the arguments of the callback, or
 *   nothing if it makes a change
 */
function useEngine(store, callback, work) {
  runEngine(callback, () => {
    const engine = engineOf(store);
    const results = work(engine);
    // Without a callback, `defer` throws the TypeError of a method that only reads.
    if (results) defer(/** @type {Callback} */ (callback), ...results);
    else if (callback && engine.flush === undefined) defer(callback);
    else if (callback) callStore(storeCallback(undefined, (error) => { defer(callback, error); }), engine, 'flush');
  });
}

/**
 * Gets the session of `sid`, undefined if there is none or it has expired.
 *
 * @this {MemoryStore}
 * @param {string} sid
 * @param {(error: Error | null, session?: SessionData) => void} callback
 */
MemoryStore.prototype.get = function get(sid, callback) {
  useEngine(this, callback, (engine) => [null, engine.read(`${sid}`)]);
};

/**
 * Stores a session.
 *
 * @this {MemoryStore}
 * @param {string} sid
 * @param {SessionData} session
 * @param {Callback} [callback]
 * @throws what `JSON.stringify` throws; the stored session stays as it was
 */
MemoryStore.prototype.set = function set(sid, session, callback) {
  const text = JSON.stringify(session);
  useEngine(this, callback, (engine) => { engine.save(`${sid}`, session, text, NaN); });
};

/**
 * Replaces the cookie of a stored session, and with it the expiry, by that of `session`.
 *
 * @this {MemoryStore}
 * @param {string} sid
 * @param {SessionData} session
 * @param {Callback} [callback]
 */
MemoryStore.prototype.touch = function touch(sid, session, callback) {
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
};

/**
 * Removes the session of `sid`. It is no error if there is none.
 *
 * @this {MemoryStore}
 * @param {string} sid
 * @param {Callback} [callback]
 */
MemoryStore.prototype.destroy = function destroy(sid, callback) {
  useEngine(this, callback, (engine) => { engine.destroy(`${sid}`); });
};

/**
 * Removes all sessions.
 *
 * @this {MemoryStore}
 * @param {Callback} [callback]
 */
MemoryStore.prototype.clear = function clear(callback) {
  useEngine(this, callback, (engine) => { engine.clear(); });
};

/**
 * Gets all sessions that have not expired, by their sids, in the order in which they were
 * inserted. It parses all of them, which takes some µs and about 1 kB for each: a million
 * sessions block the process for seconds.
 *
 * @this {MemoryStore}
 * @param {(error: Error | null, sessions: Record<string, SessionData>) => void} [callback]
 */
MemoryStore.prototype.all = function all(callback) {
  useEngine(this, callback, (engine) => {
    const sessions = Object.create(null);
    for (const sid of engine.sids()) {
      const session = engine.read(sid, false);
      if (session) sessions[sid] = session;
    }
    return callback && [null, sessions];
  });
};

const { all } = MemoryStore.prototype;

/**
 * Counts the sessions that have not expired when the method is called. If the program has written
 * much text into `sessions`, that text must be parsed first, which takes some turns. The count is
 * then that of the moment at which this is done.
 *
 * @this {MemoryStore}
 * @param {(error: Error | null, length?: number) => void} callback
 */
MemoryStore.prototype.length = function length(callback) {
  // Where a program has replaced `all`, that method says which sessions there are.
  if (this.all === all) {
    runEngine(callback, () => { engineOf(this).count(callback); });
    return;
  }
  this.all((error, sessions) => {
    if (error) return callback(error);
    callback(null, Object.keys(sessions).length);
  });
};

/**
 * Returns the number of sessions and bytes, and what the store has done so far.
 *
 * @this {MemoryStore}
 */
MemoryStore.prototype.stats = function stats() {
  return engineOf(this).stats();
};

/**
 * Removes all expired sessions at once. The store itself does so in slices, once in each
 * `checkPeriod`.
 *
 * @this {MemoryStore}
 * @returns {number} how many it removed
 */
MemoryStore.prototype.prune = function prune() {
  return engineOf(this).prune();
};

// The following methods are those of npm `memorystore` 1.6.8, for programs that used it before.

/**
 * Gets the sids of all sessions in the order in which they were inserted, also of expired
 * sessions that were not removed yet.
 *
 * @this {MemoryStore}
 * @param {(error: Error | null, sids: string[]) => void} callback
 */
MemoryStore.prototype.ids = function ids(callback) {
  useEngine(this, callback, (engine) => [null, engine.sids()]);
};

/**
 * Starts to prune once in each `checkPeriod`.
 *
 * @this {MemoryStore}
 */
MemoryStore.prototype.startInterval = function startInterval() {
  engineOf(this).startPruning();
};

/**
 * Stops the pruning.
 *
 * @this {MemoryStore}
 */
MemoryStore.prototype.stopInterval = function stopInterval() {
  engineOf(this).stopPruning();
};

/**
 * Returns the engine of a store, or undefined if it has none: a store of a derived class may
 * have replaced all methods that would make one.
 *
 * @param {import('../types').Store} store
 * @returns {Engine | undefined}
 */
function existingEngine(store) {
  return store instanceof MemoryStore ? /** @type {MemoryStore} */ (store)[ENGINE] : undefined;
}

module.exports = {
  MemoryStore: /** @type {MemoryStoreClass} */ (/** @type {unknown} */ (MemoryStore)),
  engineOf,
  existingEngine,
};
