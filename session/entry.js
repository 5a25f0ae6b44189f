'use strict';

const debug = require('debug')('express-session');
const Exchange = require('./exchange');
const MemoryStore = require('./memory');
const fast = require('./fast');
const lazy = require('./lazy');
const native = require('./native');
const tellNone = require('./reasons');
const { isResident, makesPlainSessions } = require('./plain');

/** What a door says beside the data; read at once, so one serves all. */
const found = Buffer.from(new ArrayBuffer(native.FOUND_BYTES));
const doubles = new Float64Array(found.buffer);
const COOKIE_ID = native.FOUND_COOKIE_ID / doubles.BYTES_PER_ELEMENT;
const EXPIRES = native.FOUND_EXPIRES / doubles.BYTES_PER_ELEMENT;

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
  const now = Date.now();
  const records = MemoryStore.records(store);
  const data = header
    ? keyring.door(settings.name, records, found)(header, now)
    : native.NO_COOKIE;
  records.tell();
  const exchange = typeof data === 'string'
    ? loaded(req, settings, keyring, records, data)
    : created(req, settings, keyring, data);
  if (exchange === undefined) return undefined;

  exchange.isAsleep = true;
  exchange.startedAt = now;
  exchange.records = records;
  exchange.changes = records.changes;
  lazy.define(exchange);
  return exchange;
}

module.exports = enter;

function loaded(req, settings, keyring, records, data) {
  if (debug.enabled) debug('session found');
  const sid = foundSid();
  req.sessionID = sid;
  const exchange = new Exchange(settings, req, keyring, sid);
  exchange.originalId = sid;
  exchange.isLoaded = true;
  exchange.hadRecord = true;
  exchange.cookieNumber = doubles[COOKIE_ID];
  exchange.storedCookie = records.cookie(exchange.cookieNumber, foundCookie);
  exchange.storedExpires = doubles[EXPIRES];
  exchange.renewal = found[native.FOUND_RENEWAL];
  exchange.originalText = data;
  if (!settings.resave) exchange.saved = Exchange.ORIGINAL;
  return exchange;
}

function created(req, settings, keyring, reason) {
  if (reason === native.UNCLEAR_SESSION) return undefined;
  const isKnown = reason === native.UNKNOWN_SID;
  // cookie-parser may have found the cookie elsewhere, and the long way says why
  // a secret that verified nothing is none.
  if (!isKnown && (req.signedCookies || req.cookies || keyring.hasRest())) return undefined;
  tellNone(reason);
  const sid = native.sessionId();
  req.sessionID = sid;
  const exchange = new Exchange(settings, req, keyring, isKnown ? foundSid() : undefined);
  exchange.originalId = sid;
  exchange.originalText = '{}';
  return exchange;
}

function foundSid() {
  return found.latin1Slice(native.FOUND_SID, native.FOUND_SID + found[native.FOUND_SID_LENGTH]);
}

function foundCookie() {
  const length = found.readUInt16LE(native.FOUND_COOKIE_LENGTH);
  return found.latin1Slice(native.FOUND_COOKIE, native.FOUND_COOKIE + length);
}
