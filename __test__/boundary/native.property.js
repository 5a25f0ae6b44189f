'use strict';

/** Properties of the addon's exports. */

const assert = require('node:assert/strict');
const path = require('node:path');
const fc = require('fast-check');
const native = require('../../session/native/load');
const signatures = require('./exports')(native);
const { temporaryFolder } = require('../../test-kit/folder');
const { anything, attempt, make, number, sessionText, damaged, dataText, cookieText, sid, text } = require('./specs');

const exported = Object.keys(native).filter((name) => typeof native[name] === 'function');
const bound = ['enter', 'forget', 'last', 'note', 'renew', 'write', 'writeIfUnchanged'];

const folder = temporaryFolder('boundary');
let files = 0;

/** Keys, stores and what else a call may be about; anew for each case. */
function world() {
  const keys = ['secret', 'older'].map((secret) => native.prepareKeys([Buffer.from(secret)]));
  const stores = [native.createStore(NaN, NaN), native.createStore(2, NaN), native.createStore(NaN, 1000), native.createStore(3, NaN, undefined, 1)];
  const founds = [new Uint8Array(native.DETAILS_BYTES), new Uint8Array(native.DETAILS_BYTES)];
  native.storeTakeRemoved(stores[1]);
  const paths = [1, 2].map(() => path.join(folder, `${++files}.db`));
  const options = { path: paths[0], isSynced: false, touchAfter: 1000, maxBytes: NaN, isReplaced: false, checkPeriod: 60_000 };
  const disks = [native.createDiskStore(options).store, native.createDiskStore({ ...options, maxOfUser: 1 }).store];
  return {
    keys,
    stores: [...stores, ...disks],
    memory: stores,
    paths,
    options: [options, { ...options, isSynced: true, touchAfter: NaN, maxBytes: 20_000, maxOfUser: 2 }, { ...options, isReplaced: true, checkPeriod: -Infinity, maxBytes: -1 }],
    founds,
    secrets: [[Buffer.from('secret')], [], [new Uint8Array(300), Buffer.alloc(0)]],
    headers: ['a', 'b', '', '\ud800\0', 'x'.repeat(255), 'x'.repeat(256)].map((its) => `sid=${native.signedCookieValue(its, keys[0])}`),
    signed: ['a', ''].map((value) => native.sign(value, keys[0])),
    functions: { ...native, enter: native.createSessionReader('sid', keys[0], stores[0], founds[0]), ...native.storeRequestCalls(stores[0]), ...native.createTouched() },
  };
}

const call = fc.constantFrom(...exported, ...bound).chain((name) => {
  const takes = signatures[name]?.takes ?? [];
  const right = takes.map((one) => fc.oneof({ weight: 12, arbitrary: one }, { weight: 1, arbitrary: anything }));
  return fc.record({ name: fc.constant(name), args: fc.tuple(...right), missing: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 7 }) }), more: fc.oneof({ weight: 20, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(anything, { maxLength: 3 }) }) });
});

/** Every export is known here: a new one must say what it takes and answers. */
exports.known = () => fc.property(fc.constant(exported), (names) => {
  assert.deepEqual([...names, ...bound].sort(), Object.keys(signatures).sort());
});

/** Whatever is called with whatever, the answer is of the kind promised, or it is an Error. */
exports.calls = (trace) => fc.asyncProperty(fc.array(call, { maxLength: 25 }), async (calls) => {
  const its = world();
  const promises = [];
  for (const { name, args, missing, more } of calls) {
    trace(name, args, missing, more);
    const values = [...args, ...more].map((spec) => make(spec, its)).slice(0, missing ? -missing : undefined);
    const done = attempt(() => its.functions[name](...values));
    if (!done) continue;
    const { answers, later } = signatures[name];
    assert.ok(answers(done.answer), `${name} answered ${typeof done.answer}`);
    if (later) promises.push(laterAs(done.answer, later, name));
  }
  await Promise.all(promises);
  for (const store of its.memory) wholeAfter(store);
  await wholeOnDisk(its);
});

/** Waits for a promise, which is fulfilled with what it may be or rejected with an Error. */
async function laterAs(promise, isRight, name) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    assert.ok(error instanceof Error, name);
    return;
  }
  assert.ok(isRight(value), `${name} fulfilled its promise with ${value}`);
}

/** Whatever was called, the file is whole, and whoever opens it finds all that was committed. */
async function wholeOnDisk({ stores, options: [options] }) {
  // What comes after a close is an error of the next one.
  await Promise.all(stores.map((store) => laterAs(native.storeClose(store), (answer) => answer === undefined, 'storeClose')));
  const { store } = native.createDiskStore(options);
  assert.deepEqual(await native.diskCheck(options.path), []);
  const sids = native.storeSids(store);
  assert.equal(sids.length, native.storeStats(store).sessions);
  assert.equal(new Set(sids).size, sids.length);
  for (const its of sids) assert.equal(typeof native.storePeek(store, its), 'string');
  native.storeClear(store);
  native.storeCommitNow(store);
  assert.deepEqual(native.storeSids(store), []);
  await native.storeClose(store);
}

/** A store's counts agree with what it holds, and it can be emptied. */
function wholeAfter(store) {
  const sids = native.storeSids(store);
  const { sessions, bytes } = native.storeStats(store);
  assert.equal(sids.length, sessions);
  assert.equal(new Set(sids).size, sids.length);
  for (const its of sids) {
    assert.equal(typeof native.storePeek(store, its), 'string');
  }
  assert.ok(native.storeUnclassified(store, 0, Infinity).sids.every((its) => sids.includes(its)));
  assert.ok(bytes >= sids.length);
  native.storeClear(store);
  const after = native.storeStats(store);
  assert.deepEqual([after.sessions, after.bytes, native.storeSids(store)], [0, 0, []]);
}

/** What is stored is found again, unit for unit, by every way there is to it. */
exports.texts = (trace) => fc.property(sid, fc.oneof(sessionText, damaged, text), number, (its, stored, now) => {
  trace(its, stored, now);
  const store = native.createStore(NaN, NaN);
  native.storeSetRaw(store, its, stored, NaN, NaN);
  assert.equal(native.storePeek(store, its), stored);
  assert.deepEqual(native.storeGet(store, its, now, true), { text: stored, isClassified: false });
  assert.deepEqual(native.storeSids(store), [its]);
  native.storeSet(store, its, stored, NaN, NaN);
  const peeked = native.storePeek(store, its);
  const json = (from) => { try { return JSON.parse(from); } catch { return undefined; } };
  assert.deepEqual(json(peeked), json(stored));
});

/** A session reader answers as the exports do that take its steps one at a time. */
exports.sessionReader = (trace) => fc.property(sid, sessionText, cookieText, dataText, number, text, (its, stored, cookie, data, now, before) => {
  trace(its, stored, cookie, data, now, before);
  const store = native.createStore(NaN, NaN);
  const keys = native.prepareKeys([Buffer.from('secret')]);
  const found = new Uint8Array(native.DETAILS_BYTES);
  const enter = native.createSessionReader('sid', keys, store, found);
  const header = `${before}; sid=${native.signedCookieValue(its, keys)}`;
  for (const put of [() => {}, () => native.storeSet(store, its, stored, NaN, NaN), () => native.storePut(store, its, cookie, data, NaN, NaN)]) {
    put();
    const opened = native.unsignCookie(header, 'sid', keys);
    const whole = typeof opened === 'string' && opened !== '' ? native.storeGet(store, opened, now, true) : undefined;
    const answer = enter(header, now);
    if (typeof opened === 'number') assert.equal(answer, opened);
    else if (opened === '') assert.equal(answer, native.NO_COOKIE);
    else if (whole === undefined) assert.ok(answer === native.UNKNOWN_SID || (answer === native.ASK_STORE && !isShort(opened)));
    else if (typeof answer === 'string') assertFound(found, opened, whole, answer);
    else assert.equal(answer, native.ASK_STORE);
  }
});

/** Whether a sid fits beside a session reader's answer. */
function isShort(its) {
  return its.length <= 255 && /^[\0-\x7f]*$/.test(its);
}

function assertFound(found, its, whole, data) {
  const bytes = Buffer.from(found);
  assert.equal(bytes.toString('latin1', native.DETAILS_SID, native.DETAILS_SID + bytes[native.DETAILS_SID_LENGTH]), its);
  const cookie = bytes.toString('latin1', native.DETAILS_COOKIE, native.DETAILS_COOKIE + bytes.readUInt16LE(native.DETAILS_COOKIE_LENGTH));
  assert.deepEqual({ cookie: JSON.parse(cookie), ...JSON.parse(data) }, JSON.parse(whole));
}
