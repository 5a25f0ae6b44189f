'use strict';

/**
 * docs/features.md: each of its code blocks runs, and its traps are as it says. The links of all
 * documents lead somewhere, and README.md and docs/README.md are what a newcomer begins with.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { pipeline } = require('node:stream');
const { test } = require('node:test');
const express = require('express');
const onHeaders = require('on-headers');

const { blocks, root } = require('./blocks');
const javascript = require('./javascript');
const linksOf = require('./links');
const { ledger, open, original, write } = require('../compat/app');
const { session } = require('../subject');
const { serve } = require('../../test-kit/app');
const { ask } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');

const place = temporaryFolder('features');

for (const block of blocks('docs/features.md')) {
  test(`line ${block.line}: ${block.mark}`, () => javascript(block, fs.mkdtempSync(path.join(place, 'block-'))));
}

for (const folder of ['', 'docs']) {
  for (const name of fs.readdirSync(path.join(root, folder)).filter((each) => each.endsWith('.md'))) {
    test(`the links of ${name}`, () => assert.deepEqual(linksOf(path.join(folder, name)).broken, []));
  }
}

test('docs/README.md lists every document', () => {
  const listed = linksOf('docs/README.md').all.filter((link) => !link.startsWith('..'));
  const there = fs.readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'README.md');
  assert.deepEqual(listed.sort(), there.sort());
});

test('README.md is short, and in the order of a newcomer', () => {
  const text = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  assert.ok(text.split(/\s+/).length <= 2500);
  const picture = text.indexOf('![');
  assert.ok(picture > 0 && picture < text.indexOf('\n## '));
  const headings = Array.from(text.matchAll(/^## (.*)$/gm), ([, heading]) => heading);
  assert.deepEqual(headings, ['Install', 'First example', 'Which store', 'What it adds', 'Options', 'What differs', 'Links']);
  const [, sentence] = /^Stores that were written for `express-session` work: among them (.*)\.$/m.exec(text);
  const named = sentence.split(/, | and /);
  const tried = fs.readFileSync(path.join(root, 'docs', 'stores.md'), 'utf8');
  assert.deepEqual(named.filter((name) => !tried.includes(`| ${name}`)), []);
  assert.equal(named.length, 12);
});

test('README.md says which options take any value', async (t) => {
  const text = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  const [, names] = /^A wrong option throws a `TypeError` at `session\(\)`\. But (.*) take any value, and a key that cannot sign is an error at the first cookie /m.exec(text);
  const loose = names.match(/\w+/g).filter((name) => name !== 'and');
  const [, tables] = text.split(/^## (?:Options|What differs)$/m);
  const options = Array.from(tables.matchAll(/^\| (`[^|]+`) \|/gm), ([, cell]) => cell.match(/\w+/g)).flat().filter((name) => name !== 'secret');
  assert.ok(options.length > 20);
  const given = { secret: 'one', resave: false, saveUninitialized: false };
  // Nor is it a name.
  const isTaken = (name) => {
    try {
      session({ ...given, [name]: 'no name' });
      return true;
    } catch (error) {
      assert.equal(error.name, 'TypeError', name);
      return false;
    }
  };
  assert.deepEqual(options.filter(isTaken).sort(), loose.sort());

  assert.throws(() => session({ ...given, secret: [] }), TypeError);
  const app = await open(t, { options: { ...given, secret: 5 } });
  await app.visit((req, res) => res.end());
  assert.deepEqual(app.errors, []);
  await app.visit(write);
  assert.deepEqual(app.errors.map(({ name }) => name), ['TypeError']);
});

const down = new Error('down');
const commit = 'headers';

/** An app whose visitor has a session, and whose store fails in one method from then on. */
async function failing(t, method, { module, ...options }) {
  const store = ledger();
  const app = await open(t, { module, options: { store, ...options } });
  await app.visit(write);
  store.fails[method] = down;
  return Object.assign(app, { store });
}

test('commit does not wait for a destroy of which nobody looks at the promise', async (t) => {
  const app = await failing(t, 'destroy', { commit });
  const { status } = await app.visit((req, res) => { req.session.destroy(); res.end(); });
  assert.deepEqual([status, app.errors], [200, []]);
  const waiting = await app.visit((req, res, next) => req.session.destroy().then(() => res.end(), next));
  assert.equal(waiting.status, 500);
});

test('clearCookie: null loses the cookie of a session that stays, unless with commit: headers', async (t) => {
  for (const [each, cleared] of [['end', 1], ['headers', 0]]) {
    const app = await failing(t, 'destroy', { commit: each, unset: 'destroy', clearCookie: true });
    const { cookies } = await app.visit((req, res) => { req.session = null; res.end(); });
    assert.equal(cookies.length, cleared, each);
  }
});

test('a store that fails: pipe leaves its source open, pipeline closes it', async (t) => {
  const app = await failing(t, 'set', { commit });
  const send = (how) => app.visit((req, res) => {
    req.session.n++;
    const source = fs.createReadStream(__filename);
    t.after(() => source.destroy());
    how(source, res);
    return source;
  });
  const piped = await send((source, res) => source.pipe(res));
  let closed;
  // How soon it is told is up to the version of Node.js.
  const told = await new Promise((tell, reject) => {
    closed = send((source, res) => pipeline(source, res, (error) => { tell([error.code, res.headersSent]); }));
    closed.catch(reject);
  });
  const { body, value } = await closed;
  assert.deepEqual([piped.body, body], ['down', 'down']);
  assert.deepEqual([piped.value.destroyed, value.destroyed], [false, true]);
  assert.deepEqual(told, ['ERR_STREAM_PREMATURE_CLOSE', true]);
});

test('the session of a body that is longer than commitBuffer is stored', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store, commit, commitBuffer: 10 } });
  const { status } = await app.visit((req, res) => {
    req.session.n = 7;
    for (let i = 0; i < 3; i++) res.write('ten bytes.');
    res.end();
  });
  assert.equal(status, 500);
  assert.deepEqual(app.errors.map(({ code }) => code), ['ERR_SESSION_COMMIT_BUFFER']);
  assert.deepEqual([...store.data.values()].map((text) => JSON.parse(text).n), [7]);
});

test('a Location stays in the error page', async (t) => {
  const app = await failing(t, 'set', { commit });
  const { status, headers } = await app.visit((req, res) => { req.session.n++; res.writeHead(302, { Location: '/' }).end(); });
  assert.deepEqual([status, headers.location], [500, '/']);
});

test('the error goes to the router of the middleware, and beyond an error page that was sent', async (t) => {
  const store = ledger();
  const app = express();
  const router = express.Router();
  app.use(session({ secret: 'x', resave: false, saveUninitialized: false, store, commit }));
  router.get('/save', (req, res) => { req.session.n = 1; res.end(); });
  router.get('/throw', () => { throw new Error('thrown'); });
  router.use((error, req, res, next) => (error.message === 'thrown' ? next(error) : res.end('inner')));
  app.use(router);
  app.use((error, req, res, _next) => {
    req.session.n = 1;
    res.status(500).end(`outer: ${error.message}`);
  });
  app.use((error, req, res, _next) => { res.status(500).end(`last: ${error.message}`); });
  const { port } = await serve(app, t);
  store.fails.set = down;
  assert.equal((await ask(port, '/save')).body, 'outer: down');
  assert.equal((await ask(port, '/throw')).body, 'last: down');
});

test('what a listener of on-headers changes is not saved, as with the original', async (t) => {
  for (const [module, options] of [[original, {}], [session, {}], [session, { commit }]]) {
    const app = await open(t, {
      module, options: { store: ledger(), ...options },
      use: [(req, res, next) => { onHeaders(res, () => { if (req.url === '/late') req.session.late = true; }); next(); }],
    });
    await app.visit(write);
    await app.visit(write, { path: '/late' });
    const { body } = await app.visit((req, res) => { res.end(Object.keys(req.session).join()); });
    assert.equal(body, 'cookie,n');
  }
});

test('commit: resave holds each response, rolling alone none', async (t) => {
  for (const [options, calls] of [[{ resave: true }, ['get', 'set']], [{ rolling: true }, ['get']]]) {
    const store = ledger();
    const app = await open(t, { options: { store, commit, cookie: { maxAge: 60000 }, ...options } });
    await app.visit(write);
    store.take();
    let atHeaders;
    await app.visit((req, res) => { res.write('a'); atHeaders = store.take(); setImmediate(() => res.end()); });
    assert.deepEqual(atHeaders, calls);
  }
});

test('a value that was planted before is kept with keep: true, and not with a list', async (t) => {
  for (const [keep, planted] of [[['cart'], undefined], [true, 'evil']]) {
    const app = await open(t, { options: { store: ledger() } });
    await app.visit((req, res) => { Object.assign(req.session, { cart: 1, planted: 'evil' }); res.end(); });
    const { value } = await app.visit(async (req, res) => {
      await req.session.regenerate({ keep });
      res.end();
      return [req.session.cart, req.session.planted];
    });
    assert.deepEqual(value, [1, planted]);
  }
});

test('a save that fails, and at which nobody looks, is not tried again, as with the original', async (t) => {
  for (const [module, options] of [[original, {}], [session, {}], [session, { commit }]]) {
    const app = await failing(t, 'set', { module, ...options });
    app.store.take();
    const { status } = await app.visit((req, res) => { req.session.n++; req.session.save(); res.end(); });
    assert.deepEqual([status, app.errors, app.store.take()], [200, [], ['get', 'set', 'touch']]);
  }
});
