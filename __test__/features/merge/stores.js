'use strict';

/** The ways to a store, for the option `merge`: those of every feature, and those that differ in how they compare. */

const { ledger } = require('../../compat/app');
const { session } = require('../../subject');
const { stores } = require('../stores');

/** The JSON of what `setIfUnchanged` compares. */
const counting = ({ cookie: _cookie, _meta, ...data }) => JSON.stringify(data);

/** A ledger that has `setIfUnchanged`. */
function comparing(setup) {
  const store = ledger(setup);
  store.setIfUnchanged = (sid, sess, loaded, callback) => {
    store.calls.push('setIfUnchanged');
    const text = store.data.get(sid);
    const isSame = text !== undefined && counting(JSON.parse(text)) === counting(loaded);
    if (isSame) store.data.set(sid, JSON.stringify(sess));
    if (setup?.sync) callback(null, isSame);
    else setImmediate(callback, null, isSame);
  };
  return store;
}

/** A store whose methods answer by promises alone. */
function promising() {
  const { get, set, destroy, touch, setIfUnchanged, ...rest } = comparing();
  const store = Object.assign(new session.Store(), rest);
  const asked = (method, args) => new Promise((resolve, reject) => {
    method(...args, (error, result) => (error ? reject(error) : resolve(result)));
  });
  store.get = async (sid) => asked(get, [sid]);
  store.set = async (sid, sess) => asked(set, [sid, sess]);
  store.destroy = async (sid) => asked(destroy, [sid]);
  store.touch = async (sid, sess) => asked(touch, [sid, sess]);
  store.setIfUnchanged = async (sid, sess, loaded) => asked(setIfUnchanged, [sid, sess, loaded]);
  return store;
}

/** A MemoryStore of which a program has wrapped a method. */
function wrapping(name) {
  const store = new session.MemoryStore();
  const method = store[name];
  store[name] = function wrapped(a, b, c, d) { return method.call(this, a, b, c, d); };
  return store;
}

module.exports = {
  comparing,
  counting,
  stores: {
    ...stores,
    'MemoryStore with a wrapped set': () => wrapping('set'),
    'MemoryStore with a wrapped setIfUnchanged': () => wrapping('setIfUnchanged'),
    'MemoryStore without setIfUnchanged': () => Object.assign(new session.MemoryStore(), { setIfUnchanged: undefined }),
    'a store with setIfUnchanged': () => comparing(),
    'a store with setIfUnchanged that answers at once': () => comparing({ sync: true }),
    'a store that answers by promises': promising,
  },
};
