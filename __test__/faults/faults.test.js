'use strict';

// Not in check: it starts nginx and Redis.
// In test:long: FAULTS_SECONDS=120

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');

const allFaults = require('./faults');
const { needs } = require('../../test-kit/installed');
const { run, table } = require('./run');

const SECONDS = Number(process.env.FAULTS_SECONDS || 0);

const skip = needs('nginx', 'redis-server');

const FROZEN = 'Redis is frozen for 5 seconds';
const FULL = 'Redis has no memory left';

/** The app as it is without any thought of faults, and as it fails soonest; and what must then fail. */
const APPS = [
  ['an app that waits for Redis', {}, [FULL]],
  // Less than Redis is frozen for, and far more than it takes to answer.
  ['an app that does not wait', { OFFLINE_QUEUE: 'off', STORE_TIMEOUT: '3000' }, [FROZEN, FULL]],
];

// Both at once: most of the time they wait.
describe('two processes under load, with a Redis that faults happen to', { skip, concurrency: true, timeout: (120 + SECONDS) * 1000 }, () => {
  for (const [app, env, failing] of APPS) {
    it(`serve no wrong session, lose nothing and resume: ${app}`, async (t) => {
      const { ledger, rows } = await run({ env, seconds: SECONDS });

      t.diagnostic(JSON.stringify(ledger.figures));
      for (const line of table(rows).split('\n')) t.diagnostic(line);

      assert.deepEqual(ledger.findings, []);
      assert.deepEqual(ledger.faults, { wrong: 0, lost: 0, revived: 0, hanging: 0, unexcused: 0, stuck: 0 });
      assert.deepEqual(Object.keys(rows), ['no fault', ...Object.keys(allFaults)]);
      for (const { checked } of Object.values(rows)) assert.ok(checked > 0);
      for (const name of failing) assert.ok(rows[name]['status 500'] > 0, name);
    });
  }
});
