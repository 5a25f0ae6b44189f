'use strict';

const { EventEmitter } = require('node:events');
const { inherits } = require('node:util');
const { answer } = require('./answer');
const Cookie = require('./cookie');
const { EXCHANGE } = require('./lazy');
const Session = require('./session');

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
  req[EXCHANGE]?.forget(sessionID);
  this.destroy(sessionID, answer(req, (error) => {
    this.generate(req);
    callback(error);
  }));
};

/**
 * A session outside a request.
 * @param {string} sid
 * @param {(error?: Error, session?: Session) => void} callback
 */
Store.prototype.load = function load(sid, callback) {
  this.get(sid, answer(undefined, (error, data) => {
    if (error) return callback(error);
    if (!data) return callback();
    let session;
    try {
      session = this.createSession({ sessionID: sid, sessionStore: this }, data);
    } catch (damaged) {
      return callback(damaged);
    }
    callback(null, session);
  }));
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
  data.cookie = Cookie.revive(data.cookie);
  req.session = new Session(req, data);
  return req.session;
};
