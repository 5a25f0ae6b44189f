'use strict';

const { parseArgs } = require('node:util');

const HELP = `npm run bench -- [options]

  (nothing)          CPU per request of every scenario, about 4 minutes
  --http             requests per second over loopback HTTP instead
  --micro            sign, unsign, header parsing, ids and serialising instead
  --growth           cost over session size, cookies and sessions in the store instead
  --store            memory, pauses and cost of the MemoryStores, few and many sessions
  --threads          operations per second on one store that two threads share
  --soak             ten minutes of mixed load on a store whose sessions expire
  --disk             CPU of stores that survive a restart, DiskStore among them
  --features         CPU with each option that only this package has
  --redis            CPU and requests per second on connect-redis, with what spares round trips
  --walk             functions of the package that a request calls, and texts it makes of a session
  --require          ms to load the package, alone and after express, in processes of its own
  --check            CPU and HTTP, compared with the targets; exits 1 if one is missed

  --awake            a load generator that never sleeps (HTTP mode)
  --quick            short: this package and express-session, one short round
  --only TEXT        scenarios and rows whose name contains TEXT
  --rounds N         rounds of every subject
  --also NAME=DIR    one more package folder in the same run, e.g. the last commit's
  --subjects A,B     only these subjects (express-session is always measured)
  --lanes N          requests under way at a time (CPU mode), default 16
  --max-age MS       of the session cookie, default an hour; 0 for none
  --no-redis         without the connect-redis rows
  --no-server        connect-redis on a client that answers at once, without a Redis
  --sessions N       sessions in the store (store and soak mode), default 1000000
  --seconds S        how long the load lasts (soak mode), default 600
  --json FILE        every figure of every round
  --svg FILE         where the chart goes, default bench/chart.svg, growth.svg or soak.svg
  --help             this text
`;

/** In ms. */
const HOUR = 3600000;

/** @returns {object} the options, checked */
function readArguments(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      http: { type: 'boolean', default: false },
      micro: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      store: { type: 'boolean', default: false },
      threads: { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      disk: { type: 'boolean', default: false },
      features: { type: 'boolean', default: false },
      redis: { type: 'boolean', default: false },
      walk: { type: 'boolean', default: false },
      require: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      awake: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      also: { type: 'string', multiple: true, default: [] },
      subjects: { type: 'string' },
      lanes: { type: 'string', default: '16' },
      'max-age': { type: 'string' },
      sessions: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '600' },
      'no-redis': { type: 'boolean', default: false },
      'no-server': { type: 'boolean', default: false },
      json: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const numbers = {
    rounds: number('rounds', values.rounds) || (values.quick ? 1 : 4),
    lanes: number('lanes', values.lanes),
    maxAge: values['max-age'] === '0' ? undefined : number('max-age', values['max-age']) ?? HOUR,
    sessions: number('sessions', values.sessions),
    seconds: number('seconds', values.seconds),
  };
  return { ...values, ...numbers, help: values.help ? HELP : '' };
}

function number(name, text) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`--${name} is no number above 0: ${text}`);
  return value;
}

module.exports = readArguments;
