'use strict';

const Cookie = require('./cookie');
const Session = require('./session');
const isSecure = require('./secure');

/** The cookie options of a request: those of `session()`, or what its function gives. */
function cookieOptions(req, { cookie }) {
  return typeof cookie === 'function' ? cookie(req) : cookie;
}

/** Puts a new session, with a new id, on a request: `store.generate`. */
function generate(req, settings) {
  req.sessionID = settings.generateId(req);
  create(req, settings);
}

/** Puts a new session on a request that has its id already. */
function create(req, settings) {
  const { cookie: given, proxy } = settings;
  const session = new Session(req);
  req.session = session;
  const cookie = new Cookie(cookieOptions(req, settings));
  session.cookie = cookie;
  if (given.secure === 'auto') cookie.secure = isSecure(req, proxy);
  if (given.sameSite === 'auto') cookie.sameSite = isSecure(req, proxy) ? 'none' : 'lax';
}

/** Whether a new session's cookie can be made at any time, with the same result. */
function isTimeless({ cookie }) {
  if (typeof cookie === 'function') return false;
  try {
    const made = new Cookie(cookie);
    // As the end of the response will.
    made.maxAge = made.originalMaxAge;
    return true;
  } catch {
    return false;
  }
}

module.exports = { cookieOptions, generate, create, isTimeless };
