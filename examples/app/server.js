'use strict';

const crypto = require('node:crypto');
const http = require('node:http');
const path = require('node:path');

const { createApp } = require('./app');
const { openDisk } = require('./store');

const HOST = '127.0.0.1';
const DEFAULT_PORT = 3000;

/** Where the sessions are with STORE=disk, unless DATA says so. */
const DEFAULT_FOLDER = path.join(__dirname, 'data');

/** How long open requests may take to finish once the server is told to stop, in ms. */
const GRACE = 2000;

/**
 * PORT as a number; unset or empty means the default, 0 any free port.
 * @returns {number | undefined} undefined when it is no port
 */
function readPort(text) {
  if (!text) return DEFAULT_PORT;

  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;

  return port <= 65535 ? port : undefined;
}

function whyNot(error, port) {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} is taken: stop the program that uses it, or set PORT to another (PORT=0 takes any free one).`;
    case 'EACCES':
      return `Port ${port} is not open to this user: set PORT to 1024 or higher.`;
    default:
      return `Cannot listen on ${HOST}:${port}: ${error.message}`;
  }
}

function fail(line) {
  console.error(line);
  process.exitCode = 1;
}

/**
 * The store that STORE names, a secret for when SECRET is not set, and what to say of them.
 * @throws {Error} with one line, if there is no such store or it cannot be opened
 */
function readStore() {
  const { STORE: name = '', DATA: folder, SECRET: isSet } = process.env;

  if (name === '' || name === 'memory') {
    const note = 'SECRET is not set: cookies are signed with a random one until this process ends.';

    return { secret: crypto.randomBytes(32).toString('hex'), notes: isSet ? [] : [note] };
  }
  if (name !== 'disk') throw new Error(`STORE is ${JSON.stringify(name)}: use memory or disk.`);

  const { store, file, secret, secretFile } = openDisk(path.resolve(folder || DEFAULT_FOLDER));
  const note = `SECRET is not set: cookies are signed with the one in ${secretFile}.`;

  return { store, secret, notes: [`Sessions are kept in ${file}.`, ...(isSet ? [] : [note])] };
}

function start() {
  const port = readPort(process.env.PORT);

  if (port === undefined) {
    fail(`PORT is ${JSON.stringify(process.env.PORT)}, which is no port: use a number from 0 to 65535.`);
    return;
  }

  const { store, secret, notes } = readStore();
  const server = http.createServer(createApp({ secret: process.env.SECRET || secret, store }));

  server.on('error', (error) => fail(whyNot(error, port)));
  server.listen(port, HOST, () => {
    for (const note of notes) console.log(note);
    console.log(`Listening on http://${HOST}:${server.address().port}/`);

    stopOn(server, 'SIGINT');
    stopOn(server, 'SIGTERM');
  });
}

/** The first signal lets open requests finish; a second one does not wait. */
function stopOn(server, signal) {
  process.on(signal, () => {
    if (!server.listening) {
      server.closeAllConnections();
      return;
    }

    server.close();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), GRACE).unref();
  });
}

try {
  start();
} catch (error) {
  fail(error.message);
}
