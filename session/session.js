'use strict';

const { answer } = require('./answer');
const { EXCHANGE } = require('./lazy');

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

/**
 * The session of a request: the data, and methods that act on the store.
 *
 * @param {object} req the request; its `sessionID` becomes the session's `id`
 * @param {object} [data] what the store had; keys that every object has are left out
 */
function Session(req, data) {
  new Slots(this, req);

  if (typeof data === 'object' && data !== null) take(this, data);
}

function take(session, data) {
  for (const key in data) {
    if (!(key in session)) session[key] = data[key];
  }
}

module.exports = Session;

const members = {
  /** The request; read-only. */
  get req() {
    return Slots.req(this);
  },

  /** The session id; read-only. */
  get id() {
    return Slots.id(this);
  },

  /** Starts the cookie's lifetime anew. Does not call the store. */
  touch() {
    return this.resetMaxAge();
  },

  resetMaxAge() {
    const { cookie } = this;
    cookie.maxAge = cookie.originalMaxAge;
    return this;
  },

  /** Writes the session to the store now. On a request's own session, returns nothing. */
  save(callback) {
    const exchange = Slots.exchange(this);
    if (exchange) exchange.saving(this);
    const { req } = this;
    req.sessionStore.set(this.id, this, callback ? answer(req, callback) : ignore);
    return exchange ? undefined : this;
  },

  /**
   * Replaces `req.session` by what the store has. The callback gets an error if it
   * has nothing, or nothing that is a session. On a request's own session, returns
   * nothing.
   */
  reload(callback) {
    const { req, id } = this;
    const store = req.sessionStore;
    const exchange = Slots.exchange(this);
    const moment = exchange && exchange.moment();
    const done = (...results) => {
      if (exchange) exchange.reloaded(this, moment);
      callback(...results);
    };
    store.get(id, answer(req, (error, data) => {
      if (error) return done(error);
      if (!data) return done(new Error('failed to load session'));
      try {
        store.createSession(req, data);
      } catch (damaged) {
        return done(damaged);
      }
      done();
    }));
    return exchange ? undefined : this;
  },

  /** Removes the session from the request and from the store. */
  destroy(callback) {
    const { req } = this;
    delete req.session;
    req[EXCHANGE]?.forget(this.id);
    req.sessionStore.destroy(this.id, callback && answer(req, callback));
    return this;
  },

  /** Destroys the session and puts a new one, with a new id, on the request. */
  regenerate(callback) {
    const { req } = this;
    const { sessionStore } = req;
    req[EXCHANGE]?.forget(req.sessionID);
    sessionStore.regenerate(req, callback);
    return this;
  },
};

// Not enumerable, so that a session shows its data alone.
for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(members))) {
  Object.defineProperty(Session.prototype, name, { ...member, enumerable: false });
}

const { save, reload } = members;

/**
 * Lets an exchange know of the session's saves and reloads.
 *
 * @param {object} session
 * @param {import('./exchange')} exchange
 * @returns {boolean} false if the session is of another kind or has other methods
 */
Object.defineProperty(Session, 'watch', {
  value(session, exchange) {
    if (!hasPlainMethods(session) || Slots.req(session) === undefined) return false;
    Slots.watch(session, exchange);
    return true;
  },
});

/** Takes over more data, as the constructor does. */
Object.defineProperty(Session, 'take', { value: take });

/** Whether a session saves and reloads as this file says. */
Object.defineProperty(Session, 'hasPlainMethods', { value: hasPlainMethods });

function hasPlainMethods(session) {
  return session.save === save && session.reload === reload;
}

function ignore() {}
