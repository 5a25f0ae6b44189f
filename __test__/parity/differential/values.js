'use strict';

/**
 * A scenario is plain JSON. Values that JSON has no word for stand in it as
 * `{ $: kind, ... }` and come to life here, once per side.
 */
const { createSecretKey } = require('node:crypto');

const makers = {
  undefined: () => undefined,
  nan: () => NaN,
  infinity: () => Infinity,
  bigint: () => 10n,
  function: () => function stored() {},
  symbol: () => Symbol('stored'),
  buffer: ({ text }) => Buffer.from(text),
  bytes: ({ text }) => new Uint8Array(Buffer.from(text)),
  key: ({ text }) => createSecretKey(Buffer.from(text)),
  repeat: ({ text, times }) => text.repeat(times),
  date: ({ in: ms }) => new Date(Date.now() + ms),
  'invalid date': () => new Date(NaN),
  // what is left of a time that was set
  left: ({ until }) => until - Date.now(),
  json: ({ value }) => ({ toJSON: () => value }),
  map: () => new Map([['a', 1]]),
  string: ({ text }) => new String(text),
  circular: () => {
    const value = {};
    value.self = value;
    return value;
  },
};

function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== 'object') return value;
  if (value.$) return makers[value.$](value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

/** One line of text for any value, exact enough to compare by. */
function describe(value) {
  if (value instanceof Error) return describeError(value);
  if (value instanceof Date) return `Date(${Number.isNaN(value.valueOf()) ? 'invalid' : value.toISOString()})`;
  if (typeof value === 'function') return 'function';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (value === null || typeof value !== 'object') return String(value);
  return textOf(value);
}

/** JSON text, or what stringifying threw. */
function textOf(value) {
  try {
    return JSON.stringify(value);
  } catch (err) {
    return `threw ${describeError(err)}`;
  }
}

/** Every date of a cookie that a store or a program may read. */
function describeCookie(cookie) {
  if (cookie === null || typeof cookie !== 'object') return describe(cookie);
  const { expires, _expires, originalMaxAge, maxAge } = cookie;
  return [expires, _expires, originalMaxAge, maxAge].map(describe).join(' ');
}

// V8 words these after the source text of the failing expression, so only the
// kind of mistake can be compared.
const ENGINE_WORDING = [
  [/^Cannot read properties of (undefined|null).*/s, 'Cannot read properties of $1'],
  [/^Cannot set properties of (undefined|null).*/s, 'Cannot set properties of $1'],
  [/^.* is not a function$/s, 'is not a function'],
  [/^Converting circular structure to JSON.*/s, 'Converting circular structure to JSON'],
];

function describeError(err) {
  if (!(err instanceof Error)) return `not an Error: ${describe(err)}`;
  const message = ENGINE_WORDING.reduce((text, [from, to]) => text.replace(from, to), err.message);
  return `${err.name}${err.code === undefined ? '' : ` ${err.code}`}: ${message}`;
}

module.exports = { revive, describe, describeCookie, describeError, textOf };
