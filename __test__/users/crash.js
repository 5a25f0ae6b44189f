'use strict';

/** A process that uses a store is killed between any two steps. */

const assert = require('node:assert/strict');
const path = require('node:path');
const { setTimeout: wait } = require('node:timers/promises');
const { handleOf } = require('../../session/store/users');
const { Program } = require('../../test-kit/program');

/**
 * @param {object} settings of crashing.js
 * @param {number} rounds
 * @param {() => Promise<{ store: object, records: () => Promise<Map<string, object>>, close?: () => Promise<void> }>} open
 *   opens the store again
 */
async function checkCrash(settings, rounds, open) {
  let seen = 0;
  // A busy machine may kill a few programs before they have stored anything.
  for (let round = 0; round < rounds || (seen === 0 && round < 10 * rounds); round++) {
    const program = new Program(process.execPath, [path.join(__dirname, 'crashing.js'), JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'], endedBy: 'SIGKILL',
    });
    await program.message();
    await wait(50 + Math.random() * 150);
    const ended = await program.stop('SIGKILL');
    assert.equal(program.stderr, '', `${ended}`);
    const { store, records, close } = await open();
    // A server may still do what it was told last.
    await wait(settings.kind === 'disk' ? 0 : 50);
    const found = await records();
    for (const user of ['ann', 'bob']) {
      const theirs = [...found].filter(([, { _meta: meta }]) => meta.user === user).map(([key]) => handleOf(key));
      const listed = (await store.sessionsOf(user)).map(({ handle }) => handle);
      assert.deepEqual(listed.sort(), theirs.sort(), `${user} after round ${round}`);
      seen += listed.length;
    }
    await close?.();
  }
  assert.ok(seen > 0, 'nobody was logged in');
}

module.exports = checkCrash;
