'use strict';

// Not in check: it takes long.
// In coverage: nothing else runs all of session/cookie/problems.js.

/**
 * Cookies that browsers refuse: in development a warning of each kind, once in a process; with
 * the option `strictCookies` a TypeError for what is known at start. A real browser is asked, too,
 * whether it refuses what we say it refuses.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { sign } = require('cookie-signature');
const { launch, skip } = require('../browser');
const { child, files, kinds, open, write } = require('../compat/app');
const { session } = require('../subject');

const quiet = { secret: 'keyboard', resave: false, saveUninitialized: false };

/**
 * The warnings of a process: it serves one request for each call of `session()`, whose handler writes to the session.
 * @param {string[]} calls the options of each call, and for some what the handler does, as source
 */
async function warnings(calls, { env, headers = {}, kind = 'http', handler = '' } = {}) {
  const { stdout, stderr, status } = await child(`'use strict';
const http = require('node:http');
const session = require(process.env.PACKAGE);
const { createApp, serve } = require(process.env.KIT + '/app');
const { ask } = require(process.env.KIT + '/client');
process.on('warning', ({ name, code, message }) => console.log([name, code, message].join('|')));
(async () => {
  for (const options of [${calls}]) {
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store: new session.MemoryStore({ max: 9 }), ...options });
    const routes = (req, res) => { req.session.n = 1; ${handler}; res.end('fine'); };
    for (let i = 0; i < 2; i++) {
      const app = createApp({ kind: ${JSON.stringify(kind)}, layers: [middleware], routes });
      const { port, close } = await serve(app);
      const { body } = await ask(port, options.cookie?.path || '/', { headers: ${JSON.stringify(headers)} });
      if (body !== 'fine') console.log(body);
      await close();
    }
  }
})();`, { file: files.subject, env: { NODE_NO_WARNINGS: '1', NO_DEPRECATION: 'express-session', ...env } });
  assert.deepEqual([stderr, status], ['', 0]);
  return stdout.split('\n').filter(Boolean);
}

const SECURE = { 'x-forwarded-proto': 'https' };
const text = (options) => JSON.stringify(options);

/** What browsers refuse, by the options of `session()`, with what the warning says. */
const refused = {
  'SameSite=None': [{ cookie: { sameSite: 'none' } }, '"connect.sid" as it is sent: it has SameSite=None and is not Secure'],
  'SameSite=NONE': [{ cookie: { sameSite: 'NONE', secure: false } }, '"connect.sid" as it is sent: it has SameSite=None and is not Secure'],
  '__Host- and a domain': [{ name: '__Host-sid', cookie: { secure: true, domain: 'example.com' } }, '"__Host-sid" as it is sent: its name begins with __Host- and it has a domain'],
  '__Host- and another path': [{ name: '__Host-sid', cookie: { secure: true, path: '/app' } }, '"__Host-sid" as it is sent: its name begins with __Host- and its path is not "/"'],
  '__Host- and no path': [{ name: '__Host-sid', cookie: { secure: true, path: '' } }, '"__Host-sid" as it is sent: its name begins with __Host- and its path is not "/"'],
  '__Host- without Secure': [{ name: '__Host-sid' }, '"__Host-sid" as it is sent: its name begins with __Host- and it is not Secure'],
  '__hOST- without Secure': [{ name: '__hOST-sid' }, '"__hOST-sid" as it is sent: its name begins with __Host- and it is not Secure'],
  '__Secure- without Secure': [{ name: '__Secure-sid', cookie: { path: '/app' } }, '"__Secure-sid" as it is sent: its name begins with __Secure- and it is not Secure'],
  '__SECURE- without Secure': [{ key: '__SECURE-sid' }, '"__SECURE-sid" as it is sent: its name begins with __Secure- and it is not Secure'],
  'a long name': [{ name: 'n'.repeat(4096) }, `"${'n'.repeat(50)}" as it is sent: its name and value have `],
  'a long path': [{ cookie: { path: `/${'p'.repeat(1024)}` } }, '"connect.sid" as it is sent: its Path has more than 1024 bytes'],
  'a long domain': [{ cookie: { domain: `${'label.'.repeat(171)}com` } }, '"connect.sid" as it is sent: its Domain has more than 1024 bytes'],
};

/** What browsers accept. */
const accepted = [
  {},
  { cookie: { sameSite: 'none', secure: true } },
  { cookie: { sameSite: 'lax' } },
  { name: '__Host-sid', cookie: { secure: true } },
  { name: '__Secure-sid', cookie: { secure: true, domain: 'example.com', path: '/app' } },
  { name: '_Host-sid' }, { name: '__Hosts' }, { name: 'x__Host-sid' }, { name: '__Secure' },
  { cookie: { path: `/${'p'.repeat(1023)}` } },
];

/** What browsers accept, as only a request knows: the options as source. */
const acceptedLate = [
  '{ name: "__Host-sid", proxy: true, cookie: () => ({ secure: true }) }',
  '{ name: "__Host-sid", proxy: true, cookie: new Proxy({ secure: true }, {}) }',
  '{ name: "__Host-sid", proxy: true, cookie: { get secure() { return true; } } }',
  '{ name: "__Host-sid", proxy: true, cookie: { secure: true, path: { toString: () => "/" } } }',
  '{ proxy: true, cookie: { sameSite: "auto", secure: "auto" } }',
];

/** What only a request knows: the options as source. */
const late = {
  'a function': ['{ cookie: () => ({ sameSite: "none" }) }', 'SameSite=None'],
  'a getter': ['{ cookie: { sameSite: "none", get secure() { return false; } } }', 'SameSite=None'],
  'a Proxy': ['{ cookie: new Proxy({ sameSite: "none" }, {}) }', 'SameSite=None'],
  'secure auto': ['{ name: "__Host-sid", cookie: { secure: "auto" } }', '__Host- and it is not Secure'],
  'an object as path': ['{ name: "__Host-sid", cookie: { secure: "auto", path: { toString: () => "/" } } }', '__Host- and it is not Secure'],
  'a genid with long ids': ['{ genid: () => "x".repeat(4096) }', 'its name and value have 41'],
};

for (const [name, [options, message]] of Object.entries(refused)) {
  test(`a warning at session(): ${name}`, async () => {
    const { stdout } = await child(`
process.on('warning', ({ name, code, message }) => console.log([name, code, message].join('|')));
for (let i = 0; i < 3; i++) require(process.env.PACKAGE)({ ...${text(quiet)}, ...${text(options)} });`, { file: files.subject });
    const lines = stdout.split('\n').filter(Boolean);
    assert.equal(lines.length, 1, stdout);
    assert.ok(lines[0].startsWith(`Warning|EXPRESS_SESSION_COOKIE|browsers do not keep the cookie ${message}`), stdout);
  });

  test(`strictCookies: ${name}`, () => {
    assert.throws(() => session({ ...quiet, ...options, strictCookies: true }), ({ name: kind, message: said }) => {
      assert.equal(kind, 'TypeError');
      return said.startsWith(`strictCookies option: browsers do not keep the cookie ${message}`);
    });
    session({ ...quiet, ...options });
    session({ ...quiet, ...options, strictCookies: false });
  });
}

test('strictCookies holds in production, too, and accepts what browsers accept and what only a request knows', async () => {
  for (const options of accepted) session({ ...quiet, ...options, strictCookies: true });
  const { stdout, stderr } = await child(`const session = require(process.env.PACKAGE);
for (const options of [${[...acceptedLate, ...Object.values(late).map(([source]) => source)]}, { cookie: { sameSite: 'auto' } }]) {
  session({ ...${text(quiet)}, ...options, strictCookies: true });
}
try { session({ ...${text(quiet)}, cookie: { sameSite: 'none' }, strictCookies: true }); } catch (error) { console.log(error.name); }`,
  { file: files.subject, env: { NODE_ENV: 'production', NODE_NO_WARNINGS: '1' } });
  assert.equal(stdout, 'TypeError\n');
  assert.doesNotMatch(stderr, /EXPRESS_SESSION_COOKIE/);
});

test('no warning of what browsers accept', async () => {
  const calls = [...accepted.map((options) => text({ proxy: true, ...options })), ...acceptedLate];
  assert.deepEqual(await warnings(calls, { headers: SECURE }), []);
});

for (const [name, [options, message]] of Object.entries(late)) {
  for (const store of ['MemoryStore', 'Store']) {
    test(`a warning in the request: ${name}, ${store}`, async () => {
      const given = store === 'Store' ? `{ ...${options}, store: Object.assign(new session.Store(), { set: (sid, s, fn) => fn() }) }` : options;
      const lines = await warnings([given, given]);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0], /^Warning\|EXPRESS_SESSION_COOKIE\|browsers do not keep the cookie /);
      assert.ok(lines[0].includes(message), lines[0]);
    });
  }
}

for (const kind of kinds) {
  test(`a warning of what the handler assigns, and of sameSite auto behind TLS (${kind})`, async () => {
    const lines = await warnings(['{}'], { kind, handler: 'req.session.cookie.sameSite = "none"' });
    assert.deepEqual(lines.map((line) => line.split(': ')[1]), ['it has SameSite=None and is not Secure']);
    const auto = '{ proxy: true, cookie: { sameSite: "auto" } }';
    assert.deepEqual(await warnings([auto], { kind }), []);
    assert.equal((await warnings([auto], { kind, headers: SECURE })).length, 1);
  });

  test(`a secure cookie that is withheld (${kind})`, async () => {
    const options = text({ cookie: { secure: true } });
    const lines = await warnings([options, text({ name: 'other', cookie: { secure: true } })], { kind, headers: SECURE });
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], /^Warning\|EXPRESS_SESSION_COOKIE\|the cookie "connect\.sid" was not sent, .*"trust proxy"/);
    assert.deepEqual(await warnings([text({ proxy: true, cookie: { secure: true } })], { kind, headers: SECURE }), []);
    assert.deepEqual(await warnings([text({ cookie: { secure: 'auto' } })], { kind }), []);
  });
}

test('each kind is told once, and only outside production', async () => {
  const calls = [
    text({ cookie: { secure: true } }), text({ cookie: { sameSite: 'none' } }), text({ name: '__Host-a' }), text({ name: '__Secure-b' }),
    '{ genid: () => "x".repeat(4096) }',
  ];
  const lines = await warnings([...calls, ...calls]);
  assert.equal(lines.length, 5, lines.join('\n'));
  assert.equal(new Set(lines.map((line) => line.split('|')[2])).size, 5);
  assert.equal((await warnings(calls, { env: { NODE_ENV: 'test' } })).length, 5);
  assert.deepEqual(await warnings(calls, { env: { NODE_ENV: 'production' } }), []);
});

test('the exact size that browsers keep: name and value 4,096 bytes, whatever the attributes', async () => {
  // `=` between name and value does not count. Percent-encoding lengthens a signature, so the ids are searched.
  const name = 'n'.repeat(3900);
  const idOf = (bytes) => {
    for (let i = 0; ; i++) {
      const id = String(i).padStart(100 + (i % 50), '0');
      if (name.length + encodeURIComponent(`s:${sign(id, 'keyboard')}`).length === bytes) return id;
    }
  };
  const options = (bytes) => `{ name: ${text(name)}, genid: () => '${idOf(bytes)}' }`;
  assert.deepEqual(await warnings([options(4096)]), []);
  assert.match((await warnings([options(4097)])).join(), /have 4097 bytes, more than 4096$/);
});

test('no warning has a session id', async () => {
  const lines = await warnings(['{ genid: () => "secretid".repeat(600) }', '{ genid: () => "secretid", cookie: { secure: true } }']);
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines.join(), /secretid/);
});

test('a wrong value is refused at once', () => {
  for (const strictCookies of [null, 0, 1, 'true', {}]) {
    assert.throws(() => session({ ...quiet, strictCookies }), { name: 'TypeError', message: 'strictCookies option must be a boolean' });
  }
});

test('a browser keeps what we accept, and nothing that we say it refuses', { skip }, async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const isKept = async (options) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    // 127.0.0.1 is trustworthy, so the browser takes secure cookies from it.
    const app = await open(t, { options: { ...options, proxy: true }, handler: write, use: [(req, res, next) => { req.headers['x-forwarded-proto'] = 'https'; next(); }] });
    await page.goto(`http://127.0.0.1:${app.port}${options.cookie?.path || '/'}`);
    const { path: wanted = '/', domain } = options.cookie ?? {};
    const cookies = await context.cookies();
    await context.close();
    return cookies.some((cookie) => cookie.path === wanted && (domain === undefined || cookie.domain.endsWith(domain)));
  };
  for (const options of accepted.filter(({ cookie }) => !cookie?.domain)) assert.ok(await isKept(options), text(options));
  for (const [options] of Object.values(refused)) assert.ok(!await isKept(options), text(options));
});
