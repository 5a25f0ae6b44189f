'use strict';

const startCouchdb = require('../clients/couchdb');
const createDatastore = require('../clients/datastore');
const createDocumentdb = require('../clients/documentdb');
const createFirebase = require('../clients/firebase');
const createRethinkdb = require('../clients/rethinkdb');
const { startDatabunker, TOKEN } = require('../clients/databunker');
const startRest = require('../clients/rest');

/** Stores on servers that keep documents. */
module.exports = [
  {
    name: '@google-cloud/connect-datastore',
    package: '@google-cloud/connect-datastore',
    loads: 'import',
    backend: 'double of @google-cloud/datastore',
    open(_session, at) {
      at.kept.dataset ??= createDatastore();
      const { DatastoreStore } = require('@google-cloud/connect-datastore');
      return new DatastoreStore({ dataset: at.kept.dataset, kind: 'express-sessions' });
    },
  },
  {
    name: 'connect-session-firebase',
    package: 'connect-session-firebase',
    loads: 'arg',
    backend: 'double of firebase-admin',
    open(session, at) {
      at.kept.database ??= createFirebase();
      return new (require('connect-session-firebase')(session))({ database: at.kept.database });
    },
  },
  {
    name: 'session-rethinkdb',
    package: 'session-rethinkdb',
    loads: 'arg',
    backend: 'double of rethinkdbdash',
    open(session, at) {
      at.kept.r ??= createRethinkdb();
      const RethinkStore = require('session-rethinkdb')(session);
      return new Promise((resolve) => {
        const store = new RethinkStore(at.kept.r, { clearInterval: 500 });
        store.once('connect', () => { resolve(store); });
      });
    },
  },
  {
    name: 'documentdb-session',
    package: 'documentdb-session',
    with: ['documentdb'],
    loads: 'arg',
    backend: 'double of documentdb',
    open(session, at) {
      at.kept.client ??= createDocumentdb();
      require('documentdb').DocumentClient = function DocumentClient() {
        return at.kept.client;
      };
      return new (require('documentdb-session')(session))({ host: 'suite', key: 'suite' });
    },
  },
  {
    name: 'couchdb-expression',
    package: 'couchdb-expression',
    loads: 'arg',
    backend: 'double of CouchDB',
    background: 'the store throws in a callback if a session is missing; the suite ignores that exception',
    // Made of the session's id, which is no other than by chance.
    fleeting: ['_id'],
    async open(session, at) {
      at.kept.port ??= await startCouchdb();
      const CouchDBStore = require('couchdb-expression')(session);
      return new CouchDBStore({ hostname: '127.0.0.1', port: at.kept.port });
    },
  },
  {
    name: '@databunker/session-store',
    package: '@databunker/session-store',
    loads: 'arg',
    backend: 'double of Databunker',
    async open(session, at) {
      at.kept.port ??= await startDatabunker();
      const DatabunkerStore = require('@databunker/session-store')(session);
      return new DatabunkerStore({ url: `http://127.0.0.1:${at.kept.port}`, token: TOKEN });
    },
  },
  {
    name: 'restsession',
    package: 'restsession',
    loads: 'arg',
    backend: 'double of a REST service',
    async open(session, at) {
      at.kept.port ??= await startRest();
      return new (require('restsession')(session))(`http://127.0.0.1:${at.kept.port}`);
    },
  },
];
