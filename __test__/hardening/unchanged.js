'use strict';

/** What the tests of `setIfUnchanged` share, whatever the server. */

/** Calls a method of a store, and returns a promise of what its callback gets. */
const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, value) => (error ? reject(error) : resolve(value)));
});

/** A session as a store gets it, which lives a minute. */
const session = (data = {}, cookie = {}) => ({
  cookie: { originalMaxAge: 60000, expires: new Date(Date.now() + 60000), httpOnly: true, path: '/', ...cookie }, ...data,
});

/** Data that are hard to find the ends of. */
const DATA = {
  'none': {},
  'one number': { n: 1 },
  'numbers': { a: 1e21, b: -1.5e-7, c: 0.1, d: 2 ** 60, e: -0 },
  'true, false, null': { a: true, b: false, c: null },
  'empty lists and objects': { a: [], b: {}, c: [[]], d: [{}], e: { f: [] }, g: '' },
  'nested': { a: { b: { c: [1, { d: [2, [3, { e: 4 }]] }] } }, z: [[[[[]]]]] },
  'members of the same names, further in': { a: { cookie: 1, _meta: 2 }, b: [{ cookie: { c: [] } }, { _meta: {} }] },
  'names that look alike': { cookies: 1, 'cookie ': 2, ' cookie': 3, Cookie: 4, meta: 5, __meta: 6, '"cookie"': 7, 'cookie\\': 8, '': 9 },
  'names of the prototype': JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3}'),
  'brackets and quotes in strings': { a: '"', b: '\\', c: '\\"', d: '}{][,:', e: '","cookie":{"a":"', f: '\\\\', '"}\\': ['"]', ']'] },
  'control characters': { a: '\n\r\t\b\f', b: '\u0001\u001f\u007f', c: 'line\u2028end' },
  'other scripts': { ä: 'ö', 日本: '語', '💩': '👩‍👩‍👧', a: '\ufeff\uffff' },
  'the character 0 and lone surrogates': { a: '\u0000', b: '\ud800', c: 'x\udc00y', '\udfff': '\u0000\ud800', d: '\\u0000' },
  'numbers as names': { b: 1, 2: 2, 1: 1, a: 2 },
  '10 kB': { list: Array.from({ length: 200 }, (_, i) => ({ i, text: 'the quick brown "fox"', tags: [] })) },
  '10 kB in a string': { text: `${'a'.repeat(5000)}${'"\\ '.repeat(1700)}` },
};

/** Pairs of data that are not the same, though they are nearly. */
const PAIRS = [
  [{ n: 1 }, { n: 2 }], [{ n: 1 }, { n: '1' }], [{ n: 1 }, { n: 11 }], [{ n: 1 }, {}], [{}, { n: 1 }], [{ n: 1 }, { n: 1, m: 1 }],
  [{ a: [] }, { a: {} }], [{ a: [] }, { a: null }], [{ a: [] }, { a: [[]] }], [{ a: '' }, { a: ' ' }], [{ a: 'a' }, { a: 'A' }],
  [{ a: { b: 1 } }, { 'a": {"b': 1 }], [{ a: { cookie: 1 } }, { a: { cookie: 2 } }],
  [{ a: { cookie: 1 } }, { a: {} }], [{ cookies: 1 }, { cookies: 2 }], [{ '"cookie"': 1 }, { '"cookie"': 2 }],
  [{ a: '\u0000' }, { a: '' }], [{ a: '\ud800' }, { a: '\udbff' }], [{ a: '\\' }, { a: '\\\\' }], [{ a: 'ä' }, { a: 'a\u0308' }],
  [{ a: '","cookie":"1' }, { a: '","cookie":"2' }], [{ a: 'x","b":"y' }, { a: 'x', b: 'y' }], [{ a: 'x ' }, { a: 'x' }],
];

/** Clients at once, each with a change of its own on the same loaded session: one of them wins. */
async function oneWins(stores, sid, assert) {
  for (let round = 0; round < 20; round += 1) {
    await ask(stores[0], 'set', sid, session({ round }));
    const loaded = await ask(stores[0], 'get', sid);
    const answers = await Promise.all(stores.map((store, by) => ask(store, 'setIfUnchanged', sid, session({ round, by }), loaded)));
    assert.deepEqual(answers.filter((isStored) => isStored === true).length, 1, `${answers}`);
    assert.equal((await ask(stores[0], 'get', sid)).by, answers.indexOf(true));
  }
}

/** Clients at once, each of which adds to a counter of all, and reads again until that is stored: nothing is lost. */
async function allCount(stores, sid, assert, times = 25) {
  await ask(stores[0], 'set', sid, session({ n: 0 }));
  await Promise.all(stores.map(async (store, by) => {
    for (let left = times; left > 0;) {
      const loaded = await ask(store, 'get', sid);
      const isStored = await ask(store, 'setIfUnchanged', sid, session({ ...loaded, n: loaded.n + 1, [by]: (loaded[by] ?? 0) + 1 }), loaded);
      if (isStored) left -= 1;
    }
  }));
  const { n, ...counts } = await ask(stores[0], 'get', sid);
  assert.equal(n, stores.length * times);
  for (const by of stores.keys()) assert.equal(counts[by], times);
}

module.exports = { ask, session, DATA, PAIRS, oneWins, allCount };
