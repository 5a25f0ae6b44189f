'use strict';

/* global afterAll, afterEach, expect, jest, test */

const session = require('express-session');
const request = require('supertest');
const createApp = require('./app');
const Transcript = require('./transcript');

// Cookies tell the time in seconds.
const SECOND = 1000;
const HOUR = 60 * 60 * SECOND;
const START = Date.UTC(2030, 0, 1);

const transcript = new Transcript('timers.jest.js');

afterEach(() => {
  jest.useRealTimers();
});
afterAll(() => transcript.write());

/** What HTTP runs on, and what tests with a server leave alone. */
const HTTP = ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask'];

const ways = {
  'only the date': { doNotFake: [...HTTP, 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'hrtime', 'performance'] },
  'all but what HTTP needs': { doNotFake: HTTP },
  'everything': {},
};

test.each(Object.entries(ways))('a session expires when a fake clock says so: %s', async (name, options) => {
  jest.useFakeTimers({ now: START, ...options });
  const store = new session.MemoryStore();
  const agent = request.agent(createApp(session, { store, cookie: { maxAge: HOUR } }));
  const count = async () => transcript.answer(await agent.get('/count').expect(200)).body.session.views;

  transcript.tell('way', name);
  expect(await count()).toBe(1);
  jest.advanceTimersByTime(HOUR - SECOND);
  expect(await count()).toBe(2);
  jest.setSystemTime(START + 2 * (HOUR - SECOND));
  expect(await count()).toBe(3);
  transcript.tell('timers', jest.getTimerCount());

  jest.advanceTimersByTime(HOUR - SECOND);
  transcript.answer(await agent.get('/').expect(200));
  jest.advanceTimersByTime(HOUR);
  expect(await count()).toBe(1);

  jest.runOnlyPendingTimers();
  jest.runAllTimers();
  transcript.tell('stored', Object.values(store.sessions).map((text) => JSON.parse(text)));
});

test('a store answers while all timers are fake', async () => {
  jest.useFakeTimers({ now: START });
  const store = new session.MemoryStore();
  const told = [];

  /** Calls a method, and waits for what it says, which comes when the method has returned. */
  const call = (method, ...args) => new Promise((resolve) => {
    store[method](...args, (...answer) => {
      told.push([method, ...answer.map((value) => value ?? String(value))]);
      resolve();
    });
    told.push(`${method} returned`);
  });

  await call('set', 'sid', { cookie: { expires: new Date(START + HOUR) }, n: 1 });
  await call('get', 'sid');
  await call('touch', 'sid', { cookie: { expires: new Date(START + 2 * HOUR) } });
  jest.advanceTimersByTime(HOUR);
  await call('get', 'sid');
  await call('all');
  jest.advanceTimersByTime(HOUR);
  await call('get', 'sid');
  await call('length');
  await call('destroy', 'sid');
  await call('clear');

  transcript.tell('answers', told);
  expect(told).toContainEqual(['get', 'null', { cookie: { expires: '2030-01-01T02:00:00.000Z' }, n: 1 }]);
  expect(told).toContainEqual(['length', 'null', 0]);
});
