'use strict';

/**
 * The option `commit: 'headers'`: the session is in the store before the first byte of the response
 * leaves, and a store that fails gives an error page in place of the response. Each way to respond
 * is tried with a store that takes its time, one that calls back at once and a MemoryStore with a
 * method of a program's; what a program sees of `headersSent` and its errors is as without the option.
 */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const net = require('node:net');
const path = require('node:path');
const { Readable, pipeline, promises } = require('node:stream');
const { test } = require('node:test');
const zlib = require('node:zlib');
const compression = require('compression');
const onHeaders = require('on-headers');
const { ask, raw } = require('../../test-kit/client');
const { createApp, serve } = require('../../test-kit/app');
const { temporaryFolder } = require('../../test-kit/folder');
const { Jar } = require('../../test-kit/jar');
const { each, kinds, ledger, open, write } = require('../compat/app');
const { session } = require('../subject');

const MiB = 2 ** 20;
const commit = 'headers';

/** A store of whose methods `set` and `destroy` each waits until `release` is called. */
function slow() {
  const store = ledger();
  const waiting = [];
  store.isOpen = true;
  for (const name of ['set', 'destroy']) {
    const { [name]: method } = store;
    store[name] = function (...args) {
      const callback = args.pop();
      method.call(this, ...args, (...results) => {
        const answer = () => callback?.(...results);
        if (store.isOpen) answer();
        else waiting.push(answer);
        store.asked?.();
      });
    };
  }
  /** Waits until a method was called, and has not called back. */
  store.held = () => new Promise((resolve) => { store.asked = resolve; });
  store.release = () => { store.isOpen = true; waiting.splice(0).forEach((answer) => answer()); };
  return store;
}

/** A store whose `set` and `destroy` fail by `fail`, before they call back. */
function failing(fail) {
  const store = ledger();
  for (const name of ['set', 'destroy']) {
    const { [name]: method } = store;
    store[name] = (...args) => {
      if (!store.fails[name]) return method(...args);
      store.calls.push(name);
      return fail(store.fails[name]);
    };
  }
  return store;
}

/** Stores by kind; each can be told to fail. */
const stores = {
  'a store that answers later': () => ledger(),
  'a store that answers at once': () => ledger({ sync: true }),
  'a store that throws': () => failing((error) => { throw error; }),
  'a store that rejects': () => failing((error) => Promise.reject(error)),
  'a MemoryStore with own methods': () => {
    const store = new session.MemoryStore();
    store.fails = {};
    for (const name of ['set', 'destroy']) {
      store[name] = function (...args) {
        const callback = args.pop();
        if (store.fails[name]) setImmediate(callback, store.fails[name]);
        else session.MemoryStore.prototype[name].call(this, ...args, callback);
      };
    }
    return store;
  },
};

const folder = temporaryFolder('session-commit');
const file = path.join(folder, 'page.txt');
fs.writeFileSync(file, 'x'.repeat(100_000));

/** Ways to begin a response. */
const begin = {
  write: (res) => { res.write('a'); },
  flushHeaders: (res) => { res.flushHeaders(); },
  writeHead: (res) => { res.writeHead(200); },
};

/** Ways to respond, with what the client gets. `isExpress`: it needs Express's methods. */
const ways = {
  'end': { respond: (req, res) => { res.end('whole'); }, body: 'whole' },
  'end with a callback': { respond: (req, res) => new Promise((resolve) => { res.end('whole', 'utf8', resolve); }), body: 'whole' },
  'write with callbacks': { respond: (req, res) => new Promise((resolve) => { res.write('a', () => res.end('b', resolve)); }), body: 'ab' },
  'corked': { respond: (req, res) => { res.cork(); res.write('one '); process.nextTick(() => res.uncork()); res.end('two'); }, body: 'one two' },
  'end without a body': { respond: (req, res) => { res.end(); }, body: '' },
  'writeHead and end': { respond: (req, res) => { res.writeHead(201, 'Made', { 'X-A': 'a', 'Content-Length': 4 }).end('made'); }, body: 'made', status: 201 },
  'writeHead, a message and a list': { respond: (req, res) => { res.writeHead(201, 'Made', ['X-A', 'a', 'X-A', 'b']); res.end('list'); }, body: 'list', status: 201 },
  'writeHead, a list of headers': { respond: (req, res) => { res.writeHead(200, ['X-A', 'a', 'Content-Type', 'text/x']); res.end('list'); }, body: 'list' },
  'write twice': { respond: (req, res) => { res.write('one '); res.write('two '); res.end('three'); }, body: 'one two three' },
  'writes in turns': { respond: async (req, res) => { res.write('one '); await null; res.write(Buffer.from('two')); setImmediate(() => res.end()); }, body: 'one two' },
  'flushHeaders': { respond: (req, res) => { res.setHeader('X-A', 'a'); res.flushHeaders(); setImmediate(() => res.end('later')); }, body: 'later' },
  'pipe': { respond: (req, res) => { Readable.from(['a', 'b', 'c'].map(Buffer.from)).pipe(res); }, body: 'abc' },
  'pipe of a file': { respond: (req, res) => { fs.createReadStream(file).pipe(res); }, body: 'x'.repeat(100_000) },
  'pipeline': { respond: (req, res) => new Promise((resolve) => { pipeline(fs.createReadStream(file), res, () => resolve()); }), body: 'x'.repeat(100_000) },
  'pipeline of zlib': { respond: (req, res) => new Promise((resolve) => { pipeline(fs.createReadStream(file), zlib.createGzip(), zlib.createGunzip(), res, () => resolve()); }), body: 'x'.repeat(100_000) },
  'trailers': { respond: (req, res) => { res.setHeader('Trailer', 'X-T'); res.write('a'); res.addTrailers({ 'X-T': 't' }); res.end('b'); }, body: 'ab' },
  'send': { respond: (req, res) => { res.send('sent'); }, body: 'sent', isExpress: true },
  'json': { respond: (req, res) => { res.status(202).json({ a: 1 }); }, body: '{"a":1}', status: 202, isExpress: true },
  'redirect': { respond: (req, res) => { res.redirect('/'); }, status: 302, isExpress: true },
  'sendFile': { respond: (req, res) => { res.sendFile(file); }, body: 'x'.repeat(100_000), isExpress: true },
  'a Range': { respond: (req, res) => { res.sendFile(file); }, body: 'x'.repeat(10), status: 206, headers: { range: 'bytes=10-19' }, isExpress: true },
  'HEAD': { respond: (req, res) => { res.setHeader('Content-Length', 5); res.end('hello'); }, body: '', method: 'HEAD' },
  '204': { respond: (req, res) => { res.statusCode = 204; res.end(); }, body: '', status: 204 },
  '304': { respond: (req, res) => { res.writeHead(304, { ETag: '"a"' }); res.end(); }, body: '', status: 304 },
  'early hints': { respond: (req, res) => { res.writeEarlyHints?.({ link: '</a.css>; rel=preload; as=style' }); res.end('hinted'); }, body: 'hinted' },
  'end twice': { respond: (req, res) => { res.end('first'); res.end('second'); }, body: 'first' },
};

const changes = {
  save: { change: (req, then) => { req.session.n++; then(); }, method: 'set' },
  destroy: { change: (req, then) => { req.session = null; then(); }, method: 'destroy' },
};

const kindsOf = ({ isExpress }) => (isExpress ? kinds.filter((kind) => kind !== 'http') : kinds);

for (const [storeName, makeStore] of Object.entries(stores)) {
  for (const [name, way] of Object.entries(ways)) {
    const { respond, body, status = 200, method, headers } = way;

    test(`${name}: ${storeName}`, async (t) => {
      for (const kind of kindsOf(way)) {
        for (const { change } of Object.values(changes)) {
          const app = await open(t, { kind, options: { commit, store: makeStore(), unset: 'destroy' } });
          await app.visit(write);
          const answer = await app.visit((req, res) => change(req, () => respond(req, res)), { method, headers });
          assert.equal(answer.status, status);
          if (body !== undefined) assert.equal(answer.body, body);
          assert.deepEqual(app.errors, []);
        }
      }
    });

    for (const [changeName, { change, method: failing }] of Object.entries(changes)) {
      test(`${name}, and ${changeName} fails: ${storeName}`, async (t) => {
        for (const kind of kindsOf(way)) {
          const store = makeStore();
          const app = await open(t, { kind, options: { commit, store, unset: 'destroy', cookie: { maxAge: 60000 } } });
          await app.visit(write);
          store.fails[failing] = new Error('the store has failed');
          store.take?.();
          const answer = await app.visit((req, res) => {
            res.setHeader('Set-Cookie', 'other=1');
            res.setHeader('Access-Control-Allow-Origin', '*');
            change(req, () => respond(req, res));
          }, { method, headers });
          assert.equal(answer.status, 500, 'the error page came in its place');
          assert.equal(answer.body, method === 'HEAD' ? '' : 'the store has failed', 'and nothing of the body before it');
          assert.deepEqual(app.errors.map(String), ['Error: the store has failed'], 'once');
          assert.deepEqual(answer.cookies, ['other=1'], 'without the session\'s cookie');
          assert.equal(answer.headers['access-control-allow-origin'], '*');
          for (const gone of ['etag', 'content-range', 'last-modified']) assert.equal(answer.headers[gone], undefined, gone);
          if (store.take) assert.deepEqual(store.take(), ['get', failing], 'the session is not saved again');
        }
      });
    }
  }
}

/**
 * Starts an app with the option, whose routes are `routes` by path and `/login`.
 * @returns {Promise<{ port: number, jar: Jar, errors: any[], get: Function }>}
 */
async function start(t, { kind = 'Express 5', routes, store = ledger(), layers = [], after = [], ...options }) {
  const errors = [];
  const jar = new Jar();
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, store, ...options });
  const fail = (error, req, res) => {
    errors.push(error);
    res.statusCode = error.status ?? 500;
    res.end(`page: ${error.message}`);
  };
  const all = { '/login': write, ...routes };
  const app = createApp({ kind, layers: [...layers, middleware, ...after], routes: (req, res, next) => all[req.url](req, res, next), fail });
  const { port, server } = await serve(app, t);
  const get = (url, question) => ask(port, url, { jar, ...question });
  await get('/login');
  return { port, server, jar, errors, store, get };
}

for (const kind of kinds) {
  test(`nothing leaves before the store has called back, and all does then (${kind})`, async (t) => {
    const store = slow();
    const chosen = Object.entries(ways).filter(([, way]) => way.body && !way.method && kindsOf(way).includes(kind));
    const routes = Object.fromEntries(chosen.map(([, { respond }], at) => [`/${at}`, (req, res) => {
      req.session.n++;
      respond(req, res);
    }]));
    routes['/other'] = (req, res) => { res.end(); };
    const { get } = await start(t, { kind, store, routes });
    for (const [at, [name, { body, headers }]] of chosen.entries()) {
      store.isOpen = false;
      const held = store.held();
      let hasLeft = false;
      const answer = get(`/${at}`, { headers, onResponse: () => { hasLeft = true; } });
      await held;
      // What had left would be here before the answer to another request.
      await get('/other', { jar: new Jar() });
      assert.equal(hasLeft, false, name);
      store.release();
      assert.equal((await answer).body, body, name);
    }
  });

  test(`a client that follows a redirect at once finds what was saved (${kind})`, async (t) => {
    const store = slow();
    const { get } = await start(t, {
      kind, store,
      routes: {
        // With a length the headers and most of the body would leave at once.
        '/in': (req, res) => {
          req.session.user = 'ada';
          if (res.redirect) return res.redirect('/me');
          res.writeHead(302, { 'Location': '/me', 'Content-Length': 5 }).end('to me');
        },
        '/me': (req, res) => { res.end(String(req.session.user)); },
      },
    });
    const { set } = store;
    store.set = function (...args) { setTimeout(() => set.apply(this, args), 200); };
    let page;
    await get('/in', { onResponse: () => { page = get('/me'); } });
    assert.equal((await page).body, 'ada');
  });

  test(`what a program sees while the response is held is what it sees without the option (${kind})`, async (t) => {
    const told = {};
    for (const each of ['end', 'headers']) {
      const log = [];
      const attempt = (name, call) => {
        try {
          const value = call();
          log.push([name, typeof value === 'object' || value === undefined ? 'fine' : value]);
        } catch (error) {
          log.push([name, error.code, error.name, error.message]);
        }
      };
      const { get } = await start(t, {
        kind, commit: each,
        routes: {
          '/wrong': (req, res) => {
            req.session.n++;
            attempt('a bad status', () => res.writeHead(99));
            attempt('a bad message', () => res.writeHead(200, 'a\nb'));
            res.statusMessage = undefined;
            attempt('a bad header', () => res.writeHead(200, { 'a b': 'c' }));
            attempt('a bad value', () => res.writeHead(200, { a: 'b\nc' }));
            log.push(res.headersSent);
            attempt('writeHead', () => res.writeHead(200, { 'X-A': 'a' }));
            log.push(res.headersSent);
            attempt('setHeader', () => res.setHeader('X-B', 'b'));
            attempt('appendHeader', () => res.appendHeader?.('X-B', 'b'));
            attempt('removeHeader', () => res.removeHeader('X-A'));
            attempt('writeHead again', () => res.writeHead(200));
            attempt('a bad chunk', () => { res.write(5); });
            attempt('null', () => { res.write(null); });
            attempt('getHeader', () => res.getHeader('x-a'));
            res.statusCode = 404;
            res.end('over');
          },
        },
      });
      const { status, body, headers } = await get('/wrong');
      told[each] = { log, status, body, header: headers['x-a'] };
    }
    assert.deepEqual(told.headers, told.end);
  });

  test(`a touch does not hold the response (${kind})`, async (t) => {
    const { get, store } = await start(t, {
      kind, cookie: { maxAge: 60000 },
      routes: { '/read': (req, res) => { res.write(String(req.session.n)); setImmediate(() => res.end()); } },
    });
    let callTouch;
    store.touch = (sid, its, callback) => { callTouch = callback; };
    let answer;
    await new Promise((resolve) => { answer = get('/read', { onResponse: resolve }); });
    while (!callTouch) await new Promise(setImmediate);
    callTouch();
    assert.equal((await answer).body, '1');
  });

  test(`what changes after the headers left is saved at the end (${kind})`, async (t) => {
    const { get, store } = await start(t, {
      kind,
      routes: {
        '/late': (req, res) => {
          req.session.a = 1;
          res.write('one ');
          setTimeout(() => { req.session.b = 2; res.end('two'); }, 20);
        },
        '/early': (req, res) => { req.session.a = 2; res.write('one '); setTimeout(() => res.end('two'), 20); },
        '/read': (req, res) => { res.end(JSON.stringify([req.session.a, req.session.b])); },
      },
    });
    store.take();
    assert.equal((await get('/late')).body, 'one two');
    assert.deepEqual(store.take(), ['get', 'set', 'set']);
    assert.equal((await get('/read')).body, '[1,2]');
    store.take();
    await get('/early');
    assert.deepEqual(store.take(), ['get', 'set'], 'what was saved is neither saved nor touched again');
  });

  test(`a store that never calls back: storeTimeout ends the wait with an error page (${kind})`, async (t) => {
    const { get, store } = await start(t, {
      kind, storeTimeout: 50, routes: { '/write': (req, res) => { req.session.n++; res.writeHead(200); res.write('a'); res.end('b'); } },
    });
    store.set = () => {};
    const { status, body } = await get('/write');
    assert.deepEqual([status, body], [503, 'page: session store did not answer within 50 ms']);
  });

  test(`data that JSON refuses give an error page, however the response began (${kind})`, async (t) => {
    const refuse = (req) => { req.session.self = req.session; };
    const { get } = await start(t, {
      kind, store: new session.MemoryStore(),
      routes: {
        '/end': (req, res) => { refuse(req); res.end('no'); },
        '/write': (req, res) => { refuse(req); res.write('no'); res.write('no'); res.end('no'); },
        '/head': (req, res) => { refuse(req); res.writeHead(200, { 'Content-Length': 2 }); res.end('no'); },
      },
    });
    for (const url of ['/end', '/write', '/head']) {
      const { status, body } = await get(url);
      assert.equal(status, 500, url);
      assert.match(body, /^page: .*circular/, url);
    }
  });
}

test('a session that regenerate has made is stored once, before the first byte, whenever the body begins', async (t) => {
  const store = slow();
  const { get } = await start(t, {
    store,
    routes: {
      '/in': (req, res) => {
        req.session.regenerate(() => {
          req.session.n = 7;
          store.isOpen = false;
          res.writeHead(200);
          setTimeout(() => { store.release(); }, 20);
          setTimeout(() => { res.end('in'); }, 40);
        });
      },
      '/read': (req, res) => { res.end(String(req.session.n)); },
    },
  });
  store.take();
  assert.equal((await get('/in')).body, 'in');
  assert.deepEqual(store.take(), ['get', 'destroy', 'set']);
  assert.equal((await get('/read')).body, '7');
});

test('what is saved after the headers and then changed back is saved again', async (t) => {
  for (const [name, write] of Object.entries(begin)) {
    const { get } = await start(t, {
      store: ledger(),
      routes: {
        '/back': (req, res) => {
          const { n } = req.session;
          write(res);
          req.session.n = 99;
          req.session.save(() => { req.session.n = n; res.end(); });
        },
        '/read': (req, res) => { res.end(String(req.session.n)); },
      },
    });
    await get('/back');
    assert.equal((await get('/read')).body, '1', name);
  }
});

test('the cookie of a response that is held is decided on when the program writes the headers', async (t) => {
  for (const [name, write] of Object.entries(begin)) {
    const { get } = await start(t, {
      store: ledger(), cookie: { maxAge: 60000 }, resave: true,
      routes: {
        '/new': (req, res) => { req.session.n = 1; write(res); req.session = null; res.end(); },
        '/same': (req, res) => { assert.equal(req.session.n, 1); write(res); req.session.n = 2; res.end(); },
        '/read': (req, res) => { res.end(String(req.session.n)); },
      },
    });
    assert.equal((await get('/new', { jar: new Jar() })).cookies.length, 1, name);
    assert.deepEqual((await get('/same')).cookies, [], name);
    assert.equal((await get('/read')).body, '2', name);
  }
});

each('a body longer than commitBuffer is an error page; a single write is not limited', async (t, kind) => {
  const store = slow();
  const big = Buffer.alloc(3 * MiB, 'x');
  const { get, errors } = await start(t, {
    kind,
    store, commitBuffer: MiB,
    routes: {
      '/once': (req, res) => { req.session.n++; res.write(big); setTimeout(() => res.end('!'), 20); },
      '/twice': (req, res) => { req.session.n++; res.write('a'); for (let i = 0; i < 3; i++) res.write(big.subarray(0, MiB / 2)); res.end(); },
      '/whole': (req, res) => { req.session.n++; res.write('a'); for (let i = 0; i < 2; i++) res.write(big.subarray(0, MiB / 2)); res.end(); },
    },
  });
  assert.equal((await get('/once')).body.length, 3 * MiB + 1);
  store.isOpen = false;
  const { status, body } = await get('/twice');
  assert.equal(status, 500);
  assert.match(body, /1048576 bytes \(option commitBuffer\)/);
  assert.equal(errors[0].code, 'ERR_SESSION_COMMIT_BUFFER');
  store.release();
  assert.equal((await get('/whole')).body.length, MiB + 1, 'as many as the limit are not more');
});

each('a long stream is piped to a slow client with a flat memory, and waits for the drain', async (t, kind) => {
  const store = slow();
  let pulled = 0;
  let response;
  const { port, jar } = await start(t, {
    kind, store, commitBuffer: MiB,
    routes: {
      '/pipe': (req, res) => {
        req.session.n++;
        response = res;
        const source = new Readable({ read() { pulled += 65536; this.push(pulled > 16 * MiB ? null : Buffer.alloc(65536, 'x')); } });
        source.pipe(res);
      },
    },
  });
  store.isOpen = false;
  const held = store.held();
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`GET /pipe HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: ${jar.header}\r\n\r\n`);
  await held;
  const pause = () => new Promise((resolve) => { setTimeout(resolve, 5); });
  for (let i = 0; i < 10; i++) await pause();
  assert.ok(pulled <= 4 * 65536, `the source was read on while the response was held: ${pulled}`);
  store.release();
  let length = 0;
  let chunks = 0;
  for await (const chunk of socket) {
    length += chunk.length;
    assert.ok(response.writableLength <= 4 * 65536, `${response.writableLength} bytes wait for a slow client`);
    if (chunks++ < 20) await pause();
  }
  assert.ok(length > 16 * MiB, `${length}`);
});

/** Middleware whose listener adds a header when the headers are written. */
const listen = (name) => (req, res, next) => {
  onHeaders(res, () => res.setHeader(`X-${name}`, '1'));
  next();
};

for (const [where, layersOf] of Object.entries({
  before: (layer) => ({ layers: [listen('Before'), layer], after: [listen('After')] }),
  after: (layer) => ({ layers: [listen('Before')], after: [layer, listen('After')] }),
})) {
  each(`compression ${where} the session, and on-headers before and after`, async (t, kind) => {
    const store = ledger();
    const text = 'compress me '.repeat(20_000);
    const count = (req, res) => { req.session.n++; res.setHeader('Content-Type', 'text/plain'); };
    const { get, errors } = await start(t, {
      kind, store, ...layersOf(compression()),
      routes: {
        '/end': (req, res) => { count(req, res); res.end(text); },
        '/write': (req, res) => { count(req, res); res.write(text); res.write(text); res.flush(); setImmediate(() => res.end()); },
        '/pipe': (req, res) => { count(req, res); Readable.from([text, text]).pipe(res); },
        // As Next.js sends a page.
        '/flushHeaders': (req, res) => {
          count(req, res);
          res.on('drain', () => res.end(text));
          res.flushHeaders();
          const hasRoom = res.write(text);
          res.flush();
          if (hasRoom) res.end(text);
        },
        '/small': (req, res) => { count(req, res); res.setHeader('Content-Length', 5); res.end('small'); },
      },
    });
    for (const encoding of ['gzip', 'identity']) {
      const ask = (url) => get(url, { headers: { 'accept-encoding': encoding }, encoding: 'latin1' });
      store.fails.set = undefined;
      for (const url of ['/end', '/write', '/pipe', '/flushHeaders', '/small']) {
        const { status, headers, body } = await ask(url);
        assert.deepEqual([status, headers['x-before'], headers['x-after']], [200, '1', '1'], url);
        const isEncoded = encoding === 'gzip' && url !== '/small';
        assert.equal(headers['content-encoding'], isEncoded ? 'gzip' : undefined, url);
        if (isEncoded) assert.equal(zlib.gunzipSync(Buffer.from(body, 'latin1')).length, text.length * (url === '/end' ? 1 : 2), url);
      }
      store.fails.set = new Error('failed');
      for (const url of ['/end', '/write', '/pipe', '/flushHeaders', '/small']) {
        const { status, body, headers } = await ask(url);
        assert.deepEqual([status, body, headers['content-encoding'], headers['x-before'], headers['x-after']], [500, 'page: failed', undefined, '1', '1'], `${url} ${encoding}`);
      }
    }
    assert.equal(errors.length, 10);
  });
}

each('listeners of on-headers run when the headers leave, or when the program writes them', async (t, kind) => {
  const store = slow();
  const order = [];
  const change = (req, res) => {
    req.session.n++;
    onHeaders(res, () => { order.push('listener'); });
  };
  const { get, jar } = await start(t, {
    kind, store,
    routes: {
      '/write': (req, res) => { change(req, res); res.write('a'); res.end('b'); },
      '/flushHeaders': (req, res) => { change(req, res); res.flushHeaders(); res.end('ab'); },
      '/end': (req, res) => { change(req, res); res.end('ab'); },
    },
  });
  for (const url of ['/write', '/flushHeaders', '/end']) {
    order.length = 0;
    store.isOpen = false;
    const held = store.held();
    const answer = get(url, { jar });
    await held;
    await new Promise(setImmediate);
    order.push('stored');
    store.release();
    assert.equal((await answer).body, 'ab', url);
    assert.deepEqual(order, url === '/flushHeaders' ? ['listener', 'stored'] : ['stored', 'listener'], url);
  }
});

test('an error page of which a client takes its time goes past compression, too', async (t) => {
  const store = ledger();
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, store });
  store.fails.set = new Error('failed');
  const compress = compression();
  const app = (req, res) => middleware(req, res, (error) => {
    if (error) {
      Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(65536, 'x'))).pipe(res);
      return;
    }
    compress(req, res, () => {
      req.session.n = 1;
      res.setHeader('Content-Type', 'text/plain');
      res.end('old'.repeat(10_000));
    });
  });
  const { port } = await serve(app, t);
  const { body, headers } = await ask(port, '/', { headers: { 'accept-encoding': 'gzip' } });
  assert.deepEqual([body, headers['content-encoding']], ['x'.repeat(64 * 65536), undefined]);
});

each('a method that the program has put on the response is there again when it is held no longer', async (t, kind) => {
  const store = ledger();
  const seen = [];
  const own = (req, res, next) => {
    const { setHeader } = res;
    res.setHeader = function own(name, value) { return setHeader.call(this, name, `${value}!`); };
    next();
  };
  const { get } = await start(t, {
    kind, store, after: [own],
    routes: {
      '/w': (req, res) => {
        req.session.n++;
        const { setHeader } = res;
        const keys = Object.keys(res);
        res.write('a');
        const begun = Date.now();
        const look = () => {
          // The store has answered by then, unless the machine is busy.
          if (res.setHeader !== setHeader && Date.now() - begun < 5000) {
            setTimeout(look, 20);
            return;
          }
          seen.push(res.setHeader === setHeader, keys.filter((key) => !Object.hasOwn(res, key)));
          res.end();
        };
        setTimeout(look, 20);
      },
    },
  });
  await get('/w');
  assert.deepEqual(seen, [true, []]);
});

each('what comes after end changes nothing of the response, and is no uncaught error', async (t, kind) => {
  const codes = [];
  const late = {
    'another status': (res) => { res.statusCode = 404; res.statusMessage = 'Late'; },
    'a write': (res) => { res.write('late', (error) => codes.push(error.code)); res.write('later'); },
    'an end': (res) => { res.end('late', () => codes.push('called')); },
    'a second send': (res) => { assert.throws(() => res.send('late'), { code: 'ERR_HTTP_HEADERS_SENT' }); },
    'a second writeHead': (res) => { assert.throws(() => res.writeHead(404), { code: 'ERR_HTTP_HEADERS_SENT' }); },
  };
  for (const [name, act] of Object.entries(late).slice(0, kind === 'http' ? 3 : undefined)) {
    for (const fails of [false, true]) {
      const store = ledger();
      const app = await open(t, { kind, options: { commit, store } });
      if (fails) store.fails.set = new Error('down');
      const { status, message, body } = await app.visit((req, res) => { req.session.n = 1; res.end('body'); act(res); });
      assert.deepEqual([status, fails || message, body], fails ? [500, true, 'down'] : [200, 'OK', 'body'], name);
    }
  }
  assert.deepEqual(codes, ['ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_WRITE_AFTER_END', 'called', 'called']);
});

each('the callbacks of write and end are called in order, also those of a body that is taken back', async (t, kind) => {
  for (const fails of [false, true]) {
    const store = ledger();
    const app = await open(t, { kind, options: { commit, store } });
    if (fails) store.fails.set = new Error('down');
    const { value } = await app.visit((req, res) => new Promise((resolve) => {
      const order = [];
      res.on('close', () => resolve(order));
      req.session.n = 1;
      res.write('a', () => order.push('first'));
      res.write('62', 'hex', () => order.push('second'));
      res.end('c', 'utf8', () => order.push('end'));
    }));
    assert.deepEqual(value, ['first', 'second', 'end']);
  }
});

each('too long a body, of a program that goes on in the same turn: an error page that takes its time is whole', async (t, kind) => {
  const store = slow();
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, commitBuffer: 10, store });
  const app = createApp({
    kind, layers: [middleware],
    routes: (req, res) => { req.session.n = 1; for (let i = 0; i < 9; i++) res.write('0123456789'); res.end('old'); },
    fail: async (error, req, res) => {
      await new Promise((resolve) => { setTimeout(resolve, 20); });
      res.statusCode = 500;
      res.end(error.code);
    },
  });
  const { port } = await serve(app, t);
  for (store.isOpen of [false, true]) {
    const { status, body } = await ask(port, '/');
    assert.deepEqual([status, body], [500, 'ERR_SESSION_COMMIT_BUFFER']);
  }
});

each('a stream that is piped after a write waits: it does not count towards commitBuffer', async (t, kind) => {
  const { get } = await start(t, {
    kind, commitBuffer: 0,
    routes: { '/pipe': (req, res) => { req.session.n++; res.write('head '); Readable.from([Buffer.alloc(100_000, 'x')]).pipe(res); } },
  });
  const { status, body } = await get('/pipe');
  assert.deepEqual([status, body.length], [200, 100_005]);
});

each('a stream that the program aborts while the response is held', async (t, kind) => {
  const store = slow();
  const abort = new AbortController();
  let closed;
  const { get, errors } = await start(t, {
    kind, store,
    routes: {
      '/go': (req, res) => {
        req.session.n = 7;
        closed = promises.pipeline(fs.createReadStream(file), res, { signal: abort.signal }).catch((error) => error);
      },
      '/read': (req, res) => { res.end(String(req.session.n)); },
    },
  });
  store.isOpen = false;
  const held = store.held();
  const answer = get('/go');
  await held;
  abort.abort();
  await assert.rejects(answer);
  assert.equal((await closed).name, 'AbortError');
  store.release();
  assert.equal((await get('/read')).body, '7');
  assert.deepEqual(errors, []);
});

each('informational responses pass while the response is held', async (t, kind) => {
  const store = slow();
  let hint;
  const { port, jar } = await start(t, {
    kind, store,
    routes: {
      '/hints': (req, res) => {
        req.session.n++;
        res.write('body');
        hint = () => res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' });
        setTimeout(() => res.end(), 20);
      },
    },
  });
  store.isOpen = false;
  const held = store.held();
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`GET /hints HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: ${jar.header}\r\n\r\n`);
  await held;
  hint();
  const [first] = await once(socket, 'data');
  assert.match(String(first), /^HTTP\/1\.1 103 Early Hints\r\nLink: [^\r]+\r\n\r\n$/);
  store.release();
  let rest = '';
  for await (const chunk of socket) rest += chunk;
  assert.match(rest, /^HTTP\/1\.1 200 OK[^]*body/);
});

each('a connection is used again after an error page, and a client of HTTP/1.0 is answered', async (t, kind) => {
  const { port, jar, store } = await start(t, {
    kind,
    routes: {
      '/write': (req, res) => { req.session.n++; res.write('go'); res.end('od'); },
      '/piece': (req, res) => { req.session.n++; res.writeHead(200, { 'Content-Length': 3 }); res.write('piece'.slice(0, 3)); res.end(); },
    },
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set();
  for (const url of ['/write', '/piece', '/write', '/piece']) {
    store.fails.set = store.fails.set ? undefined : new Error('failed');
    const { status } = await ask(port, url, { jar, agent, onResponse: ({ socket }) => sockets.add(socket) });
    assert.equal(status, store.fails.set ? 500 : 200);
  }
  assert.equal(sockets.size, 1);
  for (const [fails, expected] of [[undefined, /^HTTP\/1\.1 200 OK[^]*\r\n\r\ngood$/], [new Error('failed'), /^HTTP\/1\.1 500 [^]*\r\n\r\npage: failed$/]]) {
    store.fails.set = fails;
    assert.match(await raw(port, `GET /write HTTP/1.0\r\nCookie: ${jar.header}\r\n\r\n`), expected);
  }
});

each('nothing of a body with trailers stays, nor the cookie that clearCookie would clear', async (t, kind) => {
  const { port, jar, store, get } = await start(t, {
    kind, clearCookie: true, unset: 'destroy',
    routes: {
      '/trailers': (req, res) => { req.session = null; res.setHeader('Trailer', 'X-T'); res.write('a'); res.addTrailers({ 'X-T': 't' }); res.end('b'); },
    },
  });
  const { header } = jar;
  store.fails.destroy = new Error('failed');
  const text = await raw(port, `GET /trailers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: ${header}\r\n\r\n`);
  assert.match(text, /^HTTP\/1\.1 500 [^]*page: failed/);
  assert.doesNotMatch(text, /X-T|Set-Cookie/i);
  store.fails.destroy = undefined;
  const { status, body, cookies } = await get('/trailers');
  assert.deepEqual([status, body, cookies.length], [200, 'ab', 1]);
  assert.match(cookies[0], /^connect\.sid=;.*1970/);
});

each('a stream that was piped into a failed response writes nothing into the error page', async (t, kind) => {
  const { get, store } = await start(t, {
    kind,
    routes: { '/pipe': (req, res) => { req.session.n++; fs.createReadStream(file).pipe(res); } },
  });
  store.fails.set = new Error('failed');
  assert.equal((await get('/pipe')).body, 'page: failed');
});

test('an error page that is itself a long stream has nothing of a stream that was piped before', async (t) => {
  const store = ledger();
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, store });
  store.fails.set = new Error('failed');
  const app = (req, res) => middleware(req, res, (error) => {
    if (error) {
      Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(65536, 'x'))).pipe(res);
      return;
    }
    req.session.n = 1;
    new Readable({ read() { this.push('old'); } }).pipe(res);
  });
  const { port } = await serve(app, t);
  const { body } = await ask(port, '/');
  assert.equal(body.length, 64 * 65536);
  assert.ok(!body.includes('old'));
});

test('the status that was written is taken back with the rest', async (t) => {
  const store = ledger();
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, store });
  store.fails.set = new Error('failed');
  const app = (req, res) => middleware(req, res, (error) => {
    if (error) {
      res.end(`${res.statusCode} ${res.statusMessage}`);
      return;
    }
    req.session.n = 1;
    res.writeHead(404, 'Odd');
    res.end('not found');
  });
  const { port } = await serve(app, t);
  const { status, body } = await ask(port, '/');
  assert.deepEqual([status, body], [200, '200 undefined']);
});

test('a program that goes on after the error page harms nobody', async (t) => {
  const store = ledger();
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, store });
  store.fails.set = new Error('failed');
  const told = [];
  let goOn;
  const app = (req, res) => middleware(req, res, (error) => {
    if (error) {
      res.end('page');
      goOn();
      return;
    }
    res.on('error', (written) => told.push(written.code));
    goOn = () => { res.write('b'); res.end('c'); };
    req.session.n = 1;
    res.write('a');
  });
  const { port } = await serve(app, t);
  assert.equal((await ask(port, '/')).body, 'page');
  assert.deepEqual(told, []);
});

each('the client goes while its response is held: nothing is thrown, the session is stored', async (t, kind) => {
  const store = slow();
  let closed;
  const isClosed = new Promise((resolve) => { closed = resolve; });
  const { port, jar, get, errors } = await start(t, {
    kind,
    store,
    routes: {
      '/go': (req, res) => { req.session.n = 99; res.on('close', closed); res.write('a'); res.end('b'); },
      '/read': (req, res) => { res.end(String(req.session.n)); },
    },
  });
  store.isOpen = false;
  const held = store.held();
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`GET /go HTTP/1.1\r\nHost: a\r\nCookie: ${jar.header}\r\n\r\n`);
  await held;
  socket.destroy();
  await isClosed;
  store.release();
  assert.equal((await get('/read')).body, '99');
  assert.deepEqual(errors, []);
});

each('the client goes while its response is held: what changes after that is stored, too', async (t, kind) => {
  const store = slow();
  let goOn;
  let toldWrite;
  const { port, jar, get, errors } = await start(t, {
    kind, store,
    routes: {
      '/go': (req, res) => {
        req.session.n = 98;
        toldWrite = new Promise((resolve) => { res.write('a', resolve); });
        goOn = () => { req.session.n = 99; res.end('b'); };
      },
      '/read': (req, res) => { res.end(String(req.session.n)); },
    },
  });
  store.isOpen = false;
  const held = store.held();
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`GET /go HTTP/1.1\r\nHost: a\r\nCookie: ${jar.header}\r\n\r\n`);
  await held;
  socket.destroy();
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  goOn();
  store.release();
  assert.equal((await get('/read')).body, '99');
  assert.equal((await toldWrite).code, 'ERR_STREAM_DESTROYED');
  assert.deepEqual(errors, []);
});

each('server-sent events flow once the session is stored', async (t, kind) => {
  const { port, jar } = await start(t, {
    kind,
    routes: {
      '/events': (req, res) => {
        req.session.n++;
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.write('data: 1\n\n');
        const timer = setInterval(() => res.write('data: 2\n\n'), 10);
        res.on('close', () => clearInterval(timer));
      },
    },
  });
  const request = http.get({ port, host: '127.0.0.1', path: '/events', headers: { cookie: jar.header } });
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.includes('data: 2')) break;
  }
  assert.match(text, /^data: 1\n\ndata: 2/);
});

each('Expect: 100-continue is answered at once', async (t, kind) => {
  const store = slow();
  const { port, jar, server } = await start(t, { kind, store, routes: { '/post': (req, res) => { req.session.n++; req.resume().on('end', () => res.end('taken')); } } });
  server.on('checkContinue', (req, res) => { res.writeContinue(); server.emit('request', req, res); });
  const request = http.request({ port, host: '127.0.0.1', path: '/post', method: 'POST', headers: { 'cookie': jar.header, 'expect': '100-continue', 'content-length': 2 } });
  request.flushHeaders();
  await once(request, 'continue');
  request.end('ab');
  const [response] = await once(request, 'response');
  assert.equal(response.statusCode, 200);
  response.resume();
});

for (const kind of kinds.filter((name) => name !== 'http')) {
  test(`a handler that throws after writeHead: its error page comes when the headers may leave (${kind})`, async (t) => {
    const { get } = await start(t, {
      kind,
      routes: { '/throw': (req, res) => { req.session.n++; res.writeHead(200, { 'X-A': 'a' }); throw new Error('thrown'); } },
    });
    const { status, headers, body } = await get('/throw');
    assert.deepEqual([status, headers['x-a']], [200, 'a'], 'the status that the program has sent');
    assert.match(body, /page: thrown/);
  });

  test(`a handler that throws after writeHead, with Express's own error handler: the connection is lost (${kind})`, async (t) => {
    for (const each of ['end', 'headers']) {
      const layers = [session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit: each, store: ledger() })];
      const routes = (req, res) => { req.session.n = 1; res.writeHead(200); throw Object.assign(new Error('thrown'), { stack: '' }); };
      const app = createApp({ kind, layers, routes, fail: (error, req, res, next) => next(error) });
      app.set('env', 'test');
      const { port } = await serve(app, t);
      await assert.rejects(ask(port, '/'), { code: 'ECONNRESET' }, each);
    }
  });
}

each('pipelined requests and a kept connection get their answers in order', async (t, kind) => {
  const { port, jar } = await start(t, {
    kind,
    routes: { '/a': (req, res) => { req.session.n++; res.end('first'); }, '/b': (req, res) => { req.session.n++; res.write('sec'); res.end('ond'); } },
  });
  const socket = net.connect(port, '127.0.0.1');
  const head = (url, more) => `GET ${url} HTTP/1.1\r\nHost: a\r\nCookie: ${jar.header}\r\n${more}\r\n`;
  socket.write(head('/a', '') + head('/b', '') + head('/a', 'Connection: close\r\n'));
  let text = '';
  for await (const chunk of socket) text += chunk;
  assert.deepEqual(text.match(/first|sec|ond/g), ['first', 'sec', 'ond', 'first']);
});

each('a finish listener reads the session', async (t, kind) => {
  const seen = [];
  const { get } = await start(t, {
    kind,
    routes: { '/f': (req, res) => { req.session.n = 7; res.on('finish', () => seen.push(req.session.n)); res.end(); } },
  });
  await get('/f');
  assert.deepEqual(seen, [7]);
});

test('HTTP/2: held, sent, and an error page', async (t) => {
  const warnings = [];
  const warned = ({ message }) => { warnings.push(message); };
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const store = ledger();
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, store });
  const listener = (req, res) => {
    middleware(req, res, (error) => {
      if (error) {
        res.statusCode = 500;
        res.end(error.message);
        return;
      }
      req.session.n = (req.session.n ?? 0) + 1;
      if (req.url === '/end') return res.end('whole');
      res.writeHead(201, { 'x-a': 'a' });
      const isSent = res.headersSent;
      res.write('in ');
      res.end(`pieces ${isSent}`);
    });
  };
  const { url } = await serve(http2.createServer(listener), t);
  const client = http2.connect(url);
  const visit = async (where) => {
    const stream = client.request({ ':path': where });
    const [headers] = await once(stream, 'response');
    let text = '';
    for await (const chunk of stream) text += chunk;
    return [headers[':status'], text];
  };
  assert.deepEqual(await visit('/end'), [200, 'whole']);
  assert.deepEqual(await visit('/pieces'), [201, 'in pieces true']);
  store.fails.set = new Error('failed');
  assert.deepEqual(await visit('/end'), [500, 'failed']);
  assert.deepEqual(await visit('/pieces'), [500, 'failed']);
  client.destroy();
  await new Promise(setImmediate);
  assert.deepEqual(warnings, [], 'a look at the status message of HTTP/2 is one');
});

test('a request without a response has its session', async () => {
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, commit, store: ledger() });
  const req = { url: '/', headers: {} };
  await new Promise((resolve, reject) => { middleware(req, {}, (error) => (error ? reject(error) : resolve())); });
  assert.equal(typeof req.session.id, 'string');
});

test('wrong values are TypeErrors that name the option', () => {
  const make = (options) => () => session({ secret: 'a', resave: false, saveUninitialized: false, ...options });
  for (const wrong of ['header', true, null, 1]) assert.throws(make({ commit: wrong }), { name: 'TypeError', message: 'commit option must be "end" or "headers"' });
  for (const wrong of [-1, 1.5, '1', NaN, Infinity, null]) {
    assert.throws(make({ commit, commitBuffer: wrong }), { name: 'TypeError', message: 'commitBuffer option must be a number of bytes' });
  }
  assert.throws(make({ commitBuffer: 1 }), { name: 'TypeError', message: 'commitBuffer option needs commit: "headers"' });
  for (const right of [{}, { commit: 'end' }, { commit }, { commit, commitBuffer: 0 }]) make(right)();
});
