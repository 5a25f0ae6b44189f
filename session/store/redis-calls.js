'use strict';

/** @import { Callback } from '../types' */
/** @import { Client, Deliver } from './redis-client' */
/** @import { Users } from './users' */

const { META } = require('../request/times');
const { callStore, storeCallback } = require('./call');
const { CHANGES, UnknownForm, WRITES, callTelling, evaluate, formOf, isCluster, replyTo, watched } = require('./redis-client');
const { UNCHANGED } = require('./redis-script');
const { UserSets, UserSetsInCluster, isSet } = require('./redis-users');
const isSameSession = require('./same-session');

/**
 * The parts of a RedisStore of connect-redis, 6 to 10, that are used here.
 *
 * @typedef {object} RedisStore
 * @property {Client} client
 * @property {boolean} [disableTTL]
 * @property {(client: Client) => Client} [normalizeClient] hides the client behind an adapter; in
 *   connect-redis 7 and 8
 * @property {string} [prefix]
 * @property {any} [ttl] in seconds, or a function
 * @property {{ stringify: (session: object) => any }} [serializer]
 * @property {(sid: string, session: object, callback?: Callback) => any} set
 * @property {(callback: Callback) => any} [all] gives sessions, with their ids
 */

/** The methods of a store that know of the sets of the users, with the option `user`. */
const REPLACED = ['set', 'touch', 'destroy', 'clear', 'ids', 'length'];

/**
 * The calls of a store of connect-redis, in which another client takes the place of its own one: it
 * gives what the store sends a condition, or sends a script in its place.
 */
class RedisCalls {
  /**
   * @param {RedisStore} store
   * @param {Client | undefined} client of a store that hides its client
   * @param {InstanceType<typeof Users> | undefined} users undefined if the store does not know whose its
   *   sessions are
   * @throws {TypeError} for an unknown client
   */
  constructor(store, client, users) {
    this.store = store;
    this.hiddenClient = typeof store.normalizeClient === 'function' ? /** @type {Client} */ (client) : undefined;
    this.users = users;
    /**
     * The methods of the store that others replace, with the option `user`.
     * @type {Map<string | symbol, any>}
     */
    this.own = new Map(users && REPLACED.map((name) => [name, /** @type {any} */ (store)[name]]));
    // Throws for an unknown client. `normalizeClient` guesses the kind of its client; the trial with
    // a `set` that is not sent throws if the guess is wrong.
    const trial = this.clientThat((_client, _name, args, form) => form.withXX(args));
    if (this.hiddenClient) trial.set('', '', store.disableTTL ? undefined : 1);
  }

  /** Returns the client that the store has now. */
  client() {
    return this.hiddenClient ?? this.store.client;
  }

  /**
   * Returns a client for one call of a method of the store. It is made for each call, because a program
   * may give its store another client after a lost connection.
   *
   * @param {Deliver} deliver
   */
  clientThat(deliver) {
    const client = watched(this.client(), deliver);
    return this.hiddenClient ? /** @type {Required<RedisStore>} */ (this.store).normalizeClient(client) : client;
  }

  /**
   * Calls a method of the store, whose client `deliver` calls. Its promise is rejected if the store
   * fails.
   *
   * @param {string} method
   * @param {any[]} args
   * @param {Deliver} deliver
   * @param {boolean} [mustWrite] whether it is an error if the store does not write by that client
   * @returns {Promise<any>} what the store answers
   */
  async by(method, args, deliver, mustWrite = true) {
    let wasDelivered = false;
    const ownClient = this.clientThat((target, name, given, form) => {
      if (WRITES.has(name)) wasDelivered = true;
      return deliver(target, name, given, form);
    });
    // The store sees itself with this client, and is the same otherwise.
    const self = new Proxy(this.store, {
      get: (target, name, receiver) => (name === 'client' ? ownClient : this.own.get(name) || Reflect.get(target, name, receiver)),
    });
    const result = await new Promise((resolve, reject) => {
      const callback = storeCallback(undefined, (error, value) => (error ? reject(error) : resolve(value)));
      callStore(callback, self, method, ...args);
    });
    if (mustWrite && !wasDelivered) throw new Bypassed();
    return result;
  }

  /**
   * Returns the sets of the users in a client's Redis.
   *
   * @param {Client} target
   */
  setsIn(target) {
    const form = formOf(target);
    const Sets = isCluster(target) ? UserSetsInCluster : UserSets;
    return new Sets(/** @type {InstanceType<typeof Users>} */ (this.users), (script, keys, args) => evaluate(target, form, script, keys, args), `${this.store.prefix}`);
  }

  /**
   * Returns how a change that the store makes is sent by a script, which notes it in the sets of the users.
   *
   * @param {string} user of the session, empty for nobody
   * @param {boolean} [ifPresent] whether `set` stores only a session that is still there
   * @param {(isStored: boolean) => void} [tell] is told the outcome of `set`
   * @returns {Deliver}
   */
  noting(user, ifPresent = false, tell = undefined) {
    return (target, name, args, form) => {
      if (!CHANGES.has(name)) return target[name](...args);
      const words = form.words(name, ifPresent && name === 'set' ? form.withXX(args) : args);
      const sets = this.setsIn(target);
      if (name === 'del') return replyTo(args, deleteAll(sets, words));
      const [key, ...more] = words;
      const command = name === 'set' ? 'SET' : 'EXPIRE';
      const changed = sets.change({ command, key, user, words: more }).then(([told]) => {
        if (command === 'EXPIRE') return told;
        if (tell) tell(told === 1);
        return told === 1 ? 'OK' : null;
      });
      return replyTo(args, changed);
    };
  }

  /**
   * Returns a session as it is to be stored, and its user, who is empty for nobody.
   *
   * @param {any} session
   * @returns {[session: object, user: string]}
   */
  stamped(session) {
    const { users } = this;
    if (!users) return [session, ''];
    const stored = users.stamped(session);
    return [stored, Object(stored[META]).user || ''];
  }

  /**
   * Stores a session, and notes it in the sets of the users.
   *
   * @param {string} sid
   * @param {object} session
   * @param {boolean} ifPresent
   * @returns {Promise<boolean>} whether the session was stored; false also if it was over
   */
  async setNoting(sid, session, ifPresent) {
    const [stored, user] = this.stamped(session);
    let isStored = false;
    await this.by('set', [sid, stored], this.noting(user, ifPresent, (told) => { isStored = told; }));
    return isStored;
  }

  /**
   * Stores a session if Redis still has one under its id.
   *
   * @param {string} sid
   * @param {object} session
   * @returns {Promise<boolean>} whether the session was stored; false also if it was over
   */
  async setIfPresent(sid, session) {
    if (this.users) return this.setNoting(sid, session, true);
    let isStored = false;
    await this.by('set', [sid, session], (target, name, args, form) => (name === 'set'
      ? callTelling(target, name, form.withXX(args), (reply) => { isStored = reply !== null; })
      : target[name](...args)));
    return isStored;
  }

  /**
   * Stores a session if Redis still has the one that was loaded.
   *
   * @param {string} sid
   * @param {object} session
   * @param {object} loaded the session as the request has got it
   * @returns {Promise<boolean>}
   */
  async setIfUnchanged(sid, session, loaded) {
    if (Object(loaded) !== loaded) throw new TypeError('setIfUnchanged needs the session as it was loaded');
    const text = /** @type {Required<RedisStore>} */ (this.store).serializer.stringify(loaded);
    const [data, user] = this.stamped(session);
    let isStored = false;
    await this.by('set', [sid, data], (target, name, args, form) => {
      if (!WRITES.has(name)) return target[name](...args);
      const [key, ...words] = form.words(name, args);
      // The script knows a deletion by there being nothing else.
      if (name === 'del' && words.length > 0) throw new UnknownForm(name, '(key)');
      /**
       * @param {any} expected the text of the data that Redis must have
       * @returns {Promise<any[]>}
       */
      const send = (expected) => (this.users
        ? this.setsIn(target).change({ ...name === 'set' ? { command: 'SET', user } : { command: 'DEL', user: '' }, key, loaded: expected, words })
        : evaluate(target, form, UNCHANGED, [key], [expected, ...words]));
      const settle = async () => {
        const first = await send(text);
        const stored = first[1] === null ? undefined : first[1];
        // Another program may have written the same data in another way, for example with spaces.
        const isSame = stored !== undefined && isSameSession(`${stored}`, `${text}`);
        const [told] = isSame ? await send(stored) : first;
        isStored = Number(told) === 1;
        return 'OK';
      };
      return replyTo(args, settle());
    });
    return isStored;
  }

  /**
   * Calls a method of the store that lists its sessions.
   *
   * @param {Function} method
   * @returns {Promise<any[]>} what the store answers
   */
  listBy(method) {
    return new Promise((resolve, reject) => {
      const answered = storeCallback(undefined, (error, list) => (error ? reject(error) : resolve(list)));
      callStore(answered, { list: (/** @type {Callback} */ done) => method.call(this.store, done) }, 'list');
    });
  }

  /**
   * Returns the key of a session, as the store asks its client for it.
   *
   * @param {string} sid
   * @returns {Promise<string>}
   */
  async keyOf(sid) {
    let key;
    await this.by('get', [sid], (_target, name, args) => {
      if (name === 'get') [key] = args.flat();
      return replyTo(args, Promise.resolve(null));
    }, false);
    if (key === undefined) throw new Bypassed();
    return key;
  }
}

module.exports = RedisCalls;

/**
 * Deletes records, a thousand at once, except the sets of the users: they lose what is deleted.
 *
 * @param {InstanceType<typeof UserSets>} sets
 * @param {any[]} keys
 * @returns {Promise<number>} how many there were
 */
async function deleteAll(sets, keys) {
  const records = keys.filter((key) => !isSet(key));
  let deleted = 0;
  for (let i = 0; i < records.length; i += 1000) {
    const answers = await Promise.all(records.slice(i, i + 1000).map((key) => sets.change({ command: 'DEL', key, user: '' })));
    for (const [told] of answers) deleted += told;
  }
  return deleted;
}

/** The error of a store that reports success but has not called the client that it was given. */
class Bypassed extends Error {
  constructor() {
    super('keepLoggedOut: the store did not use its own client, so its write had no condition');
  }
}
