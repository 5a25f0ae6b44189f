'use strict';

/** The majors of connect-mongo differ in how they are loaded and in their driver. */
module.exports = [
  {
    name: 'connect-mongo 6',
    package: 'connect-mongo',
    with: ['mongodb'],
    loads: 'import',
    backend: 'secantusdb',
    ci: true,
    note: 'ran against SecantusDB from PyPI, which speaks the protocol of MongoDB; no package registry has MongoDB itself',
    open: (_session, at) => created(require('connect-mongo').MongoStore, at),
  },
  {
    name: 'connect-mongo 6, ESM',
    package: 'connect-mongo',
    with: ['mongodb'],
    loads: 'import',
    backend: 'secantusdb',
    open: async (_session, at) => created((await import('connect-mongo')).MongoStore, at),
  },
  {
    name: 'connect-mongo 6, encrypted',
    package: 'connect-mongo',
    with: ['mongodb'],
    loads: 'import',
    backend: 'secantusdb',
    open: (_session, at) => created(require('connect-mongo').MongoStore, at, {
      crypto: { secret: 'of the documents' },
    }),
  },
  {
    name: 'connect-mongo 5',
    package: 'connect-mongo-5',
    with: ['mongodb'],
    loads: 'import',
    backend: 'secantusdb',
    open: (_session, at) => created(require('connect-mongo-5'), at),
  },
  {
    name: 'connect-mongo 4',
    package: 'connect-mongo-4',
    with: ['mongodb'],
    loads: 'import',
    backend: 'secantusdb',
    open: (_session, at) => created(require('connect-mongo-4'), at),
  },
  {
    name: 'connect-mongo 3',
    package: 'connect-mongo-3',
    loads: 'arg',
    backend: 'secantusdb',
    open: (session, at) => new (require('connect-mongo-3')(session))({ url: url(at) }),
  },
  {
    name: 'connect-mongodb-session',
    package: 'connect-mongodb-session',
    with: ['mongodb'],
    loads: 'arg',
    backend: 'secantusdb',
    ci: true,
    open: (session, at) => new Promise((resolve, reject) => {
      const MongoDBStore = require('connect-mongodb-session')(session);
      const store = new MongoDBStore({ uri: url(at), collection: 'sessions' }, (error) => {
        error ? reject(error) : resolve(store);
      });
    }),
  },
];

function created(MongoStore, at, options) {
  return MongoStore.create({ mongoUrl: url(at), ...options });
}

function url({ port, database }) {
  return `mongodb://127.0.0.1:${port}/${database}`;
}
