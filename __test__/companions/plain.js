'use strict';

const { sign } = require('cookie-signature');

// A session's id is the only thing of this length that stands alone.
const SID = ['SID', /(?<![\w-])[\w-]{32}(?![\w-])/g];

const SIGNED = /s(?::|%3A)([\w-]{32})\.[\w+/%-]+/g;

const DATE = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * Records with everything random replaced by a number: the first session id that
 * appears is SID-1, and so on. So two programs are alike only when the same ids stay,
 * and the same ones change, at the same moments. Of the dates only Node's own `Date`
 * header is left out.
 *
 * @param {Array<object>} records answers (with `headers`), or anything that has JSON
 * @param {object} options
 * @param {string} [options.secret] what session cookies are to be signed with
 * @param {Array<[string, RegExp]>} [options.random] what else is random, with its name
 */
function plain(records, { secret = 'keyboard', random = [] } = {}) {
  const numbers = new Map();
  const counts = {};

  function number(kind, value) {
    const key = `${kind} ${value}`;
    if (!numbers.has(key)) {
      counts[kind] = (counts[kind] || 0) + 1;
      numbers.set(key, `${kind}-${counts[kind]}`);
    }
    return numbers.get(key);
  }

  function plainText(text) {
    const unsigned = text.replace(SIGNED, (cookie, sid) => (
      `s:${sign(sid, secret)}` === decodeURIComponent(cookie) ? `${number('SID', sid)}, signed` : cookie
    ));
    return [...random, SID].reduce((rest, [kind, pattern]) => (
      rest.replace(pattern, (value) => number(kind, value))
    ), unsigned);
  }

  function plainValue(value) {
    if (typeof value === 'string') return plainText(value);
    if (Array.isArray(value)) return value.map(plainValue);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [plainText(key), plainValue(inner)]));
  }

  function plainAnswer({ headers, body, ...rest }) {
    // Headers first: the order in which a browser sees them.
    const plainHeaders = plainValue(headers);
    const plainBody = plainValue(body);
    return {
      ...rest,
      headers: plainHeaders.map(([name, value]) => {
        if (name === 'Date') return [name, value.replace(DATE, 'DATE')];
        // A hash of the body: as random as that is, which an empty body does not show.
        if (name === 'ETag' && (!body || plainBody !== body)) return [name, number('ETAG', value)];
        return [name, value];
      }),
      body: plainBody,
    };
  }

  return records.map((record) => (record.headers ? plainAnswer(record) : plainValue(record)));
}

module.exports = plain;
