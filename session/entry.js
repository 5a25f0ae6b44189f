'use strict';

const debug = require('debug')('express-session');
const Exchange = require('./exchange');
const MemoryStore = require('./memory');
const fast = require('./fast');
const lazy = require('./lazy');
const native = require('./native');
const { isResident, makesPlainSessions } = require('./plain');

/** What `native.enter` says beside the text; read at once, so one serves all. */
const found = Buffer.alloc(native.FOUND_BYTES);

/**
 * The short way in. If the store's answer is there at once, and nobody could tell
 * when the session is made, the session stays text until somebody looks at it.
 *
 * @param {object} req
 * @param {object} settings of `session()`
 * @param {import('./keyring')} keyring
 * @returns {Exchange | undefined} undefined if the request must take the long way
 */
function enter(req, settings, keyring) {
  const { store } = settings;
  if (!fast.entry || !settings.canWait || !isResident(store) || !makesPlainSessions(store, settings.generate)) {
    return undefined;
  }
  const { cookie: header } = req.headers;
  const now = Date.now();
  const records = MemoryStore.records(store);
  const text = header
    ? native.enter(keyring.door(settings.name, records), header, now, found)
    : native.NO_COOKIE;
  const exchange = typeof text === 'string'
    ? loaded(req, settings, keyring, text)
    : created(req, settings, keyring, text);
  if (exchange === undefined) return undefined;

  exchange.isAsleep = true;
  exchange.startedAt = now;
  exchange.records = records;
  exchange.changes = records.changes;
  exchange.originalId = req.sessionID;
  lazy.define(exchange);
  return exchange;
}

module.exports = enter;

function loaded(req, settings, keyring, text) {
  const sid = foundSid();
  const restAt = found[native.FOUND_REST] | found[native.FOUND_REST + 1] << 8;
  debug('session found');
  req.sessionStore = settings.store;
  req.sessionID = sid;
  const exchange = new Exchange(settings, req, keyring, sid);
  exchange.isLoaded = true;
  exchange.text = text;
  exchange.restAt = restAt;
  exchange.renewal = found[native.FOUND_RENEWAL];
  // As `fingerprint` has it: what follows the cookie, without the comma.
  exchange.originalText = text.slice(text[restAt] === ',' ? restAt + 1 : restAt);
  if (!settings.resave) exchange.savedText = exchange.originalText;
  return exchange;
}

function created(req, settings, keyring, reason) {
  if (reason === native.UNCLEAR_SESSION) return undefined;
  const isKnown = reason === native.UNKNOWN_SID;
  // cookie-parser may have found the cookie elsewhere, and the long way says why
  // a secret that verified nothing is none.
  if (!isKnown && (req.signedCookies || req.cookies || keyring.hasRest())) return undefined;
  debug('no session found, reason %d', reason);
  req.sessionStore = settings.store;
  req.sessionID = native.sessionId();
  const exchange = new Exchange(settings, req, keyring, isKnown ? foundSid() : undefined);
  exchange.originalText = '}';
  return exchange;
}

function foundSid() {
  return found.latin1Slice(native.FOUND_SID, native.FOUND_SID + found[native.FOUND_SID_LENGTH]);
}
