'use strict';

// What the sessions of users cost on Redis and PostgreSQL: the figures of docs/users.md.
// It starts both servers. node bench/users-servers.js [rows of PostgreSQL=100000]

const { createRequire } = require('node:module');
const path = require('node:path');
const session = require('..');
const sqlOf = require('../bin/sql');
const ofPostgres = require('../postgres');
const ofRedis = require('../redis');
const startPostgres = require('../stores/backends/postgres');
const { install } = require('../stores/install');
const { temporaryFolder } = require('../test-kit/folder');
const { HOST } = require('../test-kit/port');
const { startRedis } = require('../test-kit/redis');

const load = createRequire(path.join(__dirname, '..', 'stores', 'package.json'));
const rows = Number(process.argv[2] ?? 100_000);

/** Calls of which the median is told, or the mean where a server counts. */
const ROUNDS = 500;

const user = (data) => data.user;
const dataOf = (name) => ({ cookie: new session.Cookie({ maxAge: 864e5 }), user: name, text: 'x'.repeat(200) });
const show = (what, figure, unit) => console.log(`${what.padEnd(64)} ${figure.toFixed(1).padStart(10)} ${unit}`);
const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, value) => { if (error) reject(error); else resolve(value); });
});

/** The median µs of a call. */
async function median(call, rounds = ROUNDS) {
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    await call(round);
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  return times.sort((a, b) => a - b)[rounds >> 1];
}

/** The mean µs of Node.js's processor time for a call, of many at once. */
async function processor(call, rounds = ROUNDS * 10) {
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => call(round + i)));
  const { user: used, system } = process.cpuUsage(before);
  return (used + system) / rounds;
}

async function redis() {
  const server = await startRedis();
  const client = await load('redis').createClient({ url: server.url }).connect();
  const { RedisStore } = load('connect-redis');
  const make = (options) => ofRedis(new RedisStore({ client }), options);
  /** The mean µs that the server itself takes for a command during the calls. */
  const inside = async (command, calls) => {
    await client.sendCommand(['CONFIG', 'RESETSTAT']);
    await calls();
    return Number(new RegExp(`cmdstat_${command}:.*?usec_per_call=([\\d.]+)`).exec(await client.info('commandstats'))[1]);
  };
  const logins = (store, name) => async () => { for (let i = 0; i < ROUNDS; i++) await ask(store, 'set', `login-${i}`, dataOf(name)); };

  show('Redis: a login without the option, inside the server', await inside('set', logins(make(), 'ada')), 'us');
  for (const [options, count] of [[{}, 1], [{}, 5], [{}, 1000], [{}, 20_000], [{ maxSessions: 5 }, 5]]) {
    await client.flushAll();
    const store = make({ user, ...options });
    for (let i = 0; i < count; i++) await ask(store, 'set', `sid-${i}`, dataOf('ada'));
    // The first call finds the script, and with a large set it reads all of it.
    await ask(store, 'set', 'first', dataOf('ada'));
    const what = `a login of a user with ${count}${options.maxSessions ? ', maxSessions: 5' : ''}`;
    show(`Redis: ${what}, inside the server`, await inside('evalsha', logins(store, 'ada')), 'us');
  }
  for (const count of [5, 1000]) {
    await client.flushAll();
    const store = make({ user });
    for (let i = 0; i < count; i++) await ask(store, 'set', `sid-${i}`, dataOf('ada'));
    await store.sessionsOf('ada');
    show(`Redis: sessionsOf of ${count}, inside the server`, await inside('evalsha', async () => { for (let i = 0; i < 20; i++) await store.sessionsOf('ada'); }), 'us');
  }
  for (const [name, store] of [['without the option', make()], ['with it', make({ user })]]) {
    const set = (i) => ask(store, 'set', `sid-${i % 1000}`, dataOf(`user-${i % 1000}`));
    await processor(set);
    show(`Redis: set, processor of Node.js, ${name}`, await processor(set), 'us');
  }
  await client.close();
  await server.stop();
}

async function postgres() {
  const server = await startPostgres(temporaryFolder('users-bench'));
  const { database } = await server.fresh();
  const pool = new (load('pg').Pool)({ host: HOST, port: server.port, user: 'postgres', database, max: 1 });
  // It tells of a connection that the server ends.
  pool.on('error', () => {});
  const PGStore = load('connect-pg-simple')(session);
  const make = (options) => ofPostgres(new PGStore({ pool, pruneSessionInterval: false }), options);
  await pool.query('CREATE TABLE session (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL)');
  const now = Date.now();
  const sample = JSON.stringify({ ...dataOf('NAME'), _meta: { created: now, renewed: now, seen: now, user: 'NAME', version: 1 } });
  await pool.query(`INSERT INTO session SELECT 'row-' || i, replace($1, 'NAME', 'user-' || i / 5)::json, now() + interval '1 day' FROM generate_series(0, ${rows - 1}) AS i`, [sample]);
  const store = make({ user });
  const name = `user-${Math.floor(rows / 10)}`;
  const listed = async () => { if ((await store.sessionsOf(name)).length !== 5) throw new Error('not five'); };
  const login = (of) => (i) => ask(of, 'set', `login-${i}-${Math.random()}`, dataOf(`new-${i}`));

  await pool.query('ANALYZE session');
  show(`PostgreSQL: sessionsOf, 5 of ${rows}, without the index`, await median(listed, 11), 'us');
  show('PostgreSQL: a login without the option', await median(login(make())), 'us');
  await pool.query(sqlOf({}));
  await pool.query('ANALYZE session');
  show(`PostgreSQL: sessionsOf, 5 of ${rows}, with the index`, await median(listed), 'us');
  show('PostgreSQL: a login with it', await median(login(store)), 'us');
  show('PostgreSQL: a login with maxSessions: 5', await median(login(make({ user, maxSessions: 5 }))), 'us');
  await pool.end();
  await server.stop();
}

(async () => {
  install('', () => {});
  await redis();
  await postgres();
})();
