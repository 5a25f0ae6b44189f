'use strict';

/**
 * The option `skip`: a request for which it returns a true value has no session and asks no
 * store, whatever the store and the server; every other request has its session.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { child, each, files, ledger, open, read, write } = require('../compat/app');
const { session } = require('../subject');

const quiet = { secret: 'keyboard', resave: false, saveUninitialized: false };

/** Counts the calls of methods of a store in `store.calls`. */
function counted(store) {
  store.calls = [];
  for (const method of ['get', 'set', 'touch', 'destroy', 'createSession']) {
    const plain = store[method];
    store[method] = function replaced(...args) {
      store.calls.push(method);
      return plain.apply(this, args);
    };
  }
  return store;
}

/** Each makes a store, and `asked` of it says what the store has been asked so far. */
const stores = {
  'MemoryStore': () => {
    const store = new session.MemoryStore();
    return { store, asked: () => ({ ...store.stats(), texts: { ...store.sessions } }) };
  },
  'MemoryStore with replaced methods': () => {
    const store = counted(new session.MemoryStore());
    return { store, asked: () => [...store.calls] };
  },
  'another store': () => {
    const store = ledger();
    return { store, asked: () => [...store.calls] };
  },
  'another store that answers at once': () => {
    const store = ledger({ sync: true });
    return { store, asked: () => [...store.calls] };
  },
};

/** What a session puts on a request. */
const shown = (req) => ['session', 'sessionID', 'sessionStore'].filter((name) => name in req);
const show = (req, res) => {
  res.end();
  return shown(req);
};
const ALL = ['session', 'sessionID', 'sessionStore'];

/** Skips by the path, as programs do. */
const isStatic = (req) => (req.originalUrl ?? req.url).startsWith('/static/');
const STATIC = { path: '/static/a.css' };

for (const [name, makeStore] of Object.entries(stores)) {
  each(`a skipped request has no session and asks no store: ${name}`, async (t, kind) => {
    for (const options of [{}, { resave: true, saveUninitialized: true, rolling: true, unset: 'destroy', clearCookie: true, cookie: { maxAge: 60000 } }]) {
      const { store, asked } = makeStore();
      const app = await open(t, { kind, options: { store, skip: isStatic, ...options } });

      const none = asked();
      const first = await app.visit(show, STATIC);
      assert.deepEqual([first.status, first.value, first.cookies], [200, [], []], 'nor has one without a cookie');
      assert.deepEqual(asked(), none);

      assert.equal((await app.visit(write)).body, '1');
      const before = asked();
      assert.notDeepEqual(before, none, 'what the store is asked can be seen');
      const uses = [
        show,
        (req, res) => { res.writeHead(200, { 'X-A': '1' }); res.write('a'); res.end('b'); },
        (req, res) => { delete req.session; res.end(); },
        (req, res) => { req.session = null; res.end(); },
        (req, res) => { req.session = { n: 100, cookie: {} }; res.end(); },
      ];
      for (const use of uses) {
        const { status, cookies, value } = await app.visit(use, STATIC);
        assert.deepEqual([status, cookies], [200, []], String(use));
        if (use === show) assert.deepEqual(value, []);
      }
      assert.deepEqual(asked(), before);

      assert.deepEqual((await app.visit(show)).value, ALL);
      assert.equal((await app.visit(read)).body, '1', 'the session is as it was');
      assert.equal((await app.visit(write)).body, '2');
      assert.deepEqual(app.errors, []);
    }
  });
}

each('any true value skips, and no other', async (t, kind) => {
  let answer;
  const app = await open(t, { kind, options: { skip: () => answer } });
  for (answer of [true, 1, 'no', [], {}, /x/.exec('x'), () => false]) {
    assert.deepEqual((await app.visit(show)).value, [], String(answer));
  }
  for (answer of [false, 0, '', null, undefined, NaN]) {
    assert.deepEqual((await app.visit(show)).value, ALL, String(answer));
  }
});

each('it is called once for a request, with the request alone and no this', async (t, kind) => {
  const calls = [];
  function skip(...args) {
    calls.push([this, args, shown(args[0])]);
    return args[0].url === '/static';
  }
  const app = await open(t, { kind, options: { skip } });
  for (const path of ['/', '/static']) {
    const { value } = await app.visit((req, res) => {
      res.end();
      return req;
    }, { path });
    assert.deepEqual(calls.splice(0), [[undefined, [value], []]]);
    assert.equal(value.url, path);
  }
});

each('without the option each request has a session', async (t, kind) => {
  for (const options of [{}, { skip: undefined }]) {
    const app = await open(t, { kind, options });
    assert.deepEqual((await app.visit(show, STATIC)).value, ALL);
  }
});

test('a wrong value is refused at once', () => {
  for (const skip of [null, false, true, 0, '', '/static', /static/, ['/static'], {}, Promise.resolve(isStatic)]) {
    assert.throws(() => session({ ...quiet, skip }), { name: 'TypeError', message: 'skip option must be a function' });
  }
  for (const skip of [async () => false, async function skip() {}, { async skip() {} }.skip]) {
    assert.throws(() => session({ ...quiet, skip }), { name: 'TypeError', message: 'skip option must return a boolean, not a promise' });
  }
});

each('an error that it throws is given to next, and the request has no session', async (t, kind) => {
  let thrown;
  const store = ledger();
  const app = await open(t, { kind, options: { store, skip() { throw thrown; } } });
  for (thrown of [new RangeError('skip failed'), 'text']) {
    assert.equal((await app.visit(show)).status, 500);
    assert.deepEqual(app.errors.splice(0), [thrown]);
  }
  for (thrown of [undefined, null, 0, '']) {
    const { status, body, value } = await app.visit(show);
    assert.deepEqual([status, body, value], [500, 'skip option failed and gave no error', undefined], String(thrown));
  }
  assert.deepEqual(store.calls, []);
});

each('a promise is an error that names the option, and its rejection ends no process', async (t, kind) => {
  let answer;
  let looks = 0;
  const store = ledger();
  const app = await open(t, { kind, options: { store, skip: () => answer() } });
  const promises = [
    async () => true,
    async () => false,
    async () => { throw new Error('rejected'); },
    () => Promise.reject(undefined),
    // A query, which many database clients run when `then` is called.
    () => ({ then() { looks++; } }),
  ];
  for (answer of promises) {
    const { status, body, value } = await app.visit(show);
    assert.deepEqual([status, body, value], [500, 'skip option must return a boolean, not a promise', undefined], String(answer));
    assert.equal(app.errors.pop().name, 'TypeError');
  }
  // An unhandled rejection would fail this test.
  await new Promise(setImmediate);
  assert.deepEqual([looks, store.calls], [0, []]);
});

test('what next throws is not given to next again', () => {
  const skips = { true: () => true, false: () => false, 'an error': () => { throw new Error('skip failed'); } };
  for (const [name, skip] of Object.entries(skips)) {
    const told = [];
    const next = (error) => {
      told.push(error?.message);
      throw new Error('next failed');
    };
    assert.throws(() => { session({ ...quiet, skip })({ headers: {}, url: '/' }, {}, next); }, { message: 'next failed' }, name);
    assert.deepEqual(told, [name === 'an error' ? 'skip failed' : undefined], name);
  }
});

each('a session that is there already stays, and skip is not called', async (t, kind) => {
  const store = ledger();
  let calls = 0;
  const app = await open(t, {
    kind,
    use: [session({ ...quiet, store, name: 'first' })],
    options: { store: ledger(), skip() { calls++; return true; } },
  });
  const { body, cookies } = await app.visit(write);
  assert.equal(body, '1');
  assert.match(cookies.join(), /^first=/);
  assert.equal((await app.visit(write)).body, '2');
  assert.deepEqual([store.calls, calls], [['set', 'get', 'set'], 0]);
});

for (const [name, makeStore] of Object.entries(stores)) {
  each(`a later middleware gives a session to what the first one skips: ${name}`, async (t, kind) => {
    const isAdmin = (req) => req.url.startsWith('/admin');
    const [site, admin] = [makeStore(), makeStore()];
    const app = await open(t, {
      kind,
      use: [session({ ...quiet, store: site.store, name: 'site', skip: isAdmin })],
      options: { store: admin.store, name: 'admin', skip: (req) => !isAdmin(req) },
    });
    const storeOf = (req, res) => {
      res.end();
      return req.sessionStore === site.store ? 'site' : req.sessionStore === admin.store && 'admin';
    };
    for (const [path, own, other] of [['/', site, admin], ['/admin', admin, site]]) {
      const which = own === site ? 'site' : 'admin';
      const untouched = other.asked();
      const { body, cookies } = await app.visit(write, { path });
      assert.equal(body, '1');
      assert.deepEqual(cookies.map((header) => header.split('=')[0]), [which]);
      assert.equal((await app.visit(storeOf, { path })).value, which);
      assert.equal((await app.visit(write, { path })).body, '2');
      assert.deepEqual(other.asked(), untouched);
    }
    assert.equal((await app.visit(read)).body, '2');
  });
}

each('a skipped request needs no connected store, and skip is called without one', async (t, kind) => {
  for (const makeStore of Object.values(stores)) {
    const { store } = makeStore();
    let isCalled = false;
    const skip = (req) => {
      isCalled = true;
      if (req.url === '/fails') throw new Error('skip failed');
      return isStatic(req);
    };
    const app = await open(t, { kind, options: { store, skip } });
    store.emit('disconnect');
    assert.deepEqual((await app.visit(show, STATIC)).value, []);
    assert.deepEqual([(await app.visit(show)).value, isCalled], [[], true]);
    assert.equal((await app.visit(show, { path: '/fails' })).body, 'skip failed', 'an error is told as well');
    store.emit('connect');
    assert.deepEqual((await app.visit(show, STATIC)).value, []);
    assert.deepEqual((await app.visit(show)).value, ALL);
  }
});

each('a skipped request needs no secret', async (t, kind) => {
  const app = await open(t, { kind, options: { secret: undefined, skip: isStatic } });
  assert.deepEqual((await app.visit(show, STATIC)).value, []);
  assert.equal((await app.visit(show)).body, 'secret option required for sessions');
});

each('for a skipped request no other option is asked', async (t, kind) => {
  let calls = 0;
  const cookie = () => { calls++; return {}; };
  const genid = () => { calls++; return `id-${calls}`; };
  const app = await open(t, { kind, options: { cookie, genid, skip: isStatic } });
  await app.visit(show, STATIC);
  assert.equal(calls, 0);
  await app.visit(show);
  assert.ok(calls > 0);
});

test('a skipped request needs no valid URL, and skip gets the URL as it is', async (t) => {
  const urls = [];
  // Express answers such a request with 404 before any middleware.
  const app = await open(t, {
    options: { skip(req) { urls.push(req.url); return req.headers['x-probe'] === '1'; } },
    handler: (req, res) => { res.end(`session: ${shown(req)}`); },
  });
  const ask = (headers) => app.raw(`GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);
  assert.match(await ask('X-Probe: 1\r\n'), /^HTTP\/1\.1 200 [^]*session: $/);
  assert.match(await ask(''), /^HTTP\/1\.1 500 /);
  assert.deepEqual(urls, ['http://[', 'http://[']);

  const parsing = await open(t, { options: { skip: (req) => new URL(req.url, 'http://x').pathname === '/static' } });
  assert.match(await parsing.raw('GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 500 [^]*Invalid URL/);
});

each('a request that is not skipped is checked as before', async (t, kind) => {
  const app = await open(t, { kind, options: { cookie: { path: '/app' }, skip: (req) => req.url === '/app/health' } });
  assert.deepEqual((await app.visit(show, { path: '/elsewhere' })).value, []);
  assert.deepEqual((await app.visit(show, { path: '/app/health' })).value, []);
  assert.deepEqual((await app.visit(show, { path: '/app/page' })).value, ALL);
});

each('in a mounted router url begins after the path of the router, and originalUrl is the whole', async (t, kind) => {
  // Without Express nothing is mounted.
  const isMounted = kind !== 'http';
  const seen = [];
  const skip = (req) => {
    seen.push([req.url, req.originalUrl, req.path]);
    return (req.originalUrl ?? req.url) === '/in/health?q=1';
  };
  const app = await open(t, { kind, mount: isMounted ? '/in' : undefined, options: { skip } });
  assert.deepEqual((await app.visit(show, { path: '/in/health?q=1' })).value, []);
  assert.deepEqual((await app.visit(show, { path: '/in/other' })).value, ALL);
  assert.deepEqual(seen, isMounted
    ? [['/health?q=1', '/in/health?q=1', '/health'], ['/other', '/in/other', '/other']]
    : [['/in/health?q=1', undefined, undefined], ['/in/other', undefined, undefined]]);
});

test('DEBUG says that a request was skipped', async () => {
  const { stderr, status } = await child(`
    const session = require(process.env.PACKAGE);
    const middleware = session({ secret: 'a', resave: false, saveUninitialized: false, skip: () => true });
    middleware({ headers: {}, url: '/' }, {}, () => {});
  `, { file: files.subject, env: { DEBUG: 'express-session' } });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /express-session skipped\b/);
});
