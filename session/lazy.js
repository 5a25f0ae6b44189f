'use strict';

const EXCHANGE = require('./exchange-key');
const Session = require('./session');
const native = require('./native');
const state = require('./decision');

/**
 * `req.session`, made when it is first looked at. One descriptor serves every
 * request, so that requests stay alike for the JavaScript engine.
 */
const property = {
  configurable: true,
  enumerable: true,

  get() {
    const exchange = this[EXCHANGE];
    if (exchange.isAsleep) exchange.wake();
    else Session.complete(exchange.firstSession);
    return exchange.session;
  },

  set(session) {
    const exchange = this[EXCHANGE];
    if (exchange.req === this) {
      exchange.assign(session);
      return;
    }
    // An object that inherits from the request gets a property of its own.
    Object.defineProperty(this, 'session', { value: session, configurable: true, enumerable: true, writable: true });
  },
};

/** Puts the property on the request of an exchange that is asleep. */
function define({ req }) {
  Object.defineProperty(req, 'session', property);
}

/** Whether nobody has looked at, replaced or deleted the session of the request. */
function isUntouched(exchange) {
  if (!exchange.isAsleep) return false;
  const { req } = exchange;
  const own = Object.getOwnPropertyDescriptor(req, 'session');
  return own !== undefined && own.get === property.get && req.sessionID === exchange.originalId &&
    // One that the program has made since is a modification.
    Session.prototype.toJSON === undefined;
}

/** What a session does that nobody looks at, for the options of one `session()`. */
function conclusions(facts, resave) {
  const whole = facts | native.HAS_ID | native.ID_IS_STRING | native.HAS_SESSION;
  const loaded = whole | native.ID_FROM_COOKIE | (resave ? 0 : native.WAS_SAVED | native.SAVED);
  return {
    created: { end: state.endOf(whole), setsCookie: state.setsCookie(whole) },
    loaded: { end: state.endOf(loaded), setsCookie: state.setsCookie(loaded) },
  };
}

module.exports = { define, isUntouched, conclusions };
