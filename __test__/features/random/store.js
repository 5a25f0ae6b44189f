'use strict';

const { isDeepStrictEqual } = require('node:util');
const { isPointer, followPointer } = require('../../../session/request/pointer');
const { session } = require('../../subject');
const { turn } = require('../../parity/differential/turns');

const { MemoryStore } = session;

/**
 * Makes the store of a scenario. What it does is done at the call, and it answers some turns
 * later, or with `delay: 0` at once.
 *
 * @param {object} setup of generate.js
 * @param {object} run notes each call, and whether it is answered
 */
function createStore({ kind, delay, touch, compares, failures }, run) {
  if (kind === 'resident') return new MemoryStore();
  const store = kind === 'wrapped' ? new MemoryStore() : new session.Store();
  const acts = kind === 'wrapped' ? inMemory(store) : inMap(store);
  const counts = {};
  const begin = (method, sid, sess, loaded) => {
    // What JSON refuses, a store refuses at once.
    const text = sess && JSON.stringify(sess);
    counts[method] = (counts[method] ?? 0) + 1;
    const fails = failures.some((failure) => failure.method === method && failure.call === counts[method]);
    run.calls.push([method, sid]);
    const call = { method, isOfProgram: run.isCalling || !run.isResponding };
    run.unanswered.add(call);
    return { call, value: fails ? undefined : acts[method](sid, sess, text, loaded), error: fails ? new Error('down') : null };
  };
  const wait = async (turns) => { for (let left = turns; left > 0; left--) await turn(); };

  const byCallback = (method) => (sid, sess, callback) => {
    const { call, value, error } = begin(method, sid, sess);
    const answer = () => { run.unanswered.delete(call); callback?.(error, value); };
    if (delay === 0) answer();
    else wait(delay).then(answer);
  };
  const byPromise = (method) => async (sid, sess) => {
    const { call, value, error } = begin(method, sid, sess);
    await wait(delay);
    run.unanswered.delete(call);
    if (error) throw error;
    return value;
  };
  if (compares && kind !== 'wrapped') {
    const compared = (sid, sess, loaded, callback) => {
      const { call, value, error } = begin('setIfUnchanged', sid, sess, loaded);
      const answer = () => { run.unanswered.delete(call); callback(error, value); };
      if (delay === 0) answer();
      else wait(delay).then(answer);
    };
    const asked = (sid, sess, loaded) => new Promise((resolve, reject) => {
      compared(sid, sess, loaded, (error, value) => (error ? reject(error) : resolve(value)));
    });
    store.setIfUnchanged = {
      callback: compared,
      promise: async (sid, sess, loaded) => asked(sid, sess, loaded),
      declared: async (sid, sess, loaded, callback) => { compared(sid, sess, loaded, callback); },
    }[kind];
  }
  const withSession = (method) => ['set', 'touch'].includes(method);
  for (const method of ['get', 'set', 'destroy', ...(touch ? ['touch'] : [])]) {
    if (kind === 'promise') {
      const answer = byPromise(method);
      store[method] = withSession(method) ? async (sid, sess) => answer(sid, sess) : async (sid) => answer(sid);
    } else {
      const answer = byCallback(method);
      // An async method that declares the callback is fulfilled before it answers.
      const declared = withSession(method)
        ? async (sid, sess, callback) => { answer(sid, sess, callback); }
        : async (sid, callback) => { answer(sid, undefined, callback); };
      const plain = withSession(method) ? answer : (sid, callback) => answer(sid, undefined, callback);
      store[method] = kind === 'declared' ? declared : plain;
    }
  }
  return store;
}

const dataOf = (record) => record && { ...record, cookie: undefined, _meta: undefined };

/** What another package's store does. */
function inMap(store) {
  const data = store.data = new Map();
  const live = (sid) => {
    const record = data.has(sid) ? JSON.parse(data.get(sid)) : undefined;
    const expires = record?.cookie.expires;
    return expires && Date.parse(expires) <= Date.now() ? undefined : record;
  };
  return {
    get: live,
    set: (sid, sess, text) => { data.set(sid, text); },
    setIfUnchanged: (sid, sess, text, loaded) => {
      const isSame = isDeepStrictEqual(dataOf(live(sid)), dataOf(loaded));
      if (isSame) data.set(sid, text);
      return isSame;
    },
    destroy: (sid) => { data.delete(sid); },
    touch: (sid, { cookie }) => { if (live(sid)) data.set(sid, JSON.stringify({ ...live(sid), cookie })); },
  };
}

/** What a MemoryStore does whose methods a program has replaced by others that call them. */
function inMemory(store) {
  const { sessions } = store;
  const { set, destroy, touch } = MemoryStore.prototype;
  return {
    get: (sid) => {
      const record = sessions[sid] && JSON.parse(sessions[sid]);
      const expires = record?.cookie.expires;
      return expires && Date.parse(expires) <= Date.now() ? undefined : record;
    },
    set: (sid, sess) => set.call(store, sid, sess),
    destroy: (sid) => destroy.call(store, sid),
    touch: (sid, sess) => touch.call(store, sid, sess),
  };
}

/** What a store has that has not expired: its sids and records. Of a pointer, the id to which it leads, unless that is gone. */
function recordsOf(store) {
  const live = liveOf(store);
  const ids = new Set(live.map(([sid]) => sid));
  return live.flatMap(([sid, record]) => {
    if (!isPointer(record)) return [[sid, record]];
    const next = followPointer(sid, record, -Infinity);
    return ids.has(next) ? [[sid, { ...record, _meta: { next } }]] : [];
  });
}

function liveOf(store) {
  const texts = store.data ? [...store.data] : Object.entries(store.sessions);
  return texts.map(([sid, text]) => [sid, JSON.parse(text)])
    .filter(([, { cookie: { expires } }]) => !expires || Date.parse(expires) > Date.now());
}

/** Writes another `_meta` into a stored session, if the store has that. */
function writeMeta(store, sid, value) {
  const found = liveOf(store).find(([id]) => id === sid);
  if (!found || isPointer(found[1])) return;
  const text = JSON.stringify({ ...found[1], _meta: value });
  if (store.data) store.data.set(sid, text);
  else store.sessions[sid] = text;
}

module.exports = { createStore, recordsOf, writeMeta };
