'use strict';

// Runs inside a project that has installed the package: `node visit.js NAME STORE`, where
// NAME is what the package is called there. Says "ok", or throws.
const assert = require('node:assert/strict');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { createRequire } = require('node:module');

const [name, store] = process.argv.slice(2);
const load = createRequire(path.join(process.cwd(), 'index.js'));
const session = load(name);
const express = load('express');
const folder = require('node:fs').mkdtempSync(path.join(os.tmpdir(), 'visit-'));

/** Five stores that need no server, and take `express-session` in both ways there are. */
const stores = {
  MemoryStore: () => new session.MemoryStore(),
  memorystore: () => new (load('memorystore')(session))({ checkPeriod: 86400000 }),
  'session-file-store': () => new (load('session-file-store')(session))({ path: folder, logFn() {} }),
  'connect-loki': () => new (load('connect-loki')(session))({ path: path.join(folder, 'loki.db') }),
  'lowdb-session-store'() {
    const FileSync = load('lowdb/adapters/FileSync');
    return new (load('lowdb-session-store')(session))(load('lowdb')(new FileSync(path.join(folder, 'db.json'), { defaultValue: [] })));
  },
  // Loads `express-session` itself; talks to a client that keeps keys in a Map.
  'connect-redis'() {
    const { RedisStore } = load('connect-redis');
    const keys = new Map();
    const client = {
      async get(key) { return keys.get(key) ?? null; },
      async set(key, value) { keys.set(key, value); },
      async expire() { return 1; },
      async del(list) { list.forEach((key) => keys.delete(key)); },
    };
    return new RedisStore({ client });
  },
};

async function main() {
  const app = express();
  app.use(session({ secret: 'of the test', resave: false, saveUninitialized: false, store: stores[store]() }));
  app.get('/', (req, res) => {
    req.session.views = (req.session.views || 0) + 1;
    res.json({ views: req.session.views, isOurs: typeof session.MemoryStore.prototype.stats === 'function' });
  });
  const server = http.createServer(app);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  let cookie = '';
  for (const views of [1, 2, 3]) {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers: { cookie } });
    assert.deepEqual(await response.json(), { views, isOurs: true });
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
  }
  if (process.env.EXPECTS_ALIAS && store === 'connect-redis') {
    // The store's own `express-session` is this package as well.
    const theirs = load('express-session');
    assert.equal(typeof theirs.MemoryStore.prototype.stats, 'function');
    assert.ok(stores[store]() instanceof theirs.Store);
  }
}

main().then(() => {
  process.stdout.write('ok\n', () => { process.exit(0); });
}, (error) => {
  process.stderr.write(`${error.stack}\n`, () => { process.exit(1); });
});
