'use strict';

/** @import { Engine, Session, Store } from '../types' */

const { newestId } = require('../request/load');
const { ENGINE } = require('./engine-of');
const { HashedCalls, keyOf } = require('./hashed-calls');

/** The methods of stores whose first argument is an id. */
const WITH_ID = new Set(['get', 'set', 'destroy', 'touch', 'setIfPresent', 'setIfUnchanged']);

/**
 * The methods that call others with the id of a request, or with their own first argument. These must be
 * the methods of the wrapper, or of what a program has made of it.
 */
const OF_WRAPPER = new Set(['load', 'regenerate']);

/** The methods that get a session among their options, and the name of that option. */
const WITH_SESSION = new Map([['sessionsOf', 'current'], ['endAll', 'except']]);

/** @param {string | symbol} name of a method that a program may replace in the wrapper by one that gets plain ids */
const isTranslated = (name) => [WITH_ID, OF_WRAPPER, WITH_SESSION].some((names) => names.has(/** @type {string} */ (name)));

/**
 * What was made of each store, by the store and by its wrapper.
 * @type {WeakMap<Store, { wrapper: Store, calls: InstanceType<typeof HashedCalls> }>}
 */
const known = new WeakMap();

/**
 * Wraps a store for the option `hashIds`: the wrapper takes the ids of sessions, and the store gets
 * keys in their place, from which nobody learns the ids. A store has one wrapper, which has what the
 * store has at the time.
 *
 * @param {Store} store or its wrapper
 * @returns {Store}
 * @throws {TypeError} if it is no object
 */
function hashedIds(store) {
  const wrapped = known.get(store) ?? wrap(store);
  known.set(store, wrapped);
  known.set(wrapped.wrapper, wrapped);
  return wrapped.wrapper;
}

/**
 * Notes that an id was made just now for a request, so that its store cannot have a session under it.
 *
 * @template T
 * @param {Store} store of the request: nothing is noted if it is no wrapper
 * @param {T} sid
 * @returns {T} the same id
 */
function noteNewId(store, sid) {
  if (isWrapper(store)) known.get(store)?.calls.settle(keyOf(sid));
  return sid;
}

/**
 * Returns the key under which the store has a session now, also if a program gives the session of a
 * request to the store itself, and not to the wrapper.
 *
 * @param {Session} session
 * @returns {Promise<string>} is rejected if the store fails
 */
async function keyOfSession(session) {
  const sid = await newestId(session);
  return isWrapper(session.req?.sessionStore) ? keyOf(sid) : sid;
}

/**
 * Notes that a store is about to end sessions, some of which it may have under their plain ids.
 *
 * @param {Store} store
 * @param {{ key: string }[]} sessions
 */
function noteEnds(store, sessions) {
  const calls = known.get(store)?.calls;
  if (calls) for (const { key } of sessions) calls.noteEnd(key);
}

module.exports = { hashedIds, noteNewId, noteEnds, keyOfSession };

/** @param {Store | undefined} store */
function isWrapper(store) {
  return store !== undefined && known.get(store)?.wrapper === store;
}

/** @param {Store} store */
function wrap(store) {
  const calls = new HashedCalls(store);
  /**
   * Methods that the program has put into the wrapper, by name.
   * @type {Map<string | symbol, unknown>}
   */
  const replaced = new Map();
  /**
   * The methods of the wrapper, by those of the store; and the other way round.
   * @type {WeakMap<Function, Function>}
   */
  const made = new WeakMap();
  /** @type {WeakMap<Function, Function>} */
  const origins = new WeakMap();
  /** @type {Engine | undefined} */
  let engine;

  /**
   * Calls a method of the store for the wrapper.
   *
   * @param {string} name
   * @param {Function} method
   * @param {unknown} self
   * @param {any[]} args
   */
  const call = (name, method, self, args) => {
    if (WITH_ID.has(name)) return calls.call(name, method, args);
    if (OF_WRAPPER.has(name)) return Reflect.apply(method, self, args);
    const option = WITH_SESSION.get(name);
    if (option !== undefined && hasSession(args, option)) return translated(args, option).then((given) => Reflect.apply(method, store, given));
    // Private fields are those of the store. A function that is no method has no `this`.
    const result = Reflect.apply(method, self === undefined ? self : store, args);
    return result === store ? wrapper : result;
  };

  /**
   * @param {string} name
   * @param {Function} method
   */
  const methodOf = (name, method) => {
    const ready = made.get(method) ?? new Proxy(method, { apply: (_, self, args) => call(name, method, self, args) });
    made.set(method, ready);
    origins.set(ready, method);
    return ready;
  };

  /** The engine, to which the backend talks of plain ids. */
  const engineOf = (/** @type {Engine} */ own) => {
    if (engine === undefined || Object.getPrototypeOf(engine) !== own) {
      engine = Object.create(own, {
        wasDestroyed: { value: (/** @type {string} */ sid, /** @type {number} */ since) => own.wasDestroyed(keyOf(sid), since) },
      });
    }
    return engine;
  };

  // The target is another object than the store, because a Proxy must give a fixed property as it is.
  const wrapper = /** @type {Store} */ (new Proxy(Object.create(Object.getPrototypeOf(store)), {
    get(_, name) {
      if (replaced.has(name)) return replaced.get(name);
      const value = Reflect.get(store, name, store);
      if (name === ENGINE && value !== undefined) return engineOf(value);
      return typeof value !== 'function' || name === 'constructor' || isClass(value) ? value : methodOf(/** @type {string} */ (name), value);
    },

    set(_, name, value) {
      const own = origins.get(value);
      if (!isTranslated(name)) return Reflect.set(store, name, own ?? value, store);
      if (own === undefined) replaced.set(name, value);
      else replaced.delete(name);
      return true;
    },

    has: (_, name) => replaced.has(name) || Reflect.has(store, name),
    deleteProperty: (_, name) => replaced.delete(name) || Reflect.deleteProperty(store, name),
    defineProperty: (_, name, descriptor) => Reflect.defineProperty(store, name, descriptor),
    getPrototypeOf: () => Reflect.getPrototypeOf(store),
    ownKeys: () => Reflect.ownKeys(store),

    getOwnPropertyDescriptor(_, name) {
      const descriptor = Reflect.getOwnPropertyDescriptor(store, name);
      return descriptor && { ...descriptor, configurable: true };
    },
  }));
  return { wrapper, calls };
}

/**
 * Whether a function is a class, which is no method.
 * @param {Function} value
 */
function isClass(value) {
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}

/**
 * Whether a session is among the options of a method. What is none, the store refuses.
 *
 * @param {any[]} args
 * @param {string} name of the option
 */
function hasSession([, options], name) {
  return typeof Object(options)[name]?.id === 'string';
}

/**
 * Returns the arguments of a method as the store must get them: with the key of the session.
 *
 * @param {any[]} args
 * @param {string} name of the option
 */
async function translated([user, options, ...others], name) {
  return [user, { ...options, [name]: { id: keyOf(await newestId(options[name])) } }, ...others];
}
