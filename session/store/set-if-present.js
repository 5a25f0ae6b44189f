'use strict';

/** @import { Callback, SessionData, Store } from '../types' */

const { callStore, functionOf, isFailure, runEngine, storeCallback } = require('./call');
const { methods, stamped, whenCommitted } = require('./engine-methods');
const { engineOf } = require('./engine-of');

/**
 * Stores a session as `set` does, but only if the store still has a session with this id.
 *
 * @this {Store}
 * @param {string} sid
 * @param {SessionData} session
 * @param {(error: unknown, isStored?: boolean) => void} [callback]
 * @throws what `JSON.stringify` throws; the stored session stays as it was
 */
function setIfPresent(sid, session, callback) {
  // A class that replaces `set` may keep its sessions in another form, or under another sid.
  if (this.set !== methods.set) {
    setIfFound(this, sid, session, functionOf(callback));
    return;
  }
  const stored = stamped(this, session, callback);
  if (stored === undefined) return;
  const text = JSON.stringify(stored);
  runEngine(callback, () => {
    const engine = engineOf(this);
    const isStored = engine.saveIfPresent(`${sid}`, stored, text);
    if (callback) whenCommitted(engine, isStored, callback);
  });
}

module.exports = setIfPresent;

/**
 * Stores a session by the methods of a class that has replaced them. Another process may destroy
 * the session between the two calls.
 *
 * @param {Store} store
 * @param {string} sid
 * @param {SessionData} session
 * @param {Callback} callback
 */
function setIfFound(store, sid, session, callback) {
  callStore(storeCallback(undefined, (error, found) => {
    if (isFailure(error)) callback(error);
    else if (error || !found) callback(null, false);
    else callStore(storeCallback(undefined, (failure) => { callback(failure, !failure); }), store, 'set', sid, session);
  }), store, 'get', sid);
}
