'use strict';

const { inherits } = require('node:util');
const DiskEngine = require('../engine/disk-engine');
const { isPointer } = require('../request/pointer');
const { runEngine } = require('./call');
const defer = require('./defer');
const { ENGINE_CLASS, engineOf } = require('./engine-of');
const { methods } = require('./engine-methods');
const defineEngineUsers = require('./engine-users');
const setIfPresent = require('./set-if-present');
const Store = require('./store');

/**
 * @typedef {import('../types').Callback} Callback
 * @typedef {import('../types').DiskStore} DiskStore
 * @typedef {import('../types').DiskStoreClass} DiskStoreClass
 * @typedef {import('../types').DiskStoreOptions} DiskStoreOptions
 * @typedef {import('../types').SessionData} SessionData
 */

/**
 * A store that keeps sessions in a file, for all processes of this machine.
 *
 * @this {DiskStore}
 * @param {DiskStoreOptions} options
 * @throws {TypeError} naming the option that is wrong
 * @throws {Error} if the file cannot be opened; the message names it and says what to do
 */
function DiskStore(options) {
  Store.call(this);
  defineEngineUsers(this, Object(options));
  engineOf(this, options);
}

inherits(DiskStore, Store);
Object.defineProperty(DiskStore.prototype, ENGINE_CLASS, { value: DiskEngine });
Object.assign(DiskStore.prototype, methods, { setIfPresent });

/**
 * Gets all sessions that have not expired, by their sids. It reads a part of them in each turn of
 * the event loop, so other requests run in between. All of them are in memory in the end.
 *
 * @this {DiskStore}
 * @param {(error: Error | null, sessions?: Record<string, SessionData>) => void} [callback]
 * @returns {Promise<Record<string, SessionData>> | void} without a callback, a promise
 */
DiskStore.prototype.all = function all(callback) {
  return afterChanges(this, callback, (engine, answered) => {
    const sessions = Object.create(null);
    const read = (/** @type {string[]} */ sids) => {
      for (const sid of sids) {
        const session = engine.read(sid, false);
        if (session && !isPointer(session)) sessions[sid] = session;
      }
    };
    engine.list(read, (error) => { defer(answered, error, error ? undefined : sessions); });
  });
};

/**
 * Gets the sids of all sessions, also of expired ones that were not removed yet.
 *
 * @this {DiskStore}
 * @param {(error: Error | null, sids?: string[]) => void} [callback]
 * @returns {Promise<string[]> | void} without a callback, a promise
 */
DiskStore.prototype.ids = function ids(callback) {
  return afterChanges(this, callback, (engine, answered) => {
    /** @type {string[]} */
    const all = [];
    engine.list((sids) => { all.push(...sids); }, (error) => { defer(answered, error, error ? undefined : all); });
  });
};

/**
 * Counts the sessions that have not expired.
 *
 * @this {DiskStore}
 * @param {(error: Error | null, length?: number) => void} [callback]
 * @returns {Promise<number> | void} without a callback, a promise
 */
DiskStore.prototype.length = function length(callback) {
  return afterChanges(this, callback, (engine, answered) => { answer(engine.countLater(), answered); });
};

/**
 * Gets the number of sessions and bytes, and what this store has done so far.
 *
 * @this {DiskStore}
 * @param {(error: Error | null, stats?: import('../types').StoreStats) => void} [callback]
 * @returns {Promise<import('../types').StoreStats> | void} without a callback, a promise
 */
DiskStore.prototype.stats = function stats(callback) {
  return afterChanges(this, callback, (engine, answered) => { answer(engine.statsLater(), answered); });
};

/**
 * Removes all expired sessions. The store itself does so once in each `checkPeriod`.
 *
 * @this {DiskStore}
 * @param {(error: Error | null, count?: number) => void} [callback] gets how many it removed
 * @returns {Promise<number> | void} without a callback, a promise
 */
DiskStore.prototype.prune = function prune(callback) {
  return afterChanges(this, callback, (engine, answered) => { answer(engine.pruneNow(), answered); });
};

/**
 * Commits all changes and closes the file. Each later call of the store fails. A process that ends
 * without it loses nothing.
 *
 * @this {DiskStore}
 * @param {Callback} [callback]
 * @returns {Promise<void> | void} without a callback, a promise
 */
DiskStore.prototype.close = function close(callback) {
  return afterChanges(this, callback, (engine, answered) => { answer(engine.close(), answered); });
};

/**
 * Calls back in a later turn with what a promise brings.
 *
 * @param {Promise<any>} promise
 * @param {Callback} callback
 */
function answer(promise, callback) {
  promise.then((result) => { defer(callback, null, result); }, (error) => { defer(callback, error); });
}

/**
 * Does the work of a method that needs all changes of this store to be in the file.
 *
 * @param {DiskStore} store
 * @param {Callback | undefined} callback of the method; gets an error if the engine fails
 * @param {(engine: DiskEngine, answered: Callback) => void} work must call `answered`
 * @returns {Promise<any> | void} without a callback, a promise of what that would get
 */
function afterChanges(store, callback, work) {
  if (typeof callback !== 'function') {
    return new Promise((resolve, reject) => {
      afterChanges(store, (error, result) => { if (error) reject(error); else resolve(result); }, work);
    });
  }
  runEngine(callback, () => {
    const engine = /** @type {DiskEngine} */ (/** @type {unknown} */ (engineOf(store)));
    engine.whenCommitted(() => { work(engine, callback); });
  });
}

module.exports = /** @type {DiskStoreClass} */ (/** @type {unknown} */ (DiskStore));
