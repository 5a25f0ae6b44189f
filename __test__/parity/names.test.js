'use strict';

/**
 * A cookie's name is refused when the middleware is made, exactly if npm cookie 0.7.2
 * cannot write a cookie of the name, or does not find it in what it wrote.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const cookie = require('cookie');
const session = require('../..');
const { forEachCase } = require('./bytes/random');
const { latin1, utf16 } = require('./bytes/strings');

const ODD = [
  '__proto__', '__proto', '__PROTO__', '__proto__ ', '%5F_proto__', 'constructor', 'toString', 'hasOwnProperty', '0', 'undefined',
  'Path', 'path', 'Domain', 'Expires', 'HttpOnly', 'value', 's:', '%', '%41', '=', ';', '"', '\'', 'a b', 'a=b', 'a;b', 'a,b', ' a', 'a\t',
  '\ud800', '\ud83d\ude00', 'x'.repeat(600), '\u20ac'.repeat(600), 'x'.repeat(5000),
];

/** Attributes among which the name could be looked for. */
const COOKIES = [{}, { path: '/sid=value', domain: 'a.example' }, { maxAge: 1000, sameSite: 'lax', priority: 'low' }];

/** What npm cookie makes of a name: the message of its error, or that of ours. */
function expected(name) {
  try {
    const read = cookie.parse(cookie.serialize(name, 'value'));
    return Object.hasOwn(read, name) ? undefined : 'argument name is invalid';
  } catch (error) {
    assert.ok(error instanceof TypeError);
    return error.message;
  }
}

function check(name) {
  for (const options of COOKIES) {
    let refusal;
    try {
      session({ name, cookie: options, secret: 'secret', resave: false, saveUninitialized: false });
    } catch (error) {
      assert.ok(error instanceof TypeError);
      refusal = error.message;
    }
    assert.equal(refusal, expected(name), JSON.stringify(name));
  }
}

test('odd names', () => {
  for (const name of ODD) check(name);
});

test('every character of the first 700, alone and in a name', () => {
  for (let code = 0; code < 700; code++) {
    const character = String.fromCharCode(code);
    for (const name of [character, `${character}a`, `a${character}`, `a${character}b`]) check(name);
  }
});

test('random names', () => {
  const from = (characters) => (random) => () => random.pick(Array.from(characters));
  const kinds = [latin1, utf16, from('!#$%&\'*+-.^_`|~09AZaz'), from('_proto%5F')];
  // An empty name stands for the default one.
  forEachCase((random) => check(random.text(12, random.pick(kinds)(random)) || '__proto__'));
});
