'use strict';

/** `sessions.create`: a new session without a response, with each kind of store. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { clock, ledger, read, write } = require('../compat/app');
const { session } = require('../subject');
const { signed } = require('../security/cookies');
const { ENDED, SECRET, opened, stores } = require('./app');

const MINUTE = 60000;

for (const [name, makeStore] of Object.entries(stores)) {
  test(`the session is stored, and its cookie is that of a browser: ${name}`, async (t) => {
    const { sessions, visit, records } = await opened(t, makeStore);
    const { id, cookie, session: made } = await sessions.create({ n: 1, list: [{ a: 1 }] });
    assert.equal(cookie, signed(id, SECRET));
    assert.equal(made.id, id);
    const stored = (await records())[id];
    assert.deepEqual(stored, { cookie: stored.cookie, n: 1, list: [{ a: 1 }] });
    assert.equal((await visit(write, { cookie })).body, '2');
    made.n = 7;
    await made.save();
    await made.save();
    assert.equal((await visit(read, { cookie })).body, '7');
    await made.touch();
    await visit((req, res) => { req.session.n = 8; res.end(); }, { cookie });
    await made.reload();
    assert.equal(made.n, 8);
    await visit((req, res) => req.session.destroy().then(() => { res.end(); }), { cookie });
    for (const method of ['save', 'touch', 'reload']) await assert.rejects(made[method](), ENDED);
    await assert.rejects(made.regenerate(), /outside a request/);
    assert.deepEqual(await records(), {});
  });

  test(`a session without data is stored, too: ${name}`, async (t) => {
    const { sessions, visit, records } = await opened(t, makeStore);
    const [one, other] = [await sessions.create(), await sessions.create({})];
    assert.deepEqual(Object.keys(await records()).sort(), [one.id, other.id].sort());
    assert.equal((await visit((req, res) => { res.end(req.sessionID); }, { cookie: one.cookie })).body, one.id);
    await other.session.destroy();
    assert.deepEqual(Object.keys(await records()), [one.id]);
  });

  test(`options hold: ${name}`, async (t) => {
    const time = clock(t);
    const { sessions, records } = await opened(t, makeStore, {
      hashIds: true, idleTimeout: 10 * MINUTE, renewAfter: 20 * MINUTE, merge: true, touchAfter: MINUTE, name: 'sid', secret: ['new', 'old'], cookie: { maxAge: 60 * MINUTE, sameSite: 'lax' },
    });
    const { id, cookie, session: made } = await sessions.create({ n: 1, _meta: { created: 1 } });
    assert.equal(cookie, signed(id, 'new', 'sid'));
    const [[key, stored]] = Object.entries(await records());
    assert.match(key, /^h1:/);
    assert.deepEqual([stored._meta.created, stored.cookie.sameSite, new Date(stored.cookie.expires).getTime()], [Date.now(), 'lax', Date.now() + 60 * MINUTE]);
    const other = await sessions.load(cookie);
    other.m = 2;
    await other.save();
    made.n = 2;
    await made.save();
    assert.deepEqual([made.n, made.m], [2, 2]);
    time.tick(9 * MINUTE);
    await made.touch();
    assert.equal(Object.values(await records())[0]._meta.seen, Date.now());
    time.tick(10 * MINUTE);
    assert.equal(await sessions.load(cookie), undefined);
    await assert.rejects(made.save(), ENDED);
  });
}

test('what is no object of data is a TypeError', async (t) => {
  const { sessions, records } = await opened(t, ledger);
  for (const wrong of [null, 1, 'ada', ['ada'], () => {}, Promise.resolve({}), new Map([['n', 1]]), new Date()]) await assert.rejects(sessions.create(wrong), { name: 'TypeError', message: /takes a plain object of data/ });
  for (const cookie of [undefined, {}, new session.Cookie()]) {
    await assert.rejects(sessions.create({ cookie }), { name: 'TypeError', message: /change session\.cookie of the new session, and save it/ });
  }
  assert.deepEqual(await records(), {});
});

test('the cookie can be changed and saved', async (t) => {
  const { sessions, records } = await opened(t, ledger);
  const { id, session: made } = await sessions.create({ n: 1 });
  made.cookie.maxAge = MINUTE;
  await made.save();
  assert.equal((await records())[id].cookie.originalMaxAge, MINUTE);
});

test('a key that every session has is a TypeError, and _meta is left out', async (t) => {
  const { sessions, records } = await opened(t, ledger);
  for (const key of ['id', 'req', 'save', 'touch', 'constructor', '__proto__', 'toJSON']) {
    const data = JSON.parse(`{"${key}":1,"n":1}`);
    await assert.rejects(sessions.create(data), { name: 'TypeError', message: `sessions.create takes data without the key ${key}, which every session has` });
  }
  assert.deepEqual(await records(), {});
  const { id } = await sessions.create({ _meta: { next: 'r1:' }, n: 1 });
  const { cookie, ...data } = (await records())[id];
  assert.deepEqual(data, { n: 1 });
  assert.ok(cookie);
});

test('genid and the option cookie get a request without a socket', async (t) => {
  const seen = [];
  const options = { genid: (req) => { seen.push(req.headers); return 'mine'; }, cookie: (req) => ({ secure: Boolean(req.secure), maxAge: 1000 }) };
  const { sessions, records } = await opened(t, ledger, options);
  const { id, cookie } = await sessions.create({ n: 1 });
  assert.deepEqual([id, cookie, seen.length, typeof seen[0]], ['mine', signed('mine', SECRET), 1, 'object']);
  assert.equal((await records()).mine.cookie.secure, false);
  const { sessions: auto, records: stored } = await opened(t, ledger, { proxy: true, cookie: { secure: 'auto', sameSite: 'auto' } });
  const made = await auto.create();
  const { secure, sameSite } = (await stored())[made.id].cookie;
  assert.deepEqual([secure, sameSite], [false, 'lax']);
});

test('an error of the store, of genid or of an option rejects', async (t) => {
  const down = new Error('down');
  const { sessions, store } = await opened(t, ledger);
  store.fails.set = down;
  await assert.rejects(sessions.create(), down);
  for (const genid of [() => undefined, () => '', () => 7]) {
    const app = await opened(t, ledger, { genid });
    await assert.rejects(app.sessions.create(), { name: 'TypeError', message: /genid/ });
    assert.deepEqual(await app.records(), {});
  }
  const thrown = await opened(t, ledger, { genid() { throw down; } });
  await assert.rejects(thrown.sessions.create(), down);
  const late = await opened(t, ledger, { storeTimeout: 20 });
  late.store.set = () => {};
  await assert.rejects(late.sessions.create(), { code: 'ERR_SESSION_STORE_TIMEOUT' });
  const circular = {};
  circular.self = circular;
  await assert.rejects(sessions.create(circular), TypeError);
});

test('a store whose promise gives any value has stored the session', async (t) => {
  for (const value of [false, undefined, 'OK', 0]) {
    const store = Object.assign(new session.Store(), { async get() {}, async set() { return value; }, async destroy() {} });
    const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false, store });
    assert.equal(typeof (await sessions.create({ n: 1 })).id, 'string');
  }
  assert.ok(t);
});

test('the options user and maxSessions hold, and describe is not asked', async (t) => {
  const store = new session.MemoryStore({ user: (data) => data.user, maxSessions: 2, describe: (req) => ({ ip: req.ip, userAgent: req.get('user-agent') }) });
  const { sessions, visit } = await opened(t, () => store);
  const made = [];
  for (let n = 0; n < 3; n++) {
    made.push(await sessions.create({ user: 'ada', n }));
    await new Promise((resolve) => { setTimeout(resolve, 2); });
  }
  const list = await store.sessionsOf('ada', { current: made[2].session });
  assert.deepEqual(list.map(({ current, ip, userAgent }) => [current, ip, userAgent]), [[true, undefined, undefined], [false, undefined, undefined]]);
  await assert.rejects(made[0].session.save(), ENDED);
  assert.equal((await visit(read, { cookie: made[1].cookie })).status, 200);
  assert.equal(await store.endAll('ada', { except: made[2].session }), 1);
  await assert.rejects(made[1].session.save(), ENDED);
  await made[2].session.save();
  await sessions.create({});
  assert.equal((await store.sessionsOf('ada')).length, 1);
});
