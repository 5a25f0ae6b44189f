'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const signature = require('cookie-signature');
const { open } = require('../compat/app');
const { ways } = require('./stores');
const { secret, raw, signed, sidOf } = require('./cookies');

const chosen = 'chosen-by-the-attacker-0123456789';

/** Headers with which somebody else may try to choose a visitor's session id. */
const attempts = {
  'a bare sid': raw(chosen),
  'a sid that claims to be signed': raw(`s:${chosen}`),
  'an empty signature': raw(`s:${chosen}.`),
  'a signature of another secret': signed(chosen, 'of the attacker'),
  'a signature of another sid': raw(`s:${chosen}.${signature.sign('other', secret).slice('other.'.length)}`),
  'a signature cut short': raw(`s:${signature.sign(chosen, secret).slice(0, -1)}`),
  'a signature with one character more': raw(`s:${signature.sign(chosen, secret)}A`),
  'a signature with padding': raw(`s:${signature.sign(chosen, secret)}=`),
  'a signature of an empty secret': signed(chosen, ''),
  'a signed sid without the mark': raw(signature.sign(chosen, secret)),
  'the same cookie twice': `${raw(chosen)}; ${raw(chosen)}`,
};

const logIn = (req, res) => {
  req.session.user = 'victim';
  res.end(req.sessionID);
};
const who = (req, res) => res.end(String(req.session.user));

for (const [way, make] of Object.entries(ways)) {
  test(`no forged cookie chooses the id of a session, nor reads one (${way})`, async (t) => {
    for (const [name, cookie] of Object.entries(attempts)) {
      const { options, sids, put } = make();
      // Even if the store has that session.
      put(chosen, '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"user":"admin"}');
      const app = await open(t, { options: { secret, ...options } });
      assert.equal((await app.visit(who, { cookie })).body, 'undefined', name);
      const { body, cookies } = await app.visit(logIn, { cookie });
      assert.notEqual(body, chosen, name);
      assert.equal(sidOf(cookies[0]), body, name);
      assert.deepEqual(sids().sort(), [chosen, body].sort(), name);
    }
  });

  test(`a signed id that the store does not know is not adopted, and tells nothing (${way})`, async (t) => {
    const { options, sids } = make();
    const app = await open(t, { options: { secret, ...options } });
    const { cookies: none } = await app.visit(who, { cookie: signed(chosen) });
    assert.deepEqual(none, []);
    assert.deepEqual(sids(), []);
    const { body, cookies } = await app.visit(logIn, { cookie: signed(chosen) });
    assert.notEqual(body, chosen);
    assert.equal(sidOf(cookies[0]), body);
    assert.deepEqual(sids(), [body]);
    // Whoever holds the chosen one is still nobody.
    assert.equal((await app.visit(who, { cookie: signed(chosen) })).body, 'undefined');
  });

  test(`an id is read from the Cookie header alone (${way})`, async (t) => {
    const { options } = make();
    const app = await open(t, { options: { secret, ...options } });
    const { body: sid } = await app.visit(logIn);
    const value = signed(sid).split('=')[1];
    const elsewhere = { path: `/?connect.sid=${value}`, method: 'POST', body: `connect.sid=${value}`, cookie: '', headers: { 'x-connect.sid': value, authorization: `Bearer ${value}` } };
    assert.equal((await app.visit(who, elsewhere)).body, 'undefined');
    assert.equal((await app.visit(who, { cookie: signed(sid) })).body, 'victim');
  });

  test(`regenerate gives another id, and the old one is dead (${way})`, async (t) => {
    const { options, sids } = make();
    const app = await open(t, { options: { secret, ...options } });
    const { body: before } = await app.visit((req, res) => {
      req.session.cart = 'full';
      res.end(req.sessionID);
    });
    const { body: after, cookies } = await app.visit((req, res) => {
      req.session.regenerate((error) => {
        assert.ifError(error);
        req.session.user = 'victim';
        res.end(req.sessionID);
      });
    });
    assert.notEqual(after, before);
    assert.equal(sidOf(cookies[0]), after);
    assert.deepEqual(sids(), [after]);
    assert.equal((await app.visit(who, { cookie: signed(before) })).body, 'undefined');
    assert.equal((await app.visit(who, { cookie: signed(after) })).body, 'victim');
  });

  test(`destroy ends a session for whoever still has its cookie (${way})`, async (t) => {
    const { options, sids } = make();
    const app = await open(t, { options: { secret, ...options } });
    const { body: sid } = await app.visit(logIn);
    await app.visit((req, res) => req.session.destroy(() => res.end()), { cookie: signed(sid) });
    assert.deepEqual(sids(), []);
    const { body, cookies } = await app.visit(who, { cookie: signed(sid) });
    assert.equal(body, 'undefined');
    assert.deepEqual(cookies, []);
  });
}

// Not a defence, and SECURITY.md says so: what defends is the name `__Host-…`.
test('of two session cookies the first is taken, and no other is tried', async (t) => {
  const app = await open(t, { options: { secret } });
  const { body: sid } = await app.visit(logIn);
  assert.equal((await app.visit(who, { cookie: `${signed(chosen)}; ${signed(sid)}` })).body, 'undefined');
  assert.equal((await app.visit(who, { cookie: `${signed(sid)}; ${signed(chosen)}` })).body, 'victim');
});
