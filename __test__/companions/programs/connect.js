'use strict';

/** A Connect server: no routes, no `res.json`, middleware and apps mounted in each other. */
const http = require('node:http');
const connect = require('connect');
const flash = require('connect-flash');
const session = require('express-session');
const { serve } = require('./serve');

const MINUTE = 60 * 1000;

const app = connect();

app.use(session({
  secret: 'keyboard', resave: true, saveUninitialized: true, rolling: true, cookie: { maxAge: 10 * MINUTE },
}));
app.use(flash());

const send = (res, value) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(value));
};

app.use('/count', (req, res) => {
  req.session.views = (req.session.views || 0) + 1;
  res.setHeader('Set-Cookie', 'other=1');
  send(res, { id: req.sessionID, session: req.session });
});

// An app in an app in an app: each sees a shorter URL.
const inner = connect().use('/inner', (req, res) => {
  req.session.inner = [req.url, req.originalUrl];
  req.flash('info', 'seen %s', req.url);
  send(res, req.session.inner);
});
app.use('/outer', connect().use('/middle', inner));

// The innermost is made after the outer one has a session: it keeps that one.
app.use('/twice', session({ secret: 'other', resave: false, saveUninitialized: true, name: 'other.sid' }));
app.use('/twice', (req, res) => send(res, { id: req.sessionID, messages: req.flash() }));

app.use('/body', (req, res, next) => {
  let text = '';
  req.setEncoding('utf8');
  req.on('data', (part) => { text += part; });
  req.on('error', next);
  req.on('end', () => {
    req.session.body = text;
    res.statusCode = 202;
    res.write(text.slice(0, 3));
    // Somebody reads meanwhile.
    setImmediate(() => res.end(text.slice(3)));
  });
});
app.use('/logout', (req, res, next) => req.session.destroy((error) => (error ? next(error) : send(res, 'gone'))));
app.use('/error', (req, res, next) => {
  req.session.errors = 1;
  next(Object.assign(new Error('given to next'), { status: 418 }));
});
app.use('/throw', () => {
  throw new Error('thrown');
});
app.use('/throw', (error, req, res, _next) => {
  res.statusCode = 500;
  send(res, { message: error.message, views: req.session.views });
});

serve(http.createServer(app));
