'use strict';

/** Lets browsers of a few users log in and out, use sessions and end them, all at once and without an end. */

const { session } = require('../subject');
const { HOST } = require('../../test-kit/port');
const { Visit } = require('./random/visits');

const USERS = ['ann', 'bob'];
const BROWSERS = 8;

const { kind, ...settings } = JSON.parse(process.argv[2]);
const options = { user: (data) => data.user, maxSessions: 3 };

const makers = {
  disk: ({ file }) => new session.DiskStore({ path: file, ...options }),
  async redis({ port, isCluster }) {
    const { load, stores } = require('../hardening/redis-setups');
    const { createClient, createCluster } = load('redis');
    const url = `redis://${HOST}:${port}`;
    const client = isCluster ? createCluster({ rootNodes: [{ url }] }) : createClient({ url });
    await client.connect();
    return require('../../redis')(stores[10]({ client }), client, options);
  },
  postgres({ port, database }) {
    const { load } = require('../hardening/redis-setups');
    const pool = new (load('pg').Pool)({ host: HOST, port, user: 'postgres', database });
    return require('../../postgres')(new (load('connect-pg-simple')(session))({ pool, pruneSessionInterval: false }), options);
  },
};

const pick = (list) => list[Math.floor(Math.random() * list.length)];

const steps = [
  async ({ req }) => { req.session.user = pick(USERS); },
  async ({ req }) => {
    await req.session.regenerate();
    req.session.user = pick(USERS);
  },
  ({ req }) => req.session.regenerate({ keep: true }),
  async ({ req }) => { req.session.n = Math.random(); },
  async ({ req }) => { delete req.session.user; },
  ({ req }) => req.session.destroy(),
  ({ req }) => req.sessionStore.endAll(pick(USERS), { except: req.session }),
  async ({ req: { sessionStore } }) => {
    const user = pick(USERS);
    await sessionStore.end(user, (await sessionStore.sessionsOf(user))[0]?.handle);
  },
];

async function browse(app) {
  for (let cookie; ;) {
    const visit = new Visit(app, cookie, 'GET');
    await visit.begin();
    // Another browser may have ended it.
    await steps[Math.floor(Math.random() * steps.length)](visit).catch((error) => { if (error.code !== 'ERR_SESSION_ENDED') throw error; });
    await visit.end();
    cookie = visit.cookie() ?? cookie;
    await new Promise(setImmediate);
  }
}

(async () => {
  const store = await makers[kind](settings);
  const app = session({ secret: 'x', resave: false, saveUninitialized: false, store, renewAfter: 40, renewGrace: 30, cookie: { maxAge: 600_000 } });
  process.send('ready');
  await Promise.all(Array.from({ length: BROWSERS }, () => browse(app)));
})();
