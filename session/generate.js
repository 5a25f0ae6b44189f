'use strict';

const Cookie = require('./cookie');
const EXCHANGE = require('./exchange-key');
const Session = require('./session');
const isSecure = require('./secure');

/** The cookie options of a request: those of `session()`, or what its function gives. */
function cookieOptions(req, { cookie }) {
  return typeof cookie === 'function' ? cookie(req) : cookie;
}

/** Puts a new session, with a new id, on a request: `store.generate`. */
function generate(req, settings) {
  const { cookie: given, proxy } = settings;
  req.sessionID = settings.generateId(req);
  const exchange = req[EXCHANGE];
  // An id that was there before: what comes now is another session.
  if (exchange !== undefined && exchange.loadedId === req.sessionID) exchange.ending(req.sessionID);
  const session = new Session(req);
  req.session = session;
  const cookie = new Cookie(cookieOptions(req, settings));
  session.cookie = cookie;
  if (given.secure === 'auto') cookie.secure = isSecure(req, proxy);
  if (given.sameSite === 'auto') cookie.sameSite = sameSiteFor(req, proxy);
}

/**
 * What decides about the cookie of a new session, read when the request comes: a program
 * may change the option before the session is made, and a handler what tells whether the
 * connection is secure.
 *
 * @param {object} req
 * @param {object} settings of `session()`; its `cookie` is an object
 * @param {number} now in ms since the epoch
 * @returns {object | undefined} options for a `Cookie` that is made later; undefined if it
 *   must be made at once, because making or touching it throws or warns
 */
function attributesOf(req, { cookie: given, proxy }, now) {
  // `Cookie` refuses it.
  if (typeof given !== 'object') return undefined;
  const attributes = {};
  let last;
  for (const name in given) {
    // What `Cookie` passes over, or only makes of other attributes.
    if (name === 'data' || name === '__proto__' || name === 'originalMaxAge') return undefined;
    const value = given[name];
    if (name === 'maxAge' || name === 'expires') {
      if (value && typeof value !== 'number' && !(name === 'expires' && value instanceof Date)) return undefined;
      last = name;
    }
    attributes[name] = value;
  }
  if (attributes.secure === 'auto') attributes.secure = isSecure(req, proxy);
  if (attributes.sameSite === 'auto') attributes.sameSite = sameSiteFor(req, proxy);
  if (last === 'expires') {
    const { expires } = attributes;
    attributes.originalMaxAge = expires instanceof Date ? expires.valueOf() - now : expires;
  }
  return attributes;
}

function sameSiteFor(req, proxy) {
  return isSecure(req, proxy) ? 'none' : 'lax';
}

module.exports = { cookieOptions, generate, attributesOf };
