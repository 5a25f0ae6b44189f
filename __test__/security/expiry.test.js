'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { session } = require('../subject');
const { clock, ledger, open } = require('../compat/app');
const { secret } = require('./cookies');

const MINUTE = 60 * 1000;
const logIn = (req, res) => {
  req.session.user = 'victim';
  res.end(req.sessionID);
};
const who = (req, res) => res.end(String(req.session.user));

/** A cookie that its holder keeps, whatever Expires said. */
const kept = (app) => app.jar.header;

test('the MemoryStore ends a session itself, maxAge after its last request', async (t) => {
  const time = clock(t);
  const app = await open(t, { options: { secret, cookie: { maxAge: 15 * MINUTE } } });
  await app.visit(logIn);
  const cookie = kept(app);
  for (let i = 0; i < 3; i++) {
    time.tick(10 * MINUTE);
    assert.equal((await app.visit(who, { cookie })).body, 'victim');
  }
  time.tick(15 * MINUTE);
  assert.equal((await app.visit(who, { cookie })).body, 'undefined');
});

test('the MemoryStore\'s ttl ends those whose cookie has no expiry', async (t) => {
  const time = clock(t);
  const store = new session.MemoryStore({ ttl: 15 * MINUTE });
  const app = await open(t, { options: { secret, store } });
  await app.visit(logIn);
  const cookie = kept(app);
  time.tick(15 * MINUTE - 1);
  assert.equal((await app.visit(who, { cookie })).body, 'victim');
  time.tick(15 * MINUTE);
  assert.equal((await app.visit(who, { cookie })).body, 'undefined');
});

// A limit, and SECURITY.md names it: as with express-session, the store must do it.
test('a store that keeps expired sessions has them served', async (t) => {
  const time = clock(t);
  const app = await open(t, { options: { secret, store: ledger(), cookie: { maxAge: 15 * MINUTE } } });
  await app.visit(logIn);
  const cookie = kept(app);
  time.tick(24 * 60 * MINUTE);
  assert.equal((await app.visit(who, { cookie })).body, 'victim');
});

// Another limit: whoever fills a bounded store pushes out those who are logged in.
test('a bounded MemoryStore gives up the session that was not used for the longest time', async (t) => {
  const store = new session.MemoryStore({ max: 3 });
  const app = await open(t, { options: { secret, store } });
  await app.visit(logIn);
  const cookie = kept(app);
  for (let i = 0; i < 3; i++) await app.visit(logIn, { cookie: '' });
  assert.equal((await app.visit(who, { cookie })).body, 'undefined');
  assert.equal(store.stats().sessions, 3);
});

test('visitors about whom there is nothing to know fill no store, if saveUninitialized is false', async (t) => {
  const store = new session.MemoryStore();
  const app = await open(t, { options: { secret, store, saveUninitialized: false } });
  for (let i = 0; i < 20; i++) await app.visit(who, { cookie: '' });
  assert.equal(store.stats().sessions, 0);
});

test('the middleware says nothing of caching: that is the app\'s to say', async (t) => {
  const app = await open(t, { options: { secret } });
  const { headers, cookies } = await app.visit(logIn);
  assert.equal(cookies.length, 1);
  for (const name of ['cache-control', 'pragma', 'expires', 'vary']) assert.equal(headers[name], undefined);
});
