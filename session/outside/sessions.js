'use strict';

/** @import { Request, Session as SessionShape, SessionData, Settings } from '../types' */

const Keyring = require('../cookie/keyring');
const serialize = require('../cookie/serialize');
const { logNoSession, sidFrom } = require('../cookie/sid');
const native = require('../native/load');
const { attempt, load: loadFor } = require('../request/load');
const { META } = require('../request/times');
const { isFailure } = require('../store/call');
const { detached, isPlain } = require('./detached');
const { storeAt, withMethods } = require('./methods');
const OutsideRequest = require('./outside-request');

/**
 * Loads the session of a browser outside a request. Nothing is stored, and no cookie is set.
 *
 * @param {Settings} settings
 * @param {Keyring | undefined} keyring undefined without the option `secret`
 * @param {any} from as `detached` takes it; undefined or null for no cookie
 * @returns {Promise<SessionShape | undefined>} undefined if there is no such session. It is rejected with
 *   the error of the store, and with a TypeError if `from` is something else.
 */
async function load(settings, keyring, from) {
  if (from === undefined || from === null) return undefined;
  const { req, request } = requestFor(settings, keyring, detached(from, settings.store));
  const sid = sidFrom(request, req.headers.cookie);
  request.setCookieId(sid);
  if (!sid) return undefined;
  const told = request.diagnostics?.begin('load');
  const data = await new Promise((resolve, reject) => {
    attempt((answered) => { loadFor(request, sid, answered); }, (error, found, _id, ending) => {
      told?.endLoad(error, found, ending);
      if (isFailure(error)) reject(error);
      else resolve(error ? undefined : found);
    });
  });
  if (!data) {
    logNoSession(native.UNKNOWN_SID);
    return undefined;
  }
  request.begin(data);
  return withMethods(/** @type {SessionShape} */ (req.session));
}

/**
 * Stores a new session.
 *
 * @param {Settings} settings
 * @param {Keyring | undefined} keyring undefined without the option `secret`
 * @param {Record<string, any>} [data]
 * @returns {Promise<{ id: string, cookie: string, session: SessionShape }>} `cookie` is the text of a Cookie
 *   header. It is rejected with the error of the store or of an option, and with a TypeError for other data.
 */
async function create(settings, keyring, data = {}) {
  if (!isPlain(data)) throw new TypeError('sessions.create takes a plain object of data');
  if (Object.hasOwn(data, 'cookie')) {
    throw new TypeError('sessions.create takes data without a cookie: change session.cookie of the new session, and save it');
  }
  const { req, request, keys } = requestFor(settings, keyring, detached({}, settings.store));
  request.begin();
  const session = /** @type {SessionShape} */ (req.session);
  for (const key of Object.keys(data)) {
    if (key in session || key === 'toJSON') throw new TypeError(`sessions.create takes data without the key ${key}, which every session has`);
    if (key !== META) session[key] = data[key];
  }
  const { id } = session;
  if (typeof id !== 'string' || id === '') throw new TypeError('genid option must return a string');
  const cookie = serialize(settings.name, `s:${keys.sign(id)}`);
  await new Promise((resolve, reject) => {
    storeAt(request, session, (error) => { if (error) reject(error); else resolve(undefined); });
  });
  // From now on it is a session that the store has.
  request.setCookieId(id);
  request.markLoaded(id);
  return { id, cookie, session: withMethods(session) };
}

module.exports = { load, create };

/**
 * @param {Settings} settings
 * @param {Keyring | undefined} keyring
 * @param {Request} req
 * @throws {Error} if there is no secret
 */
function requestFor(settings, keyring, req) {
  const keys = keyring || (req.secret && new Keyring([req.secret]));
  if (!keys) throw new Error('secret option required for sessions');
  return { req, keys, request: new OutsideRequest(settings, req, keys) };
}
