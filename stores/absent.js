'use strict';

/** Stores of express-session's list that cannot be run here, and why. */
module.exports = [
  [['connect-mongo', 'connect-mongodb-session'], 'MongoDB: no server in Debian 12 or a package registry'],
  [['aerospike-session-store'], 'Aerospike: no server to be had'],
  [['cassandra-store'], 'Cassandra: no server to be had'],
  [['connect-couchbase'], 'Couchbase: no server to be had'],
  [['connect-hazelcast'], 'Hazelcast: no server to be had'],
  [['session-rethinkdb', 'express-session-rethinkdb'], 'RethinkDB: no server to be had'],
  [['connect-mssql-v2'], 'SQL Server: no server to be had'],
  [['connect-db2'], 'DB2: no server to be had'],
  [['connect-marklogic'], 'MarkLogic: no server to be had'],
  [['connect-monetdb'], 'MonetDB: no server to be had'],
  [['documentdb-session'], 'Azure DocumentDB: no server to be had'],
  [['@google-cloud/connect-datastore'], 'Google Datastore: no emulator to be had'],
  [['fortune-session', 'express-etcd'], 'no longer published on npm'],
];
