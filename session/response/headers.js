'use strict';

/**
 * Puts the headers that `writeHead` was given on the response, so that whoever
 * acts before they are sent finds all of them in one place.
 *
 * @param {import('node:http').ServerResponse} res
 * @param {object | Array | undefined} headers an object, or a list of pairs or a flat
 *   list of names and values, in which a name may stand several times
 * @throws {TypeError} if a flat list has a name without a value
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
 * What describes a body: RFC 9110 sections 6.6.2, 8 and 14.4, RFC 9112 section 6.1, and
 * what downloads and checksums add: RFC 6266, RFC 9530 and the fields it replaces.
 */
const OF_BODY = [
  'Content-Length', 'Content-Encoding', 'Content-Range', 'Content-Type', 'ETag', 'Last-Modified', 'Transfer-Encoding', 'Trailer',
  'Content-Disposition', 'Content-Language', 'Content-Location', 'Content-Digest', 'Repr-Digest', 'Digest', 'Content-MD5',
];

/**
 * Takes from a response what described a body that is not sent, as something else will
 * be. Does nothing if the headers have left.
 *
 * @param {import('node:http').ServerResponse} res
 * @param {string} [cookie] a Set-Cookie header that goes as well
 */
function forgetBody(res, cookie) {
  if (res.headersSent || typeof res.removeHeader !== 'function') return;
  for (const name of OF_BODY) {
    // Node.js frames no body whose Transfer-Encoding was removed, were it there or not.
    if (res.hasHeader(name)) res.removeHeader(name);
  }
  res.addTrailers?.({});
  const cookies = cookie === undefined ? [] : [].concat(res.getHeader('Set-Cookie') ?? []);
  if (!cookies.includes(cookie)) return;
  if (cookies.length === 1) res.removeHeader('Set-Cookie');
  else res.setHeader('Set-Cookie', cookies.filter((other) => other !== cookie));
}

module.exports = { setHeaders, forgetBody };

// Node.js before 18.3 cannot append; there the last value of a name wins, in the first one's place.

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

function setFlat(res, headers) {
  if (headers.length % 2 !== 0) throw new TypeError('headers array is malformed');
  const canAppend = typeof res.appendHeader === 'function';
  const put = canAppend ? 'appendHeader' : 'setHeader';
  for (let i = 0; canAppend && i < headers.length; i += 2) res.removeHeader(headers[i]);
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]) res[put](headers[i], headers[i + 1]);
  }
}

function set(res, name, value) {
  if (name) res.setHeader(name, value);
}
