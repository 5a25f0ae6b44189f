'use strict';

const { EventEmitter } = require('node:events');

const { listeners } = EventEmitter.prototype;

/**
 * The connections, by their stores.
 * @type {WeakMap<EventEmitter, Connection>}
 */
const connections = new WeakMap();

/**
 * Whether a store has its database, by its events `disconnect` and `connect`. A store has one
 * connection, and so one pair of listeners, however many middlewares use it: some programs make a
 * middleware for each request.
 */
class Connection {
  /**
   * Returns the connection of a store. If a program has removed its listeners, it makes a new
   * one.
   *
   * @param {EventEmitter} store
   * @returns {Connection}
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

  /** @param {EventEmitter} store */
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
    /** Whether the store calls a new listener at once with the current state, as some do. */
    this.isToldOnListening = this.events > 0;
    /** Whether `isListening` can see the listeners. */
    this.isListed = this.isAmongListeners(store);
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.events++;
  }

  /**
   * Returns whether the store still has the listeners; true if that cannot be seen.
   *
   * @param {EventEmitter} store
   */
  isListening(store) {
    return !this.isListed || this.isAmongListeners(store);
  }

  /** @param {EventEmitter} store */
  isAmongListeners(store) {
    return store instanceof EventEmitter && Object.entries(this.listeners).every(([event, listener]) =>
      listeners.call(store, event).includes(listener));
  }

  /** The number of events that a middleware which is made now has missed. */
  get eventsBefore() {
    return this.isToldOnListening ? 0 : this.events;
  }

  /**
   * Returns whether the store is disconnected for a middleware. In express-session each
   * middleware has listeners of its own, so it knows only of events since it was made.
   *
   * @param {number} eventsBefore the value of `eventsBefore` when the middleware was made
   */
  isLostSince(eventsBefore) {
    return !this.isOpen && this.events !== eventsBefore;
  }
}

module.exports = Connection;
