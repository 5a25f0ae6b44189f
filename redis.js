'use strict';

require('./session/node-version');

/**
 * Logged out stays logged out, with sessions in Redis: gives a store of connect-redis 6
 * to 10 the optional method `setIfPresent`, by Redis's `SET … XX`. A slow request then
 * does not bring back a session that another one has destroyed. The store's own way of
 * making keys, texts and lifetimes stays as it is.
 *
 * @template {object} T
 * @param {T} store a `RedisStore`
 * @param {object} [client] the Redis client of the store; needed with connect-redis 7
 *   and 8, which keep it to themselves
 * @returns {T} the same store
 * @throws {TypeError} if it is no such store, or its client cannot be found
 * @example
 * const keepLoggedOut = require('express-session-rs/redis');
 * app.use(session({ store: keepLoggedOut(new RedisStore({ client })), … }));
 */
function keepLoggedOut(store, client = undefined) {
  const { client: own, normalizeClient } = store || {};
  if (!own || typeof store.set !== 'function') {
    throw new TypeError('keepLoggedOut takes a RedisStore of connect-redis, 6 to 10');
  }
  const isHidden = typeof normalizeClient === 'function';
  if (isHidden && !client) {
    throw new TypeError('keepLoggedOut takes the client as well, with connect-redis 7 and 8');
  }
  const only = onlyPresent(client || own);
  // The same store, but for its client.
  const present = Object.create(store, {
    client: { value: isHidden ? normalizeClient.call(store, only) : only },
  });
  return Object.defineProperty(store, 'setIfPresent', {
    configurable: true,
    writable: true,
    value(sid, session, callback) {
      return store.set.call(present, sid, session, callback);
    },
  });
}

module.exports = keepLoggedOut;

/** A Redis client that sets only keys which are there. */
function onlyPresent(client) {
  // node-redis 4 and 5, and its cluster, take options; ioredis and node-redis 3 take words.
  const takesOptions = 'scanIterator' in client || 'masters' in client;

  function set(key, value, ...rest) {
    if (Array.isArray(key)) return client.set([...key, 'XX'], value, ...rest);
    // `condition` is the name in node-redis 5, `XX` that in 4.
    if (takesOptions) return client.set(key, value, { ...rest[0], condition: 'XX', XX: true });
    return client.set(key, value, ...rest, 'XX');
  }

  return new Proxy(client, {
    get(target, name) {
      if (name === 'set') return set;
      const value = target[name];
      // Bound, as clients have private fields.
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
