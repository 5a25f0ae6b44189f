'use strict';

/**
 * An app on published middleware, as people write it: sessions, passport with
 * login and logout, flash messages, CSRF tokens by two packages. It knows one
 * session package, by the name express-session, and nothing of the one tested.
 *
 * `EXPRESS` names the Express to run under. Tells its parent where it listens
 * and which file the name express-session stood for.
 */
const express = require(process.env.EXPRESS || 'express');
const session = require('express-session');
const passport = require('passport');
const { Strategy } = require('passport-local');
const flash = require('connect-flash');
const csurf = require('csurf');
const { csrfSync } = require('csrf-sync');
const { serve } = require('../../test-kit/app');

const HOUR = 60 * 60 * 1000;

const users = [
  { id: 1, username: 'ada', password: 'engine' },
  { id: 2, username: 'grace', password: 'compiler' },
];

passport.use(new Strategy((username, password, done) => {
  const user = users.find((user) => user.username === username);

  if (!user) return done(null, false, { message: `No user ${username}` });
  if (user.password !== password) return done(null, false, { message: 'Wrong password' });
  return done(null, user);
}));
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, users.find((user) => user.id === id) || false));

const app = express();

app.get('/plain', (req, res) => res.send('no session here'));

app.use(session({
  secret: ['a new secret', 'an old secret'],
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: HOUR, sameSite: 'lax' },
}));
app.use(express.urlencoded({ extended: false }));
app.use(express.json());
app.use(passport.initialize());
app.use(passport.session());
app.use(flash());

// The second CSRF package guards an API of its own; csurf guards the rest.
const { csrfSynchronisedProtection, generateToken } = csrfSync();
const api = express.Router();

api.get('/token', (req, res) => res.json({ token: generateToken(req) }));
api.use(csrfSynchronisedProtection);
api.post('/notes', (req, res) => {
  const notes = req.session.notes || (req.session.notes = []);

  notes.push(req.body.text);
  res.status(201).json({ notes });
});
app.use('/api', api);

// What is in the session, and what it looks like from outside.
app.get('/session', (req, res) => {
  const { cookie } = req.session;

  res.json({
    id: req.sessionID,
    sameId: req.session.id === req.sessionID,
    keys: Object.keys(req.session),
    session: req.session,
    originalMaxAge: cookie.originalMaxAge,
    expires: cookie.expires,
    authenticated: req.isAuthenticated(),
    user: req.user && req.user.username,
    classes: [
      req.session instanceof session.Session,
      cookie instanceof session.Cookie,
      req.sessionStore instanceof session.MemoryStore,
      req.sessionStore instanceof session.Store,
    ],
  });
});

app.get('/sessions', (req, res, next) => {
  req.sessionStore.length((error, length) => (error ? next(error) : res.json({ length })));
});

app.use(csurf());

const form = (req, action, fields) => `<form method="post" action="${action}">
<input type="hidden" name="_csrf" value="${req.csrfToken()}">
${fields}
</form>
`;

app.get('/', (req, res) => {
  res.send(`Hello ${req.user ? req.user.username : 'stranger'}\n${JSON.stringify(req.flash())}\n`);
});

app.get('/login', (req, res) => {
  res.send(form(req, '/login', '<input name="username"><input name="password">') + JSON.stringify(req.flash('error')));
});

app.post('/login', passport.authenticate('local', {
  failureRedirect: '/login',
  failureFlash: true,
}), (req, res) => {
  req.flash('success', `Welcome ${req.user.username}`);
  if (req.body.remember) req.session.cookie.maxAge = 30 * 24 * HOUR;
  res.redirect('/account');
});

function loggedIn(req, res, next) {
  if (req.isAuthenticated()) return next();
  req.flash('error', 'Log in first');
  res.redirect('/login');
}

app.get('/account', loggedIn, (req, res) => {
  req.session.visits = (req.session.visits || 0) + 1;
  res.send(`${form(req, '/logout', '')}${req.user.username}, visit ${req.session.visits} ${JSON.stringify(req.flash())}\n`);
});

app.post('/logout', loggedIn, (req, res, next) => {
  req.logout({ keepSessionInfo: req.body.keep === 'yes' }, (error) => {
    if (error) return next(error);
    req.flash('info', 'Goodbye');
    res.redirect('/');
  });
});

app.post('/forget', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.send('forgotten')));
});

app.get('/broken', (req) => {
  req.session.broken = true;
  throw new Error('broken on purpose');
});

// Express knows an error handler by its four parameters.
app.use((error, req, res, next) => {
  if (res.headersSent) return next(error);
  res.status(error.status || 500).json({ name: error.name, message: error.message, code: error.code });
});

const serving = serve(app);

serving.then(({ port }) => process.send({ port, file: require.resolve('express-session') }));
// A parent that is gone means stop as well.
process.on('message', (message) => message === 'stop' && process.disconnect());
process.once('disconnect', () => serving.then(({ close }) => close()));
