'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');
const util = require('node:util');
const signature = require('cookie-signature');
const { each, pair, clock, open, seen, counter, ledger, write, read, original, frameworks } = require('./app');
const { session, isOurs } = require('../subject');

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
    { cookie: null }, { cookie: [] }, { cookie: new Date(0) }, { name: 5 }, { name: '' }, { key: ['sid'] },
    { store: null }, { store: false }, { proxy: 'yes' }, { rolling: 'yes' }, { resave: 'no' }, { saveUninitialized: null },
  ];
  for (const options of fine) {
    const given = options instanceof Object && !Array.isArray(options) && typeof options !== 'function' ? { ...quiet, ...options } : options;
    assert.equal(attempt(() => original(given)), 'taken', util.inspect(options));
    assert.equal(attempt(() => session(given)), 'taken', util.inspect(options));
  }
});

/** Names that are no text, and the text that the original makes of each. */
const named = [
  [7, '7'], [-1.5, '-1.5'], [Infinity, 'Infinity'], [true, 'true'], [10n, '10'], [['sid'], 'sid'], [[['sid']], 'sid'], [Object('sid'), 'sid'],
  [Buffer.from('sid'), 'sid'], [{ toString: () => 'sid' }, 'sid'], [0, 'connect.sid'], [NaN, 'connect.sid'], [false, 'connect.sid'], ['', 'connect.sid'], [null, 'connect.sid'],
];

each('a name that is no text is turned into one, as by the original', async (t, kind) => {
  for (const [name, text] of named) {
    for (const option of ['name', 'key']) {
      // Both ways in: with the package's own ids, and with others.
      for (const genid of [undefined, counter]) {
        await pair(async (module) => {
          const app = await open(t, { kind, module, options: { [option]: name, genid: genid && genid() } });
          const [cookie] = (await app.visit(write)).cookies;
          assert.ok(cookie.startsWith(`${text}=s%3A`), cookie);
          const bodies = [];
          for (const options of [{}, { cookie: `a=1; ${text}x=2` }]) bodies.push((await app.visit(write, options)).body);
          assert.deepEqual(bodies, ['2', '1'], util.inspect(name));
        });
      }
    }
  }
});

/** Options with which the original makes a middleware that fails at each response. */
const failing = {
  'argument name is invalid': [
    'a b', 'a=b', 'a;b', 'a,b', 'a\n', 'a\0', 'é', ' ', [], ['a', 'b'], {}, new Date(0), () => {}, /a/, Object(''),
  ].flatMap((name) => [{ name }, { key: name }, { name, cookie: () => ({}) }]),
  'Cannot convert a Symbol value to a string': [{ name: Symbol('sid') }, { cookie: { domain: Symbol('x') } }, { cookie: { path: Symbol('/') } }],
  'Cannot convert object to primitive value': [{ name: Object.create(null) }],
  'argument options must be a object': ['text', 5, true, 10n, Symbol('cookie')].map((cookie) => ({ cookie })),
  'maxAge must be a number or Date': ['soon', '5', {}, [], true, 10n, Symbol('5'), () => 5, Object(5)].flatMap((wrong) => [
    { cookie: { maxAge: wrong } }, { cookie: Object.create({ maxAge: wrong }) },
  ]).concat(['2030-01-01', {}, true].map((expires) => ({ cookie: { expires } })), { cookie: { originalMaxAge: '5' } }),
  'option expires is invalid': [NaN, Infinity, -Infinity, 1e20].map((maxAge) => ({ cookie: { maxAge } })).concat({ cookie: { expires: NaN } }),
  'option sameSite is invalid': ['laxx', 'AUTO', 5, {}, ['lax'], Symbol('lax')].map((sameSite) => ({ cookie: { sameSite } })),
  'option priority is invalid': ['x', 5, true, {}, ['low']].map((priority) => ({ cookie: { priority } })),
  'option domain is invalid': ['a b', 'a_b', 'a.b.', 'http://a', 'a:80', 'é'].map((domain) => ({ cookie: { domain } })),
  'option path is invalid': ['/;', '/é', '/\n', '/<'].map((path) => ({ cookie: { path } })),
};

/** What becomes of one response to a request without a cookie: an error, thrown or given to `next`. */
function failure(middleware) {
  const req = Object.assign(new http.IncomingMessage(), { url: '/' });
  const res = new http.ServerResponse(req);
  return new Promise((resolve) => {
    try {
      middleware(req, res, (error) => {
        if (error) return resolve(error);
        req.session.n = 1;
        res.end();
      });
    } catch (error) {
      resolve(error);
    }
  });
}

for (const [message, list] of Object.entries(failing)) {
  test(`refused at once, where the original fails at each response: ${message}`, { skip: !isOurs }, async () => {
    for (const options of list) {
      assert.throws(() => session({ ...quiet, ...options }), { name: 'TypeError', message }, util.inspect(options));
      const late = original({ ...quiet, ...options });
      // With such a path no request has a session.
      if (message !== 'option path is invalid') assert.equal((await failure(late)).message, message, util.inspect(options));
    }
  });
}

test('what may be another value when it is used is not judged before', async () => {
  const fail = () => { throw new RangeError('outside of a request'); };
  const fine = [
    { cookie: { get maxAge() { return fail(); } } }, { cookie: { get domain() { return 'a b'; } } }, { cookie: Object.create({ get sameSite() { return 'laxx'; } }) },
    { cookie: { domain: { toString: fail } } }, { cookie: { path: { toString: fail } } }, { cookie: { domain: [] } },
    { cookie: new Proxy({ maxAge: 'soon' }, { get: (target, key) => (key === 'maxAge' ? 1000 : target[key]) }) },
    { cookie: () => ({ maxAge: 'soon' }) }, { cookie: { expires: new Date(NaN) } }, { cookie: { maxAge: new Date(NaN) } }, { cookie: { maxAge: NaN, expires: new Date() } },
    { cookie: { expires: 'soon', maxAge: 5 } }, { cookie: { sameSite: 'auto', secure: 'auto' } }, { cookie: new session.Cookie({ maxAge: 1000 }) },
  ];
  for (const options of fine) assert.equal(attempt(() => session({ ...quiet, ...options })), 'taken', util.inspect(options));

  // As with the original, what an object says later is judged when a cookie is made of it.
  for (const [wrong, message] of [[{ maxAge: 'soon' }, 'maxAge must be a number or Date'], [{ domain: 'a b' }, 'option domain is invalid'], [{ expires: new Date(NaN) }, 'option expires is invalid']]) {
    await pair(async (module) => {
      const cookie = {};
      const middleware = module({ ...quiet, cookie });
      Object.assign(cookie, wrong);
      assert.equal((await failure(middleware)).message, message);
    });
  }
});

/** What a program or a test double may put where the header is. */
const odd = [5, true, {}, [], ['connect.sid=a'], Buffer.from('connect.sid=a'), Object('connect.sid=a'), () => {}, 10n, Symbol('a')];
const none = [0, NaN, false, null, undefined, '', 0n];

test('a Cookie header that is no text is a TypeError of the middleware, one that is falsy is none', () => {
  // Both ways in: with the package's own ids, and with others; and a store that answers later.
  for (const makeOptions of [() => ({}), () => ({ genid: counter() }), (module) => ({ store: ledger({ Store: module.Store }) })]) {
    for (const cookie of [...odd, ...none]) {
      const told = [original, session].map((module) => {
        const middleware = module({ ...quiet, ...makeOptions(module) });
        const req = { headers: { cookie }, url: '/' };
        const end = attempt(() => middleware(req, {}, () => {}));
        return [end, req.sessionStore !== undefined, typeof req.sessionID, typeof req.session];
      });
      assert.deepEqual(told[1], told[0], util.inspect(cookie));
      assert.equal(told[0][0], odd.includes(cookie) ? 'TypeError: argument str must be a string' : 'taken');
    }
  }
});

/** Wrong options that are found during a request, where a framework catches what is thrown. */
const late = {
  'a cookie of a wrong type': ['text', 5, true].map((cookie) => ({ cookie: () => cookie })),
  'maxAge of a wrong type': [{ cookie: () => ({ maxAge: '5' }) }, ...['soon', {}, true].map((maxAge) => ({ cookie: { get maxAge() { return maxAge; } } }))],
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
    for (const options of [{ cookie: () => 'text' }, { cookie: { get maxAge() { return 'soon'; } } }, { genid() { throw new Error('from the program'); } }]) {
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

test('what a program\'s function throws while the session is opened, is thrown, whatever its code', async () => {
  for (const code of [undefined, 'ENOENT']) {
    await pair(async (module) => {
      const req = { headers: {}, url: '/', get secure() { throw Object.assign(new Error('no proxy'), { code }); } };
      const middleware = module({ ...quiet, cookie: { secure: 'auto' } });
      const told = [];
      try {
        middleware(req, { writeHead() {}, end() {} }, (error) => { told.push('next', String(error)); });
      } catch (error) {
        told.push('thrown', String(error));
      }
      return told;
    });
  }
});
