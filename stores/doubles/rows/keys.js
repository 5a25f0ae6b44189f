'use strict';

const { aerospike, createClient: createAerospike } = require('../clients/aerospike');
const createCassandra = require('../clients/cassandra');
const createCouchbase = require('../clients/couchbase');
const createDatacache = require('../clients/datacache');
const createHazelcast = require('../clients/hazelcast');
const standIn = require('../stand-in');

/** Stores on servers that keep values by key, and end them by themselves. */
module.exports = [
  {
    name: 'aerospike-session-store',
    package: 'aerospike-session-store',
    loads: 'arg',
    backend: 'double of aerospike',
    open(session, at) {
      standIn('aerospike', aerospike);
      at.kept.client ??= createAerospike();
      return new (require('aerospike-session-store')(session))({ client: at.kept.client });
    },
  },
  {
    name: 'cassandra-store',
    package: 'cassandra-store',
    with: ['cassandra-driver'],
    loads: 'import',
    backend: 'double of cassandra-driver',
    open(_session, at) {
      at.kept.client ??= createCassandra();
      const CassandraStore = require('cassandra-store');
      return new Promise((resolve, reject) => {
        const store = new CassandraStore({ client: at.kept.client }, (error) => {
          error ? reject(error) : resolve(store);
        });
      });
    },
  },
  {
    name: 'connect-cassandra-cql',
    package: 'connect-cassandra-cql',
    with: ['cassandra-driver'],
    loads: 'arg',
    backend: 'double of cassandra-driver',
    open(session, at) {
      at.kept.client ??= createCassandra();
      return new (require('connect-cassandra-cql')(session))({ client: at.kept.client });
    },
  },
  {
    name: 'connect-couchbase',
    package: 'connect-couchbase',
    loads: 'arg',
    backend: 'double of couchbase',
    open(session, at) {
      at.kept.db ??= createCouchbase();
      return new (require('connect-couchbase')(session))({ db: at.kept.db });
    },
  },
  {
    name: 'connect-datacache',
    package: 'connect-datacache',
    loads: 'arg',
    backend: 'double of datacache-client',
    open(session, at) {
      at.kept.client ??= createDatacache();
      return new (require('connect-datacache')(session))({ client: at.kept.client });
    },
  },
  {
    name: 'connect-hazelcast',
    package: 'connect-hazelcast',
    loads: 'arg',
    backend: 'double of hazelcast-client',
    open(session, at) {
      at.kept.client ??= createHazelcast();
      return new (require('connect-hazelcast')(session))({ client: at.kept.client });
    },
  },
  {
    name: 'hazelcast-store',
    package: 'hazelcast-store',
    loads: 'arg',
    backend: 'double of hazelcast-client',
    open(session, at) {
      at.kept.client ??= createHazelcast();
      const store = new (require('hazelcast-store')(session))({});
      store.setClient(at.kept.client);
      return store;
    },
  },
];
