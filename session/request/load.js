'use strict';

/** @import { Callback, Request, Session as SessionShape, SessionData } from '../types' */
/** @import RequestSession from '../request' */

const debug = require('debug')('express-session');
const { storeCallback, callStore, isFailure } = require('../store/call');
const redacted = require('../store/redacted');
const REQUEST_SESSION = require('./key');
const { isPointer, followPointer } = require('./pointer');
const { readMeta } = require('./times');

/**
 * How many pointers are followed, one after the other. There is more than one only if a store keeps
 * a pointer longer than its session lives under one id.
 */
const LONGEST_CHAIN = 3;

/**
 * Gets a session for a request from the store. Each read of a session for a request comes here,
 * also that of `reload`. A session beyond its end is nowhere found: it is destroyed. A session that
 * has a new id is found under its old one, for `renewGrace`, and the request has the new id then.
 *
 * @param {RequestSession} request
 * @param {string | undefined} sid
 * @param {(error?: any, data?: SessionData | null, id?: string, ending?: 'idle' | 'absolute') => void} callback
 *   gets what the store calls back with; no data for a session that has ended. With an option that reserves
 *   `_meta`, the id under which the store has the session follows, and why it has ended.
 * @throws what `get` throws before the store has called back
 */
function load(request, sid, callback) {
  const { req, settings: { metaKey } } = request;
  if (metaKey === undefined) {
    callStore(storeCallback(req, callback), req.sessionStore, 'get', sid);
    return;
  }
  find(request, sid, LONGEST_CHAIN, (error, data, id, ending) => {
    if (data && id !== sid) request.rename(sid, /** @type {string} */ (id));
    callback(error, data, id, ending);
  });
}

/**
 * Calls a method of a store. What the method throws before the store has called back is an error
 * for the callback, too.
 *
 * @param {Request} req
 * @param {Callback} callback
 * @param {string} method of `req.sessionStore`
 * @param {...unknown} args of the method, before its callback
 */
function askStore(req, callback, method, ...args) {
  attempt((answered) => { callStore(storeCallback(req, answered), req.sessionStore, method, ...args); }, callback);
}

/**
 * Returns the id under which the store has a session now: another request may have renewed it since this
 * one has loaded the session.
 *
 * @param {SessionShape} session
 * @returns {Promise<string>} is rejected if the store fails
 */
async function newestId(session) {
  const request = session.req?.[REQUEST_SESSION];
  const id = request?.meta?.newestId(session.id) ?? session.id;
  if (!request?.meta?.mayBeRenewed(id)) return id;
  return new Promise((resolve, reject) => {
    load(request, id, (error, _data, found) => { if (isFailure(error)) reject(error); else resolve(found ?? id); });
  });
}

module.exports = { load, newestId, askStore, attempt };

/**
 * Calls a function that takes a callback. What the function throws before it has called back is an
 * error for the callback, too.
 *
 * @param {(callback: Callback) => void} act
 * @param {Callback} callback
 */
function attempt(act, callback) {
  let hasAnswered = false;
  try {
    act((...results) => {
      hasAnswered = true;
      callback(...results);
    });
  } catch (error) {
    // If it has called back already, the error is one of the program's handlers.
    if (hasAnswered) throw error;
    callback(error);
  }
}

/**
 * Does what `load` does, and leaves the ids of the request as they are.
 *
 * @param {RequestSession} request
 * @param {string | undefined} sid
 * @param {number} chain how many pointers may be followed
 * @param {(error?: any, data?: SessionData | null, id?: string, ending?: 'idle' | 'absolute') => void} callback
 * @throws as `load`
 */
function find(request, sid, chain, callback) {
  const { req, settings: { times } } = request;
  request.diagnostics?.noteId(sid);
  callStore(storeCallback(req, (error, data) => {
    if (error || !data) {
      callback(error, data, sid);
      return;
    }
    const now = Date.now();
    if (isPointer(data)) {
      const next = chain > 0 ? followPointer(`${sid}`, data, now) : undefined;
      if (next === undefined) {
        callback(error);
        return;
      }
      // The session that is found there may be stored after this request has begun.
      request.startLoading();
      attempt((answered) => { find(request, next, chain - 1, answered); }, callback);
      return;
    }
    const meta = times && readMeta(data, now);
    const ending = meta && times.endingOf(meta, now);
    if (ending !== undefined) {
      debug('the session has ended');
      const told = request.diagnostics?.begin('expire');
      // If the store cannot destroy it, it has ended all the same, and the next request that brings its id tries again.
      askStore(req, (failure) => {
        if (failure && debug.enabled) debug('error %s', redacted(failure, sid));
        told?.tell(ending, failure);
        callback(undefined, undefined, undefined, ending);
      }, 'destroy', sid);
      return;
    }
    if (meta) request.meta?.set(sid, meta);
    callback(error, data, sid);
  }), req.sessionStore, 'get', sid);
}
