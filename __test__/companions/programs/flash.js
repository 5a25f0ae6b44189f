'use strict';

/** connect-flash: what is in `req.session.flash` is taken out by who reads it. */
const http = require('node:http');
const express = require(process.env.EXPRESS);
const flash = require('connect-flash');
const session = require('express-session');
const { serve } = require('./serve');

const app = express();

// Without a session there are no messages.
app.get('/without', flash(), (req, res) => res.json(req.flash('info')));

app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false }));
app.use(flash());

app.get('/say', (req, res) => {
  res.json([
    req.flash('info', 'plain'),
    req.flash('info', '%s of %d: %j', 'formatted', 2, { a: 1 }),
    req.flash('warning', ['first', 'second']),
    req.flash('info', 'ünïcode 🦀'),
  ]);
});
app.get('/hear', (req, res) => res.json(req.query.type ? req.flash(req.query.type) : req.flash()));
app.get('/redirect', (req, res) => {
  req.flash('info', 'redirected');
  res.redirect('/hear?type=info');
});
app.get('/move', (req, res, next) => {
  const messages = req.flash();
  req.session.regenerate((error) => {
    if (error) return next(error);
    for (const [type, texts] of Object.entries(messages)) req.flash(type, texts);
    res.json({ id: req.sessionID, session: req.session });
  });
});
app.get('/session', (req, res) => res.json({ id: req.sessionID, session: req.session }));

// Express knows an error handler by its four parameters.
app.use((error, req, res, _next) => res.status(500).json({ message: error.message }));

serve(http.createServer(app));
