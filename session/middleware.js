'use strict';

const debug = require('debug')('express-session');
const deprecate = require('depd')('express-session');
const Cookie = require('./cookie');
const Exchange = require('./exchange');
const Keyring = require('./keyring');
const MemoryStore = require('./memory');
const Session = require('./session');
const checked = require('./options');
const isResident = require('./resident');
const isSecure = require('./secure');
const patch = require('./response');
const pathname = require('./pathname');
const sidOf = require('./sid');

/**
 * Makes the middleware that puts a session on each request.
 *
 * @param {object} [options] see index.d.ts
 * @returns {(req: object, res: object, next: (error?: Error) => void) => void}
 * @throws {TypeError} naming the option that is wrong
 */
function session(options) {
  const settings = checked(options, deprecate);
  const { store, name, secrets } = settings;
  const ownKeyring = secrets && new Keyring(secrets);

  let isConnected = true;
  store.generate = (req) => generate(req, settings);
  store.on('disconnect', () => { isConnected = false; });
  store.on('connect', () => { isConnected = true; });

  return function session(req, res, next) {
    if (req.session) {
      next();
      return;
    }
    if (!isConnected) {
      debug('store is disconnected');
      next();
      return;
    }
    const path = pathname(req);
    if (path.indexOf(cookieOptions(req, settings).path || '/') !== 0) {
      debug('pathname mismatch');
      next();
      return;
    }
    if (!ownKeyring && !req.secret) {
      next(new Error('secret option required for sessions'));
      return;
    }
    const keyring = ownKeyring || new Keyring([req.secret]);
    const sid = sidOf(req, name, keyring, deprecate);
    req.sessionStore = store;
    req.sessionID = sid;

    const exchange = new Exchange(settings, req, keyring, sid);
    patch(exchange, res, next);

    if (!sid) {
      debug('no session id sent, generating a session');
      begin(exchange);
      next();
      return;
    }
    fetch(exchange, (error, data) => {
      if (error && error.code !== 'ENOENT') {
        debug('error %s', error);
        next(error);
        return;
      }
      try {
        begin(exchange, error ? undefined : data);
      } catch (damaged) {
        next(damaged);
        return;
      }
      next();
    });
  };
}

module.exports = session;

/** Asks the store. What it throws before it has answered is its answer. */
function fetch({ req: { sessionID: sid }, options: { store } }, callback) {
  debug('fetching a session');
  let hasAnswered = false;
  try {
    if (!isResident(store)) {
      store.get(sid, (error, data) => {
        hasAnswered = true;
        callback(error, data);
      });
      return;
    }
    const data = MemoryStore.read(store, sid);
    hasAnswered = true;
    callback(null, data);
  } catch (error) {
    // What comes after the answer is the app's own.
    if (hasAnswered) throw error;
    callback(error);
  }
}

/** Puts the session on the request: the store's, or a new one if it had none. */
function begin(exchange, data) {
  const { req, options: { store } } = exchange;
  try {
    if (data) {
      debug('session found');
      store.createSession(req, data);
    } else {
      debug('no session found');
      store.generate(req);
    }
    exchange.begin(data);
  } catch (error) {
    // What was put on the request before the error is not whole.
    exchange.hasFailed = Boolean(req.session);
    throw error;
  }
}

/** A new session, as `store.generate` makes it for this `session()`. */
function generate(req, settings) {
  const { cookie: given, proxy } = settings;
  req.sessionID = settings.generateId(req);
  req.session = new Session(req);
  const cookie = new Cookie(cookieOptions(req, settings));
  req.session.cookie = cookie;
  if (given.secure === 'auto') cookie.secure = isSecure(req, proxy);
  if (given.sameSite === 'auto') cookie.sameSite = isSecure(req, proxy) ? 'none' : 'lax';
}

function cookieOptions(req, { cookie }) {
  return typeof cookie === 'function' ? cookie(req) : cookie;
}
