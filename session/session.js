'use strict';

require('./node-version');
const { answer, ask, listener } = require('./answer');
const EXCHANGE = require('./exchange-key');
const Slots = require('./slots');

/**
 * The session of a request: the data, and methods that act on the store.
 *
 * @param {object} req the request; its `sessionID` becomes the session's `id`
 * @param {object} [data] what the store had; keys that every object has are left out
 */
function Session(req, data) {
  // The session's own, so that it is found through a Proxy, an heir or a clone of the session.
  Object.defineProperty(this, 'req', { value: req });
  const exchange = req[EXCHANGE];
  if (exchange !== undefined && exchange.firstSession === undefined && !exchange.isAsleep) {
    // A second property would take as long as the rest of this function, so the request
    // remembers the id of its first session. Others, which are rare, have one.
    exchange.firstSession = this;
    exchange.firstId = exchange.originalId === undefined ? req.sessionID : exchange.originalId;
    new Slots(this, exchange.firstId);
  } else {
    new Slots(this, req.sessionID);
    Object.defineProperty(this, 'id', { value: req.sessionID });
  }

  if (typeof data === 'object' && data !== null) take(this, data);
}

function take(session, data) {
  for (const key in data) {
    if (!(key in session)) session[key] = data[key];
  }
}

module.exports = Session;

/** The exchange of the request that a session belongs to, if that has one. */
function exchangeOf({ req }) {
  return req === undefined || req === null ? undefined : req[EXCHANGE];
}

/** The id of a session that has no property for it, or of what stands for that session. */
function idOf(session) {
  if (Slots.has(session)) return Slots.id(session);
  const exchange = exchangeOf(session);
  return exchange && exchange.firstId;
}

/**
 * The exchange that wants to know of the saves and reloads of a session, or of what stands
 * for that session; undefined if none does.
 */
function watcherOf(session) {
  if (Slots.has(session)) return Slots.exchange(session);
  const exchange = exchangeOf(session);
  if (exchange === undefined) return undefined;
  // What stands for the first session of the request has no id but the prototype's.
  const isWatched = ownOf(session, 'id') === undefined
    ? exchange.watchesFirst
    : isOwn(session, 'save', save) || isOwn(session, 'reload', reload);
  return isWatched ? exchange : undefined;
}

/** A property that a session, or what stands for one, has beside its prototype. */
function ownOf(session, name) {
  for (let holder = session; holder && holder !== Session.prototype; holder = Object.getPrototypeOf(holder)) {
    const own = Object.getOwnPropertyDescriptor(holder, name);
    if (own) return own;
  }
  return undefined;
}

function isOwn(session, name, method) {
  const own = ownOf(session, name);
  return own !== undefined && own.value === method;
}

const members = {
  /** The session id; read-only. */
  get id() {
    return idOf(this);
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
    const exchange = watcherOf(this);
    if (exchange) exchange.saving(this);
    const { req } = this;
    ask(answer(req, callback), req.sessionStore, 'set', this.id, this);
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
    const exchange = watcherOf(this);
    const moment = exchange && exchange.moment();
    const tell = listener(callback);
    const done = (...results) => {
      if (exchange) exchange.reloaded(this, moment, results[0]);
      tell(...results);
    };
    ask(answer(req, (error, data) => {
      if (error) return done(error);
      if (!data) return done(new Error('failed to load session'));
      try {
        store.createSession(req, data);
      } catch (damaged) {
        return done(damaged);
      }
      done();
    }), store, 'get', id);
    return exchange ? undefined : this;
  },

  /** Removes the session from the request and from the store. */
  destroy(callback) {
    const { req } = this;
    delete req.session;
    if (req[EXCHANGE]) req[EXCHANGE].ending(this.id);
    ask(answer(req, callback), req.sessionStore, 'destroy', this.id);
    return this;
  },

  /** Destroys the session and puts a new one, with a new id, on the request. */
  regenerate(callback) {
    const { req } = this;
    const { sessionStore } = req;
    if (req[EXCHANGE]) req[EXCHANGE].ending(req.sessionID);
    ask(answer(req, callback), sessionStore, 'regenerate', req);
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
    if (!Slots.has(session) || !hasPlainMethods(session)) return false;
    Slots.watch(session, exchange);
    if (session === exchange.firstSession) {
      exchange.watchesFirst = true;
    } else {
      // They tell what stands for this session from what stands for one that nobody watches.
      hide(session, 'save', save);
      hide(session, 'reload', reload);
    }
    return true;
  },
});

/**
 * Gives the first session of a request, if an exchange watches it, the properties `save`,
 * `reload` and `id`, where a program has come between the session and its prototype: by
 * another prototype, or by form fields of that name. Those of express-session have them
 * from the start, hidden, so that such a form field is no data.
 *
 * @param {object | null | undefined} session
 */
Object.defineProperty(Session, 'complete', {
  value(session) {
    if (!session || hasPlainMethods(session) || Slots.exchange(session) === undefined) return;
    complete(session, 'save', save);
    complete(session, 'reload', reload);
    const id = Slots.id(session);
    if (session.id !== id) Object.defineProperty(session, 'id', { value: id });
  },
});

function complete(session, name, method) {
  const own = Object.getOwnPropertyDescriptor(session, name);
  if (own === undefined) {
    if (session[name] !== method) hide(session, name, method);
  } else if (own.enumerable) {
    hide(session, name, own.value);
  }
}

/**
 * Gives the first session of a request its id, where the request will lead to another one.
 * @param {object | null | undefined} session
 */
Object.defineProperty(Session, 'detach', {
  value(session) {
    if (session && session.id === Slots.id(session)) Object.defineProperty(session, 'id', { value: session.id });
  },
});

/** Whether a session is the object that `Session` made, no Proxy of it and no heir. */
Object.defineProperty(Session, 'isItself', { value: Slots.has });

/** Takes over more data, as the constructor does. */
Object.defineProperty(Session, 'take', { value: take });

/** Whether a session saves and reloads as this file says. */
Object.defineProperty(Session, 'hasPlainMethods', { value: hasPlainMethods });

function hasPlainMethods(session) {
  return session.save === save && session.reload === reload;
}

function hide(session, name, value) {
  Object.defineProperty(session, name, { value, configurable: true, writable: true, enumerable: false });
}
