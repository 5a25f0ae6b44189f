'use strict';

/** @import { Callback, Listed, Store, UserOptions } from '../types' */

const { isBusy } = require('./call');
const { whenCommitted } = require('./engine-methods');
const { engineOf } = require('./engine-of');
const setIfPresent = require('./set-if-present');
const defineUserMethods = require('./user-methods');
const { defineUsers, usersOf } = require('./users');

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
  defineUserMethods(store, {
    list: (user) => listed(store, user),
    async end(user, sessions) {
      const ended = await Promise.all(sessions.map(({ key }) => end(store, user, key)));
      return ended.filter(Boolean).length;
    },
  });
  // A save must see that the session has ended.
  if (store.setIfPresent === undefined) Object.defineProperty(store, 'setIfPresent', { configurable: true, writable: true, value: setIfPresent });
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
