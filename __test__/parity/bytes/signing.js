'use strict';

/** `Keyring` against npm cookie-signature 1.0.7. */

const test = require('node:test');
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { inspect } = require('node:util');
const signature = require('cookie-signature');
const Keyring = require('../../../session/cookie/keyring');

const { Random, forEachCase } = require('./random');
const { outcome, assertSame, short } = require('./outcome');
const { unusual, ascii, latin1, utf16 } = require('./strings');
const { carriers, strings, multiByteViews, refused, randomSecret } = require('./secrets');

test.describe('sign and unsign', () => {
  const sign = (value, secrets) => signature.sign(value, secrets[0]);

  /** cookie-signature knows one secret; rotation tries each, in order. */
  function unsign(value, secrets) {
    for (const secret of secrets) {
      const unsigned = signature.unsign(value, secret);
      if (unsigned !== false) return unsigned;
    }
    return false;
  }

  const input = (value, secrets) => () => `${typeof value === 'string' ? short(value) : inspect(value)} with ${inspect(secrets, { maxArrayLength: 20 })}`;

  function check(value, secrets, keyring = new Keyring(secrets)) {
    assertSame(outcome(() => keyring.sign(value)), outcome(() => sign(value, secrets)), input(value, secrets));
    assertSame(outcome(() => keyring.unsign(value)), outcome(() => unsign(value, secrets)), input(value, secrets));
  }

  const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

  /** Texts near a signed one that are forgeries, or look as if they were. */
  function forgeries(signed) {
    const dot = signed.lastIndexOf('.');
    const value = signed.slice(0, dot);
    const mac = signed.slice(dot + 1);
    const last = base64.indexOf(mac.at(-1));
    return [
      `${signed}=`,
      `${signed}==`,
      `${signed} `,
      ` ${signed}`,
      `${signed}\n`,
      `${signed}\u0000`,
      `${signed}.`,
      `.${signed}`,
      `${signed}.${mac}`,
      `${value}..${mac}`,
      `${value}.`,
      `.${mac}`,
      value,
      mac,
      `${value}${mac}`,
      signed.slice(0, -1),
      `${value}.${mac.slice(1)}`,
      `${value}.${mac.replace(/\+/g, '-').replace(/\//g, '_')}`,
      `${value}.${mac.toLowerCase()}`,
      `${value}.${[...mac].reverse().join('')}`,
      `${value}.${Buffer.from(mac, 'base64').toString('hex')}`,
      `${value}.${mac.slice(0, -1)}\ud800`,
      `${value}.${String.fromCharCode(mac.charCodeAt(0) + 0x100)}${mac.slice(1)}`,
      `${value}x.${mac}`,
      `${value.slice(0, -1)}.${mac}`,
      `${value}\u0000.${mac}`,
      // The same signature for a conversion that loses lone surrogates; and then the original agrees.
      `${value.replace(/[\ud800-\udfff]/g, '\udabc')}.${mac}`,
      `${value.replace(/[\ud800-\udfff]/g, '\ufffd')}.${mac}`,
      // 43 characters hold two bits more than 32 bytes: texts that decode to the same bytes.
      ...[0, 1, 2, 3].map((bits) => `${value}.${mac.slice(0, -1)}${base64[(last & ~3) | bits]}`),
    ];
  }

  const values = [
    '', '.', '..', 'a', 'a.b', '.a', 'a.', 'value with spaces', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(100000), '\u20ac'.repeat(50000), '\ud800'.repeat(50000), 's:sid',
    '\u0000', 'a\u0000b', 'kZ0p-_wQ7rT5yU3iO1aS9dF8gH6jK4lL', ...unusual, ...unusual.map((text) => `a${text}.${text}`), '\udc00\ud800', '\ud83d\ude00\ud83d',
  ];
  const noStrings = [undefined, null, 0, 1.5, true, 12n, Symbol('value'), {}, [], ['a'], () => 'a', new String('a'), Buffer.from('a'), { toString: () => 'a' }];

  test('picked values with one secret', () => {
    for (const value of values) check(value, ['keyboard cat']);
  });

  test('every length of value up to 1100', () => {
    const secrets = ['keyboard cat'];
    const keyring = new Keyring(secrets);
    for (let length = 1; length <= 1100; length++) {
      for (const piece of ['x', '\u20ac', '\ud83d\ude00', '\ud800']) {
        const value = piece.repeat(length).slice(0, length);
        check(signature.sign(value, secrets[0]), secrets, keyring);
      }
    }
  });

  test('picked string secrets', () => {
    for (const secret of strings) {
      check('value', [secret]);
      check(signature.sign('value', secret), [secret]);
    }
  });

  test('the same bytes in every kind of secret give the same signature', () => {
    for (const length of [0, 1, 31, 32, 63, 64, 65, 200]) {
      const bytes = new Random(length).bytes(length);
      const expected = signature.sign('value', bytes);
      for (const [name, carry] of Object.entries(carriers)) {
        assert.equal(new Keyring([carry(bytes)]).sign('value'), expected, `${name} of ${length} bytes`);
        assert.equal(new Keyring([carry(bytes)]).unsign(expected), 'value', `${name} of ${length} bytes`);
      }
    }
  });

  test('views of wider numbers count as their bytes', () => {
    for (const secret of multiByteViews) {
      check('value', [secret]);
      check(signature.sign('value', secret), [secret]);
    }
  });

  test('a CryptoKey for HMAC', async () => {
    const secret = await crypto.webcrypto.subtle.importKey('raw', Buffer.from('secret'), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
    check('value', [secret]);
    check(signature.sign('value', 'secret'), [secret]);
  });

  test('a CryptoKey where the global class is missing, as in jsdom and Node.js 18', async (t) => {
    const secret = await crypto.webcrypto.subtle.importKey('raw', Buffer.from('secret'), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
    const before = Object.getOwnPropertyDescriptor(globalThis, 'CryptoKey');
    delete globalThis.CryptoKey;
    t.after(() => { if (before) Object.defineProperty(globalThis, 'CryptoKey', before); });
    assert.equal(new Keyring([secret]).sign('value'), signature.sign('value', 'secret'));
  });

  test('what createHmac refuses as a key', () => {
    for (const secret of refused) {
      check('value', [secret]);
      check('value.signature', [secret]);
      check(signature.sign('value', 'good'), ['good', secret]);
      check(signature.sign('value', 'good'), [secret, 'good']);
      check(signature.sign('value', 'other'), ['good', secret]);
    }
  });

  test('what is no string is refused before the secret is looked at', () => {
    for (const value of noStrings) {
      for (const secrets of [['good'], [null], [5], ['good', null]]) check(value, secrets);
    }
  });

  test('no secrets at all', () => {
    check('value', []);
    check(signature.sign('value', ''), []);
    // eslint-disable-next-line no-sparse-arrays
    check('value', [, 'second']);
  });

  test('forgeries', () => {
    for (const value of ['', 'a', 'a.b', 'kZ0p-_wQ7rT5yU3iO1aS9dF8gH6jK4lL', '\u20ac', '\ud800', '\ud800.\udc00', 'x'.repeat(300)]) {
      for (const secrets of [['one'], ['one', 'two'], ['two', 'one'], [Buffer.from('three'), 'one']]) {
        const keyring = new Keyring(secrets);
        for (const secret of secrets) {
          const signed = signature.sign(value, secret);
          assert.equal(keyring.unsign(signed), value);
          for (const forged of forgeries(signed)) check(forged, secrets, keyring);
        }
      }
    }
  });

  test('one changed character anywhere is seen', () => {
    const secrets = ['one', 'two'];
    const keyring = new Keyring(secrets);
    const signed = signature.sign('kZ0p-_wQ7rT5yU3iO1aS9dF8gH6jK4lL', 'two');
    for (let at = 0; at < signed.length; at++) {
      for (const to of ['A', 'B', '.', '=', '\u0000', '\u00e9', '\u0141']) {
        check(signed.slice(0, at) + to + signed.slice(at + 1), secrets, keyring);
      }
    }
  });

  test('the array of secrets is read live', () => {
    const secrets = ['first'];
    const keyring = new Keyring(secrets);
    const signed = ['first', 'second', Buffer.from('third'), ''].map((secret) => signature.sign('value', secret));
    const checkAll = () => signed.forEach((text) => check(text, secrets, keyring));
    checkAll();
    secrets.push('second');
    checkAll();
    secrets.unshift(Buffer.from('third'));
    checkAll();
    secrets[0] = '';
    checkAll();
    secrets.reverse();
    checkAll();
    secrets.length = 1;
    checkAll();
    secrets[0] = null;
    checkAll();
    secrets.length = 0;
    checkAll();
    secrets.push('first');
    checkAll();
  });

  test('the bytes of a secret are read live', () => {
    const buffer = Buffer.from('the old secret');
    const secrets = [buffer, new DataView(buffer.buffer, buffer.byteOffset, 4)];
    const keyring = new Keyring(secrets);
    const signed = [signature.sign('value', buffer), signature.sign('value', 'the new secret')];
    for (const text of signed) check(text, secrets, keyring);
    buffer.write('new', 4);
    for (const text of signed) check(text, secrets, keyring);
    assert.equal(keyring.unsign(signed[1]), 'value');
    assert.equal(keyring.unsign(signed[0]), false);
  });

  test('a secret whose memory was transferred away', () => {
    const bytes = new Uint8Array([1, 2, 3, 4]);
    const secrets = [bytes];
    const keyring = new Keyring(secrets);
    check('value', secrets, keyring);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    check('value', secrets, keyring);
    check(signature.sign('value', ''), secrets, keyring);
  });

  test('two keyrings, and many secrets one after the other, do not mix', () => {
    const left = ['left', 'both'];
    const right = [Buffer.from('right'), 'both'];
    const one = new Keyring(left);
    const other = new Keyring(right);
    for (const secret of ['left', 'right', 'both']) {
      const text = signature.sign('value', secret);
      check(text, left, one);
      check(text, right, other);
    }
    const secrets = [''];
    const keyring = new Keyring(secrets);
    for (let i = 0; i < 1000; i++) {
      secrets[0] = i % 3 ? `secret ${i}` : Buffer.from(`secret ${i}`);
      check(signature.sign('value', `secret ${i - (i % 2)}`), secrets, keyring);
    }
    const ring = Array.from({ length: 200 }, (_, i) => `secret ${i}`);
    check(signature.sign('value', 'secret 199'), ring);
    check(signature.sign('value', 'secret 200'), ring);
  });

  test('random values, secrets and forgeries', () => {
    forEachCase((random) => {
      const secrets = Array.from({ length: 1 + random.below(4) }, () => randomSecret(random));
      const keyring = new Keyring(secrets);
      const value = random.text(40, random.pick([ascii, latin1, utf16])(random));
      check(value, secrets, keyring);
      const secret = random.chance(0.8) ? random.pick(secrets) : randomSecret(random);
      const { value: signed } = outcome(() => signature.sign(value, secret));
      if (signed === undefined) return;
      check(signed, secrets, keyring);
      const at = random.below(signed.length);
      check(signed.slice(0, at) + random.text(2, utf16(random)) + signed.slice(at + random.below(3)), secrets, keyring);
      for (let n = 0; n < 3; n++) check(random.pick(forgeries(signed)), secrets, keyring);
    });
  });
});
