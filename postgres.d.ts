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
 * const store = keepLoggedOut(new PGStore({ pool }), { user: (data) => (data as any).passport?.user });
 * await store.endAll(user.id, { except: req.session });
 */
declare function keepLoggedOut<T extends object>(store: T, options: keepLoggedOut.UserOptions): redis.Wrapped<T> & session.UserMethods;
declare function keepLoggedOut<T extends object>(store: T): redis.Wrapped<T>;

declare namespace keepLoggedOut {
  /** The options of a store that knows whose its sessions are. */
  type UserOptions = redis.UserOptions;
}

export = keepLoggedOut;
