'use strict';

/** A value of every JavaScript type, and the awkward ones of each. */

const vm = require('node:vm');
const { webcrypto, createSecretKey } = require('node:crypto');

const realm = vm.createContext({});

/** A value of another realm: its prototypes are not this realm's. */
const foreign = (expression) => vm.runInContext(expression, realm);

const thrown = new Error('thrown by the argument');

function throws() {
  throw thrown;
}

function detached(make) {
  const view = make(new ArrayBuffer(16));
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function cycle() {
  const ring = {};
  ring.ring = ring;
  return ring;
}

const hostile = new Proxy(function hostile() {}, {
  get: throws,
  has: throws,
  ownKeys: throws,
  getPrototypeOf: throws,
  getOwnPropertyDescriptor: throws,
  apply: throws,
  construct: throws,
});

/** Makers, since some of the values are spent by use. */
const makers = [
  () => undefined, () => null, () => true, () => false,
  () => 0, () => -0, () => 1, () => -1, () => 0.5, () => 255, () => 256, () => 2 ** 31, () => 2 ** 32 - 1, () => 2 ** 32, () => 2 ** 53, () => -(2 ** 63), () => 1e308, () => NaN, () => Infinity, () => -Infinity,
  () => 0n, () => -1n, () => 2n ** 64n, () => 2n ** 4000n,
  () => '', () => 'a', () => 'sid=s%3Aabc.def', () => '\u0000', () => '\u00e9\u00ff', () => '\u20ac', () => '\ud83d\ude00', () => '\ud800', () => '\udfff\ud800', () => '{"cookie":{}}', () => '{"cookie":', () => '[]',
  () => '__proto__', () => 'constructor', () => '123', () => '%', () => 'a=%ED%A0%80',
  () => Symbol('own'), () => Symbol.iterator, () => Symbol.for('shared'),
  () => ({}), () => Object.create(null), () => Object.freeze({ a: 1 }), cycle,
  () => ({ toString: throws, valueOf: throws, [Symbol.toPrimitive]: throws }),
  () => ({ toString: () => 'said', valueOf: () => 5 }),
  () => Object.defineProperty({}, 'length', { enumerable: true, get: throws }),
  () => new Proxy({}, { get: throws, has: throws, ownKeys: throws }),
  () => new Proxy({}, { get: (_, key) => (typeof key === 'symbol' ? undefined : new Proxy({}, {})) }),
  () => new Proxy([], {}), () => new Proxy(() => {}, {}), revoked, () => hostile,
  () => [], () => [1, 'a', null], () => new Array(5), () => Object.assign([], { length: 3 }), () => Array.from({ length: 1000 }, () => 'x'), () => [Symbol('in')], () => [throws],
  () => [Buffer.from('k'), 'k'], () => [detached((buffer) => new Uint8Array(buffer))], () => Object.assign([], { length: 2 ** 32 - 1 }), () => Object.defineProperty([], 0, { get: throws }),
  () => () => {}, () => throws, () => function named() { return this; }, () => class Made {}, () => async () => {}, () => function* generator() {}, () => Math.max, () => throws.bind(null),
  () => new Date(0), () => new Date(NaN), () => /a/g, () => new Error('argument'), () => new Map([[1, 2]]), () => new Set([1]), () => new WeakMap(), () => new WeakRef({}), () => Promise.resolve(1),
  () => new String('boxed'), () => new Number(5), () => new Boolean(false), () => Object(Symbol('boxed')), () => Object(5n),
  () => Buffer.alloc(0), () => Buffer.from('bytes'), () => Buffer.from('xxbytes').subarray(2), () => new Uint8Array(3), () => new Int8Array(3), () => new Uint8ClampedArray(3), () => new Uint16Array(3), () => new Int32Array(3),
  () => new Float32Array(3), () => new Float64Array(3), () => new BigInt64Array(3), () => new DataView(new ArrayBuffer(8), 3, 2), () => new ArrayBuffer(8), () => new SharedArrayBuffer(8),
  () => new Uint8Array(new SharedArrayBuffer(8)),
  () => detached((buffer) => new Uint8Array(buffer)),
  () => detached((buffer) => new Float64Array(buffer)),
  () => detached((buffer) => new DataView(buffer)),
  () => detached((buffer) => new Uint8Array(buffer)).buffer,
  () => foreign('({ a: 1 })'), () => foreign('[1]'), () => foreign('new Date(0)'), () => foreign('(function () {})'), () => foreign('new Uint8Array(2)'),
  () => globalThis, () => process, () => module, () => require, () => webcrypto, () => createSecretKey(Buffer.from('k')), () => arguments_(1, 2), () => new (class Own { #hidden = 1; read() { return this.#hidden; } })(),
];

function arguments_() {
  return arguments;
}

const megabyte = 1 << 20;

/** Few and slow ones: a megabyte each, in both widths a string has. */
const huge = [
  () => 'a'.repeat(megabyte),
  () => '\u20ac'.repeat(megabyte),
  () => '\ud800'.repeat(megabyte),
  () => 'a=1; '.repeat(megabyte / 5),
  () => '%'.repeat(megabyte),
  () => '.'.repeat(megabyte),
  () => '['.repeat(megabyte),
  () => Buffer.alloc(megabyte, 'a'),
];

module.exports = { makers, huge, thrown };
