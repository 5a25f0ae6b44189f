'use strict';

/**
 * Several cookies of one name: browsers keep an old one, set for another path or a parent
 * domain, and send both. With the original a visitor whose old one comes first can never
 * log in.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const cookieParser = require('cookie-parser');
const signature = require('cookie-signature');
const { each, kinds, pair, open, ledger } = require('../compat/app');
const { session, isOurs } = require('../subject');
const { flaw } = require('./flaw');

const signed = (sid, secret = 'keyboard') => encodeURIComponent(`s:${signature.sign(sid, secret)}`);

/** How many are tried. */
const MOST = 16;

const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };

/** Each way to a session, with the sessions `ann` and `bob` in the store. */
const ways = {
  // A new session sleeps with the package's own ids only.
  'the MemoryStore': (module) => ({ store: new module.MemoryStore(), genid: undefined }),
  'the MemoryStore and ids of the app': (module) => ({ store: new module.MemoryStore(), genid: () => 'new' }),
  'a store that answers later': (module) => ({ store: ledger({ Store: module.Store }), genid: () => 'new' }),
  'a cookie function': (module) => ({ store: ledger({ Store: module.Store }), cookie: () => ({}) }),
};

const name = (req, res) => { res.end(String(req.session.name)); };

/** Whose session each of the headers finds. */
async function askAll(t, { kind, module = session, way, use, headers }) {
  const options = ways[way](module);
  const { store } = options;
  const app = await open(t, { kind, module, options, use });
  for (const who of ['ann', 'bob']) await new Promise((resolve) => { store.set(who, { cookie, name: who }, resolve); });
  store.take?.();
  const names = [];
  for (const values of headers) {
    const header = values.map((value) => `connect.sid=${value}`).join('; ');
    names.push((await app.visit(name, { headers: { cookie: header }, cookie: false })).body);
  }
  return { names, calls: store.take?.() };
}

const old = signed('old', 'a secret of before');
const [ann, bob] = [signed('ann'), signed('bob')];

for (const kind of kinds) {
  for (const way of Object.keys(ways)) {
    flaw(`the first that is signed counts: ${way} (${kind})`, async (t) => {
      const { names } = await askAll(t, {
        kind, way,
        headers: [
          [old, ann], ['', ann], ['unsigned', ann], ['s%3A', ann], ['j:{}', ann], [old, bob, ann], ['', 'unsigned', old, ann, bob],
          [...Array(MOST - 1).fill(old), ann], [`${ann}x`, ann], ['%', ann], ['"', ann],
        ],
      });
      assert.deepEqual(names, ['ann', 'ann', 'ann', 'ann', 'ann', 'bob', 'ann', 'ann', 'ann', 'ann', 'ann']);
    });
  }
}

each('all else is as with the original', async (t, kind) => {
  for (const way of Object.keys(ways)) {
    const { names, calls } = await pair((module) => askAll(t, {
      kind, module, way,
      headers: [
        // The first is signed, whatever it leads to: a session, none that the store knows, or an empty id.
        [ann, bob], [ann, old], [ann, ''], [signed('nobody'), ann], [signed(''), ann],
        // None is signed.
        [old, 'unsigned'], ['unsigned', old], ['', old], [old, `${ann}x`], [],
        // Too many.
        [...Array(MOST).fill('unsigned'), ann], [...Array(900).fill('x'), ann],
        ['%22', 'x'],
      ],
    }));
    assert.deepEqual(names, ['ann', 'ann', 'ann', ...Array(10).fill('undefined')]);
    if (calls) assert.equal(calls.filter((call) => call === 'get').length, 4);
  }
});

test('an empty id that is signed is the first that counts', { skip: !isOurs }, async (t) => {
  for (const way of Object.keys(ways)) assert.deepEqual((await askAll(t, { way, headers: [[old, signed(''), ann]] })).names, ['undefined']);
});

test('the store is asked for one id only', { skip: !isOurs }, async (t) => {
  const { calls, names } = await askAll(t, { way: 'a store that answers later', headers: [[old, signed('nobody'), ann]] });
  assert.deepEqual([names, calls], [['undefined'], ['get']]);
});

test('a secret that rotated out and one that is none are no reason to stop', { skip: !isOurs }, async (t) => {
  const store = ledger();
  store.data.set('ann', JSON.stringify({ cookie, name: 'ann' }));
  const app = await open(t, { options: { store, secret: ['new', 'keyboard', {}] } });
  assert.equal((await app.visit(name, { headers: { cookie: `connect.sid=${old}; connect.sid=${ann}` }, cookie: false })).body, 'ann');
});

test('what cookie-parser found serves where none is signed', (t) => pair(async (module) => {
  const use = [cookieParser('parser')];
  const { names } = await askAll(t, { module, way: 'the MemoryStore', use, headers: [[signed('bob', 'parser'), old], [old, signed('bob', 'parser')]] });
  assert.deepEqual(names, ['bob', 'undefined']);
  return names;
}));
