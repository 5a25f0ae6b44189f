'use strict';

/**
 * A server that counts and lists in a session, for processes of their own. It sends its port to its
 * parent. FILE is the file of a DiskStore; with REDIS, the URL of a Redis, the sessions are there.
 * MERGE says whether the option is on, and NUMBER which of the processes this is.
 */
const { setTimeout: wait } = require('node:timers/promises');
const { createApp, serve } = require('../../../test-kit/app');
const session = require('../../..');

const { FILE, REDIS, MERGE, NUMBER } = process.env;

async function createStore() {
  if (!REDIS) return new session.DiskStore({ path: FILE });
  const { createClient } = require('redis');
  const { RedisStore } = require('connect-redis');
  const client = createClient({ url: REDIS });
  // It connects again by itself.
  client.on('error', () => {});
  await client.connect();
  return require('../../../redis')(new RedisStore({ client }));
}

/** Counters are added, lists appended. */
function merge(key, base, mine, theirs) {
  return typeof mine === 'number' ? theirs + mine - base : [...theirs, ...mine.slice(base.length)];
}

const routes = {
  'GET /start': (req, res) => {
    req.session.all = 0;
    for (const number of [0, 1, 2, 3]) Object.assign(req.session, { [`count ${number}`]: 0, [`list ${number}`]: [] });
    res.end('started');
  },
  'GET /do': async (req, res) => {
    if (req.session.all === undefined) {
      res.statusCode = 410;
      res.end();
      return;
    }
    // As long as a request to another service takes.
    await wait(1);
    req.session.all += 1;
    req.session[`count ${NUMBER}`] += 1;
    req.session[`list ${NUMBER}`].push(req.headers['x-item']);
    res.end('done');
  },
  'GET /see': (req, res) => { res.end(JSON.stringify(req.session)); },
};

async function start() {
  const middleware = session({
    // The answer of a request whose session was not stored says so.
    secret: 'keyboard', resave: false, saveUninitialized: false, store: await createStore(), merge: MERGE === '1' && merge, commit: 'headers',
  });
  const { port } = await serve(createApp({ kind: 'http', layers: [middleware], routes }));
  process.send({ port, pid: process.pid });
}

process.on('message', (message) => { if (message === 'stop') process.exit(0); });
start();
