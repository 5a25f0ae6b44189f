'use strict';

const path = require('node:path');
const express = require('express');

// In an app of your own: require('express-session-rs').
const session = require('../..');

const { names, findUser } = require('./users');
const { viewsPage, loginPage, sessionPage, messagePage } = require('./pages');

const COOKIE_NAME = 'connect.sid';
const COOKIE = { path: '/', httpOnly: true, sameSite: 'lax' };

/**
 * The app, not yet listening.
 * @param {{ secret: string }} options
 */
function createApp({ secret }) {
  const app = express();

  app.disable('x-powered-by');

  // Before the session: a stylesheet needs none.
  app.use(express.static(path.join(__dirname, 'public')));

  app.use(session({
    secret,
    name: COOKIE_NAME,
    cookie: COOKIE,
    resave: false,
    saveUninitialized: false,
  }));
  app.use(express.urlencoded({ extended: false, limit: '2kb' }));
  app.use(pageHeaders);

  app.get('/', countView, showViews('Page views'));
  app.get('/foo', countView, showViews('Foo'));
  app.get('/bar', countView, showViews('Bar'));

  app.get('/session', (req, res) => {
    send(res, sessionPage({ session: req.session, id: req.sessionID, user: req.session.user }));
  });

  app.get('/login', (req, res) => {
    send(res, loginPage({ names, user: req.session.user }));
  });
  app.post('/login', logIn);
  app.post('/logout', logOut);

  app.use((req, res) => {
    send(res.status(404), messagePage({ title: 'Not found', text: `There is no page ${req.path}.`, user: req.session.user }));
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

function countView(req, res, next) {
  const views = req.session.views || (req.session.views = {});

  // The path that the route matched: `/foo/` and `/FOO` are the same page.
  views[req.route.path] = (views[req.route.path] || 0) + 1;
  next();
}

function showViews(title) {
  return (req, res) => {
    send(res, viewsPage({ title, path: req.route.path, views: req.session.views, user: req.session.user }));
  };
}

/**
 * A new session id at login, so that an id somebody planted in this browser
 * before is worth nothing afterwards (session fixation).
 */
function logIn(req, res, next) {
  const tried = req.body?.name;
  const user = findUser(tried);

  if (!user) {
    send(res.status(401), loginPage({ names, tried: tried ?? '', user: req.session.user }));
    return;
  }

  const { views } = req.session;

  req.session.regenerate((error) => {
    if (error) return next(error);

    req.session.user = user;
    if (views) req.session.views = views;

    // Saved first: a browser follows the redirect as soon as it sees the header.
    req.session.save((error) => {
      if (error) return next(error);
      res.redirect(303, '/');
    });
  });
}

function logOut(req, res, next) {
  req.session.destroy((error) => {
    if (error) return next(error);
    res.clearCookie(COOKIE_NAME, COOKIE);
    res.redirect(303, '/');
  });
}

// Express knows an error handler by its four parameters.
function showError(error, req, res, next) {
  if (res.headersSent) return next(error);

  const status = error.status >= 400 && error.status < 500 ? error.status : 500;

  if (status === 500) console.error(error);

  // After a failed regenerate or destroy there is no session.
  send(res.status(status), messagePage({
    title: status === 500 ? 'Something broke' : 'That did not work',
    text: status === 500 ? 'The server wrote down what happened.' : 'The server could not read this request.',
    user: req.session?.user,
  }));
}

function send(res, page) {
  res.type('html').send(String(page));
}

module.exports = { createApp };
