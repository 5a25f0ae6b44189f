'use strict';

const { OutgoingMessage } = require('node:http');
const debug = require('debug')('express-session');
const defer = require('./defer');
const isSecure = require('./secure');
const setHeaders = require('./headers');
const { seal } = require('./serialize');

/**
 * The way out: settles the cookie when the response's headers are written, and
 * the session before the last part of the body is sent.
 *
 * @param {import('./exchange')} exchange
 * @param {import('node:http').ServerResponse} res or anything in its place
 * @param {(error?: Error) => void} next
 */
function patch(exchange, res, next) {
  const out = new WayOut(exchange, res, next);
  res.writeHead = function writeHeadWithCookie(status, first, second) {
    return out.writeHead(this, status, first, second);
  };
  res.end = function endWithSession(chunk, encoding, callback) {
    return out.end(chunk, encoding, callback);
  };
}

module.exports = patch;

class WayOut {
  constructor(exchange, res, next) {
    this.exchange = exchange;
    this.res = res;
    this.next = next;
    // As they were before: what is done here ends with them.
    this.plainWriteHead = res.writeHead;
    this.plainWrite = res.write;
    this.plainEnd = res.end;
    this.hasHeaders = false;
    this.hasEnded = false;
    this.isSent = false;
    /** Writing the headers found the session unreadable, and said so. */
    this.hasThrown = false;
    /** Callbacks of `end` that were not the one which ended the response. */
    this.others = undefined;
  }

  /** `writeHead` of `res`, or of an object that inherits from it. */
  writeHead(res, status, first, second) {
    const message = typeof first === 'string' ? first : undefined;
    res.statusCode = status;
    setHeaders(res, message === undefined ? first : second);
    if (!this.hasHeaders) {
      this.hasHeaders = true;
      if (!this.exchange.hasFailed) this.settleCookie();
    }
    return message === undefined
      ? this.plainWriteHead.call(res, status)
      : this.plainWriteHead.call(res, status, message);
  }

  settleCookie() {
    let isDue;
    try {
      isDue = this.exchange.setsCookie();
    } catch (error) {
      this.hasThrown = true;
      throw error;
    }
    if (isDue) addCookie(this.exchange, this.res, this.next);
  }

  end(chunk, encoding, callback) {
    // The callback may stand in any place.
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk);
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    const { exchange, res } = this;
    if (this.hasEnded) return this.endAgain(callback);
    // Node.js throws; an error page can follow, as no header is written yet.
    if (isNoBody(chunk) && this.plainEnd === OutgoingMessage.prototype.end) return this.send(chunk, encoding, callback);
    this.hasEnded = true;
    if (exchange.hasFailed) return this.send(chunk, encoding, callback);

    let waiting;
    let progress;
    try {
      progress = exchange.settle({
        wait: () => {
          waiting = new Waiting(this, chunk, encoding, callback);
          return (error) => waiting.release(error);
        },
      });
    } catch (error) {
      // The store may still call back, but that is no answer any more.
      if (waiting !== undefined) waiting.isReleased = true;
      exchange.hasFailed = true;
      // Who wrote the headers was told, and this is the answer.
      if (this.hasThrown) return this.send(chunk, encoding, callback);
      this.hasEnded = false;
      this.keep(callback);
      defer(this.next, error);
      return false;
    }
    if (progress === 'nothing') return this.send(chunk, encoding, callback);
    if (progress === 'waiting') return waiting.isReleased ? waiting.returned : waiting.begin();

    this.sendHeaders();
    this.send(chunk, encoding, callback);
    return chunk === undefined || chunk === null || !(res.socket && res.socket.writableNeedDrain);
  }

  /** `end`, where it was called before. */
  endAgain(callback) {
    this.keep(callback);
    if (this.isSent) this.tellOthers();
    return false;
  }

  /** A callback of `end` waits for whatever ends the response. */
  keep(callback) {
    if (typeof callback === 'function') (this.others ??= []).push(callback);
  }

  /** @throws what Node.js throws for headers that it refuses; an error page may follow */
  sendHeaders() {
    try {
      writeHeaders(this.res);
    } catch (error) {
      this.hasEnded = false;
      throw error;
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
      this.hasEnded = false;
      throw error;
    }
    this.isSent = true;
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

/** What `end` was given, while the store has not answered. */
class Waiting {
  constructor(out, chunk, encoding, callback) {
    this.out = out;
    this.held = { chunk, encoding };
    this.callback = callback;
    this.isReleased = false;
    this.returned = undefined;
  }

  /** Sends what completes the response. */
  release(error) {
    if (this.isReleased) return;
    this.isReleased = true;
    const { out, held } = this;
    if (error) defer(out.next, error);
    try {
      this.returned = out.send(held.chunk, held.encoding, this.callback);
    } catch (refused) {
      // Whoever ended the response may be gone.
      defer(out.next, refused);
    }
  }

  /**
   * Sends what may be sent before the store has answered, the headers at least.
   * @throws what Node.js throws; an error page may follow
   */
  begin() {
    const { out, held } = this;
    try {
      writeHeaders(out.res);
      this.held = withoutLast(out.res, held.chunk, held.encoding);
      const { first, firstEncoding } = this.held;
      return first === undefined ? true : out.plainWrite.call(out.res, first, firstEncoding);
    } catch (refused) {
      // The store's answer completes nothing now.
      this.isReleased = true;
      out.hasEnded = false;
      throw refused;
    }
  }
}

function addCookie(exchange, res, next) {
  const { req, options, keyring } = exchange;
  const { session } = req;
  if (session.cookie.secure && !isSecure(req, options.proxy)) {
    debug('cookie withheld: the connection is not secure');
    return;
  }
  exchange.touch();
  try {
    const header = seal(options.name, req.sessionID, keyring, session.cookie.data);
    const others = res.getHeader('Set-Cookie');
    res.setHeader('Set-Cookie', others ? [].concat(others, header) : [header]);
    debug('cookie set');
  } catch (error) {
    defer(next, error);
  }
}

/** What Node.js refuses to send. What is falsy it passes over. */
function isNoBody(chunk) {
  return chunk && typeof chunk !== 'string' && !(chunk instanceof Uint8Array);
}

function writeHeaders(res) {
  if (res._header || res.headersSent) return;
  if (typeof res._implicitHeader === 'function') {
    res._implicitHeader();
  } else {
    // HTTP/2 responses have no such method.
    res.writeHead(res.statusCode);
  }
}

/**
 * Splits what `end` was given into a first part, which may be sent before the
 * store has answered, and the part that completes the response.
 */
function withoutLast(res, chunk, encoding) {
  if (chunk === undefined || chunk === null) return { chunk, encoding };
  if (Number(res.getHeader('Content-Length')) > 0) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding);
    // A client that knows the length takes the response for complete at its last
    // byte, so that byte waits.
    if (bytes.length > 0) return { first: bytes.subarray(0, -1), chunk: bytes.subarray(-1) };
  }
  return { first: chunk, firstEncoding: encoding };
}
