'use strict';

/** @import { Backend, Session as SessionShape } from '../types' */

const { Cookie, hasPlainJSON, hasPlainTimes } = require('../cookie/cookie');
const { methods: { get, set, touch: touchStored, destroy } } = require('../store/engine-methods');
const { createSession } = require('../store/store').prototype;
const { Session, hasOurMethod } = require('../request/session');
const remote = require('./remote');

// Programs replace methods of stores, sessions and cookies at any time, to test or to extend
// them. The resident backend does not call these methods, so it may serve a request only while
// they are those of this package. Therefore `select` compares them when a request begins and
// when it ends.

const { touch, resetMaxAge } = Session.prototype;

/**
 * Returns the backend of a request: `resident` if its store is one of ours and no program
 * has replaced a method of that store, of its sessions or of its cookies that `resident` would not
 * call; else `remote`.
 *
 * @param {import('../request')} request
 * @param {SessionShape | null} [session] `req.session`, unless it is asleep
 * @returns {Backend}
 */
function select({ req, lastMade, settings }, session) {
  const { resident, store, generate } = settings;
  if (resident === undefined) return remote;
  const isOwnStore = store.get === get && store.set === set && store.touch === touchStored && store.destroy === destroy &&
    store.createSession === createSession && store.generate === generate && Session.prototype.toJSON === undefined &&
    hasPlainJSON(session ? session.cookie : undefined);
  if (!isOwnStore) return remote;
  const isOwnSession = session
    ? session === lastMade && hasOurMethod(session, 'save') && req.sessionStore === store && session.cookie instanceof Cookie
    : touchesPlainly();
  return isOwnSession ? resident : remote;
}

/**
 * Returns whether `touch()` of a session does no more than to start the lifetime of its cookie
 * anew: the methods are those of this package, and so are the accessors of the cookie.
 *
 * @param {SessionShape} [session] left out for a session that is asleep
 * @returns {boolean}
 */
function touchesPlainly(session = Session.prototype) {
  const { cookie } = session;
  return session.touch === touch && session.resetMaxAge === resetMaxAge &&
    (cookie === undefined || (cookie instanceof Cookie && typeof cookie.originalMaxAge === 'number')) &&
    hasPlainTimes(cookie);
}

module.exports = { select, touchesPlainly };
