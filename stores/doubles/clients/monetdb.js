'use strict';

const Statements = require('../statements');
const { strict } = require('../unknown');

/** Its answers are promises of Q, which have another name for `catch`. */
class Answer extends Promise {
  fail(callback) {
    return this.catch(callback);
  }
}

/** Double of a MonetDBConnection of monetdb, to a database with one table of sessions. */
function createConnection() {
  /** @type {Map<string, { sess: string, expire: number }>} */
  const table = new Map();
  const statements = new Statements('monetdb', {
    'DELETE FROM session WHERE expire < ?': ([now]) => {
      for (const [sid, { expire }] of table) if (expire < now) table.delete(sid);
      return [];
    },
    'SELECT sess FROM session WHERE sid = ? AND expire >= ?': ([sid, now]) => {
      const row = table.get(sid);
      return row && row.expire >= now ? [[row.sess]] : [];
    },
    'SELECT * FROM session WHERE sid = ?': ([sid]) => {
      const row = table.get(sid);
      return row ? [[sid, row.sess, row.expire]] : [];
    },
    'INSERT INTO session (sid, sess, expire) VALUES (?, ?, ?)': ([sid, sess, expire]) => {
      if (table.has(sid)) throw new Error('INSERT INTO: PRIMARY KEY constraint violated');
      table.set(sid, { sess, expire });
      return [];
    },
    'UPDATE session SET sess = ? WHERE sid = ?': ([sess, sid]) => {
      if (table.has(sid)) table.get(sid).sess = sess;
      return [];
    },
    'DELETE FROM session WHERE sid = ?': ([sid]) => {
      table.delete(sid);
      return [];
    },
  });
  return strict('monetdb', {
    query: (sql, params) => Answer.resolve().then(() => {
      const data = statements.run(sql, params);
      return { rows: data.length, data };
    }),
  });
}

module.exports = createConnection;
