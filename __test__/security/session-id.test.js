'use strict';

// Length, alphabet, uniqueness and the bits of ids are tested in
// __test__/native/session-id.test.js, and across worker threads, too.
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { session, isOurs } = require('../subject');
const { child, files, open } = require('../compat/app');
const { sidOf } = require('./cookies');

const print = `
  const session = require(process.env.PACKAGE);
  const middleware = session({ secret: 'x', resave: false, saveUninitialized: true });
  const ids = Array.from({ length: 50 }, () => {
    const req = { url: '/', headers: {} };
    middleware(req, {}, () => {});
    return req.sessionID;
  });
  console.log(JSON.stringify(ids));
`;

// A seed made of the time or the process id would show here.
test('processes that start together make different ids', async () => {
  const runs = await Promise.all(Array.from({ length: 4 }, () => child(print, { file: files.subject })));
  const ids = runs.flatMap(({ stdout, stderr, status }) => {
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  });
  assert.equal(ids.length, 200);
  assert.equal(new Set(ids).size, 200);
  for (const id of ids) assert.equal(Buffer.from(id, 'base64url').length, 24);
});

// Programs put fake clocks and fake randomness on for their tests, and forget them.
test('ids do not come from what a program can replace', { skip: !isOurs }, async (t) => {
  const crypto = require('node:crypto');
  t.mock.method(Math, 'random', () => 0.5);
  t.mock.method(crypto, 'randomBytes', () => Buffer.alloc(24));
  t.mock.method(Date, 'now', () => 0);
  const app = await open(t, { options: { store: new session.MemoryStore() } });
  const ids = new Set();
  for (let i = 0; i < 20; i++) {
    const { cookies } = await app.visit((req, res) => {
      req.session.n = 1;
      res.end();
    }, { cookie: '' });
    ids.add(sidOf(cookies[0]));
  }
  assert.equal(ids.size, 20);
});
