'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

// In an app of your own: require('express-session-rs').
const { DiskStore } = require('../..');

/** For how long a session lasts that nobody uses, in ms. */
const idleTimeout = 15 * 60 * 1000;

/**
 * With these, a store of this package can list the sessions of a user and end them: whose a session
 * is, what is kept of the browser that uses it, and when it is over.
 */
const storeOptions = {
  ttl: idleTimeout,
  user: (session) => session.user?.name,
  // Behind a proxy, the address is the visitor's only with Express's setting `trust proxy`.
  describe: (req) => ({ ip: req.ip, userAgent: req.get('user-agent') }),
};

/**
 * Opens a store that survives a restart, and returns it with a secret that does so, too: with
 * another secret, nobody's cookie would be valid any more.
 *
 * @param {string} folder made if it is missing; only its owner may read what is in it
 * @returns {{ store: DiskStore, file: string, secret: string, secretFile: string }}
 * @throws {Error} saying what is wrong with the folder or the file
 */
function openDisk(folder) {
  const file = path.join(folder, 'sessions.db');
  const secretFile = path.join(folder, 'secret');
  const store = new DiskStore({ path: file, ...storeOptions });

  return { store, file, secret: keptSecret(secretFile), secretFile };
}

/** The secret in a file, which is made at the first start. */
function keptSecret(file) {
  try {
    fs.writeFileSync(file, crypto.randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  return fs.readFileSync(file, 'utf8');
}

module.exports = { idleTimeout, storeOptions, openDisk };
