'use strict';

require('./session/native/node-version');
const { answer, callStore, storeCallback } = require('./session/store/call');
const defer = require('./session/store/defer');
const { metaNumber } = require('./session/store/postgres-sql');
const { definePostgresUsers, seconds } = require('./session/store/postgres-users');
const { STORES_WITH_USERS } = require('./session/store/users');

/**
 * @typedef {import('./session/types').Callback} Callback
 * @typedef {import('./session/types').UserOptions} UserOptions
 * @typedef {import('./session/store/postgres-users').Write} Write a call of `set` that has not sent its statement yet
 */

/**
 * The parts of a store of connect-pg-simple that are used here.
 *
 * @typedef {object} PGStore
 * @property {(sid: string, session: object, callback?: Callback) => void} set
 * @property {(text: string, params?: any, callback?: Callback, ...more: any[]) => void} query gives
 *   the callback the first row
 * @property {() => string} quotedTable
 * @property {number} [ttl] in seconds
 */

/**
 * Adds the optional methods `setIfPresent` and `setIfUnchanged` to a store of connect-pg-simple 10.
 * `setIfPresent` does not store a session again that another request has destroyed, and
 * `setIfUnchanged` does not overwrite what another request has stored. Both are one statement. The
 * table stays as it is: each write, also by `set`, gives the stored session another
 * `_meta.version`, by which `setIfUnchanged` knows it.
 *
 * With the option `user` it also adds `sessionsOf`, `end` and `endAll`: each write puts the user into the
 * stored `_meta`, by which they find the sessions of a user. The index that
 * `npx express-session-rs sql` prints makes them find these without reading the whole table.
 *
 * The store must write before its `set` returns, as that of connect-pg-simple does. What a class of
 * your own writes later is not sent, and the callback gets an error.
 *
 * @template {PGStore} T
 * @param {T} store
 * @param {UserOptions} [options]
 * @returns {T} the same store
 * @throws {TypeError} if `store` is not such a store, or naming the option that is wrong
 * @example
 * const keepLoggedOut = require('express-session-rs/postgres');
 * app.use(session({ store: keepLoggedOut(new PGStore({ pool })), … }));
 */
function keepLoggedOut(store, options) {
  if (!store || !METHODS.every((name) => typeof store[name] === 'function')) {
    throw new TypeError(`keepLoggedOut needs a store of connect-pg-simple 10${options ? `; ${STORES_WITH_USERS}` : ''}`);
  }
  const { set, query } = store;
  const users = definePostgresUsers(/** @type {any} */ (store), query, options || {});
  /** @type {Write | undefined} */
  let current;

  /**
   * Calls the store's `set`, whose statement is replaced.
   *
   * @param {Write} write
   * @param {string} sid
   * @param {object} session
   * @param {Callback} [callback]
   */
  function setBy(write, sid, session, callback) {
    const outer = current;
    current = write;
    try {
      return set.call(store, sid, session, callback);
    } finally {
      current = outer;
    }
  }

  /**
   * @param {string} text
   * @param {any} params
   * @param {Callback} callback
   * @param {...any} more
   */
  function ownQuery(text, params, callback, ...more) {
    const table = store.quotedTable();
    if (!text.startsWith(`INSERT INTO ${table} (`)) return query.call(store, text, params, callback, ...more);
    const write = current;
    let values;
    let stored;
    try {
      if (!write) throw new Late();
      const [session, expire, sid] = params;
      stored = beforeVersion(users ? users.stamped(session) : session);
      values = [stored.text, expire, sid, ...write.values()];
    } catch (error) {
      return defer(callback, error);
    }
    const written = (error, row) => {
      write.isStored = row !== undefined;
      callback(error, row);
    };
    return users ? users.write(write, values, stored.meta, written) : query.call(store, write.statement(table), values, written);
  }

  /**
   * @param {Write} write
   * @param {string} sid
   * @param {object} session
   * @returns {Promise<boolean>} whether the session was stored
   */
  async function setIf(write, sid, session) {
    await new Promise((resolve, reject) => {
      const callback = storeCallback(undefined, (error) => (error ? reject(error) : resolve(undefined)));
      callStore(callback, { set: (id, data, answered) => setBy(write, id, data, answered) }, 'set', sid, session);
    });
    if (write.isStored === undefined) throw new Late();
    return write.isStored;
  }

  /** @type {Record<string, (...args: any[]) => any>} */
  const methods = {
    query: ownQuery,

    set(sid, session, callback) {
      return setBy({ statement: UPSERT, values: () => [] }, sid, session, callback);
    },

    setIfPresent(sid, session, callback) {
      return answer(setIf({ statement: UPDATE, isUpdate: true, values: () => [seconds(Date.now())] }, sid, session), callback);
    },

    setIfUnchanged(sid, session, loaded, callback) {
      const write = { statement: UPDATE_UNCHANGED, isUpdate: true, values: () => [seconds(Date.now()), versionOf(loaded)] };
      return answer(setIf(write, sid, session), callback);
    },
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(store, name, { configurable: true, writable: true, value });
  }
  return store;
}

module.exports = keepLoggedOut;

/** Methods of every store of connect-pg-simple 10. */
const METHODS = ['get', 'set', 'destroy', 'touch', 'query', 'quotedTable', 'pruneSessions', 'close'];

/** The version of the stored session, 0 if it has none. */
const VERSION = `COALESCE(${metaNumber('version')}, 0)`;

/** The time in microseconds is a first version which no former session of that sid has had. */
const FIRST_VERSION = '(extract(epoch from clock_timestamp()) * 1000000)::bigint';

/** @param {string} version completes the JSON that `beforeVersion` has begun */
const sessionWith = (version) => `($1::text || (${version}) || '}}')::json`;

const NEXT_SESSION = sessionWith(`${VERSION} + 1`);

/** @param {string} table */
const UPSERT = (table) => `INSERT INTO ${table} AS stored (sess, expire, sid)
  SELECT ${sessionWith(FIRST_VERSION)}, to_timestamp($2), $3
  ON CONFLICT (sid) DO UPDATE SET sess = ${NEXT_SESSION}, expire = to_timestamp($2) RETURNING sid`;

const UPDATE = (table, condition = '') => `UPDATE ${table} AS stored SET sess = ${NEXT_SESSION}, expire = to_timestamp($2)
  WHERE sid = $3 AND expire >= to_timestamp($4)${condition} RETURNING sid`;

const UPDATE_UNCHANGED = (table, condition = '') => UPDATE(table, ` AND ${VERSION} = $5::bigint${condition}`);

/**
 * Returns the version that a loaded session had in the store, 0 if it had none.
 *
 * @param {any} loaded
 * @throws {TypeError} if it is no session
 */
function versionOf(loaded) {
  if (Object(loaded) !== loaded) throw new TypeError('setIfUnchanged needs the session as it was loaded');
  const { version } = Object(loaded._meta);
  return /^\d{1,16}$/.test(version) ? version : 0;
}

/**
 * Returns the JSON of a session up to the number of its version, which is the last member of its
 * last member, `_meta`. A `_meta` that is no object, which a program has put there, is left out.
 *
 * @param {object} session
 * @returns {{ text: string, meta: Record<string, any> }} the JSON, and the `_meta` in it
 * @throws {TypeError} if JSON cannot express the session
 */
function beforeVersion(session) {
  const { _meta, ...data } = JSON.parse(JSON.stringify(session));
  const meta = Object(_meta) === _meta && !Array.isArray(_meta) ? _meta : {};
  delete meta.version;
  const text = JSON.stringify({ ...data, _meta: meta }).slice(0, -2);
  return { text: `${text}${text.endsWith('{') ? '' : ','}"version":`, meta };
}

/** The error of a store that does not write by its own `query` before its `set` returns. */
class Late extends Error {
  constructor() {
    super('keepLoggedOut: the store did not write by its own query before its set returned, so the write has no condition');
  }
}
