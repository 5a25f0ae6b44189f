'use strict';

/** What the channels tell of stores that fail, and of subscribers that do. */

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { clock, ledger, open, write, read } = require('../compat/app');
const { stores } = require('../features/stores');
const { session } = require('../subject');
const { check, hear } = require('./hear');

const SECRET_DATA = 'the-contents-of-the-cart';

/** Fails as stores do: the id and the data are in the message, in the SQL and in the command. */
class StoreError extends Error {
  constructor(sid) {
    super(`key sess:${sid} of ${encodeURIComponent(sid)}, with "${SECRET_DATA}"\n detail: ${SECRET_DATA}`);
    Object.assign(this, { code: 'E_DOWN', sql: `INSERT ${SECRET_DATA}`, command: [sid, SECRET_DATA] });
  }
}

const ways = {
  'calls back': (sid, ...args) => { setImmediate(args.at(-1), new StoreError(sid)); },
  'calls back at once': (sid, ...args) => { args.at(-1)(new StoreError(sid)); },
  'throws': (sid, ..._args) => { throw new StoreError(sid); },
  'rejects': async (sid, ..._args) => { throw new StoreError(sid); },
};

const HOUR = 3600_000;
const refused = (act) => async (req, res) => {
  // What the store throws, a method with a callback throws as well.
  await assert.rejects(async () => act(req), StoreError);
  req.session = null;
  res.end();
};

/** What a request does while a method of its store fails, and what that tells. */
const failures = [
  ['get', read, ['load error', 'error load'], { unset: 'keep' }],
  ['set', write, ['load found', 'save error', 'error save']],
  ['touch', read, ['load found', 'touch error', 'error touch']],
  ['destroy', (req, res) => { req.session = null; res.end(); }, ['load found', 'destroy error', 'error destroy']],
  ['destroy', refused((req) => req.session.destroy()), ['load found', 'destroy error', 'error destroy', 'destroy error', 'error destroy']],
  ['destroy', refused((req) => req.session.regenerate()), ['load found', 'regenerate error', 'error regenerate', 'destroy error', 'error destroy']],
  ['destroy', refused((req) => req.session.regenerate({ keep: true })), ['load found', 'create created', 'save saved', 'regenerate error', 'error regenerate', 'destroy error', 'error destroy']],
  ['set', refused((req) => req.session.save()), ['load found', 'save error', 'error save', 'destroy destroyed']],
  ['set', refused((req) => req.session.regenerate({ keep: true })), ['load found', 'save error', 'error save', 'regenerate error', 'error regenerate', 'destroy destroyed']],
  ['destroy', (req, res) => res.end(), ['expire idle', 'error expire', 'load expired'], { idleTimeout: HOUR, cookie: { maxAge: 9 * HOUR } }],
  ['set', read, ['load found', 'renew error', 'error renew', 'touch touched'], { renewAfter: HOUR, cookie: { maxAge: 9 * HOUR } }],
];

async function begin(t, store, options) {
  const time = clock(t);
  const ids = [];
  let n = 0;
  // Ids of which nobody can see that they are ids.
  const app = await open(t, { options: { store, unset: 'destroy', genid: () => `visitor ${++n}!`, ...options } });
  const visit = (handler, question) => app.visit((req, res, next) => {
    ids.push(req.sessionID);
    return handler(req, res, next);
  }, question);
  await visit(write);
  time.tick(HOUR);
  return { app, ids, told: hear(t), visit };
}

for (const [how, fail] of Object.entries(ways)) {
  for (const [name, make] of Object.entries(stores)) {
    describe(`${name} ${how}`, () => {
      for (const [at, [method, handler, expected, options]] of failures.entries()) {
        // The original's sessions know no promises.
        const isLost = name.includes('original') && how === 'rejects' && ['set', 'destroy'].includes(method);
        test(`${method}, ${at}: ${expected.join(', ')}`, { skip: isLost && 'nobody hears of it' }, async (t) => {
          const store = make();
          if (store.close) t.after(() => store.close());
          const { ids, told, visit } = await begin(t, store, options);
          store[method] = fail;
          if (method === 'set') for (const other of ['setIfPresent', 'setIfUnchanged']) if (store[other]) store[other] = undefined;
          await visit(handler);
          assert.deepEqual(told.take(), expected);
          check(told.messages, [...ids, SECRET_DATA, 'visitor']);
          for (const { error } of told.messages.filter((message) => message.error)) {
            assert.deepEqual(error, { name: 'Error', message: 'key sess:[redacted] of [redacted], with [redacted]', code: 'E_DOWN' });
          }
        });
      }
    });
  }
}

test('an engine that fails, while the session sleeps', async (t) => {
  const store = stores['a DiskStore']();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  const told = hear(t);
  await store.close();
  assert.equal((await app.visit((req, res) => res.end())).status, 500);
  assert.deepEqual(told.take(), ['load error', 'error load']);
  check(told.messages, []);
});

test('data that are no JSON are not quoted', async (t) => {
  const store = new session.MemoryStore();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  for (const sid of Object.keys(store.sessions)) store.sessions[sid] = `${SECRET_DATA}{`;
  const told = hear(t);
  assert.equal((await app.visit(read)).status, 500);
  assert.deepEqual(told.take(), ['load error', 'error load']);
  check(told.messages, [SECRET_DATA, SECRET_DATA.slice(0, 5)]);
  assert.equal(told.messages[0].error.name, 'SyntaxError');
});

test('what an error quotes, and what stands in its name and code, is left out', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store, genid: () => 'the id of the visitor' } });
  await app.visit(write);
  const told = hear(t);
  const cases = [
    [`ERR unknown command 'EVALSHA', with args beginning with: 'b0' '1' 'it's ${SECRET_DATA}' '{"cookie":{"orig`, 'ERR unknown command [redacted]'],
    [`Incorrect string value: '\\xF0${SECRET_DATA}`, 'Incorrect string value: [redacted]'],
    [`E11000 duplicate key error, dup key: { _id: ${SECRET_DATA} }`, 'E11000 duplicate key error, dup key: [redacted]'],
    [`\`${SECRET_DATA}`, '[redacted]'],
    [`Can't reach the server\r${SECRET_DATA}`, "Can't reach the server"],
    [`no room\u2028${SECRET_DATA}`, 'no room'],
  ];
  for (const [text, message] of cases) {
    store.fails.set = Object.assign(new Error(text), { name: 'Error of the id of the visitor', code: `E ${'x'.repeat(32)}` });
    await app.visit(write);
    assert.deepEqual(told.take(), ['load found', 'save error', 'error save']);
    check(told.messages, [SECRET_DATA, 'the id of the visitor']);
    assert.deepEqual(told.messages.at(-1).error, { name: 'Error of [redacted]', message, code: 'E [redacted]' });
  }
});

test('a store that is asked too late is an error of the timeout', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store, storeTimeout: 20 } });
  await app.visit(write);
  const told = hear(t);
  store.set = () => {};
  await app.visit(write);
  assert.deepEqual(told.take(), ['load found', 'save error', 'error save']);
  const { durationMs, error } = told.messages[1];
  assert.equal(error.code, 'ERR_SESSION_STORE_TIMEOUT');
  assert.ok(durationMs >= 19 && durationMs < 5000, durationMs);
});

test('the time is that of the store, also for a store that answers late', async (t) => {
  const store = ledger();
  const { get } = store;
  store.get = (sid, callback) => get(sid, (...results) => { setTimeout(callback, 30, ...results); });
  const app = await open(t, { options: { store } });
  await app.visit(write);
  const told = hear(t);
  const sent = performance.now();
  let handled;
  await app.visit((req, res) => {
    handled = performance.now();
    setTimeout(() => res.end(), 60);
  });
  const [{ durationMs }] = told.messages;
  assert.ok(durationMs >= 29 && durationMs <= handled - sent, durationMs);
});

test('a session that is held until the store has answered tells when it fails', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store, commit: 'headers' } });
  await app.visit(write);
  const told = hear(t);
  store.fails.set = new StoreError('x');
  const { status } = await app.visit((req, res) => { req.session.n = 9; res.writeHead(200); res.write('a'); res.end(); });
  assert.equal(status, 500);
  assert.deepEqual(told.take(), ['load found', 'save error', 'error save']);
  await app.visit((req, res) => { req.session.n = req.session; res.write('a'); res.end(); });
  assert.deepEqual(told.take(), ['load found', 'save error', 'error save']);
});

test('what a callback of the program throws is no error of the store', async (t) => {
  const app = await open(t, { options: { store: stores['another store that answers at once'](), unset: 'destroy' } });
  await app.visit(write);
  const told = hear(t);
  for (const [method, outcome] of [['save', 'saved'], ['reload', 'found'], ['regenerate', 'regenerated'], ['destroy', 'destroyed']]) {
    await app.visit((req, res) => {
      const { session: before } = req;
      assert.throws(() => before[method](() => { throw new StoreError('x'); }), StoreError);
      res.end();
    });
    const [first, second, ...more] = told.take();
    assert.deepEqual([first, second.split(' ')[1]], ['load found', outcome]);
    // What was destroyed is not destroyed again.
    assert.ok(!more.some((each) => each.startsWith('destroy')), `${more}`);
  }
  assert.equal(told.messages.filter(({ name }) => name === 'error').length, 0);
});

test('an error ENOENT of get means that there is no session', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  const told = hear(t);
  store.fails.get = Object.assign(new Error('no file'), { code: 'ENOENT' });
  assert.equal((await app.visit(read)).status, 200);
  assert.deepEqual(told.take(), ['load none']);
});

test('an error has no id that the request does not know, such as a key of hashIds or the id of somebody else', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store, hashIds: true } });
  await app.visit(write);
  const keys = [...store.data.keys()];
  const told = hear(t);
  const other = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4';
  store.get = (key, callback) => { callback(new Error(`${key} waits for sess:${other}`)); };
  await app.visit(read);
  assert.deepEqual(told.take(), ['load error', 'error load']);
  assert.equal(told.messages[0].error.message, 'h1:[redacted] waits for sess:[redacted]');
  check(told.messages, [...keys.map((key) => key.slice(3)), other]);
});

test('an error has no id in a form of an URL or of JSON, nor what follows another id', async (t) => {
  let made = 0;
  const first = 'an "id" 1';
  const store = ledger();
  const app = await open(t, { options: { store, genid: () => [first, `${first}/more`][made++ % 2] } });
  const told = hear(t);
  store.set = (sid, data, callback) => {
    callback(new Error([sid, JSON.stringify(sid).slice(1, -1), new URLSearchParams({ sid }), encodeURI(sid), encodeURIComponent(sid)].join(' ')));
  };
  await app.visit(async (req, res) => {
    await req.session.regenerate();
    req.session.n = 1;
    res.end();
  });
  const { message } = told.messages.at(-1).error;
  assert.equal(message, '[redacted] [redacted] sid=[redacted] [redacted] [redacted]');
});

test('an error that throws when it is read breaks no request', async (t) => {
  const store = ledger();
  const app = await open(t, { options: { store } });
  await app.visit(write);
  const told = hear(t);
  store.destroy = (sid, callback) => { callback(Object.defineProperty(new Error('x'), 'message', { get() { throw new StoreError('x'); } })); };
  const { body } = await app.visit((req, res) => { req.session.destroy((error) => { res.end(`${Boolean(error)}`); }); });
  assert.equal(body, 'true');
  assert.deepEqual(told.take(), ['load found', 'destroy error', 'error destroy']);
  assert.deepEqual(told.messages.at(-1).error, { name: 'Error', message: 'an error that cannot be read' });
});

test('an error has no id that another request has given the session meanwhile', async (t) => {
  const store = stores['another store']();
  const { app, told } = await begin(t, store, { renewAfter: HOUR, cookie: { maxAge: 9 * HOUR } });
  const cookie = app.jar.header;
  store.destroy = ways['calls back'];
  const { body } = await app.visit(async (req, res) => {
    // The other request renews the id of the session.
    await app.visit(read, { cookie });
    await assert.rejects(req.session.destroy(), StoreError);
    res.end('ended');
  }, { method: 'POST', cookie });
  assert.equal(body, 'ended');
  assert.deepEqual(told.take().filter((each) => /destroy|renew/.test(each)).slice(0, 3), ['renew renewed', 'destroy error', 'error destroy']);
  check(told.messages, ['visitor']);
});
