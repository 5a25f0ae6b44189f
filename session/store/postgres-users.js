'use strict';

/** @import { Listed, SessionData, Store, UserOptions } from '../types' */
/**
 * @typedef {import('../types').Callback} Callback
 * @typedef {InstanceType<typeof import('./users').Users>} Users
 */

const { readMeta, parsedOthers } = require('../request/times');
const defer = require('./defer');
const { SESSION, USER, ending, isLive, isLiveOf, isOf, parameterOf, parseRead } = require('./postgres-sql');
const defineUserMethods = require('./user-methods');
const { defineUsers, usersOf } = require('./users');

/** For how long connect-pg-simple keeps a session without a lifetime, in seconds. */
const DEFAULT_TTL = 86400;

/** By how much connect-pg-simple rounds up the moment when a session expires, at most, in ms. */
const ROUNDED = 999;

/**
 * The parts of a store of connect-pg-simple that are used here.
 *
 * @typedef {Store & StoreOfPG} PGStore
 *
 * @typedef {object} StoreOfPG
 * @property {(text: string, params: any[], callback: Callback) => void} query gives the callback the first row
 * @property {() => string} quotedTable
 * @property {number} [ttl] in seconds
 */

/**
 * What a method does that writes a session.
 *
 * @typedef {object} Write
 * @property {(table: string, condition?: string) => string} statement what replaces the store's own; with
 *   a further condition if it is an update
 * @property {() => any[]} values returns further parameters of the statement
 * @property {boolean} [isUpdate] whether it writes only where a session is
 * @property {boolean} [isStored] whether the statement has stored the session; undefined before
 */

/** Whose the sessions of a store are: what it writes, and the methods that it has for that. */
class PostgresUsers {
  /**
   * @param {PGStore} store
   * @param {PGStore['query']} query the store's own
   * @param {Users} users
   */
  constructor(store, query, users) {
    this.store = store;
    this.query = query;
    this.users = users;
  }

  /**
   * Returns a session as the store gets it.
   *
   * @param {SessionData} session
   * @throws as `Users#stamped`
   */
  stamped(session) {
    return this.users.stamped(session);
  }

  /**
   * Writes a session. If its user gets a session more by that, his oldest ones beyond `maxSessions` end, in
   * the same statement.
   *
   * @param {Write} write
   * @param {any[]} values the parameters of its statement, of which the third is the sid
   * @param {Record<string, any>} meta `_meta` of the session
   * @param {Callback} callback gets the first row; none if nothing was written
   */
  write(write, values, meta, callback) {
    const { query, store, users: { maxSessions } } = this;
    if (maxSessions === undefined || meta.user === undefined) {
      query.call(store, write.statement(store.quotedTable()), values, callback);
      return;
    }
    this.writeWithin(maxSessions, write, values, meta).then((row) => defer(callback, null, row), (error) => defer(callback, error));
  }

  /**
   * @param {number} maxSessions
   * @param {Write} write
   * @param {any[]} values
   * @param {Record<string, any>} meta Under a new sid, a session that was renewed takes the place of another.
   * @returns {Promise<any>} the first row
   */
  async writeWithin(maxSessions, write, values, { user, created, renewed }) {
    const table = this.store.quotedTable();
    const parameter = `$${values.length + 1}`;
    const all = [...values, parameterOf(user)];
    // Most updates are of a session of the same user. To plan the other statement takes longer.
    const same = write.isUpdate ? await this.ask(write.statement(table, ` AND ${isOf(parameter)}`), all) : undefined;
    if (same !== undefined) return same;
    const now = seconds(Date.now());
    // The statement sees the table as it was before. If the user gets a session more, that is not among his.
    const row = await this.ask(`WITH former AS (
        SELECT ${USER} AS owner FROM ${table} AS stored WHERE sid = $3 AND ${isLive(now)}
      ), written AS (
        ${write.statement(table)}
      ), growth AS (
        SELECT COALESCE((SELECT owner IS DISTINCT FROM ${parameter}::text FROM former), ${created >= renewed}) AS grew FROM written
      ), ${ending(table, parameter, now, '(SELECT grew FROM growth)', maxSessions - 1)}
      SELECT sid, grew FROM written, growth`, all);
    // No statement sees what is stored after it began, not even one that waits for a lock.
    if (row !== undefined && row.grew) await this.endWhere(user, 'true', [], maxSessions);
    return row;
  }

  /**
   * Gets the live sessions of a user, in no order.
   *
   * @param {string} user
   * @returns {Promise<Listed[]>}
   */
  async list(user) {
    const now = Date.now();
    const { found } = await this.ask(`SELECT json_agg(json_build_array(
        sid, (${SESSION} #> '{_meta}')::text, extract(epoch from expire::timestamptz) * 1000, ${SESSION} #>> '{cookie,originalMaxAge}'
      ))::text AS found FROM ${this.store.quotedTable()} AS stored WHERE ${isLiveOf('$1', seconds(now))}`, [parameterOf(user)]);
    return JSON.parse(found ?? '[]').map(([key, text, expires, maxAge]) => {
      const meta = readMeta(/** @type {any} */ ({ _meta: parseRead(text) }), now);
      const lifetime = maxAge === null ? 1000 * (this.store.ttl || DEFAULT_TTL) : Number(maxAge);
      // Otherwise a session would have been used until a second later.
      return { key, meta: { ...meta, ...parsedOthers(meta) }, expires: expires - ROUNDED, lifetime };
    });
  }

  /**
   * Ends sessions of a user.
   *
   * @param {string} user
   * @param {Listed[]} sessions
   */
  end(user, sessions) {
    return this.endWhere(user, 'sid = ANY($2)', [sessions.map(({ key }) => key)]);
  }

  /**
   * Ends sessions of a user.
   *
   * @param {string} user
   * @param {string} condition which
   * @param {any[]} [values] its parameters, from `$2` on
   * @param {number} [kept] so many of them, which were created last, stay
   * @returns {Promise<number>} how many
   */
  async endWhere(user, condition, values = [], kept = 0) {
    const { ended } = await this.ask(`WITH ${ending(this.store.quotedTable(), '$1', seconds(Date.now()), condition, kept)}
      SELECT count(*) AS ended FROM ended`, [parameterOf(user), ...values]);
    return Number(ended);
  }

  /**
   * @param {string} text
   * @param {any[]} values
   * @returns {Promise<any>} the first row
   */
  ask(text, values) {
    return new Promise((resolve, reject) => {
      this.query.call(this.store, text, values, (error, row) => { if (error) reject(error); else resolve(row); });
    });
  }
}

/**
 * Gives a store the methods `sessionsOf`, `end` and `endAll`, if its options say whose the sessions are.
 *
 * @param {PGStore} store
 * @param {PGStore['query']} query the store's own
 * @param {UserOptions} options
 * @returns {PostgresUsers | undefined} undefined without the option `user`
 * @throws {TypeError} naming the option that is wrong
 */
function definePostgresUsers(store, query, options) {
  defineUsers(store, options);
  const of = usersOf(store);
  if (of === undefined) return undefined;
  const users = new PostgresUsers(store, query, of);
  defineUserMethods(store, users);
  return users;
}

/** Returns a time in seconds, rounded as the store's `get` does that looks for expired sessions. */
function seconds(/** @type {number} */ now) {
  return Math.ceil(now / 1000);
}

module.exports = { definePostgresUsers, seconds };
