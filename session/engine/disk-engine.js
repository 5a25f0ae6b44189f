'use strict';

// The timers of Node.js itself: see pruning.js.
const { setImmediate, setInterval, setTimeout, clearInterval, clearTimeout } = require('node:timers');
const debug = require('debug')('express-session');
const { isBusy } = require('../store/call');
const defer = require('../store/defer');
const native = require('../native/load');
const checkedDisk = require('./disk-options');
const Engine = require('./engine');

/**
 * @typedef {import('../types').Callback} Callback
 * @typedef {import('../types').DiskStoreOptions} DiskStoreOptions
 * @typedef {import('../../native').UnmadeChange} UnmadeChange
 * @typedef {{ sid: string | undefined, moment: number, callback: Callback }} Waiter
 * @typedef {readonly [error: unknown, isStored?: boolean]} FlushResult
 */

const { nextTick } = process;

/** In ms. As long after a change the disk has it, by a checkpoint. */
const CHECKPOINT_AFTER = 500;

/** After so many changes a checkpoint begins at once, so that the log does not grow large. */
const MANY_CHANGES = 2000;

/** How many sessions a slice of the pruning looks at: about a millisecond of a thread of the pool. */
const PRUNED_AT_ONCE = 2000;

/** How many sids one call returns, so that it takes a fraction of a millisecond. */
const LISTED_AT_ONCE = 200;

/**
 * The engine of a `DiskStore`, which commits changes to a file.
 *
 * It commits the first change of a turn of the event loop at once. As soon as a turn has several,
 * it commits the changes of each further turn together, when the turn ends, until a turn has one
 * again. Where the file is busy, a thread of libuv's pool commits.
 */
class DiskEngine extends Engine {
  /**
   * @param {DiskStoreOptions} options of the DiskStore
   * @throws {TypeError} naming the option that is wrong
   * @throws {Error} if the file cannot be opened
   */
  constructor(options) {
    const { ttl, dispose, checkPeriod, ...file } = checkedDisk(options);
    const { store, warning } = native.createDiskStore({ ...file, checkPeriod });
    if (warning) process.emitWarning(warning, { code: 'EXPRESS_SESSION_DISK' });
    super(store, { ttl, dispose, given: options, isBounded: true, isShared: true });
    /** How many changes this turn of the event loop has brought. */
    this.turnChanges = 0;
    /** Whether the turn before that had a change has brought several. */
    this.isCrowded = false;
    /** Whether there are changes that no commit has taken yet. */
    this.hasChanges = false;
    /** Whether a thread of the pool commits. */
    this.isFinishing = false;
    /** The sid of the last change; undefined if that was about all sessions. @type {string | undefined} */
    this.lastSid = undefined;
    /** What `flush` answers if the last change was committed at once. @type {FlushResult} */
    this.lastResult = DONE;
    /** Who waits for the changes that no commit has taken yet. @type {Waiter[]} */
    this.waiters = [];
    /** Who waits for the thread of the pool. @type {Waiter[]} */
    this.finishWaiters = [];
    /** What `close` has returned. @type {Promise<void> | undefined} */
    this.closed = undefined;
    this.isMaintaining = false;
    /** How many changes there were at the last checkpoint. */
    this.checkedChanges = 0;
    /** For what must not keep the engine alive. */
    this.reference = new WeakRef(this);
    engines.add(this.reference);
    forgotten.register(this, this.reference);
    /** @type {NodeJS.Timeout | undefined} */
    this.checkpoint = undefined;
    this.isPruning = false;
    this.checkPeriod = checkPeriod;
    this.stopPruning = () => {};
    this.startPruning();
  }

  /**
   * Returns a moment after all others: the session must be there, whenever it came. The moment of a
   * new session is that at which it is stored, which is later than now.
   */
  savedMoment() {
    return Number.MAX_SAFE_INTEGER;
  }

  /**
   * @override
   * @param {string} sid
   * @param {import('../types').SessionData} session
   * @param {string | undefined} text
   */
  saveIfPresent(sid, session, text) {
    return this.save(sid, session, text, this.savedMoment());
  }

  /**
   * Counts a change, and commits it now or when the turn ends.
   *
   * @template T
   * @param {T} outcome
   * @param {string} [sid] of the session that was changed; undefined for all
   * @returns {T} the same outcome
   */
  noteChange(outcome, sid) {
    this.changeCount++;
    if (/** @type {unknown} */ (outcome) === native.KEPT) {
      this.isCommitted = true;
      return outcome;
    }
    this.lastSid = sid;
    this.hasChanges = true;
    this.isCommitted = false;
    this.turnChanges++;
    if (this.turnChanges === 1) {
      if (!this.isCrowded && !this.isFinishing) this.commit();
      setImmediate(endTurn, this);
    }
    return outcome;
  }

  /**
   * Renews a session as in `Engine`.
   *
   * @param {string} sid
   * @param {number} cookieNumber
   * @param {number} date
   * @param {number} deadline
   */
  renew(sid, cookieNumber, date, deadline) {
    const outcome = this.requestCalls.renew(sid, cookieNumber, date, deadline, Date.now());
    if (outcome === native.CHANGED) this.noteChange(outcome, sid);
    else this.isCommitted = true;
    return outcome !== native.NOT_CHANGED;
  }

  /** Commits the changes, here if the file is free, or else on a thread of the pool. */
  commit() {
    this.hasChanges = false;
    const { waiters } = this;
    this.waiters = [];
    let answer;
    let failure;
    try {
      answer = native.storeCommit(this.handle);
    } catch (error) {
      failure = error;
    }
    this.startCheckpoint();
    if (answer !== true) {
      this.lastResult = answer || failure ? resultOf(this.lastSid, native.storeLastChange(this.handle), answer, failure) : DONE;
      this.isCommitted = this.lastResult === DONE;
      tell(waiters, answer, failure);
      if (this.dispose !== undefined) this.reportRemoved();
      return;
    }
    this.isFinishing = true;
    this.finishWaiters = waiters;
    native.storeFinish(this.handle).then(
      (unmade) => { this.finished(unmade, undefined); },
      (error) => { this.finished(undefined, error); },
    );
  }

  /**
   * The thread of the pool has committed.
   *
   * @param {UnmadeChange[] | undefined} unmade
   * @param {unknown} error if no change was made
   */
  finished(unmade, error) {
    const waiters = this.finishWaiters;
    this.finishWaiters = [];
    this.isFinishing = false;
    // Changes may have come meanwhile.
    if (this.hasChanges) this.commit();
    tell(waiters, unmade, error);
    if (this.dispose !== undefined) this.reportRemoved();
  }

  /**
   * Calls back once the last change is committed. It must be called in the turn of that change.
   *
   * @param {(error: unknown, isStored?: boolean) => void} callback gets an error if the change
   *   failed, and otherwise whether the session was stored: it is not if that depended on another
   *   one, which is gone
   */
  flush(callback) {
    const waiter = { sid: this.lastSid, moment: native.storeLastChange(this.handle), callback };
    if (this.hasChanges) this.waiters.push(waiter);
    else if (this.isFinishing) this.finishWaiters.push(waiter);
    else callback(...this.lastResult);
  }

  /**
   * Calls back when no change waits to be committed, whatever has become of them.
   *
   * @param {() => void} callback
   */
  whenCommitted(callback) {
    const waiter = { sid: undefined, moment: 0, callback: () => { callback(); } };
    if (this.hasChanges) this.waiters.push(waiter);
    else if (this.isFinishing) this.finishWaiters.push(waiter);
    else callback();
  }

  /**
   * Does what `whenFree` of `Engine` says in session/types.d.ts.
   *
   * @param {() => void} again
   * @param {Callback} [callback]
   */
  whenFree(again, callback) {
    debug('the file is busy: waiting');
    native.storeWait(this.handle).then(again).catch((error) => {
      if (callback) defer(callback, error);
      else debug('the file is busy: %s', error);
    });
  }

  /** Lets the disk have the changes a while after the first one, or as soon as there are many. */
  startCheckpoint() {
    if (this.changeCount - this.checkedChanges > MANY_CHANGES && !this.isMaintaining) {
      clearTimeout(this.checkpoint);
      this.maintain();
      return;
    }
    if (this.checkpoint !== undefined) return;
    this.checkpoint = setTimeout(checkpoint, CHECKPOINT_AFTER, this.reference);
    this.checkpoint.unref();
  }

  /** Does what keeps the file in shape: see `Engine::maintain` in core/src/engine.rs. */
  maintain() {
    this.checkpoint = undefined;
    if (this.isMaintaining) {
      this.startCheckpoint();
      return;
    }
    this.isMaintaining = true;
    this.checkedChanges = this.changeCount;
    const done = (/** @type {unknown} */ error) => {
      this.isMaintaining = false;
      if (error) debug('the checkpoint failed: %s', error);
      this.reportRemoved();
    };
    native.storeMaintain(this.handle, Date.now()).then(() => { done(undefined); }, done);
  }

  /** Prunes once in each `checkPeriod` from now on. Of several processes, one does. */
  startPruning() {
    this.stopPruning();
    if (!(this.checkPeriod > 0)) return;
    const timer = setInterval(pruneSome, this.checkPeriod, this.reference);
    timer.unref();
    this.stopPruning = () => { clearInterval(timer); };
  }

  /** Removes expired sessions, in slices, unless another process does it or has done it lately. */
  async pruneAll() {
    if (this.isPruning) return;
    this.isPruning = true;
    try {
      while (!await native.storePruneLater(this.handle, Date.now(), PRUNED_AT_ONCE));
    } finally {
      this.isPruning = false;
      this.reportRemoved();
    }
  }

  /** Removes all expired sessions. The promise is fulfilled with their number. */
  async pruneNow() {
    const { expired } = await this.statsLater();
    await native.storePruneLater(this.handle, Date.now(), Infinity);
    this.reportRemoved();
    return (await this.statsLater()).expired - expired;
  }

  statsLater() {
    return native.storeStatsLater(this.handle);
  }

  /** Counts the sessions that have not expired. */
  countLater() {
    return native.storeLengthLater(this.handle, Date.now());
  }

  /**
   * Gets all sids, also of expired sessions, a part of them in each turn.
   *
   * @param {(sids: string[]) => void} onSome is called with each part
   * @param {(error: Error | null) => void} callback is called when there are no more
   * @param {string} [after] the last sid of the part before
   */
  list(onSome, callback, after) {
    let sids;
    try {
      sids = native.storeSidsAfter(this.handle, after, LISTED_AT_ONCE);
      onSome(sids);
    } catch (error) {
      if (isBusy(error)) this.whenFree(() => { this.list(onSome, callback, after); }, callback);
      else callback(error);
      return;
    }
    if (sids.length < LISTED_AT_ONCE) callback(null);
    else setImmediate(() => { this.list(onSome, callback, sids.at(-1)); });
  }

  /** Commits all changes and closes the file, once. The promise is rejected if that fails. */
  close() {
    this.stopPruning();
    clearTimeout(this.checkpoint);
    engines.delete(this.reference);
    return this.closed ??= native.storeClose(this.handle);
  }
}

module.exports = DiskEngine;

/** The engines of this thread whose files are open. @type {Set<WeakRef<DiskEngine>>} */
const engines = new Set();

/** Ends what is left of an engine that was garbage-collected, which has committed its changes. */
const forgotten = new FinalizationRegistry((/** @type {WeakRef<DiskEngine>} */ reference) => { engines.delete(reference); });

// A change waits until the turn ends, or for another process. A thread that ends before, by
// `process.exit()` or an error that nobody catches, must not lose it.
process.on('exit', () => {
  for (const reference of engines) {
    const engine = reference.deref();
    if (!engine?.hasChanges && !engine?.isFinishing) continue;
    try {
      native.storeCommitNow(engine.handle);
    } catch (error) {
      debug('the last changes are not made: %s', error);
    }
  }
});

/** @type {FlushResult} */
const DONE = Object.freeze([null, true]);

/**
 * Returns what `flush` tells of a change. An error of another change of the same session counts, too:
 * who waits for the last change waits for those before it.
 *
 * @param {string | undefined} sid
 * @param {number} moment of the change, if it stores a session
 * @param {UnmadeChange[] | undefined} unmade
 * @param {unknown} failure of all changes
 * @returns {FlushResult}
 */
function resultOf(sid, moment, unmade, failure) {
  if (failure) return [failure];
  const failed = unmade?.find((change) => change.sid === sid && change.error !== undefined);
  if (failed) return [new Error(failed.error)];
  return unmade?.some((change) => change.moment === moment) ? [null, false] : DONE;
}

/**
 * Tells what has become of changes. Each callback has a tick of its own, so that one that throws
 * keeps no other from its answer.
 *
 * @param {Waiter[]} waiters
 * @param {UnmadeChange[] | undefined} unmade
 * @param {unknown} failure of all changes
 */
function tell(waiters, unmade, failure) {
  if (failure) debug('no change was made: %s', failure);
  for (const { error } of unmade ?? []) if (error !== undefined) debug('a change was not made: %s', error);
  for (const { sid, moment, callback } of waiters) nextTick(callback, ...resultOf(sid, moment, unmade, failure));
}

/** @param {DiskEngine} engine */
function endTurn(engine) {
  engine.isCrowded = engine.turnChanges > 1;
  engine.turnChanges = 0;
  if (engine.hasChanges && !engine.isFinishing) engine.commit();
}

/** @param {WeakRef<DiskEngine>} reference */
function checkpoint(reference) {
  reference.deref()?.maintain();
}

/**
 * @this {NodeJS.Timeout}
 * @param {WeakRef<DiskEngine>} reference
 */
function pruneSome(reference) {
  const engine = reference.deref();
  if (engine === undefined) clearInterval(this);
  else engine.pruneAll().catch((error) => { debug('pruning failed: %s', error); });
}
