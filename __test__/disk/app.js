'use strict';

/**
 * A server whose sessions are in a file, for processes of their own. It sends its port to its
 * parent, or prints it where there is none. FILE is the file, OPTIONS has further options of the
 * store as JSON, PORT the port, any free one without that, and COMMIT the option `commit` of `session()`.
 */
const http = require('node:http');
const { setTimeout: wait } = require('node:timers/promises');
const { createApp, serve } = require('../../test-kit/app');
const { HOST } = require('../../test-kit/port');
const session = require('../..');

const { FILE, OPTIONS = '{}', PORT, COMMIT = 'end' } = process.env;

const store = new session.DiskStore({ path: FILE, ...JSON.parse(OPTIONS) });
const kept = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };

const query = (req, name) => new URL(req.url, 'http://localhost').searchParams.get(name);
const see = (req, res) => { res.end(req.session.user === undefined ? 'nobody' : `${req.session.user} ${req.session.n}`); };

/** Ends a response, and does something as soon as it is on its way. */
const endThen = (res, act) => { res.end('ok', () => { act(); }); };

const routes = {
  'GET /': see,
  'GET /login': (req, res) => { Object.assign(req.session, { user: query(req, 'user'), n: 0 }); see(req, res); },
  'GET /write': (req, res) => { if (req.session.user !== undefined) req.session.n = Number(query(req, 'n')); see(req, res); },
  'GET /logout': (req, res, next) => { req.session.destroy((error) => { if (error) next(error); else res.end('bye'); }); },
  'GET /fill': (req, res) => { req.session.text = 'x'.repeat(Number(query(req, 'size'))); res.end('filled'); },
  'GET /slow': async (req, res) => {
    req.session.n = 'slow';
    // Who asks knows by the header that the session is loaded.
    res.writeHead(200, { 'x-loaded': '1' });
    res.flushHeaders();
    await wait(Number(query(req, 'ms')));
    res.end('slow');
  },
  'GET /all': (req, res, next) => { store.ids().then((ids) => { res.end(JSON.stringify(ids.sort())); }, next); },
  // Ways to end, each with a change that was answered and others that nobody waits for.
  'GET /exit': (req, res) => { req.session.n = 'exit'; endThen(res, () => { leave(); process.exit(0); }); },
  'GET /throw': (req, res) => { req.session.n = 'throw'; endThen(res, () => { leave(); setImmediate(() => { throw new Error('on purpose'); }); leave(); }); },
  'GET /reject': (req, res) => { req.session.n = 'reject'; endThen(res, () => { leave(); Promise.reject(new Error('on purpose')); }); },
  'GET /term': (req, res) => { req.session.n = 'term'; endThen(res, () => { process.kill(process.pid, 'SIGTERM'); }); },
  'GET /kill': (req, res) => { req.session.n = 'kill'; endThen(res, () => { process.kill(process.pid, 'SIGKILL'); }); },
};

/** Stores sessions without a callback. */
function leave() {
  for (const sid of ['left 1', 'left 2', 'left 3']) store.set(sid, { cookie: kept });
}

const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store, commit: COMMIT });
const tellPid = (req, res, next) => { res.setHeader('x-pid', String(process.pid)); next(); };
const app = createApp({ kind: 'http', layers: [tellPid, middleware], routes });

async function start() {
  if (PORT) http.createServer(app).listen(Number(PORT), HOST);
  const port = PORT ?? (await serve(app)).port;
  if (process.send) process.send({ port, pid: process.pid });
  else console.log(`port ${port}`);
}

module.exports = { app, store, started: start() };
process.on('message', (message) => { if (message === 'stop') process.exit(0); });
