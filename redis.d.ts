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
  interface Conditional extends Required<Pick<session.Store, 'setIfPresent'>> {
    /**
     * Stores the session if the data that the store has for `sid` are those that this request has
     * loaded. The store checks and stores in one step; `cookie` and `_meta` are not compared. If the
     * data differ, or the session is gone, nothing is stored.
     *
     * @param loaded The session as `get` gave it, before the program changed it.
     * @param callback Gets whether the session was stored. Without it, a promise of that is returned.
     */
    setIfUnchanged(sid: string, session: session.SessionData, loaded: object): Promise<boolean>;
    setIfUnchanged(sid: string, session: session.SessionData, loaded: object, callback: (error: any, isStored?: boolean) => void): void;
  }
}

export = keepLoggedOut;
