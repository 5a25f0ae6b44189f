'use strict';

const { EventEmitter } = require('node:events');

const { listeners } = EventEmitter.prototype;

/** Store → its connection. */
const connections = new WeakMap();

/**
 * What a store's events `disconnect` and `connect` say. The store has one pair of
 * listeners, however many middlewares use it, as some programs make one for each request.
 */
class Connection {
  /**
   * @param {import('node:events').EventEmitter} store
   * @returns {Connection} the one of the store, unless a program has taken its listeners off
   * @throws {TypeError} if the store has no method `on`
   */
  static of(store) {
    let connection = connections.get(store);
    if (connection === undefined || !connection.isListening(store)) {
      connection = new Connection(store);
      connections.set(store, connection);
    }
    return connection;
  }

  constructor(store) {
    this.isOpen = true;
    /** How often the store has emitted either event. */
    this.events = 0;
    this.listeners = {
      disconnect: () => { this.setOpen(false); },
      connect: () => { this.setOpen(true); },
    };
    store.on('disconnect', this.listeners.disconnect);
    store.on('connect', this.listeners.connect);
    /** Some emitters tell each new listener at once how things are. */
    this.isToldOnListening = this.events > 0;
    /** Whether the store shows its listeners. */
    this.isListed = this.isAmongListeners(store);
  }

  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.events++;
  }

  /** Whether the store still tells of its events, as far as can be seen. */
  isListening(store) {
    return !this.isListed || this.isAmongListeners(store);
  }

  isAmongListeners(store) {
    return store instanceof EventEmitter && Object.entries(this.listeners).every(([event, listener]) =>
      listeners.call(store, event).includes(listener));
  }

  /** The number of events that a middleware made now has not heard. */
  get eventsBefore() {
    return this.isToldOnListening ? 0 : this.events;
  }

  /** Whether a middleware is to take the store for disconnected: not before it has heard so. */
  isLostSince(eventsBefore) {
    return !this.isOpen && this.events !== eventsBefore;
  }
}

module.exports = Connection;
