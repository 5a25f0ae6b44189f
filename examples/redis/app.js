'use strict';

const path = require('node:path');
const express = require('express');
const session = require('express-session');

const { names, findUser } = require('../app/users');
const { homePage, messagePage } = require('./pages');

const COOKIE_NAME = 'connect.sid';
const COOKIE = { path: '/', httpOnly: true, sameSite: 'lax' };

/** How long a session lasts after its last request, in ms. Redis forgets it by itself then. */
const MAX_AGE = 24 * 60 * 60 * 1000;

/**
 * The app, not yet listening. Nothing that outlives a request is in its
 * variables: another process may answer the next one.
 * @param {object} options
 * @param {string} options.secret the same in all processes
 * @param {object} options.store the same for all processes
 * @param {string} options.number of this process
 */
function createApp({ secret, store, number }) {
  const app = express();

  app.disable('x-powered-by');
  // nginx is on this machine. What anybody else claims about TLS or addresses is not believed.
  app.set('trust proxy', 'loopback');

  app.use((req, res, next) => {
    res.set('X-Process', number);
    next();
  });
  app.use(express.static(path.join(__dirname, '..', 'app', 'public')));
  app.use(session({
    store,
    secret,
    name: COOKIE_NAME,
    cookie: { ...COOKIE, secure: 'auto', maxAge: MAX_AGE },
    // Two requests of one browser may be in two processes at once: one that
    // only reads must not write back what the other has changed meanwhile.
    resave: false,
    saveUninitialized: false,
  }));
  app.use(express.urlencoded({ extended: false, limit: '2kb' }));
  app.use(pageHeaders);

  app.get('/', (req, res) => {
    send(res, homePage({ number, names, count: req.session.count ?? 0, user: req.session.user }));
  });
  // No GET: when a process dies, nginx asks another one again, and it would count twice.
  app.post('/count', count);
  app.post('/login', logIn);
  app.post('/logout', logOut);

  app.use((req, res) => {
    send(res.status(404), messagePage({ title: 'Not found', text: `There is no page ${req.path}.` }));
  });
  app.use(showError);

  return app;
}

/** Nothing here loads scripts, and a counter must not come out of a cache. */
function pageHeaders(req, res, next) {
  res.set('Content-Security-Policy', "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  res.set('Cache-Control', 'no-store');
  next();
}

function count(req, res, next) {
  req.session.count = (req.session.count ?? 0) + 1;
  goHome(req, res, next);
}

/** A new session id at login: an id planted in this browser before is worth nothing afterwards. */
function logIn(req, res, next) {
  const user = findUser(req.body?.name);

  if (!user) {
    send(res.status(401), messagePage({ title: 'Log in', text: 'There is no user of that name.' }));
    return;
  }

  const { count } = req.session;

  req.session.regenerate((error) => {
    if (error) return next(error);

    req.session.user = user;
    if (count) req.session.count = count;
    goHome(req, res, next);
  });
}

function logOut(req, res, next) {
  req.session.destroy((error) => {
    if (error) return next(error);
    res.clearCookie(COOKIE_NAME, COOKIE);
    res.redirect(303, '/');
  });
}

/**
 * Saved first: a browser follows the redirect as soon as it sees the header,
 * and asks another process, which must find it in the store.
 */
function goHome(req, res, next) {
  req.session.save((error) => {
    if (error) return next(error);
    res.redirect(303, '/');
  });
}

// Express knows an error handler by its four parameters.
function showError(error, req, res, next) {
  // The page is complete, but what the session middleware does at its end has failed.
  // Express would close the connection, and nginx take this process for dead.
  if (res.writableEnded) return console.error(error.message);
  if (res.headersSent) return next(error);

  // A new session that could not be saved is saved once more at the end of this page. If
  // that fails again, Express closes the connection without asking here. Without a
  // session nothing is saved, and what is stored stays (`unset: 'keep'`).
  req.session = null;

  const status = error.status >= 400 && error.status < 500 ? error.status : 500;

  if (status === 500) console.error(error.message);
  send(res.status(status), messagePage({
    title: status === 500 ? 'Something broke' : 'That did not work',
    text: status === 500 ? 'Please try again in a moment.' : 'The server could not read this request.',
  }));
}

function send(res, page) {
  res.type('html').send(String(page));
}

module.exports = { createApp };
