'use strict';

const assert = require('node:assert/strict');
const { before, describe, it } = require('node:test');

const allFaults = require('./faults');
const { needs } = require('../scaling/programs');
const { run, table } = require('./run');

const SECONDS = Number(process.env.FAULTS_SECONDS || 0);

const { how, skip } = needs('nginx', 'redis-server');

/** The clients of Redis, as node-redis has them by itself, and as they fail soonest. */
const CLIENTS = [
  ['a client that waits for Redis', {}],
  ['a client that fails while Redis is away', { OFFLINE_QUEUE: 'off' }],
];

// Both at once: most of the time they wait.
describe('two processes under load, with a Redis that faults happen to', { skip, concurrency: true, timeout: (120 + SECONDS) * 1000 }, () => {
  before(() => assert.equal(how, undefined));

  for (const [client, env] of CLIENTS) {
    it(`serves no wrong session, loses nothing and resumes: ${client}`, async (t) => {
      const { ledger, rows } = await run({ env, seconds: SECONDS });

      t.diagnostic(JSON.stringify(ledger.figures));
      for (const line of table(rows).split('\n')) t.diagnostic(line);

      assert.deepEqual(ledger.findings, []);
      assert.deepEqual(ledger.faults, { wrong: 0, lost: 0, revived: 0, hanging: 0, unexcused: 0, stuck: 0 });
      assert.deepEqual(Object.keys(rows), ['no fault', ...Object.keys(allFaults)]);
      for (const { checked } of Object.values(rows)) assert.ok(checked > 0);
      // It was full to the app, too.
      assert.ok(rows['Redis has no memory left']['status 500'] > 0);
    });
  }
});
