'use strict';

/** morgan before the session, with its lines on stdout: when it writes them, the session is settled. */
const http = require('node:http');
const express = require(process.env.EXPRESS);
const morgan = require('morgan');
const session = require('express-session');
const { serve } = require('./serve');

morgan.token('sid', (req) => req.sessionID);
morgan.token('session', (req) => JSON.stringify(req.session && { ...req.session, cookie: undefined }));
morgan.token('user', (req) => req.session && req.session.user);

const app = express();

// At once, when there is no session yet, and when the response is done.
app.use(morgan('at once :method :url :sid :session', { immediate: true }));
app.use(morgan('done :method :url :status :res[content-length] :res[set-cookie] :req[cookie] :sid :session', {
  stream: process.stdout,
}));
app.use(morgan(':user failed with :status', { skip: (req, res) => res.statusCode < 400 }));
// Times are dates of the machine, and durations: whether there is one is what can be compared.
morgan.token('took', (req, res) => ['total-time', 'response-time'].map((name) => typeof morgan[name](req, res)));
app.use(morgan('took :took'));

app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false }));

app.get('/', (req, res) => {
  req.session.user = 'ada';
  res.send('hello');
});
app.get('/stream', (req, res) => {
  req.session.parts = 0;
  for (let i = 0; i < 3; i++) {
    req.session.parts += 1;
    res.write('part ');
  }
  res.end();
});
app.get('/renew', (req, res, next) => {
  req.session.regenerate((error) => (error ? next(error) : res.send('renewed')));
});
app.get('/broken', () => {
  throw new Error('broken');
});
app.get('/destroy', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.sendStatus(204)));
});

// Express knows an error handler by its four parameters.
app.use((error, req, res, _next) => res.status(500).send(error.message));

serve(http.createServer(app));
