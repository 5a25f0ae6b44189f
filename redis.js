'use strict';

require('./session/native/node-version');

const { isPointer } = require('./session/request/pointer');
const { answer } = require('./session/store/call');
const RedisCalls = require('./session/store/redis-calls');
const { isCluster } = require('./session/store/redis-client');
const { userIndex, checkSerializer, isSet } = require('./session/store/redis-users');
const defineUserMethods = require('./session/store/user-methods');
const { STORES_WITH_USERS, Users, defineUsers, usersOf } = require('./session/store/users');

/**
 * @typedef {import('./session/store/redis-calls').RedisStore} RedisStore
 * @typedef {import('./session/store/redis-client').Client} Client
 * @typedef {import('./session/types').Callback} Callback
 * @typedef {import('./session/types').UserOptions} UserOptions
 */

/**
 * Adds the optional methods `setIfPresent` and `setIfUnchanged` to a store of connect-redis, 6 to
 * 10. `setIfPresent` uses Redis's `SET … XX`, so a slow request does not store a session again
 * that another request has destroyed. `setIfUnchanged` uses a script of Redis, so it does not
 * overwrite what another request has stored. The callbacks of both get whether the session was stored.
 * The store still makes keys, JSON and lifetimes itself.
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
  if (typeof store.normalizeClient === 'function' && !client) {
    throw new TypeError('keepLoggedOut needs the client as its second argument, with connect-redis 7 and 8');
  }
  if (usersOf(/** @type {any} */ (store))) throw new TypeError('keepLoggedOut has wrapped this store already, with the option user');
  const users = Users.of(options || {});
  if (users) checkSerializer(/** @type {Required<RedisStore>} */ (store).serializer);
  const calls = new RedisCalls(store, client, users);
  const { all } = store;
  defineUsers(/** @type {any} */ (store), options || {});
  const methods = { ...typeof all === 'function' && { all: withoutPointers(calls, all) }, ...conditional(calls), ...users && noted(calls, users) };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(store, name, { configurable: true, writable: true, value });
  }
  if (users) {
    const sidOf = (/** @type {string} */ key) => (key.startsWith(`${store.prefix}`) ? key.slice(`${store.prefix}`.length) : key);
    const index = userIndex({ sets: () => calls.setsIn(calls.client()), sidOf, ttl: () => store.ttl });
    defineUserMethods(/** @type {any} */ (store), { ...index, keyOf: async (sid) => sidOf(await calls.keyOf(sid)) });
  }
  return store;
}

module.exports = keepLoggedOut;

/**
 * Returns the methods that store a session on a condition. Their callbacks get whether it was stored.
 *
 * @param {InstanceType<typeof RedisCalls>} calls
 * @returns {Record<string, (...args: any[]) => any>}
 */
function conditional(calls) {
  return {
    setIfPresent(sid, session, callback) {
      return answer(calls.setIfPresent(sid, session), callback);
    },

    setIfUnchanged(sid, session, loaded, callback) {
      return answer(calls.setIfUnchanged(sid, session, loaded), callback);
    },
  };
}

/**
 * Returns the methods that the store has with the option `user`.
 *
 * @param {InstanceType<typeof RedisCalls>} calls
 * @param {InstanceType<typeof Users>} users
 * @returns {Record<string, (...args: any[]) => any>}
 */
function noted(calls, users) {
  const { own, store } = calls;
  return {
    set(sid, session, callback) {
      return settled(calls.setNoting(sid, session, false).then(() => undefined), callback);
    },

    touch(sid, session, callback) {
      const touched = async () => {
        // A single server reads the user from the record.
        const isNeeded = isCluster(calls.client()) && !isPointer(session);
        return calls.by('touch', [sid, session], calls.noting((isNeeded && users.userOf(session)) || ''), false);
      };
      return settled(touched(), callback);
    },

    destroy(sid, callback) {
      return settled(calls.by('destroy', [sid], calls.noting('')), callback);
    },

    // In a cluster the store deletes all keys by one command, which takes no keys of several nodes.
    clear(callback) {
      return isCluster(calls.client()) ? own.get('clear').call(store, callback) : settled(calls.by('clear', [], calls.noting(''), false), callback);
    },

    ids(callback) {
      return settled(idsOf(calls), callback);
    },

    length(callback) {
      return settled(idsOf(calls).then((ids) => ids.length), callback);
    },
  };
}

/**
 * Returns the ids of the stored sessions. Without a prefix, the store finds the sets of the users, too.
 *
 * @param {InstanceType<typeof RedisCalls>} calls
 * @returns {Promise<string[]>}
 */
async function idsOf(calls) {
  const ids = await calls.listBy(calls.own.get('ids'));
  return ids.filter((id) => !isSet(calls.store.prefix + id));
}

/**
 * Returns a method `all` that leaves out the records that lead from an old id to the new one.
 *
 * @param {InstanceType<typeof RedisCalls>} calls
 * @param {Function} all of the store
 * @returns {(callback?: Callback) => Promise<any>}
 */
function withoutPointers(calls, all) {
  return (callback) => answer(calls.listBy(all).then((list) => list.filter(isSession)), callback);
}

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

/** Properties of every RedisStore of connect-redis 6 to 10. */
const FIELDS = ['client', 'prefix', 'serializer', 'ttl', 'disableTTL', 'disableTouch'];
