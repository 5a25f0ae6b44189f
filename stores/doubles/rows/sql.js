'use strict';

const createDb2 = require('../clients/db2');
const createMonetdb = require('../clients/monetdb');
const { createConnection, createFirstTable, createOldTable, createPool, createRequest, createTable } = require('../clients/mssql');
const { oracledb, createConnection: createOracle } = require('../clients/oracle');
const standIn = require('../stand-in');

/** Stores on databases that speak SQL. */
module.exports = [
  {
    name: 'connect-db2',
    package: 'connect-db2',
    loads: 'arg',
    backend: 'double of ibm_db',
    open(session, at) {
      // Only its connections are used, and one is given.
      standIn('ibm_db', {});
      at.kept.connection ??= createDb2();
      return new (require('connect-db2')(session))({}, at.kept.connection);
    },
  },
  {
    name: 'express-oracle-session',
    package: 'express-oracle-session',
    loads: 'arg',
    backend: 'double of oracledb',
    note: 'the store asks for rows as arrays, and then reads their column `data`, so it can read no session',
    open(session, at) {
      standIn('oracledb', oracledb);
      at.kept.connection ??= createOracle();
      const OracleStore = require('express-oracle-session')(session);
      return new Promise((resolve, reject) => {
        const store = new OracleStore({}, at.kept.connection, (error) => {
          error ? reject(error) : resolve(store);
        });
      });
    },
  },
  {
    name: 'connect-monetdb',
    package: 'connect-monetdb',
    loads: 'arg',
    backend: 'double of monetdb',
    open(session, at) {
      at.kept.connection ??= createMonetdb();
      return new (require('connect-monetdb')(session))(at.kept.connection);
    },
  },
  {
    name: 'connect-mssql',
    package: 'connect-mssql',
    loads: 'arg',
    backend: 'double of mssql',
    open(session, at) {
      at.kept.table ??= createFirstTable();
      ownMssql('connect-mssql').Connection = function Connection() {
        return createConnection(at.kept.table);
      };
      return new (require('connect-mssql')(session))({}, { autoRemove: 'interval', autoRemoveInterval: 500 });
    },
  },
  {
    name: 'connect-mssql-v2',
    package: 'connect-mssql-v2',
    with: ['mssql'],
    loads: 'import',
    backend: 'double of mssql',
    open(_session, at) {
      at.kept.table ??= createTable();
      const mssql = require('mssql');
      mssql.ConnectionPool = function ConnectionPool() {
        return createPool(at.kept.table);
      };
      return new (require('connect-mssql-v2'))({}, {
        autoRemove: true, autoRemoveInterval: 500,
      });
    },
  },
  {
    name: 'mssql-session-store',
    package: 'mssql-session-store',
    loads: 'arg',
    backend: 'double of mssql',
    open(session, at) {
      at.kept.table ??= createOldTable();
      ownMssql('mssql-session-store').Request = createRequest(at.kept.table);
      return new (require('mssql-session-store')(session))({ reapInterval: -1 });
    },
  },
];

/** The version of mssql that comes with a store. */
function ownMssql(store) {
  return require(require.resolve('mssql', { paths: [require.resolve(store)] }));
}
