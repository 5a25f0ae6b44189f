'use strict';

const assert = require('node:assert/strict');
const { each, pair, clock, open, seen, counter, ledger, story, write, read } = require('./app');
const { session } = require('../subject');

each('the cookie is named connect.sid, or as name says, or as the old key says', async (t, kind) => {
  for (const [options, name] of [[{}, 'connect.sid'], [{ name: 'a' }, 'a'], [{ key: 'b' }, 'b'], [{ name: 'a', key: 'b' }, 'a']]) {
    const app = await open(t, { kind, options });
    const [cookie] = (await app.visit(write)).cookies;
    assert.ok(cookie.startsWith(`${name}=s%3A`), cookie);
    assert.equal((await app.visit(write)).body, '2');
  }
});

each('the default store is a MemoryStore of its own', async (t, kind) => {
  const [one, two] = [await open(t, { kind }), await open(t, { kind })];
  await one.visit(write);
  const [name, value] = [...one.jar][0];
  const { body, value: store } = await two.visit((req, res) => {
    res.end(String(req.session.n));
    return req.sessionStore;
  }, { cookie: `${name}=${value}` });
  assert.equal(body, 'undefined');
  assert.ok(store instanceof session.MemoryStore);
});

each('a session id is 24 bytes in URL-safe base64, never the same twice', async (t, kind) => {
  const app = await open(t, { kind });
  const ids = new Set();
  for (let i = 0; i < 20; i++) {
    const { value } = await app.visit((req, res) => {
      res.end();
      return req.sessionID;
    }, { cookie: false });
    assert.match(value, /^[A-Za-z0-9_-]{32}$/);
    ids.add(value);
  }
  assert.equal(ids.size, 20);
});

each('genid and a cookie function are called with the request alone, and no this', async (t, kind) => {
  await pair(async (module) => {
    const calls = [];
    const options = {
      genid(...args) { calls.push(['genid', this === undefined, args.length]); return `id-${calls.length}`; },
      cookie(...args) { calls.push(['cookie', this === undefined, args.length]); return {}; },
    };
    const app = await open(t, { kind, module, options });
    await app.visit(write);
    return calls;
  });
});

each('genid is asked for each new session, with the request', async (t, kind) => {
  const asked = [];
  const app = await open(t, { kind, options: { genid: (req) => asked.push(req.headers['x-visit']) && `id-${asked.length}` } });
  const { value } = await app.visit((req, res) => {
    write(req, res);
    return [req.sessionID, req.session.id];
  });
  assert.deepEqual(value, ['id-1', 'id-1']);
  await app.visit(read);
  assert.deepEqual(asked, ['1']);
  const again = await app.visit((req, res) => new Promise((resolve) => {
    req.session.regenerate(() => {
      res.end();
      resolve(req.sessionID);
    });
  }));
  assert.equal(again.value, 'id-2');
  assert.deepEqual(asked, ['1', '3']);
});

each('every cookie option is in the header as the original writes it', async (t, kind) => {
  clock(t);
  const cookies = [
    {}, { maxAge: 60000 }, { maxAge: 0 }, { maxAge: 1.5 }, { maxAge: null }, { maxAge: undefined }, { maxAge: -1000 },
    { expires: new Date(Date.UTC(2031, 1, 3, 4, 5, 6)) }, { expires: null }, { expires: false },
    { path: '/a' }, { path: '' }, { path: null }, { domain: 'example.com' }, { domain: '.example.com' },
    { httpOnly: false }, { httpOnly: 0 }, { secure: false },
    { sameSite: true }, { sameSite: false }, { sameSite: 'lax' }, { sameSite: 'STRICT' }, { sameSite: 'none' }, { sameSite: 'auto' },
    { priority: 'low' }, { priority: 'Medium' }, { priority: 'HIGH' }, { partitioned: true }, { originalMaxAge: 5000 },
    { path: '/', domain: 'a.b', httpOnly: true, maxAge: 1000, sameSite: 'lax', priority: 'low', partitioned: true },
  ];
  for (const cookie of cookies) {
    const { told } = await story(t, kind, () => ({ cookie: { ...cookie } }), [[write, { path: '/a' }], [read, { path: '/a' }], [write, { path: '/a' }]]);
    assert.equal(told[0].headers.filter((line) => line.startsWith('Set-Cookie: connect.sid=s%3Asid-1.')).length, 1);
  }
});

each('cookie can be a function of the request', async (t, kind) => {
  clock(t);
  const cookie = (req) => ({
    path: req.url.startsWith('/short') ? '/short' : '/',
    maxAge: req.url.startsWith('/short') ? 1000 : 100000,
    secure: req.headers['x-secure'] ? 'auto' : false,
  });
  const { told } = await story(t, kind, () => ({ cookie }), [
    [write, { path: '/short' }],
    [write, { path: '/long', cookie: false }],
    [write, { path: '/', headers: { 'x-secure': '1' }, cookie: false }],
  ]);
  assert.match(told[0].headers.join('\n'), /Path=\/short; Expires=Tue, 01 Jan 2030 00:00:01 GMT/);
  assert.match(told[1].headers.join('\n'), /Path=\/; Expires=Tue, 01 Jan 2030 00:01:40 GMT/);
});

each('the cookie function is called as often, with the request', (t, kind) => pair(async (module) => {
  const asked = [];
  const options = { cookie: (req, ...more) => asked.push([req.headers['x-visit'], more.length]) && {} };
  const app = await open(t, { kind, module, options });
  await app.visit(write);
  await app.visit(read);
  await app.visit((req, res) => req.session.regenerate(() => res.end()));
  return asked;
}));

each('the cookie object is read when it is needed, so that a later change of it counts', async (t, kind) => {
  clock(t);
  const told = await pair(async (module) => {
    const cookie = { path: '/' };
    const app = await open(t, { kind, module, options: { cookie, genid: counter() } });
    const answers = [await app.visit(write, { cookie: false })];
    cookie.maxAge = 5000;
    answers.push(await app.visit(write, { cookie: false }));
    cookie.path = '/in';
    answers.push(await app.visit(write, { path: '/in', cookie: false }));
    // Outside the new path there is no session any more.
    answers.push(await app.visit((req, res) => res.end(typeof req.session), { cookie: false }));
    return answers.map(seen);
  });
  assert.match(told[1].headers.join('\n'), /Path=\/; Expires=Tue, 01 Jan 2030 00:00:05 GMT/);
  assert.match(told[2].headers.join('\n'), /Path=\/in; Expires/);
  assert.equal(told[3].body, 'undefined');
});

each('resave, rolling and saveUninitialized, in all their combinations', async (t, kind) => {
  clock(t);
  for (const resave of [true, false]) {
    for (const rolling of [true, false, undefined]) {
      for (const saveUninitialized of [true, false]) {
        for (const maxAge of [undefined, 60000]) {
          const { told } = await story(t, kind, () => ({ resave, rolling, saveUninitialized, cookie: { maxAge } }), [
            [read], [write, { cookie: false }], [read], [write], [read, { cookie: 'connect.sid=s%3Anone.of-ours' }],
          ]);
          const cookies = told.map(({ headers }) => headers.some((line) => line.startsWith('Set-Cookie')));
          assert.deepEqual(cookies, [saveUninitialized, true, !!rolling, !!rolling || !!maxAge, saveUninitialized]);
          assert.deepEqual(told[2].calls, resave ? ['get', 'set'] : ['get', 'touch']);
        }
      }
    }
  }
});

each('unset: keep leaves what is stored, destroy takes it away', async (t, kind) => {
  const gone = [
    (req, res) => { req.session = null; res.end(); },
    (req, res) => { delete req.session; res.end(); },
    (req, res) => { req.session = undefined; res.end(); },
  ];
  for (const unset of [undefined, 'keep', 'destroy']) {
    for (const drop of gone) {
      const { told } = await story(t, kind, () => ({ unset }), [[write], [drop], [read]]);
      assert.deepEqual(told[1].calls, unset === 'destroy' ? ['get', 'destroy'] : ['get']);
      assert.equal(told[2].body, unset === 'destroy' ? 'undefined' : '1');
      assert.deepEqual(told[1].headers.filter((line) => line.startsWith('Set-Cookie')), []);
    }
  }
});

const secureOf = ({ headers }) => {
  const line = headers.find((one) => one.startsWith('Set-Cookie'));
  return line ? /; Secure/.test(line) : 'withheld';
};

each('proxy: X-Forwarded-Proto is read when it is true, never when it is false', async (t, kind) => {
  const protos = ['https', 'HTTPS', 'https, http', ' https ,http', 'http', 'http, https', '', 'httpsx', undefined];
  const plan = protos.map((proto) => [write, { cookie: false, headers: proto === undefined ? {} : { 'x-forwarded-proto': proto } }]);
  const expected = {
    true: [true, true, true, true, 'withheld', 'withheld', 'withheld', 'withheld', 'withheld'],
    false: protos.map(() => 'withheld'),
    undefined: protos.map(() => 'withheld'),
  };
  for (const proxy of [true, false, undefined]) {
    const { told } = await story(t, kind, () => ({ proxy, cookie: { secure: true } }), plan);
    assert.deepEqual(told.map(secureOf), expected[proxy]);
    // The cookie is withheld, the session is saved all the same.
    for (const one of told) assert.deepEqual(one.calls, ['set']);
  }
});

each('without proxy, what the framework says of the connection is believed', async (t, kind) => {
  const secured = (req, res, next) => {
    Object.defineProperty(req, 'secure', { value: req.headers['x-secured'] === '1' ? true : req.headers['x-secured'] });
    next();
  };
  const plan = ['1', '2', undefined].map((value) => [write, { cookie: false, headers: value ? { 'x-secured': value } : {} }]);
  for (const [proxy, expected] of [[undefined, [true, 'withheld', 'withheld']], [false, ['withheld', 'withheld', 'withheld']], [true, ['withheld', 'withheld', 'withheld']]]) {
    const { told } = await story(t, kind, () => ({ proxy, cookie: { secure: true } }), plan, { use: [secured] });
    assert.deepEqual(told.map(secureOf), expected);
  }
});

each('secure and sameSite: auto follow the connection', async (t, kind) => {
  const attributes = ({ headers }) => headers.find((line) => line.startsWith('Set-Cookie')).split('; ').slice(1).sort();
  const { told } = await story(t, kind, () => ({ proxy: true, cookie: { secure: 'auto', sameSite: 'auto' } }), [
    [write], [write, { cookie: false, headers: { 'x-forwarded-proto': 'https' } }],
  ]);
  assert.deepEqual(attributes(told[0]), ['HttpOnly', 'Path=/', 'SameSite=Lax']);
  assert.deepEqual(attributes(told[1]), ['HttpOnly', 'Path=/', 'SameSite=None', 'Secure']);

  const one = await story(t, kind, () => ({ proxy: true, cookie: { sameSite: 'auto' } }), [[write], [write, { cookie: false, headers: { 'x-forwarded-proto': 'https' } }]]);
  assert.deepEqual(one.told.map(attributes), [['HttpOnly', 'Path=/', 'SameSite=Lax'], ['HttpOnly', 'Path=/', 'SameSite=None']]);
});

each('a connection that is encrypted is secure, whatever proxy says', async (t, kind) => {
  const encrypted = (req, res, next) => {
    req.socket.encrypted = true;
    next();
  };
  for (const proxy of [true, false, undefined]) {
    const { told } = await story(t, kind, () => ({ proxy, cookie: { secure: true } }), [[write]], { use: [encrypted] });
    assert.deepEqual(told.map(secureOf), [true]);
  }
});

each('auto from a cookie function is taken as it is', (t, kind) => story(t, kind, () => ({
  proxy: true, cookie: () => ({ secure: 'auto' }),
}), [[write], [write, { cookie: false, headers: { 'x-forwarded-proto': 'https' } }]]));

each('options are read when session() is called', async (t, kind) => {
  const told = await pair(async (module) => {
    const store = ledger({ Store: module.Store });
    const options = { secret: 'keyboard', resave: false, saveUninitialized: false, store, genid: counter() };
    const app = await open(t, { kind, module, middleware: module(options) });
    Object.assign(options, { name: 'other', resave: true, saveUninitialized: true, rolling: true, unset: 'destroy', secret: 'other', genid: () => 'other', store: null });
    const answers = [await app.visit(read), await app.visit(write), await app.visit(read)].map(seen);
    return { answers, calls: store.take() };
  });
  assert.deepEqual(told.calls, ['set', 'get', 'touch']);
  assert.match(told.answers[1].headers.join('\n'), /Set-Cookie: connect\.sid=s%3Asid-2\./);
});
