'use strict';

/** @import RequestSession from '../request' */
/** @import { Callback, Session as SessionShape } from '../types' */

const { callStore, storeCallback } = require('../store/call');
const defer = require('../store/defer');
const dataJSON = require('./data-json');
const { saveMerged } = require('./merge');

/**
 * The stored data on which the sessions of one request are based, so that a save does not replace
 * what other requests have stored since: the option `merge`.
 */
class Bases {
  /** @param {RequestSession} request */
  constructor(request) {
    this.request = request;
    /**
     * The stored data from which each session of the request was made, as JSON without the cookie;
     * and for a clone or a Proxy of a session, the last ones by sid.
     * @type {Map<SessionShape | string | undefined, string>}
     */
    this.texts = new Map();
    /**
     * The saves that wait for the one that is under way. Undefined if none is.
     * @type {(() => void)[] | undefined}
     */
    this.waitingSaves = undefined;
  }

  /**
   * @param {SessionShape | string | undefined} key the session or its sid
   * @param {string} text the JSON of the data, without the cookie
   */
  set(key, text) {
    this.texts.set(key, text);
  }

  /**
   * Notes the stored data on which a session is based from now on.
   *
   * @param {SessionShape} session
   * @param {string} text the JSON of the data, without the cookie
   */
  note(session, text) {
    this.set(session, text);
    this.set(this.request.idOf(session), text);
  }

  /**
   * Notes that a session has a new id.
   *
   * @param {string | undefined} oldId
   * @param {string} id
   */
  rename(oldId, id) {
    const base = this.texts.get(oldId);
    if (base !== undefined && !this.texts.has(id)) this.set(id, base);
  }

  /**
   * Returns the stored data on which a session is based, as JSON. A save must keep what others have
   * changed in them since.
   *
   * @param {SessionShape} session
   * @returns {string | undefined} undefined for a session that the store does not have yet
   */
  of(session) {
    const { request, texts } = this;
    if (request.req.sessionStore !== request.settings.store) return undefined;
    const id = request.idOf(session);
    return request.destroyedIds?.has(id) ? undefined : texts.get(session) ?? texts.get(id);
  }

  /**
   * Calls the store to store a session. The changes of other requests are kept, and the saves of a
   * request do not overlap.
   *
   * @param {Callback} callback made by `storeCallback`
   * @param {'set' | 'setIfPresent'} method
   * @param {string | undefined} id
   * @param {SessionShape} session
   * @throws what the store throws before it has called back
   */
  store(callback, method, id, session) {
    const { request, request: { req } } = this;
    const isAgain = request.destroyedIds?.has(id);
    this.inTurn(callback, (done) => {
      if (!isAgain && request.destroyedIds?.has(id)) {
        request.noteGone(session);
        done();
        return;
      }
      const stored = request.stampMeta(session);
      const base = this.of(session);
      if (base !== undefined) {
        saveMerged(request, id, session, base, done);
        return;
      }
      const text = dataJSON(stored);
      callStore(storeCallback(req, (error, ...results) => {
        if (!error) this.note(session, text);
        done(error, ...results);
      }), req.sessionStore, method, id, stored);
    });
  }

  /**
   * Saves when the saves that are under way have ended: they would take each other for those of
   * other requests.
   *
   * @param {Callback} callback
   * @param {(callback: Callback) => void} save
   * @throws what `save` throws if none is under way
   */
  inTurn(callback, save) {
    let hasEnded = false;
    const endTurn = () => {
      hasEnded = true;
      const next = this.waitingSaves?.shift();
      if (next) defer(next);
      else this.waitingSaves = undefined;
    };
    const done = (/** @type {any[]} */ ...results) => {
      endTurn();
      callback(...results);
    };
    const begin = () => {
      try {
        save(done);
      } catch (error) {
        if (hasEnded) throw error;
        if (isFirst) endTurn();
        else done(error);
        if (isFirst) throw error;
      }
    };
    const isFirst = this.waitingSaves === undefined;
    if (this.waitingSaves === undefined) this.waitingSaves = [];
    else this.waitingSaves.push(begin);
    if (isFirst) begin();
  }
}

module.exports = Bases;
