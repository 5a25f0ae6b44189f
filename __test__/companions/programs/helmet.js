'use strict';

/** helmet before or after the session, with a nonce that is kept in it. */
const http = require('node:http');
const express = require(process.env.EXPRESS);
const helmet = require('helmet');
const session = require('express-session');
const { serve } = require('./serve');

const middleware = {
  session: session({
    secret: 'keyboard', resave: false, saveUninitialized: false, cookie: { secure: true, httpOnly: true, sameSite: 'strict' }, proxy: true,
  }),
  helmet: helmet({
    contentSecurityPolicy: {
      directives: {
        scriptSrc: ["'self'", (req) => `'nonce-${req.session ? req.session.nonce : 'none yet'}'`],
      },
    },
  }),
};

const app = express();

app.use((req, res, next) => {
  res.setHeader('Set-Cookie', 'first=1');
  next();
});
for (const name of process.env.ORDER.split(' ')) app.use(middleware[name]);

app.get('/', (req, res) => {
  req.session.nonce = (req.session.nonce || 0) + 1;
  res.json(req.session);
});
app.get('/broken', () => {
  throw new Error('broken');
});

// Express knows an error handler by its four parameters.
app.use((error, req, res, _next) => res.status(500).json({ message: error.message, nonce: req.session.nonce }));

serve(http.createServer(app));
