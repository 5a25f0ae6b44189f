'use strict';

require('./session/native/node-version');

/**
 * A client of Redis, of which each kind has its own methods. Redis itself adds commands with each
 * version.
 *
 * @typedef {Record<string | symbol, any>} Client
 */

/**
 * Calls a method of a client.
 *
 * @typedef {(client: Client, name: string, args: any[]) => any} Deliver
 */

/**
 * The parts of a RedisStore of connect-redis, 6 to 10, that are used here.
 *
 * @typedef {object} RedisStore
 * @property {Client} client
 * @property {boolean} [disableTTL]
 * @property {(client: Client) => Client} [normalizeClient] hides the client behind an adapter; in
 *   connect-redis 7 and 8
 * @property {(sid: string, session: object, callback?: Callback) => any} set
 */

/** @typedef {import('./session/types').Callback} Callback */

/**
 * Adds the optional method `setIfPresent` to a store of connect-redis, 6 to 10. The
 * method uses Redis's `SET … XX`, so a slow request does not store a session again that
 * another request has destroyed. The store still makes keys, JSON and lifetimes itself.
 *
 * If the store writes in a way that cannot carry the condition `XX`, nothing is sent, and
 * the callback of `setIfPresent` gets an error.
 *
 * @template {RedisStore} T
 * @param {T} store
 * @param {Client} [client] the Redis client of the store; it is needed with connect-redis
 *   7 and 8, which hide their client
 * @returns {T} the same store
 * @throws {TypeError} if `store` is not such a store, or if its client is missing or of an
 *   unknown kind
 * @example
 * const keepLoggedOut = require('express-session-rs/redis');
 * app.use(session({ store: keepLoggedOut(new RedisStore({ client })), … }));
 */
function keepLoggedOut(store, client = undefined) {
  if (!store || typeof store.set !== 'function' || !FIELDS.every((name) => name in store)) {
    throw new TypeError('keepLoggedOut needs a RedisStore of connect-redis, 6 to 10');
  }
  const isHidden = typeof store.normalizeClient === 'function';
  if (isHidden && !client) {
    throw new TypeError('keepLoggedOut needs the client as its second argument, with connect-redis 7 and 8');
  }
  /**
   * Returns a client for one call of the store's `set`. It is made for each call, because a program
   * may give its store another client after a lost connection.
   *
   * @param {Deliver} deliver
   */
  const clientWithXX = (deliver) => (isHidden
    ? /** @type {Required<RedisStore>} */ (store).normalizeClient(onlyPresent(/** @type {Client} */ (client), deliver))
    : onlyPresent(store.client, deliver));

  // Throws for an unknown client. `normalizeClient` guesses the kind of its client; the trial with
  // a `set` that is not sent throws if the guess is wrong.
  const trial = clientWithXX(() => {});
  if (isHidden) trial.set('', '', store.disableTTL ? undefined : 1);

  /**
   * @param {string} sid
   * @param {object} session
   * @param {Callback} [callback]
   */
  async function setIfPresent(sid, session, callback) {
    let wasDelivered = false;
    let hasCalledBack = false;
    /** @type {Callback | undefined} */
    const checkedCallback = callback && ((error, ...results) => {
      hasCalledBack = true;
      return callback(error || (wasDelivered ? error : new Bypassed()), ...results);
    });
    try {
      const ownClient = clientWithXX((target, name, args) => {
        wasDelivered = true;
        return target[name](...args);
      });
      // The store sees itself with this client, and is the same otherwise.
      const present = new Proxy(store, {
        get: (target, name, receiver) => (name === 'client' ? ownClient : Reflect.get(target, name, receiver)),
      });
      const result = await store.set.call(present, sid, session, checkedCallback);
      if (!callback && !wasDelivered) throw new Bypassed();
      return result;
    } catch (error) {
      // An error that the callback itself has thrown must not be passed to it.
      if (!callback || hasCalledBack) throw error;
      return callback(error);
    }
  }

  return Object.defineProperty(store, 'setIfPresent', { configurable: true, writable: true, value: setIfPresent });
}

module.exports = keepLoggedOut;

/** Properties of every RedisStore of connect-redis 6 to 10. */
const FIELDS = ['client', 'prefix', 'serializer', 'ttl', 'disableTTL', 'disableTouch'];

/**
 * The other methods of a client that connect-redis calls. None of them makes a key.
 * @type {Set<string | symbol>}
 */
const HARMLESS = new Set(['get', 'del', 'expire', 'mget', 'mGet', 'scan', 'scanIterator']);

/**
 * Returns a client that sets only keys which exist, and has no other method that makes a key.
 *
 * @param {Client} client
 * @param {Deliver} deliver
 * @returns {Client}
 * @throws {TypeError} if the client is of an unknown kind
 */
function onlyPresent(client, deliver) {
  const withCondition = conditionFor(client);
  return new Proxy(client, {
    get(target, name) {
      const value = target[name];
      if (name === 'set') return (...args) => deliver(target, name, withCondition(args));
      if (HARMLESS.has(name)) return value && ((...args) => deliver(target, /** @type {string} */ (name), args));
      // A function may set a key. So may an object, such as the commands of a Redis module.
      if (Object(value) !== value) return value;
      throw new TypeError(`keepLoggedOut: the store uses ${String(name)} of its client, which could store a destroyed session again`);
    },
  });
}

/**
 * Returns the function that adds the condition `XX` to the arguments of a client's `set`. The kind
 * of the client is known by methods that no other kind has. A client of an unknown kind could
 * ignore a condition in the wrong form.
 *
 * @param {Client} client
 * @returns {(args: any[]) => any[]}
 * @throws {TypeError} if the client is of an unknown kind
 */
function conditionFor(client) {
  /** @param {string[]} names */
  const has = (...names) => names.every((name) => client && typeof client[name] === 'function');
  const isNodeRedis = has('connect', 'setEx', 'SETEX');
  // The option `legacyMode` of node-redis 4. Newer versions ignore it.
  const isLegacy4 = isNodeRedis && 'v4' in client && client.options && client.options.legacyMode;
  // `client.legacy()` of node-redis 5. Its commands are own properties.
  const isLegacy5 = !isNodeRedis && has('sendCommand', 'SETEX') &&
    Object.hasOwn(client, 'SETEX') && !Object.hasOwn(client, 'sendCommand');
  const isNodeRedis3 = has('internal_send_command', 'setex', 'SETEX');
  // The pipelines of ioredis have the same commands, but no `disconnect`.
  const isIoredis = has('disconnect', 'defineCommand', 'setex', 'setBuffer');

  if (isLegacy4 || isLegacy5 || isNodeRedis3 || isIoredis) return withWord;
  if (isNodeRedis) return withOption;
  throw new TypeError('keepLoggedOut supports the clients of node-redis (3 and newer: client, cluster, pool, ' +
    'sentinel, legacy), ioredis and iovalkey: this client is none of them and might ignore the condition XX');
}

/**
 * Adds the condition for `set(key, value, options)`, the form of node-redis 4 and newer.
 *
 * @param {any[]} args
 * @throws {UnknownForm}
 */
function withOption(args) {
  const [key, value, given, ...more] = args;
  const options = given || {};
  const { NX, condition = 'XX', ...others } = options;
  if (![key, value].every(isWord) || typeof options !== 'object' || NX || condition !== 'XX' || more.length > 0) {
    throw new UnknownForm('(key, value, options)');
  }
  // node-redis 5 reads `condition`, and node-redis 4 reads `XX`.
  return [key, value, { ...others, condition, XX: true }];
}

/**
 * Adds the condition for `set(key, value, 'EX', seconds, callback)`, the form of Redis itself. The
 * words may stand in an array.
 *
 * @param {any[]} args
 * @throws {UnknownForm}
 */
function withWord(args) {
  const words = args.flat();
  const callback = typeof words.at(-1) === 'function' ? [words.pop()] : [];
  // With fewer than two words, `XX` would become the key or the value. Redis itself refuses
  // unknown words behind these two.
  if (words.length < 2 || !words.every(isWord)) throw new UnknownForm('(key, value, …words)');
  return [...words, 'XX', ...callback];
}

/** @param {unknown} value */
function isWord(value) {
  return typeof value === 'string' || typeof value === 'number' || ArrayBuffer.isView(value);
}

/** The error of a store that does not call `set` in the form of its client. */
class UnknownForm extends TypeError {
  /** @param {string} form the arguments that the client takes */
  constructor(form) {
    super(`keepLoggedOut: the store does not call this client's set as set${form}, so XX cannot be added`);
  }
}

/** The error of a store that reports success but has not called the client that it was given. */
class Bypassed extends Error {
  constructor() {
    super('keepLoggedOut: the store did not use its own client, so its write had no XX');
  }
}
