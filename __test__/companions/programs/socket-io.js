'use strict';

/**
 * socket.io beside Express, in the three ways in which programs share the session
 * with it: as middleware of its engine, as the documentation has it; as middleware of
 * a namespace with no response; and the same with the response of a polling request.
 */
const http = require('node:http');
const express = require('express');
const session = require('express-session');
const { Server } = require('socket.io');
const { serve } = require('./serve');

const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: true, cookie: { maxAge: 60 * 60 * 1000 } });

const app = express();
app.use(middleware);
app.use(express.urlencoded({ extended: false }));
app.post('/login', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.user = req.body.name;
    res.json({ id: req.sessionID });
  });
});
app.post('/name', (req, res) => {
  req.session.name = req.body.name;
  res.sendStatus(204);
});
app.get('/session', (req, res) => res.json({ id: req.sessionID, session: req.session }));
app.post('/logout', (req, res, next) => {
  const { sessionID } = req;
  req.session.destroy((error) => {
    if (error) return next(error);
    io.in(sessionID).disconnectSockets(true);
    res.sendStatus(204);
  });
});

const server = http.createServer(app);
const io = new Server(server, { pingInterval: 60 * 60 * 1000 });
const staff = io.of('/staff');

const ways = {
  'of the engine': () => io.engine.use(middleware),
  'of a namespace': () => {
    for (const space of [io, staff]) space.use(({ request }, next) => middleware(request, {}, next));
  },
  'of a namespace, with the response': () => {
    for (const space of [io, staff]) space.use(({ request }, next) => middleware(request, request.res || {}, next));
  },
};
ways[process.env.WAY]();

staff.use(({ request: { session } }, next) => next(session.user === 'ada' ? undefined : new Error(`not for ${session.user}`)));

for (const space of [io, staff]) {
  space.on('connection', (socket) => {
    const { request } = socket;
    const { id } = request.session;
    socket.join(id);

    const tell = (answer, error) => answer({
      error: error ? error.message : null,
      id: request.session && request.session.id,
      sameId: Boolean(request.session) && request.sessionID === request.session.id,
      session: request.session,
    });

    socket.on('read', (answer) => tell(answer));
    socket.on('count', (answer) => {
      request.session.count = (request.session.count || 0) + 1;
      request.session.save((error) => tell(answer, error));
    });
    socket.on('reload', (answer) => request.session.reload((error) => tell(answer, error)));
    socket.on('regenerate', (answer) => request.session.regenerate((error) => tell(answer, error)));
    socket.on('destroy', (answer) => request.session.destroy((error) => tell(answer, error)));
    // To all that this visitor has open.
    socket.on('everywhere', (text) => io.to(id).emit('everywhere', text));
  });
}

serve(server, () => io.close());
