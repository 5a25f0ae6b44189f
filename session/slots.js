'use strict';

/** A class that adds its private fields to the object it is given. */
function Given(object) {
  return object;
}

/**
 * What a session knows and does not show. Only the session itself has it: a Proxy of the
 * session, or an object that inherits from it, has none.
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

  static id(session) {
    return session.#id;
  }

  static exchange(session) {
    return session.#exchange;
  }

  static watch(session, exchange) {
    session.#exchange = exchange;
  }
}

module.exports = Slots;
