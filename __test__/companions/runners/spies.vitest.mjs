import session, { Cookie, MemoryStore, Session } from 'express-session';
import request from 'supertest';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import createApp from './app.js';
import Transcript from './transcript.js';

const transcript = new Transcript('spies.vitest.mjs');

afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => transcript.write());

test('spies on MemoryStore.prototype see every call', async () => {
  const agent = request.agent(createApp(session));
  const visit = async (path) => transcript.answer(await agent.get(path).expect(200));
  await visit('/count');

  const spies = Object.fromEntries(['get', 'set', 'touch', 'destroy'].map((name) => [name, vi.spyOn(MemoryStore.prototype, name)]));
  for (const path of ['/', '/count', '/', '/count', '/save', '/renew', '/count', '/destroy', '/']) await visit(path);
  for (const [name, spy] of Object.entries(spies)) transcript.calls(name, spy);
  expect(spies.get).toHaveBeenCalledTimes(9);
  expect(spies.get.mock.contexts[0]).toBeInstanceOf(MemoryStore);

  vi.restoreAllMocks();
  await visit('/count');
  expect(spies.get).toHaveBeenCalledTimes(9);
});

// Each is enough for the package to ask the store by its methods.
test.each(['get', 'set', 'touch', 'destroy'])('a spy on MemoryStore.prototype.%s alone sees every call', async (method) => {
  const agent = request.agent(createApp(session, { unset: 'destroy' }));
  const spy = vi.spyOn(MemoryStore.prototype, method);

  for (const path of ['/count', '/', '/count', '/save', '/renew', '/count', '/destroy', '/count', '/unset', '/']) {
    transcript.answer(await agent.get(path).expect(200));
  }
  transcript.calls(`${method} alone`, spy);
  expect(spy).toHaveBeenCalled();
});

test('a mocked store answers what the test says', async () => {
  const agent = request.agent(createApp(session));
  transcript.answer(await agent.get('/count').expect(200));

  vi.spyOn(MemoryStore.prototype, 'get')
    .mockImplementationOnce((sid, callback) => callback(new Error('the store is down')))
    .mockImplementation((sid, callback) => callback(null, { cookie: {}, user: 'mocked' }));
  vi.spyOn(MemoryStore.prototype, 'set').mockImplementation((sid, data, callback) => callback(new Error('full')));

  transcript.answer(await agent.get('/').expect(500));
  const { body } = transcript.answer(await agent.get('/').expect(200));
  expect(body.session.user).toBe('mocked');
  transcript.answer(await agent.get('/save').expect(500, '{"message":"full"}'));

  vi.restoreAllMocks();
  transcript.answer(await agent.get('/').expect(200));
});

test('spies on sessions and cookies', async () => {
  const agent = request.agent(createApp(session, { cookie: { maxAge: 60000 } }));
  const touch = vi.spyOn(Session.prototype, 'touch');
  const save = vi.spyOn(Session.prototype, 'save');
  const data = vi.spyOn(Cookie.prototype, 'data', 'get').mockReturnValue({ path: '/mocked' });
  vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2030, 0, 1));

  const { headers } = transcript.answer(await agent.get('/count').expect(200));
  expect(headers['set-cookie'][0]).toMatch(/; Path=\/mocked$/);
  expect(data).toHaveBeenCalled();
  transcript.calls('touch', touch);
  transcript.calls('save', save);
});
