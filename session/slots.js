'use strict';

const EXCHANGE = require('./exchange-key');

/** A class that adds its private fields to the object it is given. */
function Given(object) {
  return object;
}

/**
 * What a session knows and does not show. Only the session itself has it: a Proxy of the
 * session or an object that inherits from it has none, and what such an object needs is
 * found on the request.
 */
class Slots extends Given {
  #id;
  #exchange;

  constructor(session, id) {
    super(session);
    this.#id = id;
  }

  /** Whether an object is a session itself. */
  static has(session) {
    return typeof session === 'object' && session !== null && #id in session;
  }

  /** The exchange that watches a session itself. */
  static exchange(session) {
    return session.#exchange;
  }

  static watch(session, exchange) {
    session.#exchange = exchange;
  }

  /** The id of a session that has no property for it, or of what stands for that session. */
  static idOf(session) {
    if (Slots.has(session)) return session.#id;
    return exchangeOf(session)?.firstSession?.#id;
  }

  /** The exchange that wants to know of the saves and reloads of a session, if there is one. */
  static watcherOf(session) {
    if (Slots.has(session)) return session.#exchange;
    const exchange = exchangeOf(session);
    return exchange !== undefined && exchange.watchedId === session.id ? exchange : undefined;
  }
}

module.exports = Slots;

/** The exchange of the request that a session belongs to, if that has one. */
function exchangeOf({ req }) {
  return req?.[EXCHANGE];
}
