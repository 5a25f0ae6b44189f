'use strict';

/** A class that adds its private fields to the object it is given. */
function Given(object) {
  return object;
}

/** What a session knows and does not show. */
class Slots extends Given {
  #req;
  #id;
  #exchange;

  constructor(session, req) {
    super(session);
    this.#req = req;
    this.#id = req.sessionID;
  }

  static req(session) {
    return #req in session ? session.#req : undefined;
  }

  static id(session) {
    return #req in session ? session.#id : undefined;
  }

  static exchange(session) {
    return #req in session ? session.#exchange : undefined;
  }

  static watch(session, exchange) {
    session.#exchange = exchange;
  }
}

module.exports = Slots;
