'use strict';

/** The Firestore emulator on the port given as argument, for this machine only. */
const { FirestoreServer } = require('@firestore-emulator/server');
const { ServerCredentials } = require('@grpc/grpc-js');

const emulator = new FirestoreServer();
// Its own `start` would listen on every address.
emulator.server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
