'use strict';

// Not in check: it starts nginx and Redis.

/** Whether the faults test would find a fault: defects are planted in the app, one at a time. */
const assert = require('node:assert/strict');
const { describe, it } = require('node:test');

const Crowd = require('./crowd');
const Ledger = require('./ledger');
const Stage = require('./stage');
const plants = require('./plants');
const { needs } = require('../../test-kit/installed');
const { run } = require('./run');

/** With an answer, in ms: one of the defects is that there is none. */
const PATIENCE = 1500;

/**
 * How long the site may take to resume, in ms: one of them is that it does not. More
 * than node-redis waits for before it connects again.
 */
const RESUME = 4000;

/** How long the crowd looks for a defect, in requests. */
const ENOUGH = 20000;

/** What is found of each, and for some during which fault. */
const FINDINGS = {
  anotherSession: ['wrong'],
  sharedCookie: ['wrong'],
  droppedSave: ['lost'],
  staleRead: ['lost'],
  lostSession: ['lost'],
  silence: ['hanging'],
  unfinished: ['hanging'],
  keptSession: ['revived'],
  needlessError: ['unexcused'],
  noReconnect: ['stuck', 'Redis is killed and starts again'],
  lateSave: ['lost', 'Redis has no memory left'],
};

const skip = needs('nginx', 'redis-server');

describe('the ledger of the faults test', { skip, concurrency: 3, timeout: 180000 }, () => {
  it('is tried with every planted defect', () => {
    assert.deepEqual(Object.keys(FINDINGS).sort(), Object.keys(plants).sort());
  });

  for (const [plant, [kind, fault]] of Object.entries(FINDINGS)) {
    it(`finds ${plant} to be ${kind}${fault ? `, when ${fault}` : ''}`, async () => {
      const ledger = fault ? await suffer(plant, fault) : await watch(plant, kind);

      assert.ok(ledger[kind] > 0, JSON.stringify(ledger.figures));
    });
  }
});

async function suffer(plant, fault) {
  const { ledger } = await run({ env: { PLANT: plant }, names: [fault], resume: RESUME });

  return ledger;
}

/** Load without a fault, until it is found. */
async function watch(plant, kind) {
  const stage = await Stage.start({ PLANT: plant });
  const ledger = new Ledger();
  const crowd = new Crowd(stage.url, ledger, { patience: PATIENCE });

  try {
    crowd.go();
    while (ledger[kind] === 0 && ledger.sent < ENOUGH) await Crowd.pause(10);
    return ledger;
  } finally {
    await crowd.stop();
    await stage.stop();
  }
}
