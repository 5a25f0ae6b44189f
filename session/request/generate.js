'use strict';

/** @import { Cookie as CookieShape, CookieData, CookieOptions, CookiePlan, Request, Settings } from '../types' */

const { Cookie, hasPlainTimes, makeCookie } = require('../cookie/cookie');
const isSecure = require('../cookie/secure');
const REQUEST_SESSION = require('./key');
const { Session } = require('./session');

/**
 * Returns the cookie options of a request: the option `cookie`, or what that function returns.
 *
 * @param {Request} req
 * @param {Settings} settings
 * @returns {CookieOptions}
 */
function cookieOptions(req, { cookie }) {
  return typeof cookie === 'function' ? cookie(req) : cookie;
}

/**
 * Puts a new session, with a new id, on a request. This is the `generate` of each store.
 *
 * @param {Request} req
 * @param {Settings} settings
 * @throws what the options `genid` and `cookie` throw, and `Cookie`
 */
function generate(req, settings) {
  const { cookie: option, generateId, proxy } = settings;
  req.sessionID = generateId(req);
  const request = req[REQUEST_SESSION];
  // `genid` has returned the sid of the loaded session. The new session replaces that one, so
  // it must be stored even if another request has destroyed that one meanwhile.
  if (request !== undefined && request.loadedId === req.sessionID) request.noteDestroyed(req.sessionID);
  const session = new Session(req);
  req.session = session;
  const plan = hasPlainTimes() ? planCookie(req, settings, Date.now()) : undefined;
  if (plan !== undefined) {
    session.cookie = plannedCookie(plan);
    return;
  }
  session.cookie = new Cookie(cookieOptions(req, settings));
  // A function as the option has neither of the attributes, so for its cookies `'auto'` stays.
  resolveAuto(session.cookie, /** @type {CookieOptions} */ (option), req, proxy);
}

/**
 * Replaces `'auto'`, as the value of `secure` and `sameSite`, by what the connection of a
 * request demands.
 *
 * @param {CookieData} attributes are changed
 * @param {CookieOptions} options say which of the two are `'auto'`
 * @param {Request} req
 * @param {boolean | undefined} proxy
 */
function resolveAuto(attributes, options, req, proxy) {
  if (options.secure === 'auto') attributes.secure = isSecure(req, proxy);
  if (options.sameSite === 'auto') attributes.sameSite = isSecure(req, proxy) ? 'none' : 'lax';
}

/**
 * Makes the cookie of a plan, as it would have been made when the request came.
 *
 * @param {CookiePlan} plan
 * @returns {CookieShape}
 */
function plannedCookie({ attributes, expires, originalMaxAge, lifetime, startedAt }) {
  if (lifetime === undefined) return makeCookie(attributes, expires, originalMaxAge);
  const end = new Date(startedAt + lifetime);
  return makeCookie(attributes, end, end.valueOf() - startedAt);
}

/**
 * Reads all that decides the cookie of a new session. This happens when the request comes, and
 * the session may be made later: until then a program may change the option, and a handler may
 * change whether the connection counts as secure.
 *
 * @param {Request} req
 * @param {Settings} settings
 * @param {number} now ms since the epoch
 * @returns {CookiePlan | undefined} undefined if the cookie must be made at once by `Cookie`,
 *   because the option is a function, or making the cookie throws or warns
 */
function planCookie(req, { cookie: option, proxy }, now) {
  if (typeof option !== 'object') return undefined;
  /** @type {CookieData & Record<string, any>} */
  const attributes = {};
  /** @type {CookiePlan} */
  const plan = { attributes, expires: null, originalMaxAge: null, lifetime: undefined, startedAt: now };
  for (const name in option) {
    const value = option[name];
    switch (name) {
      // `Cookie` ignores the first two, and treats the third in a way of its own.
      case 'data': case '__proto__': case 'originalMaxAge':
        return undefined;
      // If the option has both, the later one counts.
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
  resolveAuto(attributes, attributes, req, proxy);
  return plan;
}

module.exports = { cookieOptions, generate, planCookie, plannedCookie };
