'use strict';

const { inherits } = require('node:util');
const Records = require('./records');
const defineSessions = require('./texts');
const Session = require('./session');
const Store = require('./store');

// Taken once: a program's fake timers must not hold the store's answers back.
const defer = setImmediate;

/**
 * The default store: sessions in this process's memory, outside the JavaScript
 * heap, as JSON text. Callbacks come in a later turn.
 */
function MemoryStore() {
  Store.call(this);
  recordsOf(this);
}

/** Where a store keeps its records. */
const RECORDS = Symbol('records');

/**
 * The records of a store. Made when first asked for, because a store may
 * borrow the methods of this one and never call its constructor.
 */
function recordsOf(store) {
  if (!store[RECORDS]) {
    const records = new Records();
    const { sessions } = store;
    Object.defineProperty(store, RECORDS, { value: records });
    defineSessions(store, records);
    if (sessions) store.sessions = sessions;
  }
  return store[RECORDS];
}

inherits(MemoryStore, Store);

module.exports = MemoryStore;

/**
 * The session of `sid`, or nothing if there is none or it has expired.
 * @param {string} sid
 * @param {(error: Error | null, session?: object) => void} callback
 */
MemoryStore.prototype.get = function get(sid, callback) {
  defer(callback, null, MemoryStore.read(this, sid));
};

/**
 * What `get` gives its callback, at once. The middleware uses it, and steps aside
 * for stores whose `get` was replaced (`plain.js`).
 *
 * @param {MemoryStore} store
 * @param {string} sid
 * @returns {object | undefined}
 * @throws {SyntaxError} if the stored text is damaged
 */
Object.defineProperty(MemoryStore, 'read', {
  value: (store, sid) => read(recordsOf(store), `${sid}`),
});

/**
 * @param {string} sid
 * @param {object} session
 * @param {(error?: Error) => void} [callback]
 * @throws whatever `JSON.stringify` throws; the old record stays
 */
MemoryStore.prototype.set = function set(sid, session, callback) {
  const text = JSON.stringify(session);
  write(recordsOf(this), `${sid}`, text, hasOddKeys(session));
  if (callback) defer(callback);
};

/**
 * Gives a stored session the cookie of `session`, and so its expiry.
 * @param {string} sid
 * @param {object} session
 * @param {(error?: Error) => void} [callback]
 */
MemoryStore.prototype.touch = function touch(sid, session, callback) {
  const records = recordsOf(this);
  const key = `${sid}`;
  const cookie = JSON.stringify(session.cookie);
  // A cookie that has no JSON takes the key out of the record.
  const left = cookie === undefined ? records.peek(key) : records.touch(key, cookie);
  if (typeof left === 'string') {
    const current = read(records, key);
    if (current) {
      current.cookie = session.cookie;
      write(records, key, JSON.stringify(current), true);
    }
  }
  if (callback) defer(callback);
};

/**
 * @param {string} sid
 * @param {(error?: Error) => void} [callback]
 */
MemoryStore.prototype.destroy = function destroy(sid, callback) {
  recordsOf(this).destroy(`${sid}`);
  if (callback) defer(callback);
};

/** @param {(error?: Error) => void} [callback] */
MemoryStore.prototype.clear = function clear(callback) {
  recordsOf(this).clear();
  if (callback) defer(callback);
};

/**
 * Every session that has not expired, by sid, in order of insertion. Parses all
 * of them.
 * @param {(error: Error | null, sessions: Record<string, object>) => void} [callback]
 */
MemoryStore.prototype.all = function all(callback) {
  const records = recordsOf(this);
  const sessions = Object.create(null);
  for (const sid of records.sids()) {
    const session = read(records, sid);
    if (session) sessions[sid] = session;
  }
  if (callback) defer(callback, null, sessions);
};

const { all } = MemoryStore.prototype;

/**
 * How many sessions have not expired.
 * @param {(error: Error | null, length?: number) => void} callback
 */
MemoryStore.prototype.length = function length(callback) {
  const known = this.all === all ? recordsOf(this).count() : null;
  if (known !== null) {
    defer(callback, null, known);
    return;
  }
  this.all((error, sessions) => {
    if (error) return callback(error);
    callback(null, Object.keys(sessions).length);
  });
};

/** The records of a store, for the fast paths. */
Object.defineProperty(MemoryStore, 'records', { value: recordsOf });

/**
 * Whether a session has keys that it will not take over when it is loaded, which
 * makes a loaded session differ from its text.
 */
Object.defineProperty(MemoryStore, 'hasOddKeys', { value: hasOddKeys });

function hasOddKeys(session) {
  for (const key in session) {
    if (key in Session.prototype) return true;
  }
  return false;
}

function read(records, sid) {
  const found = records.get(sid);
  if (found === undefined) return undefined;
  if (typeof found === 'string') return JSON.parse(found);
  return readUnclear(records, sid, found.text);
}

/** Judges what the engine leaves to JavaScript: damaged text, unusual dates. */
function readUnclear(records, sid, text) {
  // An empty text is no session, as it is no JSON either.
  if (!text) return undefined;
  const session = JSON.parse(text);
  if (session.cookie) {
    const { expires } = session.cookie;
    const at = typeof expires === 'string' ? new Date(expires) : expires;
    if (at && at <= Date.now()) {
      records.destroy(sid);
      return undefined;
    }
  }
  return session;
}

/**
 * What has no JSON is no session: the record goes. An odd text is one that
 * JavaScript must read each time.
 */
function write(records, sid, text, isOdd) {
  if (text === undefined) {
    records.destroy(sid);
  } else if (isOdd) {
    records.setRaw(sid, text);
  } else {
    records.set(sid, text);
  }
}
