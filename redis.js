'use strict';

require('./session/native/node-version');

const { isPointer } = require('./session/request/pointer');
const { META } = require('./session/request/times');
const { answer, callStore, storeCallback } = require('./session/store/call');
const { WRITES, CHANGES, UnknownForm, watched, formOf, isCluster, evaluate, replyTo } = require('./session/store/redis-client');
const { UNCHANGED } = require('./session/store/redis-script');
const { UserSets, UserSetsInCluster, userIndex, checkSerializer, isSet } = require('./session/store/redis-users');
const isSameSession = require('./session/store/same-session');
const defineUserMethods = require('./session/store/user-methods');
const { STORES_WITH_USERS, Users, defineUsers, usersOf } = require('./session/store/users');

/**
 * @typedef {import('./session/store/redis-client').Client} Client
 * @typedef {import('./session/store/redis-client').Deliver} Deliver
 */

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

/**
 * @typedef {import('./session/types').Callback} Callback
 * @typedef {import('./session/types').UserOptions} UserOptions
 */

/**
 * Adds the optional methods `setIfPresent` and `setIfUnchanged` to a store of connect-redis, 6 to
 * 10. `setIfPresent` uses Redis's `SET … XX`, so a slow request does not store a session again
 * that another request has destroyed. `setIfUnchanged` uses a script of Redis, so it does not
 * overwrite what another request has stored. The store still makes keys, JSON and lifetimes itself.
 * Its method `all` leaves out the records that lead from an old id of a session to the new one (the
 * option `renewAfter`); `ids` and `length` know the keys alone, and count them.
 *
 * If the store writes in a way that cannot carry the condition, nothing is sent, and the callback
 * gets an error.
 *
 * With the option `user` the store knows whose its sessions are, and has the methods `sessionsOf`,
 * `end` and `endAll`. Redis then has a sorted set for each user, which the scripts that write
 * sessions keep: one round trip on a single server, and two in a cluster. The keys of these sets begin
 * with `express-session-rs:users:`.
 *
 * @template {RedisStore} T
 * @param {T} store
 * @param {Client} [client] the Redis client of the store; it is needed with connect-redis
 *   7 and 8, which hide their client
 * @param {UserOptions} [options] They may be the second argument, too.
 * @returns {T} the same store
 * @throws {TypeError} if `store` is not such a store, if its client is missing or of an unknown kind,
 *   or if an option is wrong; with the option `user` also if its serializer writes no JSON, and if
 *   the store was wrapped with that option before
 * @example
 * const keepLoggedOut = require('express-session-rs/redis');
 * app.use(session({ store: keepLoggedOut(new RedisStore({ client })), … }));
 */
function keepLoggedOut(store, client = undefined, options = undefined) {
  if (options === undefined && isOptions(client)) return keepLoggedOut(store, undefined, /** @type {UserOptions} */ (client));
  if (!store || typeof store.set !== 'function' || !FIELDS.every((name) => name in store)) {
    throw new TypeError(`keepLoggedOut needs a RedisStore of connect-redis, 6 to 10${options ? `; ${STORES_WITH_USERS}` : ''}`);
  }
  const isHidden = typeof store.normalizeClient === 'function';
  if (isHidden && !client) {
    throw new TypeError('keepLoggedOut needs the client as its second argument, with connect-redis 7 and 8');
  }
  if (usersOf(/** @type {any} */ (store))) throw new TypeError('keepLoggedOut has wrapped this store already, with the option user');
  const users = Users.of(options || {});
  if (users) checkSerializer(/** @type {Required<RedisStore>} */ (store).serializer);

  /**
   * Returns a client for one call of a method of the store. It is made for each call, because a program
   * may give its store another client after a lost connection.
   *
   * @param {Deliver} deliver
   */
  const clientThat = (deliver) => (isHidden
    ? /** @type {Required<RedisStore>} */ (store).normalizeClient(watched(/** @type {Client} */ (client), deliver))
    : watched(store.client, deliver));

  // Throws for an unknown client. `normalizeClient` guesses the kind of its client; the trial with
  // a `set` that is not sent throws if the guess is wrong.
  const trial = clientThat((_client, _name, args, form) => form.withXX(args));
  if (isHidden) trial.set('', '', store.disableTTL ? undefined : 1);

  /**
   * The methods of the store that others replace here, with the option `user`.
   * @type {Map<string | symbol, any>}
   */
  const own = new Map(users && REPLACED.map((name) => [name, /** @type {any} */ (store)[name]]));

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
  async function by(method, args, deliver, mustWrite = true) {
    let wasDelivered = false;
    const ownClient = clientThat((target, name, given, form) => {
      if (WRITES.has(name)) wasDelivered = true;
      return deliver(target, name, given, form);
    });
    // The store sees itself with this client, and is the same otherwise.
    const self = new Proxy(store, {
      get: (target, name, receiver) => (name === 'client' ? ownClient : own.get(name) || Reflect.get(target, name, receiver)),
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
  function setsIn(target) {
    const form = formOf(target);
    const Sets = isCluster(target) ? UserSetsInCluster : UserSets;
    return new Sets(/** @type {InstanceType<typeof Users>} */ (users), (script, keys, args) => evaluate(target, form, script, keys, args), `${store.prefix}`);
  }

  /**
   * Sends a change that the store makes by a script, which notes it in the sets of the users.
   *
   * @param {string} user of the session, empty for nobody
   * @param {boolean} [ifPresent] whether `set` stores only a session that is still there
   * @param {(isStored: boolean) => void} [tell] is told the outcome of `set`
   * @returns {Deliver}
   */
  const noting = (user, ifPresent = false, tell = undefined) => (target, name, args, form) => {
    if (!CHANGES.has(name)) return target[name](...args);
    const words = form.words(name, ifPresent && name === 'set' ? form.withXX(args) : args);
    const sets = setsIn(target);
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

  /**
   * Returns a session as it is to be stored, and its user, who is empty for nobody.
   *
   * @param {any} session
   * @returns {[session: object, user: string]}
   */
  function stamped(session) {
    if (!users) return [session, ''];
    const stored = users.stamped(session);
    return [stored, Object(stored[META]).user || ''];
  }

  /**
   * @param {string} sid
   * @param {object} session
   * @param {Callback} [callback] gets whether the session was stored, with the option `user`
   */
  function setIfPresent(sid, session, callback) {
    if (users) return answer(setNoting(sid, session, true), callback);
    /** @type {Deliver} */
    const deliver = (target, name, args, form) => target[name](...name === 'set' ? form.withXX(args) : args);
    return answer(by('set', [sid, session], deliver).then(() => undefined), callback);
  }

  /**
   * @param {string} sid
   * @param {object} session
   * @param {boolean} ifPresent
   * @returns {Promise<boolean>} whether the session was stored; false also if it was over
   */
  async function setNoting(sid, session, ifPresent) {
    const [stored, user] = stamped(session);
    let isStored = false;
    await by('set', [sid, stored], noting(user, ifPresent, (told) => { isStored = told; }));
    return isStored;
  }

  /**
   * @param {string} sid
   * @param {object} session
   * @param {object} loaded the session as this request has got it
   * @param {Callback} [callback] gets whether the session was stored
   */
  function setIfUnchanged(sid, session, loaded, callback) {
    return answer(compareAndSet(sid, session, loaded), callback);
  }

  /**
   * @param {string} sid
   * @param {object} session
   * @param {object} loaded
   * @returns {Promise<boolean>}
   */
  async function compareAndSet(sid, session, loaded) {
    if (Object(loaded) !== loaded) throw new TypeError('setIfUnchanged needs the session as it was loaded');
    const text = /** @type {Required<RedisStore>} */ (store).serializer.stringify(loaded);
    const [data, user] = stamped(session);
    let isStored = false;
    await by('set', [sid, data], (target, name, args, form) => {
      if (!WRITES.has(name)) return target[name](...args);
      const [key, ...words] = form.words(name, args);
      // The script knows a deletion by there being nothing else.
      if (name === 'del' && words.length > 0) throw new UnknownForm(name, '(key)');
      /**
       * @param {any} expected the text of the data that Redis must have
       * @returns {Promise<any[]>}
       */
      const send = (expected) => (users
        ? setsIn(target).change({ ...name === 'set' ? { command: 'SET', user } : { command: 'DEL', user: '' }, key, loaded: expected, words })
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
  function listBy(method) {
    return new Promise((resolve, reject) => {
      const answered = storeCallback(undefined, (error, list) => (error ? reject(error) : resolve(list)));
      callStore(answered, { list: (/** @type {Callback} */ done) => method.call(store, done) }, 'list');
    });
  }

  const { all } = store;

  /** @param {Callback} [callback] gets the sessions */
  function allSessions(callback) {
    return answer(listBy(/** @type {Function} */ (all)).then((list) => list.filter(isSession)), callback);
  }

  const clientNow = () => /** @type {Client} */ (isHidden ? client : store.client);

  /**
   * Returns the key of a session, as the store asks its client for it.
   *
   * @param {string} sid
   * @returns {Promise<string>}
   */
  async function keyOf(sid) {
    let key;
    await by('get', [sid], (_target, name, args) => {
      if (name === 'get') [key] = args.flat();
      return replyTo(args, Promise.resolve(null));
    }, false);
    if (key === undefined) throw new Bypassed();
    return key;
  }

  /**
   * The methods that the store has with the option `user`.
   * @type {Record<string, (...args: any[]) => any>}
   */
  const noted = {
    set(sid, session, callback) {
      return settled(setNoting(sid, session, false).then(() => undefined), callback);
    },

    touch(sid, session, callback) {
      const touched = async () => {
        // A single server reads the user from the record.
        const isNeeded = isCluster(clientNow()) && !isPointer(session);
        const user = isNeeded && /** @type {InstanceType<typeof Users>} */ (users).userOf(session);
        return by('touch', [sid, session], noting(user || ''), false);
      };
      return settled(touched(), callback);
    },

    destroy(sid, callback) {
      return settled(by('destroy', [sid], noting('')), callback);
    },

    // In a cluster the store deletes all keys by one command, which takes no keys of several nodes.
    clear(callback) {
      return isCluster(clientNow()) ? own.get('clear').call(store, callback) : settled(by('clear', [], noting(''), false), callback);
    },

    // Without a prefix, the store finds the sets of the users, too.
    ids(callback) {
      const listed = listBy(own.get('ids')).then((ids) => ids.filter((id) => !isSet(store.prefix + id)));
      return settled(listed, callback);
    },

    length(callback) {
      return settled(noted.ids().then((ids) => ids.length), callback);
    },

  };

  defineUsers(/** @type {any} */ (store), options || {});
  for (const [name, value] of Object.entries({ ...typeof all === 'function' && { all: allSessions }, setIfPresent, setIfUnchanged, ...users && noted })) {
    Object.defineProperty(store, name, { configurable: true, writable: true, value });
  }
  if (users) {
    const sidOf = (/** @type {string} */ key) => (key.startsWith(`${store.prefix}`) ? key.slice(`${store.prefix}`.length) : key);
    const index = userIndex({ sets: () => setsIn(clientNow()), sidOf, ttl: () => store.ttl });
    defineUserMethods(/** @type {any} */ (store), { ...index, keyOf: async (sid) => sidOf(await keyOf(sid)) });
  }
  return store;
}

module.exports = keepLoggedOut;

/** @param {{ id?: string }} listed a session as the store's `all` gives it */
function isSession(listed) {
  const data = { ...listed };
  delete data.id;
  return !isPointer(data);
}

/**
 * Whether an argument is the options, and no client: a client has none of these properties.
 *
 * @param {unknown} given
 * @returns {given is UserOptions}
 */
function isOptions(given) {
  return Object(given) === given && OPTIONS_OF_USERS.some((name) => name in /** @type {object} */ (given));
}

const OPTIONS_OF_USERS = ['user', 'describe', 'maxSessions'];

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

/**
 * Gives the outcome of a promise to a callback, if there is one. Nobody need look at the promise that
 * it returns.
 *
 * @param {Promise<any>} promise
 * @param {Callback} [callback]
 */
function settled(promise, callback) {
  const answered = answer(promise, callback);
  if (!callback) answered.catch(() => {});
  return answered;
}

/** The methods of a store that know of the sets of the users, with the option `user`. */
const REPLACED = ['set', 'touch', 'destroy', 'clear', 'ids', 'length'];

/** Properties of every RedisStore of connect-redis 6 to 10. */
const FIELDS = ['client', 'prefix', 'serializer', 'ttl', 'disableTTL', 'disableTouch'];

/** The error of a store that reports success but has not called the client that it was given. */
class Bypassed extends Error {
  constructor() {
    super('keepLoggedOut: the store did not use its own client, so its write had no condition');
  }
}
