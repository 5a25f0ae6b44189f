'use strict';

/** The option `resign`: a cookie that an old secret has signed is sent again, signed with the first one. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { clock, ledger, open, read, write } = require('../compat/app');
const { session } = require('../subject');
const { signed } = require('../security/cookies');
const { Jar } = require('../../test-kit/jar');
const { opened, stores } = require('./app');

const MINUTE = 60000;

/** An app whose secrets are `['new', 'old']`, and a visitor whose cookie the old one has signed. */
async function rotated(t, makeStore, options = {}) {
  const secrets = ['old'];
  const app = await opened(t, makeStore, { secret: secrets, resign: true, ...options });
  await app.visit(write);
  const [sid] = Object.keys(await app.records());
  secrets.unshift('new');
  return { ...app, secrets, sid, old: signed(sid, 'old'), recent: signed(sid, 'new') };
}

/** The Cookie header that a response makes of a browser without cookies. */
const given = ({ cookies }) => {
  const jar = new Jar();
  jar.take(cookies);
  return jar.size ? jar.header : undefined;
};

const look = (req, res) => { res.end(); };
/** A handler that does not look at the session, one that reads it, and one that changes it. */
const handlers = { look, read, write };

for (const [name, makeStore] of Object.entries(stores)) {
  test(`a cookie of an old secret is sent again, once: ${name}`, async (t) => {
    for (const [what, handler] of Object.entries(handlers)) {
      for (const commit of ['end', 'headers']) {
        const { visit, old, recent } = await rotated(t, makeStore, { commit });
        assert.equal(given(await visit(handler, { cookie: old })), recent, `${what} ${commit}`);
        assert.equal(given(await visit(handler, { cookie: recent })), undefined, `${what} ${commit}`);
      }
    }
  });

  test(`with a lifetime, the browser and the store get the same: ${name}`, async (t) => {
    const time = clock(t);
    const { visit, old, recent } = await rotated(t, makeStore, { cookie: { maxAge: 10 * MINUTE }, touchAfter: 5 * MINUTE });
    time.tick(MINUTE);
    const answer = await visit(look, { cookie: old });
    assert.equal(given(answer), recent);
    assert.match(answer.cookies[0], new RegExp(`Expires=${new Date(Date.now() + 10 * MINUTE).toUTCString()}`));
    time.tick(MINUTE);
    assert.equal(given(await visit(look, { cookie: recent })), undefined);
    // The store has kept it since.
    time.tick(8 * MINUTE + 30_000);
    assert.equal((await visit(read, { cookie: recent })).body, '1');
  });

  test(`where nothing is to be sent, nothing is: ${name}`, async (t) => {
    const { visit, old, secrets, sid } = await rotated(t, makeStore);
    assert.equal(given(await visit((req, res) => { req.session.touch(false); res.end(); }, { cookie: old })), undefined, 'touch(false)');
    assert.equal(given(await visit((req, res) => { res.writeHead(200); res.write('a'); setImmediate(() => { res.end(); }); }, { cookie: signed('unknown', 'old') })), undefined, 'no session');
    assert.equal(given(await visit((req, res) => { res.statusCode = 401; res.end(); }, { cookie: signed(sid, 'wrong') })), undefined, 'a wrong signature');
    const replaced = given(await visit((req, res) => req.session.regenerate({ keep: true }).then(() => { res.end(); }), { cookie: old }));
    assert.ok(replaced);
    assert.notEqual(replaced, signed(sid, 'new'));
    assert.equal(given(await visit(look, { cookie: replaced })), undefined, 'a replaced session has its own cookie');
    assert.equal(given(await visit((req, res) => req.session.destroy().then(() => { res.end(); }), { cookie: replaced })), undefined);
    assert.equal(given(await visit(look, { cookie: old })), undefined, 'a destroyed session');
    secrets.pop();
    assert.equal(given(await visit(look, { cookie: old })), undefined);
  });

  test(`with renewAfter: ${name}`, async (t) => {
    const time = clock(t);
    const { visit, old, recent, sid } = await rotated(t, makeStore, { renewAfter: 10 * MINUTE });
    assert.equal(given(await visit(look, { cookie: old })), recent);
    time.tick(11 * MINUTE);
    const renewed = given(await visit(look, { cookie: old }));
    assert.ok(renewed && !renewed.includes(sid));
    assert.equal((await visit(read, { cookie: old })).body, '1');
    const quiet = await visit(read, { cookie: renewed });
    assert.deepEqual([quiet.body, quiet.cookies], ['1', []]);
    const late = await visit(read, { cookie: old });
    assert.deepEqual([late.body, late.cookies], ['1', []], 'the browser has the new id');
  });

  test(`without the option nothing changes: ${name}`, async (t) => {
    const { visit, old } = await rotated(t, makeStore, { resign: false });
    for (const handler of Object.values(handlers)) assert.equal(given(await visit(handler, { cookie: old })), undefined);
  });
}

test('it is a boolean', () => {
  for (const resign of [null, 1, 'true', {}]) assert.throws(() => session({ secret: 'a', resave: false, saveUninitialized: false, resign }), { name: 'TypeError', message: 'resign option must be a boolean' });
});

test('each kind of secret, and an array that a program changes', async (t) => {
  const bytes = Buffer.from('old');
  const secrets = [bytes];
  const { visit } = await opened(t, () => new session.MemoryStore(), { secret: secrets, resign: true });
  const { body: sid } = await visit((req, res) => { req.session.n = 1; res.end(req.sessionID); });
  assert.equal(given(await visit(look, { cookie: signed(sid, 'old') })), undefined, 'the only secret');
  secrets.unshift('new');
  assert.equal(given(await visit(look, { cookie: signed(sid, 'old') })), signed(sid, 'new'));
  assert.equal(given(await visit(look, { cookie: signed(sid, 'new') })), undefined);
  secrets.unshift('newest');
  for (const secret of ['new', 'old']) assert.equal(given(await visit(look, { cookie: signed(sid, secret) })), signed(sid, 'newest'), secret);
  secrets.reverse();
  assert.equal(given(await visit(look, { cookie: signed(sid, 'old') })), undefined);
  assert.equal(given(await visit(look, { cookie: signed(sid, 'newest') })), signed(sid, 'old'));
  // A program writes into a Buffer.
  bytes.write('mid');
  assert.equal(given(await visit(look, { cookie: signed(sid, 'newest') })), signed(sid, 'mid'));
  assert.equal(given(await visit(look, { cookie: signed(sid, 'mid') })), undefined);
  // The same secret twice.
  secrets[1] = secrets[0];
  assert.equal(given(await visit(look, { cookie: signed(sid, 'mid') })), undefined);
});

test('of several cookies of the name, the one counts that is used', async (t) => {
  const { visit, old, recent, records } = await rotated(t, () => new session.MemoryStore());
  await visit(write, { cookie: 'a=b' });
  const other = Object.keys(await records()).find((sid) => !old.includes(sid));
  assert.equal(given(await visit(look, { cookie: `${old}; ${signed(other, 'new')}` })), recent);
  assert.equal(given(await visit(look, { cookie: `${signed(other, 'new')}; ${old}` })), undefined);
  assert.equal(given(await visit(look, { cookie: `${old}; ${recent}` })), undefined, 'the browser has both');
});

test('a cookie that cookie-parser has read, and one of its own', async (t) => {
  const store = ledger();
  const { sid, old } = await rotated(t, () => store);
  for (const [more, cookie] of [[(value) => ({ cookies: { 'connect.sid': value } }), true], [() => ({ signedCookies: { 'connect.sid': sid } }), false]]) {
    const app = await open(t, {
      options: { store, secret: ['new', 'old'], resign: true },
      use: [(req, res, next) => { delete req.headers.cookie; Object.assign(req, more(decodeURIComponent(old.slice('connect.sid='.length)))); next(); }],
    });
    const answer = await app.visit(read);
    assert.deepEqual([answer.body, answer.cookies.length], ['1', Number(cookie)]);
  }
});

test('headers that were sent, and a secure cookie over an insecure connection, get none', async (t) => {
  const { visit, old } = await rotated(t, () => new session.MemoryStore());
  assert.equal(given(await visit((req, res) => { res.flushHeaders(); setImmediate(() => { res.end(); }); }, { cookie: old })), signed(old.match(/s%3A([^.]+)/)[1], 'new'));
  const insecure = await opened(t, () => new session.MemoryStore(), { secret: ['new', 'old'], resign: true, cookie: { secure: true } });
  const { id } = await insecure.sessions.create({ n: 1 });
  const answer = await insecure.visit(read, { cookie: signed(id, 'old') });
  assert.deepEqual([answer.body, answer.cookies], ['1', []]);
});

test('genid that gives the id of the cookie to a new session', async (t) => {
  for (const makeStore of [ledger, () => new session.MemoryStore()]) {
    const { visit } = await opened(t, makeStore, { secret: ['new', 'old'], resign: true, genid: () => 'same' });
    const answer = await visit(look, { cookie: signed('same', 'old') });
    assert.deepEqual(answer.cookies, []);
  }
});

test('secrets are rotated under load: nobody is logged out, and all cookies are signed anew in the end', async (t) => {
  for (const makeStore of [() => new session.MemoryStore(), stores['a DiskStore'], ledger]) {
    const secrets = ['0'];
    const { visit } = await opened(t, makeStore, { secret: secrets, resign: true, cookie: { maxAge: MINUTE } });
    const visitors = await Promise.all(Array.from({ length: 20 }, async () => ({ count: 1, cookie: given(await visit(write, { cookie: 'a=b' })) })));
    for (let round = 1; round <= 4; round++) {
      secrets.unshift(String(round));
      await Promise.all(visitors.map(async (visitor, n) => {
        for (let i = 0; i < 3; i++) {
          const answer = await visit(n % 2 ? write : read, { cookie: visitor.cookie });
          visitor.count += n % 2;
          assert.equal(answer.body, String(visitor.count));
          visitor.cookie = given(answer) ?? visitor.cookie;
        }
      }));
      secrets.length = 1;
    }
    for (const { cookie, count } of visitors) {
      assert.equal(cookie, signed(cookie.match(/s%3A([^.]+)/)[1], '4'));
      assert.equal((await visit(read, { cookie })).body, String(count));
    }
  }
});
