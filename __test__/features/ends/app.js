'use strict';

/** What the tests of `idleTimeout`, `absoluteTimeout` and `_meta` share. */

const assert = require('node:assert/strict');
const { clock, ledger, open, write } = require('../../compat/app');
const { stores } = require('../merge/stores');
const { records } = require('../stores');

const MINUTE = 60000;
const START = Date.UTC(2030, 0, 1);

/** A store that keeps sessions as objects, and hands out the very ones that it keeps. */
function living() {
  const store = ledger();
  const live = new Map();
  const asText = (sid) => live.has(sid) && store.data.set(sid, JSON.stringify(live.get(sid)));
  store.live = live;
  store.get = (sid, callback) => { store.calls.push('get'); setImmediate(callback, null, live.get(sid)); };
  store.set = (sid, sess, callback) => {
    store.calls.push('set');
    const { cookie, ...data } = sess;
    live.set(sid, { cookie: { ...cookie.data }, ...data });
    asText(sid);
    setImmediate(callback);
  };
  store.touch = (sid, { cookie }, callback) => {
    store.calls.push('touch');
    if (live.has(sid)) Object.assign(live.get(sid), { cookie: { ...cookie.data } });
    asText(sid);
    setImmediate(callback);
  };
  store.destroy = (sid, callback) => {
    store.calls.push('destroy');
    live.delete(sid);
    store.data.delete(sid);
    setImmediate(callback);
  };
  return store;
}

/** A store whose touch writes nothing that `get` shows: it moves an expiry of its own, as many do. */
const aside = () => ledger();

const ways = { ...stores, 'a store of live objects': living, 'a store whose touch leaves the record alone': aside };

const started = (t) => clock(t, START);

/** Logs in, and returns the app, its store, the clock, and what the store has. */
async function loggedIn(t, makeStore, options = {}, login = write, more = {}) {
  const time = started(t);
  const store = makeStore();
  if (store.close) t.after(() => store.close());
  const app = await open(t, { options: { store, ...options }, ...more });
  const { status } = await app.visit(login);
  assert.equal(status, 200);
  const sids = async () => Object.keys(await records(store));
  const record = async () => {
    const [one, ...others] = Object.values(await records(store));
    assert.deepEqual(others, []);
    return one;
  };
  return { app, store, time, sids, record };
}

/** `_meta` of a session in the store, or of the only one. */
async function meta(store, sid) {
  const all = await records(store);
  return (sid === undefined ? Object.values(all)[0] : all[sid])?._meta;
}
meta.all = records;

/** A handler that does something with the request, and ends it with `n`. */
const end = (use) => async (req, res) => { await use(req, res); res.end(String(req.session.n)); };

module.exports = { MINUTE, START, end, loggedIn, meta, started, stores: ways };
