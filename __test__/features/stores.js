'use strict';

/** The ways to a store, for features that must work with each of them. */

const { EventEmitter } = require('node:events');
const path = require('node:path');
const { ledger, original } = require('../compat/app');
const { session } = require('../subject');
const { temporaryFolder } = require('../../test-kit/folder');

let made;
let files = 0;
/** A folder for files, which goes with this process. */
const folder = () => made ??= temporaryFolder('features');

/** A ledger whose `touch` stores the cookie, as stores do that keep the expiry in the record. */
function touching(setup) {
  const store = ledger(setup);
  const { touch } = store;
  store.touch = (sid, { cookie }, callback) => {
    const text = store.data.get(sid);
    if (text) store.data.set(sid, JSON.stringify({ ...JSON.parse(text), cookie }));
    touch(sid, undefined, callback);
  };
  return store;
}

/**
 * A ledger that keeps until when a session lives beside its record, as connect-redis does: `touch` leaves the
 * stored cookie as it is, and `set` with a cookie whose lifetime is over destroys the session.
 */
function lasting(setup) {
  const store = ledger(setup);
  const { get, set, touch } = store;
  const ends = new Map();
  const keep = (sid, { cookie }) => {
    ends.set(sid, cookie.expires ? new Date(cookie.expires).getTime() : Infinity);
    if (ends.get(sid) <= Date.now()) store.data.delete(sid);
  };
  store.get = (sid, callback) => {
    if (ends.get(sid) <= Date.now()) store.data.delete(sid);
    get(sid, callback);
  };
  store.set = (sid, sess, callback) => {
    set(sid, sess, callback);
    keep(sid, sess);
  };
  store.touch = (sid, sess, callback) => {
    if (store.data.has(sid)) keep(sid, sess);
    touch(sid, sess, callback);
  };
  return store;
}

/** A MemoryStore, one that a program has wrapped, other stores, and one with the original's class of sessions. */
const stores = {
  'MemoryStore': () => new session.MemoryStore(),
  'MemoryStore with a wrapped get': () => {
    const store = new session.MemoryStore();
    const { get } = store;
    store.get = function wrapped(sid, callback) { get.call(this, sid, callback); };
    return store;
  },
  'a DiskStore': () => new session.DiskStore({ path: path.join(folder(), `${++files}.db`), touchAfter: 0 }),
  'another store': () => touching(),
  'another store that answers at once': () => touching({ sync: true }),
  'a store of the original\'s class': () => touching({ Store: original.Store }),
};

/** What a store has, by sid. */
const records = async (store) => (store instanceof session.DiskStore ? { ...await store.all() } : Object.fromEntries(
  Object.entries(store.data ? Object.fromEntries(store.data) : store.sessions).map(([sid, text]) => [sid, JSON.parse(text)]),
));

/** Runs a middleware on a request that has no response, and returns the request. */
const bring = (middleware, headers = {}) => new Promise((resolve, reject) => {
  const req = Object.assign(new EventEmitter(), { url: '/', headers, socket: {}, connection: {} });
  middleware(req, {}, (error) => (error ? reject(error) : resolve(req)));
});

module.exports = { bring, lasting, records, stores };
