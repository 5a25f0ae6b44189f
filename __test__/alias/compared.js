'use strict';

const { sign } = require('cookie-signature');

// What is random in the answers of the stack: a session id, the tokens of csurf (8 + 27 characters) and of csrf-sync (256 hex
// digits), the secrets behind them (24 characters).
const RANDOM = [
  ['SID', /(?<="id":")([\w-]{32})(?=")/g],
  ['CSURF', /\b([\w-]{8}-[\w-]{27})(?=")/g],
  ['SECRET', /(?<="csrfSecret":")([\w-]{24})(?=")/g],
  ['SYNC', /(?<=oken":")([0-9a-f]{256})(?=")/g],
];

const SIGNED = /(?<==)s%3A([^;]+)/g;

const DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * The records of a visit with everything random replaced by a number: the first
 * session id that appears is SID-1, and so on. So two visits are equal only when
 * the same ids and tokens stay, and the same ones change, at the same moments.
 * Of the dates only Node's own `Date` header is left out.
 * @param {{ request: string, status: string, headers: [string, string][], body: string }[]} records
 * @param {string} secret what cookies are to be signed with
 */
function compared(records, secret) {
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

  function plain(text) {
    return RANDOM.reduce((text, [kind, pattern]) => text.replace(pattern, (_, value) => number(kind, value)), text);
  }

  function plainCookie(line) {
    return line.replace(SIGNED, (value, encoded) => {
      const text = decodeURIComponent(encoded);
      const sid = text.slice(0, text.lastIndexOf('.'));

      return sign(sid, secret) === text ? `${number('SID', sid)}, signed` : value;
    });
  }

  return records.map(({ request, status, headers, body }) => {
    // Headers first: the order in which a browser sees them.
    const plainHeaders = headers.map(([name, value]) => [name, plainCookie(value)]);
    const plainBody = plain(body);

    // A HEAD does not show whether its body is random.
    const randomBody = plainBody !== body || request.startsWith('HEAD ');

    return {
      request,
      status,
      headers: plainHeaders.map(([name, value]) => {
        if (name === 'Date') return [name, value.replace(DATE, 'DATE')];
        // A hash of the body, after its length.
        if (name === 'ETag' && randomBody) return [name, value.replace(/-.*/, '-HASH"')];
        return [name, value];
      }),
      body: plainBody,
    };
  });
}

module.exports = { compared };
