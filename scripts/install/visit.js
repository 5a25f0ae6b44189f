'use strict';

// What a project that has installed the package runs: an app for each store, on the package
// under the name that the project has for it.
const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { createRequire } = require('node:module');

const load = createRequire(path.join(process.cwd(), 'index.js'));

/** Published stores, which take `express-session` in each way there is. */
const stores = {
  MemoryStore: (session) => new session.MemoryStore(),
  memorystore: (session) => new (load('memorystore')(session))({ checkPeriod: 86400000 }),
  'session-file-store': (session, folder) => new (load('session-file-store')(session))({ path: folder, logFn() {} }),
  async 'connect-loki'(session, folder) {
    const store = new (load('connect-loki')(session))({ path: path.join(folder, 'loki.db') });
    await once(store, 'connect');
    return store;
  },
  'lowdb-session-store'(session, folder) {
    const FileSync = load('lowdb/adapters/FileSync');
    const db = load('lowdb')(new FileSync(path.join(folder, 'db.json'), { defaultValue: [] }));
    return new (load('lowdb-session-store')(session))(db);
  },
  // Loads `express-session` itself, whatever that is in the project.
  async 'connect-redis'() {
    const { RedisStore } = load('connect-redis');
    const client = load('redis').createClient({ url: process.env.TEST_REDIS_URL });
    await client.connect();
    return new RedisStore({ client, prefix: `${process.pid}:` });
  },
};

/**
 * @param {Function} session the package
 * @param {Function} express
 * @throws {Error} that names the store, if its app does not do as it should
 */
async function visitAll(session, express) {
  assert.equal(typeof session.MemoryStore.prototype.stats, 'function', 'this is not the package under test');
  for (const [name, create] of Object.entries(stores)) {
    if (name === 'connect-redis' && !process.env.TEST_REDIS_URL) continue;
    const folder = fs.mkdtempSync(path.join(process.cwd(), 'store-'));
    try {
      await visit(session, express, await create(session, folder));
    } catch (error) {
      throw new Error(`with ${name}: ${error.message}`, { cause: error });
    }
  }
}

async function visit(session, express, store) {
  const app = express();
  app.use(session({ secret: 'of the test', resave: false, saveUninitialized: false, store }));
  app.get('/', (req, res) => {
    req.session.views = (req.session.views || 0) + 1;
    res.json(req.session.views);
  });
  app.get('/out', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.json('out')));
  });
  const server = http.createServer(app);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  let cookie = '';
  for (const [place, said] of [['/', 1], ['/', 2], ['/', 3], ['/out', 'out'], ['/', 1]]) {
    const response = await fetch(`http://127.0.0.1:${server.address().port}${place}`, { headers: { cookie } });
    assert.deepEqual([response.status, await response.text()], [200, JSON.stringify(said)]);
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
  }
}

/** Ends the process, which stores with timers and servers would keep alive. */
function end(promise) {
  promise.then(() => { process.stdout.write('ok\n', () => process.exit(0)); }, (error) => {
    process.stderr.write(`${error.stack}\n${error.cause?.stack ?? ''}\n`, () => process.exit(1));
  });
}

module.exports = { visitAll, end };

// An ECMAScript module imports the packages itself, and then asks the above.
if (require.main === module) {
  const [name] = process.argv.slice(2);
  end(visitAll(load(name), load('express')));
}
