'use strict';

/**
 * The list of a cookie's attributes, `ATTRIBUTES`, against all that reads or writes cookies:
 * each has a list of its own, or names them one by one, and none may forget one.
 */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { open } = require('../compat/app');
const { secret, attributesOf, sidOf } = require('../security/cookies');
const session = require('../..');
const { ATTRIBUTES, isSame } = require('../../session/cookie/attributes');
const Keyring = require('../../session/cookie/keyring');
const native = require('../../session/native/load');
const { CookieWriter } = require('../../session/cookie/serialize');

const { Cookie, MemoryStore } = session;

const DAY = 24 * 60 * 60 * 1000;
const DATE = new Date(Date.UTC(2100, 0, 1));

/** Of each attribute two values that no default is, and what a Set-Cookie header has for each. */
const VALUES = {
  originalMaxAge: [[DAY, undefined], [2 * DAY, undefined]],
  partitioned: [[true, 'Partitioned'], [false, undefined]],
  priority: [['low', 'Priority=Low'], ['high', 'Priority=High']],
  expires: [[DATE, `Expires=${DATE.toUTCString()}`], [new Date(0), 'Expires=Thu, 01 Jan 1970 00:00:00 GMT']],
  secure: [[true, 'Secure'], [false, undefined]],
  httpOnly: [[false, undefined], [true, 'HttpOnly']],
  domain: [['a.example', 'Domain=a.example'], ['b.example', 'Domain=b.example']],
  path: [['/', 'Path=/'], ['/a', 'Path=/a']],
  sameSite: [['lax', 'SameSite=Lax'], ['none', 'SameSite=None']],
};

/** Those without which the engine leaves a cookie to JavaScript. */
const NEEDED = ['originalMaxAge', 'expires', 'httpOnly', 'path'];

/** A cookie with the first value of each attribute, but for those that are given. */
function cookieWith(given = {}) {
  const cookie = new Cookie();
  for (const name of ATTRIBUTES) setAttribute(cookie, name, name in given ? given[name] : VALUES[name]?.[0][0]);
  return cookie;
}

/** Not by the accessor of `expires`, which rewrites another attribute. */
function setAttribute(cookie, name, value) {
  cookie[name === 'expires' ? '_expires' : name] = value;
}

test('each attribute has values here', () => {
  assert.deepEqual(Object.keys(VALUES), ATTRIBUTES, 'VALUES needs the new attribute');
});

test('a cookie\'s data, and so its JSON, are the attributes in their order', () => {
  assert.deepEqual(Object.keys(new Cookie().data), ATTRIBUTES);
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(cookieWith()))), ATTRIBUTES);
});

for (const name of ATTRIBUTES.filter((known) => known in VALUES)) {
  const [[first, text], [second, secondText]] = VALUES[name];

  test(`${name}: a change makes another cookie of it, unless it is the expiry`, () => {
    const stored = JSON.parse(JSON.stringify(cookieWith()));
    assert.equal(isSame(cookieWith(), stored), true);
    assert.equal(isSame(cookieWith({ [name]: second }), stored), name === 'expires');
    assert.equal(isSame(cookieWith(), { ...stored, [name]: undefined }), name === 'expires');
  });

  test(`${name}: Set-Cookie has it, by both ways to write it`, () => {
    // One after the other by the same writer, which remembers what it wrote last.
    const writer = new CookieWriter('n');
    const keyring = new Keyring([secret]);
    const write = (value) => {
      const cookie = cookieWith({ [name]: value });
      const header = cookie.serialize('n', 'v');
      assert.equal(writer.write('sid', keyring, cookie.data), cookie.serialize('n', `s:${keyring.sign('sid')}`));
      return attributesOf(header);
    };
    const [before, after] = [write(first), write(second)];
    const others = (list, own) => list.filter((it) => it !== own);
    assert.deepEqual(others(before, text), others(after, secondText));
    assert.equal(before.includes(text), text !== undefined);
    assert.equal(after.includes(secondText), secondText !== undefined);
    assert.deepEqual(write(first), before);
  });
}

/** What the engine makes of a session with such a cookie: its renewal, and whether it is renewed in place. */
function engineOn(cookie) {
  const found = Buffer.alloc(native.DETAILS_BYTES);
  const store = native.createStore(NaN, NaN);
  const keys = native.prepareKeys([Buffer.from(secret)]);
  native.storePut(store, 'sid', JSON.stringify(cookie), '{"n":1}', NaN, NaN);
  const answer = native.createSessionReader('n', keys, store, found)(`n=${native.signedCookieValue('sid', keys)}`, 0);
  assert.equal(answer, '{"n":1}', 'the session reader does not know the session');
  const number = found.readDoubleLE(native.DETAILS_COOKIE_NUMBER);
  const outcome = native.storeRequestCalls(store).renew('sid', number, NaN, NaN, 0);
  return { renewal: found[native.DETAILS_RENEWAL], outcome, cookie: JSON.parse(native.storePeek(store, 'sid')).cookie };
}

const left = ({ renewal, outcome }) => renewal === native.RENEWAL_UNCLEAR && outcome === native.NOT_CHANGED;

test('the engine renews a cookie with all attributes in place, and changes nothing but the date', () => {
  const cookie = JSON.parse(JSON.stringify(cookieWith()));
  const renewed = engineOn(cookie);
  assert.ok(![native.RENEWAL_SAME, native.RENEWAL_UNCLEAR].includes(renewed.renewal));
  assert.equal(renewed.outcome, native.CHANGED);
  assert.deepEqual(Object.entries(renewed.cookie), Object.entries({ ...cookie, expires: new Date(DAY).toISOString() }));
});

for (const [at, name] of ATTRIBUTES.entries()) {
  const entries = Object.entries(JSON.parse(JSON.stringify(cookieWith())));

  test(`${name}: the engine knows it, in its place and in no other`, () => {
    const without = Object.fromEntries(entries.filter(([key]) => key !== name));
    const alone = Object.fromEntries(entries.filter(([key]) => key === name || NEEDED.includes(key)));
    assert.equal(engineOn(alone).outcome, native.CHANGED, 'with those alone that must be there');
    assert.equal(left(engineOn(without)), NEEDED.includes(name), 'without it');
    const renamed = Object.fromEntries(entries.map(([key, value]) => [key === name ? `${name}X` : key, value]));
    assert.ok(left(engineOn(renamed)), 'an unknown key in its place');
    const before = Object.fromEntries([...entries.slice(0, at), ['unknown', 1], ...entries.slice(at)]);
    assert.ok(left(engineOn(before)), 'an unknown key before it');
    for (const [other] of ATTRIBUTES.entries()) {
      if (other === at) continue;
      const swapped = [...entries];
      [swapped[at], swapped[other]] = [entries[other], entries[at]];
      assert.ok(left(engineOn(Object.fromEntries(swapped))), `in the place of ${ATTRIBUTES[other]}`);
    }
  });
}

/** The names of a type's members in index.d.ts, in their order. */
function membersOf(type) {
  const text = fs.readFileSync(path.join(__dirname, '..', '..', 'index.d.ts'), 'utf8');
  const [, body] = new RegExp(`^  (?:interface|class) ${type}\\b[^{]*\\{\\n(.*?)^  \\}`, 'ms').exec(text);
  return [...body.matchAll(/^ {4}(?:readonly )?(\w+)\??: /gm)].map(([, name]) => name);
}

test('the types have each attribute: the stored ones in their order', () => {
  assert.deepEqual(membersOf('CookieData'), ATTRIBUTES);
  const without = (members, ...names) => members.filter((name) => !names.includes(name)).sort();
  const all = [...ATTRIBUTES].sort();
  // What stands for a time, and what is taken for compatibility, is none.
  assert.deepEqual(without(membersOf('Cookie'), 'maxAge', 'signed', 'data'), all);
  assert.deepEqual(without([...membersOf('CookieOptions'), ...membersOf('CookieInit')], 'maxAge', 'signed', 'encode'), all);
});

/** A store's other way: it has a method that is a program's. */
function otherway(store) {
  const { get } = store;
  store.get = function otherGet(...args) { return get.apply(this, args); };
  return store;
}

const BACKENDS = { resident: (store) => store, remote: otherway };

/** How the new session of a request comes: asleep, where the backend can, or at once. */
const NEW = {
  'an object': (cookie) => ({ cookie }),
  'an object, and a genid': (cookie) => ({ cookie, genid: native.sessionId }),
  'a function': (cookie) => ({ cookie: () => cookie }),
};

const pass = (req, res) => { res.end(); };
const read = (req, res) => { res.end(`${req.session.n}`); };
const write = (req, res) => {
  req.session.n = (req.session.n ?? 0) + 1;
  res.end();
};

/** The attributes of a Set-Cookie header, a date as the time that is left, in hours. */
const inHours = (header) => attributesOf(header).map((text) => {
  const [, date] = /^Expires=(.*)/.exec(text) ?? [];
  return date === undefined ? text : `Expires in ${Math.round((Date.parse(date) - Date.now()) / 3_600_000)} hours`;
});

/** An expiry is a lifetime, which using the session starts anew. */
function assertStored(cookie, name, value, label) {
  if (name === 'expires') assert.ok(Math.abs(Date.parse(cookie.expires) - value) < 60_000, label);
  else assert.deepEqual(cookie[name], value, label);
}

for (const [backend, storeOf] of Object.entries(BACKENDS)) {
  for (const [kind, optionsOf] of Object.entries(NEW)) {
    test(`the ${backend} backend, the option cookie is ${kind}: each attribute reaches Set-Cookie and the store`, async (t) => {
      for (const name of ATTRIBUTES) {
        for (const [value, text] of VALUES[name]) {
          // A cookie that is over is no session's.
          if (name === 'expires' && value < Date.now()) continue;
          const store = storeOf(new MemoryStore());
          const options = { store, proxy: true, rolling: true, saveUninitialized: true, ...optionsOf({ [name]: value }) };
          const app = await open(t, { options });
          const seen = [];
          for (const handler of [pass, pass, read, write, pass]) {
            const target = name === 'path' ? value : '/';
            const { cookies } = await app.visit(handler, { path: target, headers: { 'x-forwarded-proto': 'https' } });
            assert.equal(cookies.length, 1, `${name}: ${value}`);
            seen.push(inHours(cookies[0]));
            const [stored] = Object.values(store.sessions).map((it) => JSON.parse(it).cookie);
            assert.deepEqual(Object.keys(stored), ATTRIBUTES.filter((it) => it in stored));
            assertStored(stored, name, value, `${name}: ${value}`);
          }
          const lasting = { originalMaxAge: `Expires in ${value / 3_600_000} hours`, expires: inHours(`n; ${text}`)[0] };
          const expected = [
            lasting[name],
            ...['path', 'httpOnly', 'expires', 'originalMaxAge'].includes(name) ? [] : [text],
            name === 'path' ? text : 'Path=/',
            name === 'httpOnly' ? text : 'HttpOnly',
          ].filter(Boolean).sort();
          for (const attributes of seen) assert.deepEqual(attributes.sort(), expected, `${name}: ${value}`);
        }
      }
    });
  }

  test(`the ${backend} backend: what a program assigns to each attribute of a stored session reaches Set-Cookie and the store`, async (t) => {
    for (const name of ATTRIBUTES) {
      for (const [value, text] of VALUES[name]) {
        if (name === 'expires' && value < Date.now()) continue;
        for (const [writes, rolling] of [[false, true], [true, true], [true, false]]) {
          const store = storeOf(new MemoryStore());
          const app = await open(t, { options: { store, proxy: true, rolling, cookie: { maxAge: DAY, path: '/' } } });
          const https = { headers: { 'x-forwarded-proto': 'https' } };
          const { cookies: [first] } = await app.visit(write, https);
          const { cookies } = await app.visit((req, res) => {
            req.session.cookie[name] = value;
            if (writes) req.session.n++;
            res.end();
          }, https);
          assert.equal(cookies.length, 1);
          const stored = JSON.parse(store.sessions[sidOf(first)]).cookie;
          const label = `${name}: ${value}, ${writes ? 'written' : 'read'}, rolling ${rolling}`;
          assertStored(stored, name, value, label);
          if (name === 'expires') {
            assert.deepEqual(inHours(cookies[0]).filter((it) => it.startsWith('Expires')), inHours(`n; ${text}`), label);
          } else {
            const expected = name === 'originalMaxAge' ? `Expires in ${value / 3_600_000} hours` : text;
            if (expected) assert.ok(inHours(cookies[0]).includes(expected), `${label}: ${cookies}`);
            else assert.ok(!new RegExp(`; ${name}`, 'i').test(cookies[0]), `${label}: ${cookies}`);
          }
        }
      }
    }
  });
}
