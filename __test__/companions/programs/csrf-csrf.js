'use strict';

/** csrf-csrf: a token in a cookie, bound to the session's id. */
const http = require('node:http');
const express = require(process.env.EXPRESS);
const cookieParser = require('cookie-parser');
const { doubleCsrf } = require('csrf-csrf');
const session = require('express-session');
const { serve } = require('./serve');

const { generateCsrfToken, doubleCsrfProtection, validateRequest } = doubleCsrf({
  getSecret: () => ['new', 'old'],
  getSessionIdentifier: (req) => req.session.id,
  cookieName: 'csrf',
  cookieOptions: { secure: false, sameSite: 'lax' },
});

const app = express();

app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false }));
app.use(cookieParser());
app.get('/session', (req, res) => res.json({ id: req.sessionID, session: req.session }));

// A session that is not kept has another id the next time, and the token fits none.
app.get('/token', (req, res) => {
  if (req.query.keep) req.session.kept = true;
  res.json({ token: generateCsrfToken(req, res) });
});
app.get('/valid', (req, res) => res.json(validateRequest(req)));

app.use(doubleCsrfProtection);
app.post('/notes', (req, res) => {
  req.session.notes = (req.session.notes || 0) + 1;
  res.status(201).json({ notes: req.session.notes });
});
app.post('/login', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.user = 'ada';
    res.json({ token: req.csrfToken({ overwrite: true }), id: req.session.id });
  });
});

// Express knows an error handler by its four parameters.
app.use((error, req, res, _next) => res.status(error.statusCode || 500).json({ code: error.code, message: error.message }));

serve(http.createServer(app));
