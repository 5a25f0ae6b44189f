'use strict';

/** ws: upgrades that the server handles itself, each with the session of the visitor, who may change it from the socket. */
const http = require('node:http');
const express = require(process.env.EXPRESS);
const session = require('express-session');
const { WebSocketServer } = require('ws');
const { serve } = require('./serve');

const HOUR = 60 * 60 * 1000;

const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, cookie: { maxAge: HOUR } });
/** Who sits at each socket. */
const visitors = new Map();

const app = express();
app.use(middleware);
app.use(express.urlencoded({ extended: false }));
app.post('/login', (req, res) => {
  req.session.user = req.body.name;
  res.sendStatus(204);
});
app.post('/name', (req, res) => {
  req.session.name = req.body.name;
  res.json(req.session);
});
app.get('/session', (req, res) => res.json({ id: req.sessionID, session: req.session }));
app.post('/logout', (req, res, next) => {
  const { sessionID } = req;
  req.session.destroy((error) => {
    if (error) return next(error);
    const open = [...visitors.keys()].filter((ws) => visitors.get(ws) === sessionID);
    for (const ws of open) ws.close(4000, 'logged out');
    res.json({ closed: open.length });
  });
});

const server = http.createServer(app);

const wss = new WebSocketServer({ noServer: true });
// The way of older programs, which the server of sockets asks.
const asking = new WebSocketServer({
  noServer: true,
  verifyClient: ({ req }, done) => middleware(req, {}, () => done(Boolean(req.session.user), 403)),
});
// A new visitor gets the cookie with the handshake, from a response that is never sent.
const greeting = new WebSocketServer({ noServer: true });
greeting.on('headers', (headers, { greetingCookies = [] }) => {
  headers.push(...greetingCookies.map((cookie) => `Set-Cookie: ${cookie}`));
});

server.on('upgrade', (req, socket, head) => {
  socket.on('error', () => {});

  if (req.url === '/asking') return asking.handleUpgrade(req, socket, head, (ws) => talk(ws, req));
  if (req.url === '/greeting') {
    const res = new http.ServerResponse(req);
    return middleware(req, res, () => {
      req.session.user = 'guest';
      res.writeHead(101);
      req.greetingCookies = res.getHeader('Set-Cookie');
      req.session.save(() => greeting.handleUpgrade(req, socket, head, (ws) => talk(ws, req)));
    });
  }
  middleware(req, {}, (error) => {
    if (error || !req.session.user) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      return;
    }
    wss.handleUpgrade(req, socket, head, (ws) => talk(ws, req));
  });
});

const orders = {
  count: ({ session }) => {
    session.count = (session.count || 0) + 1;
  },
  save: ({ session }, done) => session.save(done),
  reload: ({ session }, done) => session.reload(done),
  touch: ({ session }) => {
    session.touch();
  },
  regenerate: ({ session }, done) => session.regenerate(done),
  destroy: ({ session }, done) => session.destroy(done),
};

function talk(ws, req) {
  visitors.set(ws, req.sessionID);
  ws.on('close', () => visitors.delete(ws));

  // A message is a list of orders; the answer tells what the session is after them.
  ws.on('message', async (message) => {
    const errors = [];
    for (const name of String(message).split(' ')) {
      const order = orders[name];
      if (order.length === 1) order(req);
      else await new Promise((resolve) => { order(req, (error) => resolve(error && errors.push(error.message))); });
    }
    ws.send(JSON.stringify({ errors, id: req.sessionID, session: req.session, same: req.session && req.session.req === req }));
  });
}

serve(server, () => [wss, asking, greeting].forEach(({ clients }) => clients.forEach((ws) => ws.terminate())));
