'use strict';

/** csurf with its secret in the session, and beside it with its secret in a cookie of its own. */
const http = require('node:http');
const express = require(process.env.EXPRESS);
const cookieParser = require('cookie-parser');
const csurf = require('csurf');
const session = require('express-session');
const { serve } = require('./serve');

const app = express();

app.get('/misconfigured', csurf(), (req, res) => res.send('never'));

app.use(cookieParser('keyboard'));
app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false }));
app.use(express.urlencoded({ extended: false }));
app.get('/session', (req, res) => res.json({ id: req.sessionID, session: req.session }));

const answer = (req, res) => res.json({ token: req.csrfToken(), again: req.csrfToken(), posts: req.session.posts });
const post = (req, res) => {
  req.session.posts = (req.session.posts || 0) + 1;
  res.status(201).json({ posts: req.session.posts });
};

const cookieOnly = express.Router();
cookieOnly.use(csurf({ cookie: { key: 'guard', signed: true, httpOnly: true, sameSite: 'strict' } }));
cookieOnly.get('/', answer);
cookieOnly.post('/', post);
app.use('/cookie', cookieOnly);

app.use(csurf({ value: (req) => req.headers['x-token'] || (req.body && req.body._csrf), ignoreMethods: ['GET', 'HEAD', 'DELETE'] }));
app.get('/form', answer);
app.post('/form', post);
app.delete('/form', post);

// A new session is a new secret, so the old token is worth nothing.
app.post('/login', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.user = 'ada';
    res.json({ token: req.csrfToken(), session: req.session });
  });
});
app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.sendStatus(204)));
});

// Express knows an error handler by its four parameters.
app.use((error, req, res, _next) => {
  if (req.session) req.session.refused = (req.session.refused || 0) + 1;
  res.status(error.status || 500).json({ code: error.code, message: error.message });
});

serve(http.createServer(app));
