'use strict';

/** The scenes of docs/users.md: several browsers, of one user or of two. */

const { lines } = require('./scene-parts');

/** The lines that the examples follow, and a database. */
const app = `const express = require('express');
const session = require('express-session-rs');
const app = express();
const options = { secret: process.env.SECRET, resave: false, saveUninitialized: false };
const users = new Map(['ada', 'bob', 7].map((id) => [id, { id, password: 'right', generation: 0 }]));
users.withPassword = async (id, password) => (users.get(id)?.password === password ? users.get(id) : undefined);
users.setPassword = async (id, password) => { users.get(id).password = password; };
app.use((req, res, next) => { req.body = req.query; next(); });
`;
const listen = `
app.get('/', (req, res) => { res.end(String(req.session.user)); });
app.get('/in/:name', (req, res) => { req.session.user = req.params.name; res.end('in'); });
app.use((error, req, res, next) => { if (res.headersSent) next(error); else res.status(500).end(error.message); });
app.listen(3000);
`;

/** Logs in by passport as the user of the path, and says whose a store takes a session for. */
const ofPassport = (user) => `
app.get('/in/:id', (req, res, next) => { req.logIn(users.get(Number(req.params.id) || req.params.id), (error) => { if (error) next(error); else res.end('in'); }); });
app.get('/out', (req, res, next) => { req.logOut((error) => { if (error) next(error); else res.end('out'); }); });
app.get('/visit', (req, res) => { req.session.visits = 1; res.end('visit'); });
app.get('/count', async (req, res) => { res.end(String((await req.sessionStore.sessionsOf('${user}', { current: req.session })).map(({ current }) => current))); });
app.listen(3000);`;

module.exports = {
  'users': {
    before: app,
    after: `app.get('/end-phone', async (req, res) => {
  const phone = (await req.sessionStore.sessionsOf(req.session.user)).find(({ userAgent }) => userAgent === 'phone');
  const question = { host: '127.0.0.1', port: req.socket.localPort, path: '/devices/' + phone.handle + '/end', method: 'POST', headers: { cookie: req.headers.cookie } };
  const ask = () => new Promise((resolve) => {
    require('node:http').request(question, (answer) => { answer.setEncoding('utf8').on('data', resolve); }).end();
  });
  res.end(await ask() + ' ' + await ask());
});${listen}`,
    visits: [
      'GET /in/ada laptop', 'GET /in/ada phone', 'GET /in/ada tv', 'GET /in/bob bob', 'GET /devices laptop', 'GET /end-phone laptop', 'GET / phone',
      'POST /devices/end-others laptop', 'GET / laptop', 'GET / tv', 'GET / bob', 'GET /devices nobody',
    ],
    printed: lines(
      '200 in', '200 in', '200 in', '200 in',
      `200 \\[${['tv', 'phone', 'laptop'].map((name) => `\\{"handle":"[\\w-]{43}","created":\\d+,"lastSeen":\\d+,"current":${name === 'laptop'},"ip":"127.0.0.1","userAgent":"${name}"\\}`).join(',')}\\]`,
      '200 It is logged out. It was logged out already.', '200 undefined',
      '200 You are logged out on 1 other devices.', '200 ada', '200 undefined', '200 bob', '500 the user must be a text of 1 to 255 characters.*',
    ),
  },
  'users login': {
    before: app, after: listen, headers: ['set-cookie'],
    visits: [
      'POST /login?name=ada&password=wrong a', ...['a', 'b', 'c'].map((name) => `POST /login?name=ada&password=right ${name}`),
      'POST /password?password=wrong&newPassword=new a', 'POST /password?password=right&newPassword=new a', 'GET / a', 'GET / b', 'POST /login?name=ada&password=right b',
      ...['b', 'd', 'e', 'f', 'g'].map((name) => `POST /login?name=ada&password=new ${name}`), 'GET / a', 'GET / b',
      'POST /logout-everywhere g', 'GET / b',
    ],
    printed: lines(
      '401 Wrong name or password. \\| undefined', ...['', '', ''].flatMap(() => ['302 \\/ \\| connect.sid=s[^;]+; Path=\\/; HttpOnly', '200 ada \\| undefined']),
      '401 Wrong password. \\| undefined', '200 Your password is changed, and 2 other devices are logged out. \\| undefined', '200 ada \\| undefined', '200 undefined \\| undefined',
      '401 Wrong name or password. \\| undefined',
      ...['', '', '', '', ''].flatMap(() => ['302 \\/ \\| connect.sid=s[^;]+; Path=\\/; HttpOnly', '200 ada \\| undefined']),
      // The sixth device has ended the first.
      '200 undefined \\| undefined', '200 ada \\| undefined',
      '302 \\/ \\| connect.sid=; Path=\\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly', '200 undefined \\| undefined', '200 undefined \\| undefined',
    ),
  },
  'users passport': {
    before: app, after: ofPassport('ada'),
    visits: ['GET /visit x', 'GET /in/ada a', 'GET /in/ada b', 'GET /in/bob c', 'GET /count a', 'GET /out b', 'GET /count a'],
    printed: lines('200 visit', '200 in', '200 in', '200 in', '200 false,true', '200 out', '200 true'),
  },
  'users passport numbers': {
    before: app,
    after: `const passport = require('passport');
const store = new session.MemoryStore({ user: (data) => ofObjects(data) ?? ofNumbers(data) });
app.use(session({ ...options, store }));
app.use(passport.session());
passport.serializeUser((user, done) => done(null, typeof user.id === 'number' ? user.id : { id: user.id }));
passport.deserializeUser((id, done) => done(null, users.get(id.id ?? id)));
app.get('/users', async (req, res) => { res.end(String(await Promise.all(['7', 'ada', 'undefined'].map(async (id) => (await store.sessionsOf(id)).length)))); });${ofPassport('7')}`,
    visits: ['GET /visit x', 'GET /in/7 a', 'GET /in/ada b', 'GET /count a', 'GET /users a'],
    printed: lines('200 visit', '200 in', '200 in', '200 true', '200 1,1,0'),
  },
  'users ended': {
    before: `${app}const received = () => new Promise((resolve) => { setTimeout(resolve, 200); });
app.use(session({ ...options, store: new session.MemoryStore({ user: (data) => data.user }) }));
`,
    after: `app.get('/end', async (req, res) => { setTimeout(async () => { res.end(String(await req.sessionStore.endAll('ada'))); }, 100); });${listen}`,
    visits: ['GET /in/ada', 'POST /upload', ['POST /upload', 'GET /end'], 'GET /'],
    printed: lines('200 in', '200 It is there.', '401 You have been logged out meanwhile.', '200 1', '200 undefined'),
  },
  'users generation': {
    before: app, after: listen,
    visits: ['POST /login?name=ada a', 'POST /login?name=ada b', 'POST /login?name=bob c', 'POST /end-others a', 'GET / b', 'GET / c'],
    printed: lines('302 \\/', '200 ada', '302 \\/', '200 ada', '302 \\/', '200 bob', '302 \\/', '200 ada', '200 undefined', '200 bob'),
  },
  'user': {
    before: app, after: listen,
    visits: ['GET /in/ada a', 'GET /in/ada b', 'GET /in/bob c', 'POST /log-out-others a', 'GET / a', 'GET / b', 'GET / c', ...['d', 'e', 'f', 'g', 'h'].map((name) => `GET /in/ada ${name}`), 'GET / a', 'GET / d'],
    printed: lines(
      '200 in', '200 in', '200 in', '200 You are logged out on 1 other devices.', '200 ada', '200 undefined', '200 bob',
      ...Array(5).fill('200 in'), '200 undefined', '200 ada',
    ),
  },
  'user readme': {
    before: app, after: listen,
    visits: ['GET /in/ada a', 'GET /in/ada b', 'POST /log-out-others a', 'GET / b', 'GET /devices a'],
    printed: lines('200 in', '200 in', '302 \\/', '200 ada', '200 undefined', '200 \\[\\{"handle":"[\\w-]{43}","created":\\d+,"lastSeen":\\d+,"current":true\\}\\]'),
  },
  'hashIds readme': {
    before: app,
    after: `app.get('/keys', (req, res) => { req.sessionStore.ids((error, ids) => { res.end(String(ids)); }); });${listen}`,
    visits: ['GET /in/ada', 'GET /', 'GET /keys'],
    printed: lines('200 in', '200 ada', '200 h1:[\\w-]{43}'),
  },
  'hashIds': {
    before: `${app}const store = new session.MemoryStore();\n`,
    after: `app.get('/keys', (req, res) => {
  const { createHash } = require('node:crypto');
  const key = 'h1:' + createHash('sha256').update(req.sessionID).digest('base64url');
  res.end(String(Object.keys(store.sessions).join() === key));
});${listen}`,
    visits: ['GET /in/ada', 'GET /', 'GET /keys'],
    printed: lines('200 in', '200 ada', '200 true'),
  },
  'hashIds key': {
    before: app,
    after: `const store = new session.MemoryStore();
app.use(session({ ...options, store, hashIds: true }));
app.get('/find', (req, res) => { store.get(keyOf(req.sessionID), (error, found) => { res.end(String(found?.user)); }); });${listen}`,
    visits: ['GET /in/ada', 'GET /find'],
    printed: lines('200 in', '200 ada'),
  },
};
