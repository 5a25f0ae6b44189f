'use strict';

/**
 * The inputs of the fuzz targets (fuzz/) through npm cookie 0.7.2 and cookie-signature
 * 1.0.7: the targets compare the engine with references in Rust, and this compares it with
 * what those references stand for. FUZZ_INPUTS names one more folder with inputs by
 * target, as a long run leaves it.
 */

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const cookie = require('cookie');
const signature = require('cookie-signature');
const Keyring = require('../../session/cookie/keyring');
const serialize = require('../../session/cookie/serialize');
const build = require('../engines/addon');

const { outcome, assertSame } = require('./bytes/outcome');

const folders = [path.join(__dirname, '../../fuzz/inputs')];
if (process.env.FUZZ_INPUTS) folders.push(path.resolve(process.env.FUZZ_INPUTS));

/**
 * Calls `check` with the name of each input and its text: as Node.js reads headers, and as
 * a program's own text.
 */
function forEachInput(target, check) {
  let count = 0;
  for (const folder of folders.map((each) => path.join(each, target)).filter(fs.existsSync)) {
    for (const file of fs.readdirSync(folder)) {
      const input = fs.readFileSync(path.join(folder, file));
      for (const encoding of ['latin1', 'utf8']) {
        check(`${path.join(folder, file)} as ${encoding}`, input.toString(encoding));
        count++;
      }
    }
  }
  assert.ok(count >= 80, 'the inputs are there');
}

/** What stands before the first separator, and behind it. */
function cut(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

test('cookie headers', { skip: build.skip }, async () => {
  const { __parseCookie: read } = require(await build());
  forEachInput('cookie_header', (input, text) => {
    const [name, header] = text.includes('\n') ? cut(text, '\n') : ['connect.sid', text];
    const found = cookie.parse(header);
    for (const each of [name, ...Object.keys(found)]) {
      const theirs = { value: Object.hasOwn(found, each) ? found[each] : undefined };
      assertSame(outcome(() => read(header, each)), theirs, () => input);
    }
  });
});

test('signed values', () => {
  forEachInput('unsign', (input, text) => {
    const [first, rest = ''] = cut(text, '\n');
    const [, value = ''] = cut(rest, '\n');
    const secrets = first.split('\t');
    const keyring = new Keyring(secrets);
    const unsigned = (signed) => secrets.map((secret) => signature.unsign(signed, secret)).find((it) => it !== false) ?? false;
    const signed = outcome(() => signature.sign(value, secrets[0]));
    assertSame(outcome(() => keyring.sign(value)), signed, () => input);
    for (const each of [value, signed.value ?? '', `${signed.value}=`, `${signed.value}`.slice(0, -1)]) {
      assertSame(outcome(() => keyring.unsign(each)), outcome(() => unsigned(each)), () => input);
    }
  });
});

test('Set-Cookie headers', () => {
  // In the file FF is a line feed of a text, as that ends the lines.
  const plain = (text = '') => text.replaceAll(/[\u00ff\ufffd]/g, '\n');
  const numbers = { inf: Infinity, '-inf': -Infinity };
  const number = (text) => numbers[text] ?? Number(text);
  const readers = {
    encoded: () => ({ encode: String }),
    maxAge: (text) => ({ maxAge: number(text) }),
    domain: (text) => ({ domain: text }),
    path: (text) => ({ path: text }),
    expires: (text) => ({ expires: new Date(number(text)) }),
    httpOnly: () => ({ httpOnly: true }),
    secure: () => ({ secure: true }),
    partitioned: () => ({ partitioned: true }),
    priority: (text) => ({ priority: text }),
    sameSite: (text) => ({ sameSite: text }),
  };
  forEachInput('set_cookie', (input, text) => {
    const fields = { name: '', value: '' };
    const options = {};
    for (const line of text.split('\n')) {
      const [field, value] = cut(line, '=');
      if (Object.hasOwn(fields, field)) fields[field] = plain(value);
      if (Object.hasOwn(readers, field)) Object.assign(options, readers[field](plain(value)));
    }
    const { name, value } = fields;
    assertSame(outcome(() => serialize(name, value, options)), outcome(() => cookie.serialize(name, value, options)), () => input);
  });
});
