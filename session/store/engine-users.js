'use strict';

/** @import { Callback, Listed, Store, UserOptions } from '../types' */

const { isBusy } = require('./call');
const { whenCommitted } = require('./engine-methods');
const { engineOf } = require('./engine-of');
const setIfPresent = require('./set-if-present');
const { checkedUser, defineUsers, handleOf, userSession, usersOf } = require('./users');

/** How often `endAll` looks for sessions. */
const MOST_ROUNDS = 20;

/**
 * Gives a store of ours the methods `sessionsOf`, `end` and `endAll`, if its options say whose the
 * sessions are.
 *
 * @param {Store} store that has no engine yet
 * @param {UserOptions} options
 * @throws {TypeError} naming the option that is wrong
 */
function defineEngineUsers(store, options) {
  defineUsers(store, options);
  if (usersOf(store) === undefined) return;
  /** @type {Record<string, (...args: any[]) => any>} */
  const methods = {
    async sessionsOf(user, choice) {
      checkedUser(user);
      const current = keyIn(choice, 'current');
      const found = await listed(store, user);
      const now = Date.now();
      return found.map((each) => userSession(each, current, now)).sort((one, other) => other.created - one.created);
    },

    async end(user, handle) {
      checkedUser(user);
      const found = await listed(store, user);
      const session = found.find(({ key }) => handleOf(key) === handle);
      return session !== undefined && await end(store, user, session.key) ? 1 : 0;
    },

    async endAll(user, choice) {
      checkedUser(user);
      const except = keyIn(choice, 'except');
      let count = 0;
      // Another request may have given a session a new id meanwhile.
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const found = await listed(store, user);
        const others = found.filter(({ key }) => key !== except);
        if (others.length === 0) break;
        const ended = await Promise.all(others.map(({ key }) => end(store, user, key)));
        count += ended.filter(Boolean).length;
      }
      return count;
    },
  };
  // A save must see that the session has ended.
  if (store.setIfPresent === undefined) methods.setIfPresent = setIfPresent;
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(store, name, { configurable: true, writable: true, value });
  }
}

module.exports = defineEngineUsers;

/**
 * Gets the live sessions of a user, when all changes of this store are made.
 *
 * @param {Store} store
 * @param {string} user
 * @returns {Promise<Listed[]>}
 */
async function listed(store, user) {
  const engine = engineOf(store);
  await new Promise((resolve) => {
    if (engine.whenCommitted === undefined) resolve(undefined);
    else engine.whenCommitted(() => { resolve(undefined); });
  });
  for (;;) {
    try {
      return engine.sessionsOf(user);
    } catch (error) {
      if (!isBusy(error)) throw error;
      await new Promise((resolve, reject) => { engine.whenFree?.(() => { resolve(undefined); }, reject); });
    }
  }
}

/**
 * Ends a session if it is one of a user.
 *
 * @param {Store} store
 * @param {string} user
 * @param {string} sid
 * @returns {Promise<boolean>} whether it was, in a later turn
 */
function end(store, user, sid) {
  return new Promise((resolve, reject) => {
    const engine = engineOf(store);
    /** @type {Callback} */
    const answered = (error, isEnded) => { if (error) reject(error); else resolve(isEnded); };
    whenCommitted(engine, engine.end(user, sid), answered);
  });
}

/**
 * Returns the key of the session that a program names in an option. An option that is there but is no
 * session is an error: it must not end the session that it was to keep.
 *
 * @param {any} options
 * @param {string} name
 * @returns {string | undefined} undefined if the option is not given
 * @throws {TypeError}
 */
function keyIn(options, name) {
  const session = options?.[name];
  if (session === undefined) return undefined;
  if (typeof session?.id !== 'string') throw new TypeError(`${name} must be a session, such as req.session`);
  return session.id;
}
