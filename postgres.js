'use strict';

require('./session/native/node-version');
const { answer, callStore, storeCallback } = require('./session/store/call');
const defer = require('./session/store/defer');

/** @typedef {import('./session/types').Callback} Callback */

/**
 * The parts of a store of connect-pg-simple that are used here.
 *
 * @typedef {object} PGStore
 * @property {(sid: string, session: object, callback?: Callback) => void} set
 * @property {(text: string, params?: any, callback?: Callback, ...more: any[]) => void} query gives
 *   the callback the first row
 * @property {() => string} quotedTable
 */

/**
 * A call of the store's `set` that has not sent its statement yet.
 *
 * @typedef {object} Write
 * @property {(table: string) => string} statement what replaces the store's own
 * @property {() => any[]} values returns further parameters of the statement
 * @property {boolean} [isStored] whether the statement has stored the session; undefined before
 */

/**
 * Adds the optional methods `setIfPresent` and `setIfUnchanged` to a store of connect-pg-simple 10.
 * `setIfPresent` does not store a session again that another request has destroyed, and
 * `setIfUnchanged` does not overwrite what another request has stored. Both are one statement. The
 * table stays as it is: each write, also by `set`, gives the stored session another
 * `_meta.version`, by which `setIfUnchanged` knows it.
 *
 * The store must write before its `set` returns, as that of connect-pg-simple does. What a class of
 * your own writes later is not sent, and the callback gets an error.
 *
 * @template {PGStore} T
 * @param {T} store
 * @returns {T} the same store
 * @throws {TypeError} if `store` is not such a store
 * @example
 * const keepLoggedOut = require('express-session-rs/postgres');
 * app.use(session({ store: keepLoggedOut(new PGStore({ pool })), … }));
 */
function keepLoggedOut(store) {
  if (!store || !METHODS.every((name) => typeof store[name] === 'function')) {
    throw new TypeError('keepLoggedOut needs a store of connect-pg-simple 10');
  }
  const { set, query } = store;
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
    try {
      if (!write) throw new Late();
      const [session, expire, sid] = params;
      values = [beforeVersion(session), expire, sid, ...write.values()];
    } catch (error) {
      return defer(callback, error);
    }
    return query.call(store, write.statement(table), values, (error, row) => {
      write.isStored = row !== undefined;
      callback(error, row);
    });
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
      return answer(setIf({ statement: UPDATE, values: () => [now()] }, sid, session), callback);
    },

    setIfUnchanged(sid, session, loaded, callback) {
      return answer(setIf({ statement: UPDATE_UNCHANGED, values: () => [now(), versionOf(loaded)] }, sid, session), callback);
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

/**
 * The version of the stored session, 0 if it has none. The type `json` may hold escapes that
 * PostgreSQL's functions refuse, such as `\u0000`; so, if there are any such, `~` takes the place of
 * each escape first.
 */
const VERSION = String.raw`COALESCE(substring((CASE strpos(stored.sess::text, E'\\u') WHEN 0 THEN stored.sess::text
  ELSE regexp_replace(stored.sess::text, E'\\\\(u.{4}|.)', '~', 'g') END)::json #>> '{_meta,version}' from '^[0-9]{1,16}$')::bigint, 0)`;

/** The time in microseconds is a first version which no former session of that sid has had. */
const FIRST_VERSION = '(extract(epoch from clock_timestamp()) * 1000000)::bigint';

/** @param {string} version completes the JSON that `beforeVersion` has begun */
const sessionWith = (version) => `($1::text || (${version}) || '}}')::json`;

const NEXT_SESSION = sessionWith(`${VERSION} + 1`);

/** @param {string} table */
const UPSERT = (table) => `INSERT INTO ${table} AS stored (sess, expire, sid)
  SELECT ${sessionWith(FIRST_VERSION)}, to_timestamp($2), $3
  ON CONFLICT (sid) DO UPDATE SET sess = ${NEXT_SESSION}, expire = to_timestamp($2) RETURNING sid`;

/** @param {string} table */
const matching = (table, condition = '') => `UPDATE ${table} AS stored SET sess = ${NEXT_SESSION}, expire = to_timestamp($2)
  WHERE sid = $3 AND expire >= to_timestamp($4)${condition} RETURNING sid`;

/** @param {string} table */
const UPDATE = (table) => matching(table);

/** @param {string} table */
const UPDATE_UNCHANGED = (table) => matching(table, ` AND ${VERSION} = $5::bigint`);

/** Returns the time in seconds, rounded as the store's `get` does that looks for expired sessions. */
function now() {
  return Math.ceil(Date.now() / 1000);
}

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
 * @throws {TypeError} if JSON cannot express the session
 */
function beforeVersion(session) {
  const { _meta, ...data } = JSON.parse(JSON.stringify(session));
  const meta = Object(_meta) === _meta && !Array.isArray(_meta) ? _meta : {};
  delete meta.version;
  const text = JSON.stringify({ ...data, _meta: meta }).slice(0, -2);
  return `${text}${text.endsWith('{') ? '' : ','}"version":`;
}

/** The error of a store that does not write by its own `query` before its `set` returns. */
class Late extends Error {
  constructor() {
    super('keepLoggedOut: the store did not write by its own query before its set returned, so the write has no condition');
  }
}
