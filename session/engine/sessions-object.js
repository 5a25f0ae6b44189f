'use strict';

const { inspect } = require('node:util');

/**
 * `store.sessions`: a live view of a memory store as an object of sid to JSON
 * text, which programs read, list, write and delete from.
 *
 * @param {import('./engine')} records the store's records
 * @returns {object}
 */
function sessionsObject(engine) {
  const target = Object.create(null);
  const view = new Proxy(target, new SessionsHandler(engine));
  // console.log looks at the target, which is empty.
  Object.defineProperty(target, inspect.custom, {
    configurable: true,
    value: () => Object.assign(Object.create(null), view),
  });
  return view;
}

/**
 * Gives a store the property `sessions`. What stands there already is what a program has
 * put there, by a field of its class, say: its content are the sessions then, as they are
 * if a program assigns an object.
 *
 * @param {object} store
 * @param {import('./engine')} records the store's records
 */
function defineSessions(store, engine) {
  const take = (texts) => {
    if (texts === engine.sessions) return;
    const entries = Object.entries(Object(texts));
    engine.clear();
    for (const [sid, text] of entries) engine.sessions[sid] = text;
  };
  const { sessions } = store;
  // Where that fails, the program's property goes on to show what it shows.
  engine.canDefineSessions = Reflect.defineProperty(store, 'sessions', {
    configurable: true,
    enumerable: true,
    get: () => engine.sessions,
    set: take,
  });
  if (sessions !== undefined) take(sessions);
}

module.exports = { sessionsObject, defineSessions };

/** The traps of the view. The target stays empty; symbols are none of its keys. */
class SessionsHandler {
  constructor(engine) {
    this.engine = engine;
  }

  get(target, sid) {
    return typeof sid === 'string' ? this.engine.text(sid) : undefined;
  }

  has(target, sid) {
    return this.get(target, sid) !== undefined;
  }

  set(target, sid, text) {
    if (typeof sid !== 'string') return false;
    // What is false is no session, and `null` is not the text of one.
    if (text || text === '') this.engine.setRaw(sid, `${text}`);
    else this.engine.destroy(sid);
    return true;
  }

  deleteProperty(target, sid) {
    if (typeof sid === 'string') this.engine.destroy(sid);
    return true;
  }

  defineProperty(target, sid, { value }) {
    return this.set(target, sid, value);
  }

  ownKeys() {
    // An object puts sids that look like array indexes first; so must the view.
    const sids = Object.create(null);
    for (const sid of this.engine.sids()) sids[sid] = true;
    return Object.keys(sids);
  }

  getOwnPropertyDescriptor(target, sid) {
    const value = this.get(target, sid);
    return value === undefined ? undefined : { value, configurable: true, enumerable: true, writable: true };
  }
}
