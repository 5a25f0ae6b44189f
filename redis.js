'use strict';

require('./session/native/node-version');

const { isPointer } = require('./session/request/pointer');
const isSameSession = require('./session/store/same-session');
const { answer, callStore, storeCallback } = require('./session/store/call');
const { SCRIPT, SHA } = require('./session/store/redis-script');

/**
 * A client of Redis, of which each kind has its own methods. Redis itself adds commands with each
 * version.
 *
 * @typedef {Record<string | symbol, any>} Client
 */

/**
 * Calls a method of a client.
 *
 * @typedef {(client: Client, name: string, args: any[], form: Form) => any} Deliver
 */

/**
 * The parts of a RedisStore of connect-redis, 6 to 10, that are used here.
 *
 * @typedef {object} RedisStore
 * @property {Client} client
 * @property {boolean} [disableTTL]
 * @property {(client: Client) => Client} [normalizeClient] hides the client behind an adapter; in
 *   connect-redis 7 and 8
 * @property {{ stringify: (session: object) => any }} [serializer]
 * @property {(sid: string, session: object, callback?: Callback) => any} set
 * @property {(callback: Callback) => any} [all] gives sessions, with their ids
 */

/** @typedef {import('./session/types').Callback} Callback */

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
  const clientThat = (deliver) => (isHidden
    ? /** @type {Required<RedisStore>} */ (store).normalizeClient(watched(/** @type {Client} */ (client), deliver))
    : watched(store.client, deliver));

  // Throws for an unknown client. `normalizeClient` guesses the kind of its client; the trial with
  // a `set` that is not sent throws if the guess is wrong.
  const trial = clientThat((_client, _name, args, form) => form.withXX(args));
  if (isHidden) trial.set('', '', store.disableTTL ? undefined : 1);

  /**
   * Calls the store's `set`. Its promise is rejected if the store fails, or writes by another client.
   *
   * @param {string} sid
   * @param {object} session
   * @param {Deliver} deliver
   * @returns {Promise<void>}
   */
  async function setBy(sid, session, deliver) {
    let wasDelivered = false;
    const ownClient = clientThat((target, name, args, form) => {
      if (WRITES.has(name)) wasDelivered = true;
      return deliver(target, name, args, form);
    });
    // The store sees itself with this client, and is the same otherwise.
    const own = new Proxy(store, {
      get: (target, name, receiver) => (name === 'client' ? ownClient : Reflect.get(target, name, receiver)),
    });
    await new Promise((resolve, reject) => {
      const callback = storeCallback(undefined, (error) => (error ? reject(error) : resolve(undefined)));
      callStore(callback, own, 'set', sid, session);
    });
    if (!wasDelivered) throw new Bypassed();
  }

  /**
   * @param {string} sid
   * @param {object} session
   * @param {Callback} [callback]
   */
  function setIfPresent(sid, session, callback) {
    return answer(setBy(sid, session, (target, name, args, form) => target[name](...name === 'set' ? form.withXX(args) : args)), callback);
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
    let isStored = false;
    await setBy(sid, session, (target, name, args, form) => {
      if (!WRITES.has(name)) return target[name](...args);
      const [key, ...words] = form.words(name, args);
      // The script knows a deletion by there being nothing else.
      if (name === 'del' && words.length > 0) throw new UnknownForm(name, '(key)');
      /** @param {any} expected the text of the data that Redis must have */
      const send = (expected) => evaluate(target, form, [key, expected, ...words]);
      const settle = async () => {
        const first = await send(text);
        const stored = first[1];
        // Another program may have written the same data in another way, for example with spaces.
        const isSame = stored !== undefined && isSameSession(`${stored}`, `${text}`);
        const [told] = isSame ? await send(stored) : first;
        isStored = Number(told) === 1;
      };
      const reply = settle();
      const callback = args.flat().at(-1);
      return typeof callback === 'function' ? reply.then(() => callback(null, 'OK'), callback) : reply;
    });
    return isStored;
  }

  const { all } = store;

  /** @param {Callback} [callback] gets the sessions */
  function allSessions(callback) {
    const listed = new Promise((resolve, reject) => {
      const answered = storeCallback(undefined, (error, list) => (error ? reject(error) : resolve(list.filter(isSession))));
      callStore(answered, { all: (/** @type {Callback} */ done) => /** @type {Function} */ (all).call(store, done) }, 'all');
    });
    return answer(listed, callback);
  }

  return Object.defineProperties(store, {
    ...(typeof all === 'function' && { all: { configurable: true, writable: true, value: allSessions } }),
    setIfPresent: { configurable: true, writable: true, value: setIfPresent },
    setIfUnchanged: { configurable: true, writable: true, value: setIfUnchanged },
  });
}

module.exports = keepLoggedOut;

/** @param {{ id?: string }} listed a session as the store's `all` gives it */
function isSession(listed) {
  const data = { ...listed };
  delete data.id;
  return !isPointer(data);
}

/** Properties of every RedisStore of connect-redis 6 to 10. */
const FIELDS = ['client', 'prefix', 'serializer', 'ttl', 'disableTTL', 'disableTouch'];

/**
 * The methods of a client by which connect-redis writes a session. It deletes one whose lifetime is
 * over.
 * @type {Set<string | symbol>}
 */
const WRITES = new Set(['set', 'del']);

/**
 * The other methods of a client that connect-redis calls. None of them makes a key.
 * @type {Set<string | symbol>}
 */
const HARMLESS = new Set(['get', 'expire', 'mget', 'mGet', 'scan', 'scanIterator']);

/**
 * Returns a client whose methods `deliver` calls. It has no other method that makes a key than `set`.
 *
 * @param {Client} client
 * @param {Deliver} deliver
 * @returns {Client}
 * @throws {TypeError} if the client is of an unknown kind
 */
function watched(client, deliver) {
  const form = formOf(client);
  return new Proxy(client, {
    get(target, name) {
      const value = target[name];
      if (WRITES.has(name) || (value && HARMLESS.has(name))) {
        return (...args) => deliver(target, /** @type {string} */ (name), args, form);
      }
      // A function may set a key. So may an object, such as the commands of a Redis module.
      if (Object(value) !== value) return value;
      throw new TypeError(`keepLoggedOut: the store uses ${String(name)} of its client, which could store a destroyed session again`);
    },
  });
}

/**
 * Runs the script with one key and its arguments. Redis does not know the script after a restart.
 *
 * @param {Client} client
 * @param {Form} form
 * @param {any[]} words the key, and then the arguments
 * @returns {Promise<any[]>} the answer of the script
 */
async function evaluate(client, form, words) {
  const [key, ...args] = words.map((word) => (typeof word === 'number' ? `${word}` : word));
  try {
    return await form.run(client, 'evalSha', SHA, key, args);
  } catch (error) {
    if (!/^NOSCRIPT/.test(error.message)) throw error;
    return form.run(client, 'eval', SCRIPT, key, args);
  }
}

/**
 * How a kind of client takes commands.
 *
 * @typedef {object} Form
 * @property {(args: any[]) => any[]} withXX adds the condition `XX` to the arguments of `set`
 * @property {(name: string, args: any[]) => any[]} words returns the words of a `set` or `del`: the
 *   key, and for `set` the value and its lifetime, as Redis reads them
 * @property {(client: Client, name: 'evalSha' | 'eval', script: string, key: any, args: any[]) => Promise<any[]>} run
 *   runs a script
 */

/**
 * The form of node-redis 4 and newer: `set(key, value, options)`.
 * @type {Form}
 */
const OPTIONS = {
  withXX(args) {
    const [key, value, options] = keyValueOptions(args);
    // node-redis 5 reads `condition`, and node-redis 4 reads `XX`.
    return [key, value, { ...options, condition: 'XX', XX: true }];
  },

  words(name, args) {
    if (name === 'del') return wordsOf(name, args, 1);
    const [key, value, { expiration, ...options }] = keyValueOptions(args);
    // node-redis 5 has `{ expiration: { type: 'EX', value: 9 } }` for the `{ EX: 9 }` of node-redis 4,
    // and both have words that stand alone, such as `{ KEEPTTL: true }`.
    const { type = expiration, value: time = true } = Object(expiration);
    const given = Object.entries(expiration ? { [type]: time } : options).filter(([, each]) => each !== undefined && each !== false);
    return [key, value, ...given.flat().filter((each) => each !== true)];
  },

  // The cluster of node-redis 4 overlooks the key of `evalSha`, and asks any node.
  run: (client, name, script, key, args) => ('masters' in client
    ? client.sendCommand(key, false, [name, script, '1', key, ...args])
    : client[name](script, { keys: [key], arguments: args })),
};

/**
 * The form of Redis itself: `set(key, value, 'EX', seconds, callback)`. The words may stand in an
 * array.
 * @type {Form}
 */
const WORDS = {
  withXX(args) {
    const words = wordsOf('set', args, 2);
    return [...words, 'XX', ...args.flat().slice(words.length)];
  },

  words: (name, args) => wordsOf(name, args, name === 'set' ? 2 : 1),

  run: (client, name, script, key, args) => new Promise((resolve, reject) => {
    // ioredis has small letters, and the legacy clients of node-redis have capitals.
    const command = [name.toLowerCase(), name.toUpperCase()].find((each) => typeof client[each] === 'function');
    client[/** @type {string} */ (command)](script, '1', key, ...args, (error, reply) => (error ? reject(error) : resolve(reply)));
  }),
};

/**
 * Returns how a client takes commands. The kind of the client is known by methods that no other
 * kind has. A client of an unknown kind could ignore a condition in the wrong form.
 *
 * @param {Client} client
 * @returns {Form}
 * @throws {TypeError} if the client is of an unknown kind
 */
function formOf(client) {
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

  if (isLegacy4 || isLegacy5 || isNodeRedis3 || isIoredis) return WORDS;
  if (isNodeRedis) return OPTIONS;
  throw new TypeError('keepLoggedOut supports the clients of node-redis (3 and newer: client, cluster, pool, ' +
    'sentinel, legacy), ioredis and iovalkey: this client is none of them and might ignore the condition XX');
}

/**
 * Returns the arguments of a `set(key, value, options)`, which may have the condition `XX` already.
 *
 * @param {any[]} args
 * @throws {UnknownForm}
 */
function keyValueOptions(args) {
  const [key, value, given, ...more] = args;
  const options = given || {};
  const { NX, condition = 'XX', ...others } = options;
  if (![key, value].every(isWord) || typeof options !== 'object' || NX || condition !== 'XX' || more.length > 0) {
    throw new UnknownForm('set', '(key, value, options)');
  }
  return [key, value, others];
}

/**
 * Returns the words of a command, without a callback behind them.
 *
 * @param {string} name
 * @param {any[]} args
 * @param {number} least With fewer than two words for `set`, `XX` would become the key or the value.
 *   Redis itself refuses unknown words behind these two.
 * @throws {UnknownForm}
 */
function wordsOf(name, args, least) {
  const words = args.flat();
  if (typeof words.at(-1) === 'function') words.pop();
  if (words.length < least || !words.every(isWord)) throw new UnknownForm(name, '(key, value, …words)');
  return words;
}

/** @param {unknown} value */
function isWord(value) {
  return typeof value === 'string' || typeof value === 'number' || ArrayBuffer.isView(value);
}

/** The error of a store that does not call a method in the form of its client. */
class UnknownForm extends TypeError {
  /**
   * @param {string} name of the method
   * @param {string} form the arguments that the client takes
   */
  constructor(name, form) {
    super(`keepLoggedOut: the store does not call this client's ${name} as ${name}${form}, so the condition cannot be added`);
  }
}

/** The error of a store that reports success but has not called the client that it was given. */
class Bypassed extends Error {
  constructor() {
    super('keepLoggedOut: the store did not use its own client, so its write had no condition');
  }
}
