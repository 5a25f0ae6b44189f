'use strict';

/** What becomes of `user`, `describe` and `maxSessions` where a program gives them to something else than a store that has them. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const ofPostgres = require('../../postgres');
const ofRedis = require('../../redis');
const { session, isOurs } = require('../subject');

const skip = !isOurs && 'the original knows no users';
const base = { secret: 'x', resave: false, saveUninitialized: false };
const named = /MemoryStore, DiskStore, .*connect-redis .*express-session-rs\/redis.*connect-pg-simple .*express-session-rs\/postgres/;
const user = (data) => data.user;

test('options of a store are refused by session(), which says which stores have them', { skip }, () => {
  for (const options of [{ user }, { describe: () => ({}) }, { maxSessions: 5 }, { store: new session.MemoryStore({ user }), maxSessions: 5 }]) {
    const name = Object.keys(options).at(-1);
    assert.throws(() => session({ ...base, ...options }), (error) => {
      assert.equal(error.name, 'TypeError');
      assert.match(error.message, new RegExp(`^${name} is an option of the store, and not of session\\(\\)`));
      assert.match(error.message, named);
      return true;
    });
  }
});

test('options of other programs that have the same names are ignored, as the original does', () => {
  for (const options of [{ user: 'postgres' }, { user: null, describe: undefined, maxSessions: undefined }, { describe: 'sessions', maxSessions: '5' }]) {
    assert.equal(typeof session({ ...base, ...options }), 'function');
  }
});

test('a wrapper of other stores says which stores have users', { skip }, () => {
  for (const [keepLoggedOut, needed] of [[ofRedis, 'a RedisStore of connect-redis'], [ofPostgres, 'a store of connect-pg-simple']]) {
    assert.throws(() => keepLoggedOut(new session.MemoryStore(), { user }), (error) => {
      assert.equal(error.name, 'TypeError');
      assert.match(error.message, new RegExp(`^keepLoggedOut needs ${needed}`));
      assert.match(error.message, named);
      return true;
    });
    assert.throws(() => keepLoggedOut(new session.MemoryStore()), ({ message }) => !named.test(message));
  }
});
