'use strict';

/** @import { Callback, SessionData, Store as StoreShape } from '../types' */

// The timers of Node.js itself: see engine/pruning.js.
const { clearTimeout, setTimeout } = require('node:timers');
const { begunAnew } = require('../cookie/cookie');
const { attempt } = require('../request/load');
const { isPointer } = require('../request/pointer');
const { answer, callStore, isFailure, storeCallback } = require('./call');
const { existingEngine, hasEngineClass } = require('./engine-of');
const isSameSession = require('./same-session');
const setIfPresent = require('./set-if-present');
const Store = require('./store');
const { STORES_WITH_USERS, joinUsers, usersOf } = require('./users');

/** How long, in ms, a change of a session waits for one before whose store does not answer. */
const LONGEST_WAIT = 10_000;

/** How many sessions are known whose copies the old store has failed to destroy. */
const MOST_LEFT = 10_000;

/** After so many sessions in a row that cannot be moved, `moveAll` ends: a store does not answer. */
const MOST_IN_ROW = 10;

/** The methods that every store has. */
const METHODS = ['get', 'set', 'destroy', 'on'];

/**
 * Makes a store that moves sessions from one store to another while an app uses them: `session.migrate`.
 *
 * @param {StoreShape} from the old store
 * @param {StoreShape} to the new one
 * @returns {MigratingStore}
 * @throws {TypeError} if the two are not two stores
 */
function migrate(from, to) {
  for (const [name, store] of Object.entries({ from, to })) {
    const missing = METHODS.find((method) => typeof Object(store)[method] !== 'function');
    if (missing !== undefined) throw new TypeError(`session.migrate(from, to): ${name} must be a store, and has no method ${missing}`);
  }
  if (from === to) throw new TypeError('session.migrate(from, to): the two are the same store');
  return new MigratingStore(from, to);
}

/** The error of a move whose two stores keep their sessions in one place. */
class SamePlace extends Error {
  constructor() {
    super('session.migrate(from, to): both stores keep their sessions in the same place');
  }
}

/**
 * A store of two. A session is in the old one until it is stored or touched, and in the new one from then
 * on. It is stored in the new one first, so a failure loses nothing, and destroyed in the old one then, so
 * no old copy is left that could come back.
 *
 * The changes of one session in this process are made one after the other: a session that is destroyed
 * while it moves is gone then.
 */
class MigratingStore extends Store {
  /**
   * @param {StoreShape} from
   * @param {StoreShape} to
   */
  constructor(from, to) {
    super();
    this.from = from;
    this.to = to;
    /**
     * The last change of each session that is under way, by sid.
     * @type {Map<string, Promise<unknown>>}
     */
    this.turns = new Map();
    /** Whether a session that has moved was in the new store afterwards, and so the two are not one. */
    this.areTwo = false;
    /**
     * The sids of the sessions that have moved, and whose copies the old store has failed to destroy. The
     * next change of each tries again.
     * @type {Set<string>}
     */
    this.left = new Set();
    passEvents(this, [from, to]);
    const own = { ...conditionalMethods(this), ...listMethods(this), ...userMethods(this) };
    for (const [name, value] of Object.entries(own)) Object.defineProperty(this, name, { configurable: true, writable: true, value });
  }

  /**
   * @param {string} sid
   * @param {Callback} [callback]
   */
  get(sid, callback) {
    return answer(this.find(sid), callback);
  }

  /**
   * @param {string} sid
   * @returns {Promise<SessionData | undefined>}
   */
  async find(sid) {
    const { from, to } = this;
    // It may have moved between the first two looks.
    return await ask(to, 'get', sid) || await ask(from, 'get', sid) || ask(to, 'get', sid);
  }

  /**
   * @param {string} sid
   * @param {SessionData} session
   * @param {Callback} [callback]
   * @throws what `JSON.stringify` throws
   */
  set(sid, session, callback) {
    const stored = this.turns.has(`${sid}`) ? copyOf(this, sid, session) : session;
    return answer(this.inTurn(sid, () => this.move(sid, stored)), callback);
  }

  /**
   * Touches a session in the new store, or moves it there. It is no error if there is none.
   *
   * @param {string} sid
   * @param {SessionData} session
   * @param {Callback} [callback]
   */
  touch(sid, session, callback) {
    const { from, to } = this;
    return answer(this.inTurn(sid, async () => {
      if (await ask(to, 'get', sid)) {
        if (typeof to.touch === 'function') await ask(to, 'touch', sid, session);
        await this.dropLeft(sid);
        return;
      }
      const found = await ask(from, 'get', sid);
      // The program may have changed the session without storing it.
      if (found) await this.move(sid, sessionOf(this, sid, { ...found, cookie: session.cookie }));
    }), callback);
  }

  /**
   * Destroys a session in both stores: in the old one first, from which another process may be moving it.
   *
   * @param {string} sid
   * @param {Callback} [callback] gets the error of either
   */
  destroy(sid, callback) {
    return answer(this.inTurn(sid, async () => {
      try {
        await this.dropOld(sid);
      } finally {
        await drop(this.to, sid);
      }
    }), callback);
  }

  /**
   * Stores a session in the new store, and removes it from the old one.
   *
   * @param {string} sid
   * @param {SessionData} session
   * @throws {SamePlace}
   */
  async move(sid, session) {
    const { from, to } = this;
    await ask(to, 'set', sid, session);
    await this.dropOld(sid);
    if (this.areTwo) return;
    this.areTwo = Boolean(await ask(to, 'get', sid));
    if (this.areTwo) return;
    await ask(to, 'set', sid, session);
    if (await ask(from, 'get', sid)) throw new SamePlace();
  }

  /**
   * Moves all sessions that the old store has now. One that cannot be moved stays there, and the others move.
   *
   * @returns {Promise<number>} how many have moved. It is rejected if some have not, with the first error as
   *   its `cause`; at once if several in a row have not.
   */
  async moveAll() {
    let count = 0;
    let failed = 0;
    let inRow = 0;
    let cause;
    for (const sid of await sidsOf(this.from)) {
      try {
        if (await this.inTurn(sid, () => this.moveOld(sid))) count++;
        inRow = 0;
      } catch (error) {
        if (error instanceof SamePlace) throw error;
        cause ??= error;
        failed++;
        inRow++;
      }
      if (inRow === MOST_IN_ROW) break;
    }
    if (failed > 0) throw Object.assign(new Error(`moveAll: ${count} sessions have moved, ${failed} could not: ${cause?.message ?? cause}`), { cause });
    return count;
  }

  /**
   * Moves a session that is in the old store alone.
   *
   * @param {string} sid
   * @returns {Promise<boolean>} whether it has moved; false also for a record that leads to the new id of a session
   * @throws {TypeError} if its data have no cookie
   */
  async moveOld(sid) {
    const { from, to } = this;
    const found = await ask(to, 'get', sid) ? undefined : await ask(from, 'get', sid);
    if (!found) return false;
    // A store that touches a session may know alone until when it lives, and the new one takes the cookie's word.
    const isExact = existingEngine(from) !== undefined || typeof from.touch !== 'function' || isPointer(found);
    await this.move(sid, sessionOf(this, sid, { ...found, cookie: isExact ? found.cookie : begunAnew(found.cookie, Date.now()) }));
    return !isPointer(found);
  }

  /**
   * Closes both stores, if they have the method.
   * @returns {Promise<void>}
   */
  async close() {
    for (const store of [this.from, this.to]) if (typeof store.close === 'function') await store.close();
  }

  /**
   * Destroys a session in the old store.
   * @param {string} sid
   */
  async dropOld(sid) {
    const { from, left } = this;
    try {
      await drop(from, sid);
      left.delete(`${sid}`);
    } catch (error) {
      left.add(`${sid}`);
      if (left.size > MOST_LEFT) left.delete(/** @type {string} */ (left.values().next().value));
      throw error;
    }
  }

  /**
   * Destroys the copy of a session in the old store, if that has failed to. It may fail again.
   * @param {string} sid
   */
  async dropLeft(sid) {
    if (this.left.has(`${sid}`)) await this.dropOld(sid).catch(() => {});
  }

  /** Waits for the changes that are under way now, by which a session may be moving. */
  async settled() {
    await Promise.all([...this.turns.values()].map(ended));
  }

  /**
   * Makes a change of a session when those before have ended.
   *
   * @template T
   * @param {string} sid
   * @param {() => Promise<T>} change is called at once if there is none
   * @returns {Promise<T>}
   */
  async inTurn(sid, change) {
    const { turns } = this;
    const key = `${sid}`;
    const before = turns.get(key);
    const turn = before === undefined ? change() : ended(before).then(change);
    turns.set(key, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(key) === turn) turns.delete(key);
    }
  }
}

module.exports = migrate;

/**
 * Calls a method of a store.
 *
 * @param {object} store
 * @param {string} method
 * @param {...unknown} args
 * @returns {Promise<any>} what the store calls back with; undefined for what is not there. It is rejected
 *   with the error of the store.
 */
function ask(store, method, ...args) {
  return new Promise((resolve, reject) => {
    attempt((answered) => { callStore(storeCallback(undefined, answered), store, method, ...args); }, (error, result) => {
      if (isFailure(error)) reject(error);
      else resolve(error ? undefined : result);
    });
  });
}

/**
 * Returns the sids of the sessions in a store.
 *
 * @param {StoreShape} store
 * @returns {Promise<string[]>}
 * @throws {TypeError} if the store cannot tell them
 */
async function sidsOf(store) {
  if (typeof store.ids === 'function') return ask(store, 'ids');
  const all = typeof store.all === 'function' ? await ask(store, 'all') : undefined;
  const sids = Array.isArray(all) ? all.map(({ id }) => id) : Object.keys(Object(all));
  if (all === undefined || sids.includes(undefined)) throw new TypeError('moveAll: the old store has no method that lists the ids of its sessions');
  return sids;
}

/**
 * Destroys a session, if there is one: some stores fail to destroy what is not there.
 *
 * @param {StoreShape} store
 * @param {string} sid
 */
async function drop(store, sid) {
  try {
    await ask(store, 'destroy', sid);
  } catch (error) {
    if (await ask(store, 'get', sid)) throw error;
  }
}

/**
 * Waits until a change has ended, but not for ever.
 *
 * @param {Promise<unknown>} turn
 * @returns {Promise<void>}
 */
function ended(turn) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LONGEST_WAIT);
    timer.unref();
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    turn.then(done, done);
  });
}

/**
 * @param {StoreShape} store
 * @param {string} sid
 * @param {SessionData} data
 * @throws {TypeError} if the data have no cookie
 */
function sessionOf(store, sid, data) {
  return Store.prototype.createSession.call(store, { sessionID: sid, sessionStore: store }, data);
}

/**
 * Returns a session as it is now, which the program may change before it is stored.
 *
 * @param {StoreShape} store
 * @param {string} sid
 * @param {SessionData} session
 * @throws what `JSON.stringify` throws
 */
function copyOf(store, sid, session) {
  return sessionOf(store, sid, JSON.parse(JSON.stringify(session)));
}

/**
 * Lets a store be connected while all stores are that it uses.
 *
 * @param {StoreShape} store
 * @param {StoreShape[]} used
 */
function passEvents(store, used) {
  const lost = new Set();
  for (const each of used) {
    each.on('disconnect', () => {
      lost.add(each);
      store.emit('disconnect');
    });
    each.on('connect', () => {
      lost.delete(each);
      if (lost.size === 0) store.emit('connect');
    });
  }
}

/**
 * Returns `setIfPresent` and `setIfUnchanged`, if the new store has them or can do without. A MemoryStore has no
 * `setIfPresent`, as the middleware knows by itself which of its sessions were destroyed.
 *
 * @param {MigratingStore} store
 * @returns {Record<string, Function>}
 */
function conditionalMethods(store) {
  const { from, to } = store;
  /**
   * Stores a session that is in the new store by a method of that; or else, if the old store has what is
   * wanted, moves it.
   *
   * @param {string} method
   * @param {string} sid
   * @param {SessionData} session
   * @param {any[]} args that the method gets, too
   * @param {(found: SessionData) => boolean} isWanted
   */
  const change = (method, sid, session, args, isWanted) => {
    const stored = copyOf(store, sid, session);
    return store.inTurn(sid, async () => {
      if (await ask(to, 'get', sid)) {
        const isStored = await ask({ [method]: (to[method] ?? setIfPresent).bind(to) }, method, sid, stored, ...args);
        await store.dropLeft(sid);
        return isStored;
      }
      const found = await ask(from, 'get', sid);
      if (!found || !isWanted(found)) return false;
      await store.move(sid, stored);
      return true;
    });
  };

  return {
    ...((typeof to.setIfPresent === 'function' || hasEngineClass(to)) && {
      /** @type {(sid: string, session: SessionData, callback?: Callback) => unknown} */
      setIfPresent: (sid, session, callback) => answer(change('setIfPresent', sid, session, [], () => true), callback),
    }),
    ...(typeof to.setIfUnchanged === 'function' && {
      /** @type {(sid: string, session: SessionData, loaded: SessionData, callback?: Callback) => unknown} */
      setIfUnchanged(sid, session, loaded, callback) {
        const before = JSON.stringify(loaded);
        return answer(change('setIfUnchanged', sid, session, [loaded], (found) => isSameSession(JSON.stringify(found), before)), callback);
      },
    }),
  };
}

/**
 * Returns those of the methods for all sessions that both stores have.
 *
 * @param {MigratingStore} store
 * @returns {Record<string, Function>}
 */
function listMethods(store) {
  const { from, to } = store;
  /** @type {Record<string, (old: any, recent: any) => unknown>} */
  const joined = {
    all: joinedSessions,
    ids: (old, recent) => [...new Set([...old, ...recent])],
    length: (old, recent) => old + recent,
    clear: () => undefined,
  };
  const names = Object.keys(joined).filter((name) => typeof from[name] === 'function' && typeof to[name] === 'function');
  return Object.fromEntries(names.map((name) => {
    const both = async () => {
      // The old store is asked first: a session that moves between the two calls is in both.
      const old = await ask(from, name);
      if (name === 'clear') await store.settled();
      return joined[name](old, await ask(to, name));
    };
    return [name, (/** @type {Callback | undefined} */ callback) => answer(both(), callback)];
  }));
}

/**
 * @param {any} old a list of sessions, or an object of them by their sids
 * @param {any} recent another one
 * @returns {any} an object if both are
 */
function joinedSessions(old, recent) {
  if (!Array.isArray(old) && !Array.isArray(recent)) return { ...old, ...recent };
  const [former, newer] = [old, recent].map((sessions) => Object.values(Object(sessions)));
  const ids = new Set(newer.map(({ id }) => id));
  return [...former.filter(({ id }) => id === undefined || !ids.has(id)), ...newer];
}

/**
 * Returns `sessionsOf`, `end` and `endAll`, if a store knows whose its sessions are. They fail unless both
 * stores know.
 *
 * @param {MigratingStore} store
 * @returns {Record<string, Function>}
 */
function userMethods(store) {
  const { from, to } = store;
  const known = [from, to].filter((each) => usersOf(each) !== undefined);
  if (known.length === 0) return {};
  joinUsers(store, known);
  if (known.length === 1) {
    const refuse = async () => { throw new TypeError(`both stores of session.migrate must have the option user; ${STORES_WITH_USERS}`); };
    return { sessionsOf: refuse, end: refuse, endAll: refuse };
  }
  /** Ends sessions in the old store, and then in the new one, to which some of them may be moving. */
  const end = async (/** @type {string} */ method, /** @type {unknown[]} */ args) => {
    const old = await from[method](...args);
    await store.settled();
    return [old, await to[method](...args)];
  };
  return {
    /** @type {(...args: unknown[]) => Promise<import('../types').UserSession[]>} */
    async sessionsOf(...args) {
      const old = await from.sessionsOf(...args);
      const sessions = [...old, ...await to.sessionsOf(...args)];
      return [...new Map(sessions.map((session) => [session.handle, session])).values()].sort((one, other) => other.created - one.created);
    },
    /** @type {(...args: unknown[]) => Promise<number>} */
    async end(...args) {
      return Math.max(...await end('end', args));
    },
    /** @type {(...args: unknown[]) => Promise<number>} */
    async endAll(...args) {
      const [old, recent] = await end('endAll', args);
      return old + recent;
    },
  };
}
