'use strict';

/** The scenes of what this package adds: of "What it adds" in README.md, of docs/features.md, and of what other documents say of it. */

const { lines, later } = require('./scene-parts');

/** The lines that the examples follow. A store of the scene is slow, and fails while `fails` says so. */
const app = (express = 'express') => `const express = require('${express}');
const session = require('express-session-rs');
const app = express();
const fails = {};
class SlowStore extends session.MemoryStore {
  get(sid, callback) { super.get(sid, callback); }
  set(sid, data, callback) { setTimeout(() => { fails.set ? callback(new Error('down')) : super.set(sid, data, callback); }, 100); }
  destroy(sid, callback) { setTimeout(() => { fails.destroy ? callback(new Error('down')) : super.destroy(sid, callback); }, 100); }
}
const store = new SlowStore();
const options = { secret: process.env.SECRET, resave: false, saveUninitialized: false };
`;
const slow = app().replace('saveUninitialized: false', 'saveUninitialized: false, store');

const routes = `
app.get('/in', (req, res) => { Object.assign(req.session, { user: 'ada', cart: 'a book', language: 'en', theme: 'dark' }); res.end('in'); });
app.get('/fail', (req, res) => { fails.set = fails.destroy = true; res.end('from now on'); });
app.get('/repair', (req, res) => { fails.set = fails.destroy = false; res.end('no longer'); });
app.get('/', (req, res) => { res.end(String(req.session.user)); });
app.get('/show', (req, res) => { res.end(Object.keys(req.session).sort().join()); });
`;
const listen = `${routes}
app.use((error, req, res, next) => { if (res.headersSent) next(error); else res.status(500).end(error.message); });
app.listen(3000);
`;

const COOKIE = 'connect\\.sid=s%3A[^;]+';
const CLEARED = 'connect\\.sid=; Path=\\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly';

/** The provider takes its time, and the news are there before it. */
const login = {
  before: `const { randomUUID } = require('node:crypto');
const { setTimeout: wait } = require('node:timers/promises');
${app()}
const provider = '';
const loadNews = async () => { await wait(200); return 'all is well'; };
const userOf = async () => 'ada';
app.get('/authorize', async (req, res) => { await wait(600); res.redirect('/callback?state=' + req.query.state + '&code=1'); });
`,
  after: listen,
  visits: ['GET /in', ['GET /news', 'GET /login']],
};
const cart = {
  before: `const { setTimeout: wait } = require('node:timers/promises');
${app()}
const reserve = async () => { await wait(200); };
`,
  after: listen.replace(", cart: 'a book'", ''),
  visits: ['GET /in', ['POST /cart/book', 'POST /cart/pen', 'POST /cart/book'], 'GET /cart'],
};

/** An app that counts the touches of its store, whose touch leaves the stored cookie as it is. */
const counting = (text) => `${text.replace('saveUninitialized: false', 'saveUninitialized: false, store')}
let touches = 0;
store.touch = (sid, data, callback) => { touches++; callback(); };
`;
const counted = `
app.get('/counted', (req, res) => { res.end(String(touches)); });
app.get('/wait', (req, res) => { setTimeout(() => { req.session.touch(false); res.end('waited'); }, 1100); });`;

module.exports = {
  'commit': {
    before: slow, after: listen, visits: ['GET /fail', 'POST /login', 'GET /repair', 'POST /login'],
    printed: lines('200 from now on', '500 down', '200 no longer', '302 \\/', '200 ada'),
  },
  'commit fails': {
    before: app(), after: listen, visits: ['GET /fail', 'POST /note', 'GET /repair', 'POST /note'],
    printed: lines('200 from now on', '503 Your note is not saved. Please try again.', '200 no longer', '200 Your note is saved.'),
  },
  'commit pipeline': {
    before: `require('node:fs').writeFileSync('report.txt', 'all is well');\n${app()}`,
    after: listen, visits: ['GET /report', 'GET /fail', 'GET /report', 'GET /show'],
    printed: lines('200 all is well', '200 from now on', '500 down', '200 cookie,reports'),
  },
  'merge': {
    before: app(),
    after: `app.get('/slow', (req, res) => { setTimeout(() => { req.session.theme = 'light'; res.end('slow'); }, 200); });
app.get('/see', (req, res) => { res.end(req.session.theme + ' ' + req.session.language); });${listen}`,
    visits: ['GET /in', ['GET /slow', 'GET /language/de'], 'GET /see'],
    printed: lines('200 in', '200 slow', '200 changed', '200 light de'),
  },
  'merge count': {
    before: app(), after: `app.get('/see', (req, res) => { res.end(String(req.session.count)); });${listen}`,
    visits: ['GET /in', ['GET /count', 'GET /count', 'GET /count'], 'GET /see'],
    printed: lines('200 in', '200 counted', '200 counted', '200 counted', '200 3'),
  },
  'parallel login': { ...login, printed: lines('200 in', '200 all is well', '302 \\/authorize\\?state=[\\w-]+', '302 \\/callback\\?state=[\\w-]+&code=1', '200 Hello, ada') },
  'parallel login, without merge': {
    ...login, printed: lines('200 in', '200 all is well', '302 \\/authorize\\?state=[\\w-]+', '302 \\/callback\\?state=[\\w-]+&code=1', '403 Invalid state'),
  },
  'parallel cart': { ...cart, printed: lines('200 in', '200 added', '200 added', '200 added', '200 \\{"book":2,"pen":1\\}') },
  'parallel cart, without merge': { ...cart, printed: lines('200 in', '200 added', '200 added', '200 added', '200 \\{"(book|pen)":1\\}') },
  'time': {
    before: later(app()), after: listen,
    visits: ['GET /time-left', 'GET /in', 'GET /later/14', 'GET /time-left', 'GET /later/15', 'GET /'],
    printed: lines('200 \\{"minutes":480\\}', '200 in', '200 later', '200 \\{"minutes":466\\}', '200 later', '200 undefined'),
  },
  'time options': {
    before: later(app()), after: listen, headers: ['set-cookie'],
    visits: ['GET /in', 'GET /later/14', 'GET /', 'GET /later/14', 'GET /', 'GET /later/14', 'GET /', 'GET /later/14', 'GET /', 'GET /later/14', 'GET /', 'GET /later/15', 'GET /'],
    printed: lines(
      `200 in \\| ${COOKIE}; Path=\\/; HttpOnly`, ...['200 later \\| undefined', '200 ada \\| undefined'].flatMap((_, i, both) => [...both, ...both]),
      '200 later \\| undefined', `200 ada \\| ${COOKIE}; Path=\\/; HttpOnly`, '200 later \\| undefined', '200 undefined \\| undefined',
    ),
  },
  'renewAfter': {
    before: later(app()), after: listen, visits: ['GET /form', 'GET /later/60', 'GET /form', 'GET /form'], headers: ['set-cookie'],
    printed: /^200 ([\w-]{36}) \| (connect\.sid=s%3A[^;]+); Path=\/; HttpOnly\n200 later \| undefined\n200 \1 \| (?!\2)connect\.sid=s%3A[^;]+; Path=\/; HttpOnly\n200 \1 \| undefined\n$/,
  },
  'clearCookie': {
    before: app(), after: listen, visits: ['GET /in', 'POST /logout'], headers: ['set-cookie'],
    printed: lines(`200 in \\| ${COOKIE}; Path=\\/; HttpOnly`, `302 \\/ \\| ${CLEARED}`, '200 undefined \\| undefined'),
  },
  'clearCookie null': {
    before: app(), after: listen, visits: ['GET /in', 'GET /fail', 'POST /logout', 'GET /', 'GET /repair', 'POST /logout', 'GET /'], headers: ['set-cookie'],
    printed: lines(
      `200 in \\| ${COOKIE}; Path=\\/; HttpOnly`, '200 from now on \\| undefined', '500 down \\| undefined', '200 ada \\| undefined',
      '200 no longer \\| undefined', `200 Goodbye \\| ${CLEARED}`, '200 undefined \\| undefined',
    ),
  },
  'cacheControl': {
    before: app(), after: listen, visits: ['GET /in', 'GET /account'], headers: ['cache-control', 'vary'],
    printed: lines('200 in \\| no-store \\| Cookie', '200 Your name is ada \\| no-store \\| Cookie'),
  },
  'cacheControl own': {
    before: slow, after: listen, visits: ['GET /', 'GET /in', 'GET /', 'GET /prices'], headers: ['cache-control', 'vary'],
    printed: lines(
      '200 Please log in \\| undefined \\| Cookie', '200 in \\| private, no-cache="Set-Cookie" \\| Cookie',
      '200 Hello, ada \\| private, no-cache="Set-Cookie" \\| Cookie', '200 All is free. \\| public, max-age=60 \\| Cookie',
    ),
  },
  'skip': {
    before: app(), visits: ['GET /in', 'GET /assets/a', 'GET /'],
    after: `app.get('/assets/a', (req, res) => { res.end(typeof req.session); });${listen}`,
    printed: lines('200 in', '200 undefined', '200 ada'),
  },
  'skip more': {
    before: `require('node:fs').mkdirSync('assets');
require('node:fs').writeFileSync('assets/a.css', 'body {}');
${slow}
let asked = 0;
store.get = function counted(sid, callback) { asked++; session.MemoryStore.prototype.get.call(this, sid, callback); };
`,
    after: `app.get('/asked', (req, res) => { res.end(String(asked)); });${listen}`,
    visits: ['GET /in', 'GET /healthz', 'GET /assets/a.css', 'GET /asked'],
    printed: lines('200 in', '200 fine', '200 body \\{\\}', '200 1'),
  },
  'strictCookies': {
    before: `${app()}try {\n`, after: '} catch (error) { console.log(`${error.name}: ${error.message}`); }',
    printed: lines('TypeError: strictCookies option: browsers do not keep the cookie "connect.sid" as it is sent: it has SameSite=None and is not Secure'),
  },
  'cookie auto': {
    before: app(), after: listen, visits: ['GET /in'], headers: ['set-cookie'],
    printed: lines(`200 in \\| ${COOKIE}; Path=\\/; HttpOnly; SameSite=Lax`),
  },
  'promises': {
    before: slow, after: listen, visits: ['GET /saved', 'GET /', 'GET /fail', 'GET /saved'],
    printed: lines('200 saved', '200 ada', '200 from now on', '500 down'),
  },
  'Express 4': {
    before: app('express4'), after: listen, visits: ['POST /note', 'GET /fail', 'POST /note'],
    printed: lines('200 saved', '200 from now on', '500 down'),
  },
  'async store': {
    before: app(), after: `app.use(session({ ...options, store: new MapStore() }));${listen}`,
    visits: ['GET /', 'GET /in', 'GET /'],
    printed: lines('200 undefined', '200 in', '200 ada'),
  },
  'async client': {
    before: app(),
    after: `
const kept = new Map();
const client = {
  async get(key) { return kept.get(key) ?? null; },
  async set(key, text) { kept.set(key, text); },
  async del(key) { kept.delete(key); },
};
app.use(session({ ...options, store: new ClientStore(client) }));
app.get('/out', async (req, res) => { await req.session.destroy(); res.end(String(kept.size)); });
${listen}`,
    visits: ['GET /in', 'GET /', 'GET /out', 'GET /'],
    printed: lines('200 in', '200 ada', '200 0', '200 undefined'),
  },
  'disk': {
    before: app(), after: listen, visits: ['GET /in', 'GET /'],
    printed: lines('200 in', '200 ada'),
  },
  'disk options': {
    before: `require('node:fs').writeFileSync('sessions.db', 'no database, and long enough to be seen as none'.repeat(100));
process.removeAllListeners('warning').on('warning', ({ code }) => console.log(code));
${app().replace('const store = new SlowStore();\n', '')}`,
    after: listen, visits: ['GET /in', 'GET /visitors', 'GET /'],
    printed: lines('EXPRESS_SESSION_DISK', '200 in', '200 1 sessions', '200 ada'),
  },
  'keep': {
    before: slow, after: listen, visits: ['GET /in', 'POST /login', 'GET /show'],
    printed: lines('200 in', '200 a book is still in your cart', '200 cart,cookie,user'),
  },
  'keep for long': {
    before: app(), after: listen, visits: ['GET /in', 'POST /login', 'GET /show'], headers: ['set-cookie'],
    printed: lines(
      `200 in \\| ${COOKIE}; Path=\\/; HttpOnly`, `200 a book, en \\| ${COOKIE}; Path=\\/; Expires=[^;]+; HttpOnly`,
      '200 cart,cookie,language,user \\| undefined',
    ),
  },
  'touch': {
    before: slow, after: listen, visits: ['GET /in', 'GET /', 'GET /unread'], headers: ['set-cookie'],
    printed: lines(`200 in \\| ${COOKIE}.*`, `200 ada \\| ${COOKIE}.*`, '200 \\{"unread":0\\} \\| undefined'),
  },
  'touch polls': {
    before: app(), after: listen, visits: ['GET /in', 'GET /', 'GET /poll/news'], headers: ['set-cookie'],
    printed: lines(`200 in \\| ${COOKIE}.*`, `200 ada \\| ${COOKIE}.*`, '200 \\[\\] \\| undefined'),
  },
  'touchAfter': {
    before: counting(app()), after: `${counted}${listen}`, visits: ['GET /in', 'GET /', 'GET /', 'GET /counted'],
    printed: lines('200 in', '200 ada', '200 ada', '200 0'),
  },
  'touchAfter of connect-mongo': {
    before: `${counting(app())}
const MongoStore = { create: () => store };
const mongoUrl = 'mongodb://localhost/sessions';
`,
    after: `${counted}${listen}`, visits: ['GET /in', 'GET /', 'GET /', 'GET /counted'],
    printed: lines('200 in', '200 ada', '200 ada', '200 0'),
  },
  'touchAfter rolling': {
    before: counting(app()), after: `${counted}${listen}`, headers: ['set-cookie'],
    visits: ['GET /in', 'GET /', 'GET /wait', 'GET /', 'GET /', 'GET /counted'],
    printed: lines(
      `200 in \\| ${COOKIE}.*`, '200 ada \\| undefined', '200 waited \\| undefined', `200 ada \\| ${COOKIE}.*`,
      '200 ada \\| undefined', '200 1 \\| undefined',
    ),
  },
};
