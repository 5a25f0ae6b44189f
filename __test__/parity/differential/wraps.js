'use strict';

/**
 * What programs put around a session, or make of it, to use that in its place. A prototype
 * that knows nothing of sessions is in `__test__/compat/around.test.js`: with it a session of
 * ours has no id until `req.session` is read again.
 */

/** Says so if a program's trap cannot take a key. */
function named(what, key) {
  return what + ' ' + key;
}

function refuse(key) {
  if (typeof key !== 'string') throw new TypeError('this trap wants a string');
}

/** The handlers of the proxies, each for a run. */
const TRAPS = {
  none: () => ({}),
  reflect: () => Object.fromEntries([
    'get', 'set', 'has', 'deleteProperty', 'ownKeys', 'getOwnPropertyDescriptor', 'defineProperty', 'getPrototypeOf',
  ].map((name) => [name, (...args) => Reflect[name](...args)])),
  target: () => ({
    get: (target, key) => target[key],
    set(target, key, value) {
      target[key] = value;
      return true;
    },
  }),
  bound: () => ({
    get(target, key) {
      const value = target[key];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }),
  // these words for a key throw if it is a symbol
  naming: () => ({
    get: (target, key, receiver) => named('get', key) && Reflect.get(target, key, receiver),
    set: (target, key, value, receiver) => Boolean(named('set', key)) && Reflect.set(target, key, value, receiver),
    has: (target, key) => Boolean(named('has', key)) && Reflect.has(target, key),
    deleteProperty: (target, key) => Boolean(named('delete', key)) && Reflect.deleteProperty(target, key),
    getOwnPropertyDescriptor: (target, key) => named('own', key) && Reflect.getOwnPropertyDescriptor(target, key),
  }),
  refusing: () => ({
    get(target, key) {
      refuse(key);
      return target[key];
    },
    has(target, key) {
      refuse(key);
      return key in target;
    },
  }),
  deaf: () => ({
    get: (target, key) => (typeof key === 'symbol' ? undefined : target[key]),
  }),
  recording: ({ record }) => ({
    set(target, key, value, receiver) {
      if (typeof key === 'string') record({ wrote: key });
      return Reflect.set(target, key, value, receiver);
    },
    deleteProperty(target, key) {
      if (typeof key === 'string') record({ deleted: key });
      return Reflect.deleteProperty(target, key);
    },
  }),
  'recording target': ({ record }) => ({
    get: (target, key) => target[key],
    set(target, key, value) {
      record({ wrote: String(key) });
      target[key] = value;
      return true;
    },
  }),
  // as libraries that watch data do; what is read-only they have to give as it is
  deep: () => deepTraps,
};

const deepTraps = {
  get(target, key, receiver) {
    const value = Reflect.get(target, key, receiver);
    const isData = typeof value === 'object' && value !== null && !(value instanceof Date) && key !== 'req' && key !== 'id';
    return isData ? new Proxy(value, deepTraps) : value;
  },
};

const makers = {
  proxy: (session, { traps }, run) => new Proxy(session, TRAPS[traps](run)),
  heir: (session, { own }) => Object.assign(Object.create(session), own),
  subclass: (session, _step, { mod, record }) => {
    class Sub extends mod.Session {
      get left() {
        return this.cookie.maxAge;
      }

      touch() {
        record({ touched: 'by the subclass' });
        return super.touch();
      }
    }
    return Object.setPrototypeOf(session, Sub.prototype);
  },
  inheritor: (session, _step, { mod }) => Object.setPrototypeOf(session, {
    __proto__: mod.Session.prototype,
    shown: 'by the prototype',
    greet: () => 'hello',
  }),
  descriptors: (session) => Object.create(Object.getPrototypeOf(session), Object.getOwnPropertyDescriptors(session)),
  names: (session) => {
    const clone = Object.create(Object.getPrototypeOf(session));
    for (const name of Object.getOwnPropertyNames(session)) {
      Object.defineProperty(clone, name, Object.getOwnPropertyDescriptor(session, name));
    }
    return clone;
  },
};

/** The session with what a step of the scenario puts around it. What is no session stays as it is. */
function wrapped(session, step, run) {
  return session instanceof run.mod.Session ? makers[step.how](session, step, run) : session;
}

module.exports = { wrapped, TRAPS: Object.keys(TRAPS) };
