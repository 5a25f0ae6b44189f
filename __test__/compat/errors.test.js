'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const util = require('node:util');
const signature = require('cookie-signature');
const { each, pair, clock, open, seen, counter, ledger, write, read, original, frameworks } = require('./app');
const { session } = require('../subject');

const signed = (sid) => `connect.sid=${encodeURIComponent(`s:${signature.sign(sid, 'keyboard')}`)}`;

function attempt(fn) {
  try {
    fn();
    return 'taken';
  } catch (err) {
    return `${err.name}: ${err.message}`;
  }
}

const quiet = { secret: 'keyboard', resave: false, saveUninitialized: false };

const refused = {
  'genid of a wrong type': [{ genid: 'id' }, { genid: 5 }, { genid: {} }, { genid: true }, { genid: [] }],
  'an unknown unset': [{ unset: 'remove' }, { unset: true }, { unset: 5 }, { unset: {} }, { unset: 'Destroy' }, { unset: ['destroy'] }],
  'no secret in the array': [{ secret: [] }],
  'a store that is no event emitter': [{ store: {} }, { store: 'memory' }, { store: 5 }, { store: { get() {}, set() {}, destroy() {} } }, { store: class {} }],
};

for (const [name, list] of Object.entries(refused)) {
  test(`refused at once, with the words of the original: ${name}`, () => {
    for (const options of list) {
      const theirs = attempt(() => original({ ...quiet, ...options }));
      assert.match(theirs, /^TypeError: /);
      assert.equal(attempt(() => session({ ...quiet, ...options })), theirs, util.inspect(options));
    }
  });
}

test('the order of the checks is that of the original', () => {
  const wrong = { genid: 5, unset: 'x', secret: [], store: {} };
  const keys = Object.keys(wrong);
  for (let bits = 1; bits < 16; bits++) {
    const options = Object.fromEntries(keys.filter((key, i) => bits & (1 << i)).map((key) => [key, wrong[key]]));
    assert.equal(attempt(() => session({ ...quiet, ...options })), attempt(() => original({ ...quiet, ...options })), util.inspect(options));
  }
});

test('taken without a word, as by the original', () => {
  const fine = [
    undefined, null, false, 0, '', 'text', 5, [], () => {},
    { genid: null }, { genid: 0 }, { unset: null }, { unset: '' }, { unset: 'keep' }, { unset: 'destroy' }, { secret: {} }, { secret: 5 },
    { cookie: 'text' }, { cookie: 5 }, { cookie: null }, { cookie: { maxAge: 'soon' } }, { name: 5 }, { name: {} }, { name: 'bad name' },
    { store: null }, { store: false }, { proxy: 'yes' }, { rolling: 'yes' }, { resave: 'no' }, { saveUninitialized: null },
  ];
  for (const options of fine) {
    const given = options instanceof Object && !Array.isArray(options) && typeof options !== 'function' ? { ...quiet, ...options } : options;
    assert.equal(attempt(() => original(given)), 'taken', util.inspect(options));
    assert.equal(attempt(() => session(given)), 'taken', util.inspect(options));
  }
});

/** Wrong options that are found during a request, where a framework catches what is thrown. */
const late = {
  'a cookie of a wrong type': [{ cookie: 'text' }, { cookie: 5 }, { cookie: true }],
  'maxAge of a wrong type': [{ cookie: { maxAge: 'soon' } }, { cookie: { maxAge: {} } }, { cookie: { maxAge: true } }, { cookie: () => ({ maxAge: '5' }) }],
  'a cookie function that fails': [{ cookie() { throw new Error('from the program'); } }],
  'genid that fails': [{ genid() { throw new Error('from the program'); } }],
};

for (const kind of Object.keys(frameworks)) {
  for (const [name, list] of Object.entries(late)) {
    test(`refused in the request, with the words of the original: ${name} (${kind})`, async (t) => {
      for (const options of list) {
        // Both ways in: a new session, and one whose id the store does not know.
        for (const cookie of [false, signed('unknown')]) {
          const told = await pair(async (module) => {
            const app = await open(t, { kind, module, options, drop: true });
            const answer = await app.visit(read, { cookie });
            return [seen(answer), app.errors.map((err) => `${err.name}: ${err.message}`)];
          });
          assert.equal(told[0].status, 500, util.inspect(options));
          assert.equal(told[1].length, 1);
        }
      }
    });
  }

  test(`a cookie function that gives nothing is a TypeError (${kind})`, async (t) => {
    for (const value of [undefined, null]) {
      const told = await pair(async (module) => {
        const app = await open(t, { kind, module, options: { cookie: () => value } });
        return [(await app.visit(read)).status, app.errors.map((err) => err.name)];
      });
      assert.deepEqual(told, [500, ['TypeError']]);
    }
  });
}

each('refused in the request, when a loaded session was looked for: the error is given to next', async (t, kind) => {
  const told = await pair(async (module) => {
    const answers = [];
    for (const options of [{ cookie: 'text' }, { cookie: { maxAge: 'soon' } }, { genid() { throw new Error('from the program'); } }]) {
      const app = await open(t, { kind, module, drop: true, options: { store: ledger({ Store: module.Store }), ...options } });
      answers.push(seen(await app.visit(read, { cookie: signed('unknown') })), app.errors.map((err) => `${err.name}: ${err.message}`));
    }
    return answers;
  });
  assert.deepEqual(told[1], ['TypeError: argument options must be a object']);
});

/** What a store may hand back that is no session. */
const garbage = [
  {}, [], 'text', 5, true, () => {}, Symbol('s'), 10n, new Date(0), Buffer.from('x'), { n: 1 }, { cookie: null }, { cookie: undefined }, [{ cookie: {} }],
  Object.create(null), { cookie: { maxAge: 'x' } }, { cookie: 'text' }, { cookie: 5 }, { cookie: true },
  Object.freeze({ cookie: {} }),
  { get cookie() { throw new Error('trap'); } }, new Proxy({}, { get() { throw new Error('trap'); } }),
];

each('stored data that is not a session is an error for next, and the next request is served', async (t, kind) => {
  for (const sync of [true, false]) {
    for (const data of garbage) {
      const told = await pair(async (module) => {
        const store = ledger({ Store: module.Store });
        const app = await open(t, { kind, module, options: { store, genid: counter() } });
        await app.visit(write);
        const { get } = store;
        store.get = (sid, fn) => (sync ? fn(null, data) : setImmediate(fn, null, data));
        const { status } = await app.visit((req, res) => res.end());
        const errors = app.errors.splice(0).map((err) => err.name);
        store.get = get;
        return [status, errors, (await app.visit(write)).body];
      });
      assert.deepEqual(told, [500, [told[1][0]], '2'], util.inspect(data));
    }
  }
});

each('data that is almost a session is taken as far as by the original', async (t, kind) => {
  clock(t);
  const odd = [
    { cookie: {} }, { cookie: [] }, { cookie: { expires: 5 } }, { cookie: { expires: 'nonsense' } }, { cookie: { originalMaxAge: 5, expires: null } },
    { cookie: {}, id: 'other', req: 5, save: 1 }, Object.assign(Object.create({ inherited: 1 }), { cookie: {} }), Object.assign([1, 2], { cookie: {} }), { cookie: {}, list: new Map() },
    { cookie: { path: 5 } }, { cookie: { domain: {} } },
  ];
  for (const data of odd) {
    await pair(async (module) => {
      const store = ledger({ Store: module.Store });
      const app = await open(t, { kind, module, options: { store, genid: counter() } });
      await app.visit(write);
      store.take();
      const { get } = store;
      store.get = (sid, fn) => get(sid, () => fn(null, Object.assign(Array.isArray(data) ? [...data] : Object.create(Object.getPrototypeOf(data)), structuredClone({ ...data }))));
      const answers = [];
      for (const act of [() => {}, (req) => { req.session.x = 1; }]) {
        answers.push(seen(await app.visit((req, res) => {
          act(req);
          res.end(JSON.stringify(req.session));
        })), store.take());
      }
      return [answers, app.errors.map(String), [...store.data]];
    });
  }
});
