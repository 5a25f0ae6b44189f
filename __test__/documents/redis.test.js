'use strict';

// Not in check: it starts Redis.

/** The app of docs/scaling.md on Redis, which ends, comes back and freezes. */
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');

const { blocks } = require('./blocks');
const javascript = require('./javascript');
const { Visitor } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');
const { needs } = require('../../test-kit/installed');
const { freePort } = require('../../test-kit/port');
const { startServer } = require('../../test-kit/program');
const { askRedis, startRedis } = require('../../test-kit/redis');

const { text } = blocks('docs/scaling.md').find(({ mark }) => mark.endsWith('redis.test.js'));
const BUSY = 'Please try again in a moment.';

async function start(t, change = (source) => source) {
  const [folder, port] = [temporaryFolder('redis-block', t), await freePort()];
  const restart = async () => {
    const redis = await startRedis({ folder, port, settings: ['--appendonly', 'yes'] });
    t.after(() => redis.stop('SIGKILL'));
    return redis;
  };
  const redis = await restart();
  const place = temporaryFolder('redis-app', t);
  const own = await freePort();
  const app = await startServer(process.execPath, javascript.ready(change(text), place), {
    port: own, cwd: place, env: { PORT: String(own), REDIS_URL: redis.url, SECRET: 'one', VISITS: undefined },
  });
  t.after(() => app.stop());
  const visitor = new Visitor(own);
  const visit = async () => {
    const { status, body } = await visitor.get('/');
    return [status, body];
  };
  // Redis may need a moment until the app has found it.
  const visitUntil = async (wanted) => {
    for (const end = Date.now() + 20000; ; await pause(100)) {
      const [status, body] = await visit();
      if (status === wanted || Date.now() > end) return [status, body];
    }
  };
  return { app, redis, restart, visit, visitUntil };
}

test('the app answers 503 while Redis is not there or does not answer', { skip: needs('redis-server') }, async (t) => {
  const { app, redis, restart, visit, visitUntil } = await start(t);
  assert.deepEqual(await visitUntil(200), [200, 'Visit number 1']);
  assert.deepEqual(await visit(), [200, 'Visit number 2']);
  assert.match(await askRedis(redis.port, 'KEYS my-app:*'), /my-app:/);

  await redis.stop();
  assert.deepEqual(await visitUntil(503), [503, BUSY]);
  const again = await restart();
  assert.deepEqual(await visitUntil(200), [200, 'Visit number 3']);

  again.signal('SIGSTOP');
  const begin = Date.now();
  assert.deepEqual(await visit(), [503, BUSY]);
  assert.ok(Date.now() - begin >= 1900, `${Date.now() - begin} ms`);
  again.signal('SIGCONT');
  assert.deepEqual(await visitUntil(200), [200, 'Visit number 4']);

  app.signal('SIGTERM');
  assert.equal(await app.ended, 'ended with status 0');
});

test('without the line of the status it would be 500', { skip: needs('redis-server') }, async (t) => {
  const { redis, visitUntil } = await start(t, (source) => source.replace('error.status ?? (client.isReady ? 500 : 503)', '500'));
  await visitUntil(200);
  await redis.stop();
  assert.deepEqual(await visitUntil(500), [500, BUSY]);
});
