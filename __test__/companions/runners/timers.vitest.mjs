import session, { MemoryStore } from 'express-session';
import request from 'supertest';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import createApp from './app.js';
import Transcript from './transcript.js';

// Cookies tell the time in seconds.
const SECOND = 1000;
const HOUR = 60 * 60 * SECOND;
const START = Date.UTC(2030, 0, 1);

const transcript = new Transcript('timers.vitest.mjs');

afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => transcript.write());

test.each([
  // As Vitest has it by itself: all but nextTick and queueMicrotask.
  ['all', {}],
  ['what HTTP does not need', { toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }],
  ['only the date', { toFake: ['Date'] }],
])('a session expires when a fake clock says so: %s', async (name, options) => {
  vi.useFakeTimers({ now: START, ...options });
  const store = new MemoryStore();
  const agent = request.agent(createApp(session, { store, cookie: { maxAge: HOUR } }));
  const count = async () => transcript.answer(await agent.get('/count').expect(200)).body.session.views;

  transcript.tell('way', name);
  expect(await count()).toBe(1);
  vi.advanceTimersByTime(HOUR - SECOND);
  expect(await count()).toBe(2);
  vi.setSystemTime(START + 2 * (HOUR - SECOND));
  expect(await count()).toBe(3);
  transcript.tell('timers', vi.getTimerCount());
  vi.setSystemTime(START + 4 * HOUR);
  expect(await count()).toBe(1);

  vi.runAllTimers();
  transcript.tell('stored', Object.values(store.sessions).map((text) => JSON.parse(text)));
});
