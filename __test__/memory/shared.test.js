'use strict';

/** One store for the worker threads of a process. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const signature = require('cookie-signature');
const { open, files } = require('../compat/app');
const { session } = require('../subject');
const { ask: request } = require('../../test-kit/client');

const { MemoryStore } = session;

const ask = (store, method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});

const sess = (data, cookie = {}) => ({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/', ...cookie }, ...data });

let names = 0;
const newName = () => `test ${process.pid} ${++names}`;

/** Runs `body` in a thread with a store of that name; `message` is what it posts first. */
function thread(name, body, options = {}) {
  const worker = new Worker(`
    const { parentPort, workerData } = require('node:worker_threads');
    const { MemoryStore } = require(workerData.file);
    const sess = ${sess};
    const ask = ${ask};
    const store = new MemoryStore({ ...workerData.options, shared: workerData.name });
    (async () => { ${body} })();
  `, { eval: true, workerData: { file: files.subject, name, options } });
  return { worker, message: once(worker, 'message').then(([message]) => message), exit: once(worker, 'exit') };
}

test('what one thread stores another reads, touches, counts and destroys', async () => {
  const name = newName();
  const store = new MemoryStore({ shared: name });
  await ask(store, 'set', 'a', sess({ from: 'this thread' }));
  await ask(store, 'set', 'gone', sess({}));
  const { message, exit } = thread(name, `
    const found = await ask(store, 'get', 'a');
    await ask(store, 'set', 'b', sess({ from: 'the other' }));
    await ask(store, 'touch', 'a', sess({}, { originalMaxAge: 1000, expires: new Date(4102444800000) }));
    await ask(store, 'destroy', 'gone');
    parentPort.postMessage([found.from, await ask(store, 'length')]);
  `);
  assert.deepEqual(await message, ['this thread', 2]);
  await exit;
  assert.equal((await ask(store, 'get', 'b')).from, 'the other');
  assert.equal((await ask(store, 'get', 'a')).cookie.expires, '2100-01-01T00:00:00.000Z');
  assert.deepEqual(Object.keys(store.sessions), ['a', 'b']);
});

test('in one thread, too, a name is a store', async () => {
  const name = newName();
  await ask(new MemoryStore({ shared: name }), 'set', 'a', sess({ n: 1 }));
  // The first is held by nobody but perhaps the collector.
  const [one, other, stranger] = [new MemoryStore({ shared: name }), new MemoryStore({ shared: name }), new MemoryStore({ shared: newName() })];
  await ask(one, 'set', 'b', sess({ n: 2 }));
  assert.equal((await ask(other, 'get', 'b')).n, 2);
  assert.equal(await ask(stranger, 'get', 'b'), undefined);
});

test('the bounds must be the same', async () => {
  const name = newName();
  const store = new MemoryStore({ shared: name, max: 5 });
  for (const options of [{}, { max: 6 }, { max: 5, maxBytes: 1000 }]) {
    assert.throws(() => new MemoryStore({ ...options, shared: name }), /shared option: a shared store of that name has other bounds/);
  }
  new MemoryStore({ shared: name, max: 5, ttl: 1000 });
  assert.equal(await ask(store, 'length'), 0);
});

test('a session of a request in one thread serves a request in another', async (t) => {
  const name = newName();
  const options = { secret: 'keyboard', resave: false, saveUninitialized: false };
  const { worker, message } = thread(name, `
    const session = require(workerData.file);
    const middleware = session({ ...${JSON.stringify(options)}, store });
    const { serve } = require(${JSON.stringify(require.resolve('../../test-kit/app'))});
    const listener = (req, res) => middleware(req, res, () => {
      req.session.views = (req.session.views || 0) + 1;
      res.end(String(req.session.views));
    });
    serve(listener).then(({ port }) => parentPort.postMessage(port));
  `);
  t.after(() => worker.terminate());
  const port = await message;
  const store = new MemoryStore({ shared: name });
  const here = await open(t, { options: { ...options, store, genid: undefined } });
  await here.visit((req, res) => { req.session.views = 10; res.end(); });
  const headers = { cookie: here.jar.header };
  assert.equal((await request(port, '/', { headers })).body, '11');
  // Not looked at, read and written here, after the other thread has written.
  await here.visit((req, res) => res.end());
  assert.equal((await here.visit((req, res) => res.end(String(req.session.views)))).body, '11');
  await here.visit((req, res) => { req.session.views++; res.end(); });
  assert.equal((await request(port, '/', { headers })).body, '13');
});

test('reading does not take back a cookie that another thread has given the session', async (t) => {
  const name = newName();
  const store = new MemoryStore({ shared: name });
  const app = await open(t, { options: { store, genid: undefined } });
  await app.visit((req, res) => { req.session.n = 1; res.end(); });
  const [sid] = Object.keys(store.sessions);
  const until = '{ originalMaxAge: 1000, expires: new Date(4102444800000) }';
  await app.visit(async (req, res) => {
    const { message, exit } = thread(name, `
      await ask(store, 'touch', ${JSON.stringify(sid)}, sess({}, ${until}));
      parentPort.postMessage(store.sessions[${JSON.stringify(sid)}]);
    `);
    assert.match(await message, /2100-01-01/);
    await exit;
    res.end();
  });
  // The request touched the session with the cookie it had, as it does in one thread.
  assert.match(store.sessions[sid], /"expires":null/);
});

const changes = {
  'the data': (its) => { its.n++; },
  'the data and the cookie': (its) => {
    its.n++;
    its.cookie.maxAge = 5000;
  },
  'data with a text of their own': (its) => {
    its.n++;
    Object.defineProperty(its, 'toJSON', { value() { return { cookie: this.cookie, n: this.n }; } });
  },
};

for (const [what, change] of Object.entries(changes)) {
  test(`logged out in one thread while a request in another changes ${what}: it stays gone`, async (t) => {
    const ROUNDS = 700;
    const name = newName();
    const store = new MemoryStore({ shared: name });
    const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store });
    const turns = new Int32Array(new SharedArrayBuffer(8));
    const { worker } = thread(name, `
      const { turns } = workerData.options;
      for (let turn = 1; turn <= ${ROUNDS}; turn++) {
        while (Atomics.load(turns, 0) !== turn);
        // Now a little before the write, now a little after it.
        for (let left = turn % 500; left > 0; left--) Atomics.load(turns, 0);
        store.destroy('a');
        Atomics.store(turns, 1, turn);
      }
    `, { turns });
    t.after(() => worker.terminate());
    const headers = { cookie: `connect.sid=${encodeURIComponent(`s:${signature.sign('a', 'keyboard')}`)}` };
    const back = [];
    for (let turn = 1; turn <= ROUNDS; turn++) {
      store.set('a', sess({ n: 1 }));
      const req = Object.assign(new http.IncomingMessage(), { method: 'GET', url: '/' });
      Object.assign(req.headers, headers);
      const res = new http.ServerResponse(req);
      middleware(req, res, () => {
        change(req.session);
        Atomics.store(turns, 0, turn);
        res.end();
      });
      while (Atomics.load(turns, 1) !== turn);
      if (store.sessions.a !== undefined) back.push(turn);
    }
    assert.deepEqual(back, []);
  });
}

test('four threads hammer it and lose nothing', async () => {
  const name = newName();
  const store = new MemoryStore({ shared: name });
  const THREADS = 4;
  const EACH = 5000;
  const threads = Array.from({ length: THREADS }, (_, thread_) => thread(name, `
    let own = 0;
    for (let n = 0; n < ${EACH}; n++) {
      const sid = '${thread_} ' + n;
      store.set(sid, sess({ n }), () => {});
      store.set('common', sess({ from: ${thread_}, n }), () => {});
      store.touch('common', sess({}), () => {});
      if (n % 5 === 4) store.destroy('${thread_} ' + (n - 2), () => {});
      if (n % 100 === 0) {
        const found = await ask(store, 'get', sid);
        if (found.n !== n) throw new Error(sid + ': ' + JSON.stringify(found));
        const common = await ask(store, 'get', 'common');
        if (!(common.from >= 0 && common.n >= 0)) throw new Error('common: ' + JSON.stringify(common));
      }
    }
    parentPort.postMessage('done');
  `));
  assert.deepEqual(await Promise.all(threads.map(({ message }) => message)), Array(THREADS).fill('done'));
  await Promise.all(threads.map(({ exit }) => exit));

  const left = THREADS * EACH * 4 / 5;
  assert.equal(await ask(store, 'length'), left + 1);
  const all = await ask(store, 'all');
  for (let thread_ = 0; thread_ < THREADS; thread_++) {
    for (let n = 0; n < EACH; n++) {
      const expected = n % 5 === 2 ? undefined : n;
      assert.equal(all[`${thread_} ${n}`]?.n, expected, `${thread_} ${n}`);
    }
  }
  assert.equal(store.stats().sessions, left + 1);
});

test('four threads, bounded: the store is never over its bound, and holds the last', async () => {
  const name = newName();
  const options = { max: 100 };
  const store = new MemoryStore({ ...options, shared: name });
  const threads = Array.from({ length: 4 }, (_, thread_) => thread(name, `
    for (let n = 0; n < 5000; n++) store.set('${thread_} ' + n, sess({ n }), () => {});
    parentPort.postMessage(store.stats().sessions);
  `, options));
  for (const { message } of threads) {
    const sessions = await message;
    // Another thread may have stored one and not yet evicted one.
    assert.ok(sessions >= 97 && sessions <= 104, String(sessions));
  }
  await Promise.all(threads.map(({ exit }) => exit));
  const { sessions, evicted } = store.stats();
  assert.equal(sessions + evicted, 20_000);
  assert.ok(sessions >= 97 && sessions <= 100, String(sessions));
  await ask(store, 'set', 'last', sess({}));
  assert.ok(await ask(store, 'get', 'last'));
});

test('a thread that is ended in the middle of its calls leaves the store usable', async () => {
  const name = newName();
  const store = new MemoryStore({ shared: name });
  for (let round = 0; round < 10; round++) {
    const { worker, message, exit } = thread(name, `
      store.set('first', sess({}), () => {});
      parentPort.postMessage('busy');
      for (let n = 0; ; n++) {
        store.set('sid ' + n % 500, sess({ n, text: 'x'.repeat(n % 5000) }), () => {});
        store.get('sid ' + (n * 7) % 500, () => {});
        store.destroy('sid ' + (n * 13) % 500, () => {});
      }
    `);
    await message;
    await worker.terminate();
    await exit;
    await ask(store, 'set', `round ${round}`, sess({ round }));
    assert.equal((await ask(store, 'get', `round ${round}`)).round, round);
    const all = await ask(store, 'all');
    assert.equal(Object.keys(all).length, await ask(store, 'length'));
  }
});

test('the last thread that has it frees it', async () => {
  const name = newName();
  const first = thread(name, `
    await ask(store, 'set', 'a', sess({}));
    parentPort.postMessage('stored');
    setInterval(() => {}, 1000);
  `);
  await first.message;
  const second = thread(name, "parentPort.postMessage(await ask(store, 'length')); setInterval(() => {}, 1000);");
  assert.equal(await second.message, 1);
  await first.worker.terminate();
  const third = thread(name, "parentPort.postMessage(await ask(store, 'length'));");
  assert.equal(await third.message, 1, 'the second still has it');
  await third.exit;
  await second.worker.terminate();
  const fourth = thread(name, "parentPort.postMessage(await ask(store, 'length'));");
  assert.equal(await fourth.message, 0);
  await fourth.exit;
});
