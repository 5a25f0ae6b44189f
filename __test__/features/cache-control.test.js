'use strict';

/**
 * The option `cacheControl`: what shows a visitor's session, or sets its cookie, is kept from
 * shared caches; what does neither, and what the program has said itself, stays as it is.
 */

const assert = require('node:assert/strict');
const http2 = require('node:http2');
const { test } = require('node:test');
const { kinds, ledger, open, read, seen, write } = require('../compat/app');
const { session } = require('../subject');
const { serve } = require('../../test-kit/app');

const PRIVATE = 'private, no-cache="Set-Cookie"';
const values = { private: PRIVATE, 'no-store': 'no-store' };

/** The ways to a store, and whether it is seen that nobody has looked at a session. */
const stores = {
  'MemoryStore': [() => ({ store: new session.MemoryStore() }), true],
  'MemoryStore with resave': [() => ({ store: new session.MemoryStore(), resave: true }), true],
  'MemoryStore with a ttl that only JavaScript knows': [() => ({ store: new session.MemoryStore({ ttl: () => 60000 }) }), true],
  'MemoryStore with a wrapped get': [() => {
    const store = new session.MemoryStore();
    const { get } = store;
    store.get = function wrapped(sid, callback) { get.call(this, sid, callback); };
    return { store };
  }, false],
  'another store': [() => ({ store: ledger() }), false],
  'another store that answers at once': [() => ({ store: ledger({ sync: true }) }), false],
  'another store without touch': [() => ({ store: ledger({ touch: false }) }), false],
};

const headersOf = ({ headers }) => [headers.vary, headers['cache-control']];
const NEITHER = [undefined, undefined];
const ignore = (req, res) => { res.end('static'); };

/** An app in which the visitor has a session. */
async function visited(t, options, more) {
  const app = await open(t, { options: { cacheControl: 'private', ...options }, ...more });
  await app.visit(write);
  return app;
}

for (const [storeName, [makeOptions, isLookSeen]] of Object.entries(stores)) {
  for (const kind of kinds) {
    test(`what shows a session or sets its cookie, and nothing else: ${storeName} (${kind})`, async (t) => {
      for (const [cacheControl, value] of Object.entries(values)) {
        const app = await open(t, { kind, options: { cacheControl, ...makeOptions() } });
        const both = ['Cookie', value];
        assert.deepEqual(headersOf(await app.visit(ignore)), NEITHER, 'no session, and no look');
        assert.deepEqual(headersOf(await app.visit(read)), isLookSeen ? both : NEITHER, 'no session, but a look');
        const first = await app.visit(write);
        assert.equal(first.cookies.length, 1);
        assert.deepEqual(headersOf(first), both, 'sets the cookie');
        const shown = await app.visit(read);
        assert.deepEqual([shown.body, shown.cookies], ['1', []]);
        assert.deepEqual(headersOf(shown), both, 'shows the session');
        assert.deepEqual(headersOf(await app.visit(ignore)), isLookSeen ? NEITHER : both, 'not looked at');
        const cleared = await app.visit((req, res) => { req.session.destroy(() => res.end()); });
        assert.deepEqual(headersOf(cleared), both, 'ends it');
        assert.deepEqual(headersOf(await app.visit(ignore)), NEITHER, 'the cookie brings nothing any more');
      }
    });
  }

  test(`a cookie of a session that nobody looked at: ${storeName}`, async (t) => {
    const app = await visited(t, { ...makeOptions(), rolling: true, cookie: { maxAge: 60000 } });
    const { cookies, ...answer } = await app.visit(ignore);
    assert.equal(cookies.length, 1);
    assert.deepEqual(headersOf(answer), ['Cookie', PRIVATE]);
  });

  test(`a session that is replaced or reloaded: ${storeName}`, async (t) => {
    const uses = [
      (req, res) => { req.session.reload(() => res.end()); },
      (req, res) => { req.session.regenerate(() => res.end()); },
      (req, res) => { req.session = null; res.end(); },
    ];
    for (const use of uses) {
      const app = await visited(t, makeOptions());
      assert.deepEqual(headersOf(await app.visit(use)), ['Cookie', PRIVATE], String(use));
    }
  });

  test(`a cookie that clearCookie clears: ${storeName}`, async (t) => {
    const app = await visited(t, { ...makeOptions(), clearCookie: true, cookie: { path: '/' } });
    const end = (req, res) => { req.session.destroy(() => res.end()); };
    const old = app.jar.header;
    assert.match((await app.visit(end)).cookies[0], /1970/);
    // The session is not there any more, but the cookie is cleared again.
    const { cookies, ...answer } = await app.visit(end, { cookie: old });
    assert.match(cookies[0], /1970/);
    assert.deepEqual(headersOf(answer), ['Cookie', PRIVATE]);
  });
}

test('headers that leave before the end: a look may follow, whose result is in the body', async (t) => {
  const starts = [
    (res) => { res.writeHead(200); },
    (res) => { res.flushHeaders(); },
    (res) => { res.write('Hello, '); },
  ];
  for (const start of starts) {
    const app = await visited(t, { store: new session.MemoryStore() });
    const answer = await app.visit((req, res) => { start(res); res.end(String(req.session.n)); });
    assert.match(answer.body, /1$/);
    assert.deepEqual(headersOf(answer), ['Cookie', PRIVATE]);
    const nobody = await app.visit((req, res) => { start(res); res.end(); }, { cookie: 'other=1' });
    assert.deepEqual(headersOf(nobody), NEITHER, 'without a session there is nothing to show');
  }
});

test('with commit: headers, where the headers are written when the store has answered', async (t) => {
  const store = ledger();
  const app = await visited(t, { store, commit: 'headers' });
  const sends = [
    (req, res) => { req.session.n++; res.end('x'); },
    (req, res) => { req.session.n++; res.writeHead(200, { Vary: 'Accept' }); res.end('x'); },
    (req, res) => { req.session.n++; res.write('x'); res.end(); },
  ];
  for (const fails of [false, true]) {
    store.fails.set = fails ? new Error('down') : undefined;
    for (const send of sends) {
      const { status, headers } = await app.visit(send);
      assert.equal(status, fails ? 500 : 200);
      assert.match(headers.vary, /Cookie$/);
      assert.equal(headers['cache-control'], PRIVATE);
    }
  }
});

/** Ways to answer with text. */
const ways = {
  end: (res, text) => { res.end(text); },
  'write and end': (res, text) => { res.write(text); res.end(); },
  'flushHeaders': (res, text) => { res.flushHeaders(); res.end(text); },
  'writeHead': (res, text) => { res.writeHead(200); res.end(text); },
  'writeHead with a message and headers': (res, text) => { res.writeHead(200, 'Fine', { 'X-A': '1' }); res.end(text); },
  'a length': (res, text) => { res.setHeader('Content-Length', text.length); res.end(text); },
  'a redirect': (res, text) => { res.writeHead(302, { Location: '/' }); res.end(text); },
  'a body that comes later': (res, text) => { setImmediate(() => { res.write(text); setImmediate(() => res.end()); }); },
};

for (const [name, respond] of Object.entries(ways)) {
  test(`${name}, also to HEAD`, async (t) => {
    for (const store of [new session.MemoryStore(), ledger()]) {
      const app = await visited(t, { store });
      for (const method of ['GET', 'HEAD']) {
        const answer = await app.visit((req, res) => { respond(res, String(req.session.n)); }, { method });
        assert.equal(answer.body, method === 'GET' ? '1' : '');
        assert.deepEqual(headersOf(answer), ['Cookie', PRIVATE]);
      }
    }
  });
}

for (const kind of kinds.filter((name) => name.startsWith('Express'))) {
  test(`what Express sends, and 304 (${kind})`, async (t) => {
    const app = await visited(t, {}, { kind });
    const show = (req, res) => { res.vary('Accept').json({ n: req.session.n }); };
    const full = await app.visit(show);
    assert.deepEqual(headersOf(full), ['Accept, Cookie', PRIVATE]);
    const { status, ...answer } = await app.visit(show, { headers: { 'If-None-Match': full.headers.etag } });
    assert.equal(status, 304);
    assert.deepEqual(headersOf(answer), ['Accept, Cookie', PRIVATE], 'as RFC 9110 section 15.4.5 asks for');
    const file = await app.visit((req, res) => { res.set('X-N', String(req.session.n)).sendFile(__filename, { cacheControl: false }); });
    assert.deepEqual(headersOf(file), ['Cookie', PRIVATE]);
    const aged = await app.visit((req, res) => { res.set('X-N', String(req.session.n)).sendFile(__filename, { maxAge: 1000 }); });
    assert.deepEqual(headersOf(aged), ['Cookie', 'public, max-age=1'], 'the program has asked for it');
  });
}

/** What the program has put into Vary, and what leaves. */
const varies = [
  ['Accept-Encoding', 'Accept-Encoding, Cookie'],
  [['Accept', 'Origin'], 'Accept, Origin, Cookie'],
  ['', 'Cookie'],
  [[], 'Cookie'],
  ['Accept,cOOkie , Origin', 'Accept,cOOkie , Origin'],
  ['X-Cookie', 'X-Cookie, Cookie'],
  ['*', '*'],
  [['Accept', ' *'], 'Accept, *'],
];

for (const [before, after] of varies) {
  test(`Vary: ${JSON.stringify(before)}`, async (t) => {
    const app = await visited(t, {});
    const set = (req, res) => { res.setHeader('Vary', before); res.end(String(req.session.n)); };
    assert.equal((await app.visit(set)).headers.vary, after);
    const head = (req, res) => { req.session.n++; res.writeHead(200, { Vary: before }); res.end(); };
    assert.equal((await app.visit(head)).headers.vary, after);
  });
}

/** Ways in which a program says itself who may cache. */
const own = {
  setHeader: (res) => { res.setHeader('cache-control', 'max-age=5'); },
  'writeHead with an object': (res) => { res.writeHead(200, { 'CACHE-CONTROL': 'max-age=5' }); },
  'writeHead with a message': (res) => { res.writeHead(200, 'Fine', { 'Cache-Control': 'max-age=5' }); },
  'writeHead with a list': (res) => { res.writeHead(200, ['Cache-Control', 'max-age=5']); },
  'writeHead with pairs': (res) => { res.writeHead(200, [['Cache-Control', 'max-age=5']]); },
};

for (const [name, say] of Object.entries(own)) {
  test(`the program's own Cache-Control stays: ${name}`, async (t) => {
    for (const cacheControl of Object.keys(values)) {
      const app = await visited(t, { cacheControl });
      const answer = await app.visit((req, res) => { req.session.n++; say(res); res.end(); });
      assert.deepEqual(headersOf(answer), ['Cookie', 'max-age=5'], 'but what it shows depends on the visitor');
    }
  });
}

test('an own Cache-Control that is empty is one', async (t) => {
  const app = await visited(t, {});
  const answer = await app.visit((req, res) => { res.setHeader('Cache-Control', ''); res.end(String(req.session.n)); });
  assert.deepEqual(headersOf(answer), ['Cookie', '']);
});

/** Middleware as packages that wrap `writeHead` have it, such as compression by on-headers. */
const onHeaders = (listen) => (req, res, next) => {
  const { writeHead } = res;
  res.writeHead = function wrapped(...args) {
    listen(req, res);
    return writeHead.apply(this, args);
  };
  next();
};

test('a wrapper of writeHead inside and one outside of ours', async (t) => {
  const inner = onHeaders((req, res) => {
    res.setHeader('X-Seen', String(res.getHeader('Cache-Control')));
    res.setHeader('Vary', `${res.getHeader('Vary')}, Accept-Encoding`);
  });
  const app = await visited(t, {}, { use: [inner] });
  const answer = await app.visit(read);
  assert.deepEqual([...headersOf(answer), answer.headers['x-seen']], ['Cookie, Accept-Encoding', PRIVATE, PRIVATE]);
  const outer = onHeaders((req, res) => {
    res.setHeader('Vary', 'Accept-Encoding');
    res.setHeader('Cache-Control', 'no-transform');
  });
  const wrapped = await (await visited(t, {})).visit((req, res) => outer(req, res, () => read(req, res)));
  assert.deepEqual(headersOf(wrapped), ['Accept-Encoding, Cookie', 'no-transform']);
});

test('a listener that looks when the headers are written, after the end has woken the session by itself', async (t) => {
  const look = onHeaders((req, res) => { res.setHeader('X-N', String(req.session.n)); });
  for (const resave of [false, true]) {
    const app = await visited(t, { resave });
    const answer = await app.visit((req, res) => look(req, res, () => res.end()));
    assert.equal(answer.headers['x-n'], '1');
    assert.deepEqual(headersOf(answer), ['Cookie', PRIVATE]);
  }
});

for (const kind of kinds) {
  test(`error pages (${kind})`, async (t) => {
    const app = await visited(t, {}, { kind });
    const fails = [
      (req, res, next) => { next(new Error(`${req.session.n} failed`)); },
      // JSON refuses these data: the error comes at the end, or when the headers are written.
      (req, res) => { req.session.n = 1n; res.end(); },
      (req, res) => { req.session.cookie.maxAge = 1000; req.session.n = 1n; try { res.write('x'); } catch (error) { res.statusCode = 500; res.end(error.message); } },
      // Node.js refuses the headers after we have set ours.
      (req, res, next) => { req.session.n++; try { res.writeHead(99); } catch (error) { next(error); } },
    ];
    for (const fail of fails) {
      const { status, ...answer } = await app.visit(fail);
      assert.equal(status, 500, String(fail));
      assert.deepEqual(headersOf(answer), ['Cookie', PRIVATE], String(fail));
    }
  });
}

test('the store fails in get: the error page is nobody\'s', async (t) => {
  const store = ledger();
  const app = await visited(t, { store });
  store.fails.get = new Error('down');
  const { status, ...answer } = await app.visit(read);
  assert.equal(status, 500);
  assert.deepEqual(headersOf(answer), NEITHER);
});

test('a secure cookie that is withheld is none', async (t) => {
  const app = await open(t, { options: { cacheControl: 'private', store: ledger(), cookie: { secure: true } } });
  const { cookies, ...answer } = await app.visit(write);
  assert.deepEqual([cookies, headersOf(answer)], [[], NEITHER]);
});

test('headers that are written twice are the same error as without the option', async (t) => {
  const twice = (req, res) => {
    // Without one, Node.js 18 says nothing.
    res.setHeader('X-One', '1');
    res.writeHead(200);
    assert.equal(req.session.n, undefined);
    let told = 'no error';
    try { res.writeHead(200); } catch (error) { told = `${error.code} ${error.message}`; }
    res.end(told);
  };
  const [{ body: without }, { body }] = await Promise.all([undefined, 'private'].map(async (cacheControl) => {
    const app = await open(t, { options: { cacheControl } });
    return app.visit(twice);
  }));
  assert.match(without, /^ERR_HTTP_HEADERS_SENT/);
  assert.equal(body, without);
});

test('HTTP/2', async (t) => {
  for (const store of [new session.MemoryStore(), ledger(), ledger({ sync: true, touch: false })]) {
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, cacheControl: 'no-store', store });
    const uses = { '/write': (req) => { req.session.n = 1; }, '/read': (req) => req.session.n, '/ignore': () => {} };
    const { port, close } = await serve(http2.createServer((req, res) => middleware(req, res, () => {
      uses[req.url](req);
      res.setHeader('Vary', 'Accept');
      res.end();
    })));
    const client = http2.connect(`http://127.0.0.1:${port}`);
    t.after(() => {
      client.destroy();
      return close();
    });
    const visit = (path, cookie) => new Promise((resolve, reject) => {
      client.request({ ':path': path, ...(cookie && { cookie }) }).on('response', resolve).on('error', reject).resume().end();
    });
    const first = await visit('/write');
    assert.deepEqual([first.vary, first['cache-control']], ['Accept, Cookie', 'no-store']);
    const cookie = first['set-cookie'][0].split(';', 1)[0];
    const shown = await visit('/read', cookie);
    assert.deepEqual([shown.vary, shown['cache-control']], ['Accept, Cookie', 'no-store']);
    const ignored = await visit('/ignore', cookie);
    const isOurs = store instanceof session.MemoryStore;
    assert.deepEqual([ignored.vary, ignored['cache-control']], isOurs ? ['Accept', undefined] : ['Accept, Cookie', 'no-store']);
  }
});

test('without a response a session can be had, too', async (t) => {
  const store = new session.MemoryStore();
  const options = { secret: 'keyboard', resave: false, saveUninitialized: false, store, cacheControl: 'private' };
  const app = await open(t, { middleware: session(options) });
  await app.visit(write);
  const req = { headers: { cookie: app.jar.header }, url: '/' };
  await new Promise((resolve, reject) => { session(options)(req, {}, (error) => (error ? reject(error) : resolve())); });
  assert.equal(req.session.n, 1);
});

test('without the option no header is touched', async (t) => {
  for (const store of [new session.MemoryStore(), ledger()]) {
    for (const options of [{}, { cacheControl: undefined }]) {
      const app = await open(t, { options: { store, ...options } });
      for (const use of [write, read]) assert.deepEqual(headersOf(await app.visit(use)), NEITHER);
      const told = await app.visit((req, res) => { res.setHeader('Vary', 'Accept'); read(req, res); });
      assert.ok(seen(told).headers.includes('Vary: Accept'));
    }
  }
});

test('a wrong value is refused at once', () => {
  for (const cacheControl of [null, false, true, '', 'public', 'Private', 'constructor', ['private'], {}]) {
    assert.throws(() => session({ secret: 'x', resave: false, saveUninitialized: false, cacheControl }), {
      name: 'TypeError', message: 'cacheControl option must be "private" or "no-store"',
    });
  }
});
