'use strict';

/** @import { Callback, Meta, Request, Response, Session as SessionShape, SessionData } from '../types' */
/** @import RequestSession from '../request' */
/** @import RequestMeta from './request-meta' */

const debug = require('debug')('express-session');
const { livingCookie } = require('../cookie/cookie');
const { isFailure } = require('../store/call');
const { createSession } = require('../store/store').prototype;
const { existingEngine } = require('../store/engine-of');
const redacted = require('../store/redacted');
const { attempt, askStore, load } = require('./load');
const { makePointer, isPointer, followPointer } = require('./pointer');
const { showMeta } = require('./times');

/** How often a renewal is tried that other requests disturb, before the session keeps its id. */
const MOST_TRIALS = 3;

/** How often it is tried to end a session that other requests change at the same time. */
const MOST_ENDS = 20;

/**
 * What this process does to ids of sessions now, by store and id: renews or ends them. Not each store
 * can tell when both happen at the same time.
 *
 * @type {WeakMap<object, Map<string, Set<{ isEnd: boolean, isDisturbed: boolean }>>>}
 */
const underWay = new WeakMap();

/**
 * Notes that a session is renewed or ended from now on. A renewal during which the session is ended,
 * even for a part of it, is disturbed.
 *
 * @param {object} store
 * @param {string} sid
 * @param {boolean} isEnd
 * @returns {{ act: { isDisturbed: boolean }, leave: () => void }}
 */
function enter(store, sid, isEnd) {
  const acts = underWay.get(store) ?? new Map();
  underWay.set(store, acts);
  const others = acts.get(sid) ?? new Set();
  acts.set(sid, others);
  const act = { isEnd, isDisturbed: false };
  for (const other of others) {
    if (isEnd) other.isDisturbed = true;
    else act.isDisturbed ||= other.isEnd;
  }
  others.add(act);
  return {
    act,
    leave() {
      others.delete(act);
      if (others.size === 0) acts.delete(sid);
    },
  };
}

/**
 * Whether a request may give its session a new id: its response can tell the browser, and the
 * browser can repeat it. The response of an upgrade is a socket.
 *
 * @param {Request} req
 * @param {Response} res
 */
function mayRenew({ method, headers }, res) {
  return (method === 'GET' || method === 'HEAD') && headers.upgrade === undefined &&
    typeof res.setHeader === 'function' && !res.headersSent;
}

/**
 * Gives the session of a request a new id. The session is stored under the new id first; then a
 * pointer takes the place of the old record, for requests that bring the old id still. If the
 * store or `genid` fails, the session keeps its old id, and a later request tries again.
 *
 * If the store has `setIfUnchanged`, one of several requests at the same time renews, and the others
 * get its new id.
 *
 * @param {RequestSession} request
 * @param {SessionData} loaded what the store has under the old id
 * @param {(error?: any, data?: SessionData | null) => void} done gets the session of the request
 */
function renew(request, loaded, done) {
  const { req, settings: { generateId, store, times } } = request;
  const { renewGrace } = /** @type {NonNullable<typeof times>} */ (times);
  const requestMeta = /** @type {RequestMeta} */ (request.meta);
  const oldId = /** @type {string} */ (req.sessionID);
  const isAtomic = typeof store.setIfUnchanged === 'function';
  const { act, leave } = enter(store, oldId, false);
  const told = request.diagnostics?.begin('renew');
  let trials = 0;
  let isRenewed = false;
  /** @type {unknown} Why it is not. */
  let failure;

  /**
   * @param {unknown} error
   * @param {SessionData | null} [data]
   */
  const finish = (error, data) => {
    leave();
    told?.tell(failure ? 'error' : isRenewed ? 'renewed' : 'kept', failure);
    done(error, data);
  };

  /** @param {SessionData} found */
  const renewFrom = (found) => {
    trials++;
    const now = Date.now();
    const data = { ...found, cookie: livingCookie(found.cookie, now) };
    const before = /** @type {Meta} */ (requestMeta.of(oldId));
    // Whether the request is a use, by which the session does not end yet, is known at its end. A store
    // knows by the first two times that the session takes the place of another one.
    /** @type {Meta} */
    const meta = { ...before, created: Math.min(before.created, now - 1), renewed: now, seen: Math.min(before.used, now - 1), isKnown: true };
    let id;
    let record;
    try {
      id = generateId(req);
      record = createSession.call(store, { sessionID: id, sessionStore: store }, { ...data });
    } catch (error) {
      if (debug.enabled) debug('the id is not renewed: %s', redacted(error, oldId));
      failure = error;
      finish(undefined, found);
      return;
    }
    if (typeof id !== 'string' || id === '' || id === oldId) {
      finish(undefined, found);
      return;
    }
    debug('renewing the id');
    request.diagnostics?.noteId(id);
    showMeta(record, meta);
    const pointer = makePointer(oldId, id, now + renewGrace, renewGrace);

    /**
     * @param {unknown} error
     * @param {unknown} isStored
     */
    const pointed = (error, isStored) => {
      if (act.isDisturbed) {
        askStore(req, () => { askStore(req, () => { finish(undefined); }, 'destroy', oldId); }, 'destroy', id);
      } else if (error) {
        // Nobody knows whether the pointer is stored, so the new record must stay.
        keepOldId(error, found);
      } else if (isAtomic ? !isStored : isStored === false) {
        askStore(req, () => { readAgain(found, trials < MOST_TRIALS); }, 'destroy', id);
      } else {
        requestMeta.set(id, meta);
        request.rename(oldId, id);
        requestMeta.tellNewId(true);
        isRenewed = true;
        finish(undefined, data);
      }
    };

    askStore(req, (error) => {
      request.startLoading();
      if (error) {
        // The store may have it nevertheless. Nobody needs to wait for that.
        askStore(req, () => {}, 'destroy', id);
        keepOldId(error, found);
      } else if (isAtomic) askStore(req, pointed, 'setIfUnchanged', oldId, pointer, found);
      else askStore(req, pointed, typeof store.setIfPresent === 'function' ? 'setIfPresent' : 'set', oldId, pointer);
    }, 'set', id, record);
  };

  /**
   * @param {unknown} error
   * @param {SessionData} found
   */
  const keepOldId = (error, found) => {
    if (debug.enabled) debug('the id is not renewed: %s', redacted(error, oldId));
    failure = error;
    readAgain(found, false);
  };

  /**
   * @param {SessionData} found what was read before. The request gets that if the store fails.
   * @param {boolean} isAgain whether the renewal is tried again
   */
  const readAgain = (found, isAgain) => {
    attempt((answered) => { load(request, oldId, answered); }, (error, data, id) => {
      if (data && id !== oldId) requestMeta.tellNewId();
      if (isFailure(error)) finish(undefined, found);
      else if (error || !data || !isAgain || id !== oldId) finish(undefined, error ? null : data);
      else renewFrom(data);
    });
  };

  renewFrom(loaded);
}

/**
 * Makes sure that a session which is about to be destroyed ends under its new id, too, if another
 * request has given it one, and that no request gives it one from now on. The record of
 * the old id stays.
 *
 * @param {RequestSession} request
 * @param {string | undefined} sid
 * @param {Callback} done gets the error of the store
 */
function endRenewed(request, sid, done) {
  const { req, settings: { store } } = request;
  // Where nobody else changes the sessions, this process knows what happens at the same time.
  const isTold = typeof store.setIfUnchanged === 'function' && existingEngine(store)?.isShared !== false;
  let trials = 0;
  const look = () => {
    trials++;
    askStore(req, (error, data) => {
      if (error || !data) {
        done(isFailure(error) ? error : undefined);
      } else if (isPointer(data)) {
        const id = followPointer(`${sid}`, data, Date.now());
        request.diagnostics?.noteId(id);
        if (id === undefined) done();
        else askStore(req, done, 'destroy', id);
      } else if (isTold && trials <= MOST_ENDS) {
        askStore(req, (failure, isStored) => {
          if (failure || isStored) done(failure);
          else look();
        }, 'setIfUnchanged', sid, makePointer(`${sid}`, '', 0, 1), data);
      } else {
        done();
      }
    }, 'get', sid);
  };
  look();
}

module.exports = { mayRenew, renew, enter, endRenewed };
