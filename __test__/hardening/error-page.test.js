'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const compression = require('compression');
const { createApp, serve } = require('../../test-kit/app');
const { ask } = require('../../test-kit/client');
const { kinds, ledger, open, frameworks } = require('../compat/app');
const { session } = require('../subject');
const { flaw } = require('./flaw');

const BODY = 'abandoned '.repeat(20);

/** What describes the body that is abandoned. */
const described = {
  'Content-Length': String(BODY.length),
  'Content-Encoding': 'identity',
  'Content-Range': 'bytes 0-199/400',
  'Content-Type': 'application/abandoned',
  'Content-Disposition': 'attachment; filename="abandoned.txt"',
  'Content-Language': 'la',
  'Content-Location': '/abandoned',
  'Content-Digest': 'sha-256=:YWJhbmRvbmVk:',
  ETag: '"abandoned"',
  'Last-Modified': 'Thu, 01 Jan 1970 00:00:00 GMT',
};

/** What says nothing of it. */
const kept = {
  'Access-Control-Allow-Origin': 'https://example.com',
  'Content-Security-Policy': "default-src 'self'",
  'Strict-Transport-Security': 'max-age=1',
  'Cache-Control': 'no-store',
  Vary: 'Origin',
  'X-Own': 'own',
};

const stores = {
  MemoryStore: () => new session.MemoryStore(),
  'a store': () => ledger(),
  'a synchronous store': () => ledger({ sync: true }),
};

/** Ways in which the session of a response cannot be saved. */
const failures = {
  'data that JSON refuses': { spoil: (req) => { req.session.value = 1n; } },
  'a store that throws': {
    spoil(req) {
      req.session.n = 1;
      req.sessionStore.set = () => { throw new Error('no space'); };
    },
  },
};

/** Ways to send the body, each of which is in vain. */
const ways = {
  'set before': (res) => {
    for (const [name, value] of Object.entries(described)) res.setHeader(name, value);
    res.end(BODY);
  },
  'given to writeHead': (res) => {
    res.writeHead(200, described);
    res.end(BODY);
  },
};

/** The names and values of a response's headers, in lower case. */
function headersOf({ rawHeaders }) {
  const lines = new Map();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    lines.set(name, [...lines.get(name) ?? [], rawHeaders[i + 1]]);
  }
  return lines;
}

function assertClean(answer) {
  const headers = headersOf(answer);
  for (const [name, value] of Object.entries(described)) {
    assert.ok(!headers.get(name.toLowerCase())?.includes(value), `${name} is still there`);
  }
  for (const [name, value] of Object.entries(kept)) assert.deepEqual(headers.get(name.toLowerCase()), [value], name);
}

for (const kind of kinds) {
  for (const [storeName, makeStore] of Object.entries(stores)) {
    for (const [failure, { spoil }] of Object.entries(failures)) {
      for (const [wayName, send] of Object.entries(ways)) {
        // Headers that are written before the store is asked have left.
        if (failure === 'a store that throws' && wayName === 'given to writeHead') continue;
        flaw(`${failure}: the error page has nothing of the abandoned body, ${wayName} (${storeName}, ${kind})`, async (t) => {
          for (const method of ['GET', 'HEAD']) {
            const app = await open(t, { kind, options: { store: makeStore() } });
            const answer = await app.visit((req, res, next) => {
              for (const [name, value] of Object.entries(kept)) res.setHeader(name, value);
              res.setHeader('Set-Cookie', ['a=1', 'b=2']);
              spoil(req);
              try {
                send(res);
              } catch (error) {
                next(error);
              }
            }, { method });
            assert.equal(answer.status, 500);
            assert.match(answer.body, method === 'HEAD' ? /^$/ : /BigInt|no space/);
            assertClean(answer);
            assert.deepEqual(answer.cookies, ['a=1', 'b=2']);
          }
        });
      }
    }
  }
}

for (const kind of kinds.filter((name) => name !== 'http')) {
  for (const [handlerName, handle] of Object.entries({
    'res.send': (error, req, res, _next) => { res.status(500).send(String(error.message)); },
    'Express itself': undefined,
  })) {
    flaw(`after res.send of what cannot be saved, the error page by ${handlerName} is whole (${kind})`, async (t) => {
      const app = frameworks[kind]();
      app.set('env', 'test');
      app.use(session({ secret: 'keyboard', resave: false, saveUninitialized: false }));
      app.use((req, res) => {
        req.session.value = 1n;
        res.set('Last-Modified', described['Last-Modified']);
        res.json({ abandoned: BODY });
      });
      if (handle) app.use(handle);
      const { visit } = await open(t, { middleware: (req, res) => { app(req, res); } });
      const answer = await visit();
      assert.equal(answer.status, 500);
      assert.match(answer.body, /BigInt/);
      assert.match(answer.headers['content-type'], /^text\/html/);
      assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.body)));
      assert.equal(answer.headers['last-modified'], undefined);
    });
  }
}

for (const kind of kinds) {
  for (const [what, leave] of Object.entries({
    'makes the session anew': (session) => new Promise((resolve) => { session.regenerate(resolve); }),
    'destroys the session': (session) => new Promise((resolve) => { session.destroy(resolve); }),
    'takes the value out': (session) => { delete session.value; },
  })) {
    flaw(`the page of a program that catches the error of writeHead and ${what} is whole (${kind})`, async (t) => {
      const app = await open(t, { kind });
      const answer = await app.visit(async (req, res) => {
        const { session: spoilt } = req;
        spoilt.value = 1n;
        for (const [name, value] of Object.entries(described)) res.setHeader(name, value);
        assert.throws(() => res.writeHead(200, { ...kept, 'Content-Length': '2' }), /BigInt/);
        await leave(spoilt);
        res.statusCode = 500;
        res.end('sorry');
      });
      assert.equal(answer.status, 500);
      assert.equal(answer.body, 'sorry');
      assertClean(answer);
    });
  }
}

flaw('the next request on the connection of an error page is answered', async (t) => {
  const app = await open(t, {
    handler(req, res) {
      if (req.url === '/') return res.end('next');
      req.session.value = 1n;
      res.setHeader('Transfer-Encoding', 'chunked');
      res.setHeader('Trailer', 'X-Checksum');
      res.addTrailers({ 'X-Checksum': 'abandoned' });
      res.end(BODY);
    },
  });
  const answers = await app.raw('GET /spoilt HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  assert.match(answers, /^HTTP\/1\.1 500 .*BigInt\r?\n?.*HTTP\/1\.1 200 .*next/s);
  assert.doesNotMatch(answers, /trailer|X-Checksum|abandoned/i);
});

for (const kind of kinds) {
  for (const where of ['before', 'after']) {
    test(`the error page of a response that compression, ${where} the session, has begun to encode is whole (${kind})`, async (t) => {
      for (const store of [ledger(), new session.MemoryStore()]) {
        const layers = [session({ secret: 'keyboard', resave: false, saveUninitialized: false, store, cookie: { maxAge: 60000 } })];
        layers[where === 'before' ? 'unshift' : 'push'](compression());
        const routes = (req, res) => { req.session.value = 1n; res.setHeader('Content-Type', 'text/plain'); res.write(BODY.repeat(100)); res.end(); };
        // Bare http does not catch what `write` throws.
        const caught = (req, res, next) => { try { routes(req, res); } catch (error) { next(error); } };
        const fail = (error, req, res) => { res.statusCode = 500; res.end('page'); };
        const { port } = await serve(createApp({ kind, layers, fail, routes: (req, res, next) => caught(req, res, (error) => (kind === 'http' ? fail(error, req, res) : next(error))) }), t);
        const { status, headers, body } = await ask(port, '/', { headers: { 'accept-encoding': 'gzip' } });
        assert.deepEqual([status, headers['content-encoding'], body], [500, undefined, 'page']);
      }
    });
  }
}

flaw("the session's own cookie goes with the body that it came with", async (t) => {
  const app = await open(t, { use: [(req, res, next) => { res.setHeader('Set-Cookie', 'a=1'); next(); }] });
  const answer = await app.visit((req, res) => {
    req.session.n = 1;
    try {
      res.writeHead(99);
    } catch (error) {
      assert.equal(res.getHeader('Set-Cookie').length, 2);
      req.session.value = 1n;
      res.statusCode = 200;
      res.end(BODY);
      assert.equal(res.getHeader('Set-Cookie').length, 1);
      assert.match(error.message, /99/);
    }
  });
  assert.equal(answer.status, 500);
  assert.deepEqual(answer.cookies, ['a=1']);
});
