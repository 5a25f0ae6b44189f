'use strict';

/** @import { CipherKey } from 'node:crypto' */
/** @import { Options, Settings } from './types' */

const { isAsyncFunction } = require('node:util').types;
const { existingEngine, hasEngineClass } = require('./store/engine-of');
const { hashedIds, noteNewId } = require('./store/hashed-ids');
const MemoryStore = require('./store/memory-store');
const check = require('./cookie/check');
const { problemsOf, warnOfProblems } = require('./cookie/problems');
const native = require('./native/load');
const { later } = require('./request/merge');
const { META, Times } = require('./request/times');
const { Touches } = require('./request/touches');
const { STORES_WITH_USERS, usersOf } = require('./store/users');
const { CookieWriter } = require('./cookie/serialize');

/** The bytes that `commit: 'headers'` keeps at most, unless the option `commitBuffer` says otherwise. */
const COMMIT_BUFFER = 2 ** 20;

/** For how long, in ms, an old id leads to its session, unless the option `renewGrace` says otherwise. */
const RENEW_GRACE = 60_000;

/** The longest time, in ms, for which Node.js's timers can wait. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * The header Cache-Control that each value of the option `cacheControl` stands for (RFC 9111
 * sections 5.2.2.4, 5.2.2.5 and 5.2.2.7).
 */
const CACHE_CONTROLS = new Map([['private', 'private, no-cache="Set-Cookie"'], ['no-store', 'no-store']]);

/**
 * Options of a store that tell whose its sessions are, by the type of their values. Another value is
 * something of the program's own, which express-session ignores.
 */
const OF_STORES = Object.entries({ user: 'function', describe: 'function', maxSessions: 'number' });

// This is read when the package is loaded: programs set NODE_ENV before that.
const isProduction = process.env.NODE_ENV === 'production';

/**
 * Checks the options of `session()` and fills in the defaults.
 *
 * @param {Options | undefined} options
 * @param {(message: string) => void} deprecate made in middleware.js: depd blames the caller of
 *   the file in which the function was made, here the program's line
 * @returns {Settings}
 * @throws {TypeError} that names the wrong option
 */
function checked(options, deprecate) {
  /** @type {Options} */
  const given = options || {};
  const generateId = given.genid || native.sessionId;
  if (typeof generateId !== 'function') {
    throw new TypeError('genid option must be a function');
  }

  let { resave, saveUninitialized } = given;
  // Two calls on two lines: depd prints one warning for each line that calls it.
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

  const { touchAfter } = given;
  if (touchAfter !== undefined) checkTouchAfter(touchAfter, given.cookie);

  const { clearCookie = false } = given;
  if (typeof clearCookie !== 'boolean') throw new TypeError('clearCookie option must be a boolean');

  const { commit = 'end', commitBuffer } = given;
  if (commit !== 'end' && commit !== 'headers') throw new TypeError('commit option must be "end" or "headers"');
  if (commitBuffer !== undefined && commit !== 'headers') {
    throw new TypeError('commitBuffer option needs commit: "headers"');
  }
  if (commitBuffer !== undefined && !(Number.isSafeInteger(commitBuffer) && commitBuffer >= 0)) {
    throw new TypeError('commitBuffer option must be a number of bytes');
  }
  const { skip } = given;
  if (skip !== undefined && typeof skip !== 'function') throw new TypeError('skip option must be a function');
  // A promise is a true value: each request would be skipped.
  if (isAsyncFunction(skip)) throw new TypeError('skip option must return a boolean, not a promise');

  const { resign = false } = given;
  if (typeof resign !== 'boolean') throw new TypeError('resign option must be a boolean');

  const { merge = false } = given;
  if (typeof merge !== 'boolean' && typeof merge !== 'function') throw new TypeError('merge option must be a boolean or a function');
  // A promise would be stored as an empty object.
  if (isAsyncFunction(merge)) throw new TypeError('merge option must return a value, not a promise');

  const { idleTimeout, absoluteTimeout, renewAfter, renewGrace = RENEW_GRACE } = given;
  checkTimes({ idleTimeout, absoluteTimeout, renewAfter, renewGrace });
  if (renewAfter === undefined && given.renewGrace !== undefined) throw new TypeError('renewGrace option needs renewAfter');
  if (renewAfter !== undefined && renewGrace >= renewAfter) {
    throw new TypeError(`renewGrace option must be less than renewAfter; its default is ${RENEW_GRACE}`);
  }
  if (touchAfter !== undefined && idleTimeout !== undefined && touchAfter > idleTimeout / 2) {
    throw new TypeError('touchAfter option must be at most half of idleTimeout');
  }

  const { cacheControl } = given;
  if (cacheControl !== undefined && !CACHE_CONTROLS.has(cacheControl)) {
    throw new TypeError('cacheControl option must be "private" or "no-store"');
  }

  // The name is converted to a string here and only here, because the `toString` of an object
  // could return another string at the next use.
  const name = `${given.name || given.key || 'connect.sid'}`;
  const cookie = given.cookie || {};
  const header = check(name, cookie);
  const { strictCookies = false } = given;
  if (typeof strictCookies !== 'boolean') throw new TypeError('strictCookies option must be a boolean');
  if (header !== undefined) {
    const [problem] = strictCookies ? problemsOf(header) : [];
    if (problem) throw new TypeError(`strictCookies option: ${problem[1]}`);
    warnOfProblems(header);
  }

  for (const [name, type] of OF_STORES) {
    if (typeof (/** @type {any} */ (given)[name]) === type) throw new TypeError(`${name} is an option of the store, and not of session(); ${STORES_WITH_USERS}`);
  }
  const { hashIds = false } = given;
  if (typeof hashIds !== 'boolean') throw new TypeError('hashIds option must be a boolean');
  const ownStore = given.store || new MemoryStore();
  const store = hashIds ? hashedIds(ownStore) : ownStore;
  const users = usersOf(store);
  const times = users === undefined && [idleTimeout, absoluteTimeout, renewAfter].every((time) => time === undefined)
    ? undefined
    : new Times({ idleTimeout, absoluteTimeout, touchAfter, renewAfter, renewGrace, hasUsers: users !== undefined }, hasEngineClass(store));
  if (times !== undefined) users?.noteTimes(times);
  // The facts that are the same for each request (core/src/state.rs).
  const facts = (saveUninitialized ? native.SAVE_UNINITIALIZED : 0) |
    (given.rolling ? native.ROLLING : 0) |
    (given.unset === 'destroy' ? native.UNSET_DESTROY : 0) |
    (typeof store.touch === 'function' ? native.STORE_TOUCHES : 0);

  if (isProduction && store instanceof MemoryStore && !existingEngine(store)?.isBounded && !hasExpiry(cookie)) {
    console.warn(
      'Warning: the session MemoryStore has no limit, and its sessions never expire. ' +
      'Set cookie.maxAge, or the store\'s option ttl, max or maxBytes.',
    );
  }
  return {
    cookie,
    generateId: hashIds ? (req) => noteNewId(req.sessionStore, generateId(req)) : generateId,
    name,
    proxy: given.proxy,
    resave,
    secrets,
    store,
    storeTimeout,
    touchAfter,
    touches: touchAfter === undefined ? undefined : new Touches(store, touchAfter),
    clearCookie,
    commit,
    commitBuffer: commitBuffer ?? COMMIT_BUFFER,
    resign,
    skip,
    merge: merge === true ? later : merge || undefined,
    times,
    users,
    metaKey: merge || times !== undefined ? META : undefined,
    cacheControl: cacheControl && CACHE_CONTROLS.get(cacheControl),
    facts,
    deprecate,
    cookieWriter: new CookieWriter(name),
    // An id or a cookie that a function of the program makes must be made when the request comes.
    canDelay: generateId === native.sessionId && typeof cookie !== 'function',
    // The middleware assigns these two.
    generate: undefined,
    resident: undefined,
  };
}

module.exports = checked;

/**
 * Checks options that are a number of milliseconds, or not given.
 *
 * @param {Record<string, unknown>} times by their names
 * @throws {TypeError} that names the first one that is wrong
 */
function checkTimes(times) {
  for (const [name, ms] of Object.entries(times)) {
    if (ms !== undefined && !(typeof ms === 'number' && ms > 0 && Number.isFinite(ms))) {
      throw new TypeError(`${name} option must be a number of milliseconds greater than 0`);
    }
  }
}

/** @param {unknown} ms */
function isDelay(ms) {
  return typeof ms === 'number' && ms >= 1 && ms <= LONGEST_MS;
}

/**
 * Checks the option `touchAfter`. A session must be touched before its lifetime ends, also if its
 * requests come at the worst moments.
 *
 * @param {unknown} ms
 * @param {Options['cookie']} cookie
 * @throws {TypeError}
 */
function checkTouchAfter(ms, cookie) {
  if (typeof ms !== 'number' || !(ms > 0 && ms < Infinity)) {
    throw new TypeError('touchAfter option must be a positive number of milliseconds');
  }
  const maxAge = typeof cookie === 'object' ? cookie?.maxAge : undefined;
  if (typeof maxAge === 'number' && ms > maxAge / 2) {
    throw new TypeError('touchAfter option must be at most half of cookie.maxAge');
  }
}

/**
 * Returns the array of secrets: the caller's own array if the caller gave one, because programs
 * add keys to it later; undefined if there is no secret.
 *
 * @param {Options['secret']} secret
 * @returns {CipherKey[] | undefined}
 * @throws {TypeError} if the array is empty
 */
function secretsOf(secret) {
  if (Array.isArray(secret)) {
    if (secret.length === 0) {
      throw new TypeError('secret option array must contain one or more strings');
    }
    return secret;
  }
  return secret ? [/** @type {CipherKey} */ (secret)] : undefined;
}

/**
 * Whether the option `cookie` gives cookies an expiry. A function as the option gives none.
 * @param {Record<string, any>} cookie
 */
function hasExpiry(cookie) {
  return Boolean(cookie.maxAge || cookie.expires);
}
