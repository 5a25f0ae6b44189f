'use strict';

/** @import RequestSession from '../request' */
/** @import { Request, Session } from '../types' */

const REQUEST_SESSION = require('./key');

/**
 * The accessor property `req.session` of a request whose session was asleep at first. Reading
 * it wakes the session. All requests share one descriptor, so that V8 gives them the same
 * hidden class.
 *
 * @type {PropertyDescriptor & ThisType<Request & { [REQUEST_SESSION]: RequestSession }>}
 */
const sessionProperty = {
  configurable: true,
  enumerable: true,

  get() {
    const request = this[REQUEST_SESSION];
    request.isLookedAt = true;
    if (request.isAsleep) request.wake();
    else request.restoreMethods();
    return request.session;
  },

  /** @param {Session | null | undefined} session a program may assign a value of any type */
  set(session) {
    const request = this[REQUEST_SESSION];
    if (request.req === this) {
      request.assign(session);
      return;
    }
    // An object that inherits from the request gets a property of its own, as by an assignment
    // to a plain property.
    Object.defineProperty(this, 'session', { value: session, configurable: true, enumerable: true, writable: true });
  },
};

/**
 * Returns whether `req.session` is the accessor property above and leads to `request`. It does
 * not if a program has deleted or redefined the property, or another middleware has taken the
 * request.
 *
 * @param {RequestSession} request
 */
function hasSessionProperty(request) {
  const { req } = request;
  const own = Object.getOwnPropertyDescriptor(req, 'session');
  return own !== undefined && own.get === sessionProperty.get && req[REQUEST_SESSION] === request;
}

module.exports = { sessionProperty, hasSessionProperty };
