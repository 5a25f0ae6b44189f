'use strict';

const path = require('node:path');
const express = require('express');

// In an app of your own: require('express-session-rs').
const session = require('../..');

const deviceName = require('./agent');
const { idleTimeout, storeOptions } = require('./store');
const { names, hint, authenticate } = require('./users');
const { viewsPage, loginPage, sessionPage, devicesPage, messagePage } = require('./pages');

/** Where the files are that are the same for everybody. */
const ASSETS = '/assets';

const MINUTE = 60 * 1000;

/** When a session ends, and when it gets a new id, in ms. */
const times = { idleTimeout, absoluteTimeout: 8 * 60 * MINUTE, renewAfter: 60 * MINUTE };

/**
 * The app, not yet listening.
 * @param {{ secret: string, store?: session.Store }} options the store must have the `storeOptions` of
 *   store.js; without one, sessions are kept in memory
 */
function createApp({ secret, store = new session.MemoryStore(storeOptions) }) {
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
  app.use(pageHeaders);
  app.use(refuseForeignForms);
  app.use(express.urlencoded({ extended: false, limit: '2kb' }));

  app.get('/', countView, showViews('Page views'));
  app.get('/foo', countView, showViews('Foo'));
  app.get('/bar', countView, showViews('Bar'));

  app.get('/session', (req, res) => {
    send(res, sessionPage({ session: req.session, id: req.sessionID, user: req.session.user, left: timesLeft(req.session) }));
  });

  app.get('/login', (req, res) => {
    send(res, loginPage({ names, hint, user: req.session.user }));
  });
  app.post('/login', logIn);
  app.post('/logout', logOut);

  app.use('/devices', needUser);
  app.get('/devices', showDevices);
  app.post('/devices/end', endDevice);
  app.post('/devices/end-others', endOtherDevices);

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

/**
 * Refuses a form that another site has sent, which would act in the name of whoever looks at that
 * site. `SameSite` is not enough: a sibling domain and another port of this host are the same site.
 * Browsers name the sender in headers that no page can change; the older ones have only `Origin`.
 */
function refuseForeignForms(req, res, next) {
  const { 'sec-fetch-site': sender, origin, host } = req.headers;
  const isForeign = sender === undefined
    ? origin !== undefined && origin.split('//')[1] !== host
    : sender !== 'same-origin' && sender !== 'none';

  if (req.method !== 'POST' || !isForeign) return next();
  send(res.status(403), messagePage({ title: 'That did not work', text: 'This form comes from another site.', user: req.session.user }));
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
 * kept. Express gives a rejection to `showError`.
 */
async function logIn(req, res) {
  const { name, password } = req.body ?? {};
  const user = await authenticate(name, password);

  if (!user) {
    send(res.status(401), loginPage({ names, hint, tried: name ?? '', user: req.session.user }));
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

function needUser(req, res, next) {
  if (req.session.user) return next();
  res.redirect(303, '/login');
}

/** The page of the user's sessions, with what the form before had to say. */
async function showDevices(req, res) {
  const { notice } = req.session;

  delete req.session.notice;
  await sendDevices(req, res, { notice });
}

async function sendDevices(req, res, { notice, error }) {
  const { user } = req.session;
  const sessions = await req.sessionStore.sessionsOf(user.name, { current: req.session });

  send(res, devicesPage({ devices: sessions.map(named), now: Date.now(), notice, error, user }));
}

function named(device) {
  return { ...device, name: deviceName(device.userAgent) };
}

/** Ends one session. A handle is worth nothing for the sessions of others. */
async function endDevice(req, res) {
  const { session: current, sessionStore: store } = req;
  const { name } = current.user;
  const sessions = await store.sessionsOf(name, { current });
  const device = sessions.find(({ handle }) => handle === req.body?.handle);

  if (device?.current) return logOut(req, res);

  const count = device ? await store.end(name, device.handle) : 0;

  current.notice = count > 0 ? `${deviceName(device.userAgent)} is logged out.` : 'That device was logged out already.';
  res.redirect(303, '/devices');
}

/**
 * Ends all sessions but this one, for whoever knows the password: not for somebody who has only found
 * the browser open. This one gets a new id, so that a copy of its cookie is worth nothing either.
 */
async function endOtherDevices(req, res) {
  const { name } = req.session.user;

  if (!await authenticate(name, req.body?.password)) {
    await sendDevices(req, res.status(401), { error: 'The password is wrong: no device was logged out.' });
    return;
  }

  await req.session.regenerate({ keep: ['user', 'views'] });
  const count = await req.sessionStore.endAll(name, { except: req.session });

  req.session.notice = count > 0
    ? `${count} other ${count === 1 ? 'device is' : 'devices are'} logged out.`
    : 'No other device was logged in.';
  res.redirect(303, '/devices');
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
