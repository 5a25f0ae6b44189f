'use strict';

const EMULATOR = ['@google-cloud/firestore', '@firestore-emulator/server'];

module.exports = [
  {
    name: 'firestore-store',
    package: 'firestore-store',
    with: EMULATOR,
    loads: 'arg',
    backend: 'firestore',
    open: (session, at) => new (require('firestore-store')(session))({ database: database(at) }),
  },
  {
    name: '@google-cloud/connect-firestore',
    package: '@google-cloud/connect-firestore',
    with: EMULATOR,
    loads: 'import',
    backend: 'firestore',
    open(_session, at) {
      const { FirestoreStore } = require('@google-cloud/connect-firestore');
      return new FirestoreStore({ dataset: database(at), kind: 'express-sessions' });
    },
  },
];

function database({ port }) {
  process.env.FIRESTORE_EMULATOR_HOST = `127.0.0.1:${port}`;
  const { Firestore } = require('@google-cloud/firestore');
  return new Firestore({ projectId: 'suite' });
}
