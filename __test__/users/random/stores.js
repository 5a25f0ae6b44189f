'use strict';

/** The stores of the scenarios. `isLive` says whether one has a session that expires at a time. */

const path = require('node:path');
const { isPointer } = require('../../../session/request/pointer');
const { session } = require('../../subject');
const { temporaryFolder } = require('../../../test-kit/folder');

const user = (data) => data.user;
const isLive = (expires, now) => expires > now;

const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});

/** What a store has, by its keys. */
const allOf = async (store) => new Map(Object.entries({ ...await ask(store, 'all') }).filter(([, data]) => !isPointer(data)));

/** Another process, or a method of the program, is between: the methods of the store are called. */
function wrap(store) {
  const { get } = store;
  store.get = function wrapped(sid, callback) { return get.call(this, sid, callback); };
}

/** A MemoryStore for each scenario. */
function memory() {
  return {
    isLive,
    touchesCookie: true,
    open({ maxSessions, isWrapped }) {
      const store = new session.MemoryStore({ user, maxSessions });
      if (isWrapped) wrap(store);
      return {
        store,
        records: () => allOf(store),
        /** When all sessions are gone, nothing may be left of the index. */
        async check() {
          await ask(store, 'clear');
          const { sessions, bytes } = store.stats();
          return sessions === 0 && bytes === 0 ? undefined : `${sessions} sessions and ${bytes} bytes are left`;
        },
      };
    },
    async close() {},
  };
}

/** Stores of one file, one for each number of sessions that a user may have. */
function disk() {
  const stores = new Map();
  let file;
  return {
    isLive,
    touchesCookie: true,
    async open({ maxSessions }) {
      file ??= path.join(temporaryFolder('users'), 'sessions.db');
      const store = stores.get(maxSessions) ?? new session.DiskStore({ path: file, touchAfter: 0, user, maxSessions });
      stores.set(maxSessions, store);
      await ask(store, 'clear');
      return { store, records: () => allOf(store), check: async () => undefined };
    },
    async close() { for (const store of stores.values()) await store.close(); },
  };
}

module.exports = { ask, user, isLive, memory, disk };
