'use strict';

const Cookie = require('./cookie');
const MemoryStore = require('./memory');
const Session = require('./session');
const fast = require('./fast');

// Programs replace methods at any time, to test or to extend. What a fast path
// would skip must be what it was when this file was loaded, so each asks anew.

const { hasOwnProperty } = Object.prototype;
const { get, set, touch: touchRecord, destroy, createSession } = MemoryStore.prototype;
const { touch, resetMaxAge } = Session.prototype;
const { toJSON } = Cookie.prototype;
const [data, expires, maxAge] = ['data', 'expires', 'maxAge'].map((name) =>
  Object.getOwnPropertyDescriptor(Cookie.prototype, name));

/**
 * Whether a store's answers are there at once: a MemoryStore whose methods are
 * its own.
 *
 * @param {object} store
 * @returns {boolean}
 */
function isResident(store) {
  return fast.resident && store instanceof MemoryStore &&
    store.get === get && store.set === set && store.touch === touchRecord && store.destroy === destroy;
}

/**
 * Whether a store makes its sessions as it always did.
 *
 * @param {object} store
 * @param {Function} generate what the middleware assigned
 * @returns {boolean}
 */
function makesPlainSessions(store, generate) {
  return store.createSession === createSession && store.generate === generate;
}

/** Whether touching a session does what it always did, and so does its cookie's JSON. */
function touchesPlainly() {
  return Session.prototype.touch === touch && Session.prototype.resetMaxAge === resetMaxAge &&
    Session.prototype.toJSON === undefined &&
    isStill(expires, 'expires') && isStill(maxAge, 'maxAge') && hasPlainJSON(Cookie.prototype);
}

/** Whether a cookie's JSON is made as it always was. */
function hasPlainJSON(cookie) {
  return cookie.toJSON === toJSON && isStill(data, 'data') &&
    (cookie === Cookie.prototype || !hasOwnProperty.call(cookie, 'data'));
}

function isStill(accessor, name) {
  const current = Object.getOwnPropertyDescriptor(Cookie.prototype, name);
  return current !== undefined && current.get === accessor.get && current.set === accessor.set;
}

module.exports = { isResident, makesPlainSessions, touchesPlainly, hasPlainJSON };
