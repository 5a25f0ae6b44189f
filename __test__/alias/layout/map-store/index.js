'use strict';

const { Store } = require('express-session');

/** A store as packages write it today: a class on the Store it requires itself. */
class MapStore extends Store {
  constructor(options) {
    super(options);
    this.texts = new Map();
    this.calls = [];
  }

  get(sid, callback) {
    this.calls.push(`get ${sid}`);
    const text = this.texts.get(sid);
    setImmediate(callback, null, text && JSON.parse(text));
  }

  set(sid, session, callback) {
    const text = JSON.stringify(session);
    this.calls.push(`set ${sid} ${text}`);
    this.texts.set(sid, text);
    setImmediate(callback);
  }

  destroy(sid, callback) {
    this.calls.push(`destroy ${sid}`);
    this.texts.delete(sid);
    setImmediate(callback);
  }
}

module.exports = { MapStore };
