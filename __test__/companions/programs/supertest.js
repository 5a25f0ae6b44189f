'use strict';

/** Tests with supertest, as an app has them: the visitor is in the program, and tells what it saw. */
const express = require(process.env.EXPRESS);
const cookieParser = require('cookie-parser');
const session = require('express-session');
const request = require('supertest');
const { tell } = require('./serve');

const store = new session.MemoryStore();

const app = express();
app.use(cookieParser());
app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false, store, cookie: { maxAge: 60 * 60 * 1000 } }));
app.use(express.urlencoded({ extended: false }));
app.get('/', (req, res) => {
  req.session.views = (req.session.views || 0) + 1;
  res.send(`views: ${req.session.views}`);
});
app.get('/moved', (req, res) => {
  req.session.moved = true;
  res.redirect('/private');
});
app.post('/login', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.user = req.body.user;
    res.cookie('theme', 'dark').redirect('/private');
  });
});
app.get('/private', (req, res) => {
  if (!req.session.user) return res.status(401).json({ moved: req.session.moved, cookies: Object.keys(req.cookies) });
  res.json({ user: req.session.user, cookies: Object.keys(req.cookies) });
});
app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.clearCookie('connect.sid').sendStatus(204)));
});

const records = [];

/** Puts an answer of supertest on record. Its headers come in an object, in their order. */
function record({ req, res, status, redirects, text = '' }) {
  records.push({
    request: `${req.method} ${req.path}`,
    status: `${status} ${res.statusMessage}`,
    redirects: redirects.map((url) => new URL(url).pathname),
    headers: res.rawHeaders.flatMap((name, i) => (i % 2 ? [] : [[name, res.rawHeaders[i + 1]]])),
    body: text,
  });
}

main();

async function main() {
  // Without an agent each request is of somebody new.
  record(await request(app).get('/').expect(200, 'views: 1'));
  record(await request(app).get('/').expect('Set-Cookie', /^connect\.sid=s%3A.+; Path=\/; Expires=.+; HttpOnly$/));

  const agent = request.agent(app);
  record(await agent.get('/').expect(200, 'views: 1'));
  record(await agent.get('/').expect(200, 'views: 2'));
  record(await agent.head('/'));
  record(await agent.get('/moved').redirects(1).expect(401));
  record(await agent.post('/login').type('form').send({ user: 'ada' }).redirects(1).expect(200));
  record(await agent.get('/private').expect(200));

  // A second agent at the same time, and one with the first one's cookies set by hand.
  const other = request.agent(app);
  record(await other.get('/private').expect(401));
  const [cookie] = (await agent.get('/').expect(200, 'views: 1')).headers['set-cookie'];
  record(await request(app).get('/private').set('Cookie', cookie.split(';')[0]).expect(200));
  record(await request(app).get('/private').set('Cookie', [cookie.split(';')[0], 'more=1']).expect(200));

  // Many at once, on a session that only they read.
  for (const answer of await Promise.all(Array.from({ length: 10 }, () => agent.get('/private').expect(200)))) record(answer);

  // What tests do with the store behind the app's back.
  const [sid] = Object.keys(store.sessions).filter((sid) => JSON.parse(store.sessions[sid]).user);
  store.sessions[sid] = JSON.stringify({ ...JSON.parse(store.sessions[sid]), user: 'grace' });
  record(await agent.get('/private').expect(200));
  await new Promise((resolve) => { store.clear(resolve); });
  record(await agent.get('/private').expect(401));

  record(await agent.post('/login').type('form').send({ user: 'ada' }).expect(302));
  record(await agent.post('/logout').expect(204));
  record(await agent.get('/private').expect(401));
  records.push({ event: 'stored', value: Object.keys(store.sessions) });

  tell({ records });
  process.once('message', () => process.disconnect());
}
