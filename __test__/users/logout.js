'use strict';

/** All devices of a user are logged out while 200 requests of them are under way. */

const assert = require('node:assert/strict');
const { session } = require('../subject');
const { Visit } = require('./random/visits');

const DEVICES = 20;
const REQUESTS = 200;
const HOUR = 3_600_000;

const outcome = (promise) => promise.then(() => undefined, (error) => error.code ?? error.message);

/** What requests do to their session before they end. Each gives the code of an error, if any. */
const WAYS = {
  'nothing': async () => undefined,
  'look': async ({ req }) => { void req.session.user; },
  'change': async ({ req }) => { req.session.n = 1; },
  'save': async ({ req }) => {
    req.session.n = 1;
    return outcome(req.session.save());
  },
  'save twice': async ({ req }) => {
    const first = await outcome(req.session.save());
    req.session.n = 2;
    return first ?? outcome(req.session.save());
  },
  'keep': ({ req }) => outcome(req.session.regenerate({ keep: true })),
  'reload': ({ req }) => outcome(req.session.reload()),
};

/**
 * @param {object} store with `user`
 * @param {() => Promise<Map<string, object>>} records what the store has
 * @param {object} [options] of `session()`
 */
async function checkLogout(store, records, options = {}) {
  const app = session({ secret: 'x', resave: false, saveUninitialized: false, store, ...options });
  const logIn = async (name) => {
    const visit = new Visit(app, undefined, 'POST');
    await visit.begin();
    visit.req.session.user = name;
    await visit.end();
    return visit.cookie();
  };
  const cookies = await Promise.all(Array.from({ length: DEVICES }, () => logIn('ann')));
  const other = await logIn('bob');
  const { sessionStore } = await begun(app, other);
  assert.equal((await sessionStore.sessionsOf('ann')).length, DEVICES);

  const ways = Object.keys(WAYS);
  const visits = await Promise.all(Array.from({ length: REQUESTS }, async (_, i) => {
    const visit = new Visit(app, cookies[i % DEVICES], i % 3 === 0 ? 'POST' : 'GET');
    await visit.begin();
    return { visit, way: ways[i % ways.length], isLate: i % 2 === 1 };
  }));
  const finish = async ({ visit, way }) => {
    const error = await WAYS[way](visit);
    await visit.end();
    assert.deepEqual(visit.errors, []);
    return error;
  };
  // A half of them goes on at the same time, a half when it is over.
  const early = visits.filter(({ isLate }) => !isLate).map(finish);
  const ended = await sessionStore.endAll('ann');
  assert.ok(ended >= 1, `${ended}`);
  await Promise.all(early);
  const late = await Promise.all(visits.filter(({ isLate }) => isLate).map(async (each) => [each.way, await finish(each)]));
  for (const [way, error] of late) {
    if (way === 'reload') assert.notEqual(error, undefined);
    else assert.equal(error, ['save', 'save twice', 'keep'].includes(way) ? 'ERR_SESSION_ENDED' : undefined, way);
  }
  const left = await settled(records);
  assert.deepEqual(left.map(({ user }) => user), ['bob'], 'a request has brought a session back');
  assert.deepEqual(await sessionStore.sessionsOf('ann'), []);
  for (const cookie of cookies) assert.equal((await begun(app, cookie)).session.user, undefined);
  assert.equal((await begun(app, other)).session.user, 'bob');
}

/** What is there when what nobody waits for is done: a `keep` that came too late destroys what it has stored. */
async function settled(records) {
  for (let trial = 0; ; trial++) {
    const left = [...(await records()).values()];
    if (left.length === 1 || trial === 100) return left;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

async function begun(app, cookie) {
  const visit = new Visit(app, cookie, 'POST');
  await visit.begin();
  return visit.req;
}

/** The options with which requests go other ways. */
const LOGOUTS = [{}, { merge: true }, { renewAfter: HOUR, idleTimeout: HOUR, resave: true }, { hashIds: true, commit: 'headers', cookie: { maxAge: HOUR } }];

module.exports = { checkLogout, LOGOUTS };
