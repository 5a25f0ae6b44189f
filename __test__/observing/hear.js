'use strict';

/** What the tests of the channels share: a subscriber of all of them. */

const assert = require('node:assert/strict');
const { channel } = require('node:diagnostics_channel');

const NAMES = ['create', 'load', 'save', 'touch', 'destroy', 'regenerate', 'renew', 'expire', 'conflict', 'error'];

/** What messages may have beside the store and the request. */
const OTHERS = ['durationMs', 'bytes', 'outcome', 'error'];

/**
 * Subscribes to channels until a test ends.
 * @param {import('node:test').TestContext} t
 * @param {string[]} [names] of the channels
 * @returns {{ messages: object[], take: () => string[] }} `messages` has each one since the beginning, with the
 *   name of its channel; `take` gives those since it was called last, as `name outcome`
 */
function hear(t, names = NAMES) {
  const messages = [];
  let taken = 0;
  for (const name of names) {
    const on = channel(`express-session:${name}`);
    const heard = (message) => { messages.push({ name, ...message }); };
    on.subscribe(heard);
    t.after(() => on.unsubscribe(heard));
  }
  return {
    messages,
    take() {
      const news = messages.slice(taken);
      taken = messages.length;
      return news.map(({ name, outcome }) => `${name} ${outcome}`);
    },
  };
}

/**
 * Checks what holds for every message.
 * @param {object[]} messages as `hear` gives them
 * @param {string[]} secrets sids, cookies and data, which none of them has
 */
function check(messages, secrets) {
  for (const { name, store, req, ...others } of messages) {
    const told = JSON.stringify(others);
    assert.ok(store && req, `${name} has the store and the request`);
    assert.equal(req.sessionStore, store);
    assert.deepEqual(Object.keys(others).filter((key) => !OTHERS.includes(key)), [], told);
    assert.equal(typeof others.outcome, 'string');
    if (name === 'conflict') assert.equal(others.durationMs, undefined);
    else assert.ok(others.durationMs >= 0, told);
    const isStored = ['saved', 'created'].includes(others.outcome);
    assert.equal(isStored, others.bytes > 0, told);
    assert.equal(others.error !== undefined, name === 'error' || others.outcome === 'error' || (name === 'expire' && others.error !== undefined));
    if (others.error) {
      assert.deepEqual(Object.keys(others.error).filter((key) => !['name', 'message', 'code'].includes(key)), []);
      assert.ok(others.error.name && others.error.message);
    }
    for (const secret of secrets) assert.ok(!told.includes(secret) && !told.includes(encodeURIComponent(secret)), `${name} has ${secret}: ${told}`);
  }
}

module.exports = { NAMES, check, hear };
