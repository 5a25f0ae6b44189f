'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const { sign } = require('cookie-signature');

const { compared } = require('./compared');
const { Visit } = require('./visit');
const { Program } = require('../../test-kit/program');

const CLOCK = path.join(__dirname, 'clock.js');
const HOOK = path.join(__dirname, 'hook.js');
const STACK = path.join(__dirname, 'stack.js');

const original = path.dirname(require.resolve('express-session'));

// `SUBJECT=express-session` puts the original behind the alias too: what the
// test expects of an equal package then has to hold.
const subject = process.env.SUBJECT ? original : path.join(__dirname, '..', '..');

/**
 * Runs the program, with the alias or without, and takes one visitor through it.
 * @param {{ alias?: string, express: string }} options
 */
async function drive({ alias, express }) {
  const stack = new Program(process.execPath, ['--require', CLOCK, ...(alias ? ['--require', HOOK] : []), STACK], {
    env: { NODE_ENV: 'test', NODE_NO_WARNINGS: '1', EXPRESS: express, EXPRESS_SESSION_ALIAS: alias || '' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { port, file } = await stack.message();
  const visit = new Visit(port);

  try {
    await walk(visit, (ms) => stack.ask(ms));
  } finally {
    visit.close();
    await stack.dismiss();
  }

  const { stdout, stderr, child: { exitCode: code } } = stack;

  return { file, code, output: { stdout, stderr }, records: visit.records };
}

// The secrets in stack.js.
const SECRET = 'a new secret';
const OLD_SECRET = 'an old secret';

const MINUTE = 60 * 1000;

// An answer without a token does not end the walk: the comparison will show it.
const token = ({ body }) => body.match(/name="_csrf" value="([^"]+)"/)?.[1] ?? 'none';
const apiToken = ({ body }) => body.match(/"token":"([^"]+)"/)?.[1] ?? 'none';

/**
 * @param {Visit} visit
 * @param {(ms: number) => Promise<void>} later lets time pass for the program
 */
async function walk(visit, later) {
  const ada = visit.browser();

  await ada.get('/plain');
  await ada.get('/session');
  await ada.get('/');
  await ada.get('/session');

  // Nobody logs in without a token, with a wrong one or with somebody else's.
  await ada.get('/account');
  const login = token(await ada.get('/login'));
  await ada.get('/login');
  await ada.form('/login', { username: 'ada', password: 'engine' });
  await ada.form('/login', { _csrf: 'x'.repeat(36), username: 'ada', password: 'engine' });
  const stranger = visit.browser();
  await stranger.get('/login');
  await stranger.form('/login', { _csrf: login, username: 'ada', password: 'engine' });

  // A failed login leaves one message, once.
  await ada.form('/login', { _csrf: login, username: 'ada', password: 'wrong' });
  await ada.get('/login');
  await ada.get('/login');
  await ada.form('/login', { _csrf: login, username: 'bob', password: 'x' });
  await ada.get('/login');
  await ada.form('/login', { _csrf: login });
  await ada.get('/login');

  // Login: a new id. The old one is worth nothing.
  const before = new Map(ada.jar);
  await ada.form('/login', { _csrf: login, username: 'ada', password: 'engine' });
  await ada.get('/account');
  await ada.get('/account');
  await ada.head('/account');
  await ada.get('/session');
  const old = visit.browser();
  before.forEach((value, name) => old.jar.set(name, value));
  await old.get('/account');
  await old.get('/session');

  // A second user at the same time, remembered for longer.
  const grace = visit.browser();
  const remember = token(await grace.get('/login'));
  await grace.form('/login', { _csrf: remember, username: 'grace', password: 'compiler', remember: 'on' });
  await grace.get('/account');
  await grace.get('/session');
  await ada.get('/session');
  await visit.browser().get('/sessions');

  // The other CSRF package.
  await ada.json('/api/notes', { text: 'no token' });
  const api = apiToken(await ada.get('/api/token'));
  await ada.json('/api/notes', { text: 'one' }, { 'x-csrf-token': api });
  await ada.json('/api/notes', { text: 'zwei – ② 🦀' }, { 'x-csrf-token': api });
  await ada.json('/api/notes', { text: 'wrong token' }, { 'x-csrf-token': `${api.slice(0, -1)}x` });
  await grace.json('/api/notes', { text: 'of another session' }, { 'x-csrf-token': api });
  await ada.get('/session');

  // Errors of the app and of body parsers; what was written before stays.
  await ada.get('/broken');
  await ada.get('/nowhere');
  await ada.json('/api/notes', undefined, { 'x-csrf-token': api });
  await ada.get('/session');

  // A cookie that was changed, one that is not signed, one of nobody.
  const [name, value] = [...ada.jar][0] ?? ['connect.sid', 'no cookie'];
  for (const damaged of [value.replace(/\../, '.*'), value.slice(4), 's%3Anobody.nothing', '%', '""', '']) {
    const visitor = visit.browser();
    visitor.jar.set(name, damaged);
    await visitor.get('/account');
    await visitor.get('/session');
  }

  // Signed with the secret before this one: still good.
  const rotated = visit.browser();
  const sid = decodeURIComponent(value).slice('s:'.length).replace(/\..*/, '');
  rotated.jar.set(name, encodeURIComponent(`s:${sign(sid, OLD_SECRET)}`));
  await rotated.get('/session');
  await rotated.get('/account');
  rotated.jar.set(name, encodeURIComponent(`s:${sign(sid, 'no secret of this app')}`));
  await rotated.get('/session');

  // Logout, with and without what else is in the session.
  const logout = token(await ada.get('/account'));
  await ada.form('/logout', {});
  await ada.form('/logout', { _csrf: logout });
  await ada.get('/');
  await ada.get('/');
  await ada.get('/account');
  await ada.get('/session');
  const keep = token(await grace.get('/account'));
  await grace.form('/logout', { _csrf: keep, keep: 'yes' });
  await grace.get('/session');

  // A session lasts an hour from its last request, and no longer.
  await later(50 * MINUTE);
  await ada.get('/session');
  await later(50 * MINUTE);
  await ada.get('/session');
  await visit.browser().get('/sessions');
  await later(60 * MINUTE);
  await ada.get('/session');
  await grace.get('/session');
  await visit.browser().get('/sessions');

  // In again after out, then the session destroyed.
  const again = token(await ada.get('/login'));
  await ada.form('/login', { _csrf: again, username: 'ada', password: 'engine' });
  const forget = token(await ada.get('/account'));
  await ada.form('/forget', { _csrf: forget });
  await ada.get('/session');
  await visit.browser().get('/sessions');
}

for (const express of ['express', 'express4']) {
  describe(`passport, connect-flash, csurf and csrf-sync under ${express}`, () => {
    it('answers the same on the original and behind the alias', async () => {
      const [theirs, ours] = await Promise.all([drive({ express }), drive({ express, alias: subject })]);

      // That the alias was in force at all.
      assert.equal(theirs.file, path.join(original, 'index.js'));
      assert.equal(ours.file, path.join(subject, 'index.js'));

      const expected = compared(theirs.records, SECRET);
      const actual = compared(ours.records, SECRET);

      assert.equal(actual.length, expected.length);
      expected.forEach((record, i) => assert.deepEqual(actual[i], record, `answer ${i + 1}, ${record.request}`));

      assert.deepEqual(ours.output, theirs.output);
      assert.deepEqual([theirs.code, ours.code], [0, 0]);

      // The walk went where it says it goes.
      const story = expected.map(({ request, status, headers }) => (
        [request, status.slice(0, 3), new Map(headers).get('Location')].filter(Boolean).join(' ')
      ));
      for (const step of [
        'POST /login 403',
        'POST /login 302 /login',
        'POST /login 302 /account',
        'GET /account 302 /login',
        'POST /api/notes 403',
        'POST /api/notes 201',
        'GET /broken 500',
        'POST /logout 302 /',
        'POST /forget 200',
      ]) {
        assert.ok(story.includes(step), `${step} is not in:\n${story.join('\n')}`);
      }

      const text = expected.map(({ body }) => body).join('');
      for (const message of ['Log in first', 'Wrong password', 'No user bob', 'Missing credentials', 'Welcome ada', 'Goodbye']) {
        assert.ok(text.includes(`["${message}"]`), `no flash message ${message}`);
      }
    });
  });
}
