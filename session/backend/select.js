'use strict';

const Cookie = require('../cookie');
const MemoryStore = require('../memory');
const Session = require('../session');
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
 * @param {boolean} [isPlain] whether touching it does what it always did
 * @returns {import('./resident') | typeof import('./remote')}
 */
function select({ req, lastMade, settings }, session, isPlain) {
  const { resident, store, generate } = settings;
  if (resident === undefined) return remote;
  const isOwn = (isPlain ?? touchesPlainly()) && store.get === get && store.set === set && store.touch === touchStored && store.destroy === destroy &&
    store.createSession === createSession && store.generate === generate && Session.prototype.toJSON === undefined &&
    (!session || (session === lastMade && session.save === save && req.sessionStore === store));
  return isOwn ? resident : remote;
}

module.exports = select;

/** Whether touching a session, or any without one, does what it always did. */
function touchesPlainly(session) {
  const { touch: its, resetMaxAge: reset, cookie } = session || Session.prototype;
  return its === touch && reset === resetMaxAge && (!session || Boolean(cookie)) && Cookie.isPlain(cookie);
}

module.exports.touchesPlainly = touchesPlainly;
