'use strict';

/** Random texts that conversions between UTF-16, UTF-8 and Latin-1 get wrong. */

// Code units whose low byte is one of `= ; , " % space tab . A`: what they
// turn into when a two-byte string is cut down to Latin-1.
const cutToSyntax = [
  0x13d, 0x13b, 0x12c, 0x122, 0x125, 0x120, 0x109, 0x12e, 0x141, 0xff1d, 0x203b, 0xd83d, 0xdc3b,
].map((unit) => String.fromCharCode(unit));

const unusual = [
  '\ud800', '\udbff', '\udc00', '\udfff', '\ufffd', '\ufeff', '\u{1f600}', '\u{10ffff}', '\u20ac',
  '\u00e9', 'e\u0301', '\u2028', '\u00a0', '\u3000', '\u0085', '\u0100', '\uffff', '\u0000',
  '\u017f', '\u212a', '\u0130', ...cutToSyntax,
];

/** One byte read as Latin-1, which is how node:http hands headers over. */
const latin1 = (random) => () => String.fromCharCode(random.below(256));

const ascii = (random) => () => String.fromCharCode(random.below(128));

/** Any UTF-16 code unit, lone surrogates among them. */
function utf16(random) {
  return () => {
    if (random.chance(0.4)) return ascii(random)();
    if (random.chance(0.6)) return random.pick(unusual);
    return String.fromCharCode(random.below(0x10000));
  };
}

module.exports = { unusual, latin1, ascii, utf16 };
