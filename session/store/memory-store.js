'use strict';

const { inherits } = require('node:util');
const Engine = require('../engine/engine');
const { storeCallback, callStore, runEngine } = require('./call');
const defer = require('./defer');
const Store = require('./store');
const { defineSessions } = require('../engine/sessions-object');

/**
 * The default store: sessions in this process's memory, outside the JavaScript
 * heap, as JSON text. Callbacks come in a later turn.
 *
 * @param {object} [options] see `MemoryStoreOptions` in index.d.ts
 * @throws {TypeError} naming the option that is wrong
 */
function MemoryStore(options) {
  Store.call(this);
  engineOf(this, options);
}

/** Where a store keeps its records. */
const ENGINE = Symbol('engine');

/**
 * The records of a store. Made when first asked for, because a store may
 * borrow the methods of this one and never call its constructor. A class that extends
 * this one may put another object in the place of `sessions` at any time.
 */
function engineOf(store, options) {
  let engine = store[ENGINE];
  if (engine === undefined) {
    engine = new Engine(options);
    Object.defineProperty(store, ENGINE, { value: engine });
  }
  if (store.sessions !== engine.sessions && engine.canDefineSessions) defineSessions(store, engine);
  return engine;
}

inherits(MemoryStore, Store);

/**
 * Does what a method of a store is for, and calls back in a later turn: when it is done.
 *
 * @param {MemoryStore} store
 * @param {Function | undefined} callback
 * @param {(records: Records) => any[] | undefined} work returns what the callback is given, if
 *   it only reads
 */
function useEngine(store, callback, work) {
  runEngine(callback, () => {
    const engine = engineOf(store);
    const results = work(engine);
    if (results) defer(callback, ...results);
    else if (callback && engine.flush === undefined) defer(callback);
    else if (callback) callStore(storeCallback(undefined, (error) => { defer(callback, error); }), engine, 'flush');
  });
}

/**
 * The session of `sid`, or nothing if there is none or it has expired.
 * @param {string} sid
 * @param {(error: Error | null, session?: object) => void} callback
 */
MemoryStore.prototype.get = function get(sid, callback) {
  useEngine(this, callback, (engine) => [null, engine.read(`${sid}`)]);
};

/**
 * @param {string} sid
 * @param {object} session
 * @param {(error?: Error) => void} [callback]
 * @throws whatever `JSON.stringify` throws; the old record stays
 */
MemoryStore.prototype.set = function set(sid, session, callback) {
  const text = JSON.stringify(session);
  useEngine(this, callback, (engine) => { engine.save(`${sid}`, session, text, NaN); });
};

/**
 * Gives a stored session the cookie of `session`, and so its expiry.
 * @param {string} sid
 * @param {object} session
 * @param {(error?: Error) => void} [callback]
 */
MemoryStore.prototype.touch = function touch(sid, session, callback) {
  const cookie = JSON.stringify(session.cookie);
  useEngine(this, callback, (engine) => {
    const key = `${sid}`;
    // A cookie that has no JSON takes the key out of the record.
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
 * @param {string} sid
 * @param {(error?: Error) => void} [callback]
 */
MemoryStore.prototype.destroy = function destroy(sid, callback) {
  useEngine(this, callback, (engine) => { engine.destroy(`${sid}`); });
};

/** @param {(error?: Error) => void} [callback] */
MemoryStore.prototype.clear = function clear(callback) {
  useEngine(this, callback, (engine) => { engine.clear(); });
};

/**
 * Every session that has not expired, by sid, in order of insertion. Parses all
 * of them, which takes time and memory for each: some µs and about 1 kB. A million
 * sessions block the process for seconds.
 * @param {(error: Error | null, sessions: Record<string, object>) => void} [callback]
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
 * How many sessions have not expired: at the moment of the call. But what a program wrote
 * into `sessions` itself must be parsed once to know that; where it is much, that takes
 * some turns, and the number is that of the moment at which it is done.
 * @param {(error: Error | null, length?: number) => void} callback
 */
MemoryStore.prototype.length = function length(callback) {
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
 * What the store holds and has done.
 * @returns {{ sessions: number, bytes: number, hits: number, misses: number, expired: number, evicted: number }}
 */
MemoryStore.prototype.stats = function stats() {
  return engineOf(this).stats();
};

/**
 * Removes, at once, every session that has expired. The store does so by itself, in
 * slices, each `checkPeriod`.
 * @returns {number} how many it removed
 */
MemoryStore.prototype.prune = function prune() {
  return engineOf(this).prune();
};

// What npm `memorystore` 1.6.8 has beside these, for programs that come from it.

/**
 * The sids in order of insertion, those of expired sessions that nobody has found yet
 * included.
 * @param {(error: Error | null, sids: string[]) => void} callback
 */
MemoryStore.prototype.ids = function ids(callback) {
  useEngine(this, callback, (engine) => [null, engine.sids()]);
};

/** Prunes once in a `checkPeriod` again. */
MemoryStore.prototype.startInterval = function startInterval() {
  engineOf(this).startPruning();
};

/** Prunes no more. */
MemoryStore.prototype.stopInterval = function stopInterval() {
  engineOf(this).stopPruning();
};

/**
 * The records of a store that may have methods of its own, and no use for them.
 * @returns {import('../engine/engine') | undefined}
 */
function existingEngine(store) {
  return (store instanceof MemoryStore ? store[ENGINE] : undefined);
}

module.exports = { MemoryStore, engineOf, existingEngine };
