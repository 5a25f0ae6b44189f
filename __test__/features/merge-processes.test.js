'use strict';

// Not in check: it takes ten seconds.
// In test:long: MERGE_SECONDS=60

/**
 * Four processes serve the requests of a hundred users, of whom each sends one to every process at
 * the same time: it adds to a counter and a list of its process, and to a counter of all. With the
 * option `merge` nothing of that is lost, also while processes or the server of the store are killed;
 * without it, this counts what is lost.
 *
 *   MERGE_SECONDS=n     how long
 *   MERGE_STORE=redis   on a Redis, with connect-redis, instead of a DiskStore
 */

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const { newFile, startApp } = require('../disk/apps');
const { isOurs } = require('../subject');
const { Visitor } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');
const { startRedis } = require('../../test-kit/redis');

const APP = path.join(__dirname, 'merge', 'app.js');
const SECONDS = Number(process.env.MERGE_SECONDS || 5);
const IS_REDIS = process.env.MERGE_STORE === 'redis';
const USERS = 100;
const PROCESSES = 4;
/** Ms between two kills, at most. */
const PAUSE = 1500;

/** One user, who counts what was answered and what was cut off. */
class Counting extends Visitor {
  counts = Array.from({ length: PROCESSES }, () => ({ answered: [], unknown: [] }));

  refused = 0;

  items = 0;

  /** Sends one request to each process at the same time. */
  async act(apps) {
    await Promise.all(apps.map(async ({ port }, number) => {
      const item = `${number}.${++this.items}`;
      const { answered, unknown } = this.counts[number];
      const sent = { headers: { 'cookie': this.jar.header, 'x-item': item } };
      try {
        const { status, body } = await new Visitor(port).get('/do', sent);
        if (status === 200) answered.push(item);
        else if (status === 503 || status === 500) { this.refused++; unknown.push(item); } else throw new Error(`${status} ${body}`);
      } catch (error) {
        if (!/ECONNREFUSED|ECONNRESET|socket hang up|no answer|aborted/.test(error.message)) throw error;
        unknown.push(item);
      }
    }));
  }

  /** What is lost, and what is there that never was. */
  async check({ port }) {
    this.port = port;
    const { body } = await this.get('/see');
    const data = JSON.parse(body);
    let lost = 0;
    let wrong = 0;
    this.counts.forEach(({ answered, unknown }, number) => {
      const list = data[`list ${number}`];
      const has = new Set(list);
      lost += answered.filter((item) => !has.has(item)).length;
      wrong += list.length - has.size + list.filter((item) => !answered.includes(item) && !unknown.includes(item)).length;
      if (data[`count ${number}`] !== list.length) wrong++;
    });
    const all = this.counts.flatMap(({ answered }) => answered).length;
    lost += Math.max(0, all - data.all);
    return { lost, wrong };
  }
}

/** Runs the load, and returns what has become of it. */
async function load(t, { merge, kills, seconds }) {
  const folder = temporaryFolder('merge', t);
  const startStore = (port) => startRedis({ folder, port, settings: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  let redis = IS_REDIS && await startStore();
  if (redis) t.after(() => redis.stop());
  const file = newFile(t);
  const start = (number) => startApp(t, file, { args: [APP], env: { MERGE: merge ? '1' : '', NUMBER: String(number), REDIS: redis ? redis.url : '' } });
  const apps = await Promise.all(Array.from({ length: PROCESSES }, (_, number) => start(number)));
  const users = Array.from({ length: USERS }, () => new Counting(apps[0].port));
  await Promise.all(users.map((user) => user.get('/start')));

  const end = Date.now() + seconds * 1000;
  let killed = 0;
  const kill = async () => {
    while (kills && Date.now() < end - PAUSE) {
      await wait(Math.random() * PAUSE);
      const number = killed++ % PROCESSES;
      if (redis && number % 2 === 0) {
        await redis.stop('SIGKILL');
        redis = await startStore(redis.port);
        continue;
      }
      await apps[number].stop('SIGKILL');
      apps[number] = await start(number);
    }
  };
  await Promise.all([kill(), ...users.map(async (user) => { while (Date.now() < end) await user.act(apps); })]);
  const checks = await Promise.all(users.map((user) => user.check(apps[0])));
  const sum = (list) => list.reduce((total, value) => total + value, 0);
  const counted = users.flatMap(({ counts }) => counts);
  for (const app of apps) await app.stop();
  return {
    answered: sum(counted.map(({ answered }) => answered.length)), unknown: sum(counted.map(({ unknown }) => unknown.length)),
    refused: sum(users.map(({ refused }) => refused)), killed, lost: sum(checks.map(({ lost }) => lost)), wrong: sum(checks.map(({ wrong }) => wrong)),
  };
}

const tell = (name, { answered, unknown, refused, killed, lost }) => {
  console.log(`${name}: ${answered} requests answered, of ${3 * answered} updates ${lost} lost; ${refused} refused, ${unknown - refused} cut off by ${killed} kills`);
};

test(`${PROCESSES} processes, ${USERS} users, ${IS_REDIS ? 'Redis' : 'a DiskStore'}, ${SECONDS} s`, {
  skip: !isOurs && 'the original has no option merge', timeout: 120_000 + SECONDS * 3000,
}, async (t) => {
  const without = await load(t, { merge: false, kills: false, seconds: Math.max(1, SECONDS / 5) });
  tell('without merge', without);
  const calm = await load(t, { merge: true, kills: false, seconds: SECONDS / 2 });
  tell('with merge', calm);
  const killed = await load(t, { merge: true, kills: true, seconds: SECONDS });
  tell('with merge, and kills', killed);
  assert.ok(without.lost > 0, 'without the option, something is lost');
  assert.deepEqual([calm.lost, calm.wrong, killed.lost, killed.wrong], [0, 0, 0, 0]);
  assert.ok(killed.killed > 0 && calm.answered > USERS);
});
