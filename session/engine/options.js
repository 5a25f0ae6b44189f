'use strict';

/** The default of `checkPeriod`, in ms. */
const CHECK_PERIOD = 60 * 1000;

/** The longest period of `setInterval`, in ms. */
const LONGEST_PERIOD = 2 ** 31 - 1;

/** In ms. The author of a program that has a shorter `ttl` probably means seconds. */
const SHORTEST_TTL = 60 * 1000;

// Programs set the variable before they load anything.
const isProduction = process.env.NODE_ENV === 'production';

/** Whether the warning of a short `ttl` was given. A process gets it once. */
let hasWarned = false;

/**
 * @typedef {import('../types').MemoryStoreOptions} MemoryStoreOptions
 * @typedef {import('../types').SessionData} SessionData
 * @typedef {import('../types').RemovalReason} RemovalReason
 */

/**
 * The options of a MemoryStore with their defaults.
 *
 * @typedef {object} EngineOptions
 * @property {number} max sessions; NaN for no bound
 * @property {number} maxBytes NaN for no bound
 * @property {number | ((options: MemoryStoreOptions, session: SessionData, sid: string) => number) | undefined} ttl in ms
 * @property {number} checkPeriod in ms; 0 for no pruning
 * @property {((sid: string, session: SessionData | undefined, reason: RemovalReason) => void) | undefined} dispose
 * @property {string | undefined} shared the name of a store that threads share
 * @property {number | undefined} maxOfUser sessions of each user, Infinity for no bound; undefined if the
 *   engine does not know whose its sessions are
 * @property {MemoryStoreOptions} given the object that the program gave, for the function `ttl`
 */

/**
 * Checks the options of a MemoryStore and adds the defaults. It ignores unknown options, as the
 * MemoryStore of express-session ignores all.
 *
 * @param {MemoryStoreOptions} [options] as the program gave them
 * @returns {EngineOptions}
 * @throws {TypeError} naming the option that is wrong
 */
function checked(options) {
  /** @type {MemoryStoreOptions} */
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
    max: bound('max', max, wrong),
    maxBytes: bound('maxBytes', maxBytes, wrong),
    ttl: ttl ?? undefined,
    checkPeriod: period(checkPeriod, wrong),
    dispose: dispose ?? undefined,
    shared: shared ?? undefined,
    maxOfUser: maxOfUser(Object(options)),
    given: /** @type {MemoryStoreOptions} */ (options),
  };
}

module.exports = { checked, warnIfShort, isGiven, bound, maxOfUser, period };

/**
 * Makes the error of a wrong option. It names the package, because a program that was written
 * for express-session may not know that its MemoryStore now reads options.
 *
 * @param {string} name of the option
 * @param {string} kind what the option must be
 */
function wrong(name, kind) {
  return new TypeError(
    `${name} option must be ${kind}. The MemoryStore of express-session-rs takes options, where ` +
    'that of express-session ignores what it is given: see "What differs" in the README',
  );
}

/**
 * Warns, outside production, of a lifetime that may be meant in seconds.
 *
 * @param {number} ttl in ms
 */
function warnIfShort(ttl) {
  if (hasWarned || isProduction || ttl >= SHORTEST_TTL) return;
  hasWarned = true;
  process.emitWarning(
    `the store's ttl option is in milliseconds: with ${ttl}, a session lasts less than a minute`,
    { code: 'EXPRESS_SESSION_TTL' },
  );
}

/**
 * @template T
 * @param {T} value
 * @returns {value is NonNullable<T>}
 */
function isGiven(value) {
  return value !== undefined && value !== null;
}

/**
 * Returns the value of the option `max` or `maxBytes`, NaN for no bound.
 *
 * @param {string} name
 * @param {number | null | undefined} most
 * @param {(name: string, kind: string) => TypeError} wrong makes the error of a wrong option
 * @throws {TypeError}
 */
function bound(name, most, wrong) {
  if (!isGiven(most) || most === Infinity) return NaN;
  if (!Number.isSafeInteger(most) || most < 1) {
    throw wrong(name, 'a positive integer');
  }
  return most;
}

/**
 * Returns how many sessions a user may have, Infinity for no bound; undefined without the option `user`.
 *
 * @param {import('../types').UserOptions} options that store/users.js has checked
 */
function maxOfUser({ user, maxSessions }) {
  return isGiven(user) ? maxSessions ?? Infinity : undefined;
}

/**
 * Returns the value of the option `checkPeriod` in ms, 0 for no pruning.
 *
 * @param {number | false | null | undefined} ms
 * @param {(name: string, kind: string) => TypeError} wrong makes the error of a wrong option
 * @throws {TypeError}
 */
function period(ms, wrong) {
  if (!isGiven(ms)) return CHECK_PERIOD;
  if (ms === false || ms === 0) return 0;
  if (!Number.isFinite(ms) || ms < 0 || ms > LONGEST_PERIOD) {
    throw wrong('checkPeriod', `false or a number of milliseconds up to ${LONGEST_PERIOD}`);
  }
  return ms;
}
