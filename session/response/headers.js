'use strict';

/** @import { Response } from '../types' */

/**
 * Sets the headers that `writeHead` was given on the response. So a program that wraps
 * `writeHead`, and the session cookie, find all headers of the response in one place.
 *
 * @param {Response} res
 * @param {Record<string, any> | any[] | undefined} headers an object, a list of pairs, or a flat
 *   list of names and values. In a list, a name may occur several times.
 * @throws {TypeError} if a flat list has a name without a value
 * @throws what Node.js throws for invalid headers
 */
function setHeaders(res, headers) {
  if (!headers) return;
  if (!Array.isArray(headers)) {
    for (const name of Object.keys(headers)) set(res, name, headers[name]);
  } else if (Array.isArray(headers[0])) {
    setPairs(res, headers);
  } else {
    setFlat(res, headers);
  }
}

/**
 * The headers that describe a body: RFC 9110 sections 6.6.2, 8 and 14.4, RFC 9112 section 6.1;
 * for downloads RFC 6266; for checksums RFC 9530 and the fields that it replaces.
 */
const BODY_HEADERS = [
  'Content-Length', 'Content-Encoding', 'Content-Range', 'Content-Type', 'ETag', 'Last-Modified', 'Transfer-Encoding', 'Trailer',
  'Content-Disposition', 'Content-Language', 'Content-Location', 'Content-Digest', 'Repr-Digest', 'Digest', 'Content-MD5',
];

/**
 * Removes the headers that described a body from a response, because an error page is sent in
 * place of that body. Does nothing if the headers were sent.
 *
 * @param {Response} res
 * @param {string} [cookie] a Set-Cookie header that is removed, too
 */
function forgetBody(res, cookie) {
  if (res.headersSent || typeof res.removeHeader !== 'function') return;
  for (const name of BODY_HEADERS) {
    // Only a header that is there is removed: after `removeHeader('Transfer-Encoding')` Node.js
    // no longer uses that encoding by itself.
    if (res.hasHeader(name)) res.removeHeader(name);
  }
  res.addTrailers?.({});
  if (cookie === undefined) return;
  const value = res.getHeader('Set-Cookie') ?? [];
  const cookies = Array.isArray(value) ? value : [`${value}`];
  if (!cookies.includes(cookie)) return;
  if (cookies.length === 1) res.removeHeader('Set-Cookie');
  else res.setHeader('Set-Cookie', cookies.filter((other) => other !== cookie));
}

/**
 * Tells caches that a response is for one visitor: it adds `Cookie` to Vary, and sets
 * Cache-Control unless the program has set it. Does nothing if the headers were sent, or the
 * second time.
 *
 * @param {Response} res
 * @param {string} cacheControl
 */
function limitCaching(res, cacheControl) {
  if (res.headersSent) return;
  const vary = /** @type {any[]} */ ([]).concat(res.getHeader('Vary') || []).join(', ');
  const names = vary.split(',').map((name) => name.trim().toLowerCase());
  if (!names.includes('*') && !names.includes('cookie')) res.setHeader('Vary', vary ? `${vary}, Cookie` : 'Cookie');
  if (res.getHeader('Cache-Control') === undefined) res.setHeader('Cache-Control', cacheControl);
}

module.exports = { setHeaders, forgetBody, limitCaching };

// Node.js before 18.3 has no `appendHeader`. There, of several values of a name, the last one is set.

/**
 * @param {Response} res
 * @param {any[][]} headers
 */
function setPairs(res, headers) {
  const canAppend = typeof res.appendHeader === 'function';
  const names = new Set();
  for (const [name, value] of headers) {
    const key = String(name).toLowerCase();
    if (canAppend && names.has(key)) res.appendHeader(name, value);
    else set(res, name, value);
    names.add(key);
  }
}

/**
 * @param {Response} res
 * @param {any[]} headers
 * @throws {TypeError} if a name has no value
 */
function setFlat(res, headers) {
  if (headers.length % 2 !== 0) throw new TypeError('headers array is malformed');
  const canAppend = typeof res.appendHeader === 'function';
  const put = canAppend ? 'appendHeader' : 'setHeader';
  for (let i = 0; canAppend && i < headers.length; i += 2) res.removeHeader(headers[i]);
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]) res[put](headers[i], headers[i + 1]);
  }
}

/**
 * @param {Response} res
 * @param {any} name
 * @param {any} value
 */
function set(res, name, value) {
  if (name) res.setHeader(name, value);
}
