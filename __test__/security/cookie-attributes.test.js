'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open } = require('../compat/app');
const { session, isOurs } = require('../subject');
const { attributesOf } = require('./cookies');
const { cookieOf, read } = require('../../test-kit/jar');

const write = (req, res) => {
  req.session.user = 'tobi';
  res.end();
};
/** A proxy that ended TLS says so. */
const https = { headers: { 'x-forwarded-proto': 'https' } };
const DAY = 24 * 60 * 60 * 1000;

async function headerOf(t, options, visit) {
  const app = await open(t, { options });
  const { cookies } = await app.visit(write, visit);
  return cookies;
}

test('by default: HttpOnly, the whole host, until the browser closes; neither Secure nor SameSite', async (t) => {
  const [header] = await headerOf(t, {});
  assert.deepEqual(attributesOf(header), ['Path=/', 'HttpOnly']);
});

/** Each option, and what it adds to or takes from the default. */
const attributes = [
  [{ httpOnly: false }, ['Path=/']],
  [{ path: '/app' }, ['Path=/app', 'HttpOnly'], { path: '/app' }],
  [{ domain: 'example.com' }, ['Domain=example.com', 'Path=/', 'HttpOnly']],
  [{ secure: true }, ['Path=/', 'HttpOnly', 'Secure'], https],
  [{ secure: 'auto' }, ['Path=/', 'HttpOnly', 'Secure'], https],
  [{ secure: 'auto' }, ['Path=/', 'HttpOnly']],
  [{ sameSite: 'lax' }, ['Path=/', 'HttpOnly', 'SameSite=Lax']],
  [{ sameSite: 'strict' }, ['Path=/', 'HttpOnly', 'SameSite=Strict']],
  [{ sameSite: true }, ['Path=/', 'HttpOnly', 'SameSite=Strict']],
  [{ sameSite: 'none', secure: true }, ['Path=/', 'HttpOnly', 'Secure', 'SameSite=None'], https],
  [{ sameSite: 'auto' }, ['Path=/', 'HttpOnly', 'SameSite=Lax']],
  [{ sameSite: 'auto', secure: 'auto' }, ['Path=/', 'HttpOnly', 'Secure', 'SameSite=None'], https],
  [{ partitioned: true }, ['Path=/', 'HttpOnly', 'Partitioned']],
  [{ priority: 'high' }, ['Path=/', 'HttpOnly', 'Priority=High']],
  [{ expires: new Date(Date.UTC(2100, 0, 1)) }, ['Path=/', 'Expires=Fri, 01 Jan 2100 00:00:00 GMT', 'HttpOnly']],
];

for (const [cookie, expected, visit] of attributes) {
  test(`the cookie option ${JSON.stringify(cookie)}, ${visit === https ? 'behind TLS' : 'in the clear'}`, async (t) => {
    const [header] = await headerOf(t, { cookie, proxy: true }, visit);
    assert.deepEqual(attributesOf(header), expected);
  });
}

test('maxAge is sent as Expires, and never as more than it is', async (t) => {
  const before = Date.now();
  const [header] = await headerOf(t, { cookie: { maxAge: DAY } });
  const expires = attributesOf(header).find((text) => text.startsWith('Expires=')).slice('Expires='.length);
  // The header has whole seconds, rounded down.
  assert.ok(Date.parse(expires) <= Date.now() + DAY);
  assert.ok(Date.parse(expires) > before + DAY - 1000);
});

test('a secure cookie is withheld from a connection that is not', async (t) => {
  const options = { cookie: { secure: true } };
  assert.deepEqual(await headerOf(t, options), []);
  // A header that anybody can send counts only if the app says that a proxy sets it.
  assert.deepEqual(await headerOf(t, options, https), []);
  assert.deepEqual(await headerOf(t, { ...options, proxy: false }, https), []);
});

for (const name of ['__Host-sid', '__Secure-sid']) {
  test(`the name ${name} is written and found again`, async (t) => {
    const app = await open(t, { options: { name, proxy: true, cookie: { secure: true, sameSite: 'lax' } } });
    const { cookies: [header] } = await app.visit(write, https);
    assert.ok(header.startsWith(`${name}=s%3A`));
    // What browsers demand of `__Host-` (RFC 6265bis section 4.1.3.2): Secure, no Domain, Path=/.
    assert.deepEqual(attributesOf(header), ['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']);
    const { body } = await app.visit((req, res) => res.end(req.session.user), https);
    assert.equal(body, 'tobi');
  });
}

test('a cookie of another prefix or case is another cookie', async (t) => {
  const app = await open(t, { options: { name: '__Host-sid', proxy: true, cookie: { secure: true } } });
  await app.visit(write, https);
  const value = app.jar.get('__Host-sid');
  for (const name of ['sid', '__Secure-sid', '__host-sid', '__HOST-SID', ' __Host-sid;', '%5F_Host-sid']) {
    const { body } = await app.visit((req, res) => res.end(String(req.session.user)), { ...https, cookie: `${name}=${value}` });
    assert.equal(body, 'undefined', name);
  }
});

test('name and value take at most 177 of the 4096 bytes that browsers keep', async (t) => {
  const [header] = await headerOf(t, {});
  const { name, value } = read(header);
  assert.equal(name, 'connect.sid');
  // 32 characters of id and 43 of signature, of which `+` and `/` are written as three.
  assert.match(decodeURIComponent(value), /^s:[A-Za-z0-9_-]{32}\.[A-Za-z0-9+/]{43}$/);
  assert.ok(name.length + value.length <= 11 + 's%3A'.length + 32 + 1 + 3 * 43);
});

/** What would end the attribute, or the header. */
const injections = ['; Domain=evil.example', '\r\nSet-Cookie: a=b', '\nX-Evil: 1', '\0', '\x7f', 'é; HttpOnly'];

const injected = [
  ...injections.map((text) => ({ cookie: { path: `/${text}` } })),
  ...injections.map((text) => ({ cookie: { domain: `example.com${text}` } })),
  ...injections.map((text) => ({ cookie: { sameSite: `lax${text}` } })),
  ...injections.map((text) => ({ cookie: { priority: `low${text}` } })),
  { cookie: { expires: new Date(NaN) } },
];

test('an attribute that would write something else into the header is an error, and no cookie goes out', async (t) => {
  for (const options of injected) {
    // The options themselves are refused at once.
    const app = await open(t, { options: { saveUninitialized: true } });
    const failed = app.error();
    const visit = app.visit((req, res) => {
      Object.assign(req.session.cookie, options.cookie);
      res.end('page');
    });
    const [error, answer] = await Promise.all([failed, visit]);
    assert.ok(error instanceof Error, JSON.stringify(options));
    assert.deepEqual(answer.cookies, [], JSON.stringify(options));
    assert.equal(answer.headers['x-evil'], undefined);
  }
});

test('an option that would write something else into the header makes no middleware', { skip: !isOurs }, () => {
  const names = [...injections.map((text) => `sid${text}`), 'a=b', 'a b', 'a,b'];
  const options = [...names.map((name) => ({ name })), ...injected.filter(({ cookie }) => !cookie.expires)];
  for (const wrong of options) {
    assert.throws(() => session({ secret: 'a', resave: false, saveUninitialized: false, ...wrong }), TypeError, JSON.stringify(wrong));
  }
});

test('a session id of any characters cannot leave the value', async (t) => {
  for (const sid of ['a; Domain=evil.example', 'a\r\nSet-Cookie: b=c', 'a,b"\\', 'é🔑', '\0']) {
    const [header, ...more] = await headerOf(t, { genid: () => sid });
    assert.deepEqual(more, []);
    assert.deepEqual(attributesOf(header), ['Path=/', 'HttpOnly']);
    assert.ok(decodeURIComponent(cookieOf(header)).startsWith(`connect.sid=s:${sid}.`));
  }
});
