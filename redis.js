'use strict';

require('./session/native/node-version');

/**
 * Adds the optional method `setIfPresent` to a store of connect-redis, 6 to 10. The
 * method uses Redis's `SET … XX`, so a slow request does not store a session again that
 * another request has destroyed. The store still makes keys, JSON and lifetimes itself.
 *
 * If the store writes in a way that cannot carry the condition `XX`, nothing is sent, and
 * the callback of `setIfPresent` gets an error.
 *
 * @template {object} T
 * @param {T} store a `RedisStore`
 * @param {object} [client] the Redis client of the store; it is needed with connect-redis
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
  // Made anew for each call, as a program may give its store another client after a lost connection.
  const onlyPresentOf = (deliver) => (isHidden
    ? store.normalizeClient(onlyPresent(client, deliver))
    : onlyPresent(store.client, deliver));

  const tried = onlyPresentOf(() => {});
  // These stores guess what kind their client is. A `set` that is not delivered shows a wrong guess.
  if (isHidden) tried.set('', '', store.disableTTL ? undefined : 1);

  async function setIfPresent(sid, session, callback) {
    let isAsked = false;
    let isAnswered = false;
    const answer = callback && ((error, ...results) => {
      isAnswered = true;
      return callback(error || (isAsked ? error : new Bypassed()), ...results);
    });
    try {
      const only = onlyPresentOf((target, name, args) => {
        isAsked = true;
        return target[name](...args);
      });
      // The same store, but for its client.
      const present = new Proxy(store, {
        get: (target, name, receiver) => (name === 'client' ? only : Reflect.get(target, name, receiver)),
      });
      const result = await store.set.call(present, sid, session, answer);
      if (!callback && !isAsked) throw new Bypassed();
      return result;
    } catch (error) {
      // What the callback itself throws is not for the callback.
      if (!callback || isAnswered) throw error;
      return callback(error);
    }
  }

  return Object.defineProperty(store, 'setIfPresent', { configurable: true, writable: true, value: setIfPresent });
}

module.exports = keepLoggedOut;

/** What every RedisStore of connect-redis 6 to 10 has. */
const FIELDS = ['client', 'prefix', 'serializer', 'ttl', 'disableTTL', 'disableTouch'];

/** What else connect-redis asks of a client. None of it makes a key. */
const HARMLESS = new Set(['get', 'del', 'expire', 'mget', 'mGet', 'scan', 'scanIterator']);

/**
 * A Redis client that sets only keys which are there, and can do nothing else that makes one.
 * @param {object} client
 * @param {(client: object, name: string, args: any[]) => any} deliver calls a method of the client
 */
function onlyPresent(client, deliver) {
  const withCondition = conditionFor(client);
  return new Proxy(client, {
    get(target, name) {
      const value = target[name];
      if (name === 'set') return (...args) => deliver(target, name, withCondition(args));
      if (HARMLESS.has(name)) return value && ((...args) => deliver(target, name, args));
      // A function, or what has some, as the commands of a module, may set a key.
      if (Object(value) !== value) return value;
      throw new TypeError(`keepLoggedOut: the store uses ${String(name)} of its client, which could store a destroyed session again`);
    },
  });
}

/**
 * How a client is given the condition: each kind has names that no other has. A client of
 * another kind could ignore a condition whose form it does not know.
 *
 * @param {object} client
 * @returns {(args: any[]) => any[]} adds the condition to the arguments of `set`
 * @throws {TypeError} if the client is of no known kind
 */
function conditionFor(client) {
  const has = (...names) => names.every((name) => client && typeof client[name] === 'function');
  const isNodeRedis = has('connect', 'setEx', 'SETEX');
  // `legacyMode` of node-redis 4; newer ones ignore the option.
  const isLegacy4 = isNodeRedis && 'v4' in client && client.options && client.options.legacyMode;
  // `client.legacy()` of node-redis 5, whose commands are its own properties.
  const isLegacy5 = !isNodeRedis && has('sendCommand', 'SETEX') &&
    Object.hasOwn(client, 'SETEX') && !Object.hasOwn(client, 'sendCommand');
  const isNodeRedis3 = has('internal_send_command', 'setex', 'SETEX');
  // A pipeline has no connection to end.
  const isIoredis = has('disconnect', 'defineCommand', 'setex', 'setBuffer');

  if (isLegacy4 || isLegacy5 || isNodeRedis3 || isIoredis) return withWord;
  if (isNodeRedis) return withOption;
  throw new TypeError('keepLoggedOut supports the clients of node-redis (3 and newer: client, cluster, pool, ' +
    'sentinel, legacy), ioredis and iovalkey: this client is none of them and might ignore the condition XX');
}

/** `set(key, value, options)`, as node-redis has it from version 4 on. */
function withOption([key, value, given, ...more]) {
  const options = given || {};
  const { NX, condition = 'XX', ...others } = options;
  if (![key, value].every(isWord) || typeof options !== 'object' || NX || condition !== 'XX' || more.length > 0) {
    throw new UnknownForm('(key, value, options)');
  }
  // The newer name, and that of node-redis 4.
  return [key, value, { ...others, condition, XX: true }];
}

/** `set(key, value, 'EX', seconds, callback)`, as Redis itself has it, also with the words in an array. */
function withWord(args) {
  const words = args.flat();
  const callback = typeof words.at(-1) === 'function' ? [words.pop()] : [];
  // Redis refuses words that it does not know, but for the first two it takes any.
  if (words.length < 2 || !words.every(isWord)) throw new UnknownForm('(key, value, …words)');
  return [...words, 'XX', ...callback];
}

function isWord(value) {
  return typeof value === 'string' || typeof value === 'number' || ArrayBuffer.isView(value);
}

/** A store does not call `set` as its client wants it. */
class UnknownForm extends TypeError {
  /** @param {string} form that the client takes */
  constructor(form) {
    super(`keepLoggedOut: the store does not call this client's set as set${form}, so XX cannot be added`);
  }
}

/** A store says that it has set a session, but has not asked the client that it was given. */
class Bypassed extends Error {
  constructor() {
    super('keepLoggedOut: the store did not use its own client, so its write had no XX');
  }
}
