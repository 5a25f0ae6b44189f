'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const cookieParser = require('cookie-parser');
const signature = require('cookie-signature');
const { each, pair, clock, open, named, counter, ledger, story, write, read, frameworks } = require('./app');

const signed = (sid, secret = 'keyboard', name = 'connect.sid') => `${name}=${encodeURIComponent(`s:${signature.sign(sid, secret)}`)}`;

const nothing = (req, res) => res.end();

/** For each thing a request can do to its session: the store calls, and whether a cookie is sent. */
const table = {
  'no cookie and nothing written': [[[nothing]], [], false],
  'new and written': [[[write]], ['set'], true],
  'read only': [[[write], [read]], ['get', 'touch'], false],
  'not even looked at': [[[write], [nothing]], ['get', 'touch'], false],
  written: [[[write], [write]], ['get', 'set'], false],
  'an explicit save': [[[write], [(req, res) => {
    req.session.n = 5;
    req.session.save(() => res.end());
  }]], ['get', 'set', 'touch'], false],
  'regenerate and write': [[[write], [(req, res) => { req.session.regenerate(() => write(req, res)); }]], ['get', 'destroy', 'set'], true],
  'regenerate only': [[[write], [(req, res) => { req.session.regenerate(() => res.end()); }]], ['get', 'destroy', 'set'], true],
  'req.session = null': [[[write], [(req, res) => { req.session = null; res.end(); }]], ['get'], false],
  'req.session = null with unset: destroy': [[[write], [(req, res) => { req.session = null; res.end(); }]], ['get', 'destroy'], false, { unset: 'destroy' }],
  'a bad signature': [[[write], [nothing, { cookie: signed('sid-1', 'wrong') }]], [], false],
  'a bad signature and a write': [[[write], [write, { cookie: signed('sid-1', 'wrong') }]], ['set'], true],
  'an unsigned id': [[[write], [nothing, { cookie: 'connect.sid=sid-1' }]], [], false],
  'an unknown id': [[[nothing, { cookie: signed('unknown') }]], ['get'], false],
  'an unknown id and a write': [[[write, { cookie: signed('unknown') }]], ['get', 'set'], true],
  'read only with rolling': [[[write], [read]], ['get', 'touch'], true, { rolling: true }],
  'read only with resave': [[[write], [read]], ['get', 'set'], false, { resave: true }],
  'new and nothing written, saveUninitialized': [[[nothing]], ['set'], true, { saveUninitialized: true }],
  'written, with an expiry': [[[write], [write]], ['get', 'set'], true, { cookie: { maxAge: 5000 } }],
  'read only, with an expiry': [[[write], [read]], ['get', 'touch'], false, { cookie: { maxAge: 5000 } }],
  destroy: [[[write], [(req, res) => { req.session.destroy(() => res.end()); }]], ['get', 'destroy'], false],
  'destroy with unset: destroy': [[[write], [(req, res) => { req.session.destroy(() => res.end()); }]], ['get', 'destroy', 'destroy'], false, { unset: 'destroy' }],
  reload: [[[write], [(req, res) => { req.session.reload(() => res.end()); }]], ['get', 'get', 'touch'], false],
  'reload and write': [[[write], [(req, res) => { req.session.reload(() => write(req, res)); }]], ['get', 'get', 'set'], false],
};

for (const [name, [plan, calls, sent, options = {}]] of Object.entries(table)) {
  each(`store calls: ${name}`, async (t, kind) => {
    clock(t);
    const { told, errors } = await story(t, kind, () => options, plan);
    const last = told.at(-1);
    assert.deepEqual(last.calls, calls);
    assert.equal(last.headers.some((line) => line.startsWith('Set-Cookie')), sent);
    assert.deepEqual(errors, []);
  });
}

each('a truthy req.session is left alone, and the response too', async (t, kind) => {
  await pair(async (module) => {
    const store = ledger({ Store: module.Store });
    const mine = { mine: true };
    let ends;
    const use = [(req, res, next) => {
      req.session = mine;
      ends = [res.end, res.writeHead];
      next();
    }];
    const app = await open(t, { kind, module, use, options: { store } });
    const { cookies } = await app.visit((req, res) => {
      assert.equal(req.session, mine);
      assert.deepEqual([req.sessionID, req.sessionStore], [undefined, undefined]);
      assert.deepEqual([res.end, res.writeHead], ends);
      res.end();
    }, { cookie: signed('sid-1') });
    assert.deepEqual([cookies, store.calls], [[], []]);
  });
});

each('a req.session that is not truthy is replaced', async (t, kind) => {
  for (const value of [undefined, null, false, 0, '']) {
    const use = [(req, res, next) => {
      req.session = value;
      next();
    }];
    const app = await open(t, { kind, use });
    assert.equal((await app.visit(write)).body, '1');
  }
});

each('a second middleware steps aside for the first', async (t, kind) => {
  const { told } = await story(t, kind, () => ({ name: 'second' }), [[write], [write]], {
    use: (module) => [module({ secret: 'a', resave: false, saveUninitialized: false, genid: counter(), name: 'first' })],
  });
  assert.match(told[0].headers.join('\n'), /Set-Cookie: first=/);
  assert.deepEqual(told.map(({ calls }) => calls), [[], []]);
});

const takesAway = {
  'null, unseen': (req) => { req.session = null; },
  'null, seen': (req) => { req.session.first = true; req.session = null; },
  undefined: (req) => { req.session = undefined; },
  deleted: (req) => { delete req.session; },
  'deleted, seen': (req) => { req.session.first = true; delete req.session; },
};

for (const [way, takeAway] of Object.entries(takesAway)) {
  each(`where the first one's session is taken away, both see to that of the second: ${way}`, async (t, kind) => {
    clock(t);
    const make = (isMemory, { MemoryStore, Store }) => (isMemory ? new MemoryStore() : ledger({ Store }));
    const kept = ({ sessions, data }) => (sessions ? Object.entries(sessions) : [...data]);
    for (const [isFirst, isSecond] of [[true, true], [true, false], [false, true], [false, false]]) {
      for (const more of [{}, { cookie: { maxAge: 60000 }, rolling: true }, { saveUninitialized: true, unset: 'destroy' }]) {
        await pair(async (module) => {
          const [one, two] = [make(isFirst, module), make(isSecond, module)];
          const options = { secret: 'keyboard', resave: false, saveUninitialized: false, ...more };
          const use = [module({ ...options, store: one, name: 'first' }), (req, res, next) => {
            takeAway(req);
            next();
          }];
          const app = await open(t, { kind, module, use, options: { ...more, store: two } });
          const told = [];
          for (const handler of [write, write, read]) {
            const { status, body, cookies } = await app.visit(handler);
            told.push(status, body, cookies, [one, two].map((store) => [store.take?.(), kept(store)]));
          }
          return named(told);
        });
      }
    }
  });
}

each('a session id that is no string is never saved', async (t, kind) => {
  for (const id of [42, null, undefined, {}, ['sid'], true, 0, '']) {
    for (const saveUninitialized of [true, false]) {
      const { told, errors } = await story(t, kind, () => ({ genid: () => id, saveUninitialized }), [[write], [read]]);
      if (id === '') continue;
      assert.deepEqual(told.map(({ calls, body }) => [calls, body]), [[[], '1'], [[], 'undefined']]);
      assert.deepEqual(errors, []);
    }
  }
});

each('nor when the handler replaces it', async (t, kind) => {
  for (const id of [42, null, undefined]) {
    const { told } = await story(t, kind, () => ({}), [[write], [(req, res) => {
      req.session.n = 10;
      req.sessionID = id;
      res.end();
    }], [read]]);
    assert.deepEqual([told[1].calls, told[2].body], [['get'], '1']);
  }
  await story(t, kind, () => ({}), [[write], [(req, res) => {
    req.session.n = 10;
    req.sessionID = 'by-hand';
    res.end();
  }], [read]]);
});

each('the id of the request is the one that is touched, whatever the session has', async (t, kind) => {
  const time = clock(t);
  for (const make of [(module) => new module.MemoryStore(), (module) => ledger({ Store: module.Store })]) {
    await pair(async (module) => {
      time.setTime(Date.UTC(2030, 0, 1));
      const store = make(module);
      const app = await open(t, { kind, module, options: { store, genid: counter(), cookie: { maxAge: 60000 } } });
      await app.visit(write);
      const ask = (method, ...args) => new Promise((resolve) => { store[method](...args, (error, data) => { resolve(data); }); });
      const stored = await ask('get', 'sid-1');
      await ask('destroy', 'sid-1');
      // A session is made, and the program takes back what the cookie has brought.
      const { status } = await app.visit(async (req, res) => {
        await ask('set', 'sid-1', stored);
        req.sessionID = 'sid-1';
        req.session.n = 5;
        await new Promise((resolve) => { req.session.save(resolve); });
        time.tick(5000);
        res.end();
      });
      return [status, store.calls, store.data ? Object.fromEntries(store.data) : { ...store.sessions }];
    });
  }
});

each('an id that the store does not know is never adopted', async (t, kind) => {
  for (const make of [(module) => new module.MemoryStore(), (module) => ledger({ Store: module.Store })]) {
    const told = await pair(async (module) => {
      const store = make(module);
      const app = await open(t, { kind, module, options: { store, genid: counter() } });
      const { body, cookies } = await app.visit((req, res) => {
        req.session.user = 'tobi';
        res.end(`${req.sessionID} ${req.session.id}`);
      }, { cookie: signed('chosen-by-the-client') });
      return [body, cookies, Object.keys(store.sessions || Object.fromEntries(store.data))];
    });
    assert.equal(told[0], 'sid-1 sid-1');
    assert.deepEqual(told[2], ['sid-1']);
  }
});

each('the path of the cookie is a plain prefix of the path', async (t, kind) => {
  const look = (req, res) => res.end(`${typeof req.session} ${typeof req.sessionStore}`);
  const urls = ['/', '/app', '/app/', '/app/x', '/apple', '/ap', '/App', '/app?x=1', '/?x=/app', '/x/app', '//app', '/a/../app', '/%61pp', '/app#x',
    'http://127.0.0.1/app/y', 'http://127.0.0.1/other', 'http://127.0.0.1'];
  for (const path of ['/app', '/', '/app/']) {
    const { told } = await story(t, kind, () => ({ cookie: { path } }), urls.map((url) => [look, { path: url }]));
    const within = urls.filter((url, i) => told[i].body === 'object object');
    if (path === '/app') assert.deepEqual(within, ['/app', '/app/', '/app/x', '/apple', '/app?x=1', '/app#x', 'http://127.0.0.1/app/y']);
    if (path === '/') assert.equal(within.length, urls.length);
  }
});

for (const kind of Object.keys(frameworks)) {
  test(`the path is that of the original URL, also where the middleware is mounted (${kind})`, async (t) => {
    const look = (req, res) => res.end(`${req.url} ${typeof req.session}`);
    for (const [path, expected] of [['/app', '/in object'], ['/in', '/in undefined'], ['/', '/in object'], ['/app/in', '/in object']]) {
      const { told } = await story(t, kind, () => ({ cookie: { path } }), [[look, { path: '/app/in' }]], { mount: '/app' });
      assert.equal(told[0].body, expected);
    }
  });
}

test('OPTIONS * is outside every path (http)', (t) => pair(async (module) => {
  const app = await open(t, { module });
  return (await app.visit((req, res) => res.end(typeof req.session), { method: 'OPTIONS', path: '*' })).body;
}).then((body) => assert.equal(body, 'undefined')));

each('req.secret of cookie-parser serves when there is no secret', async (t, kind) => {
  const { told } = await story(t, kind, () => ({ secret: undefined }), [[write], [write], [write, { cookie: signed('sid-1', 'other') }]], { use: [cookieParser('from-parser')] });
  assert.deepEqual(told.map(({ body }) => body), ['1', '2', '1']);
  assert.match(told[0].headers.join('\n'), new RegExp(encodeURIComponent(`s:${signature.sign('sid-1', 'from-parser')}`).replace(/[.*+]/g, '\\$&')));
});

each('without any secret there is an error for next', async (t, kind) => {
  for (const secret of [undefined, null, '', 0, false]) {
    const { told, errors } = await story(t, kind, () => ({ secret }), [[write]]);
    assert.equal(told[0].status, 500);
    assert.deepEqual(errors, ['Error: secret option required for sessions']);
  }
});

each('req.signedCookies and req.cookies of cookie-parser serve as fallbacks', async (t, kind) => {
  // Signed with a secret that only cookie-parser knows.
  const parser = { use: [cookieParser('parser-secret')] };
  const { told } = await story(t, kind, () => ({}), [
    [write],
    [write, { cookie: signed('sid-1', 'parser-secret') }],
    [write, { cookie: signed('sid-1', 'nobodys-secret') }],
    [write, { cookie: signed('sid-1', 'keyboard') }],
  ], parser);
  assert.deepEqual(told.map(({ body }) => body), ['1', '2', '1', '3']);
});

each('what middleware has put into req.signedCookies and req.cookies', async (t, kind) => {
  const good = `s:${signature.sign('sid-1', 'keyboard')}`;
  const bad = `s:${signature.sign('sid-1', 'wrong')}`;
  const cases = [
    [{ signedCookies: { 'connect.sid': 'sid-1' } }, '2'],
    [{ signedCookies: { 'connect.sid': false } }, '1'],
    [{ signedCookies: {} }, '1'],
    [{ cookies: { 'connect.sid': good } }, '2'],
    [{ cookies: { 'connect.sid': bad } }, '1'],
    [{ cookies: { 'connect.sid': 'sid-1' } }, '1'],
    [{ cookies: { 'connect.sid': '' } }, '1'],
    [{ cookies: {} }, '1'],
    [{ signedCookies: { 'connect.sid': false }, cookies: { 'connect.sid': good } }, '2'],
    [{ signedCookies: { 'connect.sid': 'unknown' }, cookies: { 'connect.sid': good } }, '1'],
    [{ cookies: { 'connect.sid': good }, header: signed('sid-1', 'wrong') }, '2'],
    [{ cookies: { 'connect.sid': good }, header: signed('unknown') }, '1'],
    [{ cookies: { other: good } }, '1'],
  ];
  for (const [{ header, ...given }, expected] of cases) {
    const use = [(req, res, next) => {
      if (req.url === '/given') Object.assign(req, given);
      next();
    }];
    const { told } = await story(t, kind, () => ({}), [[write], [write, { path: '/given', cookie: header || false }]], { use });
    assert.equal(told[1].body, expected, JSON.stringify(given));
  }
});

each('req.sessionID, req.sessionStore and req.session are there for the handler', async (t, kind) => {
  const store = ledger();
  const app = await open(t, { kind, options: { store, genid: counter() } });
  const look = (req, res) => {
    assert.equal(req.sessionStore, store);
    assert.equal(req.sessionID, 'sid-1');
    assert.equal(req.session.id, 'sid-1');
    assert.deepEqual(['session', 'sessionID', 'sessionStore'].map((key) => Object.hasOwn(req, key)), [true, true, true]);
    write(req, res);
  };
  await app.visit(look);
  await app.visit(look);
});

each('next is called in the same turn when there is nothing to fetch', async (t, kind) => {
  const turns = [];
  const told = await pair(async (module) => {
    const middleware = module({ secret: 'keyboard', resave: false, saveUninitialized: false });
    const app = await open(t, {
      kind, module,
      middleware: (req, res, next) => {
        let inTurn = true;
        middleware(req, res, (err) => {
          turns.push(inTurn);
          next(err);
        });
        inTurn = false;
      },
    });
    await app.visit(write);
    await app.visit(write);
    return turns.splice(0)[0];
  });
  assert.equal(told, true);
});

each('two requests at once on one session: the last one to end wins', async (t, kind) => {
  const told = await pair(async (module) => {
    const app = await open(t, { kind, module, options: { genid: counter() } });
    await app.visit(write);
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    const slow = app.visit(async (req, res) => {
      req.session.slow = true;
      await held;
      res.end();
    });
    await app.visit((req, res) => {
      req.session.fast = true;
      res.end();
      setImmediate(release);
    });
    await slow;
    return (await app.visit((req, res) => res.end(Object.keys(req.session).join()))).body;
  });
  assert.match(told, /^cookie,n,/);
});
