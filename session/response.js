'use strict';

const { OutgoingMessage } = require('node:http');
const debug = require('debug')('express-session');
const defer = require('./store/defer');
const { setHeaders, forgetBody } = require('./response/headers');

/** The stages of a response. `end` was not called, or was in vain, and an error page may follow. */
const OPEN = 0;
/** `end` was called. */
const ENDED = 1;
/** `end` was called, and the store's answer completes the response. */
const WAITING = 2;
/** `end` has sent everything. */
const SENT = 3;

/**
 * The way out: settles the cookie when the response's headers are written, and
 * the session before the last part of the body is sent.
 */
class ResponsePatch {
  /**
   * @param {import('./request')} request
   * @param {import('node:http').ServerResponse} res or anything in its place
   * @param {(error?: Error) => void} next
   */
  constructor(request, res, next) {
    this.request = request;
    this.res = res;
    this.next = next;
    // As they were before: what is done here ends with them.
    this.plainWriteHead = res.writeHead;
    this.plainWrite = res.write;
    this.plainEnd = res.end;
    this.hasHeaders = false;
    /** The session's Set-Cookie header, if the response has got one. */
    this.cookie = undefined;
    /** Writing the headers found the session unreadable, and said so. */
    this.hasThrown = false;
    this.stage = OPEN;
    /** What `end` was given and keeps until the store has answered. */
    this.rest = undefined;
    /** Callbacks of `end` that were not the one which ended the response. */
    this.others = undefined;

    const patch = this;
    this.patchedWriteHead = function writeHeadWithCookie(status, first, second) {
      return patch.writeHead(this, status, first, second);
    };
    res.writeHead = this.patchedWriteHead;
    res.end = this.end.bind(this);
  }

  /** `writeHead` of `res`, or of an object that inherits from it. */
  writeHead(res, status, first, second) {
    const message = typeof first === 'string' ? first : undefined;
    res.statusCode = status;
    // Without a message, Node.js takes headers from either place.
    const headers = message === undefined ? second ?? first : second;
    if (headers) setHeaders(res, headers);
    if (!this.hasHeaders) {
      this.hasHeaders = true;
      const { request } = this;
      let session;
      try {
        if (!request.hasFailed) session = request.sessionForCookie();
      } catch (error) {
        this.hasThrown = true;
        forgetBody(this.res);
        throw error;
      }
      if (session) this.cookie = request.addCookie(session, this.res, this.next);
    }
    return message === undefined
      ? this.plainWriteHead.call(res, status)
      : this.plainWriteHead.call(res, status, message);
  }

  end(chunk, encoding, callback) {
    // The callback may stand in any place.
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk);
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    const { request, res } = this;
    if (this.stage !== OPEN) return this.endAgain(callback);
    // Node.js throws for what is no body; an error page can follow, as no header is written yet.
    const isBody = !chunk || typeof chunk === 'string' || chunk instanceof Uint8Array;
    if (!isBody && this.plainEnd === OutgoingMessage.prototype.end) return this.send(chunk, encoding, callback);
    this.stage = ENDED;
    if (request.hasFailed || this.rest !== undefined) return this.send(chunk, encoding, callback);

    let progress;
    try {
      progress = request.settle(this);
    } catch (error) {
      request.fail();
      // Who wrote the headers was told, and this is the answer.
      if (this.hasThrown) return this.send(chunk, encoding, callback);
      this.stage = OPEN;
      this.keep(callback);
      forgetBody(res, this.cookie);
      defer(this.next, error);
      return false;
    }
    const isWaiting = this.stage === WAITING;
    // Whoever has wrapped one of them since may change the session before the headers are written.
    if (!(progress === 'done' || isWaiting) || res.writeHead !== this.patchedWriteHead) request.invalidate();
    if (isWaiting) return this.begin(chunk, encoding, callback);
    if (progress !== 'done') return this.send(chunk, encoding, callback);
    this.sendHeaders();
    const result = this.send(chunk, encoding, callback);
    const { write } = res;
    res.write = (...args) => writeLate(res, write, args);
    return result;
  }

  /**
   * For `settle`: the response waits for the store.
   * @returns {(error?: Error) => void} what the store is to call
   */
  wait() {
    this.stage = WAITING;
    return (error) => {
      if (this.stage !== WAITING) return;
      this.stage = ENDED;
      if (error) defer(this.next, error);
      // A store that answers at once is followed by the rest of `end` itself.
      if (this.rest !== undefined) this.complete();
    };
  }

  /**
   * Sends what may be sent before the store has answered, the headers at least.
   * @throws what Node.js throws; an error page may follow
   */
  begin(chunk, encoding, callback) {
    const { res } = this;
    let hasRoom = true;
    let last;
    this.sendHeaders();
    if (chunk !== undefined && chunk !== null) {
      try {
        const bytes = bytesOfKnownLength(res, chunk, encoding);
        last = bytes && bytes.subarray(-1);
        hasRoom = bytes
          ? this.plainWrite.call(res, bytes.subarray(0, -1))
          : this.plainWrite.call(res, chunk, encoding);
      } catch (refused) {
        this.stage = OPEN;
        throw refused;
      }
    }
    this.rest = { chunk: last, callback };
    // Whoever has wrapped `writeHead` may have put the headers off, and they depend on it.
    if (this.hasHeaders) this.request.dropOriginal();
    if (this.stage !== WAITING) this.complete();
    return hasRoom;
  }

  /** Sends what completes the response. */
  complete() {
    try {
      this.send(this.rest.chunk, undefined, this.rest.callback);
    } catch (refused) {
      // Whoever ended the response may be gone.
      defer(this.next, refused);
    }
  }

  /** `end`, where it was called before. */
  endAgain(callback) {
    this.keep(callback);
    if (this.stage === SENT) this.tellOthers();
    return false;
  }

  /** A callback of `end` waits for whatever ends the response. */
  keep(callback) {
    if (typeof callback === 'function') (this.others ??= []).push(callback);
  }

  /** @throws what Node.js throws for headers that it refuses; an error page may follow */
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
      this.request.invalidate();
    }
  }

  /** @throws what Node.js throws for what is no body, say; an error page may follow */
  send(chunk, encoding, callback) {
    let result;
    try {
      result = callback === undefined
        ? this.plainEnd.call(this.res, chunk, encoding)
        : this.plainEnd.call(this.res, chunk, encoding, callback);
    } catch (error) {
      this.stage = OPEN;
      throw error;
    }
    this.stage = SENT;
    if (this.others !== undefined) this.tellOthers();
    return result;
  }

  /** Node.js calls those who come too late with an error of its own. */
  tellOthers() {
    const others = this.others ?? [];
    this.others = undefined;
    for (const callback of others) this.plainEnd.call(this.res, undefined, undefined, callback);
  }
}

module.exports = ResponsePatch;

/**
 * A client that knows the length takes the response for complete at its last byte, so
 * that this byte must wait for the store. Undefined if the client does not know it.
 */
function bytesOfKnownLength(res, chunk, encoding) {
  if (!(Number(res.getHeader('Content-Length')) > 0)) return undefined;
  const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding);
  return bytes.length > 0 ? bytes : undefined;
}

/**
 * `write`, after an `end` that did not wait for the store. With the original it does wait,
 * so that a write in the same turn is heard; in Node.js, such a write is an error that ends
 * the process unless the response is closed. Here it is neither.
 */
function writeLate(res, write, args) {
  // Who has wrapped `end` may end the response later.
  if (!res.writableEnded || res.destroyed) return write.apply(res, args);
  debug('write after end: ignored');
  const callback = args.find((arg) => typeof arg === 'function');
  if (callback) process.nextTick(callback, Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' }));
  return true;
}
