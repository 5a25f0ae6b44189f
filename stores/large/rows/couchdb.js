'use strict';

module.exports = [
  {
    name: 'connect-cloudant-store',
    package: 'connect-cloudant-store',
    with: ['pouchdb-server'],
    loads: 'arg',
    backend: 'couchdb',
    note: 'against pouchdb-server, whose ETag for HEAD differs from that of CouchDB',
    async open(session, at) {
      const url = `http://127.0.0.1:${at.port}`;
      await fetch(`${url}/sessions`, { method: 'PUT' });
      const store = new (require('connect-cloudant-store')(session))({ url });
      // An error that nobody listens to would end the process.
      store.on('error', () => {});
      return new Promise((resolve) => { store.once('connect', () => { resolve(store); }); });
    },
  },
  {
    name: 'session-pouchdb-store',
    package: 'session-pouchdb-store',
    with: ['pouchdb-server'],
    loads: 'import',
    backend: 'couchdb',
    varies: {
      '20 parallel requests': 'reads from a cache that changes of the database reach later',
      length: 'asks the database, which the sessions reach later',
      all: 'asks the database, which the sessions reach later',
    },
    fleeting: ['$dirty', '_rev'],
    background: 'its timer may try to keep a session that has gone, which is passed over here',
    open: (_session, at) => new (require('session-pouchdb-store'))(
      `http://127.0.0.1:${at.port}/sessions`, { commit: 100 },
    ),
  },
];
