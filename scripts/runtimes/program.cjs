'use strict';

// What `npm run test:runtimes` runs in Bun and Deno: apps on both versions of Express and on both
// stores of this package, with a visitor who logs in, counts and logs out. Prints one line.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const session = require('../..');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'runtimes-'));

const stores = {
  MemoryStore: () => new session.MemoryStore({ user: ({ user }) => user }),
  DiskStore: () => new session.DiskStore({ path: path.join(folder, 'sessions.db'), user: ({ user }) => user }),
};

function createApp(express, store) {
  const app = express();
  app.use(session({ secret: 'of the test', resave: false, saveUninitialized: false, store, idleTimeout: 60_000, merge: true }));
  app.get('/count', (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1;
    res.send(String(req.session.count));
  });
  app.get('/read', (req, res) => res.json({ count: req.session.count, user: req.session.user }));
  app.get('/login', async (req, res) => {
    await req.session.regenerate({ keep: ['count'] });
    req.session.user = 'ada';
    await req.session.save();
    res.send('Welcome');
  });
  app.get('/logout', async (req, res) => {
    await req.session.destroy();
    res.send('Goodbye');
  });
  app.get('/fails', () => { throw new Error('of the program'); });
  app.use((error, req, res, next) => (res.headersSent ? next(error) : res.status(500).send(error.message)));
  return app;
}

async function visit(express, store) {
  const server = createApp(express, store).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  let cookie;
  const get = async (target) => {
    const response = await fetch(`${url}${target}`, { headers: cookie ? { cookie } : {} });
    const set = response.headers.get('set-cookie');
    if (set) cookie = set.slice(0, set.indexOf(';'));
    return response.text();
  };
  assert.deepEqual([await get('/count'), await get('/count')], ['1', '2']);
  const first = cookie;
  assert.equal(await get('/login'), 'Welcome');
  assert.notEqual(cookie, first);
  assert.equal(await get('/read'), '{"count":2,"user":"ada"}');
  assert.equal((await store.sessionsOf('ada')).length, 1);
  await Promise.all(Array.from({ length: 20 }, () => get('/read')));
  assert.equal(await get('/fails'), 'of the program');
  assert.equal(await get('/count'), '3');
  assert.equal(await get('/logout'), 'Goodbye');
  assert.equal(await get('/read'), '{}');
  assert.equal((await store.sessionsOf('ada')).length, 0);
  await new Promise((resolve) => { server.close(resolve); server.closeAllConnections?.(); });
}

async function main() {
  for (const [name, express] of [['Express 5', require('express')], ['Express 4', require('express4')]]) {
    for (const [store, open] of Object.entries(stores)) {
      const opened = open();
      try {
        await visit(express, opened);
      } catch (error) {
        throw new Error(`${name} on a ${store}: ${error.message}`, { cause: error });
      } finally {
        await opened.close?.();
      }
    }
  }
  console.log('Express 4 and 5 on a MemoryStore and a DiskStore: as in Node.js');
}

main().then(() => { process.exitCode = 0; }, (error) => {
  console.error(error);
  process.exitCode = 1;
}).finally(() => { fs.rmSync(folder, { recursive: true, force: true }); });
