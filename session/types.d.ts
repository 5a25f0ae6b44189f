/**
 * The shapes that several files of `session/` share, for the type checker alone: no program
 * loads this file.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Resident = require('./backend/resident');
import type { CookieWriter } from './cookie/serialize';

/** A request, with what Express, cookie-parser and this package put on it. */
export interface Request extends IncomingMessage {
  originalUrl?: string;
  /** Whether Express takes the connection for secure. */
  secure?: boolean;
  /** The secret that cookie-parser was given. */
  secret?: any;
  cookies?: Record<string, any>;
  signedCookies?: Record<string, any>;
  session?: any;
  sessionID?: any;
  sessionStore?: any;
}

export type Response = ServerResponse;

export type Next = (error?: any) => void;

/** The options of `session()`, checked, with their defaults, and what was made of them. */
export interface Settings {
  cookie: Record<string, any> | ((req: Request) => Record<string, any>);
  generateId: (req: Request) => string;
  name: string;
  proxy: boolean | undefined;
  resave: boolean;
  secrets: any[] | undefined;
  store: any;
  /** In ms; no time means that the store may take as long as it likes. */
  storeTimeout: number | undefined;
  clearCookie: boolean;
  /** The facts that are the same for each request: bits of the engine's. */
  facts: number;
  deprecate: (message: string) => void;
  cookieWriter: CookieWriter;
  /** Whether a new session may be made later than when its request comes. */
  canDelay: boolean;
  /** `store.generate`, as the middleware sets it. */
  generate: ((req: Request) => void) | undefined;
  /** The backend of a store of ours. */
  resident: Resident | undefined;
}
