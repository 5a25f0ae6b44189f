'use strict';

/** Ms between prunings, unless the option says otherwise. */
const CHECK_PERIOD = 60 * 1000;

/** What `setInterval` can wait for, in ms. */
const LONGEST_PERIOD = 2 ** 31 - 1;

/** Who gives a shorter `ttl`, in ms, mostly means seconds. */
const SHORTEST_TTL = 60 * 1000;

// Read once, as programs set it before they load anything.
const isProduction = process.env.NODE_ENV === 'production';

/** A process is warned once. */
let hasWarned = false;

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
    throw wrong('ttl', 'a positive number of milliseconds or a function');
  }
  if (typeof ttl === 'number') warnIfShort(ttl);
  if (isGiven(dispose) && typeof dispose !== 'function') {
    throw wrong('dispose', 'a function');
  }
  if (isGiven(shared) && (typeof shared !== 'string' || shared === '')) {
    throw wrong('shared', 'a non-empty string');
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

module.exports = { checked, warnIfShort };

/** The original takes whatever it is given, so a program may not know of any options. */
function wrong(name, kind) {
  return new TypeError(
    `${name} option must be ${kind}. The MemoryStore of express-session-rs takes options, where ` +
    'that of express-session ignores what it is given: see "What differs" in the README',
  );
}

/**
 * Warns, in development, of a lifetime that may be meant in seconds.
 * @param {number} ttl in ms
 */
function warnIfShort(ttl) {
  if (hasWarned || isProduction || ttl >= SHORTEST_TTL) return;
  hasWarned = true;
  process.emitWarning(
    `the MemoryStore's ttl option is in milliseconds: with ${ttl}, a session lasts less than a minute`,
    { code: 'EXPRESS_SESSION_TTL' },
  );
}

function isGiven(value) {
  return value !== undefined && value !== null;
}

function bound(name, most) {
  if (!isGiven(most) || most === Infinity) return NaN;
  if (!Number.isSafeInteger(most) || most < 1) {
    throw wrong(name, 'a positive integer');
  }
  return most;
}

/** @returns {number} 0 for no pruning */
function period(ms) {
  if (!isGiven(ms)) return CHECK_PERIOD;
  if (ms === false || ms === 0) return 0;
  if (!Number.isFinite(ms) || ms < 0 || ms > LONGEST_PERIOD) {
    throw wrong('checkPeriod', `false or a number of milliseconds up to ${LONGEST_PERIOD}`);
  }
  return ms;
}
