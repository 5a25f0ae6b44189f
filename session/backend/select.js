'use strict';

const { Cookie, hasPlainJSON, hasPlainTimes } = require('../cookie/cookie');
const { MemoryStore } = require('../store/memory-store');
const { Session } = require('../request/session');
const remote = require('./remote');

// Programs replace methods at any time, to test or to extend. What the resident backend does
// not call must be what it was when this file was loaded, so each request asks anew, when it
// begins and when it ends.

const { get, set, touch: touchStored, destroy, createSession } = MemoryStore.prototype;
const { save, touch, resetMaxAge } = Session.prototype;

/**
 * The backend of a request: `resident` for a store of ours, in which, and in whose sessions,
 * no program has replaced anything; else `remote`.
 *
 * @param {import('../request')} request
 * @param {object} [session] one that somebody has looked at
 * @returns {import('./resident') | typeof import('./remote')}
 */
function select({ req, lastMade, settings }, session) {
  const { resident, store, generate } = settings;
  if (resident === undefined) return remote;
  const isOwn = store.get === get && store.set === set && store.touch === touchStored && store.destroy === destroy &&
    store.createSession === createSession && store.generate === generate && Session.prototype.toJSON === undefined &&
    hasPlainJSON(session ? session.cookie : undefined);
  if (!isOwn) return remote;
  const isPlain = session
    ? session === lastMade && session.save === save && req.sessionStore === store && session.cookie instanceof Cookie
    : touchesPlainly();
  return isPlain ? resident : remote;
}

module.exports = select;

/** Whether touching a session, or any, gives its cookie the lifetime that it had, and does nothing else. */
function touchesPlainly(session = Session.prototype) {
  const { cookie } = session;
  return session.touch === touch && session.resetMaxAge === resetMaxAge &&
    (cookie === undefined || (cookie instanceof Cookie && typeof cookie.originalMaxAge === 'number')) &&
    hasPlainTimes(cookie);
}

module.exports.touchesPlainly = touchesPlainly;
