'use strict';

const defer = require('../store/defer');
const native = require('../native/load');
const Engine = require('./engine');
const { checked } = require('./options');
const prunePeriodically = require('./pruning');
const { sessionsObject, defineSessions, replaceSessions } = require('./sessions-object');

/** @typedef {import('../types').MemoryStoreOptions} MemoryStoreOptions */

/** The budget of a slice of pruning, for `native.storePrune`: about half a millisecond. */
const PRUNE_BUDGET = 500;

/** The budget of a slice of classifying, for `native.storeUnclassified`: about half a millisecond. */
const CLASSIFY_BUDGET = 100_000;

/** The engine of a `MemoryStore`. All its changes are made when a method returns. */
class MemoryEngine extends Engine {
  /**
   * @param {MemoryStoreOptions} [options] of the MemoryStore
   * @throws {TypeError} naming the option that is wrong
   */
  constructor(options) {
    const { max, maxBytes, ttl, checkPeriod, dispose, shared, maxOfUser, given } = checked(options);
    const isBounded = ttl !== undefined || !Number.isNaN(max) || !Number.isNaN(maxBytes);
    super(native.createStore(max, maxBytes, shared, maxOfUser), { ttl, dispose, given, isBounded, isShared: shared !== undefined });
    /** The value of `store.sessions`. */
    this.sessions = sessionsObject(this);
    /** Whether `defineSessions` has an effect. */
    this.canDefineSessions = true;
    /** Where the next slice of pruning continues to classify. */
    this.classifiedTo = 0;
    this.checkPeriod = checkPeriod;
    this.stopPruning = ignore;
    this.startPruning();
  }

  /**
   * Gives a store the property `sessions`. If the store has one already, such as a field of its
   * class, that value replaces all sessions, as an assignment does.
   *
   * If that property cannot be replaced, the store keeps it, and this method does nothing from
   * then on.
   *
   * @param {import('../types').Store} store whose engine this is
   */
  defineSessions(store) {
    if (!this.canDefineSessions) return;
    const { sessions } = store;
    this.canDefineSessions = defineSessions(store, this);
    if (sessions !== undefined) replaceSessions(this, sessions);
  }

  /** Prunes once in each `checkPeriod` from now on. */
  startPruning() {
    this.stopPruning();
    if (this.checkPeriod > 0) this.stopPruning = prunePeriodically(this, this.checkPeriod);
  }

  /**
   * Returns the text of a session, also if it has expired; undefined if there is none.
   *
   * @param {string} sid
   */
  text(sid) {
    return native.storePeek(this.handle, sid);
  }

  /**
   * Stores any text, which need not be JSON.
   *
   * @param {string} sid
   * @param {string} text
   */
  setRaw(sid, text) {
    this.noteChange(native.storeSetRaw(this.handle, sid, text, NaN, NaN), sid);
  }

  /**
   * Counts the sessions that have not expired, and removes the others. It counts at once unless
   * many texts have come that only JavaScript can read. It classifies those in slices first, and
   * counts when that is done.
   *
   * @param {(error: Error | null, length?: number) => void} callback gets an error if such
   *   a text is damaged, or if the native engine fails
   * @param {number} [from] where the classifying continues
   */
  count(callback, from = 0) {
    let length;
    try {
      const { sids, next } = native.storeUnclassified(this.handle, from, CLASSIFY_BUDGET);
      for (const sid of sids) this.read(sid, false);
      if (next !== 0) {
        defer(() => this.count(callback, next));
        return;
      }
      if (from !== 0 || sids.length > 0) {
        // More texts may have come since, to places that earlier slices had passed.
        this.count(callback);
        return;
      }
      length = native.storeLength(this.handle, Date.now());
      this.reportRemoved();
    } catch (error) {
      defer(callback, error);
      return;
    }
    defer(callback, null, length);
  }

  /** Removes all expired sessions, and returns how many it removed. */
  prune() {
    const { expired } = this.stats();
    let from = 0;
    do {
      from = this.classifySome(from);
    } while (from !== 0);
    native.storeLength(this.handle, Date.now());
    this.reportRemoved();
    return this.stats().expired - expired;
  }

  /** Removes some of the expired sessions. Returns whether none is left. */
  pruneSlice() {
    const isDone = native.storePrune(this.handle, Date.now(), PRUNE_BUDGET);
    this.reportRemoved();
    if (!isDone) return false;
    this.classifiedTo = this.classifySome(this.classifiedTo);
    return this.classifiedTo === 0;
  }

  /**
   * Classifies some of the texts that only JavaScript can read, which removes the expired ones.
   *
   * @param {number} from where to start
   * @returns {number} where to continue, 0 at the end
   */
  classifySome(from) {
    const { sids, next } = native.storeUnclassified(this.handle, from, CLASSIFY_BUDGET);
    for (const sid of sids) {
      try {
        this.read(sid, false);
      } catch {
        // A damaged text. The error is thrown to the program that asks for this session.
      }
    }
    return next;
  }
}

module.exports = MemoryEngine;

function ignore() {}
