'use strict';

/** Turns of the event loop after which nothing comes any more that was not begun. */
const IDLE_TURNS = 50;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * Waits until something is over, or cannot come any more because nobody works at it.
 * Turns are counted and not milliseconds, so that a slow machine changes nothing.
 * @param {object} run
 * @param {() => boolean} isOver
 * @param {() => boolean} [isBusy]
 * @returns {Promise<boolean>} true if it cannot come any more
 */
async function hasStalled(run, isOver, isBusy = () => false) {
  for (let idle = 0; idle < IDLE_TURNS; idle++) {
    if (isOver()) return false;
    await turn();
    if (run.pending > 0 || isBusy()) idle = 0;
  }
  return !isOver();
}

module.exports = { turn, hasStalled };
