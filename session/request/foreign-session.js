'use strict';

/** @import RequestSession from '../request' */
/** @import { Callback, Session as SessionShape } from '../types' */

const { runEngine, functionOf } = require('../store/call');
const { Session, defineHidden } = require('./session');

const ours = Session.prototype;

/**
 * Wraps the methods of a session that was not made by this package, or whose methods a program
 * has replaced. So the `RequestSession` knows of its saves and reloads, and of what it destroys.
 * The wrappers are properties of the session that are not enumerable.
 *
 * @param {SessionShape} session
 * @param {RequestSession} request
 * @returns {Function | undefined} the wrapper of `save`, if `save` is a method of a class that
 *   does not extend `Session`
 */
function wrapMethods(session, request) {
  const { destroy, regenerate, reload, save, touch } = /** @type {Record<string, Function>} */ (session);

  /**
   * @this {SessionShape}
   * @param {Callback} [callback]
   */
  function wrappedReload(callback) {
    const call = functionOf(callback);
    /** @type {number} */
    let moment;
    if (!runEngine(call, () => { moment = request.moment(); })) return;
    reload.call(this, (/** @type {any[]} */ ...results) => {
      request.afterReload(this, moment, results[0]);
      call(...results);
    });
  }

  /**
   * @this {SessionShape}
   * @param {any[]} args the first may be the callback
   */
  function wrappedSave(...args) {
    if (runEngine(functionOf(args[0]), () => { request.beforeSave(this); })) save.apply(this, args);
  }

  /**
   * @this {SessionShape}
   * @param {Callback | undefined} callback
   * @param {any[]} args
   */
  function wrappedDestroy(callback, ...args) {
    return destroy.call(this, request.beforeDestroy(this.id, callback), ...args);
  }

  /**
   * @this {SessionShape}
   * @param {any[]} args the callback, or options and the callback
   */
  function wrappedRegenerate(...args) {
    const [options, callback] = args;
    if (typeof options === 'object' && options !== null) return ours.regenerate.call(this, options, callback);
    request.noteDestroyed(request.req.sessionID);
    return regenerate.apply(this, args);
  }

  /**
   * @this {SessionShape}
   * @param {any[]} args
   */
  function wrappedTouch(...args) {
    if (args[0] === false) return ours.touch.call(this, false);
    request.keepsExpiry = false;
    return touch.apply(this, args);
  }

  const isOfClass = !Object.hasOwn(session, 'save');
  defineHidden(session, 'reload', wrappedReload);
  defineHidden(session, 'save', wrappedSave);
  // `destroy`, `regenerate` and `touch` of our class tell the `RequestSession` themselves.
  if (session instanceof Session) return undefined;
  defineHidden(session, 'destroy', wrappedDestroy);
  defineHidden(session, 'regenerate', wrappedRegenerate);
  defineHidden(session, 'touch', wrappedTouch);
  return isOfClass ? wrappedSave : undefined;
}

module.exports = wrapMethods;
