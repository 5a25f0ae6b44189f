'use strict';

const express = require('express');

/** The app that the runners' tests are about. */
function createApp(session, options) {
  const app = express();

  app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false, ...options }));
  app.get('/', (req, res) => res.json({ session: req.session }));
  app.get('/count', (req, res) => {
    req.session.views = (req.session.views || 0) + 1;
    res.json({ session: req.session });
  });
  app.get('/save', (req, res, next) => {
    req.session.saved = true;
    req.session.save((error) => (error ? next(error) : res.json({ session: req.session })));
  });
  app.get('/renew', (req, res, next) => {
    req.session.regenerate((error) => (error ? next(error) : res.json({ session: req.session })));
  });
  app.get('/destroy', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.json({ session: String(req.session) })));
  });
  app.get('/unset', (req, res) => {
    req.session = null;
    res.json({ session: String(req.session) });
  });
  // Express knows an error handler by its four parameters.
  app.use((error, req, res, next) => {
    if (res.headersSent) return next(error);
    res.status(500).json({ message: error.message });
  });

  return app;
}

module.exports = createApp;
