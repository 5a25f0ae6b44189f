/**
 * Types of express-session-rs.
 *
 * A program that compiles with `@types/express-session` 1.19.0 compiles with
 * this file. So a name that both have keeps that package's shape, and what is
 * added here is optional, or a wider parameter, never a narrower result.
 *
 * `Request` and `RequestHandler` are those of the `@types/express` that the
 * program has installed, 4 or 5. Uninstall `@types/express-session`: both files
 * declare `req.session`, and the compiler takes only one declaration of it.
 */

import express = require('express');
import { CipherKey } from 'crypto';
import { EventEmitter } from 'events';

declare global {
  namespace Express {
    /**
     * A store that `session()` was called with. That assigns `generate`, which
     * gives a request a new session; the last call wins.
     */
    type SessionStore = session.Store & { generate: (req: Request) => void };

    interface Request {
      /**
       * The visitor's session: own data beside `cookie` and the methods.
       *
       * Assigning `null` or deleting it ends the session as the option `unset`
       * says. It is missing, whatever this type promises, before the middleware
       * has run, on a URL outside the cookie's `path`, while the store is
       * disconnected, and after `destroy()`.
       */
      session: session.Session & Partial<session.SessionData>;

      /** The session's id, the value that the cookie carries signed. */
      sessionID: string;

      /** The store this request's session is kept in. */
      sessionStore: SessionStore;
    }
  }
}

export = session;

/**
 * Makes the middleware that gives each request its `req.session`.
 *
 * A request without a valid cookie gets a new session. Others get theirs from
 * the store, and an error of the store goes to `next`. When the response ends,
 * the session is saved, touched or destroyed, whichever is due.
 *
 * @throws {TypeError} When `genid` is no function, `unset` is neither
 *   `'destroy'` nor `'keep'`, `secret` is an empty array, `storeTimeout`
 *   is no number of milliseconds that timers can wait, `clearCookie` is no
 *   boolean, or no cookie can have the `name` or what stands in the object
 *   `cookie`.
 *
 * @typeParam Use Leave it out: a call then takes {@link session.MiddlewareOptions}.
 *   `Parameters<typeof session>` is no call, and has {@link session.SessionOptions}, as
 *   programs expect that wrap this function.
 *
 * @example
 * import express from 'express';
 * import session from 'express-session';
 *
 * declare module 'express-session' {
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
): express.RequestHandler;

declare namespace session {
  /** The options of `session()`, as programs name them in their own types. */
  interface SessionOptions {
    /**
     * Key of the cookie's signature, HMAC-SHA256 (npm cookie-signature 1.0.7),
     * or a list of keys: the first signs, each of them verifies. The list is
     * read at every request, so `keys.unshift(newKey)` rotates without a
     * restart. 32 random bytes make a good key.
     *
     * Required here although JavaScript programs may leave it out. Each request
     * then needs the `req.secret` that npm cookie-parser sets, or fails with an
     * error to `next`.
     */
    secret: CipherKey | CipherKey[];

    /**
     * Makes the id of a new session. Default: 24 random bytes in URL-safe
     * base64, 32 characters. Ids must be unique and impossible to guess. A
     * session whose id is no string is never saved.
     *
     * @example
     * session({ secret, genid: () => crypto.randomUUID() })
     */
    genid?(req: express.Request): string;

    /**
     * Name of the cookie, a token of RFC 6265 section 4.1.1. Default:
     * `'connect.sid'`. Browsers keep cookies per host, not per port, so two
     * apps on one host need two names.
     */
    name?: string | undefined;

    /**
     * Former spelling of `name`. Read when `name` is not given.
     * @deprecated Use `name`.
     */
    key?: string | undefined;

    /** Where sessions are kept. Default: a new {@link MemoryStore}. */
    store?: Store | undefined;

    /** Attributes of the cookie, fixed, or chosen for each request. */
    cookie?: CookieOptions | ((req: express.Request) => CookieOptions) | undefined;

    /**
     * `true` sends the cookie with each response of an existing session, which
     * starts its `maxAge` anew. Default: `false`, sent when the session is new,
     * or changed and due to expire.
     */
    rolling?: boolean | undefined;

    /**
     * `true` writes a loaded session back even when nothing in it changed;
     * `false` only touches it. Of two simultaneous requests the later write
     * wins, so prefer `false` with any store that has `touch`. Default: `true`,
     * with a deprecation warning when left out.
     */
    resave?: boolean | undefined;

    /**
     * Whether `X-Forwarded-Proto` decides that a connection is secure: `true`
     * asks the header, `false` ignores it, `undefined` (the default) asks
     * `req.secure`, which follows Express's `trust proxy` setting. A TLS socket
     * is secure in any case.
     */
    proxy?: boolean | undefined;

    /**
     * Whether a new session without any data is stored and gets a cookie.
     * Default: `true`, with a deprecation warning when left out. `false` suits
     * logins, and laws that want consent before a cookie.
     */
    saveUninitialized?: boolean | undefined;

    /**
     * What becomes of the stored session when `req.session` is gone at the end
     * of the response. Default: `'keep'`, it stays as it was before.
     */
    unset?: 'destroy' | 'keep' | undefined;

    /**
     * The longest that the store may take to answer, in milliseconds, from 1 to
     * 2147483647. Beyond it, `next` or the callback of `save`, `reload`, `destroy` or
     * `regenerate` gets a {@link StoreTimeout}, and the answer that comes later is
     * ignored. Default: as long as it takes. (express-session 1.19.0 has no such option.)
     *
     * A write that was given up may still reach the store, and undo what came after it.
     * So let the store's client keep no commands for later: `disableOfflineQueue: true`
     * with node-redis.
     */
    storeTimeout?: number | undefined;

    /**
     * Whether the browser is told to forget the session cookie that the request brought,
     * when the session is gone: after `destroy()`, unless the store failed in it, or with
     * `unset: 'destroy'` where `req.session` is unset. The header has the attributes that
     * the cookie was set with, as browsers want it, and `Expires` in 1970. Headers that
     * have left already cannot have it. Default: `false`, the browser keeps a cookie
     * without a session. (express-session 1.19.0 has no such option.)
     */
    clearCookie?: boolean | undefined;
  }

  /** What an error is, where the store did not answer within `storeTimeout`. */
  interface StoreTimeout extends Error {
    name: 'StoreTimeout';
    code: 'ERR_SESSION_STORE_TIMEOUT';
    /** What Express answers with: RFC 9110 section 15.6.4, Service Unavailable. */
    status: 503;
  }

  /**
   * What `session()` takes: {@link SessionOptions}, and a few values that its
   * type cannot hold without breaking programs that read options back.
   */
  interface MiddlewareOptions extends Omit<SessionOptions, 'secret' | 'cookie'> {
    /** See {@link SessionOptions.secret}. */
    secret: CipherKey | readonly CipherKey[];

    /**
     * See {@link SessionOptions.cookie}.
     *
     * @example
     * session({ secret, cookie: { secure: 'auto', sameSite: 'auto', maxAge: 86_400_000 } })
     */
    cookie?: FixedCookieInit | ((req: express.Request) => CookieInit) | undefined;
  }

  /**
   * One visitor's session. Its own enumerable keys are the data and `cookie`.
   *
   * On the session that the middleware made for a request, `save` and `reload`
   * return undefined, as with express-session 1.19.0: chain on the others only.
   */
  class Session {
    /**
     * Gives `req` a session; `session()` and stores do that by themselves.
     * Keys of `data` that a session already has, as `save`, are left out.
     */
    constructor(req: SessionRequest, data?: object | null);

    /**
     * Same as `req.sessionID` when the session was made. Read-only: assigning
     * throws a TypeError in strict mode. (Not marked so, for programs that
     * build stand-ins in tests.)
     */
    id: string;

    /** The request the session belongs to. Read-only and not enumerable. */
    req?: any;

    /** The cookie of this session, to be changed for this visitor alone. */
    cookie: Cookie;

    /**
     * Replaces `req.session` by a new, empty session with a new id and destroys
     * the stored one. Call it at login, against session fixation.
     *
     * @param callback Required. Gets the error of `store.destroy`, if any.
     *
     * @example
     * req.session.regenerate((err) => {
     *   if (err) return next(err);
     *   req.session.user = user;
     *   res.redirect('/');
     * });
     */
    regenerate(callback: (err: any) => void): this;

    /**
     * Removes the session from its request and from the store.
     * @param callback Gets the error of `store.destroy`, if any.
     */
    destroy(callback?: (err: any) => void): this;

    /**
     * Puts the stored state of this session into `req.session`, as a new object.
     * @param callback Required. Gets the store's error, or one that says the
     *   session is no longer there.
     */
    reload(callback: (err: any) => void): this;

    /** Sets `cookie.maxAge` to `cookie.originalMaxAge`. */
    resetMaxAge(): this;

    /**
     * Stores the session now. The end of the response does the same for one
     * that changed, so this is for redirects, streams and WebSockets.
     * @param callback Gets the error of `store.set`, if any.
     */
    save(callback?: (err: any) => void): this;

    /**
     * Same as `resetMaxAge()`. The store is not told: `store.touch` is called
     * by the middleware alone.
     */
    touch(): this;
  }

  /**
   * The data of a session. Programs declare their own keys on it; each is
   * optional on `req.session`, for a new session has none.
   *
   * @example
   * declare module 'express-session-rs' {
   *   interface SessionData { userId: number }
   * }
   */
  interface SessionData {
    cookie: Cookie;
  }

  /** What {@link Session} and {@link Store.createSession} ask of a request. */
  interface SessionRequest {
    sessionID: string;
    sessionStore?: Store | undefined;
    session?: any;
  }

  /**
   * Attributes of the session's cookie. Ones that npm cookie 0.7.2 refuses to
   * serialize give its TypeError to `next` when the cookie is due.
   */
  interface CookieOptions {
    /**
     * Lifetime in milliseconds. Sent as `Expires` (RFC 6265 section 4.1.2.1),
     * now plus this; `Max-Age` is never sent. Default: none, the browser drops
     * the cookie when it closes. When `expires` is given too, the one later in
     * the object wins.
     */
    maxAge?: number | undefined;

    /**
     * Separate cookie jar for each top-level site ("CHIPS",
     * draft-cutler-httpbis-partitioned-cookies). Default: `false`.
     */
    partitioned?: boolean | undefined;

    /** Which cookies a full browser evicts first (draft-west-cookie-priority-00, section 4.1). */
    priority?: 'low' | 'medium' | 'high' | undefined;

    /** Taken for compatibility; nothing reads it. Session cookies are always signed. */
    signed?: boolean | undefined;

    /**
     * Moment at which the cookie ends.
     * @deprecated A moment that all sessions share is seldom meant. Use `maxAge`.
     */
    expires?: Date | null | undefined;

    /** Hides the cookie from `document.cookie` (RFC 6265 section 4.1.2.6). Default: `true`. */
    httpOnly?: boolean | undefined;

    /**
     * URL path the cookie is for (RFC 6265 section 4.1.2.4). Default: `'/'`.
     * Requests whose original URL does not begin with it get no session. That
     * is a comparison of text: `'/admin'` lets `/administrators` in.
     */
    path?: string | undefined;

    /** Host whose subdomains get the cookie too (RFC 6265 section 4.1.2.3). Default: only the host that set it. */
    domain?: string | undefined;

    /**
     * Only over HTTPS (RFC 6265 section 4.1.2.5). On an insecure connection the
     * session is stored but no cookie sent. `'auto'`: as the connection is;
     * not resolved in the result of a `cookie` function, where it counts as
     * `true`. Default: `false`.
     */
    secure?: boolean | 'auto' | undefined;

    /** Taken for compatibility; nothing reads it. The value is always percent-encoded. */
    encode?: ((val: string) => string) | undefined;

    /**
     * Whether other sites' requests carry the cookie (RFC 6265bis, "The
     * SameSite Attribute"). `true` is `'strict'`. Default: no attribute.
     */
    sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined;
  }

  /** What `new Cookie()` takes, and what a `cookie` function returns. */
  interface CookieInit extends Omit<CookieOptions, 'maxAge'> {
    /** Milliseconds; see {@link CookieOptions.maxAge}. `null` is none. */
    maxAge?: number | null | undefined;

    /** Milliseconds that `resetMaxAge()` goes back to. Default: `maxAge`. */
    originalMaxAge?: number | null | undefined;
  }

  /** The `cookie` option as an object. */
  interface FixedCookieInit extends Omit<CookieInit, 'sameSite'> {
    /**
     * See {@link CookieOptions.sameSite}. `'auto'` is `'none'` on a secure
     * connection and `'lax'` on any other.
     */
    sameSite?: CookieOptions['sameSite'] | 'auto';
  }

  /** What the store gets of a cookie, in this order. */
  interface CookieData {
    /** Milliseconds. */
    originalMaxAge: number | null;
    partitioned?: boolean | undefined;
    priority?: 'low' | 'medium' | 'high' | undefined;
    /** A Date here; its ISO 8601 text once it has been through JSON. */
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
   * // "Remember me" for thirty days, else until the browser closes.
   * if (req.body.remember) req.session.cookie.maxAge = 30 * 24 * 60 * 60 * 1000;
   */
  class Cookie implements CookieOptions {
    /**
     * @throws {TypeError} When `options` is truthy but no object, or its
     *   `maxAge` is neither a number nor a Date.
     */
    constructor(options?: CookieInit | null);

    /** The lifetime that `touch()` starts anew, in milliseconds; `null` without one. */
    originalMaxAge: number | null;

    /**
     * Milliseconds left of `expires`. Setting it moves `expires` and rewrites
     * `originalMaxAge`.
     */
    maxAge?: number | undefined;

    signed?: boolean | undefined;

    /** End of the cookie. Setting it rewrites `originalMaxAge`. */
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
   * Part of every real Cookie. Optional in the type, since programs write
   * `{ originalMaxAge: null }` where a Cookie is asked for.
   *
   * @example
   * req.session.cookie.serialize?.('sid', value);
   */
  interface Cookie {
    /** Same as `expires`; some stores read it under this name. */
    _expires?: Date | null | undefined;

    /** The attributes that are stored, and serialized into the header. */
    readonly data?: CookieData;

    /**
     * Text of a `Set-Cookie` header (npm cookie 0.7.2). Nothing is signed.
     * @throws {TypeError} When the name or an attribute is not one of RFC 6265.
     */
    serialize?(name: string, val: string): string;

    /** Same as `data`. */
    toJSON?(): CookieData;
  }

  /** For stores written without `class`: `Store.call(this)`. */
  function Store(this: Store): void;

  /**
   * Base of all stores. One has to have `get`, `set` and `destroy`; `touch` is
   * used when it is there, the rest is for the program.
   *
   * Emit `'disconnect'` when the database goes away: requests then pass without
   * a session until `'connect'`.
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
     * Destroys the session of `req`, then gives it a new one by
     * `req.sessionStore.generate`. What `session.regenerate` calls.
     */
    regenerate(req: express.Request, callback: (err?: any) => any): void;

    /** Finds a session outside of any request. Calls back with nothing when there is none. */
    load(sid: string, callback: (err: any, session?: SessionData) => any): void;

    /**
     * Makes stored data the session of `req`. A textual `cookie.expires`
     * becomes a Date. Called for each session that `get` found.
     * @throws {TypeError} When `session` has no `cookie`.
     */
    createSession(req: SessionRequest, session: SessionData): Session & SessionData;

    /**
     * Finds the data stored for `sid`. None is no error: call back with
     * nothing, or with an error whose `code` is `'ENOENT'`.
     */
    abstract get(sid: string, callback: (err: any, session?: SessionData | null) => void): void;

    /**
     * Stores `session`, new or changed. It is the live object of a request:
     * copy it (`JSON.stringify`) before returning.
     */
    abstract set(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    /** Forgets `sid`. One that is not there is no error. */
    abstract destroy(sid: string, callback?: (err?: any) => void): void;

    /** Finds all sessions, as a list or by their ids. */
    all?(callback: (err: any, obj?: SessionData[] | { [sid: string]: SessionData } | null) => void): void;

    /** Counts the sessions. */
    length?(callback: (err: any, length?: number) => void): void;

    /** Forgets all sessions. */
    clear?(callback?: (err?: any) => void): void;

    /**
     * Moves the end of the stored session to `session.cookie.expires` and leaves
     * its data alone. Called for one that was read but not changed.
     */
    touch?(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    /**
     * As `set`, but only if there still is a session `sid`, in one step; if there is
     * none, does nothing, which is no error. The middleware, where a store has it, calls
     * it instead of `set` at the end of a response whose request had loaded the session.
     * So a slow request does not bring back a session from which somebody has logged out
     * meanwhile. (express-session 1.19.0 has no such method.)
     */
    setIfPresent?(sid: string, session: SessionData, callback?: (err?: any) => void): void;
  }

  /**
   * Options of a {@link MemoryStore}; all of them can be left out. Where npm `memorystore`
   * 1.6.8 has an option of that name, it means the same.
   */
  interface MemoryStoreOptions {
    /** The most sessions to keep, a positive integer. Beyond it, the least recently used one goes. Default: no limit. */
    max?: number | null | undefined;

    /**
     * The most bytes to use for sessions, a positive integer: their ids, JSON and cookies,
     * of which one that many have in common counts once, and about 170 bytes for each.
     * Beyond it, the least recently used one goes; a session that alone is larger is not
     * kept. Default: no limit.
     */
    maxBytes?: number | null | undefined;

    /**
     * How long a session whose cookie has no expiry lasts after its last use, in ms, or a
     * function that says so for each session when it is stored or touched. Less than
     * 60,000 warns in development, as it may be meant in seconds. Default: until it is
     * destroyed.
     */
    ttl?: number | ((options: MemoryStoreOptions, session: SessionData, sid: string) => number) | null | undefined;

    /**
     * Ms between two prunings, which free the sessions that have expired; `false` for none.
     * The timer keeps no process alive. Default: 60000.
     */
    checkPeriod?: number | false | null | undefined;

    /**
     * Called for each session that is not kept any more, in a later turn of the event loop.
     * `session` is undefined if what was stored is no JSON.
     */
    dispose?: ((sid: string, session: SessionData | undefined, reason: 'expired' | 'evicted' | 'destroyed') => void) | null | undefined;

    /**
     * The name under which all `worker_threads` of the process share one store. All must
     * give the same `max` and `maxBytes`; `dispose` cannot be used with it.
     */
    shared?: string | null | undefined;
  }

  /** What a {@link MemoryStore} holds, and what it has done since it was made. */
  interface MemoryStoreStats {
    /** Sessions, those that have expired and were not freed yet included. */
    sessions: number;
    /** Bytes, as `maxBytes` counts them. */
    bytes: number;
    /** How often a session was asked for and found. */
    hits: number;
    /** How often a session was asked for and not found. */
    misses: number;
    /** Sessions removed because they had expired. */
    expired: number;
    /** Sessions removed because of `max` or `maxBytes`. */
    evicted: number;
  }

  /**
   * Keeps sessions in the memory of one process, outside the JavaScript heap: gone with a
   * restart, unknown to other processes. Callbacks come in a later turn of the event loop.
   *
   * @example
   * // At most 256 MB of sessions, each for a day after its last use.
   * const store = new session.MemoryStore({ maxBytes: 256 * 1024 * 1024, ttl: 24 * 60 * 60 * 1000 });
   * session({ secret, store });
   */
  class MemoryStore extends Store {
    /** @throws {TypeError} naming the option that is wrong; an `Error` if a shared store of that name has other bounds */
    constructor(options?: MemoryStoreOptions & { captureRejections?: boolean | undefined });

    /**
     * JSON text of each session by its id. An object without prototype, to be read, listed
     * and deleted from; `{ ...store.sessions }` is a copy that can be cloned.
     */
    sessions: { [sid: string]: string };

    get(sid: string, callback: (err: any, session?: SessionData | null) => void): void;

    set(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    destroy(sid: string, callback?: (err?: any) => void): void;

    /**
     * Finds the sessions that have not expired, by id, in the order in which they came.
     * Parses all of them: some µs and about 1 kB for each.
     */
    all(callback: (err: any, obj?: { [sid: string]: SessionData } | null) => void): void;

    /**
     * Counts the sessions that have not expired. The number is known; only what a program
     * wrote into `sessions` itself is looked through, once, and in slices if it is much.
     * Gets an error if that is damaged.
     */
    length(callback: (err: any, length?: number) => void): void;

    clear(callback?: (err?: any) => void): void;

    touch(sid: string, session: SessionData, callback?: (err?: any) => void): void;

    /** What the store holds and has done. */
    stats(): MemoryStoreStats;

    /** Removes every session that has expired, at once. Returns how many those were. */
    prune(): number;

    /** The ids in the order in which the sessions came. As npm `memorystore` has it. */
    ids(callback: (err: any, ids?: string[]) => void): void;

    /** Prunes again each `checkPeriod`. As npm `memorystore` has it. */
    startInterval(): void;

    /** Prunes no more. As npm `memorystore` has it. */
    stopInterval(): void;
  }
}
