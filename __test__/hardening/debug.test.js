'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const signature = require('cookie-signature');
const { child, files } = require('../compat/app');
const { isOurs } = require('../subject');
const { flaw } = require('./flaw');

const SECRET = 'a-secret-that-nobody-may-see';

/**
 * Takes every way through the middleware with DEBUG=*, and tells what must not be in
 * its output: the ids and the cookies that came up.
 */
const program = `
  const http = require('node:http');
  const session = require(process.env.PACKAGE);
  const { serve } = require(process.env.KIT + '/app');
  const kit = require(process.env.KIT + '/client');
  const { Jar } = require(process.env.KIT + '/jar');
  const ids = new Set();
  const cookies = new Set();

  class FileLikeStore extends session.Store {
    data = new Map();
    fails = {};
    // As a store of files says it: the name of the file is the id.
    error(name, sid) { return Object.assign(new Error(name + " '/sessions/" + sid + ".json' " + encodeURIComponent(sid)), this.fails[name]); }
    get(sid, fn) { setImmediate(() => { this.fails.get ? fn(this.error('get', sid)) : fn(null, this.data.has(sid) ? JSON.parse(this.data.get(sid)) : undefined); }); }
    set(sid, data, fn) { this.data.set(sid, JSON.stringify(data)); setImmediate(() => { fn(this.fails.set && this.error('set', sid)); }); }
    destroy(sid, fn) { setImmediate(() => { fn(this.fails.destroy && this.error('destroy', sid)); }); }
    touch(sid, data, fn) { setImmediate(() => { fn(this.fails.touch && this.error('touch', sid)); }); }
  }

  async function visits(store) {
    const middleware = session({ secret: ${JSON.stringify(SECRET)}, resave: false, saveUninitialized: true, unset: 'destroy', store, genid: genid() });
    const server = http.createServer((req, res) => middleware(req, res, (error) => {
      if (req.sessionID) ids.add(req.sessionID);
      if (error) return res.end('error');
      if (req.url === '/write') req.session.n = (req.session.n || 0) + 1;
      if (req.url === '/destroy') req.session = null;
      if (req.url === '/slow') return req.session.destroy(() => { res.end('gone'); });
      if (req.url === '/again') return req.session.regenerate(() => { ids.add(req.sessionID); res.end('another'); });
      res.end('page');
    }));
    const { port } = await serve(server);
    const ask = async (path, cookie) => {
      const jar = new Jar();
      await kit.ask(port, path, { jar, headers: cookie ? { cookie } : {} });
      for (const value of jar.values()) cookies.add(value);
      return jar.header;
    };
    const cookie = await ask('/write');
    for (const path of ['/', '/write', '/again', '/slow']) await ask(path, cookie);
    await ask('/', cookie.replace(/.{6}$/, 'forged'));
    await ask('/', 'connect.sid=not-signed-at-all-but-long');
    cookies.add('not-signed-at-all-but-long');
    for (const method of ['get', 'set', 'touch', 'destroy']) {
      const fresh = await ask('/write');
      store.fails = { [method]: { code: 'EIO' } };
      for (const path of ['/', '/write', '/destroy']) await ask(path, fresh);
      store.fails = {};
      // Answers, and then fails.
      const plain = store[method];
      store[method] = (...args) => new Promise((resolve, reject) => {
        const callback = args.pop();
        plain.call(store, ...args, (...results) => {
          callback(...results);
          reject(new Error('late, of ' + args[0]));
        });
      });
      for (const path of ['/', '/write', '/destroy']) await ask(path, fresh);
      store[method] = plain;
    }
    store.emit('disconnect');
    await ask('/', cookie);
    server.close();
  }

  // Ids of a program's own, one with what percent-encoding changes.
  let n = 0;
  function genid() { return n++ ? () => 'own/id=' + Math.random() + Math.random() : undefined; }

  visits(new session.MemoryStore())
    .then(() => visits(new FileLikeStore()))
    .then(() => visits(new FileLikeStore()))
    .then(() => { console.log(JSON.stringify({ ids: [...ids], cookies: [...cookies] })); });
`;

flaw('DEBUG output shows no session id, no cookie and no secret', async () => {
  const { stdout, stderr, status } = await child(program, { file: files.subject, env: { DEBUG: '*', NO_DEPRECATION: 'express-session' } });
  assert.equal(status, 0, stderr);
  const { ids, cookies } = JSON.parse(stdout);
  assert.ok(ids.length > 10 && cookies.length > 10, stdout);
  const hidden = [SECRET, ...ids, ...ids.map(encodeURIComponent), ...cookies, ...cookies.map(decodeURIComponent)];
  assert.deepEqual(hidden.filter((text) => stderr.includes(text)), []);
  // All of the ways were taken, and told.
  for (const line of ['error Error: get', 'session found', 'no session found', 'signature invalid', 'unsigned', 'touching', 'destroying', 'failed after it had called back: Error: late', 'disconnected']) {
    assert.ok(stderr.includes(line), `no debug line says ${line}`);
  }
});

const cookie = (value) => `connect.sid=${encodeURIComponent(value)}`;
const signed = (sid) => cookie(`s:${signature.sign(sid, SECRET)}`);

/** Cookie headers, what is said of each, and whether a store is asked. */
const reasons = [
  [undefined, 'no session found: no cookie'],
  ['a=1', 'no session found: no cookie'],
  ['connect.sid=', 'no session found: no cookie'],
  [signed(''), 'no session found: no cookie'],
  [cookie('an-id-in-the-clear'), 'no session found: cookie unsigned'],
  [`${signed('known-by-the-store')}x`, 'no session found: cookie forged: signature invalid'],
  [`${signed('known-by-the-store')}x; ${cookie('an-id-in-the-clear')}`, 'no session found: cookie forged: signature invalid'],
  [signed('unknown-to-the-store'), 'no session found: unknown id', true],
  [signed('known-by-the-store'), 'session found', true],
  [`${cookie('an-id-in-the-clear')}; ${signed('known-by-the-store')}`, 'session found', true],
];

test('DEBUG output says in words why there is no session, the same on each way in', { skip: !isOurs }, async () => {
  for (const [way, options, isLater = false] of [
    ['the package\'s own ids', '{ store: new session.MemoryStore() }'],
    ['others', '{ store: new session.MemoryStore(), genid: () => "another-id" }'],
    ['beside cookie-parser', '{ store: new session.MemoryStore(), parsed: true }'],
    ['a store that answers later', '{ store: new (class extends session.MemoryStore { get(sid, fn) { super.get(sid, fn); } })() }', true],
  ]) {
    const { stderr, status } = await child(`
      const session = require(process.env.PACKAGE);
      const { parsed, ...options } = ${options};
      const middleware = session({ secret: ${JSON.stringify(SECRET)}, resave: false, saveUninitialized: false, ...options });
      options.store.set('known-by-the-store', { cookie: { path: '/', httpOnly: true, originalMaxAge: null, expires: null } }, async () => {
        for (const cookie of ${JSON.stringify(reasons.map(([header]) => header ?? ''))}) {
          console.error('--');
          const req = { headers: { cookie }, url: '/', ...(parsed && { cookies: {}, signedCookies: {} }) };
          await new Promise((resolve) => { middleware(req, {}, resolve); });
        }
      });
    `, { file: files.subject, env: { DEBUG: 'express-session' } });
    assert.equal(status, 0, stderr);
    const told = stderr.split('--\n').slice(1).map((text) => text.split('\n').filter(Boolean).map((line) => line.replace(/^.*express-session /, '')));
    const expected = reasons.map(([, said, isAsked]) => (isLater && isAsked ? ['fetching a session', said] : [said]));
    assert.deepEqual(told, expected, way);
    assert.doesNotMatch(stderr, /-id-in-the-clear|-the-store|another-id/);
  }
});

test('DEBUG output says what the end of a response does, the same of each backend', { skip: !isOurs }, async () => {
  for (const [way, methods] of [['resident', ''], ['remote', 'get(sid, fn) { super.get(sid, fn); }']]) {
    const { stderr, status } = await child(`
      const http = require('node:http');
      const session = require(process.env.PACKAGE);
      const { serve } = require(process.env.KIT + '/app');
      const { Visitor } = require(process.env.KIT + '/client');
      const store = new (class extends session.MemoryStore { ${methods} })();
      const middleware = session({ secret: ${JSON.stringify(SECRET)}, resave: false, saveUninitialized: false, unset: 'destroy', store });
      const server = http.createServer((req, res) => middleware(req, res, () => {
        if (req.url === '/write') req.session.n = (req.session.n || 0) + 1;
        if (req.url === '/read') req.session.n;
        if (req.url === '/unset') req.session = null;
        res.end();
      }));
      serve(server).then(async ({ port, close }) => {
        const visitor = new Visitor(port);
        for (const path of ['/write', '/write', '/read', '/unseen', '/unset']) {
          console.error('--');
          await visitor.get(path);
        }
        await close();
      });
    `, { file: files.subject, env: { DEBUG: 'express-session' } });
    assert.equal(status, 0, stderr);
    const told = stderr.split('--\n').slice(1).map((text) => text.match(/saving|touching|destroying/g));
    assert.deepEqual(told, [['saving'], ['saving'], ['touching'], ['touching'], ['destroying']], way);
  }
});
