'use strict';

/**
 * The scenes of docs/troubleshooting.md. Without the `remedy`, which is a text of the block, or one
 * and what takes its place, the program prints the `symptom`, and warns of what is in `warned`.
 */
const { lines } = require('./scene-parts');

/** The lines that the code follows. */
const app = `const express = require('express');
const session = require('express-session-rs');
const app = express();
const options = { secret: process.env.SECRET, resave: false, saveUninitialized: false };
`;
/** A store of which one method takes time. */
const slow = (method) => `const store = new session.MemoryStore();
const { ${method} } = session.MemoryStore.prototype;
store.${method} = function (...args) { setTimeout(() => ${method}.apply(this, args), 100); };
`;
const visits = `
app.get('/', (req, res) => {
  req.session.visits = (req.session.visits || 0) + 1;
  res.send(\`Visit number \${req.session.visits}\`);
});
`;
const user = `
app.get('/', (req, res) => { res.end(String(req.session.user)); });
`;
const listen = 'app.listen(3000);\n';
const counted = lines('200 Visit number 1', '200 Visit number 2');
const uncounted = lines('200 Visit number 1', '200 Visit number 1');

/** Two processes of this program, which answer in turn. */
const inTurn = `
if (process.send) {
  const server = app.listen(0, '127.0.0.1', () => { process.send(server.address().port); });
} else {
  const { once } = require('node:events');
  const http = require('node:http');
  const workers = [1, 2].map(() => require('node:child_process').fork(__filename, { env: { ...process.env, VISITS: '' } }));
  Promise.all(workers.map((worker) => once(worker, 'message'))).then((ports) => {
    http.createServer((req, res) => {
      ports.push(ports.shift());
      const { url: path, method, headers } = req;
      http.get({ host: '127.0.0.1', port: ports[0][0], path, method, headers }, (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        answer.pipe(res);
      });
    }).listen(3000);
  });
  process.once('exit', () => workers.forEach((worker) => worker.kill()));
}
`;

/** A page that opens a socket with the cookie of its visitor, and is visited once more before the socket counts again. */
const socket = `
app.get('/socket', async (req, res) => {
  const { io: connect } = require('socket.io-client');
  const { cookie } = req.headers;
  const url = 'http://127.0.0.1:' + server.address().port;
  const client = connect(url, { extraHeaders: { cookie }, reconnection: false });
  const first = await client.timeout(5000).emitWithAck('count');
  const visited = await (await fetch(url, { headers: { cookie } })).text();
  const second = await client.timeout(5000).emitWithAck('count');
  client.close();
  res.end([first, visited, second].join());
});
`;

module.exports = {
  'trust proxy': {
    before: app, after: visits + listen, sent: { 'x-forwarded-proto': 'https' }, printed: counted,
    remedy: "app.set('trust proxy', 1);\n", symptom: uncounted, warned: /EXPRESS_SESSION_COOKIE.*was not sent/,
  },
  'secure auto': {
    before: app, after: visits + listen, printed: counted,
    remedy: ["'auto'", 'true'], symptom: uncounted, warned: /EXPRESS_SESSION_COOKIE.*was not sent/,
  },
  'store something': {
    before: app, after: listen, visits: ['GET /id', 'GET /id'], printed: /^200 (.{32})\n200 \1\n$/,
    remedy: '  req.session.seen = true;\n', symptom: /^200 (.{32})\n200 (?!\1).{32}\n$/,
  },
  'other origins': {
    before: app.replace('saveUninitialized: false', 'saveUninitialized: false, proxy: true'), after: visits + listen,
    sent: { 'x-forwarded-proto': 'https' }, visits: ['GET /'], headers: ['set-cookie', 'access-control-allow-credentials'],
    printed: lines('200 Visit number 1 \\| .*; HttpOnly; Secure; SameSite=None \\| true'),
    remedy: [', sameSite: \'none\'', ''], symptom: lines('200 Visit number 1 \\| .*; HttpOnly; Secure \\| true'),
  },
  'two apps': {
    before: `${app}app.use('/office', session({ ...options, secret: 'of the office' }));\n`,
    after: visits.replace("'/'", "['/shop', '/office']") + listen, visits: ['GET /shop', 'GET /office', 'GET /shop'],
    printed: lines('200 Visit number 1', '200 Visit number 1', '200 Visit number 2'),
    remedy: [", name: 'shop.sid'", ''], symptom: lines(...Array(3).fill('200 Visit number 1')),
  },
  'rolling': {
    before: app, after: `app.get('/look', (req, res) => { res.end(String(req.session.visits)); });${visits}${listen}`,
    visits: ['GET /', 'GET /look'], headers: ['set-cookie'],
    printed: lines('200 Visit number 1 \\| .*Expires=.*', '200 1 \\| .*Expires=.*'),
    remedy: 'rolling: true, ', symptom: lines('200 Visit number 1 \\| .*Expires=.*', '200 1 \\| undefined'),
  },
  'touch and save': {
    before: `${app}
// As connect-redis with a session that was only read for longer than its lifetime.
const store = new session.MemoryStore();
const { get, set } = session.MemoryStore.prototype;
store.get = (sid, callback) => get.call(store, sid, (error, data) => {
  if (data) data.cookie.expires = new Date(Date.now() - 1000).toISOString();
  callback(error, data);
});
store.set = (sid, data, callback) => {
  if (new Date(data.cookie.expires) <= Date.now()) store.destroy(sid, callback);
  else set.call(store, sid, data, callback);
};
Object.assign(options, { store, cookie: { maxAge: 60000 } });
`,
    after: `app.get('/login', (req, res) => { req.session.user = 'ada'; res.end('hello'); });${user}${listen}`,
    visits: ['GET /login', 'POST /settings'], printed: lines('200 hello', '302 /', '200 ada'),
    remedy: ['touch().', ''], symptom: lines('200 hello', '302 /', '200 undefined'),
  },
  'login and redirect': {
    before: app + slow('set'), after: user + listen, visits: ['POST /login'], printed: lines('302 /', '200 ada'),
    remedy: [", commit: 'headers'", ''], symptom: lines('302 /', '200 undefined'),
  },
  'wait for regenerate': {
    before: `${app}${slow('destroy')}options.store = store;\n`,
    after: `app.get('/wait', (req, res) => { setTimeout(() => res.end('waited'), 200); });${user}${listen}`,
    visits: ['POST /login', 'GET /wait', 'GET /'], printed: lines('302 /', '200 ada', '200 waited', '200 ada'),
    remedy: ['await ', ''], symptom: lines('302 /', '200 (ada|undefined)', '200 waited', '200 undefined'),
  },
  'a restart': {
    before: app, after: visits + inTurn, printed: counted, visits: ['GET /', 'GET /'],
    remedy: ['process.env.SECRET', "require('node:crypto').randomBytes(32)"], symptom: uncounted,
  },
  'several processes': {
    before: app, after: visits + inTurn, printed: counted, visits: ['GET /', 'GET /'],
    remedy: [", store: new session.DiskStore({ path: './sessions.db' })", ''], symptom: uncounted,
  },
  'parallel changes': {
    before: app,
    after: `
app.get('/set/:key/:ms', (req, res) => { setTimeout(() => { req.session[req.params.key] = 1; res.end('set'); }, Number(req.params.ms)); });
app.get('/keys', (req, res) => { res.end(Object.keys(req.session).filter((key) => key.length === 1).sort().join()); });
${listen}`,
    visits: ['GET /set/a/0', ['GET /set/b/200', 'GET /set/c/50'], 'GET /keys'],
    printed: lines('200 set', '200 set', '200 set', '200 a,b,c'),
    remedy: [', merge: true', ''], symptom: lines('200 set', '200 set', '200 set', '200 a,b'),
  },
  'after the response': {
    before: `${app}const work = () => new Promise((resolve) => { setTimeout(resolve, 100, 'done'); });\n`,
    after: `
app.get('/in', (req, res) => { req.session.user = 'ada'; res.end('in'); });
app.get('/wait', (req, res) => { setTimeout(() => res.end('waited'), 300); });
app.get('/', (req, res) => { res.end(String(req.session.report)); });
${listen}`,
    visits: ['GET /in', 'POST /report', 'GET /wait', 'GET /'],
    printed: lines('200 in', '200 started', '200 waited', '200 done'),
    remedy: '  await req.session.save();\n', symptom: lines('200 in', '200 started', '200 waited', '200 undefined'),
  },
  'plain data': {
    before: app, after: listen, visits: ['GET /since', 'GET /since'], printed: lines('200 true', '200 true'),
    remedy: [/Date\.now\(\)(.*)new Date\(req\.session\.since\)/s, 'new Date()$1req.session.since'],
    symptom: /^200 true\n500 .*req\.session\.since\.getTime is not a function/s,
  },
  'socket.io': {
    before: app, after: socket, frameworks: true, visits: ['GET /', 'GET /socket', 'GET /'],
    printed: lines('200 Visit number 1', '200 2,Visit number 3,4', '200 Visit number 5'),
    remedy: '      await request.session.reload();\n', symptom: lines('200 Visit number 1', '200 2,Visit number 3,3', '200 Visit number 4'),
  },
  'the order': {
    before: app, after: listen, visits: ['GET /user'], printed: lines('200 user: undefined'),
    remedy: [/(app\.use.*\n)\n([^]*)/, '$2$1'], symptom: /^500 .*Cannot read properties of undefined/s,
  },
  'a secret': {
    before: app, after: visits + listen, printed: counted,
    remedy: ['process.env.SECRET', "''"], symptom: /^500 .*secret option required/s, warned: /provide secret option/,
  },
  'health checks': {
    before: app, after: `${listen}`, visits: ['GET /healthz'], headers: ['set-cookie'], printed: lines('200 fine \\| undefined'),
    remedy: [/, skip: .*'\/healthz'/, ''], symptom: lines('200 fine \\| connect.sid=.*'),
  },
};
