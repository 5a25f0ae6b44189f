'use strict';

/**
 * The option `clearCookie`: the browser forgets the cookie of a session that is gone, whatever
 * the store and however the session went; and nothing is cleared otherwise.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { launch, skip } = require('../browser');
const { kinds, ledger, open, original, write } = require('../compat/app');
const { session } = require('../subject');
const { cookieOf } = require('../../test-kit/jar');

const EPOCH = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT';

/** The ways to a store: a MemoryStore, one that a program has wrapped, one with own ids, another kind. */
const stores = {
  'MemoryStore': () => ({ store: new session.MemoryStore() }),
  'MemoryStore with a wrapped get': () => {
    const store = new session.MemoryStore();
    const { get } = store;
    store.get = function wrapped(sid, callback) { get.call(this, sid, callback); };
    return { store };
  },
  'MemoryStore with a genid': () => ({ genid: () => `id-${Math.random()}` }),
  'another store': () => ({ store: ledger() }),
  'another store that answers at once': () => ({ store: ledger({ sync: true }) }),
};

/** The ways to end a session, and whether the option unset must be 'destroy' for it. */
const ends = {
  'destroy with a callback': [(req, res) => req.session.destroy((error) => { res.end(String(error)); })],
  'destroy without one': [(req, res) => { req.session.destroy(); res.end('gone'); }],
  'destroy, and headers written at once': [(req, res) => { req.session.destroy(() => { res.writeHead(200, { 'X-A': '1' }); res.end(); }); }],
  'null': [(req, res) => { req.session = null; res.end('gone'); }, true],
  'null after a look': [(req, res) => { req.session.n++; req.session = null; res.end('gone'); }, true],
  'delete': [(req, res) => { delete req.session; res.end('gone'); }, true],
  'null, and a body in pieces': [(req, res) => { req.session = null; res.write('go'); res.end('ne'); }, true],
};

/** The attributes of a Set-Cookie header but for its time: after the name and the value. */
const attributes = (header) => header.split('; ').slice(1).filter((part) => !part.startsWith('Expires')).sort();

async function loggedIn(t, options, more) {
  const app = await open(t, { options: { clearCookie: true, ...options }, ...more });
  const { cookies } = await app.visit(write);
  assert.equal(cookies.length, 1);
  return { app, set: cookies[0] };
}

for (const [storeName, makeOptions] of Object.entries(stores)) {
  for (const [name, [end, isUnset]] of Object.entries(ends)) {
    test(`${name}: ${storeName}`, async (t) => {
      for (const maxAge of [undefined, 60000]) {
        const cookie = { maxAge, path: '/', domain: 'example.com', sameSite: 'lax', priority: 'high', partitioned: true, httpOnly: false };
        const { app, set } = await loggedIn(t, { ...makeOptions(), cookie, unset: isUnset ? 'destroy' : undefined });
        const { status, cookies } = await app.visit(end);
        assert.equal(status, 200);
        assert.equal(cookies.length, 1, 'the cookie is cleared once');
        assert.match(cookies[0], /^connect\.sid=; /, 'and has no value');
        assert.ok(cookies[0].includes(EPOCH));
        assert.deepEqual(attributes(cookies[0]), attributes(set), 'with the attributes it was set with');
        assert.deepEqual((await app.visit(end, { cookie: 'other=1' })).cookies, [], 'who brought none needs none cleared');
      }
    });
  }

  test(`nothing is cleared where the session stays: ${storeName}`, async (t) => {
    const { app } = await loggedIn(t, { ...makeOptions() });
    const uses = [
      (req, res) => { res.end(); },
      (req, res) => { res.end(String(req.session.n)); },
      (req, res) => { req.session.n++; res.end(); },
      // Without `unset: 'destroy'` it stays in the store.
      (req, res) => { req.session = null; res.end(); },
      (req, res) => { req.session.reload(() => res.end()); },
      (req, res) => { req.session.save(() => res.end()); },
    ];
    for (const use of uses) {
      const { cookies } = await app.visit(use);
      assert.ok(!cookies.some((header) => header.includes('1970')), String(use));
    }
    const { cookies } = await app.visit((req, res) => {
      req.session.regenerate(() => { req.session.n = 1; res.end(); });
    });
    assert.match(cookies.join(), /^connect\.sid=s%3A/, 'a new session has its cookie');
  });

  test(`a session that was changed before it went: its cookie is the one it came with: ${storeName}`, async (t) => {
    const { app, set } = await loggedIn(t, { ...makeOptions(), cookie: { path: '/' } });
    const { cookies } = await app.visit((req, res) => {
      req.session.cookie.path = '/elsewhere';
      req.session.cookie.maxAge = 1000;
      req.session.n = 99;
      req.session.destroy(() => res.end());
    });
    assert.deepEqual(attributes(cookies[0]), attributes(set));
    assert.ok(cookies[0].includes(EPOCH));
  });

  test(`a cookie whose session is over is cleared by a logout, too: ${storeName}`, async (t) => {
    const { app } = await loggedIn(t, { ...makeOptions() });
    await app.visit((req, res) => { req.session.destroy(() => res.end()); }, { cookie: app.jar.header });
    const [old] = (await app.visit(write)).cookies;
    const sent = { cookie: cookieOf(old) };
    await app.visit((req, res) => { req.sessionStore.destroy(req.sessionID, () => res.end()); }, sent);
    const { cookies } = await app.visit((req, res) => { req.session.destroy(() => res.end()); }, sent);
    assert.ok(cookies[0].includes(EPOCH), 'the browser brought a cookie that was signed');
    const forged = await app.visit((req, res) => { req.session.destroy(() => res.end()); }, { cookie: 'connect.sid=s%3Aforged.abc' });
    assert.deepEqual(forged.cookies, [], 'a forged one is not ours to clear');
  });
}

for (const kind of kinds) {
  test(`beside cookies of the program's own, and once in a redirect (${kind})`, async (t) => {
    const { app } = await loggedIn(t, {}, { kind });
    const { status, cookies } = await app.visit((req, res) => {
      res.setHeader('Set-Cookie', 'theme=dark');
      req.session.destroy(() => { res.writeHead(302, { Location: '/' }); res.end(); });
    });
    assert.equal(status, 302);
    assert.deepEqual(cookies, ['theme=dark', `connect.sid=; Path=/; ${EPOCH}; HttpOnly`]);
  });
}

test('a secure cookie is not cleared over an insecure connection, where browsers would not obey', async (t) => {
  const headers = { 'X-Forwarded-Proto': 'https' };
  const app = await open(t, { options: { clearCookie: true, proxy: true, cookie: { secure: true } } });
  await app.visit(write, { headers });
  const end = (req, res) => { req.session.destroy(() => res.end()); };
  const brought = app.jar.header;
  assert.deepEqual((await app.visit(end, { cookie: brought })).cookies, []);
  await app.visit(write, { headers, cookie: 'none=1' });
  const { cookies } = await app.visit(end, { headers });
  assert.match(cookies[0], /^connect\.sid=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure$/);
});

test('the store fails in destroy: whoever is logged in still has the cookie to try again', async (t) => {
  const store = ledger();
  const { app } = await loggedIn(t, { store });
  store.fails.destroy = new Error('down');
  const { body, cookies } = await app.visit((req, res) => { req.session.destroy((error) => { res.end(error.message); }); });
  assert.deepEqual([body, cookies], ['down', []]);
  store.fails.destroy = undefined;
  const again = await app.visit((req, res) => { req.session.destroy((error) => { res.end(String(error)); }); });
  assert.ok(again.cookies[0].includes(EPOCH));
});

test('the store fails in get: an outage clears nothing', async (t) => {
  const store = ledger();
  const { app } = await loggedIn(t, { store, unset: 'destroy' });
  store.fails.get = new Error('down');
  const { status, cookies } = await app.visit(write);
  assert.deepEqual([status, cookies], [500, []]);
});

test('a session of the original\'s own class, as a store of its Store makes it', async (t) => {
  const store = ledger({ Store: original.Store });
  const { app, set } = await loggedIn(t, { store, cookie: { path: '/', sameSite: 'strict' } });
  const { cookies } = await app.visit((req, res) => { req.session.destroy(() => res.end()); });
  assert.deepEqual(attributes(cookies[0]), attributes(set));
});

test('headers that have left are let be', async (t) => {
  const { app } = await loggedIn(t, {});
  const { body, cookies } = await app.visit((req, res) => {
    res.write('early ');
    req.session.destroy(() => res.end('late'));
  });
  assert.deepEqual([body, cookies], ['early late', []]);
});

test('without the option the cookie stays, as with the original', async (t) => {
  for (const options of [{}, { clearCookie: false }, { clearCookie: undefined }]) {
    const app = await open(t, { options });
    await app.visit(write);
    assert.deepEqual((await app.visit((req, res) => { req.session.destroy(() => res.end()); })).cookies, []);
  }
});

test('a wrong value is refused at once', () => {
  for (const clearCookie of [null, 0, 1, 'true', {}]) {
    assert.throws(() => session({ secret: 'x', resave: false, saveUninitialized: false, clearCookie }), {
      name: 'TypeError', message: 'clearCookie option must be a boolean',
    });
  }
});

test('a browser forgets the cookie, and no other', { skip }, async (t) => {
  const routes = {
    '/account/login': (req, res) => { req.session.n = 1; res.appendHeader('Set-Cookie', 'connect.sid=other; Path=/'); res.end(); },
    '/account/logout': (req, res) => { req.session.destroy(() => res.end()); },
  };
  const options = { clearCookie: true, cookie: { path: '/account', sameSite: 'strict', maxAge: 60000 } };
  const app = await open(t, { options, handler: (req, res) => routes[req.url](req, res) });
  const browser = await launch();
  t.after(() => browser.close());
  const context = await browser.newContext({ baseURL: `http://127.0.0.1:${app.port}` });
  const page = await context.newPage();
  const paths = async () => (await context.cookies()).map(({ path }) => path).sort();
  await page.goto('/account/login');
  assert.deepEqual(await paths(), ['/', '/account']);
  await page.goto('/account/logout');
  assert.deepEqual(await paths(), ['/'], 'that of the same name and another path is not the session\'s');
});
