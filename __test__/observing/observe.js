'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { clock, open } = require('../compat/app');
const { check, hear } = require('./hear');
const { DATA } = require('./scenarios');

/**
 * Runs a scenario with a store.
 * @param {import('node:test').TestContext} t
 * @param {object} scenario one of scenarios.js
 * @param {object} store
 * @param {object} options of session()
 * @param {object} [more]
 * @param {number} [more.now] what the clock says, in ms since the epoch
 */
async function observe(t, { needs, options: own, run }, store, options, { now = Date.UTC(2030, 0, 1) } = {}) {
  if (needs && !needs(store)) return t.skip('the store cannot do that');
  const time = clock(t, now);
  const told = hear(t);
  const ids = [];
  const genid = { next: randomUUID };
  const makesIds = own?.renewAfter !== undefined;
  const app = await open(t, {
    options: {
      store, ...own, ...options,
      // With a genid, no new session sleeps.
      ...(makesIds && { genid: () => genid.next() }),
    },
  });
  const visit = (handler, question) => app.visit((req, res, next) => {
    ids.push(req.sessionID);
    return handler(req, res, next);
  }, question);
  const expect = (...messages) => { assert.deepEqual(told.take(), messages); };
  await run({ visit, expect, store, time, genid, messages: told.messages });
  expect();
  check(told.messages, [DATA, ...ids.filter(Boolean)]);
}

module.exports = observe;
