'use strict';

// Not in check: it starts Redis.

/**
 * Sessions that node-redis keeps in the process, with its option `clientSideCache`: what it spares,
 * and that nothing is lost, brought back or served for ever. The other process is a client without
 * the option.
 */

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { RedisStore } = require('connect-redis');
const { createClient, createCluster } = require('redis');
const Line = require('./line');
const { open, read, write } = require('../compat/app');
const { blocks } = require('../documents/blocks');
const session = require('../..');
const keepLoggedOut = require('../../redis');
const { needs } = require('../../test-kit/installed');
const Nodes = require('../../test-kit/redis-cluster');
const { startRedis } = require('../../test-kit/redis');

const HOUR = 3_600_000;
const OPTIONS = { touchAfter: HOUR / 4, cookie: { maxAge: HOUR } };

/** What a second process, or a slow machine, may take until it has heard of a change, in ms. */
const PATIENCE = 5000;

const skip = needs('redis-server', 'redis-cli');

/** A client that keeps what it reads, of one Redis or of a cluster. */
async function cached(t, urls, { clientSideCache = { ttl: 0 }, ...options } = {}) {
  const all = { RESP: 3, clientSideCache, ...options };
  return connected(t, urls.length > 1 ? createCluster({ rootNodes: urls.map((url) => ({ url })), ...all }) : createClient({ url: urls[0], ...all }));
}

/** A client as another process has it. */
function other(t, urls) {
  return connected(t, urls.length > 1 ? createCluster({ rootNodes: urls.map((url) => ({ url })) }) : createClient({ url: urls[0] }));
}

async function connected(t, client) {
  // The tests end its connection.
  client.on('error', () => {});
  await client.connect();
  t.after(() => { if (client.isOpen) client.destroy(); });
  return client;
}

const storeOf = (client, options) => keepLoggedOut(new RedisStore({ client }), options);

/** Two processes of an app: one that keeps what it reads, and another, with the cookies of the first. */
async function twoApps(t, { urls, near = urls, client, store, ...options }) {
  const [one, two] = [await cached(t, near, client), await other(t, urls)];
  const apps = await Promise.all([one, two].map((each) => open(t, { options: { ...OPTIONS, store: storeOf(each, store), ...options } })));
  return { near: apps[0], far: apps[1], cache: one.clientSideCache, client: one };
}

/** Asks the near app what it reads until that is as it should be. */
async function comesToRead(app, expected) {
  for (const end = Date.now() + PATIENCE; ; await pause(5)) {
    const { body } = await app.visit(read);
    if (body === expected) return;
    assert.ok(Date.now() < end, `still ${body}`);
  }
}

const far = ({ near, far: app }, handler) => app.visit(handler, { cookie: near.jar.header });
const destroy = async (req, res) => { await req.session.destroy(); res.end(); };

describe('the near cache of node-redis', { skip }, () => {
  const servers = {};
  test.before(async () => {
    const nodes = await Nodes.start();
    const redis = await startRedis();
    Object.assign(servers, { 'one Redis': { urls: [redis.url], redis }, 'a cluster': { urls: nodes.urls, nodes } });
  });
  test.after(() => Promise.all([servers['one Redis']?.redis.stop(), servers['a cluster']?.nodes.stop()]));

  for (const name of ['one Redis', 'a cluster']) {
    test(`a read asks nobody: ${name}`, async (t) => {
      const { near, cache } = await twoApps(t, servers[name]);
      await near.visit(write);
      assert.equal((await near.visit(read)).body, '1');
      const { hitCount, missCount } = cache.stats();
      for (let i = 0; i < 10; i++) assert.equal((await near.visit(read)).body, '1');
      const now = cache.stats();
      assert.deepEqual([now.hitCount - hitCount, now.missCount - missCount], [10, 0]);
    });

    test(`what another process changes or destroys is heard of: ${name}`, async (t) => {
      const apps = await twoApps(t, servers[name]);
      await apps.near.visit(write);
      await apps.near.visit(read);
      assert.equal((await far(apps, write)).body, '2');
      await comesToRead(apps.near, '2');
      await far(apps, destroy);
      await comesToRead(apps.near, 'undefined');
    });

    test(`the process itself reads what it has written: ${name}`, async (t) => {
      const { near } = await twoApps(t, servers[name]);
      for (let n = 1; n <= 50; n++) {
        assert.equal((await near.visit(write)).body, String(n));
        assert.equal((await near.visit(read)).body, String(n));
      }
    });

    test(`sessions end on time: ${name}`, async (t) => {
      for (const options of [{ idleTimeout: 1500, touchAfter: 750 }, { absoluteTimeout: 1500 }]) {
        const { near, cache } = await twoApps(t, { ...servers[name], ...options });
        await near.visit(write);
        const start = Date.now();
        assert.equal((await near.visit(read)).body, '1');
        if (options.absoluteTimeout) while (Date.now() < start + 1000) assert.equal((await near.visit(read)).body, '1');
        // The idle time counts from the last request.
        await pause(1501);
        const { hitCount } = cache.stats();
        assert.equal((await near.visit(read)).body, 'undefined', JSON.stringify(options));
        assert.equal(cache.stats().hitCount, hitCount + 1, 'it was still in the cache');
      }
    });

    test(`a session is gone some time after Redis has ended it: ${name}`, async (t) => {
      const { near } = await twoApps(t, { ...servers[name], touchAfter: 500, cookie: { maxAge: 1000 } });
      await near.visit(write);
      const { header: cookie } = near.jar;
      await near.visit((req, res) => { req.session.touch(false); res.end(); }, { cookie });
      await pause(1000);
      const body = async () => (await near.visit((req, res) => { req.session.touch(false); read(req, res); }, { cookie })).body;
      for (const end = Date.now() + PATIENCE; await body() !== 'undefined'; await pause(5)) assert.ok(Date.now() < end);
    });

    test(`many processes add with merge, and nothing is lost: ${name}`, async (t) => {
      const options = { ...servers[name], merge: (key, base = 0, mine = 0, theirs = 0) => mine + theirs - base };
      const apps = [await twoApps(t, options), await twoApps(t, options)];
      const [{ near }] = apps;
      await near.visit(write);
      const { header: cookie } = near.jar;
      await Promise.all(apps.flatMap(({ near: one, far: two }) => [one, two]).map(async (app) => {
        for (let i = 0; i < 25; i++) assert.equal((await app.visit(write, { cookie })).status, 200);
      }));
      assert.equal((await apps[0].far.visit(read, { cookie })).body, '101');
    });
  }

  test('the block of docs/scaling.md reads from the cache', async (t) => {
    const { text } = blocks('docs/scaling.md').find(({ mark }) => mark.endsWith('near-cache.test.js'));
    const { urls: [url] } = servers['one Redis'];
    const names = { createClient, RedisStore, keepLoggedOut, session, console, process: { env: { REDIS_URL: url, SECRET: 'x' } } };
    const run = new Function(...Object.keys(names), 'app', `return (async () => { ${text}; return client; })();`);
    let middleware;
    const client = await run(...Object.values(names), { use(layer) { middleware = layer; } });
    t.after(() => client.destroy());
    const { visit } = await open(t, { middleware });
    await visit(write);
    await visit(read);
    const { hitCount } = client.clientSideCache.stats();
    assert.equal((await visit(read)).body, '1');
    assert.equal(client.clientSideCache.stats().hitCount, hitCount + 1);
  });

  /** The invalidation is under way: the near app has it when the line is released. */
  async function late(t, options) {
    const { redis, urls } = servers['one Redis'];
    const line = await Line.to(t, redis.port);
    const apps = await twoApps(t, { urls, near: [line.url], ...options });
    await apps.near.visit(write);
    assert.equal((await apps.near.visit(read)).body, '1');
    return { ...apps, line };
  }

  test('a session that was destroyed is served until the invalidation comes, and not brought back', async (t) => {
    const apps = await late(t);
    apps.line.hold();
    await far(apps, destroy);
    assert.equal((await apps.near.visit(read)).body, '1', 'the price');
    const written = apps.near.visit(write);
    await pause(100);
    apps.line.release();
    assert.equal((await written).body, '2');
    assert.equal((await apps.near.visit(read)).body, 'undefined');
    assert.equal((await far(apps, read)).body, 'undefined', 'not brought back');
    assert.deepEqual(apps.near.errors, []);
  });

  test('all devices are logged out: the next request may be served, and brings nothing back', async (t) => {
    const user = (data) => data.user;
    const apps = await late(t, { store: { user } });
    const logIn = (req, res) => { req.session.user = 'ada'; res.end(); };
    await apps.near.visit(logIn);
    assert.equal((await apps.near.visit(read)).body, '1');
    apps.line.hold();
    await far(apps, async (req, res) => { res.end(String(await req.sessionStore.endAll('ada'))); });
    assert.equal((await apps.near.visit(read)).body, '1', 'the price');
    const written = apps.near.visit(write);
    await pause(100);
    apps.line.release();
    await written;
    assert.equal((await apps.near.visit(read)).body, 'undefined');
    await far(apps, async (req, res) => { assert.deepEqual(await req.sessionStore.sessionsOf('ada'), []); res.end(); });
  });

  test('with merge, a request that has read an old copy keeps what others have stored', async (t) => {
    const apps = await late(t, { merge: true });
    apps.line.hold();
    await far(apps, (req, res) => { req.session.theirs = 1; res.end(); });
    const written = apps.near.visit((req, res) => {
      assert.equal(req.session.theirs, undefined, 'it has read an old copy');
      req.session.mine = 1;
      res.end();
    });
    await pause(100);
    apps.line.release();
    await written;
    const { value } = await far(apps, (req, res) => { res.end(); return { ...req.session }; });
    assert.deepEqual([value.n, value.mine, value.theirs], [1, 1, 1]);
  });

  test('a lost connection empties the cache', async (t) => {
    const apps = await late(t);
    apps.line.hold();
    await far(apps, write);
    apps.line.cut();
    apps.line.release();
    await comesToRead(apps.near, '2');
  });

  test('while Redis is gone, no session is served from the cache', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const apps = await twoApps(t, { urls: [redis.url], client: { disableOfflineQueue: true } });
    await apps.near.visit(write);
    assert.equal((await apps.near.visit(read)).body, '1');
    await redis.stop();
    while (apps.client.isReady) await pause(5);
    assert.equal((await apps.near.visit(read)).status, 500);
    const again = await startRedis({ port: redis.port });
    t.after(() => again.stop());
    while (!apps.client.isReady) await pause(20);
    assert.equal((await apps.near.visit(read)).body, 'undefined', 'the new Redis has nothing');
  });

  test('on a line that has gone silent, an old copy is served as long as `ttl`, and no longer', async (t) => {
    const ttl = 1000;
    const apps = await late(t, { client: { clientSideCache: { ttl } }, storeTimeout: 200 });
    await apps.near.visit(write);
    assert.equal((await apps.near.visit(read)).body, '2');
    const start = Date.now();
    apps.line.silence();
    await far(apps, destroy);
    assert.equal((await apps.near.visit(read)).body, '2', 'the price');
    await pause(Math.max(0, start + ttl + 1 - Date.now()));
    await apps.near.visit(read);
    assert.deepEqual(apps.near.errors.map(({ code }) => code), ['ERR_SESSION_STORE_TIMEOUT']);
  });

  test('a silent line is noticed by pingInterval and socketTimeout together', async (t) => {
    const { redis, urls } = servers['one Redis'];
    const line = await Line.to(t, redis.port);
    const apps = await twoApps(t, { urls, near: [line.url], client: { pingInterval: 200, socket: { socketTimeout: 1000, reconnectStrategy: 50 } }, storeTimeout: 200 });
    await apps.near.visit(write);
    await pause(1500);
    assert.equal((await apps.near.visit(read)).body, '1', 'the pings keep the line open');
    line.silence();
    for (const end = Date.now() + PATIENCE; (await apps.near.visit(read)).status === 200; await pause(50)) assert.ok(Date.now() < end);
  });

  test('a master of the cluster is lost: its sessions are not served from the cache', async (t) => {
    const { nodes, urls } = servers['a cluster'];
    const { near, cache } = await twoApps(t, { urls, storeTimeout: 300 });
    await near.visit(write);
    assert.equal((await near.visit(read)).body, '1');
    const sid = decodeURIComponent(near.jar.header).match(/s:([^.]+)/)[1];
    const [master] = [...await nodes.masters()].find(([, keys]) => keys.has(`sess:${sid}`));
    assert.ok(cache.size() > 0);
    await nodes.kill(master);
    assert.equal(cache.size(), 0);
    assert.notEqual((await near.visit(read)).status, 200);
    await nodes.run(master);
    await nodes.whole();
  });
});
