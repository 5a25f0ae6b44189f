'use strict';

module.exports = [
  {
    name: 'connect-cloudant-store',
    package: 'connect-cloudant-store',
    with: ['pouchdb-server'],
    loads: 'arg',
    backend: 'couchdb',
    note: 'ran against pouchdb-server, whose ETag for HEAD differs from that of CouchDB',
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
      '20 parallel requests': 'the store reads from a cache that gets changes of the database late',
      length: 'the store asks the database, which gets the sessions late',
      all: 'the store asks the database, which gets the sessions late',
    },
    fleeting: ['$dirty', '_rev'],
    background: 'a timer of the store may touch a session that was destroyed; the suite ignores the error',
    open: (_session, at) => new (require('session-pouchdb-store'))(
      `http://127.0.0.1:${at.port}/sessions`, { commit: 100 },
    ),
  },
];
