'use strict';

const { EventEmitter } = require('node:events');
const { inherits } = require('node:util');
const { storeCallback, callStore, functionOf } = require('./call');
const { reviveCookie } = require('../cookie/cookie');
const REQUEST_SESSION = require('../request/key');
const { Session } = require('../request/session');

/**
 * What every session store inherits from. A store adds `get`, `set` and
 * `destroy`, and should add `touch`.
 *
 * A plain function, because stores call it on themselves: `Store.call(this)`.
 */
function Store() {
  EventEmitter.call(this);
}

inherits(Store, EventEmitter);

module.exports = Store;

/**
 * Destroys the session of a request and generates another.
 * @param {object} req
 * @param {(error?: Error) => void} callback
 */
Store.prototype.regenerate = function regenerate(req, callback) {
  const { sessionID } = req;
  if (req[REQUEST_SESSION]) req[REQUEST_SESSION].noteDestroyed(sessionID);
  const tell = functionOf(callback);
  callStore(storeCallback(req, (error) => {
    this.generate(req);
    tell(error);
  }), this, 'destroy', sessionID);
};

/**
 * A session outside a request.
 * @param {string} sid
 * @param {(error?: Error, session?: Session) => void} callback
 */
Store.prototype.load = function load(sid, callback) {
  const tell = functionOf(callback);
  callStore(storeCallback(undefined, (error, data) => {
    if (error) return tell(error);
    if (!data) return tell();
    let session;
    try {
      session = this.createSession({ sessionID: sid, sessionStore: this }, data);
    } catch (damaged) {
      return tell(damaged);
    }
    tell(null, session);
  }), this, 'get', sid);
};

/**
 * Makes a session of what the store had, and puts it on the request.
 *
 * @param {object} req
 * @param {object} data its `cookie` is replaced by a `Cookie`
 * @returns {Session}
 * @throws {TypeError} if `data` has no cookie
 */
Store.prototype.createSession = function createSession(req, data) {
  data.cookie = reviveCookie(data.cookie);
  req.session = new Session(req, data);
  return req.session;
};
