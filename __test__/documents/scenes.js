'use strict';

/**
 * What stands around a block of JavaScript: `<!-- run: NAME -->`. Without a name it is a
 * whole program, that ends by itself and prints nothing.
 *
 * `printed` is what the program prints: the status and the text of two visits of one
 * browser, if it is a server, or those of `visits`, with the response headers `headers`. With
 * `alias`, `express-session` means this package. With `lines`, each line is a program. With
 * `frameworks`, the program finds the packages of __test__/companions.
 */
const session = `const express = require('express');
const session = require('express-session-rs');
const app = express();
`;
const options = 'const options = { secret: process.env.SECRET, resave: false, saveUninitialized: false };\n';
const visits = `
app.get('/', (req, res) => {
  req.session.visits = (req.session.visits || 0) + 1;
  res.send(\`Visit number \${req.session.visits}\`);
});
app.listen(3000);
`;
const limits = `
// The original's would keep both.
const store = new MemoryStore({ max: 1, checkPeriod: 60000 });
for (const sid of ['a', 'b']) store.set(sid, { cookie: {} });
store.ids((error, ids) => {
  if (ids.join() !== 'b') throw new Error(\`it keeps \${ids}\`);
  store.stopInterval();
});
`;
const counted = /^200 Visit number 1\n200 Visit number 2\n$/;
const redis = `const { RedisStore } = require('connect-redis');
const kept = new Map();
const client = {
  connect() {},
  setEx() {},
  SETEX() {},
  get: async (key) => kept.get(key) ?? null,
  expire: async () => 1,
  set: async (key, text, { condition } = {}) => {
    if (condition !== 'XX' || kept.has(key)) kept.set(key, text);
  },
};
`;
const postgres = `const pool = {};
const rows = new Map();
class PGStore extends session.Store {
  quotedTable() { return 'sessions'; }
  query(text, [json, expire, sid], callback) {
    rows.set(sid, \`\${json}1}}\`);
    setImmediate(callback, null, { sid });
  }
  get(sid, callback) { setImmediate(callback, null, rows.has(sid) ? JSON.parse(rows.get(sid)) : null); }
  set(sid, sess, callback) { this.query('INSERT INTO sessions (sess, expire, sid)', [sess, 0, sid], callback); }
  destroy() {}
  touch() {}
  pruneSessions() {}
  close() {}
}
`;

/** After an app of another framework: what counts visits. */
const fastify = `
app.get('/', async (request) => {
  request.session.visits = (request.session.visits || 0) + 1;
  return \`Visit number \${request.session.visits}\`;
});
app.listen({ port: 3000 });
`;
const koa = `
app.use((ctx) => {
  ctx.session.visits = (ctx.session.visits || 0) + 1;
  ctx.body = \`Visit number \${ctx.session.visits}\`;
});
app.listen(3000);
`;
const iron = `process.env.OLD_PASSWORD = 'a password of thirty-two characters';
const options = { cookieName: 'old', password: process.env.OLD_PASSWORD };
${session}
app.use('/old', async (req, res) => {
  const old = await getIronSession(req, res, options);
  old.user = 'ann';
  await old.save();
  res.end('logged in');
});
app.use(session({ name: 'new', secret: 'x', resave: false, saveUninitialized: false }));
`;

/** After a program that takes sessions along: whether the new store has ada's, which another connection is asked. */
const taken = `
setTimeout(() => {
  new (require('express-session').DiskStore)({ path: './sessions.db' }).get('sid-of-ada', (error, found) => {
    console.log(error, JSON.stringify(found).replace(/"expires":"[^"]+"/, '"expires":"then"'));
  });
}, 500);
`;
const takenAlong = /^null \{"cookie":\{"originalMaxAge":(?:60000|59\d{3}),"expires":"then","httpOnly":true,"path":"\/"\},"user":"ada"\}\n$/;

/** A file with the table of a store on SQLite, of which the expiry stands in a column of this kind. */
/** Sessions that were prolonged since they were saved, in the columns of both packages, and one that is over. */
const sqlite = `const session = require('express-session');
const cookie = { ...new session.Cookie({ maxAge: 60000 }).toJSON(), expires: new Date(Date.now() - 1000) };
const sess = (user, own = cookie) => JSON.stringify({ cookie: own, user });
const end = Date.now() + 59000;
require('node:child_process').execFileSync('sqlite3', ['./old.db', \`
  CREATE TABLE sessions (sid PRIMARY KEY, expired, expire, sess);
  INSERT INTO sessions VALUES ('ada', \${end}, NULL, '\${sess('ada')}');
  INSERT INTO sessions VALUES ('bob', NULL, '\${new Date(end).toISOString()}', '\${sess('bob')}');
  INSERT INTO sessions VALUES ('eve', \${Date.now() - 1}, NULL, '\${sess('eve', new session.Cookie())}');\`]);
`;
const allTaken = `
setTimeout(() => {
  new (require('express-session').DiskStore)({ path: './sessions.db' }).all((error, all) => {
    for (const [sid, { user, cookie: { originalMaxAge, expires } }] of Object.entries(all).sort()) console.log(sid, user, originalMaxAge, new Date(expires).getTime() === end);
  });
}, 500);
`;

module.exports = {
  ...require('./feature-scenes'),
  ...require('./user-scenes'),
  ...require('./trouble-scenes'),
  '': { printed: /^$/ },
  'under the alias': { alias: true, printed: /^$/ },
  'line by line, under the alias': { before: "const session = require('express-session');\n", after: limits, lines: true, alias: true, printed: /^$/ },
  'line by line, DiskStore': {
    before: `const session = require('express-session');
const db = { exec() {}, prepare: () => ({ run() {} }) };
class Other { constructor(options) { if (typeof options !== 'object') throw new TypeError('no options'); } }
const { _load } = require('node:module');
require('node:module')._load = (name, ...rest) => (/^(session-file|connect-sqlite|better-sqlite)/.test(name) ? () => Other : _load(name, ...rest));
`,
    after: `
Promise.resolve(store.stats?.()).then(() => store.close?.());`,
    lines: true, alias: true, printed: /^$/,
  },
  'from session-file-store': {
    before: `const session = require('express-session');
const old = new (require('session-file-store')(session))({ path: './sessions', reapInterval: -1, logFn() {} });
old.set('sid-of-ada', { cookie: new session.Cookie({ maxAge: 60000 }), user: 'ada' }, () => {
`,
    after: `${taken}});`,
    alias: true, frameworks: true, printed: takenAlong,
  },
  'from SQLite': { before: sqlite, after: allTaken, alias: true, printed: /^ada ada (60000|59\d{3}) true\nbob bob (60000|59\d{3}) true\n$/ },
  // It starts without a secret.
  'a server': { env: { SECRET: '' }, printed: /^Open http.*\n200 Visit number 1\n200 Visit number 2\n$/ },
  'in an app': { before: session, after: visits, printed: counted },
  'with options': { before: session + options, after: visits, printed: counted },
  // The folder of a server, which a test has not.
  'with options, in a folder': {
    before: `${session}${options}process.chdir(__dirname);
const { DiskStore } = session;
session.DiskStore = class extends DiskStore { constructor({ path }) { super({ path: '.' + path }); } };
`,
    after: visits, printed: counted,
  },
  'in an app, under the alias': { before: session.replace('-rs', ''), after: visits, alias: true, printed: counted },
  'with Fastify': { after: fastify, alias: true, frameworks: true, printed: counted },
  'with Koa': { after: koa, alias: true, frameworks: true, printed: counted },
  'with iron-session': {
    before: iron,
    after: `app.get('/', (req, res) => { res.send(\`\${req.session.user} \${req.headers.cookie.match(/\\w+(?==)/g)}\`); });
app.listen(3000);`,
    frameworks: true,
    visits: ['GET /old', 'GET /', 'GET /'],
    headers: ['set-cookie'],
    printed: /^200 logged in \| old=.*\n200 ann old \| old=; Max-Age=0.*,new=s%3A.*\n200 ann new \| undefined\n$/,
  },
  'server.js': { alias: true, printed: counted },
  'disk methods': {
    before: "const session = require('express-session-rs');\n(async () => {\n",
    after: '})();',
    printed: /^0 sessions in \d+ bytes, 0 removed\n$/,
  },
  'in an app with PostgreSQL': { before: session + postgres, after: visits, printed: counted },
  'in an app with Redis': { before: session + redis, after: visits, printed: counted },
  'on a cluster': {
    before: `${session}${options}${redis}const createCluster = () => Object.assign(client, { on() {} });
(async () => {
`,
    after: `${visits}})();\n`, printed: counted,
  },
  'saved first': {
    before: `${session}${options}app.use(session(options));\n`,
    after: visits, visits: ['POST /count'], printed: /^303 \/\n200 Visit number 2\n$/,
  },
  'an error handler': {
    before: `${session}${options}
const store = new session.MemoryStore();
store.set = (sid, data, callback) => setImmediate(callback, new Error('no memory'));
app.use(session({ ...options, store, commit: 'headers' }));
console.error = console.log;
app.get('/', (req, res) => { req.session.visits = 1; res.end('visit'); });
app.get('/late', (req, res) => { res.writeHead(200); req.session.visits = 1; res.end('late'); });
`,
    after: 'app.listen(3000);', visits: ['GET /', 'GET /late'],
    printed: /^500 Please try again in a moment\.\n/,
  },
  'a store': {
    before: session,
    after: `app.use(session({
      secret: 'x', resave: false, saveUninitialized: false, store: new MapStore(),
    }));${visits}`,
    printed: counted,
  },
  'in a handler': {
    before: `${session}
const store = new session.MemoryStore();
app.use(session({ name: 'sid', secret: 'x', resave: false, saveUninitialized: false, unset: 'destroy', store }));
app.get('/', (req, res) => {
`,
    after: `
  res.send(\`\${isPopulated} \${isNew} \${req.session} \${res.get('Set-Cookie')} \${store.stats().sessions}\`);
});
app.listen(3000);
`,
    printed: /^(200 false true null sid=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT 0\n){2}$/,
  },
};
