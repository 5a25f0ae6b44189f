import express = require('express');
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
 * const store = keepLoggedOut(new RedisStore({ client }), { user: (session) => session.passport?.user });
 * await store.endAll(user.id, { except: req.session });
 */
declare function keepLoggedOut<T extends object>(store: T, options: keepLoggedOut.UserOptions): T & keepLoggedOut.Conditional & keepLoggedOut.UserMethods;
declare function keepLoggedOut<T extends object>(store: T, client: object | undefined, options: keepLoggedOut.UserOptions): T & keepLoggedOut.Conditional & keepLoggedOut.UserMethods;
declare function keepLoggedOut<T extends object>(store: T, client?: object & { user?: undefined; describe?: undefined; maxSessions?: undefined }): T & keepLoggedOut.Conditional;

declare namespace keepLoggedOut {
  /** The methods of a wrapped store that write only under a condition, which the store's server checks. */
  type Conditional = Required<Pick<session.Store, 'setIfPresent'>> & Pick<session.MemoryStore, 'setIfUnchanged'>;

  /** How a store knows whose its sessions are. */
  interface UserOptions {
    /**
     * Returns whose a session is: a text of 1 to 255 characters, or undefined if nobody is logged
     * in. If it throws or returns anything else, the session is not stored, and the store's
     * method answers with that error.
     */
    user: (session: session.SessionData) => string | null | undefined;
    /** Returns what `sessionsOf` is to tell of the browser that sends a request. */
    describe?: ((req: express.Request) => { ip?: string | null | undefined; userAgent?: string | null | undefined } | null | undefined) | null | undefined;
    /** How many sessions a user may have. When another one begins, those that began first end. */
    maxSessions?: number | null | undefined;
  }

  /** A session of a user. Times are ms since the epoch. */
  interface UserSession {
    /** The name of the session for `end`. It tells nothing of the session's id. */
    handle: string;
    created: number;
    lastSeen: number;
    /** Whether it is the session that was given as `current`. */
    current: boolean;
    /** What `describe` has returned. */
    ip?: string;
    userAgent?: string;
  }

  /** The methods of a store that knows whose its sessions are. Their promises are rejected with a `TypeError` if `user` is no user. */
  interface UserMethods {
    /** Returns the live sessions of a user, that which began last first. */
    sessionsOf(user: string, options?: { current?: { readonly id: string } | undefined }): Promise<UserSession[]>;
    /** Ends the session of a user that has a handle. Returns 1, or 0 if the user has no such session. */
    end(user: string, handle: string): Promise<number>;
    /** Ends all sessions of a user, but for one that is given as `except`. Returns how many it has ended. */
    endAll(user: string, options?: { except?: { readonly id: string } | undefined }): Promise<number>;
  }
}

export = keepLoggedOut;
