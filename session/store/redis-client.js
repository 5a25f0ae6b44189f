'use strict';

/** @import { Script } from './redis-script' */

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
 * The methods of a client by which connect-redis writes a session. It deletes one whose lifetime is
 * over.
 * @type {Set<string | symbol>}
 */
const WRITES = new Set(['set', 'del']);

/** Those that change a record, and so the set of its user. */
const CHANGES = new Set([...WRITES, 'expire']);

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

module.exports = { WRITES, CHANGES, UnknownForm, watched, formOf, isCluster, callTelling, evaluate, replyTo };

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
 * Runs a script. Redis does not know it after a restart.
 *
 * @param {Client} client
 * @param {Form} form
 * @param {Script} script
 * @param {any[]} keys
 * @param {any[]} args
 * @returns {Promise<any[]>} the answer of the script
 */
async function evaluate(client, form, { text, sha }, keys, args) {
  const words = args.map((word) => (typeof word === 'number' ? `${word}` : word));
  try {
    return await form.run(client, 'evalSha', sha, keys, words);
  } catch (error) {
    if (!/^NOSCRIPT/.test(error.message)) throw error;
    return form.run(client, 'eval', text, keys, words);
  }
}

/**
 * How a kind of client takes commands.
 *
 * @typedef {object} Form
 * @property {(args: any[]) => any[]} withXX adds the condition `XX` to the arguments of `set`
 * @property {(name: string, args: any[]) => any[]} words returns the words of a `set`, `del` or
 *   `expire`: the key, and for `set` the value and its lifetime, as Redis reads them
 * @property {(client: Client, name: 'evalSha' | 'eval', script: string, keys: any[], args: any[]) => Promise<any[]>} run
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
    if (name !== 'set') return wordsOf(name, args, 1);
    const [key, value, { expiration, ...options }] = keyValueOptions(args);
    // node-redis 5 has `{ expiration: { type: 'EX', value: 9 } }` for the `{ EX: 9 }` of node-redis 4,
    // and both have words that stand alone, such as `{ KEEPTTL: true }`.
    const { type = expiration, value: time = true } = Object(expiration);
    const given = Object.entries(expiration ? { [type]: time, XX: options.XX } : options).filter(([, each]) => each !== undefined && each !== false);
    return [key, value, ...given.flat().filter((each) => each !== true)];
  },

  // The cluster of node-redis 4 overlooks the key of `evalSha`, and asks any node.
  run: (client, name, script, keys, args) => ('masters' in client
    ? client.sendCommand(keys[0], false, [name, script, `${keys.length}`, ...keys, ...args])
    : client[name](script, { keys, arguments: args })),
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

  run: (client, name, script, keys, args) => new Promise((resolve, reject) => {
    // ioredis has small letters, and the legacy clients of node-redis have capitals.
    const command = [name.toLowerCase(), name.toUpperCase()].find((each) => typeof client[each] === 'function');
    client[/** @type {string} */ (command)](script, `${keys.length}`, ...keys, ...args, (error, reply) => (error ? reject(error) : resolve(reply)));
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

/**
 * Whether a client is one of a Redis Cluster.
 *
 * @param {Client} client
 */
function isCluster(client) {
  return 'masters' in client || client.isCluster === true;
}

/**
 * Calls a method of a client, and tells the reply before its caller gets it.
 *
 * @param {Client} client
 * @param {string} name of the method
 * @param {any[]} args with the callback at their end, if there is one
 * @param {(reply: any) => void} tell
 */
function callTelling(client, name, args, tell) {
  const callback = args.at(-1);
  /** @param {any} reply */
  const told = (reply) => {
    tell(reply);
    return reply;
  };
  if (typeof callback !== 'function') return client[name](...args).then(told);
  return client[name](...args.slice(0, -1), (error, reply) => callback(error, error ? reply : told(reply)));
}

/**
 * Gives a reply to the callback among the arguments of a client's method, if there is one.
 *
 * @template T
 * @param {any[]} args
 * @param {Promise<T>} reply
 */
function replyTo(args, reply) {
  const callback = args.flat().at(-1);
  return typeof callback === 'function' ? reply.then((value) => callback(null, value), callback) : reply;
}
