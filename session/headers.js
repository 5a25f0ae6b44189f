'use strict';

/**
 * Puts the headers that `writeHead` was given on the response, so that whoever
 * acts before they are sent finds all of them in one place.
 *
 * @param {import('node:http').ServerResponse} res
 * @param {object | Array | undefined} headers an object, a list of pairs, or a
 *   flat list of names and values, in which a name may stand several times
 * @throws {TypeError} if a flat list has a name without a value
 */
function setHeaders(res, headers) {
  if (!headers) return;
  if (!Array.isArray(headers)) {
    for (const name of Object.keys(headers)) set(res, name, headers[name]);
  } else if (Array.isArray(headers[0])) {
    for (const [name, value] of headers) set(res, name, value);
  } else {
    setFlat(res, headers);
  }
}

module.exports = setHeaders;

function setFlat(res, headers) {
  if (headers.length % 2 !== 0) throw new TypeError('headers array is malformed');
  // Node.js before 18.3 cannot append; there the last value of a name wins, in the first one's place.
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
