import session = require('./index');

/**
 * Adds the methods `setIfPresent` and `setIfUnchanged` to a store of connect-redis, 6 to 10.
 * `setIfPresent` uses Redis's `SET … XX`, so a slow request does not store a session again
 * that another request has destroyed. `setIfUnchanged` uses a script of Redis, so it does
 * not overwrite what another request has stored. If the store writes in a way that cannot
 * carry the condition, nothing is sent, and the callback gets an error.
 *
 * With the option `user` the store also knows whose its sessions are, and has the methods
 * `sessionsOf`, `end` and `endAll`. Scripts of Redis then write the sessions, and keep for each
 * user a sorted set of his sessions, whose key begins with `express-session-rs:users:`. They
 * read `_meta` of what is stored, so the store's serializer must write JSON.
 *
 * @param store A `RedisStore`.
 * @param client The Redis client of the store. It is needed with connect-redis 7 and 8,
 *   which hide their client.
 * @param options They may be the second argument, too.
 * @returns The same store.
 * @throws {TypeError} if `store` is not such a store, if its client is missing or is not one of
 *   node-redis (3 and newer: client, cluster, pool, sentinel, legacy), ioredis and iovalkey, or
 *   if `user`, `describe` or `maxSessions` is wrong; with `user` also if the store's serializer
 *   writes no JSON; and if the store was wrapped with `user` before
 *
 * @example
 * import keepLoggedOut = require('express-session-rs/redis');
 * app.use(session({ secret, store: keepLoggedOut(new RedisStore({ client })) }));
 *
 * @example
 * const store = keepLoggedOut(new RedisStore({ client }), { user: (data) => (data as any).passport?.user });
 * await store.endAll(user.id, { except: req.session });
 */
declare function keepLoggedOut<T extends object>(store: T, options: keepLoggedOut.UserOptions): keepLoggedOut.Wrapped<T> & session.UserMethods;
declare function keepLoggedOut<T extends object>(store: T, client: object | undefined, options: keepLoggedOut.UserOptions): keepLoggedOut.Wrapped<T> & session.UserMethods;
declare function keepLoggedOut<T extends object>(store: T, client?: object & { user?: undefined; describe?: undefined; maxSessions?: undefined }): keepLoggedOut.Wrapped<T>;

declare namespace keepLoggedOut {
  /** The methods of a wrapped store that write only under a condition, which the store's server checks. */
  type Conditional = Required<Pick<session.Store, 'setIfPresent'>> & Pick<session.MemoryStore, 'setIfUnchanged'>;

  /**
   * The same store. It is named as a `Store` of this package, too, because the types of its own package may lack the
   * members that it inherits: they name `express-session`, which a program need not have types of.
   */
  type Wrapped<T> = T & session.Store & Conditional;

  /** The options of a store that knows whose its sessions are. */
  type UserOptions = session.UserOptions & { user: NonNullable<session.UserOptions['user']> };
}

export = keepLoggedOut;
