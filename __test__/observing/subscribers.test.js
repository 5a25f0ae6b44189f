'use strict';

/** Who hears what, what that costs those who hear nothing, and what a subscriber can break. */

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { channel, Channel } = require('node:diagnostics_channel');
const { performance } = require('node:perf_hooks');
const { describe, test } = require('node:test');
const { child, files, ledger, open, read, write } = require('../compat/app');
const { stores } = require('../features/stores');
const REQUEST_SESSION = require('../../session/request/key');
const { session } = require('../subject');
const { NAMES, hear } = require('./hear');

const subscribed = (t, name, heard) => {
  const on = channel(`express-session:${name}`);
  on.subscribe(heard);
  t.after(() => on.unsubscribe(heard));
};

/** All that a visitor does to a session. */
const handlers = [
  write,
  read,
  (req, res) => res.end(),
  async (req, res) => { await req.session.save(); await req.session.reload(); res.end(); },
  async (req, res) => { await req.session.regenerate(); res.end(); },
  async (req, res) => { await req.session.regenerate({ keep: true }); write(req, res); },
  (req, res) => { req.session = null; res.end(); },
];

describe('without a subscriber nothing is told, made or measured', () => {
  for (const [name, make] of Object.entries(stores)) {
    test(name, async (t) => {
      const store = make();
      if (store.close) t.after(() => store.close());
      const app = await open(t, { options: { store, unset: 'destroy' } });
      const mocks = [t.mock.method(Channel.prototype, 'publish'), t.mock.method(performance, 'now'), t.mock.method(Buffer, 'byteLength')];
      const kept = [];
      // Node.js calls these functions, too.
      const ours = () => mocks.map(({ mock }) => mock.calls.filter(({ stack }) => stack.stack.includes('diagnostics.js')).length);
      const walk = async () => {
        for (const handler of handlers) {
          await app.visit((req, res) => {
            kept.push(req[REQUEST_SESSION].diagnostics);
            return handler(req, res);
          });
        }
      };
      await walk();
      assert.deepEqual(ours(), [0, 0, 0]);
      assert.deepEqual([...new Set(kept)], [undefined]);
      // The mocks see it where there is a subscriber.
      hear(t);
      await walk();
      const [publish, now, byteLength] = ours();
      assert.ok(now > 0 && byteLength > 0, `${[publish, now, byteLength]}`);
      assert.equal(kept.slice(handlers.length).includes(undefined), false);
    });
  }
});

test('each channel alone, without the others', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store } });
  for (const name of ['create', 'load', 'save', 'touch', 'destroy', 'regenerate', 'error']) {
    app.jar.clear();
    await t.test(name, async (one) => {
      const told = hear(one, [name]);
      await app.visit(write);
      await app.visit(read);
      await app.visit(write);
      await app.visit(async (req, res) => { await req.session.regenerate(); res.end(); });
      await app.visit(async (req, res) => { await req.session.destroy(); res.end(); });
      store.fails.get = new Error('down');
      await app.visit(read);
      store.fails.get = undefined;
      const expected = {
        create: ['create created', 'create created'],
        load: ['load found', 'load found', 'load found', 'load found', 'load error'],
        save: ['save saved', 'save saved', 'save saved'],
        touch: ['touch touched'],
        destroy: ['destroy destroyed'],
        regenerate: ['regenerate regenerated'],
        error: ['error load'],
      };
      assert.deepEqual(told.take(), expected[name]);
    });
  }
});

test('each channel by itself is asked', async (t) => {
  const app = await open(t, { options: { store: ledger() } });
  for (const name of NAMES) {
    const heard = () => {};
    channel(`express-session:${name}`).subscribe(heard);
    const { value } = await app.visit((req, res) => { res.end(); return req[REQUEST_SESSION].diagnostics !== undefined; });
    channel(`express-session:${name}`).unsubscribe(heard);
    assert.equal(value, true, name);
  }
});

test('a request that has begun before the subscriber came tells nothing', async (t) => {
  const app = await open(t, { options: { store: ledger() } });
  const told = [];
  await app.visit((req, res) => {
    subscribed(t, 'save', (message) => told.push(message));
    write(req, res);
  });
  assert.equal(told.length, 0);
  await app.visit(write);
  assert.equal(told.length, 1);
});

test('a message comes before the response has ended, in the context of its request', async (t) => {
  for (const make of Object.values(stores)) {
    const contexts = new AsyncLocalStorage();
    const store = make();
    if (store.close) t.after(() => store.close());
    const app = await open(t, { options: { store }, use: [(req, res, next) => contexts.run(req, next)] });
    const heard = [];
    for (const name of NAMES) subscribed(t, name, ({ req, store: told }) => heard.push([name, contexts.getStore() === req, told === store]));
    await app.visit(write);
    assert.deepEqual(heard, [['create', true, true], ['save', true, true]]);
    await app.visit(read);
    assert.deepEqual(heard.slice(2), [['load', true, true], ['touch', true, true]]);
  }
});

test('the length is that of what the store gets', async (t) => {
  for (const data of [{}, { n: 1 }, { text: 'ä€😀', list: [1, { a: null }], date: new Date(0), none: undefined }]) {
    for (const make of [stores['another store'], stores.MemoryStore, stores['a DiskStore']]) {
      const store = make();
      if (store.close) t.after(() => store.close());
      const app = await open(t, { options: { store, saveUninitialized: true } });
      const told = hear(t, ['save', 'create']);
      await app.visit((req, res) => { Object.assign(req.session, data); res.end(); });
      const all = store.data ? Object.fromEntries(store.data) : store.sessions ?? Object.fromEntries(Object.entries(await store.all()).map(([sid, each]) => [sid, JSON.stringify(each)]));
      const [text] = Object.values(all);
      assert.deepEqual(told.messages.map(({ bytes }) => bytes), Array(2).fill(Buffer.byteLength(text)));
    }
  }
});

test('a subscriber that throws breaks no request: the error is uncaught, as Node.js decides', async () => {
  const program = `
    const session = require(process.env.PACKAGE);
    const { createApp, serve } = require(process.env.KIT + '/app.js');
    const { ask } = require(process.env.KIT + '/client.js');
    require('node:diagnostics_channel').channel('express-session:save').subscribe(() => { throw new Error('of the subscriber'); });
    const uncaught = [];
    process.on('uncaughtException', (error) => uncaught.push(error.message));
    (async () => {
      const store = new session.MemoryStore();
      const app = createApp({ kind: 'http', layers: [session({ secret: 'x', resave: false, saveUninitialized: false, store })], routes: (req, res) => { req.session.n = 1; res.end('fine'); } });
      const { port, close } = await serve(app);
      const { status, body } = await ask(port);
      await close();
      console.log(status, body, Object.keys(store.sessions).length, uncaught.join());
      process.exit();
    })();`;
  const { stdout, stderr } = await child(program, { file: files.subject });
  assert.equal(stdout + stderr, '200 fine 1 of the subscriber\n');
});

test('a message has the request that it is about, also of requests at the same time', async (t) => {
  const store = new session.MemoryStore();
  const app = await open(t, { options: { store } });
  const seen = [];
  subscribed(t, 'load', ({ req, outcome }) => seen.push([outcome, req.url]));
  await app.visit(write, { path: '/a' });
  await Promise.all(['/b', '/c'].map((path) => app.visit(read, { path })));
  assert.deepEqual(seen.sort(), [['found', '/b'], ['found', '/c']]);
});
