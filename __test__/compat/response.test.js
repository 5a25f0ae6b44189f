'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');
const cookie = require('cookie');
const signature = require('cookie-signature');
const { files, each, pair, child, clock, open, seen, counter, ledger, story, write, read } = require('./app');

const touchSession = (req) => { req.session.n = (req.session.n || 0) + 1; };

/** The stores whose answers come in different turns. */
const stores = {
  'a MemoryStore': (module) => new module.MemoryStore(),
  'a store that answers later': (module) => ledger({ Store: module.Store }),
  'a store that answers at once': (module) => ledger({ Store: module.Store, sync: true }),
};

/** Runs each handler against a new, a written and an untouched session, on both packages. */
async function compare(t, kind, handlers, options = {}) {
  clock(t);
  const told = {};
  for (const [name, make] of Object.entries(stores)) {
    told[name] = await pair(async (module) => {
      const answers = [];
      const app = await open(t, { kind, module, options: { store: make(module), cookie: { maxAge: 60000 }, genid: counter(), ...options } });
      for (const [label, handler, visit = {}] of handlers) {
        app.jar.clear();
        const changing = (req, res) => {
          touchSession(req);
          return handler(req, res);
        };
        for (const one of [handler, changing, changing, handler]) answers.push([label, seen(await app.visit(one, visit))]);
        answers.push(app.errors.splice(0).map((err) => `${err.name}: ${err.message}`));
      }
      return answers;
    });
  }
  return told;
}

const heads = [
  ['status', (res) => res.writeHead(201)],
  ['status and message', (res) => res.writeHead(201, 'Made')],
  ['status and headers', (res) => res.writeHead(201, { 'X-One': '1', 'x-two': ['2', '3'] })],
  ['status, message and headers', (res) => res.writeHead(201, 'Made', { 'X-One': '1' })],
  ['a flat array', (res) => res.writeHead(201, ['X-One', '1', 'X-Two', '2'])],
  ['a flat array with a message', (res) => res.writeHead(201, 'Made', ['X-One', '1', 'X-One', '2'])],
  ['an array of pairs', (res) => res.writeHead(201, [['X-One', '1'], ['X-Two', '2']])],
  ['undefined headers', (res) => res.writeHead(201, undefined)],
  ['a message and null', (res) => res.writeHead(201, 'Made', null)],
  ['an empty message', (res) => res.writeHead(201, '', { 'X-One': '1' })],
  ['an empty object', (res) => res.writeHead(201, {})],
  ['an empty array', (res) => res.writeHead(201, [])],
  ['a status as text', (res) => res.writeHead('201')],
  ['Set-Cookie in an object', (res) => res.writeHead(200, { 'Set-Cookie': 'a=1' })],
  ['set-cookie in lower case, a list', (res) => res.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] })],
  ['Set-Cookie in a flat array', (res) => res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])],
  ['Set-Cookie in pairs', (res) => res.writeHead(200, [['Set-Cookie', 'a=1'], ['X-One', '1']])],
  ['headers set before', (res) => {
    res.setHeader('X-One', 'before');
    res.setHeader('X-Two', 'before');
    return res.writeHead(200, { 'X-One': 'after' });
  }],
  ['headers set before, and a flat array', (res) => {
    res.setHeader('X-One', 'before');
    return res.writeHead(200, ['x-one', 'after', 'x-one', 'again']);
  }],
  ['a status set before', (res) => {
    res.statusCode = 404;
    res.statusMessage = 'Nowhere';
    return res.writeHead(202);
  }],
];

each('writeHead in all its forms', async (t, kind) => {
  const told = await compare(t, kind, heads.map(([name, act]) => [name, (req, res) => {
    assert.equal(act(res), res);
    res.end('body');
  }]));
  for (const answers of Object.values(told)) {
    for (let i = 0; i < answers.length; i += 5) {
      // New and written: the cookie is there, whatever the form.
      assert.ok(answers[i + 1][1].headers.some((line) => line.startsWith('Set-Cookie: connect.sid=')), answers[i][0]);
    }
  }
});

test('writeHead takes a flat array on a Node.js before 18.3, which has no appendHeader', async () => {
  const [theirs, ours] = await Promise.all([files.original, files.subject].map((file) => child(`
    const http = require('node:http');
    const { serve } = require(process.env.KIT + '/app');
    const { ask } = require(process.env.KIT + '/client');
    delete http.OutgoingMessage.prototype.appendHeader;
    const lists = [['X-One', '1', 'X-Own', '2', 'X-One', '3'], [undefined, '1', 'X-One', '2'], ['X-One']];
    const middleware = require(process.env.PACKAGE)({ secret: 'keyboard', resave: false, saveUninitialized: false });
    const server = http.createServer((req, res) => middleware(req, res, () => {
      res.setHeader('X-One', 'before');
      res.setHeader('X-Two', 'before');
      res.sendDate = false;
      let thrown = 'nothing';
      try {
        res.writeHead(200, lists[Number(req.url.slice(1))]);
      } catch (error) {
        thrown = String(error);
      }
      res.end(thrown);
    }));
    serve(server).then(async ({ port, close }) => {
      for (const i of lists.keys()) {
        const { rawHeaders, body } = await ask(port, '/' + i);
        console.log(rawHeaders.join(), body);
      }
      await close();
    });
  `, { file })));
  assert.deepEqual(ours, theirs);
  assert.equal(theirs.status, 0);
  assert.match(theirs.stdout, /^X-One,3,X-Two,before,X-Own,2,.* nothing\n/);
});

each('writeHead with a wrong argument throws what it threw', async (t, kind) => {
  const wrong = [
    (res) => res.writeHead(200, ['X-One']), (res) => res.writeHead(99), (res) => res.writeHead(1000), (res) => res.writeHead('no'),
    (res) => res.writeHead(200, { 'bad name': '1' }), (res) => res.writeHead(200, { 'X-One': 'a\nb' }), (res) => res.writeHead(200, 'bad\nmessage'),
    (res) => res.writeHead(200) && res.writeHead(200),
  ];
  for (const act of wrong) {
    await pair(async (module) => {
      const app = await open(t, { kind, module });
      const { value } = await app.visit((req, res) => {
        touchSession(req);
        let told = 'nothing';
        try {
          act(res);
        } catch (err) {
          told = [err.name, err.code];
        }
        res.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
        return told;
      });
      assert.notEqual(value, 'nothing', String(act));
      return value;
    });
  }
});

const endings = [
  ['end()', (res) => res.end()],
  ['end(text)', (res) => res.end('hello')],
  ['end(text, encoding)', (res) => res.end('héllo', 'latin1')],
  ['end(hex)', (res) => res.end('68656c6c6f', 'hex')],
  ['end(Buffer)', (res) => res.end(Buffer.from('hello'))],
  ['end(Uint8Array)', (res) => res.end(new Uint8Array([104, 105]))],
  ['end of nothing', (res) => res.end('')],
  ['end(null)', (res) => res.end(null)],
  ['end(undefined)', (res) => res.end(undefined, undefined)],
  ['one byte', (res) => res.end('x')],
  ['write and end', (res) => { res.write('hel'); return res.end('lo'); }],
  ['write and a bare end', (res) => { res.write('hello'); return res.end(); }],
  ['several writes', (res) => { for (const part of ['a', 'b', 'c']) res.write(part); return res.end('d'); }],
  ['Content-Length', (res) => { res.setHeader('Content-Length', 5); return res.end('hello'); }],
  ['Content-Length as text', (res) => { res.setHeader('content-length', '5'); return res.end(Buffer.from('hello')); }],
  ['Content-Length of one', (res) => { res.setHeader('Content-Length', 1); return res.end('x'); }],
  ['Content-Length of none', (res) => { res.setHeader('Content-Length', 0); return res.end(); }],
  ['Content-Length, unicode', (res) => { res.setHeader('Content-Length', 6); return res.end('héllo'); }],
  ['Content-Length, latin1', (res) => { res.setHeader('Content-Length', 5); return res.end('héllo', 'latin1'); }],
  ['Content-Length and writes', (res) => { res.setHeader('Content-Length', 5); res.write('he'); return res.end('llo'); }],
  ['Content-Length and an empty end', (res) => { res.setHeader('Content-Length', 5); res.write('hello'); return res.end(); }],
  ['Content-Length in writeHead', (res) => { res.writeHead(200, { 'Content-Length': 5 }); return res.end('hello'); }],
  ['204', (res) => { res.statusCode = 204; return res.end(); }],
  ['304', (res) => { res.statusCode = 304; return res.end(); }],
  ['flushHeaders', (res) => { res.flushHeaders(); return res.end('hello'); }],
  ['writeHead', (res) => { res.writeHead(202); return res.end('hello'); }],
  ['long', (res) => res.end('x'.repeat(200000))],
  ['trailers', (res) => { res.setHeader('Trailer', 'X-T'); res.write('a'); res.addTrailers({ 'X-T': '1' }); return res.end('b'); }],
];

each('every way to end a response gives the same status, headers and body', async (t, kind) => {
  const handlers = endings.map(([name, act]) => [name, (req, res) => { act(res); }]);
  handlers.push(['HEAD', (req, res) => { res.end('hello'); }, { method: 'HEAD' }]);
  handlers.push(['HEAD with a length', (req, res) => { res.setHeader('Content-Length', 5); res.end('hello'); }, { method: 'HEAD' }]);
  const told = await compare(t, kind, handlers);
  assert.equal(told['a MemoryStore'].length, handlers.length * 5);
});

each('end returns what it returned, and false the second time', async (t, kind) => {
  clock(t);
  for (const make of Object.values(stores)) {
    await pair(async (module) => {
      const told = [];
      const app = await open(t, { kind, module, options: { store: make(module), genid: counter() } });
      for (const [name, act] of endings) {
        // Whether a long body fits the buffers depends on how many parts it is written in.
        if (name === 'long') continue;
        app.jar.clear();
        for (const change of [false, true, false]) {
          const { value } = await app.visit((req, res) => {
            if (change) touchSession(req);
            const first = act(res);
            const second = res.end('more');
            const third = new Promise((resolve) => res.on('finish', () => resolve(res.end('more'))));
            return third.then((last) => [first === res ? 'the response' : first, second, last]);
          });
          assert.deepEqual(value.slice(1), [false, false], name);
          // The original waits for its MemoryStore, and tells whether there is room for more.
          if (value[0] === true && make === stores['a MemoryStore']) value[0] = 'the response';
          told.push([name, value]);
        }
      }
      return told;
    });
  }
});

each('the cookie is settled when headers are written: later changes send none', async (t, kind) => {
  const settle = {
    writeHead: (res) => res.writeHead(200),
    'an implicit header': (res) => res.write('first'),
    flushHeaders: (res) => res.flushHeaders(),
  };
  for (const [name, act] of Object.entries(settle)) {
    const { told } = await story(t, kind, () => ({}), [
      [(req, res) => { act(res); touchSession(req); res.end(); }],
      [(req, res) => { touchSession(req); act(res); touchSession(req); res.end(); }],
      [(req, res) => { act(res); touchSession(req); res.end(); }],
      [read],
      [(req, res) => { act(res); req.session.regenerate(() => write(req, res)); }],
    ]);
    const sent = told.map(({ headers }) => headers.some((line) => line.startsWith('Set-Cookie')));
    assert.deepEqual(sent, [false, true, false, false, false], name);
    // Nothing keeps the session from being saved.
    assert.deepEqual(told[0].calls, ['set']);
    assert.deepEqual(told[3].body, '3');
  }
});

each('the lifetime begins when the headers are written, and only once', async (t, kind) => {
  const time = clock(t);
  for (const settle of [(res) => res.writeHead(200), (res) => res.write('first'), (res) => res.flushHeaders(), () => {}]) {
    const told = await pair(async (module) => {
      time.setTime(Date.UTC(2030, 0, 1));
      const store = ledger({ Store: module.Store });
      const app = await open(t, { kind, module, options: { store, cookie: { maxAge: 60000 }, genid: counter() } });
      const slow = (req, res) => {
        touchSession(req);
        time.tick(2000);
        settle(res);
        time.tick(3000);
        res.end();
      };
      return [seen(await app.visit(slow)), [...store.data], seen(await app.visit(slow)), [...store.data]];
    });
    const at = settle.length ? '00:01:02' : '00:01:05';
    assert.ok(told[0].headers.some((line) => line.includes(`Expires=Tue, 01 Jan 2030 ${at} GMT`)));
    assert.equal(JSON.parse(told[1][0][1]).cookie.expires, `2030-01-01T${at}.000Z`);
  }
});

each('Set-Cookie is appended to those already set', async (t, kind) => {
  const own = {
    none: () => {},
    text: (res) => res.setHeader('Set-Cookie', 'a=1'),
    'a list': (res) => res.setHeader('set-cookie', ['a=1; Path=/', 'b=2']),
    appended: (res) => { res.appendHeader('Set-Cookie', 'a=1'); res.appendHeader('Set-Cookie', 'b=2'); },
    'a number': (res) => res.setHeader('Set-Cookie', 5),
    'an empty list': (res) => res.setHeader('Set-Cookie', []),
    'of the same name': (res) => res.setHeader('Set-Cookie', 'connect.sid=mine'),
  };
  const told = await compare(t, kind, Object.entries(own).map(([name, act]) => [name, (req, res) => { act(res); res.end('x'); }]));
  const [, written] = told['a MemoryStore'].slice(10, 15);
  const lines = written[1].headers.filter((line) => /^set-cookie/i.test(line));
  assert.equal(lines.length, 3);
  assert.match(lines[2], /connect\.sid=/);
});

each('the bytes of Set-Cookie are those of cookie and cookie-signature', async (t, kind) => {
  clock(t);
  const ids = ['plain', 'with space', 'ünïcode', 'a.b.c', 's:x', 'a=b;c', '%41', '😀', "!'()*~-_", '"', '\\', '\x01', 'x'.repeat(2000)];
  for (const secret of ['keyboard', 'sécrèt', Buffer.from([0, 255, 128])]) {
    for (const id of ids) {
      const app = await open(t, { kind, options: { secret, genid: () => id, cookie: { maxAge: 5000, sameSite: 'lax' } } });
      const first = await app.visit(write);
      const expected = cookie.serialize('connect.sid', `s:${signature.sign(id, secret)}`, {
        path: '/', expires: new Date(Date.now() + 5000), httpOnly: true, sameSite: 'lax',
      });
      assert.deepEqual(first.cookies, [expected]);
      assert.equal((await app.visit(write)).body, '2', id);
    }
  }
});

each('an insecure connection gets no secure cookie; the session is saved', async (t, kind) => {
  const { told, errors } = await story(t, kind, () => ({ cookie: { secure: true } }), [
    [write],
    [write, { cookie: `connect.sid=s%3A${encodeURIComponent(signature.sign('sid-1', 'keyboard'))}` }],
  ]);
  assert.deepEqual(told.map(({ calls, body }) => [calls, body]), [[['set'], '1'], [['get', 'set'], '2']]);
  assert.ok(told.every(({ headers }) => !headers.some((line) => line.startsWith('Set-Cookie'))));
  assert.deepEqual(errors, []);
});

/** A store of which one method answers when it is told to. */
function held(module, method) {
  const store = ledger({ Store: module.Store, sync: true });
  const plain = store[method];
  let go;
  store.asked = new Promise((resolve) => {
    store[method] = (...args) => {
      const fn = args.pop();
      plain(...args, (...answer) => {
        go = () => fn(...answer);
        resolve();
      });
    };
  });
  store.release = () => go();
  return store;
}

each('the last part of the body waits for the store', async (t, kind) => {
  const ways = {
    set: [(req) => touchSession(req), false],
    touch: [() => {}, true],
    destroy: [(req) => { req.session = null; }, true],
  };
  const bodies = [
    (res) => res.end('hello'),
    (res) => { res.setHeader('Content-Length', 5); res.end('hello'); },
    (res) => { res.write('hel'); res.end('lo'); },
    (res) => { res.write('hello'); res.end(); },
    (res) => res.end(),
  ];
  const { session: subject } = require('../subject');
  for (const [method, [act, known]] of Object.entries(ways)) {
    for (const body of bodies) {
      const store = held(subject, method);
      const app = await open(t, { kind, options: { store, unset: 'destroy', genid: counter() } });
      if (known) store.data.set('sid-1', '{"cookie":{"path":"/"},"n":1}');
      const order = [];
      let response;
      const visit = app.visit((req, res) => {
        response = res;
        res.on('finish', () => order.push('finished'));
        act(req);
        body(res);
      }, { cookie: known ? `connect.sid=s%3A${encodeURIComponent(signature.sign('sid-1', 'keyboard'))}` : false });
      visit.then(() => order.push('received'));
      await store.asked;
      // Turns in which an answer that does not wait would be through.
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
      assert.deepEqual([order, response.writableEnded], [[], false], method);
      order.push('released');
      store.release();
      const { body: text } = await visit;
      assert.ok(text === 'hello' || text === '');
      assert.equal(order[0], 'released');
      assert.equal(response.writableEnded, true);
    }
  }
});

each('errors of save, touch and destroy reach next in a later turn, and the response completes', async (t, kind) => {
  const ways = {
    set: (req, res) => { touchSession(req); res.end('complete'); },
    touch: (req, res) => { res.end('complete'); },
    destroy: (req, res) => { req.session = null; res.end('complete'); },
  };
  for (const sync of [true, false]) {
    for (const [method, act] of Object.entries(ways)) {
      const failure = new Error(`cannot ${method}`);
      const told = await pair(async (module) => {
        const store = ledger({ Store: module.Store, sync });
        let returned = null;
        const middleware = module({ secret: 'keyboard', resave: false, saveUninitialized: false, store, unset: 'destroy', genid: counter() });
        const turns = [];
        const app = await open(t, {
          kind, module,
          middleware: (req, res, next) => middleware(req, res, (err) => {
            if (err) turns.push(returned);
            next(err);
          }),
        });
        await app.visit(write);
        store.fails[method] = failure;
        const arrived = app.error();
        const answer = await app.visit((req, res) => {
          returned = false;
          act(req, res);
          returned = true;
        });
        assert.equal(await arrived, failure);
        return [seen(answer), turns, app.errors.length, store.take()];
      });
      assert.deepEqual(told.slice(1, 3), [[true], 1], `${method} ${sync}`);
      assert.deepEqual([told[0].status, told[0].body], [200, 'complete']);
    }
  }
});

each('a cookie that cannot be written is an error for next in a later turn, without a cookie', async (t, kind) => {
  // What the options say once and for all is refused at `session()`: see errors.test.js.
  const wrong = [
    [{ cookie: () => ({ domain: 'a b' }) }, 'TypeError: option domain is invalid'],
    [{ cookie: { path: '/', get sameSite() { return 'wrong'; } } }, 'TypeError: option sameSite is invalid'],
    [{}, 'TypeError: option priority is invalid', (req) => { req.session.cookie.priority = 'urgent'; }],
    [{ cookie: { expires: new Date(NaN) } }, 'TypeError: option expires is invalid'],
  ];
  for (const [options, error, act = () => {}] of wrong) {
    const told = await pair(async (module) => {
      const store = ledger({ Store: module.Store });
      const app = await open(t, { kind, module, options: { store, genid: counter(), ...options } });
      const arrived = app.error();
      let returned = false;
      const answer = await app.visit((req, res) => {
        touchSession(req);
        act(req);
        res.end('complete');
        returned = true;
      });
      const err = await arrived;
      return [seen(answer), `${err.name}: ${err.message}`, returned, store.take()];
    });
    assert.deepEqual([told[0].body, told[1], told[3]], ['complete', error, ['set']]);
  }
});

each('a handler that destroys the session after the headers, or answers from a callback', async (t, kind) => {
  await compare(t, kind, [
    ['destroy after write', (req, res) => { res.write('a'); req.session.destroy(() => res.end('b')); }],
    ['save and answer', (req, res) => { req.session.save(() => res.end('saved')); }],
    ['answer in a later turn', (req, res) => { setImmediate(() => res.end('later')); }],
    ['answer, then write to the session', (req, res) => { res.end('first'); req.session.after = 1; }],
    ['null, then a body', (req, res) => { req.session = null; res.end('x'); }],
  ]);
});

each('without a session to save, end takes a callback as Node does', async (t, kind) => {
  await pair(async (module) => {
    const app = await open(t, { kind, module });
    const { value, body } = await app.visit((req, res) => new Promise((resolve) => { res.end(() => resolve('called')); }));
    return [value, body];
  });
});

each('what other middleware has put onto end and writeHead is still called, in its order', async (t, kind) => {
  const told = await pair(async (module) => {
    const log = [];
    const wrap = (name) => (req, res, next) => {
      const { end, writeHead, write: plainWrite } = res;
      res.end = function (...args) {
        log.push(`${name} end`);
        return end.apply(this, args);
      };
      res.writeHead = function (...args) {
        log.push(`${name} writeHead ${this.getHeader('set-cookie') !== undefined}`);
        return writeHead.apply(this, args);
      };
      res.write = function (...args) {
        log.push(`${name} write`);
        return plainWrite.apply(this, args);
      };
      next();
    };
    const answers = [];
    for (const make of Object.values(stores)) {
      const store = make(module);
      const app = await open(t, { kind, module, use: [wrap('before')], options: { store, genid: counter() } });
      for (const act of [write, write, read]) {
        const answer = await app.visit((req, res) => wrap('after')(req, res, () => act(req, res)));
        // A MemoryStore may let the body go in one piece.
        const calls = log.splice(0).filter((line) => !(store instanceof module.MemoryStore && line === 'before write'));
        answers.push(seen(answer), calls);
      }
    }
    return answers;
  });
  assert.ok(told[1].includes('before writeHead true'));
});

each('headers that a wrapper of writeHead puts off carry the cookie that is due then', async (t, kind) => {
  clock(t);
  for (const cookie of [{}, { maxAge: 60000 }]) {
    await story(t, kind, () => ({ cookie }), [write, write, read].map((act) => [(req, res) => {
      const { writeHead } = res;
      let isPutOff = false;
      res.writeHead = function putOff(...args) {
        if (isPutOff) return writeHead.apply(this, args);
        isPutOff = true;
        return this;
      };
      act(req, { end: () => { res.end(); } });
    }]));
  }
});

each('headers that a session without touch refuses stay for the answer that follows', async (t, kind) => {
  await story(t, kind, () => ({ saveUninitialized: true }), [[(req, res) => {
    req.session.touch = 'a form field';
    assert.throws(() => res.writeHead(404, { 'Content-Type': 'text/plain', ETag: '"1"' }), TypeError);
    req.session.destroy(() => res.end());
  }]]);
});

each('keep-alive: one connection serves many requests, each with its own session', async (t, kind) => {
  const app = await open(t, { kind, handler: (req, res) => res.end(String(req.session.n = 1)) });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const cookies = new Set();
  const sockets = new Set();
  for (let i = 0; i < 5; i++) {
    const response = await new Promise((resolve, reject) => {
      http.get({ host: '127.0.0.1', port: app.port, agent }, resolve).on('error', reject).on('socket', (socket) => sockets.add(socket));
    });
    cookies.add(response.headers['set-cookie'][0]);
    for await (const part of response) assert.equal(String(part), '1');
  }
  agent.destroy();
  assert.deepEqual([cookies.size, sockets.size], [5, 1]);
});
