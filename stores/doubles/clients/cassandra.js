'use strict';

const { answer, failure } = require('../answer');
const Expiring = require('../expiring');
const Statements = require('../statements');
const { strict } = require('../unknown');

const INVALID = 0x2200;

/** Double of a `Client` of cassandra-driver: one table of sessions, whose rows have a TTL. */
function createClient() {
  // Its own types of values; the table of rows is read where it is not installed, too.
  const { types } = require('cassandra-driver');
  // What the driver hands out has a method besides the columns.
  const rowOf = (session) => Object.assign(new types.Row([{ name: 'session' }]), { session });
  const table = new Expiring();
  const put = (sid, session, seconds) => {
    table.set(sid, session, seconds === '0' ? undefined : Number(seconds) * 1000);
    return [];
  };
  const remove = ([sid]) => {
    table.delete(sid);
    return [];
  };
  const select = ([sid]) => [table.get(sid)].filter(Boolean).map(rowOf);
  const statements = new Statements('cassandra-driver', {
    'CREATE TABLE IF NOT EXISTS $ (sid text PRIMARY KEY, session text)': () => [],
    'SELECT session FROM $ WHERE sid=?;': select,
    'SELECT session FROM $ WHERE sid = ?': select,
    'SELECT session FROM $ ALLOW FILTERING;': () => table.values().map(rowOf),
    'SELECT count(*) FROM $ ALLOW FILTERING;': () =>
      [{ count: types.Long.fromNumber(table.values().length) }],
    'INSERT INTO $ (sid, session, expires) VALUES (?, ?, ?) USING TTL $;': ([sid, session], _table, ttl) =>
      put(sid, session, ttl),
    'UPDATE $ USING TTL $ SET session = ? WHERE sid = ?': ([session, sid], _table, ttl) =>
      put(sid, session, ttl),
    'DELETE FROM $ WHERE sid=?;': remove,
    'DELETE FROM $ WHERE sid = ?': remove,
    'TRUNCATE $;': () => {
      table.clear();
      return [];
    },
  });
  const run = (query, params) => {
    // Values in a list must be as many as the question marks; those with names are picked from.
    if (Array.isArray(params) && params.length !== query.split('?').length - 1) {
      throw failure('Invalid amount of bind variables', INVALID);
    }
    return statements.run(query, params);
  };
  return strict('cassandra-driver', {
    /** Of what is written to its log there is nothing. */
    on() {},
    connect(callback) {
      answer(callback, () => undefined);
    },
    /** The last argument is the callback; parameters and options may be missing. */
    execute(query, ...rest) {
      const callback = rest.pop();
      answer(callback, () => ({ rows: run(query, rest[0] ?? []) }));
    },
    eachRow(query, params, _options, each, callback) {
      answer(callback, () => {
        const rows = run(query, params);
        rows.forEach((row, index) => { each(index, row); });
        return { rowLength: rows.length };
      });
    },
  });
}

module.exports = createClient;
