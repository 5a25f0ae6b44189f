'use strict';

const { createIndex } = require('../session/store/postgres-sql');

/** What is said of the index. SQL takes each of these lines for a comment. */
const WHAT = `-- The index by which express-session-rs/postgres finds the sessions of a user. Without it, it
-- reads the whole table. A session from before the option "user" is found once it is stored again.`;

const CONCURRENTLY = `-- This statement cannot run in a transaction, in which many tools for migrations run everything;
-- --in-transaction prints one that can. If it fails, it leaves an index that is marked as invalid:
-- drop that before you try again, because IF NOT EXISTS takes it for the index.`;

const AT_ONCE = '-- While this statement runs, no session can be stored.';

/**
 * Returns the SQL of a migration that lets PostgreSQL find the sessions of a user.
 *
 * @param {{ table?: string, schema?: string, 'in-transaction'?: boolean }} options
 */
function sql({ table, schema, 'in-transaction': isInTransaction = false }) {
  return `${WHAT}\n${isInTransaction ? AT_ONCE : CONCURRENTLY}\n${createIndex({ table, schema }, !isInTransaction)}`;
}

module.exports = sql;
