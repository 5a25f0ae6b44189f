'use strict';

const { inherits } = require('node:util');
const MemoryEngine = require('../engine/memory-engine');
const { runEngine } = require('./call');
const { ENGINE_CLASS, engineOf } = require('./engine-of');
const { isPointer } = require('../request/pointer');
const { useEngine, methods } = require('./engine-methods');
const defineEngineUsers = require('./engine-users');
const Store = require('./store');

/**
 * @typedef {import('../types').MemoryStore} MemoryStore
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
  defineEngineUsers(this, Object(options));
  engineOf(this, options);
}

inherits(MemoryStore, Store);
Object.defineProperty(MemoryStore.prototype, ENGINE_CLASS, { value: MemoryEngine });

Object.assign(MemoryStore.prototype, methods);

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
      if (session && !isPointer(session)) sessions[sid] = session;
    }
    return callback && [null, sessions];
  });
};

const { all } = MemoryStore.prototype;

/**
 * @param {MemoryStore} store
 * @returns {MemoryEngine}
 */
function memoryEngineOf(store) {
  return /** @type {MemoryEngine} */ (/** @type {unknown} */ (engineOf(store)));
}

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
    runEngine(callback, () => { memoryEngineOf(this).count(callback); });
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
  return memoryEngineOf(this).stats();
};

/**
 * Removes all expired sessions at once. The store itself does so in slices, once in each
 * `checkPeriod`.
 *
 * @this {MemoryStore}
 * @returns {number} how many it removed
 */
MemoryStore.prototype.prune = function prune() {
  return memoryEngineOf(this).prune();
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
  memoryEngineOf(this).startPruning();
};

/**
 * Stops the pruning.
 *
 * @this {MemoryStore}
 */
MemoryStore.prototype.stopInterval = function stopInterval() {
  memoryEngineOf(this).stopPruning();
};

module.exports = /** @type {MemoryStoreClass} */ (/** @type {unknown} */ (MemoryStore));
