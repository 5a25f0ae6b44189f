'use strict';

/** SECURITY.md: its code runs as it stands, what it points to is there, its list is whole. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const vm = require('node:vm');
const { clock } = require('../clock');
const linksOf = require('../documents/links');
const { session } = require('../subject');
const { serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');

const root = path.join(__dirname, '..', '..');
const text = fs.readFileSync(path.join(root, 'SECURITY.md'), 'utf8');

const MINUTE = 60 * 1000;
const users = new Map(['ann', 'bob'].map((id) => [id, { id, generation: 0 }]));

let document;
let server;

before(async () => {
  const blocks = Array.from(text.matchAll(/^```js\n([^]*?)^```$/gm), ([, block]) => block);
  const names = ['app', 'store', 'logIn', 'endOtherSessions', 'sessionsOf', 'endSession', 'needsPassword'];
  const source = `(require, process, users) => { ${blocks.join('\n')}\nreturn { ${names} }; }`;
  const known = (name) => (name === 'express-session-rs' ? session : require(name));
  document = vm.runInThisContext(source, 'SECURITY.md')(known, { env: { SECRETS: 'new,old' } }, users);

  const { app, logIn, endOtherSessions, needsPassword } = document;
  app.post('/login/:id', (req, res, next) => {
    logIn(req, users.get(req.params.id), (error) => (error ? next(error) : res.send(req.sessionID)));
  });
  app.get('/', (req, res) => res.send(req.user ? req.user.id : 'nobody'));
  app.post('/others', (req, res) => {
    endOtherSessions(req, req.user);
    res.send('done');
  });
  app.get('/sensitive', needsPassword, (req, res) => res.send('sensitive'));
  server = await serve(app);
});

after(() => server.close());

/** A browser, which comes over HTTPS. */
const browser = () => new Visitor(server.port, { headers: { 'x-forwarded-proto': 'https' } });

test('nobody has a session before he does something, and nothing may be cached', async () => {
  const ann = browser();
  const { body, headers } = await ann.get('/');
  assert.equal(body, 'nobody');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(ann.jar.header, '');
  assert.equal(document.store.stats().sessions, 0);
});

test('the cookie is what ASVS 3.3 asks for', async () => {
  const ann = browser();
  await ann.post('/login/ann');
  assert.match(ann.jar.last, /^__Host-sid=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
});

test('logging in again gives another id, and the old one is dead', async () => {
  const ann = browser();
  await ann.post('/login/ann');
  const thief = browser();
  thief.jar.header = ann.jar.header;
  assert.equal((await thief.get('/')).body, 'ann');
  await ann.post('/login/ann');
  assert.equal((await ann.get('/')).body, 'ann');
  assert.equal((await thief.get('/')).body, 'nobody');
});

test('logging out ends the session and drops the cookie', async () => {
  const ann = browser();
  await ann.post('/login/ann');
  const thief = browser();
  thief.jar.header = ann.jar.header;
  const { status } = await ann.post('/logout');
  assert.equal(status, 302);
  assert.match(ann.jar.last, /^__Host-sid=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax$/);
  assert.equal((await thief.get('/')).body, 'nobody');
});

test('what the store refuses is not told as a success', async (t) => {
  const ann = browser();
  // Express's own error page writes the error down.
  t.mock.method(console, 'error', () => {});
  const refuse = (method) => t.mock.method(document.store, method, (...args) => { setImmediate(args.at(-1), new Error('down')); });
  const set = refuse('set');
  const login = await ann.post('/login/ann');
  assert.deepEqual([login.status, login.cookies], [500, []]);
  set.mock.restore();
  await ann.post('/login/ann');
  const destroy = refuse('destroy');
  const logout = await ann.post('/logout');
  assert.deepEqual([logout.status, logout.cookies], [500, []]);
  destroy.mock.restore();
  assert.equal((await ann.get('/')).body, 'ann', 'the visitor can try again');
  assert.equal((await ann.post('/logout')).status, 302);
  assert.equal(ann.jar.header, '');
});

test('a session ends when nobody used it, and at its longest lifetime though somebody did', async (t) => {
  const time = clock(t, Date.now());
  const [idle, busy] = [browser(), browser()];
  await idle.post('/login/ann');
  await busy.post('/login/ann');
  time.tick(14 * MINUTE);
  assert.equal((await idle.get('/')).body, 'ann');
  assert.equal((await busy.get('/')).body, 'ann');
  // The browser must hear of it, or it drops the cookie of who only reads.
  assert.ok(busy.jar.last.includes(`Expires=${new Date(Date.now() + 15 * MINUTE).toUTCString()}`));
  for (let minutes = 28; minutes < 12 * 60; minutes += 14) {
    time.tick(14 * MINUTE);
    assert.equal((await busy.get('/')).body, 'ann', `after ${minutes} minutes`);
  }
  time.tick(14 * MINUTE);
  assert.equal((await busy.get('/')).body, 'nobody');
  assert.equal((await idle.get('/')).body, 'nobody');
});

test('a user ends his other sessions and keeps his own, and nobody else\'s ends', async () => {
  const [here, there, bob] = [browser(), browser(), browser()];
  await here.post('/login/ann');
  await there.post('/login/ann');
  await bob.post('/login/bob');
  await here.post('/others');
  assert.equal((await here.get('/')).body, 'ann');
  assert.equal((await there.get('/')).body, 'nobody');
  assert.equal((await bob.get('/')).body, 'bob');
});

test('a disabled or deleted user has no session any more', async (t) => {
  const bob = browser();
  await bob.post('/login/bob');
  const user = users.get('bob');
  t.after(() => users.set('bob', { id: 'bob', generation: 0 }));
  user.isDisabled = true;
  assert.equal((await bob.get('/')).body, 'nobody');
  user.isDisabled = false;
  await bob.post('/login/bob');
  users.delete('bob');
  assert.equal((await bob.get('/')).body, 'nobody');
});

test('a user sees his sessions and ends one of them', async () => {
  await new Promise((resolve) => document.store.clear(resolve));
  const [here, there, bob] = [browser(), browser(), browser()];
  const { body: sid } = await here.post('/login/ann');
  const { body: other } = await there.post('/login/ann');
  await bob.post('/login/bob');
  const list = await new Promise((resolve, reject) => {
    document.sessionsOf(users.get('ann'), (error, sessions) => (error ? reject(error) : resolve(sessions)));
  });
  assert.deepEqual(list.map((one) => one.sid), [sid, other]);
  await new Promise((resolve) => document.endSession(other, resolve));
  assert.equal((await here.get('/')).body, 'ann');
  assert.equal((await there.get('/')).body, 'nobody');
});

test('what matters asks for the password again', async (t) => {
  const time = clock(t, Date.now());
  const ann = browser();
  assert.equal((await ann.get('/sensitive')).status, 401);
  await ann.post('/login/ann');
  assert.equal((await ann.get('/sensitive')).body, 'sensitive');
  time.tick(5 * MINUTE);
  assert.equal((await ann.get('/sensitive')).status, 401);
  await ann.post('/login/ann');
  assert.equal((await ann.get('/sensitive')).body, 'sensitive');
});

/** The requirements of ASVS 5.0.0, chapter V7 and section V3.3. */
const chapters = { 7.1: 3, 7.2: 4, 7.3: 2, 7.4: 5, 7.5: 3, 7.6: 2, 3.3: 5 };

test('every requirement of V7 and V3.3 has one row', () => {
  const rows = Array.from(text.matchAll(/^\| ([\d.]+) \|/gm), ([, number]) => number);
  const wanted = Object.entries(chapters).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, i) => `${section}.${i + 1}`));
  assert.deepEqual(rows.filter((row) => wanted.includes(row)).sort(), wanted.sort());
  assert.equal(new Set(rows).size, rows.length);
});

test('every file and heading it points to is there', () => {
  const { all, broken } = linksOf('SECURITY.md');
  assert.ok(all.length > 30);
  assert.deepEqual(broken, []);
});
