'use strict';

/** express-socket.io-session: the session on a socket's handshake, which is no request and has no response. */
const http = require('node:http');
const cookieParser = require('cookie-parser');
const express = require('express');
const session = require('express-session');
const share = require('express-socket.io-session');
const { Server } = require('socket.io');
const { serve } = require('./serve');

const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false });

const app = express();
app.use(middleware);
app.get('/login', (req, res) => {
  req.session.user = 'ada';
  res.json({ id: req.sessionID });
});
app.get('/session', (req, res) => res.json({ id: req.sessionID, session: req.session }));
app.get('/stored', (req, res, next) => {
  req.sessionStore.all((error, sessions) => (error ? next(error) : res.json(sessions)));
});

const server = http.createServer(app);
const io = new Server(server);

// With its own cookie-parser, or with that of the program.
const ways = {
  'saving by itself': share(middleware, { autoSave: true, saveUninitialized: true }),
  'saved by hand': share(middleware, cookieParser('keyboard')),
};
io.use(ways[process.env.WAY]);

io.on('connection', (socket) => {
  const { handshake } = socket;

  const tell = (answer) => answer({
    id: handshake.sessionID,
    session: handshake.session,
    // Besides what packages keep there for themselves, such as parseurl's `_parsedUrl`.
    keys: Object.keys(handshake).filter((key) => !key.startsWith('_')),
    cookies: handshake.cookies,
    signed: handshake.signedCookies,
  });

  socket.on('read', tell);
  socket.on('count', (answer) => {
    handshake.session.count = (handshake.session.count || 0) + 1;
    tell(answer);
  });
  socket.on('save', (answer) => handshake.session.save(() => tell(answer)));
  socket.on('reload', (answer) => handshake.session.reload(() => tell(answer)));
  socket.on('logout', (answer) => {
    delete handshake.session.user;
    tell(answer);
  });
});

serve(server, () => io.close());
