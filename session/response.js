'use strict';

const debug = require('debug')('express-session');
const isSecure = require('./secure');
const setHeaders = require('./headers');
const { seal } = require('./serialize');

// Taken once: a program's fake timers must not hold an error back.
const defer = setImmediate;

/**
 * The way out: settles the cookie when the response's headers are written, and
 * the session before the last part of the body is sent.
 *
 * @param {import('./exchange')} exchange
 * @param {import('node:http').ServerResponse} res or anything in its place
 * @param {(error?: Error) => void} next
 */
function patch(exchange, res, next) {
  const { writeHead, write, end } = res;
  let hasHeaders = false;
  let hasEnded = false;
  /** Writing the headers found the session unreadable, and said so. */
  let hasThrown = false;

  res.writeHead = function writeHeadWithCookie(status, first, second) {
    const message = typeof first === 'string' ? first : undefined;
    this.statusCode = status;
    setHeaders(this, message === undefined ? first : second);
    if (!hasHeaders) {
      hasHeaders = true;
      if (!exchange.hasFailed) settleCookie();
    }
    return message === undefined
      ? writeHead.call(this, status)
      : writeHead.call(this, status, message);
  };

  res.end = function endWithSession(chunk, encoding, callback) {
    // The callback may stand in any place.
    if (typeof chunk === 'function') [chunk, encoding, callback] = [undefined, undefined, chunk];
    if (typeof encoding === 'function') [encoding, callback] = [undefined, encoding];
    if (hasEnded) return false;
    hasEnded = true;
    if (exchange.hasFailed) return send(chunk, encoding, callback);

    let isReleased = false;
    let held = { chunk, encoding };
    let returned;
    function release(error) {
      if (isReleased) return;
      isReleased = true;
      if (error) defer(next, error);
      returned = send(held.chunk, held.encoding, callback);
    }

    let progress;
    try {
      progress = exchange.settle(release);
    } catch (error) {
      if (isReleased) {
        defer(next, error);
        return returned;
      }
      exchange.hasFailed = true;
      // Who wrote the headers was told, and this is the answer.
      if (hasThrown) return send(chunk, encoding, callback);
      hasEnded = false;
      defer(next, error);
      return false;
    }
    if (progress === 'nothing') return send(chunk, encoding, callback);
    if (isReleased) return returned;

    writeHeaders(res);
    if (progress === 'done') {
      send(chunk, encoding, callback);
      return chunk === undefined || chunk === null || !(res.socket && res.socket.writableNeedDrain);
    }
    held = withoutLast(res, chunk, encoding);
    return held.first === undefined ? true : write.call(res, held.first, held.firstEncoding);
  };

  function send(chunk, encoding, callback) {
    return callback === undefined
      ? end.call(res, chunk, encoding)
      : end.call(res, chunk, encoding, callback);
  }

  function settleCookie() {
    let isDue;
    try {
      isDue = exchange.setsCookie();
    } catch (error) {
      hasThrown = true;
      throw error;
    }
    if (isDue) addCookie(exchange, res, next);
  }
}

module.exports = patch;

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
