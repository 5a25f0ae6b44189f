'use strict';

require('./session/native/node-version');

const { isPointer } = require('./session/request/pointer');
const isSameSession = require('./session/store/same-session');
const { answer, callStore, storeCallback } = require('./session/store/call');
const { UNCHANGED } = require('./session/store/redis-script');
const { UserSets, UserSetsInCluster, userMethods, checkSerializer, isSet } = require('./session/store/redis-users');
const { Users, defineUsers, usersOf } = require('./session/store/users');
const { META } = require('./session/request/times');

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
 * @property {string} [prefix]
 * @property {any} [ttl] in seconds, or a function
 * @property {{ stringify: (session: object) => any, parse: (text: any) => any }} [serializer]
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
    throw new TypeError('keepLoggedOut needs a RedisStore of connect-redis, 6 to 10');
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
    return answer(users ? setNoting(sid, session, true) : by('set', [sid, session],
      (target, name, args, form) => target[name](...name === 'set' ? form.withXX(args) : args)).then(() => undefined), callback);
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

    ...userMethods({
      sets: () => setsIn(clientNow()),
      keyOf,
      sidOf: (key) => (key.startsWith(`${store.prefix}`) ? key.slice(`${store.prefix}`.length) : key),
      parse: (text) => /** @type {Required<RedisStore>} */ (store).serializer.parse(text),
      ttl: () => store.ttl,
    }),
  };

  defineUsers(/** @type {any} */ (store), options || {});
  for (const [name, value] of Object.entries({ ...typeof all === 'function' && { all: allSessions }, setIfPresent, setIfUnchanged, ...users && noted })) {
    Object.defineProperty(store, name, { configurable: true, writable: true, value });
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
 * Whether a client is one of a Redis Cluster.
 *
 * @param {Client} client
 */
function isCluster(client) {
  return 'masters' in client || client.isCluster === true;
}

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

/**
 * The methods of a client by which connect-redis writes a session. It deletes one whose lifetime is
 * over.
 * @type {Set<string | symbol>}
 */
const WRITES = new Set(['set', 'del']);

/** Those that change a record, and so the set of its user. */
const CHANGES = new Set([...WRITES, 'expire']);

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
 * @param {import('./session/store/redis-script').Script} script
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
