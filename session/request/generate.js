'use strict';

const { Cookie, hasPlainTimes, makeCookie } = require('../cookie/cookie');
const REQUEST_SESSION = require('./key');
const { Session } = require('./session');
const isSecure = require('../cookie/secure');

/** The cookie options of a request: those of `session()`, or what its function gives. */
function cookieOptions(req, { cookie }) {
  return typeof cookie === 'function' ? cookie(req) : cookie;
}

/** Puts a new session, with a new id, on a request: `store.generate`. */
function generate(req, settings) {
  const { cookie: given, proxy } = settings;
  req.sessionID = settings.generateId(req);
  const request = req[REQUEST_SESSION];
  // An id that was there before: what comes now is another session.
  if (request !== undefined && request.loadedId === req.sessionID) request.noteDestroyed(req.sessionID);
  const session = new Session(req);
  req.session = session;
  const plan = hasPlainTimes() ? planCookie(req, settings, Date.now()) : undefined;
  if (plan !== undefined) {
    session.cookie = plannedCookie(plan);
    return;
  }
  session.cookie = new Cookie(cookieOptions(req, settings));
  resolve(session.cookie, given, req, proxy);
}

/** Resolves the attributes that depend on the connection. */
function resolve(attributes, given, req, proxy) {
  if (given.secure === 'auto') attributes.secure = isSecure(req, proxy);
  if (given.sameSite === 'auto') attributes.sameSite = isSecure(req, proxy) ? 'none' : 'lax';
}

/** The cookie of a new session, as it was decided when the request came: see `planCookie`. */
function plannedCookie({ attributes, expires, originalMaxAge, lifetime, startedAt }) {
  if (lifetime === undefined) return makeCookie(attributes, expires, originalMaxAge);
  const end = new Date(startedAt + lifetime);
  return makeCookie(attributes, end, end.valueOf() - startedAt);
}

/**
 * What decides about the cookie of a new session, read when the request comes: a program
 * may change the option before the session is made, and a handler what tells whether the
 * connection is secure.
 *
 * @param {object} req
 * @param {object} settings of `session()`; its `cookie` is an object
 * @param {number} now in ms since the epoch
 * @returns {{ attributes: object, expires: any, originalMaxAge: any, lifetime: number | undefined, startedAt: number } | undefined}
 *   the attributes but for the times, and the fields of the cookie for those; or, in place of
 *   these, its lifetime in ms. Undefined if the cookie must be made at once, because making or
 *   touching it throws or warns.
 */
function planCookie(req, { cookie: given, proxy }, now) {
  // `Cookie` refuses it.
  if (typeof given !== 'object') return undefined;
  const plan = { attributes: {}, expires: null, originalMaxAge: null, lifetime: undefined, startedAt: now };
  const { attributes } = plan;
  for (const name in given) {
    const value = given[name];
    switch (name) {
      // What `Cookie` passes over, or only makes of other attributes.
      case 'data': case '__proto__': case 'originalMaxAge':
        return undefined;
      // Of several, the last one counts.
      case 'maxAge': case 'expires': {
        const isDate = name === 'expires' && value instanceof Date;
        if (value && typeof value !== 'number' && !isDate) return undefined;
        plan.lifetime = name === 'maxAge' && typeof value === 'number' ? value : undefined;
        plan.expires = value;
        plan.originalMaxAge = isDate ? value.valueOf() - now : value;
        break;
      }
      default:
        attributes[name] = value;
    }
  }
  resolve(attributes, attributes, req, proxy);
  return plan;
}

module.exports = { cookieOptions, generate, planCookie, plannedCookie };
