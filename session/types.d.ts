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
import type REQUEST_SESSION = require('./request/key');
import type ResponsePatch = require('./response');
import type Resident = require('./backend/resident');
import type { CookieWriter } from './cookie/serialize';

declare global {
  interface Buffer {
    /** Returns the bytes from `start` to `end` as Latin-1 text. Node.js has it, but no type for it. */
    latin1Slice(start?: number, end?: number): string;
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
  sessionStore?: Store;
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

/** The callback of a method of a store or a session. */
export type Callback = (error?: any, ...results: any[]) => any;

/** A session. The data are its own enumerable keys other than `cookie`. */
export interface Session extends publicTypes.Session {
  cookie: Cookie;
  req?: Request;
  /** Sessions have no such method, but a program may add one. */
  toJSON?(): any;
}

export interface Cookie extends publicTypes.Cookie {
  _expires?: any;
  readonly data?: CookieData;
  serialize?(name: string, value: string): string;
  toJSON?(): CookieData;
}

/** The attributes of a cookie. A program may put any value into them. */
export type CookieData = Record<string, any>;

/** What a store keeps of a session: its data and the data of its cookie. */
export interface SessionData {
  cookie: CookieData;
  [key: string]: any;
}

/** A store, as the middleware uses it. */
export interface Store extends EventEmitter {
  get(sid: string, callback: Callback): any;
  set(sid: string, session: Session, callback?: Callback): any;
  destroy(sid: string, callback?: Callback): any;
  touch?(sid: string, session: Session, callback?: Callback): any;
  setIfPresent?(sid: string, session: Session, callback?: Callback): any;
  createSession(req: Request, data: SessionData): Session;
  /** Puts a new session on a request. The middleware assigns this method. */
  generate(req: Request): void;
}

export type CookieOptions = Record<string, any>;

/** The options of `session()`; index.d.ts explains them. */
export interface Options extends Omit<Partial<publicTypes.MiddlewareOptions>, 'cookie' | 'genid' | 'store'> {
  cookie?: CookieOptions | ((req: Request) => CookieOptions);
  genid?: (req: Request) => string;
  store?: Store;
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
  clearCookie: boolean;
  /** The sum of those facts that are the same for each request (core/src/state.rs). */
  facts: number;
  deprecate: (message: string) => void;
  cookieWriter: CookieWriter;
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
   * @param session `req.session`; it is null or undefined with `END_DESTROY`
   * @param response its method `wait` is called if the response must wait
   * @returns `'waiting'` if the response must wait until the store calls back
   * @throws what the store or the engine throws before it has called back
   */
  commit(request: RequestSession, end: number, session: any, response: ResponsePatch): 'done' | 'waiting';
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
  data: object | undefined;
  /** The moment of the store (`native.storeMoment`) at which the session was loaded; NaN for a new one. */
  moment: number;
  /** Makes the session as it would have been made when the request came. */
  session(req: Request): Session;
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
