'use strict';

/** One worker of start.js: the example app on the DiskStore of FILE, with the secret SECRET, at PORT. */
const http = require('node:http');

const { createApp } = require('../app/app');
const { storeOptions } = require('../app/store');

// In an app of your own: require('express-session-rs').
const { DiskStore } = require('../..');

const { FILE: path, SECRET: secret, PORT: port } = process.env;
const server = http.createServer(createApp({ secret, store: new DiskStore({ path, ...storeOptions }) }));

// All workers listen on one port.
server.listen(Number(port), '127.0.0.1');

process.once('SIGTERM', () => {
  // Requests that are under way end, and their sessions are saved.
  server.close(() => process.exit());
  server.closeIdleConnections();
});
// Ctrl-C is for start.js, which ends the workers.
process.on('SIGINT', () => {});
