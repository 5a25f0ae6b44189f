'use strict';

const { EventEmitter } = require('node:events');
const { answer } = require('../answer');
const Statements = require('../statements');
const { strict, unknown } = require('../unknown');

/** Of connect-mssql-v2. */
function createTable() {
  /** @type {Map<string, { session: string, expires: Date }>} */
  const table = new Map();
  return new Statements('mssql', {
    'SELECT sid, session FROM sessions': () => [...table].map(([sid, { session }]) => ({ sid, session })),
    'SELECT session FROM sessions WHERE sid = @sid': ({ sid }) =>
      (table.has(sid) ? [{ session: table.get(sid).session }] : []),
    'UPDATE sessions SET session = @session, expires = @expires WHERE sid = @sid; IF @@ROWCOUNT = 0 BEGIN INSERT INTO sessions (sid, session, expires) VALUES (@sid, @session, @expires) END;': ({ sid, session, expires }) => { table.set(sid, { session, expires }); },
    'UPDATE sessions SET expires = @expires WHERE sid = @sid': ({ sid, expires }) => {
      if (table.has(sid)) table.get(sid).expires = expires;
    },
    'DELETE FROM sessions WHERE sid = @sid': ({ sid }) => { table.delete(sid); },
    'DELETE FROM sessions WHERE expires <= GETUTCDATE()': () => {
      for (const [sid, { expires }] of table) if (expires <= new Date()) table.delete(sid);
    },
    'SELECT COUNT(sid) AS length FROM sessions': () => [{ length: table.size }],
    'TRUNCATE TABLE sessions': () => { table.clear(); },
  });
}

/** Double of a `ConnectionPool` of mssql 11. */
function createPool(statements) {
  const pool = Object.assign(new EventEmitter(), {
    connected: false,
    connecting: false,
    async connect() {
      pool.connected = true;
    },
    request() {
      const inputs = {};
      return strict('mssql', {
        input(name, type, value) {
          if (type === undefined) throw unknown('mssql', `the input ${name} without a type`);
          inputs[name] = value;
        },
        query: async (sql) => ({ recordset: statements.run(sql, inputs) }),
      });
    },
  });
  return strict('mssql', pool);
}

/** Of mssql-session-store. */
function createOldTable() {
  /** @type {Map<string, { sessionData: string, lastTouchedUtc: number }>} */
  const table = new Map();
  return new Statements('mssql', {
    'delete [Session] where lastTouchedUtc <= dateadd(second, -1 * @ttl, getutcdate());': ({ ttl }) => {
      for (const [id, row] of table) if (row.lastTouchedUtc <= Date.now() - ttl * 1000) table.delete(id);
    },
    'select sessionData from [Session] where sessionId = @sessionId;': ({ sessionId }) =>
      (table.has(sessionId) ? [{ sessionData: table.get(sessionId).sessionData }] : []),
    'if exists(select sessionId from [Session] where sessionId = @sessionId) begin update [Session] set sessionData = @sessionData where sessionId = @sessionId; end else begin insert into [Session] (sessionId, sessionData, lastTouchedUtc) values(@sessionId, @sessionData, getutcdate()); end': ({ sessionId, sessionData }) => {
      table.set(sessionId, { lastTouchedUtc: Date.now(), ...table.get(sessionId), sessionData });
    },
    'update [Session] set lastTouchedUtc = getutcdate() where sessionId = @sessionId': ({ sessionId }) => {
      if (table.has(sessionId)) table.get(sessionId).lastTouchedUtc = Date.now();
    },
    'delete [Session] where sessionId = @sessionId': ({ sessionId }) => { table.delete(sessionId); },
    'select count(*) from [Session]': () => [{ '': table.size }],
    'delete [Session]': () => { table.clear(); },
  });
}

/** Double of the `Request` of mssql 2, all of whose instances ask the same table. */
function createRequest(statements) {
  return function Request() {
    const inputs = {};
    return strict('mssql', {
      input(name, _type, value) {
        inputs[name] = value;
      },
      query(sql, callback) {
        answer(callback, () => statements.run(sql, inputs));
      },
    });
  };
}

module.exports = { createTable, createPool, createOldTable, createRequest };
