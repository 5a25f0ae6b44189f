'use strict';

/** An Express app that uses what Express itself has: routers, sub-apps, views, files, streams. */
const http = require('node:http');
const { Readable } = require('node:stream');

// `EXPRESS` names the version.
const express = require(process.env.EXPRESS);
const cookieParser = require('cookie-parser');
const session = require('express-session');
const { serve } = require('./serve');

const HOUR = 60 * 60 * 1000;

const app = express();

app.set('trust proxy', 1);
app.engine('txt', (file, { session: { views }, title }, callback) => callback(null, `${title}: ${views} views\n`));
app.set('views', __dirname);
app.set('view engine', 'txt');
app.get('/before', (req, res) => res.send(String(req.session)));

// Each part has a session of its own, under its own path.
for (const part of ['shop', 'staff']) {
  const router = express.Router();

  router.use(session({
    secret: 'keyboard', resave: false, saveUninitialized: true, name: `${part}.sid`, cookie: { path: `/${part}` },
  }));
  router.get('/', (req, res) => {
    req.session[part] = (req.session[part] || 0) + 1;
    res.json({ id: req.sessionID, session: req.session, baseUrl: req.baseUrl });
  });
  app.use(`/${part}`, router);
}

app.use(cookieParser('for other cookies'));
app.use(session({
  secret: 'keyboard',
  resave: false,
  saveUninitialized: false,
  unset: 'destroy',
  cookie: { secure: 'auto', sameSite: 'auto', maxAge: HOUR },
}));
app.use('/files', express.static(__dirname));

app.get('/count', (req, res) => {
  req.session.views = (req.session.views || 0) + 1;
  res.json({ id: req.sessionID, views: req.session.views, secure: req.secure });
});
app.get('/peek', (req, res) => res.json({ id: req.sessionID, session: req.session, signed: req.signedCookies }));
app.get('/view', (req, res) => res.render('page', { title: 'Page', session: req.session }));
app.get('/empty', (req, res) => res.sendStatus(204));
app.get('/jsonp', (req, res) => res.jsonp({ views: req.session.views }));
app.get('/file', (req, res) => {
  req.session.files = 1;
  res.sendFile('serve.js', { root: __dirname });
});
app.get('/cookies', (req, res) => {
  req.session.theme = 'dark';
  res.cookie('theme', 'dark', { maxAge: HOUR });
  res.cookie('plan', 'free', { signed: true });
  res.clearCookie('old');
  res.redirect(303, '/peek');
});
app.get('/head', (req, res) => {
  req.session.heads = 1;
  res.writeHead(201, 'Made', { 'X-Part': ['a', 'b'], 'Set-Cookie': ['by=hand'] });
  res.write('made ');
  res.end('by hand');
});
app.get('/flush', (req, res) => {
  req.session.flushed = 1;
  res.flushHeaders();
  req.session.late = 1;
  res.end('flushed');
});
app.get('/stream', (req, res) => {
  req.session.streams = 1;
  res.type('txt');
  Readable.from(['one ', 'two ', 'three']).pipe(res);
});
app.post('/form', express.urlencoded({ extended: false }), (req, res) => {
  Object.assign(req.session, req.body);
  res.status(201).location('/peek').send('kept');
});

app.get('/throw', (req) => {
  req.session.thrown = 1;
  throw new Error('thrown');
});
app.get('/reject', async (req, res, next) => {
  try {
    await req.session.nothing.there;
  } catch (error) {
    // Express 5 sees to a rejected promise itself.
    if (process.env.EXPRESS === 'express') throw error;
    next(error);
  }
});
app.get('/steps', (req, res, next) => {
  const ids = [req.sessionID];
  req.session.step = 1;
  req.session.save((error) => {
    if (error) return next(error);
    req.session.step = 2;
    req.session.reload((error) => {
      if (error) return next(error);
      ids.push(req.session.step);
      req.session.regenerate((error) => {
        if (error) return next(error);
        req.session.fresh = true;
        ids.push(req.sessionID);
        res.json(ids);
      });
    });
  });
});
app.get('/unset', (req, res) => {
  req.session = null;
  res.send('unset');
});
app.get('/destroy', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.json({ session: String(req.session) })));
});

// A sub-app gives the request and the response prototypes of its own.
const sub = express();
sub.get('/count', (req, res) => {
  req.session.sub = (req.session.sub || 0) + 1;
  res.json({ sub: req.session.sub, url: req.originalUrl });
});
app.use('/sub', sub);

// Express knows an error handler by its four parameters.
app.use((error, req, res, _next) => res.status(error.status || 500).json({ message: error.message }));

serve(http.createServer(app));
