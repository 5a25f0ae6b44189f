'use strict';

/** Stores of express-session's list that were not run, and why. */
module.exports = [
  [['connect-mongo', 'connect-mongodb-session'], 'MongoDB: no server in Debian 12 or a package registry'],
  [['aerospike-session-store'], 'Aerospike: no server to be had'],
  [['cassandra-store'], 'Apache Cassandra: no server to be had'],
  [['connect-arango'], 'ArangoDB: no server to be had'],
  [['connect-cosmosdb'], 'Azure Cosmos DB: no emulator to be had'],
  [['connect-couchbase', 'connect-ottoman'], 'Couchbase: no server to be had'],
  [['connect-datacache'], 'IBM Data Cache: a service, not a server one can start'],
  [['@google-cloud/connect-datastore'], 'Google Datastore: no emulator to be had'],
  [['connect-db2'], 'DB2: no server to be had'],
  [['connect-hazelcast', 'hazelcast-store'], 'Hazelcast: no server to be had'],
  [['connect-ml'], 'MarkLogic: no server to be had'],
  [['connect-monetdb'], 'MonetDB: no server to be had'],
  [['connect-mssql-v2', 'mssql-session-store'], 'SQL Server: no server to be had'],
  [['connect-neo4j'], 'Neo4j: no server to be had'],
  [['connect-session-firebase'], 'Firebase Realtime Database: not tried'],
  [['express-oracle-session'], 'Oracle: no server to be had'],
  [['@databunker/session-store'], 'Databunker: not tried'],
  [['@cyclic.sh/session-store'], 'made for Cyclic.sh, a service that has ended: not tried'],
  [['restsession'], 'needs a REST service of its author\'s design: not tried'],
  [['couchdb-expression'], 'does not get along with pouchdb-server, and CouchDB itself is not to be had'],
  [['sessionstore'], 'refuses Express 5, in which this suite runs'],
  [['dynamodb-store-v3', 'express-etcd', 'express-session-etcd3', 'fortune-session'], 'not published on npm'],
];
