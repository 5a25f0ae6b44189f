'use strict';

/* global afterAll, afterEach, expect, jest, test */

const session = require('express-session');
const request = require('supertest');
const createApp = require('./app');
const Transcript = require('./transcript');

const { Cookie, MemoryStore, Session } = session;
const METHODS = ['get', 'set', 'touch', 'destroy', 'all', 'clear', 'length'];

const transcript = new Transcript('spies.jest.js');

afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => transcript.write());

/** Goes to each path, one after the other, as one visitor. */
async function visit(app, paths) {
  const agent = request.agent(app);
  for (const path of paths) transcript.answer(await agent.get(path));
}

test('spies on MemoryStore.prototype see every call', async () => {
  const app = createApp(session);
  await visit(app, ['/count', '/count']);

  const spies = METHODS.map((method) => jest.spyOn(MemoryStore.prototype, method));
  await visit(app, ['/', '/count', '/', '/count', '/save', '/renew', '/count', '/destroy', '/']);
  spies.forEach((spy, i) => transcript.calls(METHODS[i], spy));

  expect(MemoryStore.prototype.get).toHaveBeenCalledTimes(7);
  expect(MemoryStore.prototype.set).toHaveBeenCalledWith(
    expect.any(String),
    expect.objectContaining({ views: 1 }),
    expect.any(Function),
  );
  expect(spies[3].mock.contexts.every((store) => store instanceof MemoryStore)).toBe(true);

  jest.restoreAllMocks();
  await visit(app, ['/count', '/count']);
  transcript.tell('calls in all', spies.map(({ mock }) => mock.calls.length));
});

// Each is enough for the package to ask the store by its methods.
test.each(['get', 'set', 'touch', 'destroy'])('a spy on MemoryStore.prototype.%s alone sees every call', async (method) => {
  const app = createApp(session, { unset: 'destroy' });
  const spy = jest.spyOn(MemoryStore.prototype, method);

  await visit(app, ['/count', '/', '/count', '/save', '/renew', '/count', '/destroy', '/count', '/unset', '/']);
  transcript.calls(`${method} alone`, spy);
  expect(spy).toHaveBeenCalled();
});

test('a mocked store answers what the test says', async () => {
  const app = createApp(session);
  const agent = request.agent(app);
  transcript.answer(await agent.get('/count'));

  jest.spyOn(MemoryStore.prototype, 'get')
    .mockImplementationOnce((sid, callback) => callback(new Error('the store is down')))
    .mockImplementationOnce((sid, callback) => callback(null, null))
    .mockImplementationOnce((sid, callback) => callback(Object.assign(new Error('no file'), { code: 'ENOENT' })))
    .mockImplementationOnce(() => { throw new Error('thrown by the store'); })
    .mockImplementation((sid, callback) => callback(null, { cookie: { originalMaxAge: null }, user: 'mocked' }));
  jest.spyOn(MemoryStore.prototype, 'set').mockImplementation((sid, data, callback) => callback(new Error('full')));

  transcript.answer(await agent.get('/').expect(500));
  transcript.answer(await agent.get('/').expect(200));
  transcript.answer(await agent.get('/').expect(200));
  transcript.answer(await agent.get('/').expect(500));
  const { body } = transcript.answer(await agent.get('/').expect(200));
  expect(body.session.user).toBe('mocked');
  transcript.answer(await agent.get('/save').expect(500, '{"message":"full"}'));

  jest.restoreAllMocks();
  transcript.answer(await agent.get('/').expect(200));
});

test('spies on one store, on sessions and on cookies', async () => {
  const store = new MemoryStore();
  const app = createApp(session, { store, cookie: { maxAge: 60000 } });
  const spies = {
    'store.set': jest.spyOn(store, 'set'),
    'store.createSession': jest.spyOn(store, 'createSession'),
    'session.touch': jest.spyOn(Session.prototype, 'touch'),
    'session.save': jest.spyOn(Session.prototype, 'save'),
    'session.destroy': jest.spyOn(Session.prototype, 'destroy'),
    'cookie.data': jest.spyOn(Cookie.prototype, 'data', 'get'),
    'cookie.maxAge': jest.spyOn(Cookie.prototype, 'maxAge', 'set'),
  };
  jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2030, 0, 1));

  await visit(app, ['/count', '/', '/save', '/destroy']);

  // How often the getter is asked is nobody's business; that it is, is.
  const { 'cookie.data': data, 'store.createSession': created, ...others } = spies;
  for (const [name, spy] of Object.entries(others)) transcript.calls(name, spy);
  transcript.tell('sessions created of', created.mock.calls.map(([, data]) => data));
  expect(data).toHaveBeenCalled();

  data.mockReturnValue({ path: '/mocked' });
  const { headers } = transcript.answer(await request(app).get('/count'));
  expect(headers['set-cookie'][0]).toMatch(/; Path=\/mocked$/);
});

test('an automock has the shape of the package', () => {
  const mocked = jest.createMockFromModule('express-session');
  const shape = (object) => METHODS.map((name) => [name, typeof object[name], jest.isMockFunction(object[name])]);

  transcript.tell('automock', [
    ['Store', 'MemoryStore', 'Session', 'Cookie'].map((name) => jest.isMockFunction(mocked[name])),
    shape(new mocked.MemoryStore()),
    mocked({ secret: 'none' }) === undefined,
  ]);
  expect(mocked.MemoryStore).toHaveBeenCalledTimes(1);
});

test('each module registry has a package of its own', async () => {
  jest.resetModules();
  const again = require('express-session');

  expect(again).not.toBe(session);
  expect(new again.MemoryStore()).not.toBeInstanceOf(MemoryStore);
  await visit(createApp(again), ['/count', '/count', '/renew']);
  // A store of the first one.
  await visit(createApp(again, { store: new MemoryStore() }), ['/count', '/count', '/renew']);
});
