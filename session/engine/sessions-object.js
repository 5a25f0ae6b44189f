'use strict';

const { inspect } = require('node:util');

/**
 * @typedef {import('./memory-engine')} Engine
 * @typedef {Record<string, string>} SessionsObject
 */

/**
 * Makes the object `store.sessions`: a live view of a memory store, in which programs read,
 * list, write and delete the JSON of a session under its sid.
 *
 * @param {Engine} engine of the store
 * @returns {SessionsObject}
 */
function sessionsObject(engine) {
  const target = Object.create(null);
  const view = new Proxy(target, new SessionsHandler(engine));
  // console.log passes over the Proxy to its target, which is empty.
  Object.defineProperty(target, inspect.custom, {
    configurable: true,
    value: () => Object.assign(Object.create(null), view),
  });
  return view;
}

/**
 * Gives a store the property `sessions`, an accessor that leads to its engine.
 *
 * @param {object} store
 * @param {Engine} engine of the store
 * @returns {boolean} false if the store has such a property that cannot be replaced
 */
function defineSessions(store, engine) {
  return Reflect.defineProperty(store, 'sessions', {
    configurable: true,
    enumerable: true,
    get: () => engine.sessions,
    set: (texts) => { replaceSessions(engine, texts); },
  });
}

/**
 * Replaces all sessions of an engine, as a program means that assigns an object to
 * `store.sessions`.
 *
 * @param {Engine} engine
 * @param {unknown} texts by sid; another value than an object means no sessions
 */
function replaceSessions(engine, texts) {
  if (texts === engine.sessions) return;
  const entries = Object.entries(Object(texts));
  engine.clear();
  for (const [sid, text] of entries) engine.sessions[sid] = text;
}

module.exports = { sessionsObject, defineSessions, replaceSessions };

/**
 * The traps of the view. All string keys are sids; a symbol is never a key. The target stays
 * empty.
 *
 * @implements {ProxyHandler<SessionsObject>}
 */
class SessionsHandler {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * @param {SessionsObject} target
   * @param {string | symbol} sid
   */
  get(target, sid) {
    return typeof sid === 'string' ? this.engine.text(sid) : undefined;
  }

  /**
   * @param {SessionsObject} target
   * @param {string | symbol} sid
   */
  has(target, sid) {
    return this.get(target, sid) !== undefined;
  }

  /**
   * @param {SessionsObject} target
   * @param {string | symbol} sid
   * @param {unknown} text
   */
  set(target, sid, text) {
    if (typeof sid !== 'string') return false;
    // A falsy value is no session: `null` must not become the text "null".
    if (text || text === '') this.engine.setRaw(sid, `${text}`);
    else this.engine.destroy(sid);
    return true;
  }

  /**
   * @param {SessionsObject} target
   * @param {string | symbol} sid
   */
  deleteProperty(target, sid) {
    if (typeof sid === 'string') this.engine.destroy(sid);
    return true;
  }

  /**
   * @param {SessionsObject} target
   * @param {string | symbol} sid
   * @param {PropertyDescriptor} descriptor
   */
  defineProperty(target, sid, { value }) {
    return this.set(target, sid, value);
  }

  ownKeys() {
    // An object lists keys that are array indexes first, and so must the view.
    const sids = Object.create(null);
    for (const sid of this.engine.sids()) sids[sid] = true;
    return Object.keys(sids);
  }

  /**
   * @param {SessionsObject} target
   * @param {string | symbol} sid
   * @returns {PropertyDescriptor | undefined}
   */
  getOwnPropertyDescriptor(target, sid) {
    const value = this.get(target, sid);
    return value === undefined ? undefined : { value, configurable: true, enumerable: true, writable: true };
  }
}
