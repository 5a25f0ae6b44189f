'use strict';

const debug = require('debug')('express-session');
const deprecate = require('depd')('express-session');
const { answer, ask, limitAnswers } = require('./answer');
const Connection = require('./connection');
const Exchange = require('./exchange');
const Keyring = require('./keyring');
const MemoryStore = require('./memory');
const checked = require('./options');
const enter = require('./entry');
const native = require('./native');
const patch = require('./response');
const pathname = require('./pathname');
const redacted = require('./redacted');
const sidOf = require('./sid');
const tellNone = require('./reasons');
const { cookieOptions, generate } = require('./generate');
const { isResident } = require('./plain');

/**
 * Makes the middleware that puts a session on each request.
 *
 * @param {object} [options] see index.d.ts
 * @returns {(req: object, res: object, next: (error?: Error) => void) => void}
 * @throws {TypeError} naming the option that is wrong
 */
function session(options) {
  const settings = checked(options, deprecate);
  const { store, name, secrets, storeTimeout } = settings;
  const ownKeyring = secrets && new Keyring(secrets);

  settings.generate = (req) => generate(req, settings);
  store.generate = settings.generate;
  const connection = Connection.of(store);
  const { unheard } = connection;

  return function session(req, res, next) {
    if (req.session) {
      next();
      return;
    }
    if (connection.isLost(unheard)) {
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
    const header = cookieHeader(req);
    const asleep = enter(req, header, settings, keyring);
    if (asleep) {
      patch(asleep, res, next);
      next();
      return;
    }

    const sid = sidOf(req, header, name, keyring, deprecate);
    req.sessionID = sid;
    if (storeTimeout !== undefined) limitAnswers(req, storeTimeout);
    const exchange = new Exchange(settings, req, keyring, sid);
    patch(exchange, res, next);

    if (!sid) {
      begin(exchange);
      next();
      return;
    }
    fetch(exchange, (error, data) => {
      if (error && error.code !== 'ENOENT') {
        if (debug.enabled) debug('error %s', redacted(error, sid));
        next(error);
        return;
      }
      const found = error ? undefined : data;
      if (!found) tellNone(native.UNKNOWN_SID);
      try {
        begin(exchange, found);
      } catch (damaged) {
        next(damaged);
        return;
      }
      next();
    });
  };
}

module.exports = session;

/**
 * The Cookie header, if there is one.
 * @throws {TypeError} for what is no text, which only a program puts there, in the
 *   words of npm `cookie` 0.7.2
 */
function cookieHeader(req) {
  const header = req.headers.cookie;
  if (header && typeof header !== 'string') throw new TypeError('argument str must be a string');
  return header;
}

/** Asks the store. What it throws before it has answered is its answer. */
function fetch(exchange, callback) {
  const { req, options: { store } } = exchange;
  const { sessionID: sid } = req;
  exchange.loadedAt = exchange.moment();
  if (isResident(store)) {
    let data;
    try {
      data = MemoryStore.read(store, sid);
    } catch (damaged) {
      callback(damaged);
      return;
    }
    callback(null, data);
    return;
  }
  debug('fetching a session');
  let hasAnswered = false;
  const answered = answer(req, (error, data) => {
    hasAnswered = true;
    callback(error, data);
  });
  try {
    ask(answered, store, 'get', sid);
  } catch (error) {
    // After the answer, it is the app that threw.
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
      store.generate(req);
    }
    exchange.begin(data);
  } catch (error) {
    // What was put on the request before the error is not whole.
    exchange.hasFailed = Boolean(req.session);
    throw error;
  }
}
