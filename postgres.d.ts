import express = require('express');
import session = require('./index');
import redis = require('./redis');

/**
 * Adds the methods `setIfPresent` and `setIfUnchanged` to a store of connect-pg-simple 10, with
 * one statement each and without a change of its table. `setIfPresent` does not store a session
 * again that another request has destroyed. `setIfUnchanged` does not overwrite what another
 * request has stored: it compares `_meta.version`, which each write of the store changes, also
 * a write of the cookie alone. Every process that writes to the table must wrap its store.
 *
 * With the option `user` it adds `sessionsOf`, `end` and `endAll`, too. They find sessions
 * that were stored with the option, by an index that `npx express-session-rs sql` prints for a
 * migration. Without the index they read the whole table.
 *
 * @param store A store of connect-pg-simple 10. Its table may have a column `sess` of the type
 *   `json` or `jsonb`.
 * @returns The same store.
 * @throws {TypeError} if `store` is not such a store, or if `user`, `describe` or `maxSessions`
 *   is wrong
 *
 * @example
 * import keepLoggedOut = require('express-session-rs/postgres');
 * app.use(session({ secret, store: keepLoggedOut(new PGStore({ pool })) }));
 *
 * @example
 * const store = keepLoggedOut(new PGStore({ pool }), { user: (session) => session.passport?.user });
 * await store.endAll(user.id, { except: req.session });
 */
declare function keepLoggedOut<T extends object>(store: T, options: keepLoggedOut.UserOptions): T & redis.Conditional & keepLoggedOut.Users;
declare function keepLoggedOut<T extends object>(store: T): T & redis.Conditional;

declare namespace keepLoggedOut {
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
  interface Users {
    /** Returns the live sessions of a user, that which began last first. */
    sessionsOf(user: string, options?: { current?: { id: string } | undefined }): Promise<UserSession[]>;
    /** Ends the session of a user that has a handle. Returns 1, or 0 if the user has no such session. */
    end(user: string, handle: string): Promise<number>;
    /** Ends all sessions of a user, but for one that is given as `except`. Returns how many it has ended. */
    endAll(user: string, options?: { except?: { id: string } | undefined }): Promise<number>;
  }
}

export = keepLoggedOut;
