'use strict';

const debug = require('debug')('express-session');
const deprecate = require('depd')('express-session');
const Connection = require('./store/connection');
const Keyring = require('./cookie/keyring');
const RequestSession = require('./request');
const Resident = require('./backend/resident');
const checked = require('./options');
const ResponsePatch = require('./response');
const pathname = require('./request/pathname');
const select = require('./backend/select');
const { cookieOptions, generate } = require('./request/generate');

/**
 * Makes the middleware that puts a session on each request.
 *
 * @param {object} [options] see index.d.ts
 * @returns {(req: object, res: object, next: (error?: Error) => void) => void}
 * @throws {TypeError} naming the option that is wrong
 */
function session(options) {
  const settings = checked(options, deprecate);
  const { store, secrets } = settings;
  const ownKeyring = secrets && new Keyring(secrets);

  settings.generate = (req) => generate(req, settings);
  store.generate = settings.generate;
  settings.resident = Resident.of(settings);
  const connection = Connection.of(store);
  const { eventsBefore } = connection;

  return function session(req, res, next) {
    if (req.session) {
      next();
      return;
    }
    if (!connection.isOpen && connection.isLostSince(eventsBefore)) {
      debug('store is disconnected');
      next();
      return;
    }
    let path;
    try {
      path = pathname(req);
    } catch (malformed) {
      // A target that is no URL, which the HTTP parser lets through: thrown, it would
      // end a server that is bare `http`, and anybody can send it.
      next(malformed);
      return;
    }
    if (!path.startsWith(`${cookieOptions(req, settings).path || '/'}`)) {
      debug('pathname mismatch');
      next();
      return;
    }
    if (!ownKeyring && !req.secret) {
      next(new Error('secret option required for sessions'));
      return;
    }
    const keyring = ownKeyring || new Keyring([req.secret]);
    req.sessionStore = store;
    const header = req.headers.cookie;
    // Only a program puts there what is no text. The words are those of npm `cookie` 0.7.2.
    if (header && typeof header !== 'string') throw new TypeError('argument str must be a string');
    const request = new RequestSession(settings, req, keyring);
    new ResponsePatch(request, res, next);
    select(request).open(request, header, next);
  };
}

module.exports = session;
