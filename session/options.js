'use strict';

const { MemoryStore, existingEngine } = require('./store/memory-store');
const check = require('./cookie/check');
const native = require('./native/load');
const { CookieWriter } = require('./cookie/serialize');

/** The longest that Node.js's timers can wait. */
const LONGEST_MS = 2 ** 31 - 1;

// Read once, as programs set it before they load anything.
const isProduction = process.env.NODE_ENV === 'production';

/**
 * The options of `session()`, checked, with defaults in place.
 *
 * @param {object} [options] as the caller gave them
 * @param {(message: string) => void} deprecate made where the program calls, so that
 *   a warning names the program's line
 * @throws {TypeError} naming the option that is wrong
 */
function checked(options, deprecate) {
  const given = options || {};
  const generateId = given.genid || native.sessionId;
  if (typeof generateId !== 'function') {
    throw new TypeError('genid option must be a function');
  }

  let { resave, saveUninitialized } = given;
  // Each from a line of its own: depd tells a line once.
  if (resave === undefined) {
    deprecate('undefined resave option; provide resave option');
    resave = true;
  }
  if (saveUninitialized === undefined) {
    deprecate('undefined saveUninitialized option; provide saveUninitialized option');
    saveUninitialized = true;
  }

  if (given.unset && given.unset !== 'destroy' && given.unset !== 'keep') {
    throw new TypeError('unset option must be "destroy" or "keep"');
  }

  const secrets = secretsOf(given.secret);
  if (!secrets) deprecate('req.secret; provide secret option');

  const { storeTimeout } = given;
  if (storeTimeout !== undefined && !isDelay(storeTimeout)) {
    throw new TypeError(`storeTimeout option must be a number of milliseconds from 1 to ${LONGEST_MS}`);
  }

  const { clearCookie = false } = given;
  if (typeof clearCookie !== 'boolean') throw new TypeError('clearCookie option must be a boolean');

  // A text once and for all: what it is converted to must not change between two uses.
  const name = `${given.name || given.key || 'connect.sid'}`;
  const cookie = given.cookie || {};
  check(name, cookie);

  const store = given.store || new MemoryStore();
  // What never changes between requests, as the engine wants it.
  const facts = (saveUninitialized ? native.SAVE_UNINITIALIZED : 0) |
    (given.rolling ? native.ROLLING : 0) |
    (given.unset === 'destroy' ? native.UNSET_DESTROY : 0) |
    (typeof store.touch === 'function' ? native.STORE_TOUCHES : 0);

  const settings = {
    cookie,
    generateId,
    name,
    proxy: given.proxy,
    resave,
    secrets,
    store,
    storeTimeout,
    clearCookie,
    facts,
    deprecate,
    cookieWriter: new CookieWriter(name),
    /** Whether a new session may be made later than when its request comes. */
    canDelay: generateId === native.sessionId && typeof cookie !== 'function',
    /** `store.generate`, as the middleware sets it. */
    generate: undefined,
    /** The backend of a store of ours, as the middleware sets it. */
    resident: undefined,
  };

  if (isProduction && store instanceof MemoryStore && !existingEngine(store)?.isBounded && !cookie.maxAge && !cookie.expires) {
    console.warn(
      'Warning: the session MemoryStore has no limit, and its sessions never expire. ' +
      'Set cookie.maxAge, or the store\'s option ttl, max or maxBytes.',
    );
  }
  return settings;
}

module.exports = checked;

function isDelay(ms) {
  return typeof ms === 'number' && ms >= 1 && ms <= LONGEST_MS;
}

/** The array of secrets, itself if the caller gave one; undefined without any. */
function secretsOf(secret) {
  if (Array.isArray(secret)) {
    if (secret.length === 0) {
      throw new TypeError('secret option array must contain one or more strings');
    }
    return secret;
  }
  return secret ? [secret] : undefined;
}
