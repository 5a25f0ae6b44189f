import redis = require('./redis');

/**
 * Adds the methods `setIfPresent` and `setIfUnchanged` to a store of connect-pg-simple 10, with
 * one statement each and without a change of its table. `setIfPresent` does not store a session
 * again that another request has destroyed. `setIfUnchanged` does not overwrite what another
 * request has stored: it compares `_meta.version`, which each write of the store changes, also
 * a write of the cookie alone. Every process that writes to the table must wrap its store.
 *
 * @param store A store of connect-pg-simple 10. Its table may have a column `sess` of the type
 *   `json` or `jsonb`.
 * @returns The same store.
 * @throws {TypeError} if `store` is not such a store
 *
 * @example
 * import keepLoggedOut = require('express-session-rs/postgres');
 * app.use(session({ secret, store: keepLoggedOut(new PGStore({ pool })) }));
 */
declare function keepLoggedOut<T extends object>(store: T): T & redis.Conditional;

export = keepLoggedOut;
