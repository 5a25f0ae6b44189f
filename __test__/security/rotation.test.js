'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open } = require('../compat/app');
const { ways } = require('./stores');
const { signed } = require('./cookies');

const write = (req, res) => {
  req.session.user = 'victim';
  res.end(req.sessionID);
};
const who = (req, res) => res.end(String(req.session.user));

for (const [way, make] of Object.entries(ways)) {
  test(`secrets rotate without a restart: the new one signs, the old one verifies until it is taken out (${way})`, async (t) => {
    const secrets = ['old'];
    const app = await open(t, { options: { ...make().options, secret: secrets } });
    const { body: sid, cookies } = await app.visit(write);
    assert.ok(cookies[0].startsWith(signed(sid, 'old')));
    assert.equal((await app.visit(who, { cookie: signed(sid, 'new') })).body, 'undefined');

    secrets.unshift('new');
    assert.equal((await app.visit(who, { cookie: signed(sid, 'old') })).body, 'victim');
    assert.equal((await app.visit(who, { cookie: signed(sid, 'new') })).body, 'victim');
    const { body: next, cookies: signedAnew } = await app.visit(write, { cookie: '' });
    assert.notEqual(next, sid);
    assert.ok(signedAnew[0].startsWith(signed(next, 'new')));

    secrets.pop();
    assert.equal((await app.visit(who, { cookie: signed(sid, 'old') })).body, 'undefined');
    assert.equal((await app.visit(who, { cookie: signed(sid, 'new') })).body, 'victim');
  });
}
