'use strict';

/**
 * SQL about the table of connect-pg-simple, which has the columns `sid`, `sess` and `expire`. In all of
 * it the table is called `stored`, except for what goes into an index.
 */

const { createHash } = require('node:crypto');

/** Characters of a user that are in the index: an entry has at most 2,704 bytes, and a character at most 4. */
const INDEXED = 600;

/** The most bytes of a name; PostgreSQL cuts off what is longer. */
const LONGEST_NAME = 63;

/**
 * Returns the session as a `json` that PostgreSQL's functions can read, whatever the type of the column.
 * The type `json` may hold escapes that they refuse, such as `\u0000`; so, if there are any of that
 * kind, `\/u` takes the place of each `\u`. Nobody who writes JSON for a database escapes a slash, so no
 * two texts become the same. All of it is immutable, and may be in an index.
 *
 * @param {string} column
 */
const json = (column) => String.raw`(CASE strpos(${column}::text, E'\\u') WHEN 0 THEN ${column}::text
  ELSE regexp_replace(${column}::text, E'([^\\\\](\\\\\\\\)*)\\\\u', E'\\1\\\\/u', 'g') END)::json`;

const SESSION = json('stored.sess');

/** The JSON of the user whose session it is; null for nobody. */
const USER = `(${SESSION} #> '{_meta,user}')::text`;

/** @param {string} user the JSON of a user */
const indexed = (user) => `left(${user}, ${INDEXED})`;

/** @param {number} now in seconds since the epoch */
const isLive = (now) => `stored.expire >= to_timestamp(${now})`;

/**
 * Returns the condition that a session is a user's.
 *
 * @param {string} user what `parameterOf` returns, as SQL
 */
const isOf = (user) => `${USER} = ${user}::text`;

/**
 * Returns the condition that a session is a live one of a user. Only the index of users can help to find
 * it: that of connect-pg-simple has the expiry of every session, and `IS TRUE` keeps PostgreSQL off it.
 *
 * @param {string} user the parameter with what `parameterOf` returns
 * @param {number} now in seconds since the epoch
 */
const isLiveOf = (user, now) => `${indexed(USER)} = ${indexed(`${user}::text`)} AND ${isOf(user)} AND (${isLive(now)}) IS TRUE`;

/**
 * Returns the value of a number that is not negative; null if it is anything else.
 *
 * @param {string} key of `_meta`
 */
const metaNumber = (key) => `substring(${SESSION} #>> '{_meta,${key}}' from '^[0-9]{1,16}$')::bigint`;

/**
 * Returns parts of a `WITH` that end sessions of a user: `theirs` are those that were found, `ended` those
 * that really were. A session is not ended that has become somebody else's or a pointer meanwhile. All who
 * end sessions lock them in the same order, so none waits for another that waits for it. `IS TRUE` keeps
 * PostgreSQL from asking all sessions of a small table for their user, which may be long, before their sid.
 *
 * @param {string} table
 * @param {string} user the parameter with what `parameterOf` returns
 * @param {number} now in seconds since the epoch
 * @param {string} condition which of the user's live sessions
 * @param {number} [kept] so many of them, which were created last, stay
 */
const ending = (table, user, now, condition, kept = 0) => `theirs AS (
    SELECT sid, ${user}::text AS owner FROM ${table} AS stored WHERE ${isLiveOf(user, now)} AND ${condition}
    ORDER BY ${metaNumber('created')} DESC, sid OFFSET ${kept}
  ), locked AS (
    SELECT stored.sid FROM ${table} AS stored JOIN theirs ON stored.sid = theirs.sid AND (${isOf('owner')}) IS TRUE
    ORDER BY stored.sid FOR UPDATE OF stored
  ), ended AS (
    DELETE FROM ${table} AS stored WHERE sid IN (SELECT sid FROM locked) RETURNING sid
  )`;

/**
 * Returns the JSON of a user as the column has it, with the escapes of `json`.
 *
 * @param {string} user
 */
function parameterOf(user) {
  return JSON.stringify(user).replace(/\\(.)/g, (escape, char) => (char === 'u' ? '\\/u' : escape));
}

/**
 * Returns the value of a JSON text that was read out of `json`.
 *
 * @param {string} text
 * @returns {any}
 */
function parseRead(text) {
  return JSON.parse(text.replace(/\\(\/u|.)/g, (escape, chars) => (chars === '/u' ? '\\u' : escape)));
}

/**
 * Returns the statement that makes the index by which the sessions of a user are found.
 *
 * @param {object} names
 * @param {string} [names.table]
 * @param {string} [names.schema]
 * @param {boolean} isConcurrent whether sessions can be written meanwhile
 */
function createIndex({ table = 'session', schema }, isConcurrent) {
  const place = schema === undefined ? '' : `${quoted(schema)}.`;
  const create = `CREATE INDEX ${isConcurrent ? 'CONCURRENTLY ' : ''}IF NOT EXISTS ${quoted(indexName(table))}`;
  return `${create}\n  ON ${place}${quoted(table)} (${indexed(`(${json('sess')} #> '{_meta,user}')::text`)});`;
}

module.exports = { SESSION, USER, metaNumber, isOf, isLive, isLiveOf, ending, parameterOf, parseRead, createIndex };

/** @param {string} table */
function indexName(table) {
  const name = `IDX_${table}_user`;
  return Buffer.byteLength(name) <= LONGEST_NAME ? name : `IDX_${createHash('sha256').update(table).digest('hex').slice(0, 16)}_user`;
}

/** @param {string} name */
function quoted(name) {
  return `"${name.replaceAll('"', '""')}"`;
}
