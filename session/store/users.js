'use strict';

/** @import { Times } from '../request/times' */
/** @import { DescribeResult, Listed, Request, Session as SessionShape, SessionData, Store, UserOptions, UserSession } from '../types' */

const { createHash } = require('node:crypto');
const { isPromise } = require('node:util').types;
const { isPointer } = require('../request/pointer');
const { readMeta, withMeta, withOthers } = require('../request/times');

/** The most characters of a user, and of each text that `describe` gives. */
const LONGEST_USER = 255;
const LONGEST_TEXT = 255;

/** What an error says of a store that cannot tell whose its sessions are. */
const STORES_WITH_USERS = 'the stores that have the option user are MemoryStore, DiskStore, those of connect-redis ' +
  'with express-session-rs/redis, and those of connect-pg-simple with express-session-rs/postgres';

/** What a database cannot keep as text: a half of a surrogate pair, and the character 0. */
const UNKEEPABLE = /[\p{Surrogate}\0]/u;

/**
 * The property of a store with its `Users`. A Proxy of the store has it, too.
 * @type {unique symbol}
 */
const USERS = Symbol('users');

/**
 * Whose the sessions of a store are: the options `user`, `describe` and `maxSessions`.
 *
 * The store writes the user into `_meta` of each session, so that its database finds the sessions of
 * a user in what it stores.
 */
class Users {
  /**
   * Checks the options of a store.
   *
   * @param {UserOptions} options
   * @returns {Users | undefined} undefined without the option `user`
   * @throws {TypeError} naming the option that is wrong
   */
  static of({ user, describe, maxSessions }) {
    if (isGiven(user) && typeof user !== 'function') throw new TypeError('user option must be a function of a session');
    if (isGiven(describe) && typeof describe !== 'function') throw new TypeError('describe option must be a function of a request');
    if (isGiven(maxSessions) && !(Number.isSafeInteger(maxSessions) && maxSessions >= 1)) {
      throw new TypeError('maxSessions option must be a positive integer');
    }
    if (isGiven(user)) return new Users(user, describe ?? undefined, maxSessions ?? undefined);
    const needless = isGiven(describe) ? 'describe' : 'maxSessions';
    if (isGiven(describe) || isGiven(maxSessions)) {
      throw new TypeError(`${needless} option needs the option user, which says whose a session is`);
    }
    return undefined;
  }

  /**
   * @param {NonNullable<UserOptions['user']>} user
   * @param {NonNullable<UserOptions['describe']> | undefined} describe
   * @param {number | undefined} maxSessions
   */
  constructor(user, describe, maxSessions) {
    this.user = user;
    this.describe = describe;
    this.maxSessions = maxSessions;
    /**
     * When sessions end, in ms, as those `session()` say that use the store; undefined for never.
     * @type {Pick<InstanceType<typeof Times>, 'idleTimeout' | 'absoluteTimeout'> | undefined}
     */
    this.times = undefined;
  }

  /**
   * Notes when sessions end, as a `session()` says that uses the store. Where another one says otherwise, a
   * session lives as long as one of them lets it.
   *
   * @param {InstanceType<typeof Times>} times
   */
  noteTimes({ idleTimeout, absoluteTimeout }) {
    const known = this.times ?? { idleTimeout, absoluteTimeout };
    this.times = { idleTimeout: Math.max(known.idleTimeout, idleTimeout), absoluteTimeout: Math.max(known.absoluteTimeout, absoluteTimeout) };
  }

  /**
   * Whether a session has ended that the store may have still.
   *
   * @param {UserSession} session
   * @param {number} now
   */
  hasEnded({ created, lastSeen }, now) {
    return this.times !== undefined && (now - lastSeen >= this.times.idleTimeout || now - created >= this.times.absoluteTimeout);
  }

  /**
   * Returns whose a session is.
   *
   * @param {SessionData} session
   * @returns {string | undefined} undefined if nobody is logged in
   * @throws what the function `user` throws, and a TypeError if it returns anything but a user
   */
  userOf(session) {
    const user = called('user', this.user, session);
    if (user === undefined || user === null) return undefined;
    if (!isUser(user)) throw wrongUser('the option user must return undefined, or');
    return user;
  }

  /**
   * Returns what is stored of the browser that sends a request.
   *
   * @param {Request} req
   * @returns {{ ip?: string, agent?: string }}
   * @throws what the function `describe` throws, and a TypeError if it returns anything else
   */
  described(req) {
    const { describe } = this;
    if (describe === undefined) return {};
    const { ip, userAgent } = /** @type {DescribeResult} */ (Object(called('describe', describe, req)));
    return { ...text('ip', 'ip', ip), ...text('agent', 'userAgent', userAgent) };
  }

  /**
   * Returns a session as the store gets it: its `_meta` says whose it is. The record that leads from
   * an old id of a session to the new one is nobody's.
   *
   * @param {SessionData} session
   * @returns {SessionData} the same object, or a copy: always one of a plain object, which may be data of
   *   the program
   * @throws as `userOf`
   */
  stamped(session) {
    if (isPointer(session)) return session;
    const user = this.userOf(session);
    const meta = withOthers(readMeta(session, Date.now()), { user });
    const isPlain = Object.getPrototypeOf(session) === Object.prototype;
    return withMeta(/** @type {SessionShape} */ (isPlain ? { ...session } : session), meta);
  }
}

/**
 * Gives a store its users, if its options say whose the sessions are.
 *
 * @param {Store} store
 * @param {UserOptions} options
 * @throws {TypeError} naming the option that is wrong
 */
function defineUsers(store, options) {
  const users = Users.of(options);
  if (users !== undefined) Object.defineProperty(store, USERS, { value: users, configurable: true });
}

/**
 * Returns the users of a store, undefined without the option `user`.
 *
 * @param {Store} store
 * @returns {Users | undefined}
 */
function usersOf(store) {
  return /** @type {any} */ (store)[USERS];
}

/**
 * Checks the user that a program asks for.
 *
 * @param {unknown} user
 * @returns {string}
 * @throws {TypeError}
 */
function checkedUser(user) {
  if (!isUser(user)) throw wrongUser('the user must be');
  return user;
}

/**
 * Returns the name by which a page can speak of a session. It tells nothing of the session's id.
 *
 * @param {string} key of the session in the store
 */
function handleOf(key) {
  return createHash('sha256').update(`handle:${key}`).digest('base64url');
}

/**
 * Returns what `sessionsOf` says of a session.
 *
 * @param {Listed} listed
 * @param {string | undefined} current the key of the session that asks
 * @param {number} now ms since the epoch
 * @returns {UserSession}
 */
function userSession({ key, meta, expires, lifetime }, current, now) {
  const { created, seen, ip, agent } = meta;
  // A touch moves the expiry alone.
  const touched = Math.min(expires - lifetime, now);
  // A session whose new id no request has brought yet counts as seen before it got that.
  const noted = Math.max(seen, created);
  return {
    handle: handleOf(key),
    created,
    lastSeen: touched > noted ? touched : noted,
    current: key === current,
    ...(ip !== undefined && { ip }),
    ...(agent !== undefined && { userAgent: agent }),
  };
}

module.exports = { STORES_WITH_USERS, Users, defineUsers, usersOf, checkedUser, handleOf, userSession };

/**
 * @template T
 * @param {T} value
 * @returns {value is NonNullable<T>}
 */
function isGiven(value) {
  return value !== undefined && value !== null;
}

/**
 * @param {unknown} user
 * @returns {user is string}
 */
function isUser(user) {
  return typeof user === 'string' && user !== '' && user.length <= LONGEST_USER && !UNKEEPABLE.test(user);
}

/**
 * Calls a function of the program.
 *
 * @template A, R
 * @param {string} name of the option
 * @param {(argument: A) => R} call
 * @param {A} argument
 * @returns {R}
 * @throws what it throws, or an Error for a value that a callback takes for no error; a TypeError if it
 *   returns a promise
 */
function called(name, call, argument) {
  let result;
  try {
    result = call(argument);
  } catch (error) {
    throw error || new Error(`${name} option failed and gave no error`);
  }
  if (!isPromise(result)) return result;
  // The TypeError is reported. A rejection that nobody handles would end the process as well.
  result.catch(() => {});
  throw new TypeError(`${name} option must return its value, not a promise`);
}

/** @param {string} what */
function wrongUser(what) {
  return new TypeError(`${what} a text of 1 to ${LONGEST_USER} characters without the character 0`);
}

/**
 * @param {string} key of `_meta`
 * @param {string} name of the value that `describe` has returned
 * @param {unknown} value
 * @returns {Record<string, string>} empty without a value
 * @throws {TypeError}
 */
function text(key, name, value) {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string') throw new TypeError(`${name} of the option describe must be a string`);
  return { [key]: value.slice(0, LONGEST_TEXT).replace(/[\p{Surrogate}\0]/gu, '\uFFFD') };
}
