'use strict';

const debug = require('debug')('express-session');
const Exchange = require('./exchange');
const MemoryStore = require('./memory');
const Session = require('./session');
const fast = require('./fast');
const lazy = require('./lazy');
const native = require('./native');
const tellNone = require('./reasons');
const { attributesOf } = require('./generate');
const { isResident, makesPlainSessions } = require('./plain');

/** What a door says beside the data; read at once, so one serves all. */
const found = Buffer.from(new ArrayBuffer(native.FOUND_BYTES));
const doubles = new Float64Array(found.buffer);
const COOKIE_ID = native.FOUND_COOKIE_ID / doubles.BYTES_PER_ELEMENT;
const EXPIRES = native.FOUND_EXPIRES / doubles.BYTES_PER_ELEMENT;
const MOMENT = native.FOUND_MOMENT / doubles.BYTES_PER_ELEMENT;

/**
 * The short way in. If the store's answer is there at once, and nobody could tell
 * when the session is made, the session stays text until somebody looks at it.
 *
 * @param {object} req
 * @param {string | undefined} header `Cookie`
 * @param {object} settings of `session()`
 * @param {import('./keyring')} keyring
 * @returns {Exchange | undefined} undefined if the request must take the long way
 */
function enter(req, header, settings, keyring) {
  const { store } = settings;
  if (!fast.entry || !settings.canWait || !isResident(store) || !makesPlainSessions(store, settings.generate)) {
    return undefined;
  }
  // An accessor that a program made for it, on the request or on what that inherits from.
  if ('session' in req) return undefined;
  const now = Date.now();
  const records = MemoryStore.records(store);
  // Until all that it says is read, no program may act: its request would ask the same door.
  const data = header
    ? keyring.door(settings.name, records, found)(header, now)
    : native.NO_COOKIE;
  const exchange = typeof data === 'string'
    ? loaded(req, settings, keyring, records, data)
    : created(req, settings, keyring, data, now);
  records.tell();
  if (exchange === undefined) return undefined;

  exchange.isAsleep = true;
  exchange.startedAt = now;
  exchange.records = records;
  exchange.changes = records.changes;
  // As the long way does, which asks the store in between: the program may have a setter.
  if (!exchange.isLoaded) req.sessionID = exchange.cookieId;
  req.sessionID = exchange.originalId;
  lazy.define(exchange);
  return exchange;
}

module.exports = enter;

function loaded(req, settings, keyring, records, data) {
  const sid = foundSid();
  const cookieNumber = doubles[COOKIE_ID];
  const storedCookie = records.cookie(cookieNumber, foundCookie);
  const exchange = new Exchange(settings, req, keyring, sid);
  exchange.originalId = sid;
  exchange.isLoaded = true;
  exchange.loadedId = sid;
  exchange.loadedAt = doubles[MOMENT];
  exchange.cookieNumber = cookieNumber;
  exchange.storedCookie = storedCookie;
  exchange.storedExpires = doubles[EXPIRES];
  exchange.renewal = found[native.FOUND_RENEWAL];
  exchange.originalText = data;
  if (!settings.resave) exchange.saved = Exchange.ORIGINAL;
  if (debug.enabled) debug('session found');
  return exchange;
}

function created(req, settings, keyring, reason, now) {
  // With a `toJSON`, what the session began with is known once it is made.
  if (reason === native.UNCLEAR_SESSION || Session.prototype.toJSON !== undefined) return undefined;
  const cookieId = reason === native.UNKNOWN_SID ? foundSid() : undefined;
  // cookie-parser may have found the cookie elsewhere, and the long way says why
  // a secret that verified nothing is none.
  if (cookieId === undefined && (req.signedCookies || req.cookies || keyring.hasRest())) return undefined;
  const attributes = attributesOf(req, settings, now);
  if (attributes === undefined) return undefined;
  tellNone(reason);
  const exchange = new Exchange(settings, req, keyring, cookieId);
  exchange.originalId = native.sessionId();
  exchange.originalText = '{}';
  exchange.attributes = attributes;
  return exchange;
}

function foundSid() {
  return found.latin1Slice(native.FOUND_SID, native.FOUND_SID + found[native.FOUND_SID_LENGTH]);
}

function foundCookie() {
  const length = found.readUInt16LE(native.FOUND_COOKIE_LENGTH);
  return found.latin1Slice(native.FOUND_COOKIE, native.FOUND_COOKIE + length);
}
