import session = require('./index');

/**
 * Adds the methods `setIfPresent` and `setIfUnchanged` to a store of connect-redis, 6 to 10.
 * `setIfPresent` uses Redis's `SET … XX`, so a slow request does not store a session again
 * that another request has destroyed. `setIfUnchanged` uses a script of Redis, so it does
 * not overwrite what another request has stored. If the store writes in a way that cannot
 * carry the condition, nothing is sent, and the callback gets an error.
 *
 * @param store A `RedisStore`.
 * @param client The Redis client of the store. It is needed with connect-redis 7 and 8,
 *   which hide their client.
 * @returns The same store.
 * @throws {TypeError} if `store` is not such a store, or if its client is missing or is
 *   not one of node-redis (3 and newer: client, cluster, pool, sentinel, legacy), ioredis
 *   and iovalkey
 *
 * @example
 * import keepLoggedOut = require('express-session-rs/redis');
 * app.use(session({ secret, store: keepLoggedOut(new RedisStore({ client })) }));
 */
declare function keepLoggedOut<T extends object>(store: T, client?: object): T & keepLoggedOut.Conditional;

declare namespace keepLoggedOut {
  /** The methods of a wrapped store that write only under a condition, which the store's server checks. */
  type Conditional = Required<Pick<session.Store, 'setIfPresent'>> & Pick<session.MemoryStore, 'setIfUnchanged'>;
}

export = keepLoggedOut;
