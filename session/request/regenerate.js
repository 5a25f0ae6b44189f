'use strict';

/** @import { Request, Session as SessionShape } from '../types' */
/** @import RequestSession from '../request' */
/** @import Bases from './bases' */

const { storeCallback, callStore, isFailure } = require('../store/call');
const dataJSON = require('./data-json');
const { load } = require('./load');
const REQUEST_SESSION = require('./key');
const { mergeStored } = require('./merge');
const SessionEnded = require('./session-ended');

/**
 * Replaces the session of a request by a new one that has some of its data: `regenerate({ keep })`.
 * The new session is stored before the old one is destroyed, so the store's own `regenerate`,
 * which destroys first, is not called.
 *
 * The kept values are those of this moment, by reference; with the option `merge`, those that other
 * requests have stored meanwhile are merged in. Keys that the session does not have,
 * and keys that every session has, such as `cookie`, are left out.
 *
 * @param {SessionShape} session
 * @param {unknown} keep true for all data, or the list of keys
 * @returns {Promise<void>} is rejected if the store fails, if the session has ended meanwhile, and
 *   if `genid` returns the old id. In each of these cases the old session stays on the request;
 *   only if the old one cannot be destroyed, the new one is there already.
 * @throws {TypeError} if `keep` is something else
 */
function regenerateKeeping(session, keep) {
  const isList = Array.isArray(keep) && keep.every((key) => typeof key === 'string');
  if (!isList && keep !== true) throw new TypeError('keep option of regenerate must be true or an array of strings');
  const keys = isList ? [...keep] : undefined;
  return replace(session, () => (keys ?? Object.keys(session))
    .filter((key) => Object.prototype.propertyIsEnumerable.call(session, key) && key !== session.req[REQUEST_SESSION]?.settings.metaKey)
    .map((key) => [key, session[key]]));
}

module.exports = regenerateKeeping;

/**
 * @param {SessionShape} old
 * @param {() => [string, any][]} listKept returns the keys and values that the new session gets
 */
async function replace(old, listKept) {
  const { req } = old;
  const { sessionStore: store } = req;
  const request = req[REQUEST_SESSION];
  const meta = request?.meta;
  if (request?.bases?.of(old) !== undefined) await mergeOld(request, request.bases, old);
  let { sessionID: oldId } = req;
  const kept = listKept();
  // Without a `RequestSession`, the program has loaded the session by the store's method `load`.
  const wasStored = request === undefined || request.wasStored(oldId);

  const session = generateAside(req);
  const { id } = session;
  if (id === oldId) throw new Error('genid returned the id of the session that regenerate must replace');
  for (const [key, value] of kept) {
    if (!(key in session)) session[key] = value;
  }
  meta?.carry(oldId, session);
  request?.stampMeta(session);
  const text = dataJSON(session, request?.settings.metaKey);
  const { savedId, savedMoment, presentId } = Object(request);
  await ask(req, session, 'save');

  // Another request may have ended the old session, for example by a logout. The new session
  // must not prolong it. This is asked as late as possible.
  try {
    if (wasStored && !await found(req, oldId)) throw new SessionEnded();
    // Another request may have renewed the id.
    oldId = req.sessionID;
  } catch (error) {
    // The old session stays, and what is known of its last save holds again.
    if (request !== undefined) Object.assign(request, { savedId, savedMoment, presentId });
    const told = request?.diagnostics?.begin('destroy', session);
    await ask(req, store, 'destroy', id).then(() => { told?.end(); }, (failure) => { told?.end(failure); });
    throw error;
  }
  req.sessionID = id;
  req.session = session;
  request?.noteReplaced(session, oldId, text);
  if (meta?.mayBeRenewed(oldId)) {
    await new Promise((resolve, reject) => {
      const destroy = (/** @type {import('../types').Callback} */ answered) => { callStore(storeCallback(req, answered), store, 'destroy', oldId); };
      meta.endStored(oldId, (error) => { if (error) reject(error); else resolve(undefined); }, destroy);
    });
  } else {
    await ask(req, store, 'destroy', oldId);
  }
}

/**
 * Merges into a session what other requests have stored, for the option `merge`.
 *
 * @param {RequestSession} request
 * @param {Bases} bases of the request
 * @param {SessionShape} session
 * @returns {Promise<void>} is rejected as that of `regenerateKeeping`
 */
function mergeOld(request, bases, session) {
  const { req } = request;
  const id = request.idOf(session);
  return new Promise((resolve, reject) => {
    bases.inTurn((error) => { if (error) reject(error); else resolve(); }, (done) => {
      found(req, id).then((stored) => {
        if (!stored) throw new SessionEnded();
        mergeStored(request, session, /** @type {string} */ (bases.of(session)), stored);
      }).then(() => { done(); }, done);
    });
  });
}

/**
 * Makes a new session for a request, by the store's `generate`, and leaves the old one there.
 *
 * @param {Request} req
 * @returns {SessionShape}
 * @throws what `generate` throws
 */
function generateAside(req) {
  const { session, sessionID, sessionStore } = req;
  try {
    sessionStore.generate(req);
    return /** @type {SessionShape} */ (req.session);
  } finally {
    req.session = session;
    req.sessionID = sessionID;
  }
}

/**
 * Returns what the store of a request has for `sid`; a false value for nothing.
 *
 * @param {Request} req
 * @param {string | undefined} sid
 */
async function found(req, sid) {
  try {
    const request = req[REQUEST_SESSION];
    if (request === undefined) return await ask(req, req.sessionStore, 'get', sid);
    return await new Promise((resolve, reject) => {
      load(request, sid, (error, data) => { if (error) reject(error); else resolve(data); });
    });
  } catch (error) {
    if (isFailure(error)) throw error;
    return undefined;
  }
}

/**
 * Calls a method of a store, or the method `save` of a session.
 *
 * @param {Request} req
 * @param {object} target
 * @param {string} method
 * @param {...unknown} args of the method, before its callback
 * @returns {Promise<any>} what the store calls back with; its errors, and what the method throws,
 *   reject the promise
 */
function ask(req, target, method, ...args) {
  return new Promise((resolve, reject) => {
    const answered = storeCallback(req, (error, result) => { if (error) reject(error); else resolve(result); });
    callStore(answered, target, method, ...args);
  });
}
