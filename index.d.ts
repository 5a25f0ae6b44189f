/**
 * Types of express-session-rs.
 *
 * A program that compiles with `@types/express-session` 1.19.0 also compiles with
 * this file. A type that both packages have has the same shape here. This file only
 * adds optional members and accepts more types for parameters.
 *
 * `Request` and `RequestHandler` come from the `@types/express`, 4 or 5, that the
 * program has installed. Uninstall `@types/express-session`, because both packages
 * declare `req.session` and the compiler accepts only one declaration.
 */

import express = require('express');
import { CipherKey } from 'crypto';
import { EventEmitter } from 'events';

declare global {
  namespace Express {
    /**
     * A store that `session()` was called with. `session()` assigns the method
     * `generate`, which gives a request a new session. If several calls use one
     * store, the last call wins.
     */
    type SessionStore = session.Store & { generate: (req: Request) => void };

    interface Request {
      /**
       * The visitor's session: the data of the program, `cookie`, and the methods.
       *
       * If the program assigns `null` or deletes the property, the option `unset`
       * decides what happens to the stored session. Although the type does not say so,
       * the property is undefined before the middleware has run, on a request that the
       * option `skip` excludes, on a URL outside the cookie's `path`, while the store is
       * disconnected, and after `destroy()`.
       */
      session: session.Session & Partial<session.SessionData>;

      /** The session's id. The cookie contains it with a signature. */
      sessionID: string;

      /** The store that keeps the session of this request. */
      sessionStore: SessionStore;
    }
  }
}

export = session;

/**
 * Makes the middleware that gives each request its `req.session`.
 *
 * A request without a valid cookie gets a new session. For other requests the
 * middleware loads the session from the store, and passes an error of the store to
 * `next`. When the response ends, the middleware saves, touches or destroys the
 * session if necessary.
 *
 * @throws {TypeError} When `genid` is not a function, `unset` is neither
 *   `'destroy'` nor `'keep'`, `store` has no method `on`, `secret` is an empty array,
 *   `storeTimeout` is not a number from 1 to 2147483647, `touchAfter` is not a
 *   positive number or more than half of `cookie.maxAge`, `idleTimeout`, `absoluteTimeout`, `renewAfter`
 *   or `renewGrace` is not a number of milliseconds greater than 0, `renewGrace` is not less than `renewAfter`, `clearCookie`, `hashIds` or `resign` is not a boolean,
 *   `skip` is not a function or is `async`, `merge` is neither a boolean nor a function or
 *   is `async`, `cacheControl` is neither `'private'` nor `'no-store'`, `strictCookies` is not a boolean, `commit` is neither `'end'` nor
 *   `'headers'`, `commitBuffer` is not a number of bytes or stands without
 *   `commit: 'headers'`, an option of the store is given (`user`, `describe`, `maxSessions`), or `name` or a field of the object `cookie` is invalid. With
 *   `strictCookies`, also when browsers would refuse the cookie.
 *
 * @typeParam Use Leave it out. A call then takes {@link session.MiddlewareOptions}, and gives a middleware
 *   with methods. `Parameters<typeof session>` gives {@link session.SessionOptions}, and
 *   `ReturnType<typeof session>` a middleware, which programs expect that wrap this function.
 *
 * @example
 * import express from 'express';
 * import session from 'express-session-rs';
 *
 * declare module 'express-session-rs' {
 *   interface SessionData { visits: number }
 * }
 *
 * const app = express();
 * app.use(session({ secret: process.env.SECRET!, resave: false, saveUninitialized: false }));
 * app.get('/', (req, res) => {
 *   req.session.visits = (req.session.visits ?? 0) + 1;
 *   res.send(`Visit number ${req.session.visits}`);
 * });
 */
declare function session<Use = 'call'>(
  options?: Use extends 'call' ? session.MiddlewareOptions : session.SessionOptions,
): Use extends 'call' ? session.Sessions : express.RequestHandler;

declare namespace session {
  /** What `session()` returns: the middleware, with methods for sessions outside a request. */
  interface Sessions extends express.RequestHandler {
    /**
     * Loads the session of a browser without a response: for a message of a WebSocket, a job, or a
     * framework without `req` and `res`. The options of time, `hashIds`, `merge` and `storeTimeout` hold, and
     * an id that was renewed leads to the session. Nothing is stored, no id is renewed, and no cookie is
     * set. Each call gives a session of its own.
     *
     * @param from A request of Node.js, or any object with `headers`, such as a `Request` of the Fetch
     *   API; a `Headers`; an object of headers; or the text of a Cookie header. Undefined and null stand
     *   for no cookie.
     * @returns undefined if there is no session: the cookie is missing or not signed by a secret, or the
     *   store has none. The promise is rejected with an error of the store, and with a `TypeError` if
     *   `from` is something else.
     *
     * @example
     * socket.on('message', async () => {
     *   const session = await sessions.load(req);
     *   if (!session?.user) return socket.close();
     *   await session.touch();
     * });
     */
    load(from: RequestSource | null | undefined): Promise<OutsideSession | undefined>;

    /**
     * Stores a new session without a response: for a test that starts logged in.
     *
     * @param data of the session; default: none. A key `cookie` is a `TypeError`: change `session.cookie`
     *   and save the session. So is a key that every session has, such as `save`. `_meta` is ignored.
     * @returns The promise is rejected with one of these, or with an error of the store, or of an option such as `genid`.
     *
     * @example
     * async function getAsAda() {
     *   const { cookie } = await sessions.create({ user: 'ada' });
     *   return fetch('http://localhost:3000/', { headers: { cookie } });
     * }
     */
    create(data?: Partial<SessionData> & { cookie?: never }): Promise<CreatedSession>;
  }

  /** Where {@link Sessions.load} finds the cookie. */
  type RequestSource = string | HeadersSource | { headers: HeadersSource };

  /** A `Headers` of the Fetch API, or headers by their names. */
  type HeadersSource =
    { get(name: string): string | null | undefined } |
    { cookie?: string | undefined; Cookie?: string | undefined; [name: string]: string | string[] | undefined };

  /** A session outside a request. Nothing happens to it by itself. */
  interface OutsideSession extends Omit<Session, 'touch' | 'save' | 'reload' | 'regenerate'>, Partial<Omit<SessionData, 'cookie'>> {
    /**
     * Stores the session, with a lifetime that begins anew, if the store still has it. The option `merge`
     * holds. The promise is rejected with a {@link SessionEnded} if the session has ended.
     */
    save(): Promise<void>;
    save(callback: (err: any) => void): void;

    /** Gives this object the data that the store has now. It fails with a {@link SessionEnded} if there are none. */
    reload(): Promise<void>;
    reload(callback: (err: any) => void): void;

    /**
     * Starts the lifetime of the session in the store anew, which is a use of the session for
     * `idleTimeout`. Changed data are not stored. Unlike `req.session.touch`, it calls the store, and
     * returns a promise, which is rejected with a {@link SessionEnded} if the session has ended.
     *
     * @param renews `false`: nothing is renewed, neither now nor by a later `save`. Default: true.
     */
    touch(renews?: boolean): Promise<void>;

    /** Fails: no response could tell the browser the new id. */
    regenerate(): Promise<never>;
  }

  /** What {@link Sessions.create} gives. */
  interface CreatedSession {
    id: string;
    /** The text for a Cookie header: `name=value`. */
    cookie: string;
    session: OutsideSession;
  }

  /**
   * Makes a store that moves sessions from one store to another while an app uses them, so that nobody is
   * logged out. A session is read from the new store, or else from the old one. When it is stored or
   * touched, it moves to the new one.
   *
   * It has `setIfPresent` and `setIfUnchanged` if the new store has them, the first also with a MemoryStore; `all`, `length`, `ids` and `clear` if
   * both have them; and `sessionsOf`, `end` and `endAll` if both have the option `user`.
   *
   * @throws {TypeError} When one of the two is no store, or both are the same.
   *
   * @example
   * session({ secret, store: session.migrate(oldStore, new session.DiskStore({ path: './sessions.db' })) });
   */
  function migrate(from: Store, to: Store): Store & Partial<UserMethods> & {
    /**
     * Moves all sessions that the old store has now. It needs a method `ids` of that store, or an
     * `all` that gives ids. Unless the old store is a MemoryStore, a DiskStore or one without `touch`, the
     * lifetimes of cookies begin anew, as their stored dates may be those of the last save.
     * @returns how many have moved. It is rejected if some could not be moved, after all others, with the first
     *   error as its `cause`; at once if ten in a row could not.
     */
    moveAll(): Promise<number>;

    /** Closes both stores, if they have the method. */
    close(): Promise<void>;
  };

  /** The options of `session()`, for programs that use them in their own types. */
  interface SessionOptions {
    /**
     * The key that signs the cookie (HMAC-SHA-256), or a list of keys: the first one signs, and
     * every one verifies. Make it with
     * `node -p "crypto.randomBytes(32).toString('base64url')"`, keep it out of the source, and
     * give the same one to all processes and at each start: with another one, nobody's cookie is
     * valid. The list is read at every request, so `keys.unshift(newKey)` changes the key
     * without a restart and without logging anybody out.
     *
     * This type requires it, but JavaScript programs may leave it out. Each request
     * then needs the `req.secret` that npm cookie-parser sets. Without it, `next`
     * gets an error.
     */
    secret: CipherKey | CipherKey[];

    /**
     * Makes the id of a new session. Default: 24 random bytes in URL-safe
     * base64, 32 characters. Ids must be unique and impossible to guess. A
     * session whose id is not a string is never saved.
     *
     * @example
     * session({ secret, genid: () => crypto.randomUUID() })
     */
    genid?(req: express.Request): string;

    /**
     * The name of the cookie, a token of RFC 6265 section 4.1.1. Default:
     * `'connect.sid'`. Browsers keep cookies for each host, not for each port, so
     * two apps on one host need two names.
     */
    name?: string | undefined;

    /**
     * The old name of the option `name`. It is read only if `name` is not given.
     * @deprecated Use `name`.
     */
    key?: string | undefined;

    /**
     * Where sessions are kept. Default: a new `MemoryStore`, in the memory of this process: other
     * processes do not see its sessions, and a restart ends them. For all processes of a machine,
     * `new session.DiskStore({ path: './sessions.db' })` keeps them in a file; for several machines,
     * take a store with a server, such as connect-redis. Stores that were written for
     * express-session work.
     */
    store?: Store | undefined;

    /**
     * The attributes of the cookie, or a function that returns them for each request. Without it
     * the cookie is `Path=/; HttpOnly`: it ends with the browser, and goes over insecure connections
     * as well. For production: `{ secure: true, sameSite: 'lax', maxAge: 86_400_000 }`, and
     * `app.set('trust proxy', 1)` behind a proxy. The same fields of `req.session.cookie` change the
     * cookie of one session.
     */
    cookie?: CookieOptions | ((req: express.Request) => CookieOptions) | undefined;

    /**
     * `true` sends the cookie with each response of an existing session, so that its
     * `maxAge` starts anew. Default: `false`, which sends the cookie only if the
     * session is new, or changed and has an expiry.
     */
    rolling?: boolean | undefined;

    /**
     * `true` writes a loaded session to the store even if it did not change.
     * `false` only touches such a session. If two requests run at the same time, the
     * later write wins, so prefer `false` with every store that has `touch`. Default:
     * `true`, with a deprecation warning if the option is missing.
     */
    resave?: boolean | undefined;

    /**
     * Whether the header `X-Forwarded-Proto` decides that a connection is secure.
     * `true` trusts the header, `false` ignores it, `undefined` (the default) uses
     * `req.secure`, which follows Express's setting `trust proxy`. A TLS socket is
     * always secure.
     */
    proxy?: boolean | undefined;

    /**
     * Whether a new session without any data is stored and gets a cookie.
     * Default: `true`, with a deprecation warning if the option is missing. Use
     * `false` for login sessions, and where a law requires consent before a cookie.
     */
    saveUninitialized?: boolean | undefined;

    /**
     * What happens to the stored session if `req.session` is deleted or `null` at the
     * end of the response. Default: `'keep'`, which leaves it unchanged.
     */
    unset?: 'destroy' | 'keep' | undefined;

    /**
     * How many milliseconds the store may take to call back, from 1 to 2147483647.
     * After that, `next`, or the callback or promise of `save`, `reload`,
     * `destroy` or `regenerate`, gets a {@link StoreTimeout}. If the store calls back later, the
     * call is ignored. Default: no limit. (express-session 1.19.0 has no such option.)
     *
     * A write that timed out may still reach the store and overwrite newer data. So
     * turn off the queue of the store's client: `disableOfflineQueue: true` with
     * node-redis.
     */
    storeTimeout?: number | undefined;

    /**
     * For how many milliseconds a session that requests only read is not touched again: no
     * `touch` in the store, no `set` by `resave: true`, and no cookie by `rolling: true`. It
     * saves most of a store's writes, and makes a session expire up to that much earlier
     * after its last use. What changes the session is stored as ever, and `req.session.touch()`
     * in a request asks for a touch.
     *
     * When the session was touched last is read from its stored cookie, or else from a table of
     * this process. A session whose `cookie.originalMaxAge` is less than twice this is touched by
     * each request. Default: none, each request touches its session. (express-session 1.19.0 has
     * no such option.)
     */
    touchAfter?: number | undefined;

    /**
     * Whether the response tells the browser to delete the session cookie that the
     * request brought, if the session has ended: after `destroy()`, unless the store
     * reported an error, or with `unset: 'destroy'` if `req.session` is unset. The
     * header has the attributes that the cookie was set with, which browsers require,
     * and `Expires` in 1970. It is not sent if the headers were sent before. Default:
     * `false`, the browser keeps the cookie of the ended session. (express-session
     * 1.19.0 has no such option.)
     */
    clearCookie?: boolean | undefined;

    /**
     * Whether the store gets `'h1:'` and the SHA-256 of each session id (base64url) as the key of
     * the session, so that who reads the store, a dump of it or a replica learns no id. Default:
     * `false`, the store gets the ids, as in express-session 1.19.0, which has no such option.
     *
     * `req.sessionStore` is then a wrapper of the store: its methods take ids, as before. The store
     * itself takes keys, and `all` and `ids` give keys, also those of the wrapper. A session that is
     * stored under its id, from before the option, is found and moved.
     */
    hashIds?: boolean | undefined;

    /**
     * After how many ms without a request a session ends, whatever its store and its cookie say
     * (OWASP ASVS 5, 7.3.1). Default: never, as in express-session 1.19.0, which has no such option.
     *
     * A session that has ended is destroyed in the store, and the request that brings its id gets
     * a new one. The last use stands in the stored cookie or in `_meta.seen` of the session's data. The latter is
     * written at most once in a tenth of this time, so a session may end by that much earlier;
     * with the stores of this package, in a hundredth.
     */
    idleTimeout?: number | undefined;

    /**
     * How many ms a session lasts at most after its first request, however much it is used
     * (OWASP ASVS 5, 7.3.2). Default: without limit, as in express-session 1.19.0, which has no such option.
     *
     * The beginning stands in `_meta.created` of the session's data, which a program cannot change. That of
     * a session that was stored before the option was set is its first request after that.
     */
    absoluteTimeout?: number | undefined;

    /**
     * After how many ms a session gets a new id, so that a stolen one is of use for a short time only.
     * Default: never, as in express-session 1.19.0, which has no such option.
     *
     * The first request with GET or HEAD after that time renews the id before `next` is called,
     * unless it is an upgrade, and its response sets the new cookie.
     */
    renewAfter?: number | undefined;

    /**
     * For how many ms after that a request that brings the old id gets the session, too. It also gets the new
     * cookie, until a request has brought that. Default: 60,000. It must be less than `renewAfter`.
     */
    renewGrace?: number | undefined;

    /**
     * When a session is saved or destroyed in the store. Default: `'end'`, as in
     * express-session 1.19.0, which has no such option.
     *
     * - `'end'`: when the response ends. Its headers, and most of its body, may reach the
     *   client before the store has called back. If the store then fails, `next` gets the
     *   error, but the client has a response that looks good.
     * - `'headers'`: before the first byte of the response is sent. A client that follows a
     *   redirect finds what was saved. If the store fails, `next` gets the error, and an
     *   error page takes the place of the response. The response is held until the store
     *   has called back: `write` returns false, and `'drain'` is emitted later. What
     *   changes after the headers were sent is saved at the end, as with `'end'`.
     *
     * A session whose expiry alone must be renewed never holds a response. The
     * `MemoryStore` needs no time, so with it nothing is held.
     */
    commit?: 'end' | 'headers' | undefined;

    /**
     * Whether a cookie that another secret than the first has signed is sent again, signed with the
     * first one, so that the others can be removed some time after a new secret was added. It is sent as with
     * `rolling`: by a response whose headers were not sent, if the session was not replaced, and not
     * after `touch(false)`. Default: `false`, such a cookie stays as it is. (express-session 1.19.0 has no
     * such option.)
     */
    resign?: boolean | undefined;

    /**
     * With `commit: 'headers'`, how many bytes of a body a program may send after `write`
     * has returned false, while the response is held. Beyond it, `next` gets an error with
     * the `code` `'ERR_SESSION_COMMIT_BUFFER'`. Default: 1,048,576.
     */
    commitBuffer?: number | undefined;

    /**
     * Returns whether a request has no session, for example one for a static file or a
     * health check. For such a request the middleware only calls `next`: it asks no
     * store, sets no cookie and leaves `req.session`, `req.sessionID` and
     * `req.sessionStore` as they are, normally undefined. A middleware of another
     * `session()` that comes later can still give the request a session. Default: no
     * request is skipped. (express-session 1.19.0 has no such option.)
     *
     * The function is called without `this`, once each time that a request reaches the
     * middleware. A request that has a session already keeps it, and the function is not
     * called. Otherwise it is called first, so a skipped request needs no connected
     * store, no valid URL and no secret. In a router of Express, `req.url` and `req.path`
     * begin after the path of the router; `req.originalUrl` is the whole URL.
     *
     * The function must return the boolean itself, because the middleware does not wait.
     * If it throws, `next` gets the error. If it returns a promise, `next` gets a
     * TypeError; an `async` function is refused at `session()`.
     *
     * @example
     * session({ secret, skip: (req) => req.originalUrl.startsWith('/static/') })
     */
    skip?: ((req: express.Request) => boolean) | undefined;

    /**
     * What happens to changes that other requests have stored since this request has loaded the
     * session. `false`: they are overwritten, as with express-session. `true`: each changed
     * top-level key is stored by itself, and of two requests that change the same key, the one
     * that stores it later wins. A function decides for such a key: it gets the key, its value
     * when this request has loaded the session, its value in this request and its value in the
     * store, each of which is undefined if the key is not there, and returns the value that is
     * stored. It must not return undefined or a promise: that, and an error that it throws, goes to
     * `next`, and the stored session stays as it is. Default: `false`.
     *
     * @example
     * session({ secret, merge: (key, base = [], mine = [], theirs = []) => [...theirs, ...mine.slice(base.length)] })
     */
    merge?: boolean | ((key: string, base: any, mine: any, theirs: any) => any) | undefined;

    /**
     * Keeps shared caches from giving the response of one visitor to another. A response
     * gets `Cookie` in its header `Vary`, and the header `Cache-Control`, if it sets or
     * clears the session cookie, or may depend on the session: if the store had the
     * session, unless the store is a {@link MemoryStore} and `res.end` was called before
     * anything has read or assigned `req.session` and before the headers were written.
     * With a `MemoryStore` a look at a new session counts, too. `Vary: *` stays as it is,
     * and so does a `Cache-Control` that the program has set.
     *
     * `'private'` sends `private, no-cache="Set-Cookie"`: the browser may store the
     * response. `'no-store'` sends `no-store`: nobody may, as OWASP ASVS 5 14.3.2 demands
     * of sensitive data. Default: neither header is touched. (express-session 1.19.0 has
     * no such option.)
     */
    cacheControl?: 'private' | 'no-store' | undefined;

    /**
     * `true`: `session()` throws a TypeError if it is known then that browsers would
     * refuse the cookie, or ignore a part of it: `sameSite: 'none'` without `secure`; a
     * name that begins with `__Host-` (in any case of letters) with a `domain`, with
     * another `path` than `'/'` or without `secure`; one that begins with `__Secure-`
     * without `secure`; a name of more than 4,096 bytes, a `domain` or `path` of more
     * than 1,024. What `'auto'`, a function, a getter or a later assignment makes of the
     * cookie is known in a request only.
     *
     * With and without this option, a process whose `NODE_ENV` is not `production` warns
     * of each kind once, at `session()` or when such a cookie is sent, and if a secure
     * cookie is not sent because the connection is insecure. The `code` of the warnings
     * is `EXPRESS_SESSION_COOKIE`. Default: `false`. (express-session 1.19.0 has neither.)
     */
    strictCookies?: boolean | undefined;
  }

  /** The error if the store did not call back within `storeTimeout`. */
  interface StoreTimeout extends Error {
    name: 'StoreTimeout';
    code: 'ERR_SESSION_STORE_TIMEOUT';
    /** The status of Express's error response: Service Unavailable, RFC 9110 section 15.6.4. */
    status: 503;
  }

  /**
   * The argument of `session()`: {@link SessionOptions}, and a few more values. Those
   * values are not part of `SessionOptions`, because programs that read options would
   * no longer compile.
   */
  interface MiddlewareOptions extends Omit<SessionOptions, 'secret' | 'cookie'> {
    /**
     * The key that signs the cookie (HMAC-SHA-256), or a list of keys: the first one signs, and
     * every one verifies. Make it with
     * `node -p "crypto.randomBytes(32).toString('base64url')"`, keep it out of the source, and
     * give the same one to all processes and at each start: with another one, nobody's cookie is
     * valid. The list is read at every request, so `keys.unshift(newKey)` changes the key
     * without a restart and without logging anybody out.
     */
    secret: CipherKey | readonly CipherKey[];

    /**
     * The attributes of the cookie, or a function that returns them for each request. Without it
     * the cookie is `Path=/; HttpOnly`: it ends with the browser, and goes over insecure connections
     * as well. For production: `{ secure: true, sameSite: 'lax', maxAge: 86_400_000 }`, and
     * `app.set('trust proxy', 1)` behind a proxy. The same fields of `req.session.cookie` change the
     * cookie of one session.
     *
     * @example
     * session({ secret, cookie: { secure: 'auto', sameSite: 'auto', maxAge: 86_400_000 } })
     */
    cookie?: FixedCookieInit | ((req: express.Request) => CookieInit) | undefined;
  }

  /**
   * The session of one visitor. Its own enumerable keys are the data and `cookie`.
   *
   * Without a callback, `save`, `reload`, `destroy` and `regenerate` return a promise,
   * which is rejected with the error that a callback would get. If nobody looks at the
   * promise, the error is ignored: it is no unhandled rejection. With a callback, `save`
   * and `reload` return undefined if the middleware made the session for a request, as
   * with express-session 1.19.0. Chain only the other methods.
   *
   * The type parameter `P` and the rest parameter `none` of these methods are there for
   * the compiler only: with them, stand-ins that tests write for `@types/express-session`
   * are sessions, too.
   */
  class Session {
    /**
     * Makes a session for `req`. Programs rarely need it, because `session()` and
     * stores call it. Keys of `data` that every session has, such as `save`, are
     * left out.
     */
    constructor(req: SessionRequest, data?: object | null);

    /**
     * The value of `req.sessionID` when the session was made. It is read-only: an
     * assignment throws a TypeError in strict mode. (The type does not say `readonly`,
     * because tests of programs make objects of this type.)
     */
    id: string;

    /** The request the session belongs to. Read-only and not enumerable. */
    req?: any;

    /** The cookie of this session. A change affects only this visitor. */
    cookie: Cookie;

    /**
     * Gives the request a new session with a new id, which has data of this one. It is
     * stored before the old session is destroyed, so a store that fails loses nothing.
     *
     * The values are those of the moment of the call, by reference. The cookie is not
     * kept: the new session has the cookie of the option `cookie`. Keys that the session
     * does not have are ignored, and so are keys that every session has, such as `save`.
     * It calls `generate`, `set`, `get` and `destroy` of the store, and not `regenerate`.
     * (express-session 1.19.0 has no such options.)
     *
     * @param callback Gets the error of `store.set` or `store.get`, an error if `genid`
     *   returns the old id, or a {@link SessionEnded} if another request has ended the
     *   session meanwhile, for example at logout. The old session then stays on the
     *   request. If the error is one of `store.destroy`, the new session is on the
     *   request, and the store still has the old one, too.
     * @throws {TypeError} When `keep` is neither `true` nor an array of strings.
     *
     * @example
     * req.session.regenerate({ keep: ['cart'] }, (err) => {
     *   if (err) return next(err);
     *   req.session.user = user;
     *   res.redirect('/');
     * });
     */
    regenerate<P extends Promise<void> = Promise<void>, O extends RegenerateOptions = RegenerateOptions>(options: O): P;
    regenerate<P extends Promise<void> = Promise<void>, O extends RegenerateOptions = RegenerateOptions>(options: O, callback: (err: any) => void): this;

    /**
     * Destroys the stored session, and replaces `req.session` by a new, empty session
     * with a new id. Call it at login, to prevent session fixation.
     *
     * @param callback Gets the error of `store.destroy`, if any.
     *
     * @example
     * async function logIn() {
     *   await req.session.regenerate();
     *   req.session.user = user;
     *   res.redirect('/');
     * }
     */
    regenerate<P extends Promise<void> = Promise<void>>(...none: never[]): P;
    regenerate<P extends Promise<void> = Promise<void>>(callback: (err: any) => void): this;

    /**
     * Removes the session from its request and from the store.
     * @param callback Gets the error of `store.destroy`, if any.
     */
    destroy<P extends Promise<void> = Promise<void>>(...none: never[]): P;
    destroy<P extends Promise<void> = Promise<void>>(callback?: (err: any) => void): this;

    /**
     * Replaces `req.session` by a new object with what the store has.
     * @param callback Gets the store's error, or an error if the store no longer has
     *   the session.
     */
    reload<P extends Promise<void> = Promise<void>>(...none: never[]): P;
    reload<P extends Promise<void> = Promise<void>>(callback: (err: any) => void): this;

    /** Sets `cookie.maxAge` to `cookie.originalMaxAge`. */
    resetMaxAge(): this;

    /**
     * Stores the session now. At the end of the response, the middleware stores a
     * session that changed, so you need this only for redirects, streams and
     * WebSockets.
     * @param callback Gets the error of `store.set`, if any.
     */
    save<P extends Promise<void> = Promise<void>>(...none: never[]): P;
    save<P extends Promise<void> = Promise<void>>(callback?: (err: any) => void): this;

    /**
     * Does the same as `resetMaxAge()`. It does not call `store.touch`; the middleware
     * does that at the end of the response.
     *
     * @param renews `false`: this request does not prolong the session, for example
     *   because a script in the page sent it. The end of the response neither touches
     *   the session nor saves it unless it changed, and `rolling` sends no cookie. A
     *   session that changed is saved with the expiry that its cookie has. A later
     *   `touch()` of the same request undoes this; what an earlier one did to the
     *   cookie stays, so call `touch(false)` before the headers are sent. Default: true.
     *   (express-session 1.19.0 has no such parameter.)
     */
    touch(renews?: boolean): this;
  }

  /** The options of {@link Session.regenerate}. */
  interface RegenerateOptions {
    /** `true` keeps all data, a list keeps the data of these keys. */
    keep: true | readonly string[];
  }

  /**
   * The error if a session was destroyed, has expired or was evicted while a request
   * used it.
   */
  interface SessionEnded extends Error {
    name: 'SessionEnded';
    code: 'ERR_SESSION_ENDED';
  }

  /**
   * The data of a session. Programs declare their own keys in this interface. On
   * `req.session` each key is optional, because a new session has none.
   *
   * @example
   * declare module 'express-session-rs' {
   *   interface SessionData { userId: number }
   * }
   */
  interface SessionData {
    cookie: Cookie;
  }

  /** The part of a request that {@link Session} and {@link Store.createSession} use. */
  interface SessionRequest {
    sessionID: string;
    sessionStore?: Store | undefined;
    session?: any;
  }

  /**
   * Attributes of the session's cookie. `session()` throws a TypeError for an object
   * with a value that npm cookie 0.7.2 refuses to serialize. If a `cookie` function or
   * a later assignment gives such a value, `next` gets that error when the cookie is
   * sent.
   */
  interface CookieOptions {
    /**
     * For how many milliseconds the session lasts after its last request: `86_400_000` is a day.
     * It is sent as `Expires` (RFC 6265 section 4.1.2.1), the current time plus the lifetime;
     * `Max-Age` is never sent. The browser learns of a longer life only from a cookie that is sent
     * again, as with `rolling: true`. Default: none, the browser deletes the cookie when it closes.
     * If `expires` is given too, the one that comes later in the object wins.
     */
    maxAge?: number | undefined;

    /**
     * `true`: the browser keeps a separate cookie for each top-level site ("CHIPS",
     * draft-cutler-httpbis-partitioned-cookies). Default: `false`.
     */
    partitioned?: boolean | undefined;

    /** A browser with too many cookies deletes those with a low priority first (draft-west-cookie-priority-00, section 4.1). */
    priority?: 'low' | 'medium' | 'high' | undefined;

    /** Exists for compatibility and has no effect. Session cookies are always signed. */
    signed?: boolean | undefined;

    /**
     * The moment at which the cookie ends.
     * @deprecated Use `maxAge`. A fixed moment is the same for all sessions, which is
     *   rarely intended.
     */
    expires?: Date | null | undefined;

    /** Hides the cookie from `document.cookie` (RFC 6265 section 4.1.2.6). Default: `true`. */
    httpOnly?: boolean | undefined;

    /**
     * URL path the cookie is for (RFC 6265 section 4.1.2.4). Default: `'/'`.
     * Requests whose original URL does not begin with this path get no session. Only
     * text is compared, so `'/admin'` also covers `/administrators`.
     */
    path?: string | undefined;

    /** The host whose subdomains also get the cookie (RFC 6265 section 4.1.2.3). Default: only the host that set it. */
    domain?: string | undefined;

    /**
     * `true`: the cookie is sent only over HTTPS (RFC 6265 section 4.1.2.5). On an
     * insecure connection the session is stored, but no cookie is sent. `'auto'`: the
     * cookie is secure if the connection is. In the result of a `cookie` function,
     * `'auto'` counts as `true`. Default: not secure.
     */
    secure?: boolean | 'auto' | undefined;

    /** Exists for compatibility and has no effect. The value is always percent-encoded. */
    encode?: ((val: string) => string) | undefined;

    /**
     * Whether requests that other sites begin carry the cookie (RFC 6265bis, "The SameSite
     * Attribute"). `'lax'`: only when somebody follows a link to this site; good for most apps.
     * `'strict'`, or `true`: never, so who comes back from a login or payment page is logged out
     * there. `'none'`: always, which needs `secure`. Default: no attribute, which browsers take for
     * `'lax'` or less.
     */
    sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined;
  }

  /** The argument of `new Cookie()`, and the result of a `cookie` function. */
  interface CookieInit extends Omit<CookieOptions, 'maxAge'> {
    /**
     * For how many milliseconds the session lasts after its last request: `86_400_000` is a day.
     * It is sent as `Expires`. The browser learns of a longer life only from a cookie that is sent
     * again, as with `rolling: true`. Default, and `null`: no lifetime, the browser deletes the
     * cookie when it closes.
     */
    maxAge?: number | null | undefined;

    /** The `maxAge` that `resetMaxAge()` sets, in milliseconds. Default: `maxAge`. */
    originalMaxAge?: number | null | undefined;
  }

  /** The `cookie` option as an object. */
  interface FixedCookieInit extends Omit<CookieInit, 'sameSite'> {
    /**
     * Whether requests that other sites begin carry the cookie. `'lax'`: only when somebody follows
     * a link to this site; good for most apps. `'strict'`, or `true`: never, so who comes back from a
     * login or payment page is logged out there. `'none'`: always, which needs `secure`. `'auto'`:
     * `'none'` on a secure connection, and `'lax'` on every other. Default: no attribute, which
     * browsers take for `'lax'` or less.
     */
    sameSite?: CookieOptions['sameSite'] | 'auto';
  }

  /** The data of a cookie that the store gets, in this order. */
  interface CookieData {
    /** Milliseconds. */
    originalMaxAge: number | null;
    partitioned?: boolean | undefined;
    priority?: 'low' | 'medium' | 'high' | undefined;
    /** A Date. After a conversion to JSON and back, it is its ISO 8601 text. */
    expires?: Date | null | undefined;
    secure?: boolean | 'auto' | undefined;
    httpOnly?: boolean | undefined;
    domain?: string | undefined;
    path?: string | undefined;
    sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined;
  }

  /**
   * The cookie of one session.
   *
   * @example
   * // "Remember me" keeps the cookie for thirty days, otherwise until the browser closes.
   * if (req.body.remember) req.session.cookie.maxAge = 30 * 24 * 60 * 60 * 1000;
   */
  class Cookie implements CookieOptions {
    /**
     * @throws {TypeError} When `options` is truthy but not an object, or its
     *   `maxAge` is truthy but neither a number nor a Date.
     */
    constructor(options?: CookieInit | null);

    /** The lifetime that `touch()` starts anew, in milliseconds; `null` if there is none. */
    originalMaxAge: number | null;

    /**
     * The milliseconds until `expires`. An assignment changes `expires` and
     * `originalMaxAge`.
     */
    maxAge?: number | undefined;

    signed?: boolean | undefined;

    /** The end of the cookie. An assignment changes `originalMaxAge`. */
    expires?: Date | null | undefined;

    httpOnly?: boolean | undefined;
    path?: string | undefined;
    domain?: string | undefined;
    secure?: boolean | 'auto' | undefined;
    sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined;
    partitioned?: boolean | undefined;
    priority?: 'low' | 'medium' | 'high' | undefined;
  }

  /**
   * Members of every Cookie. They are optional in the type, because programs write
   * `{ originalMaxAge: null }` where the type asks for a Cookie.
   *
   * @example
   * req.session.cookie.serialize?.('sid', value);
   */
  interface Cookie {
    /** The same as `expires`; some stores read it under this name. */
    _expires?: Date | null | undefined;

    /** The attributes that are stored and written into the header. */
    readonly data?: CookieData;

    /**
     * Returns the text of a `Set-Cookie` header (npm cookie 0.7.2). It does not sign
     * the value.
     * @throws {TypeError} When the name or an attribute is invalid (RFC 6265).
     */
    serialize?(name: string, val: string): string;

    /** Returns `data`. */
    toJSON?(): CookieData;
  }

  /** The constructor, for stores that are written without `class`: `Store.call(this)`. */
  function Store(this: Store): void;

  /**
   * The base class of all stores. A store must have `get`, `set` and `destroy`. The
   * middleware calls `touch` and `setIfPresent` if the store has them. The other
   * methods are for the program.
   *
   * Emit `'disconnect'` when the database is lost: requests then have no session until
   * the store emits `'connect'`.
   *
   * @example
   * class MapStore extends session.Store {
   *   private texts = new Map<string, string>();
   *   get(sid: string, callback: (err: any, session?: session.SessionData | null) => void) {
   *     const text = this.texts.get(sid);
   *     setImmediate(callback, null, text && JSON.parse(text));
   *   }
   *   set(sid: string, data: session.SessionData, callback?: (err?: any) => void) {
   *     this.texts.set(sid, JSON.stringify(data));
   *     if (callback) setImmediate(callback);
   *   }
   *   destroy(sid: string, callback?: (err?: any) => void) {
   *     this.texts.delete(sid);
   *     if (callback) setImmediate(callback);
   *   }
   * }
   */
  abstract class Store extends EventEmitter {
    /**
     * Destroys the session of `req`, then gives `req` a new one with
     * `req.sessionStore.generate`. `session.regenerate` calls this method.
     */
    regenerate(req: express.Request, callback: (err?: any) => any): void;

    /** Loads a session without a request. Calls back without a session if there is none. */
    load(sid: string, callback: (err: any, session?: SessionData) => any): void;

    /**
     * Makes `req.session` from stored data. If `cookie.expires` is a string, it becomes
     * a Date. The middleware calls this for each session that `get` returned.
     * @throws {TypeError} When `session` has no `cookie`.
     */
    createSession(req: SessionRequest, session: SessionData): Session & SessionData;

    /**
     * Finds the data stored for `sid`. If there is none, call back without data, or
     * with an error whose `code` is `'ENOENT'`.
     */
    abstract get(sid: string, callback: (err: any, session?: SessionData | null) => void): void;

    /**
     * Stores a new or changed session. `session` is the object that the program uses,
     * so copy it (`JSON.stringify`) before this method returns.
     */
    abstract set(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    /** Deletes the session `sid`. A missing session is no error. */
    abstract destroy(sid: string, callback?: (err?: any) => void): void;

    /** Gives all sessions, as a list or as an object with their ids as keys. */
    all?(callback: (err: any, obj?: SessionData[] | { [sid: string]: SessionData } | null) => void): void;

    /** Counts the sessions. */
    length?(callback: (err: any, length?: number) => void): void;

    /** Deletes all sessions. */
    clear?(callback?: (err?: any) => void): void;

    /**
     * Changes the expiry of the stored session to `session.cookie.expires`, and does
     * not change its data. Called for a session that was used but did not change.
     */
    touch?(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    /**
     * Stores the session only if the store still has a session `sid`. It checks and
     * stores in one step. If there is none, it does nothing and reports no error. If a
     * store has this method, the middleware calls it instead of `set` at the end of a
     * response whose request had loaded the session. So a slow request does not store
     * a session again that another request destroyed meanwhile, for example at logout.
     * (express-session 1.19.0 has no such method.)
     */
    setIfPresent?(sid: string, session: SessionData, callback?: (err?: any, isStored?: boolean) => void): void;

    /**
     * Stores a session only if what the store has for this id is still `loaded`, in one step of the
     * backend. The members `cookie` and `_meta` are not compared. Optional, and not known to
     * express-session. The option `merge` calls it; without it, `merge` reads the session just
     * before it stores it, so that a short time is left in which a change can be lost.
     *
     * @param loaded what `get` gave before, as plain JSON data, with or without the cookie
     * @param callback gets whether the session was stored: `false` if the data differ, if the
     *   session is gone, and if the store has a pointer in its place, which `renewAfter` leaves
     *   (docs/own-store.md): also for a session without data
     */
    setIfUnchanged?(sid: string, session: SessionData, loaded: SessionData, callback?: (err?: any, isStored?: boolean) => void): void;
  }

  /** Options of a store that knows whose its sessions are. */
  interface UserOptions {
    /**
     * Returns whose a session is: a text of 1 to 255 characters, or undefined or null if nobody is logged
     * in. It is called whenever a session is stored, and the store keeps the text in the session's
     * `_meta`. What it throws, and a `TypeError` if it returns anything else, is the error of the method
     * that was to store the session, and the stored session stays as it was. Default: the store does not
     * know, and has none of the methods `sessionsOf`, `end` and `endAll`.
     *
     * @example
     * // With passport.
     * new session.MemoryStore({ user: (data) => (data as any).passport?.user });
     */
    user?: ((session: SessionData) => string | null | undefined) | null | undefined;

    /**
     * Returns what is kept of the browser that sends a request, for `sessionsOf`: texts, of which the
     * first 255 characters are kept. Needs `user`. Default: nothing is kept.
     *
     * @example
     * new session.MemoryStore({
     *   user: (data) => (data as any).passport?.user,
     *   describe: (req) => ({ ip: req.ip, userAgent: req.get('user-agent') }),
     * });
     */
    describe?: ((req: express.Request) => { ip?: string | null | undefined; userAgent?: string | null | undefined } | null | undefined) | null | undefined;

    /**
     * How many sessions a user may have at once, a positive integer. A login beyond it ends those that
     * began first, in the same step. A new id of a session ends none. Needs `user`. A login of a user who
     * has that many takes time in proportion to it. Default: no limit.
     */
    maxSessions?: number | null | undefined;
  }

  /** A session of a user, as `sessionsOf` gives it. Times are milliseconds since the epoch. */
  interface UserSession {
    /**
     * Names the session for `end`. It may be shown to the user: nobody learns the id of the session from it. It
     * changes when the id does.
     */
    handle: string;
    /** When its user logged in: when the session began, or was first stored with the option `user`, or got another user. */
    created: number;
    /** The last use of the session that the store knows of. In a MemoryStore or DiskStore it is at most a minute late, or `touchAfter`. */
    lastSeen: number;
    /** Whether it is the session that was named as `current`. */
    current: boolean;
    /** What the option `describe` has returned for the last request that was stored. */
    ip?: string;
    /** What the option `describe` has returned for the last request that was stored. */
    userAgent?: string;
  }

  /**
   * What a store can do that knows whose its sessions are. It has these methods only with the option
   * `user`. They count sessions that have not expired.
   *
   * A `TypeError` rejects the promise if `user` is no text of 1 to 255 characters, or if `current` or
   * `except` is given and is no session.
   */
  interface UserMethods {
    /**
     * Gives the sessions of a user, the one that began last first.
     *
     * @param options.current the session that asks, of which `current` is true
     */
    sessionsOf(user: string, options?: { current?: { readonly id: string } | undefined }): Promise<UserSession[]>;

    /**
     * Ends a session of a user, also if a request that uses it is under way. Gives 1, or 0 if the handle is
     * none of a session of this user, such as of one that has ended.
     *
     * @param handle as `sessionsOf` gives it
     */
    end(user: string, handle: string): Promise<number>;

    /**
     * Ends the sessions of a user, also those that requests under way use. Gives their number.
     *
     * @param options.except a session that stays
     */
    endAll(user: string, options?: { except?: { readonly id: string } | undefined }): Promise<number>;
  }

  /**
   * Options of a {@link MemoryStore}. All can be left out. `max`, `ttl`, `checkPeriod` and
   * `dispose` come from npm `memorystore` 1.6.8; docs/migrating.md in the repository says where they differ.
   */
  interface MemoryStoreOptions extends UserOptions {
    /** The largest number of sessions, a positive integer. Above it, the least recently used session is removed. Default: no limit. */
    max?: number | null | undefined;

    /**
     * The largest number of bytes for sessions, a positive integer. It counts ids, JSON
     * and cookies, and about 170 bytes for each session, or 230 for one of a user. A cookie that many sessions have
     * in common counts once. Above the limit, the least recently used sessions are removed.
     * A session that alone is larger is not kept. Default: no limit.
     */
    maxBytes?: number | null | undefined;

    /**
     * How many milliseconds a session lasts after its last use if its cookie has no
     * expiry, or a function that returns this number when a session is stored or touched.
     * Outside production, a number below 60,000 causes a warning, because it may be meant
     * in seconds. Default: such a session lasts until it is destroyed.
     */
    ttl?: number | ((options: MemoryStoreOptions, session: SessionData, sid: string) => number) | null | undefined;

    /**
     * How many milliseconds lie between two prunings, which remove expired sessions. `false`
     * means no pruning. The timer does not keep the process alive. Default: 60000.
     */
    checkPeriod?: number | false | null | undefined;

    /**
     * Called for each session that the store no longer keeps, in a later turn of the event
     * loop. `session` is undefined if the stored text is not JSON.
     */
    dispose?: ((sid: string, session: SessionData | undefined, reason: 'expired' | 'evicted' | 'destroyed') => void) | null | undefined;

    /**
     * A name. All `worker_threads` of the process that use this name share one store. They
     * must give the same `max`, `maxBytes` and `maxSessions`, and all or none of them `user`. `dispose`
     * cannot be used with it.
     */
    shared?: string | null | undefined;
  }

  /** The contents of a {@link MemoryStore}, and counters since it was created. */
  interface MemoryStoreStats {
    /** The number of sessions, including those that have expired but are not yet removed. */
    sessions: number;
    /** The number of bytes, counted as for `maxBytes`. */
    bytes: number;
    /** How often a requested session was found. */
    hits: number;
    /** How often a requested session was not found. */
    misses: number;
    /** How many sessions were removed because they had expired. */
    expired: number;
    /** How many sessions were removed because of `max` or `maxBytes`. */
    evicted: number;
  }

  /**
   * What a subscriber hears on a channel of `node:diagnostics_channel`: `express-session:create`, `load`,
   * `save`, `touch`, `destroy`, `regenerate`, `renew`, `expire`, `conflict` or `error`. docs/observing.md says
   * when each message comes. Beside what `store` and `req` hold, a message has no session id, no cookie and
   * no data.
   *
   * @example
   * import { subscribe } from 'node:diagnostics_channel';
   * import session from 'express-session-rs';
   *
   * subscribe('express-session:save', (message) => {
   *   const { outcome, durationMs, bytes } = message as session.DiagnosticsMessage;
   *   console.log(outcome, durationMs, bytes);
   * });
   */
  interface DiagnosticsMessage {
    /** `req.sessionStore`. */
    store: Store;

    /** The request whose session it is. */
    req?: express.Request;

    /** How long it took until the store had answered, in ms. `conflict` has none. */
    durationMs?: number;

    /** The length of the JSON that was stored, without `_meta`, in bytes of UTF-8: `create` and `save` have it. */
    bytes?: number;

    /**
     * What came of it: `'error'` if there is an `error`, but on the channel `expire` it stays `'idle'` or `'absolute'`.
     * On the channel `error` it is the name of the operation.
     */
    outcome:
      'created' | 'found' | 'none' | 'expired' | 'saved' | 'gone' | 'touched' | 'destroyed' | 'regenerated' |
      'renewed' | 'kept' | 'idle' | 'absolute' | 'merged' | 'failed' | 'error' |
      'load' | 'save' | 'touch' | 'destroy' | 'regenerate' | 'renew' | 'expire';

    error?: DiagnosticsError;
  }

  /** What a {@link DiagnosticsMessage} has of an error. */
  interface DiagnosticsError {
    name: string;

    /** The first line of the error's message, without session ids. */
    message: string;

    code?: string | number;
  }

  /**
   * Keeps sessions in the memory of one process, outside the JavaScript heap. A restart loses
   * them, and other processes do not see them. Callbacks run in a later turn of the event loop.
   *
   * @example
   * // At most 256 MB of sessions, each for a day after its last use.
   * const store = new session.MemoryStore({ maxBytes: 256 * 1024 * 1024, ttl: 24 * 60 * 60 * 1000 });
   * session({ secret, store });
   */
  class MemoryStore extends Store {
    /** @throws {TypeError} that names the wrong option; an `Error` if a shared store of that name has other limits */
    constructor(options?: MemoryStoreOptions & { captureRejections?: boolean | undefined });

    /**
     * The JSON text of each session, with the session id as key. It is a view of the store:
     * reading, listing, writing and deleting keys act on the store. It has no prototype.
     * `{ ...store.sessions }` is a copy that `structuredClone` accepts.
     */
    sessions: { [sid: string]: string };

    get(sid: string, callback: (err: any, session?: SessionData | null) => void): void;

    set(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    destroy(sid: string, callback?: (err?: any) => void): void;

    /** Without a callback it gives a promise of whether the session was stored. */
    setIfUnchanged(sid: string, session: SessionData, loaded: SessionData): Promise<boolean>;
    setIfUnchanged(sid: string, session: SessionData, loaded: SessionData, callback: (err?: any, isStored?: boolean) => void): void;

    /**
     * Gives the sessions that have not expired, with their ids as keys, in the order in
     * which they were added. It parses all of them, which takes some µs and about 1 kB each.
     */
    all(callback: (err: any, obj?: { [sid: string]: SessionData } | null) => void): void;

    /**
     * Counts the sessions that have not expired. This is fast, because the store keeps
     * count. Only text that the program itself wrote into `sessions` is parsed first, once,
     * in slices if there is much of it. If that text is damaged, the callback gets an error.
     */
    length(callback: (err: any, length?: number) => void): void;

    clear(callback?: (err?: any) => void): void;

    touch(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    /** Returns the number of sessions and bytes, and the counters. */
    stats(): MemoryStoreStats;

    /** Removes all expired sessions at once. Returns how many it removed. */
    prune(): number;

    /** Gives the ids, in the order in which the sessions were added. npm `memorystore` has it too. */
    ids(callback: (err: any, ids?: string[]) => void): void;

    /** Starts the pruning. npm `memorystore` has it too. */
    startInterval(): void;

    /** Stops the pruning. npm `memorystore` has it too. */
    stopInterval(): void;
  }

  interface MemoryStore extends UserMethods {}

  /** Options of a {@link DiskStore}. Only `path` is needed. */
  interface DiskStoreOptions extends UserOptions {
    /**
     * The file of the sessions. If it is missing, it is made so that no other user can read it
     * (mode 0600), and a missing folder, too (0700). While the file is in use, there are two more
     * files beside it, whose names end with `-wal` and `-shm`: they belong to it. It must be on a
     * disk of this machine, not on a network file system.
     */
    path: string;

    /**
     * The largest number of bytes of the file, a positive integer. Above it, the sessions are
     * removed that expire first. While sessions are stored, the file is looked at once in some
     * seconds, so it can be larger for that time. Default: no limit.
     */
    maxBytes?: number | null | undefined;

    /**
     * How many milliseconds a session lasts after its last use if its cookie has no expiry, or a
     * function that returns this number when a session is stored or touched. Outside production,
     * a number below 60,000 causes a warning, because it may be meant in seconds. Default: a day.
     */
    ttl?: number | ((options: DiskStoreOptions, session: SessionData, sid: string) => number) | null | undefined;

    /**
     * How many milliseconds lie between two prunings, which remove expired sessions. Of the
     * processes that share the file, one prunes. `false` means no pruning. The timer does not keep
     * the process alive. Default: 60000.
     */
    checkPeriod?: number | false | null | undefined;

    /** Called for each session that this store has removed, in a later turn of the event loop. */
    dispose?: ((sid: string, session: SessionData | undefined, reason: 'expired' | 'evicted' | 'destroyed') => void) | null | undefined;

    /**
     * What a session survives once the response was sent: the end of the process, also by
     * `kill -9`, or the end of the machine, also by a power cut. With `'process'` a power cut can
     * cost the changes of the last second. With `'machine'` each change waits for the disk.
     * Default: `'process'`.
     */
    durability?: 'process' | 'machine' | null | undefined;

    /**
     * A session that was only read moves its expiry at most once in this time, in milliseconds. A
     * session that lives less than twice as long moves it each time. Default: 1000.
     */
    touchAfter?: number | null | undefined;

    /**
     * What to do when the file is damaged. `'throw'`: the constructor throws an error that names the
     * file. `'fresh'`: the file gets another name, with the date, an empty store begins, and the
     * process emits a warning with the code `EXPRESS_SESSION_DISK`. Default: `'throw'`.
     */
    onDamage?: 'throw' | 'fresh' | null | undefined;
  }

  /**
   * Keeps sessions in a file, for all processes and worker threads of this machine. They survive
   * restarts and `kill -9`. A change is in the file before the response is complete, so the next
   * request finds it in whichever process.
   *
   * @example
   * const store = new session.DiskStore({ path: './sessions.db' });
   * session({ secret, store });
   */
  class DiskStore extends Store {
    /**
     * @throws {TypeError} that names the wrong option
     * @throws {Error} that names the file and says what to do if it cannot be opened: it is
     *   damaged, of another program or a newer version, cannot be written to, or is on a network
     */
    constructor(options: DiskStoreOptions & { captureRejections?: boolean | undefined });

    get(sid: string, callback: (err: any, session?: SessionData | null) => void): void;

    set(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    destroy(sid: string, callback?: (err?: any) => void): void;

    touch(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    setIfPresent(sid: string, session: SessionData, callback?: (err?: any, isStored?: boolean) => void): void;

    /** Without a callback it gives a promise of whether the session was stored. */
    setIfUnchanged(sid: string, session: SessionData, loaded: SessionData): Promise<boolean>;
    setIfUnchanged(sid: string, session: SessionData, loaded: SessionData, callback: (err?: any, isStored?: boolean) => void): void;

    /**
     * Gives the sessions that have not expired, with their ids as keys. It reads some of them in
     * each turn of the event loop. All of them are in memory in the end.
     */
    all(): Promise<{ [sid: string]: SessionData }>;
    all(callback: (err: any, obj?: { [sid: string]: SessionData } | null) => void): void;

    /** Counts the sessions that have not expired. Reads the whole file, outside the main thread. */
    length(): Promise<number>;
    length(callback: (err: any, length?: number) => void): void;

    clear(callback?: (err?: any) => void): void;

    /** Gives the ids of all sessions, including those that have expired but are not yet removed. */
    ids(): Promise<string[]>;
    ids(callback: (err: any, ids?: string[]) => void): void;

    /** Gives the number of sessions and bytes of the file, and the counters of this store. Reads the whole file, outside the main thread. */
    stats(): Promise<MemoryStoreStats>;
    stats(callback: (err: any, stats?: MemoryStoreStats) => void): void;

    /** Removes all expired sessions, outside the main thread. Gives how many it removed. */
    prune(): Promise<number>;
    prune(callback: (err: any, count?: number) => void): void;

    /** Commits all changes and closes the file. Each later call fails. A process that ends without it loses nothing. */
    close(): Promise<void>;
    close(callback: (err?: any) => void): void;
  }

  interface DiskStore extends UserMethods {}
}
