'use strict';

/** `serialize` against that of npm cookie 0.7.2. */

const test = require('node:test');
const { inspect } = require('node:util');
const cookie = require('cookie');
const serialize = require('../../../session/cookie/serialize');

const { Random, forEachCase } = require('./random');
const { outcome, assertSame } = require('./outcome');
const attributes = require('./attributes');

test.describe('serialize', () => {
  /** Both sides get arguments of their own, made alike, as reading some changes them. */
  function check(makeArguments) {
    const theirs = makeArguments();
    assertSame(
      outcome(() => serialize(...makeArguments())),
      outcome(() => cookie.serialize(...theirs)),
      () => `serialize(${theirs.map((argument) => inspect(argument)).join(', ')})`,
    );
  }

  const make = (value) => (typeof value === 'function' ? value() : value);

  test('names', () => {
    for (const name of attributes.names) {
      check(() => [name, 'value']);
      check(() => [name, 'value', { path: '/' }]);
    }
  });

  test('values', () => {
    for (const value of attributes.values) {
      check(() => ['sid', value]);
      check(() => ['sid', value, {}]);
      check(() => ['sid', value, { encode: (text) => text }]);
    }
  });

  test('missing arguments', () => {
    check(() => []);
    check(() => ['sid']);
    check(() => ['sid', undefined, undefined]);
  });

  test('encoders', () => {
    for (const encode of [...attributes.encoders, ...attributes.noEncoders]) {
      for (const value of ['value', '', 'a b', 5, undefined, null]) check(() => ['sid', value, { encode, path: '/' }]);
    }
    check(() => ['not valid', 'value', { encode: 5 }]);
    check(() => ['not valid', 'value', { encode() { throw new Error('called'); } }]);
  });

  test('options that are no plain object', () => {
    for (const options of attributes.wholeOptions) check(() => ['sid', 'value', options()]);
  });

  for (const [key, values] of Object.entries(attributes.attributes)) {
    test(`${key}, given what it is for and anything else`, () => {
      for (const value of values) check(() => ['sid', 'value', { [key]: key === 'expires' ? make(value) : value }]);
      for (const value of attributes.anything) check(() => ['sid', 'value', { [key]: value }]);
    });
  }

  test('every character in a domain, a path and a value', () => {
    for (let code = 0; code < 0x300; code++) {
      const c = String.fromCharCode(code);
      check(() => ['sid', 'value', { domain: `a${c}b.com` }]);
      check(() => ['sid', 'value', { domain: `${c}ab.com` }]);
      check(() => ['sid', 'value', { domain: `ab.com${c}` }]);
      check(() => ['sid', 'value', { path: `/${c}` }]);
      check(() => ['sid', 'value', { path: `${c}/` }]);
      check(() => ['sid', c]);
      check(() => ['sid', c, { encode: (text) => text }]);
    }
  });

  test('dates over all years', () => {
    for (let year = -271820; year <= 275760; year += 641) {
      check(() => ['sid', 'value', { expires: new Date(Date.UTC(year, year % 12, 1 + Math.abs(year % 28), 23, 59, 59, 999)) }]);
    }
    // Every day around a leap year that is one and one that is none.
    for (const year of [1999, 2099]) {
      for (let day = 0; day < 800; day++) check(() => ['sid', 'value', { expires: new Date(Date.UTC(year, 0, 1 + day)) }]);
    }
  });

  test('the first of two faults is the one reported', () => {
    const faults = {
      maxAge: Infinity,
      domain: '-',
      path: ';',
      expires: 5,
      priority: 'urgent',
      sameSite: 'sometimes',
    };
    const keys = Object.keys(faults);
    for (const a of keys) {
      check(() => ['not valid', 'value', { [a]: faults[a] }]);
      check(() => ['sid', '\ud800', { [a]: faults[a] }]);
      check(() => ['sid', 'a b', { [a]: faults[a], encode: String }]);
      for (const b of keys) {
        check(() => ['sid', 'value', { [a]: faults[a], [b]: faults[b] }]);
        check(() => ['sid', 'value', { [a]: faults[a], get [b]() { throw new Error(`reading ${b}`); } }]);
      }
    }
  });

  test('random cookies', () => {
    forEachCase((_, seed) => {
      check(() => {
        const random = new Random(seed);
        return [attributes.randomName(random), attributes.randomValue(random), attributes.randomOptions(random)];
      });
    }, 4);
  });
});
