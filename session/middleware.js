'use strict';

/** @import { Next, Options, Outside, Request, Response, Settings } from './types' */

const { isPromise } = require('node:util').types;
const debug = require('debug')('express-session');
const deprecate = require('depd')('express-session');
const Connection = require('./store/connection');
const Keyring = require('./cookie/keyring');
const RequestSession = require('./request');
const Resident = require('./backend/resident');
const checked = require('./options');
const ResponsePatch = require('./response');
const HeldResponse = require('./response/held-response');
const pathname = require('./request/pathname');
const { mayRenew } = require('./request/renew');
const { select } = require('./backend/select');
const { cookieOptions, generate } = require('./request/generate');
const { defineHidden } = require('./request/session');

/**
 * Makes the middleware that puts a session on each request. It has methods for sessions outside a request.
 *
 * @param {Options} [options] index.d.ts explains them
 * @returns {((req: Request, res: Response, next: Next) => void) & Outside}
 * @throws {TypeError} that names the wrong option
 */
function session(options) {
  const settings = checked(options, deprecate);
  const { store, secrets, skip } = settings;
  const ownKeyring = secrets && new Keyring(secrets);

  settings.generate = (req) => generate(req, settings);
  store.generate = settings.generate;
  settings.resident = Resident.of(settings);
  const connection = Connection.of(store);
  const { eventsBefore } = connection;

  /** @type {(req: Request, res: Response, next: Next) => void} */
  const middleware = function session(req, res, next) {
    if (req.session) {
      next();
      return;
    }
    let isSkipped;
    try {
      isSkipped = skip !== undefined && skips(skip, req);
    } catch (error) {
      // `next` takes a falsy error for no error.
      next(error || new Error('skip option failed and gave no error'));
      return;
    }
    if (isSkipped) {
      debug('skipped');
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
      // The HTTP parser accepts targets that are not URLs, and any client can send one. In a
      // server without Express, an error that is thrown here would end the process.
      next(malformed);
      return;
    }
    if (!path.startsWith(`${cookieOptions(req, settings).path || '/'}`)) {
      debug('pathname mismatch');
      next();
      return;
    }
    const keyring = ownKeyring || (req.secret && new Keyring([req.secret]));
    if (!keyring) {
      next(new Error('secret option required for sessions'));
      return;
    }
    req.sessionStore = store;
    const header = req.headers.cookie;
    // A client cannot cause this, only a program that assigns the header. The message is that
    // of npm `cookie` 0.7.2.
    if (header && typeof header !== 'string') throw new TypeError('argument str must be a string');
    const request = new RequestSession(settings, req, keyring);
    if (request.meta !== undefined && settings.times?.renews) request.meta.mayRenew = mayRenew(req, res);
    new (settings.commit === 'headers' ? HeldResponse : ResponsePatch)(request, res, next);
    select(request).open(request, header, next);
  };
  // Loaded when a program calls one of them.
  const outside = () => require('./outside/sessions');
  /** @type {Outside} */
  const methods = {
    async load(from) { return outside().load(settings, ownKeyring, from); },
    async create(data) { return outside().create(settings, ownKeyring, data); },
  };
  for (const [name, method] of Object.entries(methods)) defineHidden(middleware, name, method);
  return /** @type {typeof middleware & Outside} */ (middleware);
}

module.exports = session;

/**
 * Returns whether a request is to have no session.
 *
 * @param {NonNullable<Settings['skip']>} skip gets no `this`
 * @param {Request} req
 * @returns {boolean}
 * @throws what `skip` throws, and a TypeError if it returns a promise. A promise is a true value,
 *   so an `async` function would take the session from every request.
 */
function skips(skip, req) {
  /** @type {any} */
  const result = skip(req);
  if (typeof result?.then === 'function') {
    // The TypeError is reported. A rejection that nobody handles would end the process as well.
    if (isPromise(result)) result.then(undefined, () => {});
    throw new TypeError('skip option must return a boolean, not a promise');
  }
  return Boolean(result);
}
