'use strict';

// Node's own: a program's fake timers, whenever they are put on, must not see the timer,
// run prunings for ever or hold them back.
const { setInterval, clearInterval, setImmediate } = require('node:timers');
const debug = require('debug')('express-session');

/** Ends the timers of records that nobody has any more. */
const forgotten = new FinalizationRegistry(clearInterval);

/**
 * Frees what has expired, once in a while, as long as somebody has the store. Keeps no
 * process alive.
 *
 * @param {import('./engine')} records
 * @param {number} period ms between prunings
 * @returns {() => void} ends it
 */
function prunePeriodically(engine, period) {
  const held = new WeakRef(engine);
  let isUnderWay = false;
  /** One slice after the other, with turns of the event loop between them. */
  const slice = () => {
    isUnderWay = false;
    try {
      isUnderWay = held.deref()?.pruneSlice() === false;
    } catch (error) {
      // Nobody has asked for it. The engine may be well again a period later.
      debug('pruning failed: %s', error);
    }
    if (isUnderWay) setImmediate(slice).unref();
  };
  const timer = setInterval(() => {
    // A pruning that takes longer than the period shall not have another beside it.
    if (!isUnderWay) slice();
  }, period);
  timer.unref();
  forgotten.register(engine, timer);
  return () => clearInterval(timer);
}

module.exports = prunePeriodically;
