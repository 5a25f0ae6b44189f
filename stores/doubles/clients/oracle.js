'use strict';

const { answer, failure } = require('../answer');
const Statements = require('../statements');
const { strict } = require('../unknown');

/** The constants of oracledb 1. */
const ARRAY = 4001;
const STRING = 2001;

/** Double of the package `oracledb`, as far as it needs no connection. */
const oracledb = strict('oracledb', { ARRAY, STRING });

const MERGE = 'MERGE INTO sessions trg USING (SELECT :sessionid as session_id FROM DUAL) src ' +
  'ON (trg.session_id = src.session_id) WHEN MATCHED THEN UPDATE ' +
  'SET trg.expires = :expires, trg.attributes = :attributes ' +
  'WHEN NOT MATCHED THEN INSERT (session_id, expires, attributes) ' +
  'VALUES (:sessionid,:expires,:attributes)';

/** Double of a connection of oracledb, to a database with one table of sessions. */
function createConnection() {
  /** @type {Map<string, { expires: number, attributes: string }> | undefined} */
  let table;
  const statements = new Statements('oracledb', {
    'CREATE TABLE sessions ( session_id VARCHAR(128) NOT NULL, expires NUMBER(11) NOT NULL, attributes CLOB, PRIMARY KEY (session_id) )': () => {
      if (table) throw failure('ORA-00955: name is already used by an existing object', 955);
      table = new Map();
    },
    'SELECT attributes AS data FROM sessions WHERE session_id = :sessionid AND ROWNUM = 1': ({ sessionid }) => {
      const row = table.get(sessionid);
      return row && [{ DATA: row.attributes }];
    },
    'SELECT COUNT(*) FROM sessions': () => [{ 'COUNT(*)': table.size }],
    [MERGE]: ({ sessionid, expires, attributes }) => { table.set(sessionid, { expires, attributes }); },
    'UPDATE sessions SET expires = :expires WHERE session_id = :sessionid': ({ sessionid, expires }) => {
      if (table.has(sessionid)) table.get(sessionid).expires = expires;
    },
    'DELETE FROM sessions WHERE session_id = :sessionid': ({ sessionid }) => { table.delete(sessionid); },
    'DELETE FROM sessions WHERE expires < :expir': ({ expir }) => {
      for (const [sid, { expires }] of table) if (expires < expir) table.delete(sid);
    },
    'DELETE FROM sessions': () => { table.clear(); },
  });
  return strict('oracledb', {
    /** Parameters and options may be missing. */
    execute(sql, ...rest) {
      const callback = rest.pop();
      const [params, { outFormat = ARRAY } = {}] = rest;
      answer(callback, () => {
        const rows = statements.run(sql, params) ?? [];
        return { rows: outFormat === ARRAY ? rows.map((row) => Object.values(row)) : rows };
      });
    },
  });
}

module.exports = { oracledb, createConnection };
