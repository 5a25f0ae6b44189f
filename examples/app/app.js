'use strict';

const path = require('node:path');
const express = require('express');

// In an app of your own: require('express-session-rs').
const session = require('../..');

const { names, findUser } = require('./users');
const { viewsPage, loginPage, sessionPage, messagePage } = require('./pages');

/** Where the files are that are the same for everybody. */
const ASSETS = '/assets';

const MINUTE = 60 * 1000;

/** When a session ends, and when it gets a new id, in ms. */
const times = { idleTimeout: 15 * MINUTE, absoluteTimeout: 8 * 60 * MINUTE, renewAfter: 60 * MINUTE };

/**
 * The app, not yet listening.
 * @param {{ secret: string, store?: session.Store }} options without a store, sessions are kept in memory
 */
function createApp({ secret, store }) {
  const app = express();

  app.disable('x-powered-by');

  app.use(session({
    secret,
    store,
    cookie: { sameSite: 'lax' },
    resave: false,
    saveUninitialized: false,
    ...times,
    // A redirect leaves when the session is stored, and a store that fails gives an error page.
    commit: 'headers',
    // Who logs out keeps no cookie.
    clearCookie: true,
    // A counter must not come out of a cache, nor the page of somebody who has logged out.
    cacheControl: 'no-store',
    // A stylesheet needs no session.
    skip: (req) => req.path.startsWith(`${ASSETS}/`),
    // A cookie that browsers would drop ends the program at its start.
    strictCookies: true,
  }));
  app.use(ASSETS, express.static(path.join(__dirname, 'public')));
  app.use(express.urlencoded({ extended: false, limit: '2kb' }));
  app.use(pageHeaders);

  app.get('/', countView, showViews('Page views'));
  app.get('/foo', countView, showViews('Foo'));
  app.get('/bar', countView, showViews('Bar'));

  app.get('/session', (req, res) => {
    send(res, sessionPage({ session: req.session, id: req.sessionID, user: req.session.user, left: timesLeft(req.session) }));
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

/** Nothing here loads scripts. */
function pageHeaders(req, res, next) {
  res.set('Content-Security-Policy', "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  next();
}

function countView(req, res, next) {
  const views = req.session.views || (req.session.views = {});

  // The path that the route matched: `/foo/` and `/FOO` are the same page.
  views[req.route.path] = (views[req.route.path] || 0) + 1;
  next();
}

/**
 * How many minutes are left to a session; undefined for one that is not stored yet. The request
 * that asks for it is a use, so the whole idle time is left.
 */
function timesLeft({ _meta: meta }) {
  if (meta === undefined) return undefined;
  const now = Date.now();
  const left = {
    idle: times.idleTimeout,
    absolute: meta.created + times.absoluteTimeout - now,
    renewal: meta.renewed + times.renewAfter - now,
  };

  return Object.fromEntries(Object.entries(left).map(([name, ms]) => [name, Math.ceil(ms / MINUTE)]));
}

function showViews(title) {
  return (req, res) => {
    send(res, viewsPage({ title, path: req.route.path, views: req.session.views, user: req.session.user }));
  };
}

/**
 * A new session id at login, so that an id somebody planted in this browser
 * before is worth nothing afterwards (session fixation). Only the counters are
 * kept, and the time at which the session ends at the latest. Express gives a
 * rejection to `showError`.
 */
async function logIn(req, res) {
  const tried = req.body?.name;
  const user = findUser(tried);

  if (!user) {
    send(res.status(401), loginPage({ names, tried: tried ?? '', user: req.session.user }));
    return;
  }

  await req.session.regenerate({ keep: ['views'] });
  req.session.user = user;
  res.redirect(303, '/');
}

async function logOut(req, res) {
  await req.session.destroy();
  res.redirect(303, '/');
}

// Express knows an error handler by its four parameters.
function showError(error, req, res, next) {
  if (res.headersSent) return next(error);

  const status = error.status >= 400 && error.status < 500 ? error.status : 500;

  if (status === 500) console.error(error);

  // A skipped request has no session, and neither has one after a failed destroy.
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
