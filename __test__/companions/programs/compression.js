'use strict';

/** compression before or after the session: each wraps `write` and `end` of what the other left. */
const http = require('node:http');
const { EventEmitter, once } = require('node:events');
const express = require('express');
const compression = require('compression');
const session = require('express-session');
const { serve } = require('./serve');

const LINE = 'A line that is there many times over, so that it pays to compress it.\n';

/** What came when: the end of a response has to wait for the store. */
const order = [];

/** A store that takes its time. */
class Slow extends session.Store {
  #records = new Map();

  get(sid, callback) {
    setImmediate(() => {
      const text = this.#records.get(sid);
      callback(null, text && JSON.parse(text));
    });
  }

  set(sid, session, callback) {
    const text = JSON.stringify(session);
    setTimeout(() => {
      this.#records.set(sid, text);
      order.push('stored');
      callback(null);
    }, 20);
  }

  destroy(sid, callback) {
    this.#records.delete(sid);
    setImmediate(callback, null);
  }
}

const middleware = {
  session: session({
    secret: 'keyboard',
    resave: false,
    saveUninitialized: false,
    rolling: true,
    ...(process.env.STORE === 'slow' && { store: new Slow() }),
  }),
  compression: compression({ threshold: 100 }),
};

const app = express();
const signals = new EventEmitter();

app.get('/order', (req, res) => res.json(order));
app.use((req, res, next) => {
  res.on('finish', () => order.push(`${req.method} ${req.path} finished`));
  next();
});
for (const name of process.env.ORDER.split(' ')) app.use(middleware[name]);
app.use((req, res, next) => {
  req.session.views = (req.session.views || 0) + 1;
  next();
});

app.get('/large', (req, res) => res.type('txt').send(LINE.repeat(200) + req.session.views));
app.get('/small', (req, res) => res.type('txt').send(String(req.session.views)));
app.get('/plain', (req, res) => res.type('txt').set('Cache-Control', 'no-transform').send(LINE.repeat(10)));
app.get('/by-hand', (req, res) => {
  res.writeHead(200, { 'Content-Type': 'text/plain' });
  for (let i = 0; i < 5; i++) res.write(LINE);
  res.end('end');
});
app.get('/flushed', async (req, res) => {
  res.type('txt');
  res.write(`${LINE}first part\n`);
  res.flush();
  // The client has the first part before there is a second.
  await once(signals, 'go');
  req.session.late = true;
  res.end(`second part, ${req.session.views}`);
});
app.get('/go', (req, res) => {
  signals.emit('go');
  res.sendStatus(204);
});
app.get('/large-destroyed', (req, res) => {
  req.session.destroy(() => res.type('txt').send(LINE.repeat(200)));
});

app.get('/session', (req, res) => res.json(req.session));

serve(http.createServer(app));
