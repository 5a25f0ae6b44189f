'use strict';

/** @import { Listed, Store, UserSession } from '../types' */

const { keyOfSession, noteEnds } = require('./hashed-ids');
const { checkedUser, handleOf, userSession, usersOf } = require('./users');

/** How often `endAll` looks for sessions. */
const MOST_ROUNDS = 20;

/**
 * How a kind of store finds the sessions of a user.
 *
 * @typedef {object} UserIndex
 * @property {(user: string) => Promise<Listed[]>} list gets the user's sessions that have not expired, in
 *   no order
 * @property {(user: string, sessions: Listed[]) => Promise<number>} end destroys those of the sessions
 *   that are still the user's; how many these were
 * @property {(sid: string) => Promise<string>} [keyOf] returns the `key` of a session that a program names;
 *   left out if that is its id
 */

/**
 * Gives a store the methods by which a program lists the sessions of a user and ends them.
 *
 * @param {Store} store
 * @param {UserIndex} index
 */
function defineUserMethods(store, index) {
  /**
   * @param {'current' | 'except'} name
   * @param {any} options
   * @throws {TypeError}
   */
  const keyOf = async (name, options) => {
    const sid = await sidIn(options, name);
    return sid === undefined || index.keyOf === undefined ? sid : index.keyOf(sid);
  };

  /**
   * @param {string} user
   * @param {Listed[]} sessions of the user
   */
  const end = (user, sessions) => {
    noteEnds(store, sessions);
    return index.end(user, sessions);
  };

  const methods = {
    /**
     * Gets the live sessions of a user, that which began last first. Those that have ended by an option of
     * time are none, though the store has them still.
     *
     * @param {string} user
     * @param {{ current?: { id: string } }} [options]
     * @returns {Promise<UserSession[]>}
     */
    async sessionsOf(user, options) {
      checkedUser(user);
      const current = await keyOf('current', options);
      const list = await index.list(user);
      const now = Date.now();
      const users = usersOf(store);
      return list.map((each) => userSession(each, current, now))
        .filter((each) => !users?.hasEnded(each, now))
        .sort((one, other) => other.created - one.created);
    },

    /**
     * Ends a session of a user.
     *
     * @param {string} user
     * @param {unknown} handle as `sessionsOf` gives it
     * @returns {Promise<number>} 1; 0 if the user has no such session
     */
    async end(user, handle) {
      const list = await index.list(checkedUser(user));
      const sessions = list.filter(({ key }) => handleOf(key) === handle);
      return sessions.length === 0 ? 0 : end(user, sessions);
    },

    /**
     * Ends all sessions of a user.
     *
     * @param {string} user
     * @param {{ except?: { id: string } }} [options]
     * @returns {Promise<number>} how many
     */
    async endAll(user, options) {
      checkedUser(user);
      const except = await keyOf('except', options);
      let count = 0;
      // Another request may have given a session a new id meanwhile.
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const list = await index.list(user);
        const sessions = list.filter(({ key }) => key !== except);
        if (sessions.length === 0) break;
        count += await end(user, sessions);
      }
      return count;
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(store, name, { configurable: true, writable: true, value });
  }
}

module.exports = defineUserMethods;

/**
 * Returns the id, or the key, that the store knows of the session that a program names in an option.
 * An option that is there but is no session is an error, and so is one of another name: it must not end
 * the session that it was to keep.
 *
 * @param {any} options
 * @param {string} name
 * @returns {Promise<string | undefined>} undefined if the option is not given
 * @throws {TypeError}
 */
async function sidIn(options, name) {
  const other = Object.keys(Object(options)).find((key) => key !== name);
  if (other !== undefined) throw new TypeError(`the only option is ${name}: a session, such as { ${name}: req.session }`);
  const session = options?.[name];
  if (session === undefined) return undefined;
  if (typeof session?.id !== 'string') throw new TypeError(`${name} must be a session, such as req.session`);
  return keyOfSession(session);
}
