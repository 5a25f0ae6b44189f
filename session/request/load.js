'use strict';

/** @import { SessionData } from '../types' */
/** @import RequestSession from '../request' */

const debug = require('debug')('express-session');
const { storeCallback, callStore } = require('../store/call');
const redacted = require('../store/redacted');
const { readMeta } = require('./times');

/**
 * Gets a session for a request from the store. Each read of a session for a request comes here,
 * also that of `reload`, so that a session beyond its end is nowhere found: it is destroyed.
 *
 * @param {RequestSession} request
 * @param {string | undefined} sid
 * @param {(error?: any, data?: SessionData | null) => void} callback gets what the store calls back
 *   with; no data for a session that has ended
 * @throws what `get` throws before the store has called back
 */
function load(request, sid, callback) {
  const { req, settings: { times } } = request;
  callStore(storeCallback(req, (error, data) => {
    if (error || !data || times === undefined) {
      callback(error, data);
      return;
    }
    const now = Date.now();
    const meta = readMeta(data, now);
    if (times.hasEnded(meta, now)) {
      debug('the session has ended');
      destroyEnded(request, sid, callback);
      return;
    }
    request.setMeta(sid, meta);
    callback(error, data);
  }), req.sessionStore, 'get', sid);
}

module.exports = load;

/**
 * Destroys a session that has ended. If that fails, it has ended all the same, and the next request
 * that brings its id tries again.
 *
 * @param {RequestSession} request
 * @param {string | undefined} sid
 * @param {() => void} done
 */
function destroyEnded({ req }, sid, done) {
  let hasAnswered = false;
  const callback = storeCallback(req, (error) => {
    hasAnswered = true;
    if (error && debug.enabled) debug('error %s', redacted(error, sid));
    done();
  });
  try {
    callStore(callback, req.sessionStore, 'destroy', sid);
  } catch (error) {
    // If the store has called back already, the error is one of the program's handlers.
    if (hasAnswered) throw error;
    done();
  }
}
