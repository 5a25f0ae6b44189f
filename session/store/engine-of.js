'use strict';

const MemoryEngine = require('../engine/memory-engine');

/**
 * @typedef {import('../types').Engine} Engine
 * @typedef {import('../types').Store & { [ENGINE]?: Engine, [ENGINE_CLASS]?: new (options?: any) => Engine }} EngineStore
 */

/**
 * The property of a store with its engine.
 * @type {unique symbol}
 */
const ENGINE = Symbol('engine');

/**
 * The property of the prototype of a class of stores with the class of its engines.
 * @type {unique symbol}
 */
const ENGINE_CLASS = Symbol('engine class');

/**
 * Returns the engine of a store. The first call makes it, because a store may borrow the methods
 * of MemoryStore without a call of its constructor. Each call gives a memory store the property
 * `sessions` again if a derived class has replaced it, as a field does after the constructor.
 *
 * @param {import('../types').Store} store
 * @param {object} [options] for the first call
 * @returns {Engine}
 * @throws {TypeError} naming the option that is wrong
 */
function engineOf(store, options) {
  const owner = /** @type {EngineStore} */ (store);
  let engine = owner[ENGINE];
  if (engine === undefined) {
    engine = new (owner[ENGINE_CLASS] ?? MemoryEngine)(options);
    Object.defineProperty(store, ENGINE, { value: engine });
  }
  if (store.sessions !== engine.sessions) engine.defineSessions?.(store);
  return engine;
}

/**
 * Returns whether a store is one of ours, or of a class that is derived from one.
 *
 * @param {import('../types').Store} store
 */
function hasEngineClass(store) {
  return /** @type {EngineStore} */ (store)[ENGINE_CLASS] !== undefined;
}

/**
 * Returns the engine of a store, or undefined if it has none: a store of a derived class may
 * have replaced all methods that would make one.
 *
 * @param {import('../types').Store} store
 * @returns {Engine | undefined}
 */
function existingEngine(store) {
  return hasEngineClass(store) ? /** @type {EngineStore} */ (store)[ENGINE] : undefined;
}

module.exports = { ENGINE, ENGINE_CLASS, engineOf, existingEngine, hasEngineClass };
