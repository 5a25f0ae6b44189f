'use strict';

/**
 * Lets a test run with the option `hashIds` that knows nothing of keys: its store gets ids, as it does
 * without the option, and nothing of the lookups for records from before the option.
 */

const { ENGINE } = require('../../session/store/engine-of');
const { HashedCalls, keyOf } = require('../../session/store/hashed-calls');

const WITH_ID = ['get', 'set', 'destroy', 'touch', 'setIfPresent', 'setIfUnchanged'];

/** The ids that the wrappers of this process have got, by their keys. */
const ids = new Map();
const { call } = HashedCalls.prototype;
HashedCalls.prototype.call = function learning(name, method, args) {
  const key = keyOf(args[0]);
  ids.set(key, args[0]);
  // There never is a record to be moved before it is written.
  if (name !== 'get') this.settle(key);
  return call.call(this, name, method, args);
};

/** The lookup for a record that another process has moved meanwhile. */
HashedCalls.prototype.read = (key, cookie, callback) => { callback(); };

/**
 * @param {object} store gets ids
 * @returns {object} a store that takes keys
 */
function unhashed(store) {
  const translated = (name, method) => new Proxy(method, {
    apply(_, self, [key, ...args]) {
      if (ids.has(key)) return Reflect.apply(method, store, [ids.get(key), ...args]);
      if (name !== 'get') throw new Error(`${name} got no key but ${key}`);
      args.at(-1)(null);
      return undefined;
    },
  });
  const engineOf = (engine) => engine && Object.create(engine, {
    wasDestroyed: { value: (key, since) => engine.wasDestroyed(`${ids.get(key)}`, since) },
  });
  return new Proxy(Object.create(store), {
    get(target, name) {
      const value = Reflect.get(store, name, store);
      if (name === ENGINE) return engineOf(value);
      return WITH_ID.includes(name) && typeof value === 'function' ? translated(name, value) : value;
    },
    set: (target, name, value) => Reflect.set(store, name, value, store),
    defineProperty: (target, name, descriptor) => Reflect.defineProperty(store, name, descriptor),
  });
}

module.exports = unhashed;
