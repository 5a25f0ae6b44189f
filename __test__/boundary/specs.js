'use strict';

/**
 * What is passed across the boundary, as specs: plain data that fast-check can print,
 * shrink and repeat, and from which `make` makes the value itself. A hostile value, such
 * as a revoked proxy, cannot be printed, and a detached buffer is spent by its first use.
 */

const assert = require('node:assert/strict');
const fc = require('fast-check');
const { makers, thrown } = require('../native/values');

/** Characters that mean something somewhere, and those that strings lose elsewhere. */
const MARKS = ['\0', '\ud800', '\udfff', '\ud83d\ude00', '\u00e9', '\u00ff', '\u20ac', '\ufeff', '%', '%E9', '%00', '"', '\\', '=', ';', '; ', ',', '.', '..', 's:', 's%3A', '{', '}', '[', ':', '\n', '\r\n', '\x7f', ' ', '__proto__', 'sid', 'cookie', 'a', '0'];

const text = fc.string({ unit: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...MARKS) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }), maxLength: 24 });

const NUMBERS = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, 255, 256, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 2 ** 63, -(2 ** 63), 1e308, -1e308, 5e-324, 8.64e15, 8.64e15 + 1, -8.64e15, 1e12];

const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.double(), fc.integer());

const cookie = fc.record({
  originalMaxAge: fc.oneof(fc.constant(null), number),
  expires: fc.oneof(fc.constant(null), fc.constantFrom('1970-01-01T00:00:01.000Z', '2100-01-01T00:00:00.000Z', '+275760-09-13T00:00:00.000Z', '-000001-01-01T00:00:00.000Z', '2100-02-30T25:00:00.000Z', ''), text),
  httpOnly: fc.boolean(),
  path: fc.oneof(fc.constant('/'), text),
}, { requiredKeys: [] });

/** The JSON of a user. */
const user = fc.constantFrom('"ann"', '"bob"');

const meta = fc.record({ created: number, renewed: number, seen: number, user: user.map((json) => JSON.parse(json)) }, { requiredKeys: ['user'] });

const data = fc.tuple(fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), fc.option(meta, { nil: undefined })).map(([its, _meta]) => ({ ...its, _meta }));

const cookieText = cookie.map((value) => JSON.stringify(value));
const dataText = data.map((value) => JSON.stringify(value));
const sessionText = fc.tuple(cookie, data).map(([its, other]) => JSON.stringify({ cookie: its, ...other }));

/** A JSON text with one piece of it cut out or put in. */
const damaged = fc.tuple(sessionText, fc.nat(), text).map(([whole, at, piece]) => {
  const place = at % (whole.length + 1);
  return whole.slice(0, place) + piece + whole.slice(place + 1);
});

const sid = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c') }, { weight: 1, arbitrary: text }, { weight: 1, arbitrary: fc.integer({ min: 250, max: 260 }).map((length) => 'x'.repeat(length)) });

const is = (arbitrary) => arbitrary.map((value) => ({ is: value }));

/** Whatever a program could pass by mistake, or on purpose. */
const anything = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: makers.length - 1 }).map((maker) => ({ maker })) },
  { weight: 2, arbitrary: is(text) },
  { weight: 2, arbitrary: is(number) },
  { weight: 1, arbitrary: fc.record({ repeat: fc.constantFrom('a', '\u20ac', '\ud800', '%', '"', '\0', 'a=1; '), times: fc.integer({ min: 500, max: 20000 }) }) },
  { weight: 1, arbitrary: is(fc.oneof(cookie, data)) },
  { weight: 1, arbitrary: is(fc.oneof(sessionText, damaged)) },
);

/**
 * The value of a spec.
 * @param {object} spec
 * @param {Record<string, unknown[]>} [handles] what a spec of a handle picks from
 */
function make(spec, handles) {
  if ('is' in spec) return typeof spec.is === 'object' && spec.is !== null ? structuredClone(spec.is) : spec.is;
  if ('maker' in spec) return makers[spec.maker]();
  if ('repeat' in spec) return spec.repeat.repeat(spec.times);
  return handles[spec.handle][spec.at % handles[spec.handle].length];
}

/** Calls; `undefined` if it throws what is an Error or what a hostile value throws. */
function attempt(call) {
  try {
    return { answer: call() };
  } catch (error) {
    // The test's own.
    if (error instanceof assert.AssertionError) throw error;
    if (error !== thrown && !isError(error)) throw new Error(`threw ${typeof error}, which is no Error`, { cause: error });
    return undefined;
  }
}

/** Errors of another realm, too. */
function isError(error) {
  return Object.prototype.toString.call(error) === '[object Error]' || error instanceof Error;
}

module.exports = { anything, attempt, cookieText, damaged, dataText, is, make, number, sessionText, sid, text, thrown, user };
