'use strict';

// Not in check: it starts Redis.

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');

const Nodes = require('../../test-kit/redis-cluster');
const Visitor = require('./visitor');
const { needs } = require('../../test-kit/installed');
const { HOST } = require('../../test-kit/port');
const { Program } = require('../../test-kit/program');

const SERVER = path.join(__dirname, '..', '..', 'examples', 'redis', 'server.js');
const DOCUMENTED = path.join(__dirname, 'documented.js');

/** Time between two tries of a visitor that is shown an error, in ms. */
const PAUSE = 50;

/** How many sessions of each process are on each master, at least. */
const EACH = 2;

const skip = needs('redis-server', 'redis-cli');

describe('sessions in a Redis Cluster of six nodes', { skip, timeout: 50000 }, () => {
  let nodes;

  before(async () => {
    nodes = await Nodes.start();
  });
  after(() => nodes?.stop());

  it('are there when a master was lost and its replica has taken over', async (t) => {
    const apps = await startApps(t, nodes, SERVER);
    const crowds = await Promise.all(apps.map((app) => gather(app, nodes)));
    const before = await Promise.all(crowds.map(press));
    const master = await busiest(nodes);

    await nodes.kill(master);
    await Promise.all(crowds.map(recovered));

    const after = await Promise.all(crowds.map(press));

    assert.deepEqual(after, before.map((counts) => counts.map((count) => count + 1)));
    await nodes.run(master);
    await nodes.whole();
  });

  it('are there when a lost master is back as a replica, with a client as documented', async (t) => {
    const apps = await startApps(t, nodes, DOCUMENTED);
    const crowds = await Promise.all(apps.map((app) => gather(app, nodes)));
    const before = await Promise.all(crowds.map(press));
    const master = await busiest(nodes);

    await nodes.kill(master);

    // Asked while the master is gone. What becomes of these is up to node-redis: version 5
    // lets them wait for the lost master, later ones look for the new one after a while.
    const asked = crowds.flat().map((visitor) => visitor.look());

    await nodes.run(master);
    await nodes.whole();
    await Promise.allSettled(asked);
    await Promise.all(crowds.map(recovered));

    const after = await Promise.all(crowds.map(press));

    assert.deepEqual(after, before.map((counts) => counts.map((count) => count + 1)));
  });

  it('are the same for both packages', async (t) => {
    const [ours, original] = await startApps(t, nodes, SERVER);
    const visitor = new Visitor(ours.url);

    await visitor.count();
    await visitor.logIn('grace');
    visitor.goTo(original.url);
    await visitor.count();
    assert.deepEqual(await shown(visitor), { number: 'original', count: 2, user: 'Grace Hopper' });
    visitor.goTo(ours.url);
    await visitor.count();
    assert.deepEqual(await shown(visitor), { number: 'ours', count: 3, user: 'Grace Hopper' });
  });
});

/** The same app on this package and on the original, side by side. */
function startApps(t, nodes, file) {
  return Promise.all(['ours', 'original'].map(async (number) => {
    const app = new Program(process.execPath, [file], {
      env: {
        SECRET: 'the same for both',
        REDIS_URL: '',
        REDIS_CLUSTER: nodes.urls.join(','),
        PORT: '0',
        NUMBER: number,
        ORIGINAL: number === 'original' ? '1' : '',
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });

    t.after(() => app.stop());

    const { port, session } = await app.message();

    assert.equal(session, require.resolve(number === 'ours' ? '../..' : 'express-session'));
    return Object.assign(app, { url: `http://${HOST}:${port}/` });
  }));
}

/** Visitors of that app, until it has sessions on every master. */
async function gather({ url }, nodes) {
  const crowd = [];

  for (;;) {
    const masters = [...(await nodes.masters()).values()];
    const on = (keys) => crowd.filter(({ key }) => keys.has(key)).length;

    if (masters.every((keys) => on(keys) >= EACH)) return crowd;

    const visitor = new Visitor(url);

    await visitor.count();
    crowd.push(visitor);
  }
}

/** The master with the most sessions. */
async function busiest(nodes) {
  const masters = [...await nodes.masters()].sort(([, one], [, other]) => other.size - one.size);

  return masters[0][0];
}

/** Each visitor presses the button. @returns {Promise<number[]>} what it is shown then */
function press(crowd) {
  return Promise.all(crowd.map(async (visitor) => {
    await visitor.count();
    return (await visitor.look()).count;
  }));
}

/** Waits until each visitor is shown its page. Until then it gets an error, and no other page. */
async function recovered(crowd) {
  for (const visitor of crowd) {
    while ((await visitor.request('GET', '/')).status === 500) {
      await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    }
  }
}

async function shown(visitor) {
  const { number, count, user } = await visitor.look();

  return { number, count, user };
}
