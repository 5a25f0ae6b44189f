'use strict';

/** @import RequestSession from '../request' */
/** @import { Callback, Session as SessionShape } from '../types' */

const { storeCallback, callStore, callbackOrPromise, runEngine, functionOf } = require('../store/call');
const { load } = require('./load');
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
  const isOurs = session instanceof Session;
  const isOfClass = !Object.hasOwn(session, 'save');

  /**
   * @this {SessionShape}
   * @param {Callback} [callback]
   */
  function doReload(callback) {
    const call = functionOf(callback);
    // A session that is ours tells itself.
    const told = isOurs ? undefined : request.diagnostics?.begin('load');
    /** @type {number} */
    let moment;
    if (!runEngine(call, () => { moment = request.moment(); })) return undefined;
    const begin = (/** @type {Function} */ method) => method.call(this, (/** @type {any[]} */ ...results) => {
      told?.endReload(results[0]);
      request.afterReload(this, moment, results[0]);
      call(...results);
    });
    if (request.settings.times === undefined) return begin(reload);
    // The `reload` of another class does not know when a session has ended, or that it has another id now.
    load(request, request.idOf(this), (error, data, id, ending) => {
      const isRenamed = data && id !== this.id;
      if (isRenamed) told?.drop();
      if (error || data) {
        begin(isRenamed ? ours.reload : reload);
        return;
      }
      told?.endLoad(undefined, undefined, ending);
      call(new Error('failed to load session'));
    });
    return undefined;
  }

  /**
   * @this {SessionShape}
   * @param {any[]} args the first may be the callback
   */
  function doSave(...args) {
    const call = functionOf(args[0]);
    /** @type {'set' | 'setIfPresent'} */
    let method = 'set';
    if (!request.canStamp(this, call)) return undefined;
    if (!runEngine(call, () => { method = request.beforeSave(this); })) return undefined;
    const id = request.idOf(this);
    const isPlain = request.bases === undefined && request.settings.users === undefined && id === this.id && !request.mustFollow(id);
    if (isOurs || !isOfClass || isPlain) return save.apply(request.stampMeta(this), args);
    // The `save` of another class does not know of the option.
    request.store(storeCallback(request.req, request.hearingSave(this, call)), method, id, this);
    return this;
  }

  /**
   * @this {SessionShape}
   * @param {Callback | undefined} callback
   * @param {any[]} args
   */
  function doDestroy(callback, ...args) {
    const { id, req } = this;
    // The `destroy` of another class does not know the new id.
    if (request.idOf(this) !== id) return ours.destroy.call(this, callback);
    const watched = request.beforeDestroy(id, callback);
    if (!request.meta?.mayBeRenewed(id)) return destroy.call(this, watched, ...args);
    // Nobody must store it in the meantime.
    delete req.session;
    request.meta.endStored(id, functionOf(watched), (answered) => { destroy.call(this, storeCallback(req, answered), ...args); });
    return this;
  }

  /**
   * @this {SessionShape}
   * @param {any[]} args the first may be the callback
   */
  function doRegenerate(...args) {
    const { req } = request;
    const { sessionID } = req;
    const [callback, ...more] = args;
    request.noteDestroyed(sessionID);
    if (!request.meta?.mayBeRenewed(sessionID)) return regenerate.apply(this, args);
    request.meta.endStored(sessionID, functionOf(callback), (answered) => { regenerate.call(this, storeCallback(req, answered), ...more); });
    return this;
  }

  /**
   * @this {SessionShape}
   * @param {any[]} args
   */
  function wrappedTouch(...args) {
    if (args[0] === false) return ours.touch.call(this, false);
    request.noteTouch(true);
    return touch.apply(this, args);
  }

  /**
   * Whether a method of another class takes a callback, so that a promise can be made of it. A
   * method of a class that extends ours, and one that declares no callback, keep the value that
   * they return.
   *
   * @param {Function | undefined} method undefined if the class has no such method
   */
  const takesCallback = (method) => !isOurs && method !== undefined && method.length > 0;

  /**
   * Lets subscribers hear of what a method does, unless the session is ours, which tells itself.
   *
   * @param {'save' | 'destroy' | 'regenerate'} name
   * @param {(this: SessionShape, ...args: any[]) => any} act gets the callback first
   * @returns {(this: SessionShape, ...args: any[]) => any}
   */
  const telling = (name, act) => {
    const { diagnostics } = request;
    if (isOurs || diagnostics === undefined) return act;
    return function told(callback, ...more) {
      if (typeof callback !== 'function') return act.call(this, callback, ...more);
      return diagnostics.during(name, this, callback, (session, heard) => act.call(session, heard, ...more));
    };
  };

  const regeneratePlainly = wrapped(telling('regenerate', doRegenerate), takesCallback(regenerate), false);

  /**
   * @this {SessionShape}
   * @param {any[]} args the callback, or options and the callback
   */
  function wrappedRegenerate(...args) {
    const [options, callback] = args;
    if (typeof options === 'object' && options !== null) return ours.regenerate.call(this, options, callback);
    return regeneratePlainly.apply(this, args);
  }

  const wrappedSave = wrapped(telling('save', doSave), takesCallback(save), true);
  // `reload` gets a callback in any case, by which the `RequestSession` hears of it.
  defineHidden(session, 'reload', wrapped(doReload, true, true));
  defineHidden(session, 'save', wrappedSave);
  // `destroy`, `regenerate` and `touch` of our class tell the `RequestSession` themselves.
  if (isOurs) return undefined;
  defineHidden(session, 'destroy', wrapped(telling('destroy', doDestroy), takesCallback(destroy), false));
  defineHidden(session, 'regenerate', wrappedRegenerate);
  defineHidden(session, 'touch', wrappedTouch);
  return isOfClass ? wrappedSave : undefined;
}

/**
 * Makes the wrapper of a method.
 *
 * @param {(this: SessionShape, ...args: any[]) => any} act calls the method
 * @param {boolean} makesPromise whether the wrapper returns a promise if it gets no callback; or
 *   else it returns what the method returns
 * @param {boolean} isVoid whether the wrapper returns undefined if it gets a callback, as that of
 *   express-session 1.19.0 does
 */
function wrapped(act, makesPromise, isVoid) {
  /**
   * @this {SessionShape}
   * @param {any[]} args the first may be the callback
   */
  return function wrapper(...args) {
    const hasCallback = typeof args[0] === 'function';
    if (hasCallback || !makesPromise) {
      const result = act.apply(this, args);
      return hasCallback && isVoid ? undefined : result;
    }
    return callbackOrPromise(undefined, (done) => {
      callStore(storeCallback(this.req, done), { act: (/** @type {Callback} */ callback) => act.call(this, callback) }, 'act');
    });
  };
}

module.exports = wrapMethods;
