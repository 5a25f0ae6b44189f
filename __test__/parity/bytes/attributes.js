'use strict';

/** Options of `serialize`, such as programs pass and such as they should not. */

const vm = require('node:vm');
const { unusual, ascii, latin1, utf16 } = require('./strings');

/** An object that reads as one text and concatenates as another value. */
const twoFaced = (text, value) => ({ toString: () => text, valueOf: () => value });

const label63 = 'l'.repeat(63);
const label64 = 'l'.repeat(64);

const domains = [
  'example.com', 'EXAMPLE.Com', '.example.com', '..example.com', 'example.com.', 'example..com', '.', '..', 'a', '1', '-', 'a-', '-a', 'a-b', 'a--b', 'a.-b', 'a-.b', 'a.b-',
  'localhost', '127.0.0.1', '::1', '[::1]', 'example.com:80', 'ex_ample.com', '*.example.com', 'exa mple.com', ' example.com', 'example.com ', 'example.com\n', '\nexample.com',
  'example.com\r\nx: y', 'example.com; Secure', 'ex\u00e4mple.com', 'xn--exmple-cua.com', '\u017f.com', '\u212a.com', '\uff41.com', 'a\u0000.com',
  label63, label64, `.${label63}`, `.${label64}`, `${label63}.com`, `${label64}.com`, `a.${label63}`, `a.${label64}`, `${label63}.${label63}.${label63}.${label63}.${label63}`,
  'a.'.repeat(500) + 'a', `${'a'.repeat(62)}-`, `a${'-'.repeat(61)}b`, `a${'-'.repeat(62)}b`,
];

const paths = [
  '/', '/app', '/a/b/c', 'relative', '/a b', '/~!@#$%^&*()_+', '/\u007f', '/\u0080', '/\u00e9', '/\u20ac', '/%C3%A9', '/;', '/a;b', '/<', '/=', '/>', '/:', '/\u001f', '/\t', '/\n', '/\r\n',
  '/\u0000', '/a\n', '\n/', '/"', '/,', '/\\', ' ', '  /', '/ ', '/\ud83d\ude00', '/\ud800', '/' + 'p'.repeat(5000), '~', ' ~', ';',
];

const realm = vm.createContext({});

/** A value of another realm: its prototypes are not this realm's. */
const foreign = (expression) => vm.runInContext(expression, realm);

// Made anew for each side, since a Date is mutable.
const dates = [
  () => new Date(0),
  () => new Date(1),
  () => new Date(-1),
  () => new Date(999),
  () => new Date(1719999999999),
  () => new Date(Date.UTC(2000, 1, 29, 23, 59, 59)),
  () => new Date(Date.UTC(1900, 1, 28)),
  () => new Date(Date.UTC(2100, 2, 1)),
  () => new Date(Date.UTC(9999, 11, 31, 23, 59, 59, 999)),
  () => new Date(Date.UTC(10000, 0, 1)),
  () => new Date(Date.UTC(99999, 6, 1)),
  () => new Date(Date.UTC(275760, 8, 13)),
  () => new Date(8.64e15),
  () => new Date(-8.64e15),
  () => new Date(8.64e15 + 1),
  () => new Date(NaN),
  () => new Date('no date'),
  () => new Date(-62135596800000),
  () => new Date(-62135596800001),
  () => new Date(-62167219200000),
  () => new Date(-62167219200001),
  () => new Date('-000001-06-15T12:00:00Z'),
  () => new Date('-000123-06-15T12:00:00Z'),
  () => new Date('-012345-06-15T12:00:00Z'),
  () => new Date('0099-12-31T23:59:59Z'),
  () => new Date('0999-01-01T00:00:00Z'),
  () => foreign('new Date(1719999999999)'),
  () => foreign('new Date(NaN)'),
  () => new (class Later extends Date {})(5e12),
  () => new (class Loud extends Date { toUTCString() { return 'LOUD'; } })(5e12),
  () => new (class Never extends Date { valueOf() { return NaN; } })(5e12),
  () => new (class Revived extends Date { valueOf() { return 1; } })(NaN),
  () => Object.assign(new Date(5e12), { [Symbol.toStringTag]: 'Other' }),
  () => Object.setPrototypeOf(new Date(5e12), null),
  () => ({ [Symbol.toStringTag]: 'Date', valueOf: () => 1, toUTCString: () => 'in disguise' }),
  () => ({ [Symbol.toStringTag]: 'Date', valueOf: () => 1 }),
  () => ({ [Symbol.toStringTag]: 'Date' }),
  () => Object.create(Date.prototype),
  () => new Proxy(new Date(0), {}),
  () => new Date(5e12).toUTCString(),
  () => new Date(5e12).toISOString(),
  () => 5e12,
  () => ({ toUTCString: () => 'x' }),
  () => [new Date(0)],
];

const maxAges = [
  0, -0, 1, -1, 0.5, -0.5, 1.9999, 59.999999, 3600, 86400, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e20, 1e21, 1e22, 123456789012345680000, 1e300, -1e21, Number.MAX_VALUE, Number.MIN_VALUE,
  -Number.MIN_VALUE, Infinity, -Infinity, NaN, '', ' ', '10', '10.7', ' 10 ', '1e3', '0x10', '-5', '10s', 'NaN', 'Infinity', '1e21', '1,5', '\u0661', true, false, null, undefined,
  [], [7], ['8.5'], [1, 2], {}, twoFaced('3', 4.5), twoFaced('x', '12'), new Date(5000), new Number(3.3), 10n, Symbol('age'), () => 1, Object.create(null),
];

const priorities = ['low', 'medium', 'high', 'LOW', 'Medium', 'hIGH', 'lo', 'low ', ' low', 'urgent', '\u212aow', 'h\u0130gh', true, 1, new String('low'), ['low'], twoFaced('low', 'low')];

const sameSites = [
  true, 'lax', 'strict', 'none', 'Lax', 'STRICT', 'nOnE', 'auto', 'true', 'lax ', ' strict', 'lax;', '\u017ftrict', '\u017fTRICT', 'la\u0445', 'yes', 1, {}, new String('lax'), new Boolean(true), ['lax'], twoFaced('lax', true),
];

const falsy = [undefined, null, false, 0, -0, NaN, '', 0n];

/** Values of every type, for the attributes that are meant to be something else. */
const anything = [
  ...falsy, true, 1, -1.5, Infinity, 1e21, 12n, 'text', 'a;b', 'a b', '\u00e9', '\ud800', '/', [], ['a'], ['/a', 'b'], {}, { a: 1 }, () => 'a', Symbol('any'), Symbol.iterator, new Date(0), /a/,
  new String('a.b'), new String(''), new Boolean(false), Object.create(null), twoFaced('a.b', 'c.d'), twoFaced('/x', 5), twoFaced('a.b', 'x; y'), new Map(), new Error('a'),
  { toString: () => 'only.text' }, { toString: null, valueOf: () => 'v' }, { toString: () => ({}), valueOf: () => ({}) }, { [Symbol.toPrimitive]: (hint) => hint },
];

const encoders = [
  (value) => value,
  (value) => `"${value}"`,
  (value) => String(value).toUpperCase(),
  escape,
  encodeURI,
  (value) => Buffer.from(String(value)).toString('base64'),
  (value) => Buffer.from(String(value)).toString('hex'),
  () => '', () => '"', () => '""', () => '"a', () => 'a"', () => '"a"b"', () => 'a b', () => 'a;b', () => 'a,b', () => 'a\\b', () => 'a\n', () => '\u007f', () => '\u00e9', () => '~', () => '!',
  () => undefined, () => null, () => 5, () => 1.5, () => true, () => 12n, () => Symbol('enc'), () => ['a'], () => ['a', 'b'], () => ({}), () => twoFaced('seen', 'said'), () => new String('obj'),
  () => { throw new RangeError('from the encoder'); },
  () => { throw 'not an error'; },
  function () { return `${arguments.length}-${this === undefined}`; },
  class Encoder {},
  async () => 'a',
];

const noEncoders = [...falsy, true, 1, 'encodeURIComponent', {}, [], Symbol('encode'), Object.create(null)];

const names = [
  'sid', 'connect.sid', '__Host-sid', '__Secure-id', '', ' ', 'a b', 'a=b', 'a;b', 'a\n', '\na', 'a\u0000', '\u00e9', '\u017f', '\u212a', '\ud800', '\u{1f600}', '__proto__', 'n'.repeat(5000),
  undefined, null, true, 0, -0, NaN, 1e21, 1.5, 12n, ['a'], ['a', 'b'], [], {}, Symbol('name'), new String('boxed'), twoFaced('seen', 'said'), twoFaced('seen', 'not valid'), Object.create(null), () => 1,
  ...Array.from({ length: 256 }, (_, code) => `n${String.fromCharCode(code)}m`),
];

const values = [
  '', 'value', 's:sid.signature+/', 'a b', '"', '"a"', 'a"b', ';', ',', '\\', '%', '%20', '\n', '\u0000', '\u007f', '\u00e9', '\u20ac', '\u{1f600}', '\ud800', '\udc00', '\udc00\ud800', 'x'.repeat(5000),
  undefined, null, true, false, 0, -0, NaN, 1e21, 12n, [], ['a', 'b'], {}, Symbol('value'), new String('boxed'), twoFaced('seen', 'said'), Object.create(null), () => 1, new Date(0),
  Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join(''),
  ...unusual,
];

const typical = {
  maxAge: [0, 1, 60, 3600.5, null, undefined],
  domain: ['example.com', '.example.com', undefined, null, ''],
  path: ['/', '/app', undefined, null, ''],
  expires: dates.slice(0, 10).concat(() => undefined, () => null),
  httpOnly: [true, false, undefined],
  secure: [true, false, undefined],
  partitioned: [true, false, undefined],
  priority: ['low', 'medium', 'high', undefined],
  sameSite: [true, false, 'lax', 'strict', 'none', 'Lax', undefined],
};

/** The attributes, each with what it may be given; functions of `expires` make the value. */
const attributes = {
  maxAge: maxAges,
  domain: domains,
  path: paths,
  expires: dates,
  httpOnly: anything,
  secure: anything,
  partitioned: anything,
  priority: priorities,
  sameSite: sameSites,
};

const wholeOptions = [
  () => undefined, () => null, () => false, () => 0, () => '', () => true, () => 1, () => 'text', () => 12n, () => Symbol('options'), () => [], () => () => {}, () => ({}),
  () => Object.create(null),
  () => Object.assign(Object.create(null), { path: '/', secure: true }),
  () => Object.create({ path: '/inherited', httpOnly: true, maxAge: 5 }),
  () => Object.assign(() => {}, { path: '/function' }),
  () => Object.assign([], { path: '/array' }),
  () => Object.freeze({ path: '/frozen', sameSite: 'lax' }),
  () => new Proxy({ path: '/proxied', domain: 'a.b' }, {}),
  () => new (class Options { get path() { return '/getter'; } get secure() { return true; } })(),
  () => ({ PATH: '/upper', 'max-age': 5, HttpOnly: true, unknown: 1 }),
  () => ({ originalMaxAge: 5, _expires: new Date(0), expires: new Date(0), path: '/', httpOnly: true }),
  () => ({ signed: true, overwrite: true, path: '/' }),
];

function randomText(random) {
  return random.text(12, random.pick([ascii, latin1, utf16])(random));
}

function randomDomain(random) {
  return random.text(20, () => random.pick(['.', '.', '-', 'a', 'B', '0', 'l'.repeat(20), label63]));
}

function randomAttribute(random, key) {
  if (random.chance(0.6)) {
    const value = random.pick(typical[key]);
    return key === 'expires' ? value() : value;
  }
  if (random.chance(0.1)) return random.pick(anything);
  if (key === 'maxAge' && random.chance(0.5)) return (random.bits() - 2 ** 31) * 10 ** (random.below(40) - 20);
  if (key === 'expires' && random.chance(0.5)) return new Date((random.bits() - 2 ** 31) * 4.1e6);
  if (key === 'domain' && random.chance(0.4)) return randomDomain(random);
  if (key === 'path' && random.chance(0.4)) return randomText(random);
  const value = random.pick(attributes[key]);
  return key === 'expires' ? value() : value;
}

/** `plain` for an object of plain properties, as a cookie's `data` is one. */
function randomOptions(random, plain = false) {
  if (!plain && random.chance(0.03)) return random.pick(wholeOptions)();
  const options = {};
  for (const key of Object.keys(attributes)) {
    if (random.chance(0.5)) continue;
    if (!plain && random.chance(0.01)) {
      Object.defineProperty(options, key, { enumerable: true, get() { throw new Error(`reading ${key}`); } });
    } else {
      options[key] = randomAttribute(random, key);
    }
  }
  if (random.chance(0.15)) options.encode = random.pick(random.chance(0.7) ? encoders : noEncoders);
  return options;
}

const randomName = (random) => (random.chance(0.8) ? random.pick(names.slice(0, 4)) : random.chance(0.5) ? random.pick(names) : randomText(random));
const randomValue = (random) => (random.chance(0.5) ? random.pick(values) : randomText(random));

module.exports = { attributes, anything, encoders, noEncoders, names, values, wholeOptions, randomName, randomValue, randomOptions };
