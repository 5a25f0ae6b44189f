'use strict';

/** Passport with what its options make of the session: `keepSessionInfo`, messages, where to return to, other keys. */
const http = require('node:http');
const express = require(process.env.EXPRESS);
const passport = require('passport');
const session = require('express-session');
const { Strategy } = require('passport-local');
const { serve } = require('./serve');

const users = [{ id: 1, name: 'ada' }, { id: 2, name: 'grace' }];

passport.use(new Strategy({ passReqToCallback: true }, (req, name, password, done) => {
  req.session.attempts = (req.session.attempts || 0) + 1;
  const user = users.find((user) => user.name === name);
  if (password === 'crash') return done(new Error('no database'));
  return user && password === 'right' ? done(null, user) : done(null, false, { message: `not ${name}` });
}));
passport.serializeUser((req, user, done) => done(null, user.id));
passport.deserializeUser((req, id, done) => {
  req.session.seen = (req.session.seen || 0) + 1;
  done(null, users.find((user) => user.id === id) || null);
});

// Which calls a login, a logout and a read make.
const store = new session.MemoryStore();
const calls = [];
if (process.env.LEDGER) {
  for (const name of ['get', 'set', 'touch', 'destroy', 'regenerate']) {
    const method = store[name];
    store[name] = function ledger(...args) {
      calls.push(name);
      return method.apply(this, args);
    };
  }
}

const app = express();

app.get('/calls', (req, res) => res.json(calls.splice(0)));
app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false, store }));
app.use(express.urlencoded({ extended: false }));
app.use(passport.authenticate('session'));

app.get('/basket', (req, res) => {
  req.session.basket = (req.session.basket || []).concat(req.query.add || []);
  res.json(req.session.basket);
});
app.get('/seen', (req, res) => {
  res.json({ id: req.sessionID, user: req.user, session: req.session, own: req.session.id === req.sessionID });
});

const gate = (req, res, next) => {
  if (req.isAuthenticated()) return next();
  req.session.returnTo = req.originalUrl;
  res.redirect('/login');
};
app.get('/private', gate, (req, res) => res.send(`for ${req.user.name}`));
app.get('/login', (req, res) => {
  const { messages = [] } = req.session;
  delete req.session.messages;
  res.json(messages);
});

const failing = { failureRedirect: '/login', failureMessage: true };
app.post('/login', passport.authenticate('local', { ...failing, successReturnToOrRedirect: '/seen' }));
app.post('/login/keep', passport.authenticate('local', {
  ...failing, keepSessionInfo: true, successReturnToOrRedirect: '/seen', successMessage: 'Welcome back',
}));
app.post('/once', passport.authenticate('local', { session: false }), (req, res) => res.send(`once ${req.user.name}`));
app.post('/link', passport.authorize('local', { assignProperty: 'linked' }), (req, res) => {
  req.session.linked = req.account ? req.account.name : req.linked.name;
  res.json({ user: req.user && req.user.name, linked: req.session.linked });
});
// By hand, as sites do after signing somebody up.
app.post('/signup', (req, res, next) => {
  const user = { id: users.length + 1, name: req.body.username };
  users.push(user);
  req.login(user, { keepSessionInfo: req.body.keep === 'yes' }, (error) => (error ? next(error) : res.redirect(303, '/seen')));
});
app.post('/logout', (req, res, next) => {
  req.logout({ keepSessionInfo: req.body.keep === 'yes' }, (error) => (error ? next(error) : res.redirect('/seen')));
});
app.post('/destroy', (req, res, next) => {
  req.logout((error) => {
    if (error) return next(error);
    req.session.destroy((error) => (error ? next(error) : res.clearCookie('connect.sid').sendStatus(204)));
  });
});

// The account goes, the session that refers to it stays.
app.post('/leave', (req, res) => {
  users.splice(users.indexOf(req.user), 1);
  res.send('left');
});

// Express knows an error handler by its four parameters.
app.use((error, req, res, _next) => res.status(500).json({ message: error.message, attempts: req.session.attempts }));

serve(http.createServer(app));
