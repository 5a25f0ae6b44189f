'use strict';

const debug = require('debug')('express-session');
const { storeCallback, callStore } = require('../store/call');
const native = require('../native/load');
const redacted = require('../store/redacted');
const { sidFrom, logNoSession } = require('../cookie/sid');

/**
 * The backend of any store: it is asked by its own methods, and answers once, in the async
 * context of whoever asked, within `storeTimeout`.
 */
const remote = {
  /**
   * Puts the session on a request.
   *
   * @param {import('../request')} request
   * @param {string | undefined} header `Cookie`
   * @param {(error?: Error) => void} next
   * @throws what the program's functions throw, before the store was asked
   */
  open(request, header, next) {
    const { req, settings: { store, resident } } = request;
    const sid = sidFrom(request, header);
    request.setCookieId(sid);
    if (!sid) {
      request.begin();
      next();
      return;
    }
    debug('fetching a session');
    let hasAnswered = false;
    const answered = storeCallback(req, (error, data) => {
      hasAnswered = true;
      remote.loaded(request, error, data, next);
    });
    try {
      if (resident !== undefined) request.startLoading();
      callStore(answered, store, 'get', sid);
    } catch (error) {
      // After the answer, it is the app that threw.
      if (hasAnswered) throw error;
      // What the store throws before it has answered is its answer.
      remote.loaded(request, error, undefined, next);
    }
  },

  /**
   * Puts on a request what the store has answered.
   *
   * @param {import('../request')} request
   * @param {Error | undefined} error
   * @param {object | undefined} data
   * @param {(error?: Error) => void} next
   */
  loaded(request, error, data, next) {
    if (error && error.code !== 'ENOENT') {
      if (debug.enabled) debug('error %s', redacted(error, request.cookieId));
      next(error);
      return;
    }
    const found = error ? undefined : data;
    if (!found) logNoSession(native.UNKNOWN_SID);
    try {
      request.begin(found);
    } catch (damaged) {
      next(damaged);
      return;
    }
    next();
  },

  /**
   * Does what the end of a response must do to the session in the store.
   *
   * @param {import('../request')} request
   * @param {number} end one of the engine's `END_` numbers
   * @param {object | undefined} session
   * @param {{ wait: () => (error?: Error) => void }} out its `wait` gives what the store is to call
   * @returns {'done' | 'waiting'}
   * @throws what the store throws before it has answered
   */
  commit(request, end, session, response) {
    const { req, settings: { store, resident } } = request;
    // Of a store of ours whose methods, or the session's, are a program's.
    const id = resident !== undefined && end === native.END_SAVE ? request.idOf(session) : undefined;
    if (id !== undefined && resident.wasDestroyed(`${id}`, request.since(id))) {
      debug('not saving: the session was destroyed');
      return 'done';
    }
    const callback = storeCallback(req, response.wait());
    if (end === native.END_SAVE) {
      request.save(session, callback);
    } else if (end === native.END_DESTROY) {
      debug('destroying');
      callStore(callback, store, 'destroy', req.sessionID);
    } else {
      debug('touching');
      callStore(callback, store, 'touch', req.sessionID, session);
    }
    return 'waiting';
  },
};

module.exports = remote;
