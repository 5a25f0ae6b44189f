'use strict';

const { EventEmitter } = require('node:events');
const { answer } = require('../answer');
const Statements = require('../statements');
const { strict, unknown } = require('../unknown');

/** What connect-mssql and its successor do with a table, by the inputs of a request. */
function sessionsTable() {
  /** @type {Map<string, { session: string, expires: Date }>} */
  const table = new Map();
  return {
    all: () => [...table].map(([sid, { session }]) => ({ sid, session })),
    get: ({ sid }) => (table.has(sid) ? [{ session: table.get(sid).session }] : []),
    set: ({ sid, session, expires }) => { table.set(sid, { session, expires }); },
    touch: ({ sid, expires }) => {
      if (table.has(sid)) table.get(sid).expires = expires;
    },
    destroy: ({ sid }) => { table.delete(sid); },
    prune: () => {
      for (const [sid, { expires }] of table) if (expires <= new Date()) table.delete(sid);
    },
    length: () => [{ length: table.size }],
    clear: () => { table.clear(); },
  };
}

/** Of connect-mssql. */
function createFirstTable() {
  const { get, set, touch, destroy, prune, length, clear } = sessionsTable();
  return new Statements('mssql', {
    'select session from [sessions] where sid = @sid': get,
    'merge into [sessions] with (holdlock) s using (values(@sid, @session)) as ns (sid, session) on (s.sid = ns.sid) when matched then update set s.session = @session, s.expires = @expires when not matched then insert (sid, session, expires) values (@sid, @session, @expires);': set,
    'update [sessions] set expires = @expires where sid = @sid': touch,
    'delete from [sessions] where sid = @sid': destroy,
    'delete from [sessions] where expires <= getutcdate()': prune,
    'select count(sid) as length from [sessions]': length,
    'truncate table [sessions]': clear,
  });
}

/** Of connect-mssql-v2. */
function createTable() {
  const { all, get, set, touch, destroy, prune, length, clear } = sessionsTable();
  return new Statements('mssql', {
    'SELECT sid, session FROM sessions': all,
    'SELECT session FROM sessions WHERE sid = @sid': get,
    'UPDATE sessions SET session = @session, expires = @expires WHERE sid = @sid; IF @@ROWCOUNT = 0 BEGIN INSERT INTO sessions (sid, session, expires) VALUES (@sid, @session, @expires) END;': set,
    'UPDATE sessions SET expires = @expires WHERE sid = @sid': touch,
    'DELETE FROM sessions WHERE sid = @sid': destroy,
    'DELETE FROM sessions WHERE expires <= GETUTCDATE()': prune,
    'SELECT COUNT(sid) AS length FROM sessions': length,
    'TRUNCATE TABLE sessions': clear,
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

/** Double of the `Connection` of mssql 3, which is connected a little later. */
function createConnection(statements) {
  const Request = createRequest(statements);
  const connection = Object.assign(new EventEmitter(), {
    config: { options: { tdsVersion: undefined } },
    connected: false,
    connecting: false,
    async connect() {
      connection.connecting = true;
      await new Promise(setImmediate);
      Object.assign(connection, { connected: true, connecting: false });
      connection.emit('connect');
    },
    request: () => new Request(),
  });
  return strict('mssql', connection);
}

/** Double of the `Request` of mssql 2 and 3, all of whose instances ask the same table. */
function createRequest(statements) {
  return function Request() {
    const inputs = {};
    return strict('mssql', {
      // The type may be left out.
      input(name, ...typed) {
        inputs[name] = typed.at(-1);
      },
      // Without a callback, mssql gives a promise, at which no store looks.
      query(sql, callback = () => {}) {
        answer(callback, () => statements.run(sql, inputs));
      },
    });
  };
}

module.exports = { createFirstTable, createConnection, createTable, createPool, createOldTable, createRequest };
