'use strict';

/**
 * What the arrival of a request decides stays decided, however late the session is made:
 * the attributes of a new session's cookie, and whether the connection was secure.
 */

const assert = require('node:assert/strict');
const { each, pair, clock, open, ledger, write } = require('./app');
const { cookieOf } = require('../../test-kit/jar');

const stores = [(module) => new module.MemoryStore(), (module) => ledger({ Store: module.Store })];

/** The cookie that was sent, without its value. */
const attributes = ({ cookies }) => cookies.map((cookie) => cookie.replace(/=[^;]*/, ''));

/** Runs `fn` on both packages, with each kind of store, and a `cookie` option made anew. */
async function both(t, kind, makeCookie, fn, { options, ...setup } = {}) {
  for (const makeStore of stores) {
    await pair(async (module) => {
      const cookie = makeCookie(module);
      const app = await open(t, { kind, module, options: { store: makeStore(module), cookie, ...options }, ...setup });
      return { told: await fn(app, cookie), errors: app.errors.map(String) };
    });
  }
}

each('overlapping requests have the cookie option as each found it', async (t, kind) => {
  clock(t);
  const changes = [
    (cookie, tenant) => { cookie.domain = `${tenant}.example.com`; },
    (cookie, tenant) => { cookie.path = tenant === 'a' ? '/' : '/b'; cookie.sameSite = tenant === 'a' ? 'lax' : 'strict'; },
    (cookie, tenant) => { cookie.maxAge = tenant === 'a' ? 60000 : 3600000; },
    (cookie, tenant) => { cookie.expires = new Date(tenant === 'a' ? 1900000000000 : 1950000000000); },
    (cookie, tenant) => { delete cookie.maxAge; if (tenant === 'b') cookie.maxAge = 5000; },
    (cookie, tenant) => { cookie.expires = null; if (tenant === 'b') cookie.maxAge = undefined; },
  ];
  for (const change of changes) {
    await both(t, kind, () => ({ maxAge: 1000 }), async (app, cookie) => {
      let arrived;
      const first = new Promise((resolve) => { arrived = resolve; });
      let goOn;
      const second = new Promise((resolve) => { goOn = resolve; });
      change(cookie, 'a');
      const a = app.visit(async (req, res) => {
        arrived();
        await second;
        req.session.n = 1;
        const seen = JSON.stringify(req.session.cookie);
        res.end(seen);
      });
      await first;
      change(cookie, 'b');
      const b = await app.visit((req, res) => {
        req.session.n = 2;
        res.end(JSON.stringify(req.session.cookie));
      }, { path: '/b' });
      goOn();
      const answer = await a;
      return [attributes(answer), answer.body, attributes(b), b.body];
    });
  }
});

each('a getter in the cookie option is read when the request comes', async (t, kind) => {
  clock(t);
  await both(t, kind, () => ({ get domain() { return this.now; }, now: 'a.example.com', maxAge: 1000 }), async (app, cookie) =>
    attributes(await app.visit((req, res) => {
      cookie.now = 'b.example.com';
      write(req, res);
    })));
});

each('auto is decided when the request comes, whatever the handler changes', async (t, kind) => {
  clock(t);
  for (const cookie of [{ secure: 'auto' }, { sameSite: 'auto' }, { secure: 'auto', sameSite: 'auto' }]) {
    for (const [before, after] of [['https', 'http'], ['http', 'https'], ['https', undefined]]) {
      await both(t, kind, () => ({ ...cookie }), async (app) => {
        const answer = await app.visit((req, res) => {
          if (after) req.headers['x-forwarded-proto'] = after;
          else delete req.headers['x-forwarded-proto'];
          req.session.n = 1;
          res.end(JSON.stringify(req.session.cookie));
        }, { headers: { 'x-forwarded-proto': before } });
        return [attributes(answer), answer.body];
      }, { options: { proxy: true } });
    }
  }
});

each('a cookie option that becomes wrong fails the request that finds it so', async (t, kind) => {
  clock(t);
  for (const value of ['1000', {}, true]) {
    await both(t, kind, () => ({ maxAge: 1000 }), async (app, cookie) => {
      await app.visit(write);
      app.jar.clear();
      cookie.maxAge = value;
      const { status, body } = await app.visit((req, res) => res.end('not looked at')).catch((err) => ({ status: err.code }));
      return [status, body];
    }, { drop: true, ...(kind === 'http' && { use: [guard] }) });
  }
});

/** Bare `http` ends with what a middleware throws: an answer in its place. */
function guard(req, res, next) {
  try {
    next();
  } catch (err) {
    req.session = null;
    res.statusCode = 500;
    res.end(String(err.message));
  }
}

each('the lifetime of a session that is first looked at later began with the request', async (t, kind) => {
  const time = clock(t);
  await both(t, kind, () => ({ maxAge: 60000 }), async (app) => {
    const told = [];
    for (let i = 0; i < 2; i++) {
      const { value } = await app.visit((req, res) => {
        time.tick?.(5000);
        const { expires, originalMaxAge, maxAge } = req.session.cookie;
        req.session.n = (req.session.n || 0) + 1;
        res.end();
        return [expires - Date.now(), originalMaxAge, maxAge];
      });
      told.push(value);
    }
    return told;
  });
});

each('a session that is first looked at after the response was touched at its end', async (t, kind) => {
  const time = clock(t);
  for (const makeCookie of [() => ({ maxAge: 60000 }), () => ({ expires: new Date(Date.now() + 90000) }), () => ({})]) {
    await both(t, kind, makeCookie, async (app) => {
      const told = [];
      for (const handler of [write, (req, res) => res.end()]) {
        for (const isKnown of [true, false]) {
          if (!isKnown) app.jar.clear();
          const { value } = await app.visit(async (req, res) => {
            time.tick?.(1000);
            handler(req, res);
            await new Promise((resolve) => res.on('finish', resolve));
            time.tick?.(7000);
            const { expires, originalMaxAge } = req.session.cookie;
            return [expires && expires - Date.now(), originalMaxAge];
          });
          told.push(value);
        }
      }
      return told;
    });
  }
});

each('a setter on the request that handles another request meanwhile', async (t, kind) => {
  clock(t);
  for (const name of ['sessionID', 'sessionStore']) {
    await pair(async (module) => {
      const store = new module.MemoryStore();
      const middleware = module({ secret: 'keyboard', resave: false, saveUninitialized: false, store });
      const app = await open(t, { kind, middleware, use: [(req, res, next) => {
        let held;
        Object.defineProperty(req, name, {
          configurable: true,
          enumerable: true,
          get: () => held,
          set(value) {
            held = value;
            if (!req.headers['x-other']) return;
            const other = { url: '/', headers: { cookie: req.headers['x-other'] } };
            middleware(other, {}, () => {});
          },
        });
        next();
      }] });
      const sent = [];
      for (const n of [1, 2]) {
        app.jar.clear();
        const { cookies } = await app.visit((req, res) => {
          req.session.n = n;
          if (n === 2) req.session.cookie.maxAge = 1e6;
          res.end();
        });
        sent.push(cookieOf(cookies[0]));
      }
      const told = [];
      for (const [cookie, other] of [sent, sent.toReversed?.() ?? [sent[1], sent[0]], ['connect.sid=s%3Anobody.x', sent[1]]]) {
        const { value } = await app.visit((req, res) => {
          const { n, cookie: own } = req.session;
          res.end();
          return [n, own.originalMaxAge, sent.findIndex((text) => text.includes(encodeURIComponent(req.sessionID)))];
        }, { cookie, headers: { 'x-other': other } });
        told.push(value);
      }
      assert.deepEqual(told.map(([n]) => n), [1, 2, undefined]);
      return told;
    });
  }
});
