'use strict';

/** The record that takes the place of a session which has a new id: who can follow it, and where it leads. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { makePointer, isPointer, followPointer } = require('../../session/request/pointer');
const { AFTER, GRACE, START, comparing, ledger, renewing, sidIn, stores, tell } = require('./renew/visits');

const stored = (pointer) => JSON.parse(JSON.stringify(pointer));

test('leads from the old id to the new one until its time has come', () => {
  for (const [oldId, newId] of [['a', 'b'], ['ä\u0000 \u{1F600}', 'x:y:z'], ['o'.repeat(500), 'n'.repeat(500)]]) {
    const pointer = stored(makePointer(oldId, newId, 1000, 10));
    assert.ok(isPointer(pointer));
    assert.deepEqual(Object.keys(pointer), ['cookie', '_meta']);
    assert.deepEqual(Object.keys(pointer._meta), ['next']);
    assert.equal(followPointer(oldId, pointer, 999), newId);
    assert.equal(followPointer(oldId, pointer, 1000), undefined);
    assert.equal(followPointer(oldId, pointer, 1001), undefined);
  }
  assert.equal(followPointer('a', stored(makePointer('a', '', 1000, 10)), 1), undefined, 'it leads nowhere');
});

test('the store alone does not tell the new id, and two pointers to it differ', () => {
  const pointer = () => JSON.stringify(makePointer('old id', 'the new id', 1000, 10));
  assert.notEqual(pointer(), pointer());
  const { _meta: { next } } = JSON.parse(pointer());
  for (const encoding of ['utf8', 'latin1', 'hex', 'base64url']) {
    assert.ok(!Buffer.from(next.slice(3), 'base64url').toString(encoding).includes(Buffer.from('the new id').toString(encoding)));
  }
});

test('a pointer of another id, a damaged one and a made-up one lead nowhere', () => {
  const pointer = stored(makePointer('old', 'new', 1000, 10));
  const { next } = pointer._meta;
  const follow = (text, id = 'old') => followPointer(id, { ...pointer, _meta: { next: text } }, 1);
  assert.equal(follow(next), 'new');
  for (const id of ['new', 'Old', 'old ', '', 'undefined']) assert.equal(follow(next, id), undefined, id);
  const bytes = Buffer.from(next.slice(3), 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 1;
    assert.equal(follow(`r1:${changed.toString('base64url')}`), undefined, `byte ${at}`);
    assert.equal(follow(`r1:${bytes.subarray(0, at).toString('base64url')}`), undefined, `${at} bytes`);
    assert.equal(follow(`r1:${bytes.subarray(at + 1).toString('base64url')}`), undefined);
  }
  for (const text of ['r1:', 'r1:****', `r1:${'A'.repeat(37)}`, `r1:${'A'.repeat(10000)}`, 'r1:new', 'r1:null']) assert.equal(follow(text), undefined, text);
});

test('only the whole form is a pointer', () => {
  const cookie = {};
  const next = 'r1:abc';
  for (const data of [{ cookie, _meta: { next } }, { _meta: { next } }, { cookie, _meta: { next, version: 7 } }]) assert.ok(isPointer(data));
  for (const data of [{ cookie }, { cookie, _meta: null }, { cookie, _meta: [] }, { cookie, _meta: next }, { cookie, _meta: { next: 1 } },
    { cookie, _meta: { next: 'r2:abc' } }, { cookie, _meta: { next: ['r1:abc'] } }, { cookie, _meta: { next }, user: 1 },
    { cookie, _meta: { next, created: 1 } }, {}]) assert.ok(!isPointer(data), JSON.stringify(data));
});

for (const [name, makeStore] of Object.entries({ MemoryStore: stores.MemoryStore, 'a DiskStore': stores['a DiskStore'], 'another store': ledger, 'a store with setIfUnchanged': comparing })) {
  const put = (store, sid, data) => new Promise((resolve) => { store.set(sid, data, resolve); });
  const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };

  test(`broken pointers in the store give a new session: ${name}`, async (t) => {
    const { app, get, old, store } = await renewing(t, { makeStore, age: 0 });
    const good = makePointer(sidIn(old), 'new', START + GRACE, GRACE)._meta.next;
    for (const next of ['r1:', 'r1:x', good.slice(0, -1), `${good}A`, good.replace(/.$/, (c) => (c === 'A' ? 'Q' : 'A')),
      makePointer('another', 'new', START + GRACE, GRACE)._meta.next, good]) {
      await put(store, sidIn(old), { cookie, _meta: { next } });
      const { status, told } = await get(old);
      assert.deepEqual([status, told.data], [200, {}], next);
      assert.notEqual(told.ids[0], sidIn(old));
    }
    assert.deepEqual(app.errors, []);
  });

  test(`a chain is followed, a ring is not for ever: ${name}`, async (t) => {
    const { get, old, store } = await renewing(t, { makeStore, age: 0 });
    const lead = (from, to, until = START + GRACE) => put(store, from, JSON.parse(JSON.stringify(makePointer(from, to, until, GRACE))));
    await put(store, 'c', { cookie, user: 7, _meta: { created: START, renewed: START, seen: START } });
    await lead(sidIn(old), 'a');
    await lead('a', 'b');
    await lead('b', 'c');
    assert.deepEqual((await get(old)).told, { data: { user: 7 }, ids: ['c'] });
    await lead('b', 'a');
    assert.deepEqual((await get(old)).told.data, {});
    await lead(sidIn(old), sidIn(old));
    assert.deepEqual((await get(old)).told.data, {});
    // One end of the chain that is over ends all of it.
    await lead(sidIn(old), 'a');
    await lead('a', 'c', START);
    assert.deepEqual((await get(old)).told.data, {});
  });

  test(`what a program writes into _meta leads nowhere: ${name}`, async (t) => {
    const { get, old, store } = await renewing(t, { makeStore, age: 0 });
    await put(store, 'victim', { cookie, user: 'victim' });
    const { next } = makePointer(sidIn(old), 'victim', START + 100 * AFTER, AFTER)._meta;
    await get(old, (req, res) => {
      for (const key of Object.keys(req.session)) if (key !== 'cookie') delete req.session[key];
      Object.assign(req.session, { _meta: { next }, n: 1 });
      tell(req, res);
    });
    assert.deepEqual((await get(old)).told, { data: { n: 1 }, ids: [sidIn(old)] });
    await get(old, (req, res) => { delete req.session.n; req.session._meta = { next }; tell(req, res); });
    assert.deepEqual((await get(old)).told, { data: {}, ids: [sidIn(old)] });
  });

  test(`what was stored without the option, with a next: ${name}`, async (t) => {
    const { get, old, store, time } = await renewing(t, { makeStore, age: 0 });
    await put(store, sidIn(old), { cookie, user: 5, _meta: { next: 'r1:forged', created: START } });
    assert.deepEqual((await get(old)).told, { data: { user: 5 }, ids: [sidIn(old)] });
    assert.ok(!JSON.stringify(await new Promise((resolve) => { store.get(sidIn(old), (error, found) => { resolve(found); }); })).includes('forged'));
    // It is dropped with the next store, so that the session never looks like a pointer.
    const { cookie: sent } = (time.tick(AFTER), await get(old, (req, res) => { delete req.session.user; tell(req, res); }));
    assert.deepEqual((await get(sent)).told, { data: {}, ids: [sidIn(sent)] });
  });
}

for (const name of ['MemoryStore', 'MemoryStore with a wrapped get', 'MemoryStore with a wrapped set', 'a DiskStore']) {
  test(`a pointer is never unchanged, also not for a session without data: ${name}`, async (t) => {
    const store = stores[name]();
    if (store.close) t.after(() => store.close());
    const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
    const pointer = { cookie, _meta: { next: 'r1:abc' } };
    const asked = (method, ...args) => new Promise((resolve, reject) => {
      store[method](...args, (error, result) => (error ? reject(error) : resolve(result)));
    });
    await asked('set', 'a', { cookie });
    assert.equal(await asked('setIfUnchanged', 'a', pointer, { cookie }), true);
    assert.equal(await asked('setIfUnchanged', 'a', { cookie, n: 1 }, { cookie }), false);
    assert.deepEqual(await asked('get', 'a'), pointer);
  });
}
