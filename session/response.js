'use strict';

/** @import { Callback, Next, Response } from './types' */
/** @import RequestSession from './request' */

const { OutgoingMessage } = require('node:http');
const debug = require('debug')('express-session');
const defer = require('./store/defer');
const { setHeaders, forgetBody, limitCaching } = require('./response/headers');

// The stages of a response.
/** `end` was not called, or it has thrown. In that case an error page may follow. */
const OPEN = 0;
/** `end` was called. */
const ENDED = 1;
/** `end` was called, and the rest of the response is sent when the store has called back. */
const WAITING = 2;
/** `end` has sent the whole response. */
const SENT = 3;

/**
 * Wraps the methods `writeHead` and `end` of a response: it adds the session cookie before the
 * headers are sent, and settles the session before the last part of the body is sent.
 */
class ResponsePatch {
  /**
   * @param {RequestSession} request
   * @param {Response} res or an object with the same methods
   * @param {Next} next
   */
  constructor(request, res, next) {
    this.request = request;
    this.res = res;
    this.next = next;
    // The methods that are wrapped, or called in their place. Another package may have wrapped
    // them before.
    /** @type {Function} */
    this.innerWriteHead = res.writeHead;
    /** @type {Function} */
    this.innerWrite = res.write;
    /** @type {Function} */
    this.innerEnd = res.end;
    /** @type {Function} `res.on`, which compression replaces. */
    this.innerOn = res.on;
    /** Whether `writeHead` was called. */
    this.isHeadWritten = false;
    /** @type {string | undefined} The Set-Cookie header of the session, if the response has got one. */
    this.cookie = undefined;
    /** Whether `writeHead` has thrown an error, because the session could not be read. */
    this.hasThrown = false;
    /** @type {number} `OPEN`, `ENDED`, `WAITING` or `SENT`. */
    this.stage = OPEN;
    /**
     * The part of `end` that must wait for the store: the last byte of the body, if the client
     * knows the length of the body, or all of it if the response waits shortly; and the callback.
     * @type {{ chunk: any, encoding: BufferEncoding | undefined, callback: Callback | undefined } | undefined}
     */
    this.lastPart = undefined;
    /** Whether the response is expected to wait for a moment only, so that its body is sent in one piece. */
    this.waitsShortly = false;
    /**
     * The callbacks of calls of `end` that did not end the response: it had ended before, or they
     * have failed.
     * @type {Callback[] | undefined}
     */
    this.extraCallbacks = undefined;

    const patch = this;
    /**
     * @this {Response}
     * @param {number} status
     * @param {any} [first]
     * @param {any} [second]
     */
    this.patchedWriteHead = function writeHeadWithCookie(status, first, second) {
      return patch.writeHead(this, status, first, second);
    };
    res.writeHead = this.patchedWriteHead;
    res.end = this.end.bind(this);
  }

  /** Whether `end` was called, and has not failed. */
  get hasEnded() {
    return this.stage !== OPEN;
  }

  /**
   * Adds the session cookie at the first call, then calls the wrapped `writeHead`.
   *
   * @param {Response} res the response, or an object that inherits from it
   * @param {number} status
   * @param {any} first the status message or headers
   * @param {any} second headers, if `first` is a message; Node.js also accepts them without one
   * @throws what the session's cookie throws, and what Node.js throws for invalid headers
   */
  writeHead(res, status, first, second) {
    const message = typeof first === 'string' ? first : undefined;
    res.statusCode = status;
    const headers = message === undefined ? second ?? first : second;
    if (headers) setHeaders(res, headers);
    if (!this.isHeadWritten) {
      this.isHeadWritten = true;
      const { request } = this;
      let session;
      try {
        if (!request.hasFailed) session = request.sessionForCookie();
      } catch (error) {
        this.hasThrown = true;
        this.takeBack();
        throw error;
      }
      if (session) this.cookie = request.addCookie(session, this.res, this.next);
    }
    // An error page may follow a `writeHead` that has thrown, and is limited as well.
    const { settings: { cacheControl } } = this.request;
    if (cacheControl && (this.cookie !== undefined || this.request.mayShow(this.stage !== OPEN))) limitCaching(this.res, cacheControl);
    return message === undefined
      ? this.innerWriteHead.call(res, status)
      : this.innerWriteHead.call(res, status, message);
  }

  /**
   * Settles the session, then ends the response, or lets it wait until the store has called back.
   *
   * @param {any} [chunk] or the callback
   * @param {any} [encoding] or the callback
   * @param {Callback} [callback]
   * @returns {any} what the wrapped `end` returns; while the response waits, whether the client
   *   can take more, as `write` does; false for a call that does not end the response
   * @throws what Node.js throws for an invalid body or header; an error page may follow
   */
  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk);
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    const { request, res } = this;
    if (this.stage !== OPEN) return this.endAgain(callback);
    // Node.js throws for an invalid body. That must happen before the headers are sent and the
    // session is stored, so that an error page can follow.
    const isBody = !chunk || typeof chunk === 'string' || chunk instanceof Uint8Array;
    if (!isBody && this.innerEnd === OutgoingMessage.prototype.end) return this.send(chunk, encoding, callback);
    this.stage = ENDED;
    if (request.hasFailed || this.lastPart !== undefined) return this.send(chunk, encoding, callback);

    let progress;
    try {
      progress = request.settle(this);
    } catch (error) {
      request.diagnostics?.failEnd(error);
      request.fail();
      // `writeHead` has thrown the error to its caller before, and what that one sends now is
      // the error page.
      if (this.hasThrown) return this.send(chunk, encoding, callback);
      this.failed(error, callback);
      return false;
    }
    const isWaiting = this.stage === WAITING;
    // If another package has wrapped `writeHead` since, it may still change the session. So what
    // is known of the session no longer counts. Nor does it if a store has answered at once, which may
    // have changed the session; but what the option `merge` changes then is known.
    const isKnown = progress === 'done' || isWaiting || request.settings.merge !== undefined;
    if (!isKnown || res.writeHead !== this.patchedWriteHead) request.invalidate();
    if (isWaiting) return this.sendFirstPart(chunk, encoding, callback);
    if (progress !== 'done') return this.send(chunk, encoding, callback);
    this.sendHeaders();
    const result = this.send(chunk, encoding, callback);
    const { write } = res;
    res.write = (...args) => this.writeLate(write, args);
    return result;
  }

  /**
   * Makes the response wait for the store. `RequestSession#settle` calls this.
   *
   * @param {number} end what the store does: one of the `END_` numbers of the addon
   * @param {boolean} [isShort] whether the store is expected to call back when this turn of the
   *   event loop ends
   * @returns {Callback} the callback for the store
   */
  wait(end, isShort = false) {
    const callback = this.hold(end, isShort);
    return this.request.diagnostics?.hearingEnd(callback) ?? callback;
  }

  /**
   * Does what `wait` says.
   *
   * @param {number} _end
   * @param {boolean} isShort
   * @returns {Callback}
   */
  hold(_end, isShort) {
    this.stage = WAITING;
    this.waitsShortly = isShort;
    return (error) => {
      if (error) this.request.touches?.takeBack();
      if (this.stage !== WAITING) return;
      this.stage = ENDED;
      if (error) defer(this.next, error);
      // If the store calls back before it returns, `sendFirstPart` completes the response.
      if (this.lastPart !== undefined) this.complete();
    };
  }

  /**
   * Hands the error of a call of `end` to `next`, in a later turn.
   *
   * @param {any} error
   * @param {Callback | undefined} callback of `end`
   */
  failed(error, callback) {
    this.reopen();
    this.keepCallback(callback);
    this.takeBack();
    defer(this.next, error);
  }

  /** Lets an error page follow a call of `end` that has failed. */
  reopen() {
    this.stage = OPEN;
  }

  /** Makes the response ready for an error page, unless its headers were sent. */
  takeBack() {
    const { res } = this;
    const isEncoded = !res.headersSent && res.hasHeader?.('Content-Encoding');
    forgetBody(res, this.cookie);
    if (isEncoded) this.passWrappers();
  }

  /**
   * Lets the error page go past the packages that have wrapped `write` and `end` since: one that
   * encodes the body, such as compression, has begun with the body that is not sent.
   */
  passWrappers() {
    this.patchBody();
    /** @type {any} */ (this.res).on = this.innerOn;
  }

  /** Puts the methods on the response that send an error page. */
  patchBody() {
    const res = /** @type {any} */ (this.res);
    res.write = this.innerWrite;
    res.end = this.end.bind(this);
  }

  /**
   * Sends the headers, and as much of the body as may be sent before the store has called back.
   *
   * @param {any} chunk
   * @param {BufferEncoding | undefined} encoding
   * @param {Callback | undefined} callback
   * @returns {boolean} whether the client can take more, as `write` does
   * @throws what Node.js throws for an invalid body or header; an error page may follow
   */
  sendFirstPart(chunk, encoding, callback) {
    const { res } = this;
    let hasRoom = true;
    let last;
    this.sendHeaders();
    if (this.waitsShortly && (encoding === undefined || Buffer.isEncoding(encoding))) {
      last = chunk;
    } else if (chunk !== undefined && chunk !== null) {
      try {
        const bytes = bytesOfKnownLength(res, chunk, encoding);
        last = bytes && bytes.subarray(-1);
        hasRoom = bytes
          ? this.innerWrite.call(res, bytes.subarray(0, -1))
          : this.innerWrite.call(res, chunk, encoding);
      } catch (refused) {
        this.stage = OPEN;
        throw refused;
      }
    }
    this.lastPart = { chunk: last, encoding, callback };
    // If another package has wrapped `writeHead` and calls it later, the cookie is yet to come,
    // which depends on the original session.
    if (this.isHeadWritten) this.request.dropOriginal();
    if (this.stage !== WAITING) this.complete();
    return hasRoom;
  }

  /** Sends the last part of the response. Its errors go to `next`, because the caller of `end` has returned. */
  complete() {
    try {
      this.send(this.lastPart?.chunk, this.lastPart?.encoding, this.lastPart?.callback);
    } catch (refused) {
      defer(this.next, refused);
    }
  }

  /**
   * Takes a call of `end` after the first one, which ends nothing.
   *
   * @param {Callback | undefined} callback
   */
  endAgain(callback) {
    this.keepCallback(callback);
    if (this.stage === SENT) this.callExtra();
    return false;
  }

  /**
   * Stands in for `write` after an `end` that did not wait for the store. In express-session
   * 1.19.0 `end` waits, so a `write` in the same turn of the event loop is sent. Here it is ignored.
   *
   * @param {Function} write
   * @param {any[]} args
   */
  writeLate(write, args) {
    const { res } = this;
    // Another package that has wrapped `end` may end the response later.
    return !res.writableEnded || res.destroyed ? write.apply(res, args) : this.ignoreWrite(args);
  }

  /**
   * Ignores a `write` after `end`. In Node.js it is an error, which ends the process unless the
   * response is closed. Here its callback gets the error.
   *
   * @param {any[]} args of `write`
   * @returns {true}
   */
  ignoreWrite(args) {
    debug('write after end: ignored');
    const callback = args.find((arg) => typeof arg === 'function');
    if (callback) process.nextTick(callback, Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' }));
    return true;
  }

  /**
   * Keeps the callback of a call that did not end the response until another call has ended it.
   *
   * @param {Callback | undefined} callback a program may pass a value of another type
   */
  keepCallback(callback) {
    if (typeof callback === 'function') (this.extraCallbacks ??= []).push(callback);
  }

  /** @throws what Node.js throws for invalid headers; an error page may follow */
  sendHeaders() {
    const { res } = this;
    try {
      if (res._header || res.headersSent) return;
      if (typeof res._implicitHeader === 'function') res._implicitHeader();
      // HTTP/2 responses have no such method.
      else res.writeHead(res.statusCode);
    } catch (error) {
      this.stage = OPEN;
      throw error;
    } finally {
      this.letGoOn();
    }
  }

  /** Drops what is known of the session, because the program goes on. */
  letGoOn() {
    this.request.invalidate();
  }

  /**
   * Calls the wrapped `end`.
   *
   * @param {any} chunk
   * @param {BufferEncoding | undefined} encoding
   * @param {Callback | undefined} callback
   * @throws what Node.js throws for an invalid body or header; an error page may follow
   */
  send(chunk, encoding, callback) {
    let result;
    try {
      result = callback === undefined
        ? this.innerEnd.call(this.res, chunk, encoding)
        : this.innerEnd.call(this.res, chunk, encoding, callback);
    } catch (error) {
      this.stage = OPEN;
      throw error;
    }
    this.stage = SENT;
    if (this.extraCallbacks !== undefined) this.callExtra();
    return result;
  }

  /** Hands the extra callbacks to Node.js, which calls them with an error if the response has finished. */
  callExtra() {
    const callbacks = this.extraCallbacks ?? [];
    this.extraCallbacks = undefined;
    for (const callback of callbacks) this.innerEnd.call(this.res, undefined, undefined, callback);
  }
}

module.exports = ResponsePatch;

/**
 * Returns the bytes of the last chunk of a body whose length the client knows. Such a client
 * takes the response for complete when the last byte comes, so that byte must wait for the store.
 *
 * @param {Response} res
 * @param {any} chunk
 * @param {BufferEncoding | undefined} encoding
 * @returns {Buffer | undefined} undefined if the client does not know the length, or the chunk is empty
 */
function bytesOfKnownLength(res, chunk, encoding) {
  if (!(Number(res.getHeader('Content-Length')) > 0)) return undefined;
  const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding);
  return bytes.length > 0 ? bytes : undefined;
}
