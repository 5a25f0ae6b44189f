'use strict';

/** @import { Callback, Meta, Request, Response, SessionData } from '../types' */
/** @import RequestSession from '../request' */

const debug = require('debug')('express-session');
const { createSession } = require('../store/store').prototype;
const { attempt, askStore, load } = require('./load');
const { makePointer, isPointer, followPointer } = require('./pointer');
const { showMeta } = require('./times');

/** How often a renewal is tried that other requests disturb, before the session keeps its id. */
const MOST_TRIALS = 3;

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
 * store fails, the session keeps its old id, and a later request tries again.
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
  const oldId = /** @type {string} */ (req.sessionID);
  const isAtomic = typeof store.setIfUnchanged === 'function';
  let trials = 0;

  /** @param {SessionData} data */
  const renewFrom = (data) => {
    trials++;
    const now = Date.now();
    const before = /** @type {Meta} */ (request.metaOf(oldId));
    // Whether the request is a use, by which the session does not end yet, is known at its end.
    /** @type {Meta} */
    const meta = { ...before, renewed: now, seen: Math.min(before.used, now - 1), isKnown: true };
    let id;
    let record;
    try {
      id = generateId(req);
      record = createSession.call(store, { sessionID: id, sessionStore: store }, { ...data });
    } catch (error) {
      done(error);
      return;
    }
    if (typeof id !== 'string' || id === '' || id === oldId) {
      done(undefined, data);
      return;
    }
    debug('renewing the id');
    showMeta(record, meta);
    const pointer = makePointer(oldId, id, now + renewGrace, renewGrace);
    askStore(req, (error) => {
      if (error) keepOldId(error);
      else if (isAtomic) askStore(req, pointed, 'setIfUnchanged', oldId, pointer, data);
      else askStore(req, pointed, typeof store.setIfPresent === 'function' ? 'setIfPresent' : 'set', oldId, pointer);
    }, 'set', id, record);

    /**
     * @param {unknown} error
     * @param {unknown} isStored
     */
    const pointed = (error, isStored) => {
      if (error) {
        // Nobody knows whether the pointer is stored, so the new record must stay.
        keepOldId(error);
      } else if (isAtomic && !isStored) {
        askStore(req, () => { readAgain(trials < MOST_TRIALS); }, 'destroy', id);
      } else {
        request.setMeta(id, meta);
        request.rename(oldId, id);
        request.tellNewId(true);
        done(undefined, data);
      }
    };
  };

  /** @param {unknown} error */
  const keepOldId = (error) => {
    debug('the id is not renewed: %s', error);
    readAgain(false);
  };

  /** @param {boolean} isAgain whether the renewal is tried again */
  const readAgain = (isAgain) => {
    attempt((answered) => { load(request, oldId, answered); }, (error, data, id) => {
      if (data && id !== oldId) request.tellNewId();
      if (error || !data || !isAgain || id !== oldId) done(error, data);
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
  let trials = 0;
  const look = () => {
    trials++;
    askStore(req, (error, data) => {
      if (error || !data) {
        done(error?.code === 'ENOENT' ? undefined : error);
      } else if (isPointer(data)) {
        const id = followPointer(`${sid}`, data, Date.now());
        if (id === undefined) done();
        else askStore(req, done, 'destroy', id);
      } else if (typeof store.setIfUnchanged === 'function' && trials <= MOST_TRIALS) {
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

/**
 * Writes into a renewed session that its new id was not seen yet: the response to a late request has
 * brought the old one to the browser again.
 *
 * @param {RequestSession} request
 * @param {SessionData} data what the store has under the new id
 * @param {Callback} done gets the error of the store
 */
function markUnseen(request, data, done) {
  const { req, settings: { store } } = request;
  const id = req.sessionID;
  attempt((answered) => {
    const record = createSession.call(store, { sessionID: id, sessionStore: store }, { ...data });
    showMeta(record, request.metaToStore(id));
    if (typeof store.setIfUnchanged === 'function') askStore(req, answered, 'setIfUnchanged', id, record, data);
    else askStore(req, answered, 'set', id, record);
  }, done);
}

module.exports = { mayRenew, renew, endRenewed, markUnseen };
