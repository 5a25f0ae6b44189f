'use strict';

// Not in check: it installs packages.

/**
 * What docs/migrating.md says about session-file-store, iron-session, @fastify/session and
 * koa-session, tried on both sides; and its ways into Fastify and Koa, as they are written there, with a store that fails.
 * What docs/users.md says about express-openid-connect.
 */
const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const { createRequire } = require('node:module');
const path = require('node:path');
const { Readable } = require('node:stream');
const { before, describe, test } = require('node:test');

const installCompanions = require('../companions/install');
const { clock } = require('../clock');
const { ledger, original } = require('../compat/app');
const { session } = require('../subject');
const { blocks } = require('./blocks');
const run = require('./run');
const { createApp, serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');

const companions = path.join(__dirname, '..', 'companions');
const companion = createRequire(path.join(companions, 'package.json'));
const isOld = process.version.startsWith('v18.');
const SECRET = 'a secret of thirty-two characters';

before(installCompanions);

/** The app of a block of docs/migrating.md, whose `session` gets these options on top. */
function documented(mark, options) {
  const { text } = blocks('docs/migrating.md').find((block) => block.mark === mark);
  const known = (name) => (name === 'express-session' ? (given) => session({ ...given, ...options }) : companion(name));
  return new Function('require', 'process', `${text}\nreturn app;`)(known, { env: { SECRET } });
}

/** A store whose `set` takes its time, and fails where it is told to. */
function slow() {
  const store = ledger();
  const { set } = store;
  store.set = (...args) => { setTimeout(set, 50, ...args); };
  return store;
}

/** Logs in, and asks for what a browser is redirected to before the body has come. */
async function redirected(visitor) {
  let page;
  await visitor.get('/in', {
    onResponse: ({ headers }) => {
      visitor.jar.take(headers['set-cookie']);
      page = visitor.get('/me');
    },
  });
  return (await page).body;
}

test('a session without maxAge: session-file-store gives it an hour, and seconds; a DiskStore a day, and milliseconds', async (t) => {
  const folder = temporaryFolder('ttl', t);
  const FileStore = companion('session-file-store')(session);
  const quiet = { reapInterval: -1, logFn() {}, retries: 0 };
  const disk = (name, options) => new session.DiskStore({ path: path.join(folder, name), ...options });
  const stores = {
    'files': new FileStore({ path: path.join(folder, 'files'), ...quiet }),
    'files, ttl of 2': new FileStore({ path: path.join(folder, 'more'), ttl: 2 * 3600, ...quiet }),
    'disk': disk('a.db'),
    'disk, ttl of 2': disk('b.db', { ttl: 2 * 3600 * 1000 }),
  };
  t.after(() => Promise.all([stores.disk.close(), stores['disk, ttl of 2'].close()]));
  const time = clock(t, Date.now());
  for (const store of Object.values(stores)) {
    await new Promise((resolve, reject) => { store.set('sid', { cookie: new session.Cookie() }, (error) => (error ? reject(error) : resolve())); });
  }
  const alive = async () => {
    const found = await Promise.all(Object.values(stores).map((store) => new Promise((resolve) => {
      store.get('sid', (error, data) => resolve(!error && Boolean(data)));
    })));
    return Object.keys(stores).filter((_, i) => found[i]).join('; ');
  };
  assert.equal(await alive(), 'files; files, ttl of 2; disk; disk, ttl of 2');
  time.tick(3600 * 1000 + 1000);
  assert.equal(await alive(), 'files, ttl of 2; disk; disk, ttl of 2');
  time.tick(3600 * 1000);
  assert.equal(await alive(), 'disk');
  time.tick(23 * 3600 * 1000);
  assert.equal(await alive(), '');
});

describe('Koa', () => {
  const routes = {
    '/in': (ctx) => { ctx.session.user = 'ann'; ctx.redirect('/me'); },
    '/me': (ctx) => { ctx.body = String(ctx.session.user); },
    '/count': (ctx) => { ctx.session.n = (ctx.session.n ?? 0) + 1; ctx.body = { n: ctx.session.n }; },
    '/stream': (ctx) => { ctx.session.n = 0; ctx.body = Readable.from(['a', 'b']); },
    '/out': (ctx) => { ctx.session = null; ctx.body = 'out'; },
    '/replace': (ctx) => { ctx.session = { user: 'bob' }; ctx.body = 'replaced'; },
    '/throw': (ctx) => { ctx.throw(418, 'a teapot'); },
    '/regenerate': async (ctx) => { await ctx.session.regenerate(); ctx.body = String(ctx.session.user); },
  };

  /** A visitor of an app with these routes, and the errors that Koa is told. */
  async function visiting(t, app) {
    const errors = [];
    app.on('error', (error) => errors.push(error.message));
    app.use((ctx) => routes[ctx.path](ctx));
    const { port } = await serve(app.callback(), t);
    return { errors, visitor: new Visitor(port, { patience: 1000 }) };
  }

  test('by the middleware of the guide', async (t) => {
    const store = slow();
    const { errors, visitor } = await visiting(t, documented('with Koa', { store }));
    assert.equal(await redirected(visitor), 'ann');
    assert.equal((await visitor.get('/stream')).body, 'ab');
    assert.equal((await visitor.get('/throw')).status, 418);
    assert.equal((await visitor.get('/count')).body, '{"n":1}');
    assert.equal((await visitor.get('/replace')).status, 500);
    errors.length = 0;

    store.fails.set = new Error('not saved');
    for (const page of ['/count', '/stream']) {
      const { status, body, headers } = await visitor.get(page);
      assert.deepEqual([status, body, headers['content-type']], [500, 'Internal Server Error', 'text/plain; charset=utf-8'], page);
    }
    assert.deepEqual(errors.filter((message) => message !== 'Premature close'), ['not saved', 'not saved']);
    store.fails.set = undefined;

    const { cookies } = await visitor.get('/out');
    assert.match(cookies.join(), /^connect\.sid=; .*1970/);
    assert.equal(store.data.size, 0);
  });

  test('koa-connect ignores that a session was not saved', async (t) => {
    const connect = companion('koa-connect');
    const Koa = companion('koa');
    for (const [module, commit, answer] of [[original, undefined, 200], [session, 'end', 200], [session, 'headers', 'no answer']]) {
      const store = ledger();
      store.fails.set = new Error('not saved');
      const app = new Koa();
      app.use(connect(module({ secret: SECRET, resave: false, saveUninitialized: false, store, commit })));
      app.use((ctx, next) => { ctx.session = ctx.req.session; return next(); });
      const { errors, visitor } = await visiting(t, app);
      const status = await visitor.get('/count').then((response) => response.status, (error) => error.isHang && 'no answer');
      assert.equal(status, answer);
      assert.deepEqual(errors, []);
    }
  });

  test('koa-session: what the table says of it', async (t) => {
    const Koa = companion('koa');
    const { default: koaSession = companion('koa-session') } = companion('koa-session');
    const theirs = (options) => {
      const app = new Koa();
      app.keys = [SECRET];
      app.use(koaSession(options, app));
      return app;
    };
    const plain = await visiting(t, theirs({}));
    assert.equal(await redirected(plain.visitor), 'ann');
    assert.match(Buffer.from(plain.visitor.jar.get('koa.sess'), 'base64').toString(), /"user":"ann"/, 'readable');
    assert.equal((await plain.visitor.get('/regenerate')).body, 'ann', 'it keeps all data');
    assert.equal((await plain.visitor.get('/replace')).status, 200);
    // Under the same name it is ignored here.
    const ours = await visiting(t, documented('with Koa', { name: 'koa.sess', store: ledger() }));
    ours.visitor.jar = plain.visitor.jar;
    assert.equal((await ours.visitor.get('/me')).body, 'undefined');

    const kept = new Map();
    const store = { get: async (key) => kept.get(key), set: async (key, value) => { kept.set(key, value); }, destroy: async (key) => { kept.delete(key); } };
    const stored = await visiting(t, theirs({ store }));
    assert.equal(await redirected(stored.visitor), 'ann');
    store.set = async () => { throw new Error('not saved'); };
    assert.equal((await stored.visitor.get('/count')).status, 500);
    await stored.visitor.get('/out');
    assert.deepEqual([kept.size, stored.visitor.jar.has('koa.sess')], [0, false]);
  });
});

describe('Fastify', { skip: isOld && 'Fastify 5 wants Node.js 20' }, () => {
  const routes = {
    '/in': async (request, reply) => { request.session.user = 'ann'; return reply.redirect('/me'); },
    '/me': async (request) => String(request.session.user),
    '/count': async (request) => { const its = request.session; its.n = (its.n ?? 0) + 1; return { n: its.n }; },
    '/stream': (request, reply) => { request.session.n = 0; reply.type('text/plain').send(Readable.from(['a', 'b'])); },
    '/out': async (request) => { await request.session.destroy(); return String(request.session); },
    '/regenerate': async (request) => { await request.session.regenerate(['n']); return String(request.session.n); },
    '/throw': async () => { throw Object.assign(new Error('a teapot'), { statusCode: 418 }); },
  };

  async function visiting(t, app) {
    for (const [url, handle] of Object.entries(routes)) app.get(url, handle);
    await app.listen({ port: 0, host: '127.0.0.1' });
    t.after(() => { app.server.closeAllConnections(); return app.close(); });
    return { visitor: new Visitor(app.server.address().port, { patience: 1000 }) };
  }

  /** The walk through an app that has sessions of this package with `commit: 'headers'`, and this store. */
  async function walk(visitor, store) {
    assert.equal(await redirected(visitor), 'ann');
    assert.equal((await visitor.get('/stream')).body, 'ab');
    assert.equal((await visitor.get('/throw')).status, 418);
    assert.equal((await visitor.get('/count')).body, '{"n":1}');
    store.fails.set = new Error('not saved');
    for (const page of ['/count', '/stream', '/in']) {
      const fresh = new Visitor(visitor.port);
      const { status, body, cookies } = await fresh.get(page);
      assert.deepEqual([status, JSON.parse(body).message, cookies], [500, 'not saved', []], page);
    }
    store.fails.set = undefined;
    const { cookies } = await visitor.get('/out');
    assert.match(cookies.join(), /^connect\.sid=; .*1970/);
  }

  test('by the hook of the guide', async (t) => {
    const store = slow();
    const app = documented('with Fastify', { store });
    const { visitor } = await visiting(t, app);
    await walk(visitor, store);
    assert.equal((await app.inject('/count')).body, '{"n":1}');
  });

  test('the hook of the guide, with commit: end', async (t) => {
    const store = ledger();
    const app = documented('with Fastify', { store, commit: 'end' });
    const errors = [];
    app.addHook('onRequest', (request, reply, done) => { request.log = { ...request.log, error: (error) => errors.push(error.message) }; done(); });
    const { visitor } = await visiting(t, app);
    store.fails.set = new Error('not saved');
    assert.equal((await visitor.get('/count')).status, 200);
    await new Promise(setImmediate);
    assert.deepEqual(errors, ['not saved']);
  });

  test('by @fastify/express', async (t) => {
    const store = slow();
    const app = companion('fastify')();
    await app.register(companion('@fastify/express'));
    app.use(session({ secret: SECRET, resave: false, saveUninitialized: false, commit: 'headers', clearCookie: true, store }));
    app.decorateRequest('session', { getter() { return this.raw.session; } });
    const { visitor } = await visiting(t, app);
    await walk(visitor, store);
    assert.equal((await app.inject('/count')).body, '', 'as the guide says; with the original it is so, too');
  });

  test('with @fastify/middie a store that fails ends the process, with the original, too', async () => {
    for (const name of ['express-session', path.join(__dirname, '..', '..')]) {
      const program = `
        const session = require(${JSON.stringify(require.resolve(name))});
        const { createHmac } = require('node:crypto');
const { createRequire } = require('node:module');
        const companion = createRequire(${JSON.stringify(path.join(companions, 'package.json'))});
        (async () => {
          const app = companion('fastify')();
          await app.register(companion('@fastify/middie'));
          const store = Object.assign(new session.Store(), { set: (sid, data, callback) => setTimeout(callback, 5, new Error('not saved')) });
          app.use(session({ secret: 'x', resave: false, saveUninitialized: false, store }));
          app.get('/', async (request) => { request.raw.session.n = 1; return 'fine'; });
          await app.listen({ port: 0, host: '127.0.0.1' });
          const { port } = app.server.address();
          require('node:http').get({ host: '127.0.0.1', port }, (response) => response.resume().on('end', () => setTimeout(process.exit, 1000)));
        })();`;
      const { status, stderr } = await run(process.execPath, ['-e', program], { env: { ...process.env, NODE_ENV: 'test' } });
      assert.equal(status, 1);
      assert.match(stderr, /TypeError: Cannot read properties of null/);
    }
  });

  /** An app with @fastify/session. */
  async function theirs(t, options) {
    const app = companion('fastify')();
    await app.register(companion('@fastify/cookie'));
    await app.register(companion('@fastify/session'), {
      secret: SECRET, saveUninitialized: false, rolling: false, ...options, cookie: { secure: false, maxAge: 60000 },
    });
    return visiting(t, app);
  }

  test('@fastify/session: sessions stay valid forth and back with cookiePrefix, and only then', async (t) => {
    for (const [cookiePrefix, counts] of [['s:', [1, 2, 3, 4]], [undefined, [1, 1, 1, 1]]]) {
      const store = ledger();
      const there = await theirs(t, { store, cookieName: 'sid', cookiePrefix });
      const app = documented('with Fastify', { store, name: 'sid', cookie: { maxAge: 60000 } });
      const here = await visiting(t, app);
      here.visitor.jar = there.visitor.jar;
      const seen = [];
      for (const { visitor } of [there, here, there, here]) seen.push(JSON.parse((await visitor.get('/count')).body).n);
      assert.deepEqual(seen, counts);
    }
  });

  test('@fastify/session: what the table says of it', async (t) => {
    const store = ledger();
    const { visitor } = await theirs(t, { store });
    await visitor.get('/count');
    assert.ok(visitor.jar.has('sessionId'));
    store.take();
    assert.equal((await visitor.get('/regenerate')).body, '1');
    const calls = store.take().filter((call) => call !== 'get');
    assert.deepEqual(calls.slice(0, 2), ['destroy', 'set'], 'it destroys first');
    assert.equal((await visitor.get('/out')).body, 'null');
    assert.ok(visitor.jar.has('sessionId'), 'the browser keeps its cookie');
    store.fails.set = new Error('not saved');
    assert.equal((await visitor.get('/count')).status, 500);
  });

  test('@fastify/session takes the MemoryStore of this package', async (t) => {
    const store = new session.MemoryStore({ max: 2 });
    const visits = await theirs(t, { store });
    for (const n of [1, 2, 3]) assert.equal((await visits.visitor.get('/count')).body, `{"n":${n}}`);
    for (let i = 0; i < 3; i++) await new Visitor(visits.visitor.port).get('/count');
    assert.equal(store.stats().sessions, 2);
  });
});

describe('iron-session', () => {
  const options = { cookieName: 'sid', password: SECRET, cookieOptions: { secure: false } };

  async function visiting(t, handlers, layers = []) {
    const routes = Object.fromEntries(Object.entries(handlers).map(([name, handle]) => [`GET /${name}`, handle]));
    const { port } = await serve(createApp({ layers, routes }), t);
    return new Visitor(port);
  }

  const sealed = (t) => {
    const { getIronSession } = companion('iron-session');
    const open = (use) => async (req, res) => {
      const its = await getIronSession(req, res, options);
      res.json(await use(its) ?? null);
    };
    return visiting(t, {
      in: open((its) => { its.user = 'ann'; return its.save(); }),
      forget: open((its) => { its.user = 'bob'; }),
      out: open((its) => { its.destroy(); return Object.keys(its); }),
      me: open((its) => its.user),
      large: open((its) => { its.text = 'x'.repeat(4096); return its.save().catch((error) => error.message); }),
    });
  };

  test('what the guide says of it', async (t) => {
    const visitor = await sealed(t);
    await visitor.get('/in');
    const copy = visitor.jar.header;
    assert.ok(!copy.includes('ann'));
    assert.match(visitor.jar.last, /; Max-Age=1209540;/, 'fourteen days, less a minute');
    await visitor.get('/forget');
    assert.equal((await visitor.get('/me')).body, '"ann"', 'nothing is kept without save');
    assert.match((await visitor.get('/large')).body, /too big/);
    assert.equal((await visitor.get('/out')).body, '[]', 'the session is there, and empty');
    assert.equal(visitor.jar.size, 0);
    visitor.jar.header = copy;
    assert.equal((await visitor.get('/me')).body, '"ann"', 'a copied cookie is still valid');
  });

  test('here: a sealed cookie counts as none, a copied one ends, what changed is kept', async (t) => {
    const old = await sealed(t);
    await old.get('/in');
    const app = session({ name: 'sid', secret: SECRET, resave: false, saveUninitialized: false, clearCookie: true });
    const visitor = await visiting(t, {
      in: (req, res) => { req.session.user = 'ann'; req.session.text = 'x'.repeat(4096); res.end(); },
      me: (req, res) => { res.end(String(req.session.user)); },
      out: async (req, res) => { await req.session.destroy(); res.end(String(req.session)); },
    }, [app]);
    visitor.jar = old.jar;
    assert.equal((await visitor.get('/me')).body, 'undefined');
    await visitor.get('/in');
    const copy = visitor.jar.header;
    assert.equal((await visitor.get('/me')).body, 'ann');
    assert.equal((await visitor.get('/out')).body, 'undefined');
    assert.equal(visitor.jar.size, 0);
    visitor.jar.header = copy;
    assert.equal((await visitor.get('/me')).body, 'undefined');
  });
});

/** A provider in this process, of which the only user is ada: the options of express-openid-connect, and the login of a browser. */
function provider() {
  const ISSUER = 'https://id.example';
  const clientSecret = 'a secret of the client, of thirty-two characters';
  const metadata = {
    issuer: ISSUER, authorization_endpoint: `${ISSUER}/authorize`, token_endpoint: `${ISSUER}/token`, jwks_uri: `${ISSUER}/keys`,
    end_session_endpoint: `${ISSUER}/end`, id_token_signing_alg_values_supported: ['HS256'],
  };
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (claims) => {
    const head = `${part({ alg: 'HS256' })}.${part(claims)}`;
    return `${head}.${createHmac('sha256', clientSecret).update(head).digest('base64url')}`;
  };
  let tokens;
  const options = {
    issuerBaseURL: ISSUER, baseURL: 'http://localhost', clientID: 'app', clientSecret, secret: SECRET, idTokenSigningAlg: 'HS256',
    authorizationParams: { response_type: 'code', scope: 'openid' },
    customFetch: async (url) => Response.json(String(url).endsWith('/token') ? tokens : metadata),
  };
  const logIn = async (visitor) => {
    const { headers: { location } } = await visitor.get('/login');
    const { nonce, state } = Object.fromEntries(new URL(location).searchParams);
    const now = Math.floor(Date.now() / 1000);
    tokens = { access_token: 'x', token_type: 'Bearer', id_token: signed({ iss: ISSUER, aud: 'app', sub: 'ada', nonce, iat: now, exp: now + 3600 }) };
    assert.equal((await visitor.get(`/callback?code=1&state=${state}`)).status, 302);
  };
  return { options, logIn };
}

const [major, minor] = process.versions.node.split('.').map(Number);
const noOpenId = (major < 20 || (major === 20 && minor < 19)) && 'express-openid-connect 3.4 wants Node.js 20.19';

test('express-openid-connect with a session beside it, as docs/users.md says', { skip: noOpenId }, async (t) => {
  const { options, logIn } = provider();
  const { text } = blocks('docs/users.md').find(({ mark }) => mark === 'with express-openid-connect');
  const known = (name) => ({ auth: (given) => companion(name).auth({ ...options, ...given }) });
  const start = async (code) => {
    const app = companion('express')();
    const store = new Function('require', 'session', 'app', 'options', `${code}\nreturn store;`)(known, session, app, { secret: SECRET, resave: false, saveUninitialized: false });
    app.get('/', (req, res) => res.send(String(req.oidc.isAuthenticated() && req.oidc.user.sub)));
    app.get('/others', async (req, res) => res.send(String(await store.endAll('ada', { except: req.session }))));
    const { port } = await serve(app, t);
    const browsers = [new Visitor(port), new Visitor(port)];
    for (const each of browsers) await logIn(each);
    const who = () => Promise.all(browsers.map(async (each) => (await each.get('/')).body));
    assert.deepEqual(await who(), ['ada', 'ada']);
    assert.equal((await browsers[0].get('/others')).body, '1');
    return { browsers, store, who };
  };
  const { browsers: [here], store, who } = await start(text);
  assert.deepEqual(await who(), ['ada', 'false']);
  const { status, headers } = await here.get('/logout');
  assert.deepEqual([status, headers.location], [302, 'http://localhost']);
  assert.deepEqual([await who(), store.stats().sessions], [['false', 'false'], 0]);
  // Without the check the other browser stays logged in.
  const careless = text.replace('req.appSession = null', '{}');
  assert.notEqual(careless, text);
  assert.deepEqual(await (await start(careless)).who(), ['ada', 'ada']);
});

test('express-openid-connect on a store of ours: ends, but what is under way brings a session back', { skip: noOpenId }, async (t) => {
  const { options, logIn } = provider();
  const user = ({ data }) => data?.id_token && JSON.parse(Buffer.from(data.id_token.split('.')[1], 'base64url')).sub;
  const store = new session.MemoryStore({ user });
  const time = clock(t, Date.now());
  const app = companion('express')();
  app.use(companion('express-openid-connect').auth({ ...options, authRequired: false, session: { store } }));
  app.get('/', (req, res) => res.send(String(req.oidc.isAuthenticated())));
  app.get('/end', async (req, res) => res.send(String(await store.endAll('ada'))));
  const { port } = await serve(app, t);
  const [one, two] = [new Visitor(port), new Visitor(port)];
  for (const each of [one, two]) await logIn(each);
  const began = Date.now();
  assert.equal((await store.sessionsOf('ada')).length, 2);
  time.tick(1000);
  await two.get('/');
  const [{ created, lastSeen }] = await store.sessionsOf('ada');
  assert.deepEqual([created, lastSeen], [began + 1000, began + 1000]);
  assert.equal((await one.get('/end')).body, '2');
  assert.deepEqual([(await two.get('/')).body, (await one.get('/')).body], ['false', 'true']);
});
