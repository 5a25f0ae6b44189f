'use strict';

// Taken once: a program's fake timers must not run prunings for ever, or hold them back.
const { setInterval, clearInterval, setImmediate } = globalThis;

/**
 * Frees what has expired, once in a while, as long as somebody has the store. Keeps no
 * process alive.
 *
 * @param {import('./records')} records
 * @param {number} period ms between prunings
 * @returns {() => void} ends it
 */
function prunePeriodically(records, period) {
  const held = new WeakRef(records);
  const stop = () => clearInterval(timer);
  const timer = setInterval(() => {
    if (held.deref() === undefined) stop();
    else prune(held);
  }, period);
  timer.unref();
  return stop;
}

/** One slice after the other, with turns of the event loop between them. */
function prune(held) {
  const records = held.deref();
  if (records !== undefined && !records.pruneSlice()) setImmediate(prune, held).unref();
}

module.exports = prunePeriodically;
