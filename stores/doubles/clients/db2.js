'use strict';

const { answer } = require('../answer');
const Statements = require('../statements');
const { strict } = require('../unknown');

/** Double of a connection of ibm_db, to a database with one table of sessions. */
function createConnection() {
  /** @type {Map<string, { expires: number, data: string }>} */
  const table = new Map();
  const statements = new Statements('ibm_db', {
    'SELECT "data" AS "data" FROM "sessions" WHERE "session_id" = ? AND "expires" >= ?': ([sid, now]) => {
      const row = table.get(sid);
      return row && row.expires >= now ? [{ data: row.data }] : [];
    },
    'SELECT COUNT(*) AS "length" FROM "sessions" WHERE "session_id" = ?': ([sid]) =>
      [{ length: Number(table.has(sid)) }],
    'SELECT COUNT(*) AS "length" FROM "sessions"': () => [{ length: table.size }],
    'INSERT INTO "sessions" ("session_id", "expires", "data") VALUES (?, ?, ?)': ([sid, expires, data]) => {
      // As a primary key has it.
      if (table.has(sid)) throw new Error('SQL0803N duplicate key');
      table.set(sid, { expires, data });
      return [];
    },
    'UPDATE "sessions" SET "expires" = ?, "data" = ? WHERE "session_id" = ?': ([expires, data, sid]) =>
      update(table, sid, { expires, data }),
    'UPDATE "sessions" SET "expires" = ? WHERE "session_id" = ?': ([expires, sid]) =>
      update(table, sid, { expires }),
    'DELETE FROM "sessions" WHERE "session_id" = ?': ([sid]) => {
      table.delete(sid);
      return [];
    },
    'DELETE FROM "sessions"': () => {
      table.clear();
      return [];
    },
  });
  return strict('ibm_db', {
    connected: true,
    /** Parameters may be missing. */
    query(sql, ...rest) {
      const callback = rest.pop();
      answer(callback, () => statements.run(sql, rest[0]));
    },
  });
}

function update(table, sid, change) {
  if (table.has(sid)) Object.assign(table.get(sid), change);
  return [];
}

module.exports = createConnection;
