'use strict';

const { EventEmitter } = require('node:events');
const { inherits } = require('node:util');
const { storeCallback, callStore, functionOf } = require('./call');
const { reviveCookie } = require('../cookie/cookie');
const REQUEST_SESSION = require('../request/key');
const { Session, loads } = require('../request/session');
const { usersOf } = require('./users');

/**
 * @typedef {import('../types').Callback} Callback
 * @typedef {import('../types').Request} Request
 * @typedef {import('../types').SessionData} SessionData
 * @typedef {import('../types').SessionRequest} SessionRequest
 * @typedef {import('../types').Store} Store
 * @typedef {import('../types').StoreClass} StoreClass
 */

/**
 * The base class of session stores. A store must have the methods `get`, `set` and `destroy`,
 * and should have `touch`.
 *
 * It is a plain function, because stores that are written without `class` call
 * `Store.call(this)`.
 *
 * @this {Store}
 */
function Store() {
  EventEmitter.call(this);
}

inherits(Store, EventEmitter);

module.exports = /** @type {StoreClass} */ (/** @type {unknown} */ (Store));

/**
 * Destroys the session of a request and generates another one, also if the store fails.
 *
 * @this {Store}
 * @param {Request} req
 * @param {Callback} [callback]
 */
Store.prototype.regenerate = function regenerate(req, callback) {
  const { sessionID } = req;
  if (req[REQUEST_SESSION]) req[REQUEST_SESSION].noteDestroyed(sessionID);
  const done = functionOf(callback);
  callStore(storeCallback(req, (error) => {
    this.generate(req);
    done(error);
  }), this, 'destroy', sessionID);
};

/**
 * Loads a session without a request. The callback gets no session if there is none.
 *
 * @this {Store}
 * @param {string} sid
 * @param {Callback} [callback]
 */
Store.prototype.load = function load(sid, callback) {
  const done = functionOf(callback);
  callStore(storeCallback(undefined, (error, data) => {
    if (error) return done(error);
    if (!data) return done();
    let session;
    try {
      const request = { sessionID: sid, sessionStore: this };
      if (usersOf(this) !== undefined) loads.add(request);
      session = this.createSession(request, data);
    } catch (damaged) {
      return done(damaged);
    }
    done(null, session);
  }), this, 'get', sid);
};

/**
 * Makes a session of stored data, and puts it on the request.
 *
 * @this {Store}
 * @param {SessionRequest} req
 * @param {SessionData} data whose `cookie` is replaced by a `Cookie`
 * @returns {import('../types').Session}
 * @throws {TypeError} if `data` has no cookie
 */
Store.prototype.createSession = function createSession(req, data) {
  data.cookie = reviveCookie(data.cookie);
  req.session = new Session(req, data);
  return req.session;
};
