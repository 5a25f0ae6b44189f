'use strict';

const util = require('node:util');

/** A store as packages wrote it once: handed the session function, calls Store without new. */
module.exports = function connect(session) {
  const { Store } = session;

  function OldStore(options) {
    Store.call(this, options);
    this.texts = {};
    this.calls = [];
  }

  util.inherits(OldStore, Store);

  OldStore.prototype.get = function get(sid, callback) {
    this.calls.push(`get ${sid}`);
    callback(null, this.texts[sid] && JSON.parse(this.texts[sid]));
  };

  OldStore.prototype.set = function set(sid, session, callback) {
    this.texts[sid] = JSON.stringify(session);
    this.calls.push(`set ${sid} ${this.texts[sid]}`);
    callback();
  };

  OldStore.prototype.destroy = function destroy(sid, callback) {
    this.calls.push(`destroy ${sid}`);
    delete this.texts[sid];
    callback();
  };

  return OldStore;
};
