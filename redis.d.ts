import session = require('./index');

/**
 * Gives a store of connect-redis, 6 to 10, the method `setIfPresent`, by Redis's
 * `SET … XX`: a slow request then does not bring back a session that another one has
 * destroyed. A call of the store that cannot have the condition is not sent: it is an
 * error to the callback of `setIfPresent`.
 *
 * @param store A `RedisStore`.
 * @param client The Redis client of the store. Needed with connect-redis 7 and 8, which
 *   keep it to themselves.
 * @returns The same store.
 * @throws {TypeError} if it is no such store, or its client cannot be found or is not one
 *   of node-redis (3 and newer: client, cluster, pool, sentinel, legacy), ioredis and iovalkey
 *
 * @example
 * import keepLoggedOut = require('express-session-rs/redis');
 * app.use(session({ secret, store: keepLoggedOut(new RedisStore({ client })) }));
 */
declare function keepLoggedOut<T extends object>(store: T, client?: object): T & Required<Pick<session.Store, 'setIfPresent'>>;

export = keepLoggedOut;
