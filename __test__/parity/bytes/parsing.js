'use strict';

/** The engine's reader of `Cookie` headers against `parse` of npm cookie 0.7.2. */

const test = require('node:test');
const cookie = require('cookie');
const build = require('../../engines/addon');

const { forEachCase } = require('./random');
const { outcome, same, assertSame, short } = require('./outcome');
const { shrink } = require('./shrink');
const { latin1, utf16 } = require('./strings');
const headers = require('./headers');

test.describe('parse', { skip: build.skip }, () => {
  let read;

  test.before(async () => {
    ({ __parseCookie: read } = require(await build()));
  });

  /** What `cookie.parse` found; what an object inherits was not in the header. */
  function parsed(header, name) {
    const found = cookie.parse(header);
    return Object.hasOwn(found, name) ? found[name] : undefined;
  }

  /** Names that a wrong comparison or conversion would take for `name`. */
  function lookalikes(name) {
    return [
      name.slice(1),
      name.slice(0, -1),
      `${name}x`,
      ` ${name}`,
      `${name} `,
      `${name}\u0000`,
      `${name}=`,
      `"${name}"`,
      name.toUpperCase(),
      name.toLowerCase(),
      encodeURIComponent(name.replace(/[\ud800-\udfff]/g, '')),
      name.replace(/[\ud800-\udfff]/g, '\udabc'),
      name.replace(/[\ud800-\udfff]/g, '\ufffd'),
      name.replace(/[^]/g, (unit) => String.fromCharCode(unit.charCodeAt(0) & 0xff)),
      name.replace(/[^]/g, (unit) => String.fromCharCode(unit.charCodeAt(0) & 0x7f)),
    ];
  }

  const absent = ['', ' ', '=', ';', '%', 'a', 'sid', 'absent', '__proto__', 'constructor', 'toString', 'length', '0', '\ud800', '\ufffd', '\u20ac'];

  function checkName(header, name, found = cookie.parse(header)) {
    const theirs = { value: Object.hasOwn(found, name) ? found[name] : undefined };
    const ours = outcome(() => read(header, name));
    if (same(ours, theirs)) return;
    const fails = (text) => !same(outcome(() => read(text, name)), { value: parsed(text, name) });
    const least = fails(header) ? shrink(header, fails) : header;
    assertSame(
      outcome(() => read(least, name)),
      { value: parsed(least, name) },
      () => `${short(name)} in ${short(least)}, cut down from ${short(header)}`,
    );
    assertSame(ours, theirs, () => `${short(name)} in ${short(header)}, but only the first time`);
  }

  /** Looks for every name in the header, or the picked ones, and for names that are not there. */
  function check(header, picked) {
    const found = cookie.parse(header);
    const names = new Set(absent);
    for (const name of picked || Object.keys(found)) {
      names.add(name);
      // Long names are not copied fifteen times over.
      if (name.length < 100) for (const like of lookalikes(name)) names.add(like);
    }
    for (const name of names) checkName(header, name, found);
  }

  test('headers such as browsers send', () => {
    for (const header of headers.realistic) check(header);
  });

  test('a realistic header cut off at every length', () => {
    for (const header of headers.realistic.slice(0, 8)) {
      for (let end = 0; end < header.length; end++) check(header.slice(0, end), ['sid', 'connect.sid', '_ga', 'prefs']);
    }
  });

  test('odd headers', () => {
    for (const header of headers.odd) check(header);
  });

  test('every Latin-1 character around, within and instead of name and value', () => {
    for (let code = 0; code < 256; code++) {
      const c = String.fromCharCode(code);
      for (const header of [`${c}a=1`, `a${c}=1`, `a=${c}1`, `a=1${c}`, `a=1${c}b=2`, `a${c}b=1`, `${c}=1`, `a=${c}`, `a${c}1`, `a="${c}"`, `a=%4${c}`, `a=%${c}1`]) check(header);
    }
  });

  test('every escaped byte, alone and in two-byte sequences', () => {
    const hex = (byte) => byte.toString(16).padStart(2, '0');
    for (let first = 0; first < 256; first++) {
      checkName(`a=%${hex(first)}`, 'a');
      for (let second = 0x7e; second < 0xc2; second++) checkName(`a=%${hex(first)}%${hex(second)}`, 'a');
    }
  });

  test('the edges of three- and four-byte sequences', () => {
    const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    const escaped = (...bytes) => bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    for (let first = 0xe0; first < 0x100; first++) {
      for (const second of edges) {
        for (const third of edges) {
          checkName(`a=${escaped(first, second, third)}`, 'a');
          for (const fourth of [0x7f, 0x80, 0xbf, 0xc0]) checkName(`a=${escaped(first, second, third, fourth)}`, 'a');
        }
      }
    }
  });

  // Buffers of a fixed size are read into first: no length is special to a caller.
  test('every length of header and of name up to 1100', () => {
    for (let length = 1; length <= 1100; length++) {
      for (const piece of ['x', '\u00e9', '\u20ac', '\ud83d\ude00', '\ud800', '%41']) {
        const text = piece.repeat(length).slice(0, length);
        checkName(`a=${text}`, 'a');
        checkName(`${text}=1`, text);
        checkName(`${text}=1`, text.slice(0, -1));
      }
    }
  });

  test('64 kB of one thing', () => {
    for (const header of headers.long) check(header);
  });

  test('10,000 pairs', () => {
    const header = headers.manyPairs(10000);
    check(header, ['n0', 'n1', 'n9', 'n10', 'n4999', 'n5000', 'n9998', 'n9999', 'n10000']);
    check(`sid=first; ${header}; sid=last`, ['sid']);
    check(`${header}; sid=last`, ['sid']);
    check('sid=%; '.repeat(10000), ['sid']);
    check('=; '.repeat(10000), ['']);
  });

  test('64 kB of random characters', () => {
    forEachCase((random) => {
      const character = random.pick([latin1, utf16])(random);
      check(Array.from({ length: 65536 }, character).join('').slice(0, 65536), ['a', 'A', '']);
    }, 0.002);
  });

  test('random headers', () => {
    forEachCase((random) => check(headers.randomHeader(random)));
  });
});
