'use strict';

const util = require('node:util');
const { describe, describeCookie, describeError, revive, textOf } = require('./values');
const { keysOf } = require('./view');

/**
 * The store of one run. `session` is what goes into the options (undefined for
 * the default store), `use(store)` is told which store requests really see.
 *
 * Every call is recorded when it is made, with what the store could read from
 * its payload at that moment. Changes are applied at once and only the answer
 * waits, so that the order of events does not depend on how long a turn takes.
 */
function createStore(mod, spec, run) {
  if (spec.kind === 'default') return undefined;
  if (spec.kind === 'custom') return customStore(mod, spec, run);
  if (spec.kind === 'subclass') return subclassedMemory(mod, run);
  const store = new mod.MemoryStore();
  if (spec.kind === 'spied' && spec.from === 0) spy(store, spec, run);
  if (spec.kind === 'wrapped') return WRAPPERS[spec.how](store, run);
  return store;
}

/** What a program may give as a store in place of the one that it has made. */
const WRAPPERS = {
  proxy: (store) => new Proxy(store, {}),
  heir: (store) => Object.create(store),
  recording: (store, run) => new Proxy(store, {
    get(target, key) {
      const value = target[key];
      if (!['get', 'set', 'touch', 'destroy'].includes(key)) return value;
      return function recorded(...args) {
        run.record(call(run.mod, key, args));
        return value.apply(this, args);
      };
    },
  }),
};

/** Replaces methods on one store, as test suites and wrappers do. */
function spy(store, spec, run) {
  for (const name of spec.methods) {
    const method = store[name];
    store[name] = function spied(...args) {
      run.record(call(run.mod, name, args));
      if (!spec.slow) return method.apply(this, args);
      run.pending += 1;
      setImmediate(() => {
        run.pending -= 1;
        try {
          method.apply(this, args);
        } catch (err) {
          // a session that cannot be text
          args[args.length - 1](err);
        }
      });
      return undefined;
    };
  }
}

function subclassedMemory(mod, run) {
  class CountingStore extends mod.MemoryStore {
    get(sid, callback) {
      run.record(call(mod, 'get', [sid]));
      super.get(sid, callback);
    }

    set(sid, session, callback) {
      run.record(call(mod, 'set', [sid, session]));
      super.set(sid, session, callback);
    }
  }
  return new CountingStore();
}

/** What a store is given: the sid, and the session as it reads at this moment. */
function call(mod, name, [sid, session]) {
  const event = { store: name, sid: describe(sid) };
  if (session === undefined || session === null || typeof session !== 'object') return event;
  event.session = textOf(session);
  event.keys = keysOf(session).join();
  event.isSession = session instanceof mod.Session;
  event.cookie = describeCookie(session.cookie);
  return event;
}

const ERRORS = {
  plain: () => new Error('store failed'),
  ENOENT: () => Object.assign(new Error('no such session'), { code: 'ENOENT' }),
  coded: () => Object.assign(new Error('store unreachable'), { code: 'ECONNREFUSED' }),
  text: () => 'failed with a string',
  object: () => ({ code: 'ENOENT' }),
};

const TURNS = { immediate: 1, late: 3, later: 12 };

function customStore(mod, spec, run) {
  const store = build(mod, spec.build);
  const kept = new Map();
  const counts = { get: 0, set: 0, destroy: 0, touch: 0 };

  function answer(name, callback, values) {
    const failure = spec.failures.find((entry) => entry.on === name);
    const index = counts[name]++;
    const args = failure && index >= failure.from && index < failure.to
      ? [ERRORS[failure.error](), ...(failure.withValue ? values : [])]
      : [null, ...values];
    run.storeErrors.add(args[0]);

    const deliver = () => {
      // the last part of a response has to wait for this moment
      run.record({ answered: name, ended: run.active.res ? run.active.res.writableEnded === true : 'no response' });
      if (typeof callback !== 'function') return;
      try {
        callback(...args);
      } catch (err) {
        run.record({ thrownIntoStore: describeError(err) });
      }
    };

    if (spec.answer === 'sync') return deliver();
    run.pending += 1;
    // turns and not milliseconds: a timer would race with errors that are deferred
    let turns = TURNS[spec.answer];
    const wait = () => {
      turns -= 1;
      if (turns > 0) return setImmediate(wait);
      run.pending -= 1;
      return deliver();
    };
    setImmediate(wait);
    return undefined;
  }

  function keep(sid, session) {
    if (spec.reading === 'live') {
      kept.set(sid, session);
      return;
    }
    const text = textOf(session);
    if (!text.startsWith('threw')) kept.set(sid, text);
  }

  function find(sid) {
    if (!kept.has(sid)) return revive(spec.missing);
    if (spec.reading === 'live') return kept.get(sid);
    const session = JSON.parse(kept.get(sid));
    if (spec.reading === 'date' && session.cookie && typeof session.cookie.expires === 'string') {
      session.cookie.expires = new Date(session.cookie.expires);
    }
    if (spec.reading === 'no cookie') delete session.cookie;
    // as from a store that keeps the cookie in a column of its own
    if (spec.reading === 'cookie last') return lastKey(session, 'cookie');
    return session;
  }

  store.get = function get(sid, callback) {
    run.record(call(mod, 'get', [sid]));
    answer('get', callback, [find(sid)]);
  };

  store.set = function set(sid, session, callback) {
    if (spec.marks === 'before set') session.lastModified = Date.now();
    run.record({ ...call(mod, 'set', [sid, session]), live: run.active.req ? session === run.active.req.session : false });
    keep(sid, session);
    if (spec.marks === 'after set') session.__lastAccess = Date.now();
    answer('set', callback, []);
  };

  store.destroy = function destroy(sid, callback) {
    run.record(call(mod, 'destroy', [sid]));
    kept.delete(sid);
    answer('destroy', callback, []);
  };

  function touch(sid, session, callback) {
    run.record(call(mod, 'touch', [sid, session]));
    if (spec.marks === 'touch') session.lastModified = Date.now();
    if (kept.has(sid)) keep(sid, session);
    answer('touch', callback, []);
  }

  if (spec.touch === true) store.touch = touch;
  // a store may gain its touch only after the middleware was made
  store.addTouch = () => {
    if (spec.touch === 'late') store.touch = touch;
  };
  store.put = (sid, text) => {
    kept.set(sid, spec.reading === 'live' ? JSON.parse(text) : text);
  };
  store.dump = () => [...kept].map(([sid, value]) => `${describe(sid)} ${typeof value === 'string' ? value : textOf(value)}`);

  return store;
}

function lastKey(session, key) {
  if (!session.cookie) return session;
  const { [key]: value, ...rest } = session;
  return { ...rest, [key]: value };
}

/** The three ways in which published stores inherit. */
function build(mod, way) {
  if (way === 'class') {
    return new (class ClassStore extends mod.Store {})();
  }
  function PlainStore() {
    mod.Store.call(this);
  }
  if (way === 'inherits') util.inherits(PlainStore, mod.Store);
  else Object.setPrototypeOf(PlainStore.prototype, mod.Store.prototype);
  return new PlainStore();
}

module.exports = { createStore, spy };
