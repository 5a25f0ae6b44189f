'use strict';

const crypto = require('node:crypto');

/**
 * Defects, for the ledger to find. Each is what the name says, now and then: a
 * `store` is changed in place; `client` are options of the Redis client, and
 * `session` those of `session()`.
 */
const SELDOM = 40;

module.exports = {
  /** Serves the session that was asked for before this one. */
  anotherSession: {
    store(store) {
      const { get } = store;
      const isDue = every(SELDOM);
      let last;

      store.get = function getAnother(sid, callback) {
        const asked = last && isDue() ? last : sid;

        last = sid;
        return get.call(this, asked, callback);
      };
    },
  },

  /** Says that it has stored what it has dropped. */
  droppedSave: {
    store(store) {
      const { set } = store;
      const isDue = every(SELDOM);

      store.set = function setOrDrop(sid, session, callback) {
        if (isDue()) return setImmediate(callback);
        return set.call(this, sid, session, callback);
      };
    },
  },

  /** Serves what it has read before, as of a cache that another process knows nothing of. */
  staleRead: {
    store(store) {
      const { get } = store;
      const isDue = every(SELDOM);
      const before = new Map();

      store.get = function getStale(sid, callback) {
        if (before.has(sid) && isDue()) return setImmediate(callback, null, JSON.parse(before.get(sid)));
        return get.call(this, sid, (error, data) => {
          if (data) before.set(sid, JSON.stringify(data));
          callback(error, data);
        });
      };
    },
  },

  /** Never calls back. */
  silence: {
    store(store) {
      const { get } = store;
      const isDue = every(SELDOM);

      store.get = function getOrNothing(sid, callback) {
        if (!isDue()) return get.call(this, sid, callback);
      };
    },
  },

  /** Never calls back when all of a response but its end is under way. */
  unfinished: {
    store(store) {
      const { touch } = store;
      const isDue = every(SELDOM);

      store.touch = function touchOrNothing(sid, session, callback) {
        if (!isDue()) return touch.call(this, sid, session, callback);
      };
    },
  },

  /** Gives a new session the id, and so the cookie, that another one has. */
  sharedCookie: {
    session: {
      genid: (() => {
        // In the crowd's first logins, while ids are asked for by many at once.
        const isDue = every(7);
        let last;

        return () => {
          last = last && isDue() ? last : crypto.randomUUID();
          return last;
        };
      })(),
    },
  },

  /** Says that it has forgotten a session it still has. */
  keptSession: {
    store(store) {
      store.destroy = (sid, callback) => setImmediate(callback);
    },
  },

  /** Loses a session altogether, though nothing is wrong with its server. */
  lostSession: {
    store(store) {
      const { get } = store;
      const isDue = every(SELDOM);

      store.get = function getNothing(sid, callback) {
        if (isDue()) return setImmediate(callback, null, null);
        return get.call(this, sid, callback);
      };
    },
  },

  /** Fails though nothing is wrong with its server. */
  needlessError: {
    store(store) {
      const { get } = store;
      const isDue = every(SELDOM);

      store.get = function getError(sid, callback) {
        if (isDue()) return setImmediate(callback, new Error('needless'));
        return get.call(this, sid, callback);
      };
    },
  },

  /** Does not come back from a lost connection. */
  noReconnect: { client: { socket: { reconnectStrategy: false } } },

  /**
   * Leaves it to the end of the response to save. This is no defect of a package,
   * but of an app: an error of that save comes when status 200 is already sent.
   */
  lateSave: { savesLate: true },
};

/** @returns {() => boolean} true each time it was called so often */
function every(times) {
  let calls = 0;

  return () => ++calls % times === 0;
}
