'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Readable } = require('node:stream');
const cookieParser = require('cookie-parser');
const { pair, clock, open, seen, counter, write, frameworks } = require('./app');

/** One test for Express 5 and one for Express 4. */
function each(name, fn) {
  for (const kind of Object.keys(frameworks)) test(`${name} (${kind})`, (t) => fn(t, kind, frameworks[kind]));
}

/** The same visits on both packages, with a MemoryStore. */
const compare = (t, kind, plan, setup = {}) => pair(async (module) => {
  const { options, ...rest } = typeof setup === 'function' ? setup(module) : setup;
  const app = await open(t, { kind, module, options: { genid: counter(), ...options }, ...rest });
  const told = [];
  for (const [handler, visit] of plan) told.push(seen(await app.visit(handler, visit)));
  return { told, errors: app.errors.map(String) };
});

each('every way in which Express answers', async (t, kind) => {
  clock(t);
  const ways = {
    send: (req, res) => { res.send(`<p>${req.session.n}</p>`); },
    'send a Buffer': (req, res) => { res.send(Buffer.from('bytes')); },
    'send nothing': (req, res) => { res.send(); },
    json: (req, res) => { res.json({ n: req.session.n }); },
    'json of the session': (req, res) => { res.json(req.session); },
    sendStatus: (req, res) => { res.sendStatus(202); },
    redirect: (req, res) => { res.redirect('/elsewhere'); },
    'redirect with a status': (req, res) => { res.redirect(303, '/elsewhere?a=b'); },
    'status and end': (req, res) => { res.status(204).end(); },
    cookie: (req, res) => { res.cookie('mine', 'a b').clearCookie('old').send('x'); },
    sendFile: (req, res) => { res.type('text').sendFile(__filename); },
    download: (req, res) => { res.download(__filename, 'test.js'); },
    'a stream': (req, res) => { Readable.from(['a', 'b', 'c']).pipe(res); },
    format: (req, res) => { res.format({ text: () => res.send('text'), json: () => res.json({}) }); },
    'not found': (req, res, next) => { next(Object.assign(new Error('not here'), { status: 404 })); },
    'after a promise': async (req, res) => { await null; res.send('later'); },
  };
  for (const [name, way] of Object.entries(ways)) {
    const writing = (req, res, next) => {
      req.session.n = (req.session.n || 0) + 1;
      return way(req, res, next);
    };
    const { told } = await compare(t, kind, [[way], [writing], [writing], [way], [way, { method: 'HEAD' }]], { options: { cookie: { maxAge: 60000 } } });
    assert.ok(told[1].headers.some((line) => line.startsWith('Set-Cookie: connect.sid=')), name);
  }
});

each('a conditional request keeps its 304', async (t, kind) => {
  const answer = (req, res) => { res.send('the same'); };
  const { told } = await pair(async (module) => {
    const app = await open(t, { kind, module, options: { genid: counter() } });
    await app.visit(write);
    const first = await app.visit(answer);
    return { told: [seen(first), seen(await app.visit(answer, { headers: { 'if-none-match': first.headers.etag } }))] };
  });
  assert.equal(told[1].status, 304);
});

each('trust proxy decides on req.secure, and so on a secure cookie', async (t, kind) => {
  for (const trust of [true, false]) {
    const told = await pair(async (module) => {
      const app = await open(t, {
        kind, module, options: { cookie: { secure: true }, genid: counter() },
        use: [(req, res, next) => {
          // The setting belongs to the application of the test server.
          req.app.set('trust proxy', trust);
          next();
        }],
      });
      return [await app.visit(write, { headers: { 'x-forwarded-proto': 'https' } }), await app.visit(write, { cookie: false })].map(seen);
    });
    const sent = told.map(({ headers }) => headers.some((line) => line.startsWith('Set-Cookie')));
    assert.deepEqual(sent, [trust, false]);
  }
});

each('cookie-parser with the same secret, before the session', async (t, kind) => {
  const { told, errors } = await compare(t, kind, [
    [(req, res) => { res.cookie('own', 'v', { signed: true }); write(req, res); }],
    [(req, res) => { res.json([req.signedCookies, req.session.n, Object.keys(req.cookies)]); }],
    [write],
  ], { use: [cookieParser('keyboard')] });
  assert.deepEqual(JSON.parse(told[1].body), [{ own: 'v', 'connect.sid': 'sid-1' }, 1, []]);
  assert.equal(told[2].body, '2');
  assert.deepEqual(errors, []);
});

each('two middlewares on two paths with two names', async (t, kind, express) => {
  const told = await pair(async (module) => {
    const common = { secret: 'keyboard', resave: false, saveUninitialized: false };
    const router = express.Router();
    router.use('/admin', module({ ...common, name: 'admin', genid: counter(), cookie: { path: '/admin' } }));
    router.use('/shop', module({ ...common, name: 'shop', genid: counter(), cookie: { path: '/shop' } }));
    const app = await open(t, { kind, module, middleware: router });
    const answers = [];
    for (const path of ['/admin/a', '/shop', '/admin', '/shop/b', '/shop/c']) answers.push(seen(await app.visit(write, { path })));
    answers.push(seen(await app.visit((req, res) => res.send(typeof req.session), { path: '/' })));
    return answers;
  });
  assert.deepEqual(told.map(({ body }) => body), ['1', '1', '2', '2', '3', 'undefined']);
});

each('the session is there in the error handler, and is saved from there', async (t, kind) => {
  const { told, errors } = await compare(t, kind, [
    [(req, res, next) => { req.session.n = 41; next(new Error('on purpose')); }],
    [write],
  ]);
  assert.deepEqual(told.map(({ status, body }) => [status, body]), [[500, 'on purpose'], [200, '42']]);
  assert.deepEqual(errors, ['Error: on purpose']);
});

each('the path of a mounted middleware is the original one', async (t, kind) => {
  const { told } = await compare(t, kind, [[write, { path: '/app/in/side' }], [write, { path: '/app/in' }]], {
    mount: '/app/in', options: { cookie: { path: '/app' } },
  });
  assert.deepEqual(told.map(({ body }) => body), ['1', '2']);
});

each('a form is posted, a user logs in, the id changes', async (t, kind, express) => {
  const told = await compare(t, kind, [
    [(req, res) => { res.send('form'); }],
    [(req, res) => {
      req.session.regenerate(() => {
        req.session.user = req.body.user;
        res.redirect('/');
      });
    }, { method: 'POST', body: 'user=tobi', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    [(req, res) => { res.send(req.session.user); }],
    [(req, res) => { req.session.destroy(() => res.redirect('/')); }, { method: 'POST' }],
    [(req, res) => { res.send(String(req.session.user)); }],
  ], { use: [express.urlencoded({ extended: false })], options: { saveUninitialized: true } });
  assert.deepEqual(told.told.map(({ body }) => body).filter((body) => !/Redirect/.test(body)), ['form', 'tobi', 'undefined']);
});
