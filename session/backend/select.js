'use strict';

const Cookie = require('../cookie');
const Store = require('../store');
const MemoryStore = require('../memory');
const Session = require('../session');
const remote = require('./remote');

// Programs replace methods at any time, to test or to extend. What the resident backend does
// not call must be what it was when this file was loaded, so each request asks anew, when it
// begins and when it ends.

const { get, set, touch, destroy } = MemoryStore.prototype;
const { createSession } = Store.prototype;
const { toJSON } = Cookie.prototype;
const [data, expires, maxAge] = ['data', 'expires', 'maxAge'].map(accessor);

/**
 * The backend of a request: `resident` for a store of ours, in which, and in whose sessions,
 * no program has replaced anything; else `remote`.
 *
 * @param {object} settings of `session()`
 * @param {import('../request')} [request] which has a session that somebody has looked at
 * @param {object} [session] that session
 */
function select(settings, request, session) {
  const { resident } = settings;
  return resident !== undefined && isPlain(settings) && (!session || isPlainSession(request, session)) ? resident : remote;
}

module.exports = select;

function isPlain({ store, generate }) {
  return store.get === get && store.set === set && store.touch === touch && store.destroy === destroy &&
    store.createSession === createSession && store.generate === generate &&
    Session.isPlain(Session.prototype) && Session.prototype.toJSON === undefined && Cookie.prototype.toJSON === toJSON &&
    isStill(expires, accessor('expires')) && isStill(maxAge, accessor('maxAge')) && isStill(data, accessor('data'));
}

function isPlainSession({ req, lastMade, settings: { store } }, session) {
  const { cookie } = session;
  return session === lastMade && Session.isPlain(session) && typeof session.id === 'string' && req.sessionStore === store &&
    cookie instanceof Cookie && cookie.toJSON === toJSON && !Object.hasOwn(cookie, 'data');
}

function accessor(name) {
  return Object.getOwnPropertyDescriptor(Cookie.prototype, name);
}

function isStill(before, now) {
  return now !== undefined && now.get === before.get && now.set === before.set;
}
