'use strict';

/** Secrets that crypto.createHmac takes, and things it refuses. */

const crypto = require('node:crypto');
const { utf16, latin1, ascii, unusual } = require('./strings');

/** Every kind of object that can carry the same bytes. */
const carriers = {
  buffer: (bytes) => Buffer.from(bytes),
  uint8Array: (bytes) => new Uint8Array(bytes),
  // A view into the middle of a larger buffer.
  subarray: (bytes) => Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]).subarray(6, 6 + bytes.length),
  dataView: (bytes) => {
    const { buffer, byteOffset } = Buffer.concat([Buffer.from('abc'), bytes]);
    return new DataView(buffer, byteOffset + 3, bytes.length);
  },
  int8Array: (bytes) => new Int8Array(new Uint8Array(bytes).buffer),
  clampedArray: (bytes) => new Uint8ClampedArray(bytes),
  shared: (bytes) => {
    const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
    view.set(bytes);
    return view;
  },
  arrayBuffer: (bytes) => new Uint8Array(bytes).buffer,
  keyObject: (bytes) => crypto.createSecretKey(bytes),
};

// HMAC hashes keys longer than a block of 64 bytes.
const lengths = [0, 1, 20, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000];

const strings = [
  '', ' ', 'a', 'keyboard cat', '0', 'null', 'undefined', 'k\u0000ey', 'k\u0000', 'k',
  ...unusual,
  ...lengths.map((length) => 's'.repeat(length)),
  ...lengths.map((length) => '\u20ac'.repeat(length)),
];

const multiByteViews = [
  new Uint16Array([1, 2, 3, 0xffff]),
  new Int32Array([-1, 0, 1]),
  new Float64Array([0.1, -0, NaN]),
  new BigUint64Array([1n, 0xffffffffffffffffn]),
  new Uint32Array(new ArrayBuffer(64), 8, 3),
];

const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519');

const refused = [
  null, undefined, 0, 5, -0, NaN, Infinity, true, false, 10n, Symbol('s'), {}, [], ['a'], () => 'a', function named() {}, new Date(0),
  new String('a'), /a/, new Map(), new Error('a'), Object.create(null), new (class Secret {})(), privateKey, publicKey, { type: 'secret' },
  new Proxy(Buffer.from('a'), {}),
];

function randomSecret(random) {
  if (random.chance(0.04)) return random.pick(refused);
  if (random.chance(0.3)) return random.pick(strings);
  if (random.chance(0.4)) return random.text(40, random.pick([ascii, latin1, utf16])(random));
  if (random.chance(0.1)) return random.pick(multiByteViews);
  const length = random.chance(0.3) ? random.pick(lengths) : 1 + random.below(80);
  return random.pick(Object.values(carriers))(random.bytes(length));
}

module.exports = { carriers, strings, multiByteViews, refused, randomSecret };
