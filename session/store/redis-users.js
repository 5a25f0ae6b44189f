'use strict';

/** @import { Listed, SessionData } from '../types' */
/** @import { Script } from './redis-script' */
/** @import { UserIndex } from './user-methods' */

const { META, parsedOthers, readMeta } = require('../request/times');
const { CHANGE_ON_SERVER, LIST_ON_SERVER, CHANGE_IN_CLUSTER, READ_IN_CLUSTER, SET_IN_CLUSTER } = require('./redis-users-script');

/** What the keys of all users' sets begin with. */
const SETS = 'express-session-rs:users:';

/** How long an entry without a session is left alone in a cluster, in ms: its session may be stored just now. */
const GRACE = 1000;

/**
 * Runs a script of Redis with keys and arguments.
 *
 * @typedef {(script: Script, keys: any[], args: any[]) => Promise<any[]>} Run
 */

/**
 * A change of a record.
 *
 * @typedef {object} Change
 * @property {'SET' | 'EXPIRE' | 'DEL'} command
 * @property {any} key
 * @property {string} user of the session that `SET` stores, and that `EXPIRE` was called with; `DEL`
 *   deletes only a session of that user; empty for nobody, or for anybody's
 * @property {any} [loaded] the text that must be stored
 * @property {any[]} [words] of the command
 */

/**
 * An entry of a user's set.
 *
 * @typedef {object} Entry
 * @property {string} key of the session
 * @property {number} expires in ms since the epoch, Infinity for never
 * @property {any} text the record
 */

/**
 * Who has which sessions, on a single server. Each method is one round trip.
 */
class UserSets {
  /**
   * @param {InstanceType<typeof import('./users').Users>} users
   * @param {Run} run
   * @param {string} prefix of the store
   */
  constructor(users, run, prefix) {
    this.users = users;
    this.run = run;
    // Without its length, two prefixes could give two users the same key.
    this.begin = `${SETS}${prefix.length}:${prefix}:`;
  }

  /**
   * Makes a change, and notes it in the sets of the users.
   *
   * @param {Change} change
   * @returns {Promise<[told: number, text: any]>} what the command says, 0 if it was not to be done, and
   *   the stored text if that is not what was loaded
   */
  async change({ command, key, user, loaded = '', words = [] }) {
    const most = this.users.maxSessions ?? '';
    const [told, text] = await this.run(CHANGE_ON_SERVER, [key, this.begin], [command, user, loaded, this.begin, most, ...words]);
    return [Number(told), text];
  }

  /**
   * Returns the sessions of a user.
   *
   * @param {string} user
   * @returns {Promise<Entry[]>}
   */
  async list(user) {
    const set = this.begin + user;
    const list = await this.run(LIST_ON_SERVER, [set], [user, set]);
    return groupsOf(3, list).map(([key, expires, text]) => ({ key: `${key}`, expires: scoreOf(expires), text }));
  }
}

/**
 * The same in a cluster, where the set of a user and a session are in different places, and two
 * steps can be cut off from each other.
 *
 * - A session is put into the set first, and stored then.
 * - Who has made a session one of the user, which it was not before, puts it in once more. So whoever
 *   has taken it out between the two steps does no harm.
 * - Who takes a session out looks for it behind that, and puts it in again if it is one of the user.
 * - Who finds an entry without a session leaves it alone for a second, and takes it out then.
 *
 * If a process dies between the steps, an entry without a session remains.
 */
class UserSetsInCluster extends UserSets {
  /**
   * @override
   * @param {Change} change
   * @returns {Promise<[told: number, text: any]>}
   */
  async change({ command, key, user, loaded = '', words = [] }) {
    const ms = command === 'EXPIRE' ? lifetimeOf(['EX', ...words]) : lifetimeOf(words.slice(1));
    const entered = command === 'DEL' ? '' : user;
    if (entered !== '') await this.enter(entered, key, ms);
    const [told, text, ...more] = await this.run(CHANGE_IN_CLUSTER, [key], [command, user, loaded, '', '', ...words]);
    const [before, after, isMore] = more.map(String);
    if (Number(told) !== 0 && after !== '' && (after !== before || after !== entered)) await this.enter(after, key, ms);
    const others = new Set([entered, before].filter((name) => name !== '' && name !== after));
    await Promise.all([...others].map((name) => this.takeOut(name, key)));
    if (user !== '' && isMore === '1') await this.endOldest(user, key);
    return [Number(told), text];
  }

  /**
   * @override
   * @param {string} user
   * @returns {Promise<Entry[]>}
   */
  async list(user) {
    return (await this.read(user)).map(([key, expires, { text }]) => ({ key, expires, text }));
  }

  /**
   * Reads the sessions of a user.
   *
   * @param {string} user
   */
  async read(user) {
    const entries = groupsOf(2, await this.run(SET_IN_CLUSTER, [this.begin + user], []));
    const found = await Promise.all(entries.map(async ([key, expires]) => /** @type {const} */ ([`${key}`, scoreOf(expires), await this.look(key)])));
    return found.filter(([key, , record]) => {
      if (record.user !== user) this.takeOutLater(user, key);
      return record.user === user;
    });
  }

  /**
   * Reads a record.
   *
   * @param {string} key
   */
  async look(key) {
    const [text, user, created, left] = await this.run(READ_IN_CLUSTER, [key], []);
    return { text, user: `${user}`, created: `${created}` === '' ? Date.now() : Number(created), left: Number(left) };
  }

  /**
   * @param {string} user
   * @param {string} key
   * @param {number} left in ms, less than 0 for ever
   */
  async enter(user, key, left) {
    await this.run(SET_IN_CLUSTER, [this.begin + user], [key, left]);
  }

  /**
   * @param {string} user
   * @param {string} key of a session that is not one of the user
   */
  async takeOut(user, key) {
    await this.run(SET_IN_CLUSTER, [this.begin + user], [key]);
    const record = await this.look(key);
    if (record.user === user) await this.enter(user, key, record.left);
  }

  /**
   * Takes an entry out if it still has no session in a second. Nobody waits for that: whoever reads the
   * set next finds what is left of it.
   *
   * @param {string} user
   * @param {string} key
   */
  takeOutLater(user, key) {
    const takeOut = async () => {
      if ((await this.look(key)).user !== user) await this.takeOut(user, key);
    };
    setTimeout(() => { takeOut().catch(() => {}); }, GRACE).unref();
  }

  /**
   * Ends the oldest sessions of a user who has got one more than he may have.
   *
   * @param {string} user
   * @param {string} key of the new session
   */
  async endOldest(user, key) {
    const { maxSessions: most = Infinity } = this.users;
    if (most === Infinity) return;
    const others = (await this.read(user)).filter(([other]) => other !== key).sort(([, , one], [, , other]) => one.created - other.created);
    const oldest = others.slice(0, Math.max(0, others.length + 1 - most));
    await Promise.all(oldest.map(([other]) => this.change({ command: 'DEL', key: other, user })));
  }
}

/**
 * How the store finds the sessions of a user.
 *
 * @param {object} store
 * @param {() => UserSets} store.sets
 * @param {(key: string) => string} store.sidOf
 * @param {() => any} store.ttl what the store says of the lifetime of sessions without expiry, in seconds
 * @returns {UserIndex}
 */
function userIndex({ sets, sidOf, ttl }) {
  /**
   * @param {Entry} entry
   * @param {number} now
   * @returns {Listed & { stored: string }} with the key in Redis
   */
  function listed({ key, expires, text }, now) {
    const session = parsed(text);
    const meta = readMeta(session, now);
    const { originalMaxAge } = Object(session.cookie);
    const seconds = ttl();
    // A function decides for itself.
    const lifetime = typeof seconds !== 'function' && typeof originalMaxAge === 'number' ? originalMaxAge : seconds * 1000;
    return { key: sidOf(key), stored: key, meta: { ...meta, ...parsedOthers(meta) }, expires: expires === Infinity ? NaN : expires, lifetime };
  }

  return {
    async list(user) {
      const entries = await sets().list(user);
      const now = Date.now();
      return entries.map((entry) => listed(entry, now));
    },

    async end(user, sessions) {
      const current = sets();
      const keys = /** @type {(Listed & { stored: string })[]} */ (sessions).map(({ stored }) => stored);
      const answers = await Promise.all(keys.map((key) => current.change({ command: 'DEL', key, user })));
      return answers.reduce((sum, [told]) => sum + told, 0);
    },
  };
}

/**
 * Checks that the scripts can read what a store writes.
 *
 * @param {{ stringify: (session: object) => any }} serializer
 * @throws {TypeError}
 */
function checkSerializer(serializer) {
  const user = 'user';
  let read;
  try {
    read = JSON.parse(`${serializer.stringify({ cookie: {}, [META]: { created: 1, renewed: 1, seen: 1, user } })}`);
  } catch {
    // It is another format.
  }
  if (Object(Object(read)[META]).user === user) return;
  throw new TypeError('user option needs a serializer of the store that writes the session as JSON, because Redis itself reads whose it is');
}

/**
 * Reads a record as JSON, which it is, and not by the store's serializer, which may refuse a session that must
 * be ended all the same.
 *
 * @param {any} text
 * @returns {SessionData} empty for damaged data
 */
function parsed(text) {
  try {
    return Object(JSON.parse(`${text}`));
  } catch {
    return /** @type {any} */ ({});
  }
}

/** @param {string} key */
function isSet(key) {
  return `${key}`.startsWith(SETS);
}

module.exports = { UserSets, UserSetsInCluster, userIndex, checkSerializer, isSet };

/**
 * @param {number} size
 * @param {any[]} list
 * @returns {any[][]}
 */
function groupsOf(size, list) {
  return Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));
}

/** @param {any} score of a sorted set: a text, or its bytes with some clients */
function scoreOf(score) {
  return `${score}` === 'inf' ? Infinity : Number(score);
}

/** Ms in the unit of each word that gives a key a lifetime, and whether it says the moment of its end. */
const LIFETIMES = Object.entries({ EX: [1000, false], PX: [1, false], EXAT: [1000, true], PXAT: [1, true] });

/**
 * Returns the lifetime that the words of a command give, in ms.
 *
 * @param {any[]} words
 * @returns {number} -1 for a key that does not expire, and for one that keeps a lifetime that the words
 *   do not tell
 */
function lifetimeOf(words) {
  for (const [word, [unit, isMoment]] of LIFETIMES) {
    const place = words.findIndex((each) => `${each}`.toUpperCase() === word);
    if (place >= 0) return Math.max(0, Number(words[place + 1]) * Number(unit) - (isMoment ? Date.now() : 0));
  }
  return -1;
}
