'use strict';

/** The stores of the scenarios. `isLive` says whether one has a session that expires at a time. */

const path = require('node:path');
const { setTimeout: pause } = require('node:timers/promises');
const original = require('express-session');
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
    open({ maxSessions, isWrapped, isForeign }) {
      const store = new session.MemoryStore({ user, maxSessions });
      if (isWrapped) wrap(store);
      if (isForeign) store.createSession = original.Store.prototype.createSession;
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

/** A DiskStore for each scenario, all on one file. A store knows when sessions end by the middlewares that use it. */
function disk() {
  let file;
  let last;
  return {
    isLive,
    touchesCookie: true,
    async open({ maxSessions }) {
      await last?.close();
      file ??= path.join(temporaryFolder('users'), 'sessions.db');
      const store = last = new session.DiskStore({ path: file, touchAfter: 0, user, maxSessions });
      await ask(store, 'clear');
      return { store, records: () => allOf(store), check: async () => undefined };
    },
    async close() { await last?.close(); },
  };
}

/**
 * Wrapped stores of connect-redis, on one server or on a cluster. The server has a clock of its own.
 *
 * @param {(options: object) => object} make a wrapped store
 * @param {object[]} nodes a client of each node
 * @param {{ isCluster?: boolean }} [where]
 */
function redis(make, nodes, { isCluster = false } = {}) {
  const PREFIX = 'sess:';
  const SETS = `express-session-rs:users:${PREFIX.length}:${PREFIX}:`;
  const keys = async () => (await Promise.all(nodes.map(async (node) => (await node.keys('*')).map((key) => [node, key])))).flat();
  return {
    isLive,
    hasExpiry: false,
    async open(options) {
      for (const node of nodes) await node.flushAll();
      return this.reopen(options);
    },
    async reopen(options) {
      const store = make(options);
      return {
        store,
        async records() {
          const found = new Map();
          const entries = [];
          for (const [node, key] of await keys()) {
            if (!key.startsWith(SETS)) found.set(key.slice(PREFIX.length), JSON.parse(await node.get(key)));
            else for (const each of await node.zRange(key, 0, -1)) entries.push([key.slice(SETS.length), each.slice(PREFIX.length)]);
          }
          const theirs = [...found].filter(([, data]) => data._meta?.user !== undefined).map(([key, { _meta: meta }]) => [meta.user, key]);
          const [has, should] = [entries, theirs].map((list) => list.map(String).sort());
          // In a cluster, an entry may stay until somebody reads it.
          const wrong = isCluster ? should.filter((each) => !has.includes(each)) : has.filter((each, i) => each !== should[i]);
          if (wrong.length > 0 || (!isCluster && has.length !== should.length)) throw new Error(`the index has ${has}, and not ${should}`);
          return new Map([...found].filter(([, data]) => !isPointer(data)));
        },
        check: async () => undefined,
        settle: () => pause(20),
      };
    },
  };
}

/**
 * Wrapped stores of connect-pg-simple on one table. The store rounds up to whole seconds.
 *
 * @param {(options: object) => object} make a wrapped store
 * @param {object} pool
 */
function postgres(make, pool) {
  const inSeconds = (ms) => Math.ceil(ms / 1000);
  return {
    isLive: (expires, now) => inSeconds(expires) >= inSeconds(now),
    hasVersions: true,
    async open(options) {
      await pool.query('DELETE FROM session');
      return this.reopen(options);
    },
    async reopen(options) {
      const store = make(options);
      const table = store.quotedTable();
      return {
        store,
        async records() {
          const { rows } = await pool.query(`SELECT sid, sess FROM ${table} WHERE expire >= to_timestamp(${inSeconds(Date.now())})`);
          return new Map(rows.filter(({ sess }) => !isPointer(sess)).map(({ sid, sess }) => [sid, sess]));
        },
        check: async () => undefined,
        settle: () => pause(20),
      };
    },
  };
}

module.exports = { redis, postgres, allOf, ask, user, isLive, memory, disk };
