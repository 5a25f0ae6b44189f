'use strict';

/** @import { Callback, Next, Response } from '../types' */
/** @import RequestSession from '../request' */

const { ServerResponse } = require('node:http');
const ResponsePatch = require('../response');
const native = require('../native/load');
const defer = require('../store/defer');
const { setHeaders, forgetBody } = require('./headers');

/** @typedef {{ statusCode: number, statusMessage?: string }} Status */

// The phases of a response.
/** Nothing was sent, and the session is not settled. */
const BEFORE = 0;
/** The store is settling the session. What the program sends meanwhile is kept. */
const HELD = 1;
/** The session is settled, or has failed. From here on all is as with `commit: 'end'`. */
const PAST = 2;

/** The methods that throw once the headers are sent. */
const HEADER_METHODS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'];

/** Characters that Node.js refuses in a status message: RFC 9112 section 4. */
const INVALID_IN_MESSAGE = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The `ResponsePatch` of the option `commit: 'headers'`. If the session must be saved or destroyed,
 * it does that before the first byte of the response is sent, and holds the response until the
 * store has called back. If the store fails, an error page can take the place of the response.
 */
class HeldResponse extends ResponsePatch {
  /**
   * @param {RequestSession} request
   * @param {Response} res or an object with the same methods
   * @param {Next} next
   */
  constructor(request, res, next) {
    super(request, res, next);
    /** @type {number} `BEFORE`, `HELD` or `PAST`. */
    this.phase = BEFORE;
    /**
     * While the response looks as if its headers were sent: the own properties that it had instead.
     * @type {[name: string, property: PropertyDescriptor | undefined][] | undefined}
     */
    this.unguarded = undefined;
    /** Whether the store has failed, and an error page takes the place of the response. */
    this.isUndone = false;
    /**
     * What the program has sent while the response is held: functions that send it, and the
     * callbacks of the program.
     * @type {{ send: () => any, callback: any }[]}
     */
    this.kept = [];
    /** The bytes of the body that the program has sent although `write` had returned false. */
    this.keptBytes = 0;
    /** Whether `write` has returned false. */
    this.isFull = false;
    /** Whether `end` is among what is kept. */
    this.hasKeptEnd = false;
    /** @type {Status | undefined} As it was before `writeHead`. */
    this.statusBefore = undefined;
    /** What goes to `next` in the next turn, whatever the store calls back with. Until then what the program sends is dropped. */
    this.failure = undefined;
    /** @type {import('node:stream').Readable[] | undefined} The streams that are piped into the response. */
    this.sources = undefined;
    /** @type {Function} */
    this.innerFlushHeaders = res.flushHeaders;

    this.patchBody();
    if (typeof res.on === 'function') res.on('pipe', (source) => { (this.sources ??= []).push(source); });
  }

  /**
   * Settles the session, then calls the wrapped `writeHead`: at once, or when the store has called
   * back.
   *
   * @param {Response} res the response, or an object that inherits from it
   * @param {number} status
   * @param {any} first the status message or headers
   * @param {any} second headers, if `first` is a message
   * @throws what Node.js throws for an invalid status or header, and if the headers were written
   */
  writeHead(res, status, first, second) {
    // `end` has settled the session before.
    if (this.phase === BEFORE && this.hasEnded) this.phase = PAST;
    if (this.phase === PAST) return super.writeHead(res, status, first, second);
    if (this.unguarded) throw headersSent(this.res, 'writeHead');
    const before = statusOf(res);
    const message = typeof first === 'string' ? first : undefined;
    res.statusCode = status;
    setHeaders(res, message === undefined ? second ?? first : second);
    // Node.js throws for these, and the session must not be settled then.
    if (!isValidStatus(status) || INVALID_IN_MESSAGE.test(message ?? before.statusMessage ?? '')) return this.innerWriteHead.call(res, status, message);
    this.statusBefore = before;
    if (this.phase === BEFORE) this.settleEarly();
    if (this.phase === PAST) return super.writeHead(res, status, message, undefined);
    this.guard();
    this.keep(() => super.writeHead(res, status, message, undefined));
    return res;
  }

  /**
   * Puts the methods on the response that hold it or, once it is taken back, send the error page.
   * Those that were there before are called only by whoever has kept them, and are dead then.
   */
  patchBody() {
    const { res, isUndone } = this;
    /** @type {(live: Function, dead: (args: any[]) => any) => (...args: any[]) => any} */
    const method = (live, dead) => (...args) => (isUndone === this.isUndone ? live.apply(this, args) : dead(args));
    if (typeof this.innerWrite === 'function') res.write = method(this.write, (args) => !this.ignoreWrite(args));
    if (typeof this.innerFlushHeaders === 'function') res.flushHeaders = method(this.flushHeaders, () => {});
    res.end = method(this.end, (args) => this.endAgain(args.find((arg) => typeof arg === 'function')));
  }

  /**
   * @param {any} chunk
   * @param {any} [encoding] or the callback
   * @param {any} [callback]
   * @returns {boolean} false while the response is held
   * @throws what Node.js throws for an invalid chunk
   */
  write(chunk, encoding, callback) {
    if (typeof encoding === 'function') return this.write(chunk, undefined, encoding);
    const { innerWrite, res } = this;
    if (this.phase === BEFORE && isBody(chunk)) this.beginBody();
    if (this.phase !== HELD) {
      // The program may go on with the response in whose place an error page was sent.
      return this.isUndone
        ? this.writeLate(innerWrite, [chunk, encoding, callback])
        : innerWrite.call(res, chunk, encoding, callback);
    }
    if (this.hasKeptEnd) return this.ignoreWrite([callback]);
    if (!isBody(chunk)) throw invalidChunk(chunk);
    this.keepBody(() => innerWrite.call(res, chunk, encoding, callback), chunk, encoding, callback);
    return false;
  }

  /**
   * Begins the response by `writeHead`, as that of Node.js does. Others that have wrapped `writeHead` are called
   * at once: compression, which wraps `write` as well, must know what it does with the body before that comes.
   *
   * @throws what Node.js throws for an invalid status or header
   */
  flushHeaders() {
    const { innerFlushHeaders, res } = this;
    if (this.phase === BEFORE) this.sendHeaders();
    if (this.phase === HELD) this.keep(() => { innerFlushHeaders.call(res); });
    else innerFlushHeaders.call(res);
  }

  /**
   * Settles the session, then sends the headers: at once, or when the store has called back. So
   * others that have wrapped `writeHead`, as npm `on-headers` does, are called when the headers are
   * sent.
   *
   * @throws what Node.js throws for an invalid status or header
   */
  beginBody() {
    const { res } = this;
    const status = statusOf(res);
    const isValid = isValidStatus(status.statusCode) && !INVALID_IN_MESSAGE.test(status.statusMessage ?? '');
    if (isValid && !res.headersSent) this.settleEarly();
    if (this.phase !== HELD) {
      this.sendHeaders();
      return;
    }
    this.statusBefore = status;
    this.guard();
    this.keep(() => {
      Object.assign(res, status);
      this.sendHeaders();
    });
  }

  /**
   * Keeps the end of a response that is held. Otherwise it does what `ResponsePatch#end` does, which
   * settles the session if nothing was sent before.
   *
   * @param {any} [chunk] or the callback
   * @param {any} [encoding] or the callback
   * @param {Callback} [callback]
   * @returns {any} false while the response is held
   * @throws what Node.js throws for an invalid body or header
   */
  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk);
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    if (this.phase === HELD) {
      if (this.hasKeptEnd) return this.endAgain(callback);
      if (chunk && !isBody(chunk)) throw invalidChunk(chunk);
      this.hasKeptEnd = true;
      this.keepBody(() => super.end(chunk, encoding, callback), chunk, encoding, callback);
      return false;
    }
    return super.end(chunk, encoding, callback);
  }

  /** Settles the session before the headers are sent, if it must be saved or destroyed. */
  settleEarly() {
    const { request } = this;
    try {
      if (!request.hasFailed) request.settleEarly(this);
      if (this.phase === BEFORE) this.phase = PAST;
    } catch (error) {
      request.diagnostics?.failEnd(error);
      this.fail(error);
    }
  }

  /**
   * Takes the response back in a later turn.
   * @param {any} error
   */
  fail(error) {
    this.phase = HELD;
    this.failure ??= error || new Error('the session cannot be stored, for which there was no error');
    defer(() => { this.settled(error); });
  }

  /**
   * Hands the error of a call of `end` to `next`, in a later turn. What the program sends until
   * then is not the error page.
   *
   * @param {any} error
   * @param {Callback | undefined} callback of `end`
   */
  failed(error, callback) {
    if (this.phase === PAST) return super.failed(error, callback);
    this.hasKeptEnd = true;
    this.guard();
    this.keep(() => {}, callback);
    this.fail(error);
  }

  /**
   * Makes the response wait for the store. A response of which nothing was sent is held, unless the
   * store only renews the expiry of the session.
   *
   * @param {number} end one of the `END_` numbers of the addon
   * @param {boolean} isShort as in `ResponsePatch`
   * @returns {Callback} the callback for the store
   */
  hold(end, isShort) {
    const callback = super.hold(end, isShort);
    if (this.phase === PAST || end === native.END_TOUCH) {
      this.phase = PAST;
      return callback;
    }
    this.phase = HELD;
    // In a later turn, because the store may call back before it returns.
    return (error) => { defer(() => { this.settled(error); }); };
  }

  /** What was decided on the cookie of a response that is held counts, whatever the program does until it is sent. */
  letGoOn() {
    if (this.phase !== HELD) super.letGoOn();
  }

  /**
   * Sends what is kept, or takes it back if there is an error. If the client has gone, what is kept
   * is sent nevertheless: a kept `end` saves what the program has changed since.
   *
   * @param {any} error
   */
  settled(error) {
    if (this.phase !== HELD) return;
    const { kept, failure = error } = this;
    this.kept = [];
    this.reopen();
    this.unguard();
    if (failure) this.undo(failure, kept);
    else this.sendKept(kept);
  }

  /** Holds the response no longer. An error page may follow. */
  reopen() {
    super.reopen();
    this.phase = PAST;
  }

  /**
   * Sends what was kept. Errors go to `next`, because the calls of the program have returned.
   *
   * @param {{ send: () => any }[]} kept
   */
  sendKept(kept) {
    let hasRoom = true;
    try {
      for (const { send } of kept) hasRoom = send() !== false;
    } catch (error) {
      defer(this.next, error);
      return;
    }
    if (this.isFull && hasRoom && !this.hasKeptEnd) this.res.emit('drain');
  }

  /**
   * Makes the response what it was before the program sent anything, and calls `next`. Headers
   * stay, except for those of the body.
   *
   * @param {any} error
   * @param {{ callback: any }[]} kept
   */
  undo(error, kept) {
    const { res, sources = [] } = this;
    this.isUndone = true;
    this.request.fail();
    this.isHeadWritten = false;
    if (this.statusBefore) Object.assign(res, this.statusBefore);
    forgetBody(res, this.cookie);
    this.passWrappers();
    for (const source of sources) source.unpipe(res);
    for (const { callback } of kept) this.keepCallback(callback);
    this.next(error);
  }

  /**
   * Keeps the end of a response that was not begun: `ResponsePatch#end` calls this when the
   * response waits for the store.
   *
   * @param {any} chunk
   * @param {BufferEncoding | undefined} encoding
   * @param {Callback | undefined} callback
   */
  sendFirstPart(chunk, encoding, callback) {
    if (this.phase !== HELD) return super.sendFirstPart(chunk, encoding, callback);
    const { res } = this;
    const status = statusOf(res);
    this.hasKeptEnd = true;
    this.guard();
    this.keep(() => {
      Object.assign(res, status);
      this.sendHeaders();
      return this.send(chunk, encoding, callback);
    }, callback);
    return false;
  }

  /**
   * @param {() => any} send
   * @param {any} [callback] of the program
   */
  keep(send, callback) {
    this.kept.push({ send, callback });
  }

  /**
   * Keeps a part of the body. What comes after `write` has returned false is limited by the option
   * `commitBuffer`: beyond it the response is taken back.
   *
   * @param {() => any} send
   * @param {any} chunk
   * @param {BufferEncoding | undefined} encoding
   * @param {any} callback
   */
  keepBody(send, chunk, encoding, callback) {
    const { commitBuffer } = this.request.settings;
    if (this.isFull && chunk) this.keptBytes += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length;
    this.isFull = true;
    if (this.keptBytes > commitBuffer && !this.failure) this.fail(new CommitBufferError(commitBuffer));
    this.keep(this.failure ? () => {} : send, callback);
  }

  /** Makes the response look as if its headers were sent. */
  guard() {
    const res = /** @type {any} */ (this.res);
    /** @type {Record<string, PropertyDescriptor>} */
    const guards = {
      headersSent: { value: true },
      writableNeedDrain: { get: () => this.isFull },
      _implicitHeader: { value: () => {} },
    };
    for (const name of HEADER_METHODS) guards[name] = { value: () => { throw headersSent(res, name); }, writable: true };
    this.unguarded = [];
    for (const [name, guard] of Object.entries(guards)) {
      if (!(name in res)) continue;
      this.unguarded.push([name, Object.getOwnPropertyDescriptor(res, name)]);
      Object.defineProperty(res, name, { ...guard, configurable: true });
    }
  }

  /** Takes back what `guard` has done. */
  unguard() {
    for (const [name, property] of this.unguarded ?? []) {
      if (property) Object.defineProperty(this.res, name, property);
      else delete (/** @type {any} */ (this.res))[name];
    }
    this.unguarded = undefined;
  }
}

module.exports = HeldResponse;

/**
 * Returns the status of a response. HTTP/2 has no status message, and warns of who reads one.
 *
 * @param {Response} res
 * @returns {Status}
 */
function statusOf(res) {
  const { statusCode } = res;
  return isHTTP2(res) ? { statusCode } : { statusCode, statusMessage: res.statusMessage };
}

/** @param {Response} res */
function isHTTP2(res) {
  return /** @type {any} */ (res).stream !== undefined;
}

/** @param {number} status */
function isValidStatus(status) {
  // As Node.js converts it.
  const code = status | 0;
  return code >= 100 && code <= 999;
}

/** @param {any} chunk */
function isBody(chunk) {
  return typeof chunk === 'string' || chunk instanceof Uint8Array;
}

/**
 * Returns the error that Node.js throws for a chunk that is neither a string nor bytes.
 * @param {any} chunk
 */
function invalidChunk(chunk) {
  return thrownBy(() => new ServerResponse(/** @type {any} */ ({ method: 'GET' })).write(chunk));
}

/**
 * Returns the error that Node.js throws for a method that is called after the headers were sent.
 *
 * @param {Response} res
 * @param {string} method
 */
function headersSent(res, method) {
  if (isHTTP2(res)) return Object.assign(new Error('Response has already been initiated'), { code: 'ERR_HTTP2_HEADERS_SENT' });
  const sent = /** @type {any} */ (new ServerResponse(/** @type {any} */ ({ method: 'GET' })));
  // Node.js 18 takes a second `writeHead`, unless a header was set, as that of the cookie mostly is.
  sent.setHeader('a', 'b');
  sent.writeHead(200);
  return thrownBy(() => (method === 'writeHead' ? sent.writeHead(200) : sent[method]('a', 'b')));
}

/** @param {() => any} call */
function thrownBy(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  return new Error('Node.js has thrown no error');
}

/** The program has sent more than the option `commitBuffer` allows while the response was held. */
class CommitBufferError extends Error {
  /** @param {number} bytes */
  constructor(bytes) {
    super(`the response was longer than ${bytes} bytes (option commitBuffer) before the session was stored`);
    this.name = 'CommitBufferError';
    this.code = 'ERR_SESSION_COMMIT_BUFFER';
  }
}
