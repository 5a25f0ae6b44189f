'use strict';

/** @import { Backend, Next, SessionData } from '../types' */

const debug = require('debug')('express-session');
const { storeCallback, callStore, isFailure } = require('../store/call');
const { attempt, load } = require('../request/load');
const { renew } = require('../request/renew');
const native = require('../native/load');
const redacted = require('../store/redacted');
const { sidFrom, logNoSession } = require('../cookie/sid');

/**
 * The backend of any store. It calls the store's own methods. What the store calls back counts
 * once, runs in the async context of the request, and must come within `storeTimeout`.
 *
 * @satisfies {Backend & { loaded: typeof loaded }}
 */
const remote = {
  open(request, header, next) {
    const { diagnostics, meta, settings: { resident } } = request;
    const sid = sidFrom(request, header);
    request.setCookieId(sid);
    if (!sid) {
      request.begin();
      next();
      return;
    }
    debug('fetching a session');
    const told = diagnostics?.begin('load');
    attempt((answered) => {
      if (resident !== undefined) request.startLoading();
      load(request, sid, answered);
    }, (error, data, id, ending) => {
      told?.endLoad(error, data, ending);
      if (data && id !== sid) meta?.tellNewId();
      if (data && !error && meta?.mustRenew(data)) renew(request, data, (failure, found) => { loaded(request, failure, found, next); });
      else loaded(request, error, data, next);
    });
  },

  loaded,

  commit(request, end, session, response) {
    const { req, settings: { store, resident } } = request;
    // A MemoryStore comes here, too, if a program has replaced a method of it or of its session. A
    // DiskStore has `setIfPresent`.
    const isAsked = resident !== undefined && end === native.END_SAVE && store.setIfPresent === undefined;
    const id = isAsked ? request.idOf(session) : undefined;
    if (isAsked && id !== undefined && resident.wasDestroyed(`${id}`, request.since(id))) {
      request.noteGone(session);
      return 'done';
    }
    const callback = storeCallback(req, response.wait(end));
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

/**
 * Puts the session that the store has returned on a request, or a new one, and calls `next`,
 * which gets the error of the store or of damaged data.
 *
 * @param {import('../request')} request
 * @param {any} error an error with the code `ENOENT` means that there is no session
 * @param {SessionData | null | undefined} data
 * @param {Next} next
 */
function loaded(request, error, data, next) {
  if (isFailure(error)) {
    if (debug.enabled) debug('error %s', redacted(error, request.cookieId));
    next(error);
    return;
  }
  const stored = error ? undefined : data;
  if (!stored) {
    logNoSession(native.UNKNOWN_SID);
    request.settings.touches?.forget(request.cookieId);
  }
  try {
    request.begin(stored);
  } catch (damaged) {
    next(damaged);
    return;
  }
  next();
}
