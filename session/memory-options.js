'use strict';

/** Ms between prunings, unless the option says otherwise. */
const CHECK_PERIOD = 60 * 1000;

/** What `setInterval` can wait for, in ms. */
const LONGEST_PERIOD = 2 ** 31 - 1;

/**
 * The options of a MemoryStore, checked, with defaults in place. Others than those it
 * knows are left alone, as the original takes none and looks at none.
 *
 * @param {object} [options] as the caller gave them
 * @returns {object} `max` and `maxBytes` NaN for no bound
 * @throws {TypeError} naming the option that is wrong
 */
function checked(options) {
  const { max, maxBytes, ttl, checkPeriod, dispose, shared } = Object(options);
  if (isGiven(ttl) && typeof ttl !== 'function' && !(Number.isFinite(ttl) && ttl > 0)) {
    throw new TypeError('ttl option must be a positive number of milliseconds or a function');
  }
  if (isGiven(dispose) && typeof dispose !== 'function') {
    throw new TypeError('dispose option must be a function');
  }
  if (isGiven(shared) && (typeof shared !== 'string' || shared === '')) {
    throw new TypeError('shared option must be a non-empty string');
  }
  if (isGiven(shared) && isGiven(dispose)) {
    throw new TypeError('dispose option cannot be used with the shared option');
  }
  return {
    max: bound('max', max),
    maxBytes: bound('maxBytes', maxBytes),
    ttl: ttl ?? undefined,
    checkPeriod: period(checkPeriod),
    dispose: dispose ?? undefined,
    shared: shared ?? undefined,
    /** As the caller gave them, for `ttl` functions. */
    given: options,
  };
}

module.exports = checked;

function isGiven(value) {
  return value !== undefined && value !== null;
}

function bound(name, most) {
  if (!isGiven(most) || most === Infinity) return NaN;
  if (!Number.isSafeInteger(most) || most < 1) {
    throw new TypeError(`${name} option must be a positive integer`);
  }
  return most;
}

/** @returns {number} 0 for no pruning */
function period(ms) {
  if (!isGiven(ms)) return CHECK_PERIOD;
  if (ms === false || ms === 0) return 0;
  if (!Number.isFinite(ms) || ms < 0 || ms > LONGEST_PERIOD) {
    throw new TypeError(`checkPeriod option must be false or a number of milliseconds up to ${LONGEST_PERIOD}`);
  }
  return ms;
}
