'use strict';

// The timers of Node.js itself. Fake timers, which a test may install before or after this file
// is loaded, replace the global ones: they would see the pruning, run it for ever or stop it.
const { setInterval, clearInterval, setImmediate } = require('node:timers');
const debug = require('debug')('express-session');

/**
 * Ends the timer of an engine that was garbage-collected.
 * @type {FinalizationRegistry<NodeJS.Timeout>}
 */
const forgotten = new FinalizationRegistry(clearInterval);

/**
 * Frees expired sessions once in a period, for as long as the engine exists. The timer keeps
 * neither the engine nor the process alive.
 *
 * @param {import('./memory-engine')} engine
 * @param {number} period in ms
 * @returns {() => void} stops the pruning
 */
function prunePeriodically(engine, period) {
  const reference = new WeakRef(engine);
  let isUnderWay = false;
  // Each slice runs in a turn of its own, so that requests run in between.
  const slice = () => {
    isUnderWay = false;
    try {
      isUnderWay = reference.deref()?.pruneSlice() === false;
    } catch (error) {
      // No program waits for this result. The next period tries again.
      debug('pruning failed: %s', error);
    }
    if (isUnderWay) setImmediate(slice).unref();
  };
  const timer = setInterval(() => {
    // A pruning may take longer than a period.
    if (!isUnderWay) slice();
  }, period);
  timer.unref();
  forgotten.register(engine, timer);
  return () => clearInterval(timer);
}

module.exports = prunePeriodically;
