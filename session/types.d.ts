/**
 * The shapes that several files of `session/` share. Only the type checker reads this file; no
 * program loads it.
 */
import type { CipherKey } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Url } from 'node:url';
import type publicTypes = require('../index');
import type RequestSession = require('./request');
import type { Touches } from './request/touches';
import type users = require('./store/users');
import type REQUEST_SESSION = require('./request/key');
import type ResponsePatch = require('./response');
import type Resident = require('./backend/resident');
import type EngineClass = require('./engine/engine');
import type serialize = require('./cookie/serialize');
import type times = require('./request/times');

declare global {
  interface Buffer {
    /** Returns the bytes from `start` to `end` as Latin-1 text. Node.js has it, but no type for it. */
    latin1Slice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
  }
}

/** A request, with the properties that Express, cookie-parser, parseurl and this package add. */
export interface Request extends IncomingMessage {
  /** The URL before a router took a part of it away. */
  originalUrl?: string;
  /** Whether Express takes the connection for secure. */
  secure?: boolean;
  /** The secret that cookie-parser was given. */
  secret?: CipherKey;
  cookies?: Record<string, any>;
  signedCookies?: Record<string, any>;
  /** The parsed `url`, where npm `parseurl` 1.3.3 leaves it. */
  _parsedUrl?: ParsedTarget;
  /** The parsed `originalUrl`, where npm `parseurl` 1.3.3 leaves it. */
  _parsedOriginalUrl?: ParsedTarget;
  /** Programs may assign anything, or delete it. */
  session?: Session | null;
  /** A program may assign a value of any type, so the code checks it before use. */
  sessionID?: string;
  /** The middleware assigns it. */
  sessionStore: Store;
  [REQUEST_SESSION]?: RequestSession;
}

/** What `url.parse` returns, with the text that it was made of. */
export interface ParsedTarget extends Url {
  _raw?: string;
}

/** A response, with the internals of Node.js's class that Express and others rely on, too. */
export interface Response extends ServerResponse {
  /** The header block, once it is written. */
  _header?: string | null;
  /** Writes the headers. HTTP/2 responses do not have it. */
  _implicitHeader?(): void;
}

export type Next = (error?: any) => void;

/** What `native.createSessionReader` returns. */
export type SessionReader = (header: string, now: number) => string | number;

/** The methods of what `session()` returns; index.d.ts explains them. */
export interface Outside {
  load(from?: unknown): Promise<Session | undefined>;
  create(data?: Record<string, any>): Promise<{ id: string; cookie: string; session: Session }>;
}

/** The options of `session()`; index.d.ts explains them. */
export interface Options extends Omit<Partial<publicTypes.MiddlewareOptions>, 'cookie' | 'genid' | 'skip' | 'store'> {
  cookie?: CookieOptions | ((req: Request) => CookieOptions);
  genid?: (req: Request) => string;
  skip?: (req: Request) => boolean;
  store?: Store;
}

/** The option `merge`; index.d.ts explains it. */
export type Merge = (key: string, base: any, mine: any, theirs: any) => any;

/** What `_meta` says of a session (request/times.js), in ms since the epoch. */
export interface Meta {
  /** When the session began, or was first seen. */
  created: number;
  /** When the session got its id. */
  renewed: number;
  /** The last use that is written in `_meta`. */
  seen: number;
  /** The last use: `seen`, or what the stored cookie says. */
  used: number;
  /** Whether the stored cookie has a lifetime, which began at the last touch. */
  hasLifetime: boolean;
  /** Whether the store has it; false for a session from before the option. */
  isKnown: boolean;
  /**
   * What else the stored `_meta` has, such as the version of express-session-rs/postgres: members of a
   * JSON object, whose values are strings and numbers. Empty for nothing.
   */
  others: string;
}

/** What `describe` returns of a request. */
export interface DescribeResult {
  ip?: string | null;
  userAgent?: string | null;
}

/** The options of a store that knows whose its sessions are, as the program gave them. */
export interface UserOptions {
  user?: ((session: SessionData) => string | null | undefined) | null;
  describe?: ((req: Request) => DescribeResult | null | undefined) | null;
  maxSessions?: number | null;
}

/** A session of a user, as a store has found it. */
export interface Listed {
  /** The key of the session in the store: its id, or what `hashIds` makes of it. */
  key: string;
  /** The stored `_meta`. */
  meta: { created: number; seen: number; ip?: string; agent?: string };
  /** When the store lets the session expire, in ms since the epoch; NaN for never, or if that is not known. */
  expires: number;
  /** For how long a touch prolongs the session, in ms; NaN if that is not known. */
  lifetime: number;
}

/** A session of a user, as `sessionsOf` gives it. Times are ms since the epoch. */
export interface UserSession {
  handle: string;
  created: number;
  lastSeen: number;
  current: boolean;
  ip?: string;
  userAgent?: string;
}

/** The checked options of `session()` with their defaults, and what was made of them. */
export interface Settings {
  cookie: CookieOptions | ((req: Request) => CookieOptions);
  generateId: (req: Request) => string;
  name: string;
  proxy: boolean | undefined;
  resave: boolean;
  /** The caller's own array, if the caller gave one: programs add keys to it later. */
  secrets: CipherKey[] | undefined;
  store: Store;
  /** How many ms the store may take to call back; undefined for no limit. */
  storeTimeout: number | undefined;
  /** How many ms a session that is only read is not touched again in the store; undefined if each request touches it. */
  touchAfter: number | undefined;
  /** When the sessions of the store were touched; undefined without `touchAfter`. */
  touches: InstanceType<typeof Touches> | undefined;
  clearCookie: boolean;
  /** The header Cache-Control of responses that depend on the session; undefined for none. */
  cacheControl: string | undefined;
  commit: 'end' | 'headers';
  /** In bytes. */
  commitBuffer: number;
  /** Whether a cookie that an old secret has signed is sent again. */
  resign: boolean;
  skip: ((req: Request) => boolean) | undefined;
  merge: Merge | undefined;
  /**
   * The options `idleTimeout`, `absoluteTimeout` and `renewAfter`; undefined if none is set, and the store
   * does not know whose its sessions are.
   */
  times: InstanceType<typeof times.Times> | undefined;
  /** Whose the sessions of the store are: its option `user`. */
  users: InstanceType<typeof users.Users> | undefined;
  /** `_meta` if an option keeps something there; it is no data then. */
  metaKey: string | undefined;
  /** The sum of those facts that are the same for each request (core/src/state.rs). */
  facts: number;
  deprecate: (message: string) => void;
  cookieWriter: InstanceType<typeof serialize.CookieWriter>;
  /** Whether a new session may be made later than when its request comes. */
  canDelay: boolean;
  /** The method `generate` that the middleware has given the store. */
  generate: ((req: Request) => void) | undefined;
  /** The backend of a `MemoryStore`; undefined for another store. */
  resident: Resident | undefined;
}

/** The two ways to a store: `backend/resident.js` and `backend/remote.js`. */
export interface Backend {
  /**
   * Puts the session on a request and calls `next`, which gets an error of the store or engine.
   *
   * @param header the header `Cookie`
   * @throws what the program's functions throw before the store was called
   */
  open(request: RequestSession, header: string | undefined, next: Next): void;

  /**
   * Does to the session in the store what the end of the response must do.
   *
   * @param end `END_SAVE`, `END_TOUCH` or `END_DESTROY`
   * @param session `req.session`; with `END_DESTROY` there is none
   * @param response its method `wait` is called if the response must wait
   * @returns `'waiting'` if the response must wait until the store calls back
   * @throws what the store or the engine throws before it has called back
   */
  commit(request: RequestSession, end: number, session: Session, response: ResponsePatch): 'done' | 'waiting';
}

/**
 * What the resident backend knows of a session that is asleep, and how it makes the session
 * when somebody reads `req.session`.
 */
export interface SessionSource {
  id: string;
  /** The JSON of the data, without the cookie. */
  text: string;
  /** The parsed `text`, after `session` was called and if it has kept them; else undefined. */
  data: Record<string, any> | undefined;
  /** The moment of the store (`native.storeMoment`) at which the session was loaded; NaN for a new one. */
  moment: number;
  /** What `_meta` says; undefined for a new session, and if no option needs it. */
  meta: Meta | undefined;
  /** Makes the session as it would have been made when the request came. */
  session(req: Request): Session;
}

/** The cookie of a session as it was loaded. */
export interface StoredCookie {
  /** Its `expires` does not count. */
  cookie: CookieData;
  /** In ms since the epoch, NaN for none. */
  expires: number;
}

/** What decides the cookie of a new session: see `planCookie` in request/generate.js. */
export interface CookiePlan {
  /** The attributes other than the times. */
  attributes: CookieData;
  /** The field `_expires` of the cookie, if it has no `lifetime`. */
  expires: any;
  /** The field `originalMaxAge` of the cookie, if it has no `lifetime`. */
  originalMaxAge: any;
  /** The lifetime of the cookie in ms, if it has one. */
  lifetime: number | undefined;
  /** When the lifetime starts: ms since the epoch. */
  startedAt: number;
}

/** A callback of a store's method: it gets an error, or nothing in its place and the results. */
export type Callback = (error?: any, ...results: any[]) => any;

/**
 * The attributes of a cookie, by the names in `cookie/attributes.js`. Programs may assign other
 * values than these, which `serialize` then refuses.
 */
export interface CookieData {
  /** In ms; null for a cookie that lasts until the browser is closed. */
  originalMaxAge?: number | null;
  partitioned?: boolean;
  priority?: string;
  /** The text of a date in data that was JSON. */
  expires?: Date | string | null;
  secure?: boolean | string;
  httpOnly?: boolean;
  domain?: string;
  path?: string;
  sameSite?: boolean | string;
}

/** The cookie options of `session()`, or another cookie. */
export interface CookieOptions extends CookieData {
  /** In ms. */
  maxAge?: number | Date | null;
}

/** An instance of `Cookie` (cookie/cookie.js). */
export interface Cookie extends CookieData {
  expires: Date | null | undefined;
  _expires: Date | null | undefined;
  /** In ms. */
  get maxAge(): number | null | undefined;
  set maxAge(ms: number | Date | null | undefined);
  readonly data: CookieData;
  serialize(name: string, value: string): string;
  toJSON(): CookieData;
}

/** The class of cookies, which is a plain function. */
export interface CookieClass {
  new (options?: CookieOptions | null): Cookie;
  readonly prototype: Cookie;
}

/** A session as a store keeps it. */
export interface SessionData {
  cookie: CookieData;
  [key: string]: any;
}

/** An instance of `Session` (request/session.js). */
export interface Session extends SessionData {
  readonly id: string;
  readonly req: Request;
  cookie: Cookie;
  touch(renews?: boolean): Session;
  resetMaxAge(): Session;
  save(callback?: Callback): Session | undefined | Promise<void>;
  reload(callback?: Callback): Session | undefined | Promise<void>;
  destroy(callback?: Callback): Session | Promise<void>;
  regenerate(options?: RegenerateOptions | Callback, callback?: Callback): Session | Promise<void>;
}

/** The options of `regenerate`; index.d.ts explains them. A program may pass other values. */
export interface RegenerateOptions {
  keep?: unknown;
}

/** The class of sessions, which is a plain function. */
export interface SessionClass {
  new (req: SessionRequest, data?: SessionData): Session;
  readonly prototype: Session;
}

/** A request as far as a session outside a request needs one. */
export interface SessionRequest {
  sessionID?: string;
  sessionStore?: Store;
  session?: any;
}

/** A session store: an instance of `Store` (store/store.js), or of a class of a program. */
export interface Store extends EventEmitter {
  generate(req: Request): void;
  regenerate(req: Request, callback?: Callback): void;
  load(sid: string, callback?: Callback): void;
  createSession(req: SessionRequest, data: SessionData): Session;
  get(sid: string, callback: Callback): void;
  set(sid: string, session: SessionData, callback?: Callback): void;
  destroy(sid: string, callback?: Callback): void;
  touch?(sid: string, session: SessionData, callback?: Callback): void;
  setIfPresent?(sid: string, session: SessionData, callback?: Callback): void;
  setIfUnchanged?(sid: string, session: SessionData, loaded: SessionData, callback?: Callback): void;
  all?(callback: Callback): void;
  /** What programs and packages add. */
  [name: string]: any;
}

/** The class of stores, which is a plain function. */
export interface StoreClass {
  new (): Store;
  readonly prototype: Store;
}

/** The options of a MemoryStore; index.d.ts explains them. */
export interface MemoryStoreOptions extends Omit<publicTypes.MemoryStoreOptions, 'ttl' | 'dispose' | keyof UserOptions>, UserOptions {
  ttl?: number | ((options: MemoryStoreOptions, session: SessionData, sid: string) => number) | null;
  dispose?: ((sid: string, session: SessionData | undefined, reason: RemovalReason) => void) | null;
}

/** Why a MemoryStore has removed a session. */
export type RemovalReason = 'expired' | 'evicted' | 'destroyed';

/** An instance of `MemoryStore` (store/memory-store.js). */
export interface MemoryStore extends Store {
  /** The JSON of each session, by its sid. */
  sessions: Record<string, string>;
  all(callback: Callback): void;
}

/** The class of memory stores, which is a plain function. */
export interface MemoryStoreClass {
  new (options?: MemoryStoreOptions): MemoryStore;
  readonly prototype: MemoryStore;
}

/**
 * The engine of a store of ours. That of a `MemoryStore` makes each change at once. That of a
 * `DiskStore` shows a change to readers of this store at once, and `isCommitted` says whether
 * others see it, too. If not, `flush` tells when.
 */
export interface Engine extends EngineClass {
  /** Only a memory store has it: see `MemoryEngine`. */
  defineSessions?(store: Store): void;
  /** The value of `store.sessions`, with a memory store. */
  sessions?: Record<string, string>;
  /**
   * Calls back once the last change is made for all readers, with an error if that failed. Responses
   * and the callbacks of the store's methods wait for that. It must be called in the turn of the
   * change.
   */
  flush?(callback: Callback): void;
  /**
   * Calls back when no change waits to be made, whatever has become of them. Only a disk store has it.
   */
  whenCommitted?(callback: () => void): void;
  /**
   * Calls `again` once a call of the engine may succeed that has failed because it was busy. `callback`
   * gets the error if that takes too long, and what `again` throws. Only a disk store has it.
   */
  whenFree?(again: () => void, callback?: Callback): void;
}

/** The options of a DiskStore; index.d.ts explains them. */
export interface DiskStoreOptions extends Omit<publicTypes.DiskStoreOptions, 'ttl' | 'dispose' | keyof UserOptions>, UserOptions {
  ttl?: MemoryStoreOptions['ttl'];
  dispose?: MemoryStoreOptions['dispose'];
}

/** An instance of `DiskStore` (store/disk-store.js). */
export interface DiskStore extends Store {
  all(callback?: Callback): Promise<Record<string, SessionData>> | void;
}

/** The class of disk stores, which is a plain function. */
export interface DiskStoreClass {
  new (options: DiskStoreOptions): DiskStore;
  readonly prototype: DiskStore;
}

/** What a store holds, and what it has done so far. */
export type StoreStats = publicTypes.MemoryStoreStats;
