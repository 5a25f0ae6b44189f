'use strict';

/**
 * What a request does in one step each way, `open` and `signedCookieValue`, against the
 * originals one after the other.
 */

const test = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const cookie = require('cookie');
const signature = require('cookie-signature');
const Keyring = require('../../../session/cookie/keyring');
const serialize = require('../../../session/cookie/serialize');
const native = require('../../../session/native/load');

const { Random, forEachCase } = require('./random');
const { outcome, assertSame, short } = require('./outcome');
const { unusual, ascii, latin1, utf16 } = require('./strings');
const headers = require('./headers');
const attributes = require('./attributes');
const { refused, randomSecret } = require('./secrets');

/** How many cookies of one name are tried. */
const MOST = 16;

test.describe('the way in, in one step', () => {
  /** Parse, look for the prefix `s:`, unsign: each by the originals, for each cookie of the name. */
  function opened(header, name, secrets) {
    const values = valuesOf(header, name).slice(0, MOST);
    const outcomes = values.map((value) => outcome(() => verified(value, secrets)));
    const { thrown, value = native.NO_COOKIE } = outcomes.find((one) => typeof one.value === 'string') ?? outcomes[0] ?? {};
    if (thrown) throw thrown;
    return value;
  }

  /** npm cookie keeps the first of a name only, so each is read alone. */
  function valuesOf(header, name) {
    if (header.length < 2) return [];
    const found = header.split(';').map((pair) => cookie.parse(` ${pair} `));
    return found.filter((one) => Object.hasOwn(one, name)).map((one) => one[name]);
  }

  function verified(value, secrets) {
    if (!value) return native.NO_COOKIE;
    if (!value.startsWith('s:')) return native.UNSIGNED_COOKIE;
    for (const secret of secrets) {
      const sid = signature.unsign(value.slice(2), secret);
      if (sid !== false) return sid;
    }
    return native.FORGED_COOKIE;
  }

  function check(header, name, secrets, keyring) {
    assertSame(
      outcome(() => keyring.unsignCookie(header, name)),
      outcome(() => opened(header, name, secrets)),
      () => `${short(name)} in ${short(header)} with ${inspect(secrets)}`,
    );
  }

  const secrets = ['one', Buffer.from('two')];
  const keyring = new Keyring(secrets);
  const signed = (sid, secret) => `s:${signature.sign(sid, secret)}`;

  test('the three reasons for no value are three numbers', () => {
    assert.equal(new Set([native.NO_COOKIE, native.UNSIGNED_COOKIE, native.FORGED_COOKIE]).size, 3);
  });

  test('picked cookies', () => {
    const sids = ['kZ0p-_wQ7rT5yU3iO1aS9dF8gH6jK4lL', '', '.', 'a.b', 'a b;c="d"', '%41', '\u20ac', '\ud800', '\ud83d\ude00', 'x'.repeat(600)];
    for (const sid of sids) {
      for (const secret of ['one', 'two', 'three']) {
        const value = signed(sid, secret);
        const escaped = encodeURIComponent(value.replace(/[\ud800-\udfff]/g, '!'));
        for (const text of [value, `"${value}"`, ` ${value} `, escaped, `"${escaped}"`, escaped.toLowerCase(), escaped.slice(0, -1), `${escaped}%`, `${escaped}%3D`, value.slice(2), value.slice(1), `S${value.slice(1)}`, `s%3A${value.slice(2)}`, ` s:${value}`]) {
          check(`sid=${text}`, 'sid', secrets, keyring);
          check(`a=1; sid=${text}; sid=s:other`, 'sid', secrets, keyring);
          check(`sid=; sid=${text}`, 'sid', secrets, keyring);
          check(`sid=${text}; sid=${signed('old', 'three')}; sid=${signed('new', 'two')}`, 'sid', secrets, keyring);
          check(`${'sid=s:; '.repeat(MOST - 1)}sid=${text}`, 'sid', secrets, keyring);
          check(`${'sid=s:; '.repeat(MOST)}sid=${text}`, 'sid', secrets, keyring);
          check(`sid=${text}`, 'other', secrets, keyring);
        }
      }
    }
    for (const value of ['', 's', 's:', 's:.', 's%3A', 's%3a.', ':', 'j:{}']) check(`sid=${value}`, 'sid', secrets, keyring);
  });

  test('random cookies', () => {
    forEachCase((random) => {
      const ring = Array.from({ length: random.below(4) }, () => randomSecret(random));
      const own = new Keyring(ring);
      const sid = random.text(40, random.pick([ascii, latin1, utf16])(random));
      const { value = 's:none' } = outcome(() => signed(sid, random.pick(ring)));
      const { value: escaped = value } = outcome(() => encodeURIComponent(value));
      const before = random.chance(0.5) ? `${headers.randomHeader(random)}; ` : '';
      const after = random.chance(0.5) ? `; ${headers.randomHeader(random)}` : '';
      const at = random.below(escaped.length);
      const text = random.pick([value, escaped, escaped, escaped.slice(0, at) + random.text(2, utf16(random)) + escaped.slice(at + 1)]);
      check(`${before}sid=${text}${after}`, 'sid', ring, own);
      check(`${before}sid=${random.pick(['', 'old', text, 's:old.sig'])}; sid=${text}${after}`, 'sid', ring, own);
    });
  });
});

test.describe('the way out, in one step', () => {
  /** `makeOptions` is called for each side, as reading some options changes them. */
  function check(name, sid, secrets, makeOptions) {
    const keyring = new Keyring(secrets);
    const theirs = makeOptions();
    assertSame(
      outcome(() => new serialize.CookieWriter(name).write(sid, keyring, makeOptions())),
      outcome(() => cookie.serialize(name, `s:${signature.sign(sid, secrets[0])}`, theirs)),
      () => `seal(${short(name)}, ${short(sid)}, ${inspect(secrets)}, ${inspect(theirs)})`,
    );
  }

  test('picked sids and options', () => {
    for (const sid of ['kZ0p-_wQ7rT5yU3iO1aS9dF8gH6jK4lL', '', '.', 'a.b', 'a b;c="d"', '\u20ac', '\ud800', '\udc00\ud800', '\ud83d\ude00', 'x'.repeat(600), ...unusual]) {
      check('connect.sid', sid, ['one', 'two'], () => ({ path: '/', httpOnly: true, expires: null, secure: false, domain: null, sameSite: undefined }));
      check('sid', sid, ['one'], () => ({ path: '/app', domain: 'example.com', secure: true, partitioned: true, priority: 'high', sameSite: 'none', expires: new Date(1719999999999) }));
      check('sid', sid, ['one'], () => ({ maxAge: 60, encode: (text) => Buffer.from(text).toString('hex') }));
    }
  });

  test('every odd value of every attribute', () => {
    for (const [key, values] of Object.entries(attributes.attributes)) {
      for (const value of [...values, ...attributes.anything]) {
        const isMaker = key === 'expires' && values.includes(value);
        check('sid', 'value', ['one'], () => ({ path: '/', [key]: isMaker ? value() : value }));
      }
    }
  });

  test('bad secrets and bad names', () => {
    for (const secret of refused) check('sid', 'value', [secret, 'good'], () => ({ path: '/' }));
    check('sid', 'value', [], () => ({ path: '/' }));
    for (const name of attributes.names.filter((each) => typeof each === 'string')) check(name, 'value', ['one'], () => ({ path: '/' }));
  });

  test('random cookies', () => {
    forEachCase((_, seed) => {
      const first = new Random(seed);
      const sid = first.text(40, first.pick([ascii, latin1, utf16])(first));
      const name = first.chance(0.9) ? 'sid' : first.text(3, ascii(first));
      const secrets = [first.chance(0.9) ? 'keyboard cat' : randomSecret(first)];
      check(name, sid, secrets, () => attributes.randomOptions(new Random(seed), true));
    });
  });
});
