'use strict';

// One subject, one scenario, one process. The task is JSON in the first argument.
// When it is set up and warm it says so; for each message it then runs a slice,
// blocks of requests with the middleware and without it in turn, and answers with
// the CPU time of both.

const { HANDLERS } = require('./scenarios');
const { Lane, drive } = require('./lane');
const openFloor = require('./floor');
const { bare, open } = require('./subjects');
const connect = require('./redis-client');
const sample = require('./sample');
const { temporaryFolder } = require('../test-kit/folder');
const { cookieOf } = require('../test-kit/jar');

const BLOCK_MS = 20;
const BARE_BLOCK_MS = 8;

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});

async function main({ subject, scenario, maxAge, warmUp, lanes, users, redis, cookies = 0, residents = 0 }) {
  const client = scenario.redis || subject.store === 'redis' ? await connect(redis, subject.isCached) : undefined;
  const folder = temporaryFolder('bench');
  const opened = subject.name === 'floor' ? openFloor(scenario) : open(subject, { maxAge, redis: client, folder });
  const connections = Array.from({ length: lanes }, () => new Lane());
  const handler = HANDLERS[scenario.handler];

  const clients = await clientsOf(connections, opened, scenario, users);
  for (let left = residents - users; left > 0; left -= users) {
    await logIn(connections, opened, scenario, Math.min(left, users));
  }
  const headers = clients.map(({ cookie }) => headersOf(withOthers(cookie, cookies)));
  let at = 0;
  const nextHeaders = () => headers[at++ % headers.length];

  const apps = {
    with: appOf(opened.middleware, handler),
    bare: appOf(scenario.redis ? storeAlone(opened.store, scenario, clients) : bare, handler),
  };
  const run = async (kind, count) => {
    const before = process.cpuUsage();
    const res = await drive(connections, count, nextHeaders, apps[kind]);
    // Each block pays for its own garbage, not the next one's.
    global.gc({ type: 'minor' });
    const { user, system } = process.cpuUsage(before);
    if (kind === 'with') verify(subject, scenario, maxAge, res);
    // New sessions must not pile up; their removal is nobody's cost.
    if (!scenario.loads) await opened.clear();
    return user + system;
  };

  const rates = await warm(run, warmUp);
  const counts = { with: countFor(BLOCK_MS, rates.with) };
  counts.bare = Math.max(counts.with, countFor(BARE_BLOCK_MS, rates.bare));

  process.on('message', async () => {
    // The process has been asleep: what it needs to wake up is nobody's cost.
    await run('bare', 300);
    const slice = { spent: { with: 0, bare: 0 }, sent: { with: 0, bare: 0 } };
    // What drifts weighs on both alike.
    for (const kind of ['bare', 'with', 'with', 'bare']) {
      slice.spent[kind] += await run(kind, counts[kind]);
      slice.sent[kind] += counts[kind];
    }
    process.send(slice);
  });
  process.on('disconnect', () => process.exit(0));
  process.send('ready');
}

/**
 * Runs both kinds in turn until the subject's has spent `ms` of CPU time.
 *
 * @returns {Promise<{ with: number, bare: number }>} µs per request, at the end
 */
async function warm(run, ms) {
  const rates = {};
  let spent = 0;
  for (let count = 25; spent < ms * 1000; count = Math.min(2000, count * 2)) {
    const used = await run('with', count);
    spent += used;
    rates.with = used / count;
    rates.bare = (await run('bare', count)) / count;
    // A slow subject shall not end with one giant batch.
    if (used > BLOCK_MS * 1000) count /= 2;
  }
  return rates;
}

function countFor(ms, rate) {
  return Math.max(10, Math.round((ms * 1000) / rate));
}

function appOf(middleware, handler) {
  return function app(req, res) {
    middleware(req, res, (error) => {
      if (error) throw error;
      handler(req, res);
    });
  };
}

/** The clients that send the requests, logged in where the scenario loads sessions. */
async function clientsOf(lanes, opened, scenario, users) {
  if (opened.logIn) return opened.logIn(users);
  return scenario.loads ? logIn(lanes, opened, scenario, users) : [{ cookie: '' }];
}

/** Makes sessions through the middleware itself, as many clients would. */
async function logIn(lanes, { middleware }, { bytes, isFlat }, users) {
  let seed = 0;
  const clients = [];
  const app = appOf(middleware, (req, res) => {
    Object.assign(req.session, sample(bytes, seed++, isFlat));
    res.end();
  });
  await drive(lanes, users, () => headersOf(''), app, (res) => {
    const cookie = cookieOf(res.getHeader('set-cookie'));
    clients.push({ cookie, sid: /s%3A([^.]+)/.exec(cookie)?.[1] });
  });
  return clients;
}

/** What the browser sends beside our cookie, which comes last. */
function withOthers(cookie, count) {
  const others = Array.from({ length: count }, (_, at) => `pref_${at}=${(at * 7919).toString(36)}-on`);
  return [...others, cookie].join('; ');
}

function headersOf(cookie) {
  const headers = [
    'Host', 'shop.example.com',
    'Connection', 'keep-alive',
    'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Accept-Language', 'en-GB,en;q=0.5',
    'Accept-Encoding', 'gzip, deflate, br',
  ];
  return cookie ? [...headers, 'Cookie', cookie] : headers;
}

/**
 * The baseline where the store is a remote one: its own calls, with the client's
 * work, on the same request. What a subject costs above this is its own part.
 */
function storeAlone(store, { handler }, clients) {
  const sids = new Map(clients.map(({ cookie, sid }) => [cookie, sid]));
  return function callStore(req, res, next) {
    const sid = sids.get(req.headers.cookie);
    store.get(sid, (error, data) => {
      if (error) throw error;
      if (handler !== 'written') {
        store.touch(sid, data, next);
        return;
      }
      data.user.visits += 1;
      store.set(sid, data, next);
    });
  };
}

/** A subject that skips its work is no subject. */
function verify(subject, { handler, loads }, maxAge, res) {
  if (subject.name === 'bare' || subject.name === 'floor') return;
  const hasCookie = res.hasHeader('set-cookie');
  // A changed session with a lifetime starts a new one, in the browser too.
  const isDue = handler === 'created' || (handler === 'written' && (subject.store === 'none' || Boolean(maxAge)));
  if (hasCookie !== isDue) throw new Error(`${subject.name}: Set-Cookie ${hasCookie ? 'sent' : 'missing'}`);
  const { session } = res.req;
  if (handler === 'written' && !(session.user.visits > 100000)) throw new Error(`${subject.name}: nothing written`);
  if (loads && !session.user) throw new Error(`${subject.name}: the session was not found`);
}
