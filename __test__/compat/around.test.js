'use strict';

/**
 * What programs put around a session (a Proxy, an heir, another prototype, a clone), or
 * in the place of `req.session` and `session.cookie`, and data that look at the cookie
 * while they are turned into JSON. With a MemoryStore and ids of the package's own, so
 * that each session sleeps until it is looked at; and with a store that answers later.
 */

const assert = require('node:assert/strict');
const { each, pair, clock, open, counter, ledger, write } = require('./app');

/** Runs `fn({ module, store, app, same })` on both packages, with each kind of store. */
async function both(t, kind, options, fn, setup) {
  for (const makeStore of [(module) => new module.MemoryStore(), (module) => ledger({ Store: module.Store })]) {
    await pair(async (module) => {
      const store = makeStore(module);
      const genid = store.calls ? counter() : undefined;
      const app = await open(t, { kind, module, options: { store, genid, ...options }, ...setup });
      const names = new Map();
      // Random ids are told apart by when they were first seen.
      const same = (value) => JSON.stringify(value, (key, part) => (part === undefined ? 'undefined' : part))
        ?.replace(/[\w-]{32}|sid-\d+/g, (id) => names.get(id) ?? names.set(id, `id ${names.size}`).get(id));
      const told = await fn({ module, store, app, same });
      return { told, errors: app.errors.map(String) };
    });
  }
}

/** What is stored, in either kind of store. */
const stored = (store) => (store.data ? Object.fromEntries(store.data) : { ...store.sessions });

/** A Proxy that writes down what is set, and chokes on symbols. */
function watched(session, log) {
  return new Proxy(session, {
    get(target, key) {
      if (key.startsWith('get ')) return undefined;
      return target[key];
    },
    set(target, key, value) {
      log.push(`set ${key}`);
      target[key] = value;
      return true;
    },
  });
}

const wrappers = {
  'a Proxy': (session) => new Proxy(session, {}),
  'a Proxy of a Proxy': (session) => new Proxy(new Proxy(session, {}), {}),
  'a Proxy by Reflect': (session) => new Proxy(session, {
    get: (target, key, receiver) => Reflect.get(target, key, receiver),
    set: (target, key, value, receiver) => Reflect.set(target, key, value, receiver),
  }),
  'a Proxy that knows no symbols': (session, { log }) => watched(session, log),
  'an heir': (session) => Object.create(session),
  'an heir with its own': (session) => Object.assign(Object.create(session), { cookie: session.cookie, n: session.n }),
  'another class': (session, { module }) => {
    class Mine extends module.Session {
      get upper() { return String(this.name).toUpperCase(); }
    }
    return Object.setPrototypeOf(session, Mine.prototype);
  },
  'a clone by descriptors': (session) => Object.create(Object.getPrototypeOf(session), Object.getOwnPropertyDescriptors(session)),
};

const acts = {
  nothing: () => undefined,
  write: (req) => { req.session.n += 10; req.session.name = 'ann'; },
  'write and save': (req) => new Promise((resolve) => {
    req.session.n += 10;
    const result = req.session.save((...results) => resolve([typeof result, results.map(String)]));
  }),
  'write and reload': (req) => new Promise((resolve) => {
    req.session.n += 10;
    const result = req.session.reload?.((...results) => {
      const { n } = req.session;
      req.session.after = true;
      resolve([typeof result, results.map(String), n]);
    });
    if (req.session.reload === undefined) resolve('none');
  }),
  'reload, write and save': (req) => new Promise((resolve) => {
    req.session.reload((...results) => {
      req.session.n += 5;
      const result = req.session.save((...saved) => resolve([results.map(String), typeof result, saved.map(String)]));
    });
  }),
  regenerate: (req) => (req.session.regenerate ? new Promise((resolve) => {
    const { session } = req;
    const result = session.regenerate((...results) => {
      req.session.n = 1000;
      resolve([result === session, results.map(String)]);
    });
  }) : 'none'),
  destroy: (req) => (req.session.destroy ? new Promise((resolve) => {
    const { session } = req;
    const result = session.destroy((...results) => resolve([result === session, results.map(String)]));
  }) : 'none'),
};

for (const [what, wrap] of Object.entries(wrappers)) {
  each(`${what} around the session`, async (t, kind) => {
    clock(t);
    for (const [name, act] of Object.entries(acts)) {
      for (const cookie of [{}, { maxAge: 60000 }]) {
        await both(t, kind, { cookie }, async ({ module, store, app, same }) => {
          const log = [];
          await app.visit((req, res) => {
            req.session.n = 1;
            res.end();
          });
          const { value, status } = await app.visit(async (req, res) => {
            const { session } = req;
            req.session = wrap(session, { module, log });
            const { id } = req.session;
            const told = [
              id === req.sessionID, id === session.id, req.session.req === req, typeof req.session.save, await act(req, res),
              req.session && req.session.id === req.sessionID, req.session && req.session.req === req,
            ];
            res.end('done');
            return told;
          });
          return same([name, value, status, log, stored(store), store.calls]);
        });
      }
    }
  });
}

/** The session loses its id and its methods, or gets others, until it is looked at again. */
const strangers = {
  'a class that knows nothing of sessions': (session) => {
    class Apart {
      touch() { this.cookie.maxAge = this.cookie.originalMaxAge; return this; }
    }
    return Object.setPrototypeOf(session, Apart.prototype);
  },
  'a class with methods of that name': (session, { module }) => {
    class Mine extends module.Session {
      save() { throw new Error('the session has its own'); }

      reload() { throw new Error('the session has its own'); }

      get id() { return 'mine'; }
    }
    return Object.setPrototypeOf(session, Mine.prototype);
  },
};

for (const [what, wrap] of Object.entries(strangers)) {
  each(`${what}, as the prototype of the session`, async (t, kind) => {
    clock(t);
    await both(t, kind, { cookie: { maxAge: 60000 } }, async ({ module, store, app, same }) => {
      const answers = [];
      for (const n of [1, 2, 2]) {
        const { status, cookies } = await app.visit((req, res) => {
          wrap(req.session, { module });
          req.session.n = n;
          res.end();
        });
        answers.push(status, cookies.length);
      }
      return same([answers, stored(store), store.calls]);
    });
  });
}

/** A clone that takes over what `Object.getOwnPropertyNames` lists. */
function cloneByNames(session) {
  const clone = Object.create(Object.getPrototypeOf(session));
  for (const name of Object.getOwnPropertyNames(session)) {
    Object.defineProperty(clone, name, Object.getOwnPropertyDescriptor(session, name));
  }
  return clone;
}

each('a clone by names has the id and the request', async (t, kind) => {
  clock(t);
  await both(t, kind, {}, async ({ store, app, same }) => {
    await app.visit(write);
    const { value } = await app.visit((req, res) => {
      const clone = cloneByNames(req.session);
      req.session = clone;
      clone.n += 1;
      res.end();
      return [clone.id === req.sessionID, clone.req === req];
    });
    return same([value, stored(store)]);
  });
});

each('a Proxy around a session that was regenerated, or reloaded under another id', async (t, kind) => {
  clock(t);
  await both(t, kind, {}, async ({ store, app, same }) => {
    await app.visit(write);
    const told = [];
    for (const change of ['regenerate', 'reload']) {
      const { value } = await app.visit((req, res) => new Promise((resolve) => {
        const first = new Proxy(req.session, {});
        if (change === 'reload') req.sessionID = 'another';
        first[change](() => {
          const second = new Proxy(req.session, {});
          req.session = second;
          second.n = 7;
          const result = second.save(() => {
            res.end();
            resolve([
              typeof result, first.id === second.id, second.id === req.sessionID,
              Object.create(first).id === first.id, Object.create(second).id === second.id,
            ]);
          });
        });
      }));
      told.push(value, stored(store));
    }
    return same(told);
  });
});

each('the session of a store outside of a request, through a Proxy', async (t, kind) => {
  clock(t);
  await both(t, kind, {}, async ({ store, app, same }) => {
    await app.visit(write);
    const [sid] = Object.keys(stored(store));
    const session = await new Promise((resolve, reject) => store.load(sid, (err, loaded) => (err ? reject(err) : resolve(loaded))));
    const proxy = new Proxy(session, {});
    proxy.n = 3;
    await new Promise((resolve) => proxy.save(resolve));
    return same([proxy.id === sid, proxy.req.sessionID === sid, stored(store)]);
  });
});

each('data that look at the cookie while they are turned into JSON', async (t, kind) => {
  clock(t);
  const looks = {
    getter: (req) => Object.defineProperty(req.session, 'ends', {
      enumerable: true, configurable: true, get() { return this.cookie.originalMaxAge; },
    }),
    toJSON: (req) => { req.session.user = { toJSON: (key) => [key, req.session.cookie.path] }; },
    'the session\'s toJSON': (req) => Object.defineProperty(req.session, 'toJSON', {
      configurable: true, value() { return { cookie: this.cookie, n: this.n, path: this.cookie.path }; },
    }),
    'many keys': (req) => {
      for (let i = 0; i < 150; i++) req.session[`key${i}`] = i;
      req.session.last = { toJSON: () => req.session.cookie.httpOnly };
      req.session.none = undefined;
    },
    'an own __proto__': (req) => Object.defineProperty(req.session, '__proto__', {
      value: { polluted: true }, enumerable: true, configurable: true, writable: true,
    }),
  };
  for (const [name, look] of Object.entries(looks)) {
    await both(t, kind, { cookie: { maxAge: 60000 } }, async ({ store, app, same }) => {
      const answers = [];
      for (const n of [1, 1, 2]) {
        const { status, cookies } = await app.visit((req, res) => {
          req.session.n = n;
          look(req);
          res.end();
        });
        answers.push(status, cookies.length);
      }
      return same([name, answers, stored(store), store.calls]);
    });
  }
});

each('an accessor for the cookie is read and never written', async (t, kind) => {
  clock(t);
  await both(t, kind, { cookie: { maxAge: 60000 } }, async ({ store, app, same }) => {
    const sets = [];
    for (const n of [1, 2, 2]) {
      await app.visit((req, res) => {
        const { cookie } = req.session;
        Object.defineProperty(req.session, 'cookie', {
          configurable: true, enumerable: true, get: () => cookie, set: (value) => { sets.push(value); },
        });
        req.session.n = n;
        res.end();
      });
    }
    return same([sets, stored(store)]);
  });
});

each('form fields called save and reload are no data', async (t, kind) => {
  clock(t);
  const fields = {
    'save, and nothing else': (req) => { req.session.save = 'x'; },
    reload: (req) => { req.session.reload = 'x'; },
    'reload and data': (req) => Object.assign(req.session, { reload: ['x'], name: 'ann' }),
    'reload and an explicit save': (req) => new Promise((resolve) => {
      Object.assign(req.session, { reload: 'x', name: 'bob' });
      req.session.save(resolve);
    }),
    'all that is unknown': (req) => Object.assign(req.session, { id2: 1, Save: 2, reloaded: 3 }),
  };
  for (const [name, assign] of Object.entries(fields)) {
    await both(t, kind, {}, async ({ store, app, same }) => {
      await app.visit(write);
      const { status, value } = await app.visit(async (req, res) => {
        await assign(req);
        const shown = [Object.keys(req.session), JSON.stringify(req.session)];
        res.end('page');
        // With a store that answers later the key shows until the end of the response.
        return store.calls ? undefined : shown;
      });
      return same([name, status, value, stored(store), store.calls]);
    });
  }
});

/** What may stand on a request in place of its first session, and the session of the request before. */
const standIns = {
  ...wrappers,
  'a clone by names': cloneByNames,
  'a Proxy of a clone': (session) => new Proxy(cloneByNames(session), {}),
  'an heir of a clone': (session) => Object.create(cloneByNames(session)),
  'the session of another request': (session, { earlier }) => earlier,
  'a clone of the session of another request': (session, { earlier }) => cloneByNames(earlier),
};

for (const [what, wrap] of Object.entries(standIns)) {
  each(`form fields called save and reload, given to ${what}`, async (t, kind) => {
    clock(t);
    const fields = {
      save: (session) => { session.save = 'x'; },
      reload: (session) => { session.reload = null; },
      'reload and data': (session) => Object.assign(session, { reload: ['x'], name: 'ann' }),
      'reload and an explicit save': (session) => new Promise((resolve) => {
        Object.assign(session, { reload: 'x', name: 'bob' });
        session.save(resolve);
      }),
    };
    for (const [name, assign] of Object.entries(fields)) {
      // An heir is modified by it; then the end of the response throws in the original.
      if (name === 'save' && what.startsWith('an heir')) continue;
      await both(t, kind, { resave: false }, async ({ module, store, app, same }) => {
        let earlier;
        await app.visit((req, res) => {
          earlier = req.session;
          write(req, res);
        });
        const answers = [];
        for (let i = 0; i < 2; i++) {
          const { status } = await app.visit(async (req, res) => {
            req.session = wrap(req.session, { module, earlier, log: [] });
            await assign(req.session);
            res.end('page');
          });
          answers.push(status, stored(store));
        }
        return same([name, answers, store.calls]);
      });
    }
  });
}

each('an accessor for session that a program made', async (t, kind) => {
  clock(t);
  const places = {
    'on the request, configurable': (req, accessor) => Object.defineProperty(req, 'session', { ...accessor, configurable: true }),
    'on the request, not configurable': (req, accessor) => Object.defineProperty(req, 'session', accessor),
    'on what the request inherits from': (req, accessor) => {
      const between = Object.create(Object.getPrototypeOf(req), { session: { ...accessor, configurable: true } });
      Object.setPrototypeOf(req, between);
    },
    'a property without a value': (req) => { req.session = undefined; },
  };
  for (const [name, place] of Object.entries(places)) {
    const sets = [];
    const accessor = (held) => ({
      enumerable: true,
      get: () => held.session,
      set(session) {
        sets.push(session && typeof session.id);
        held.session = session;
      },
    });
    const use = [(req, res, next) => {
      place(req, accessor({}));
      next();
    }];
    await both(t, kind, {}, async ({ store, app, same }) => {
      const told = [];
      for (const handler of [write, write, (req, res) => res.end('not looked at'), (req, res) => { req.session = null; res.end(); }]) {
        const { status, body } = await app.visit(handler);
        told.push(status, body, sets.splice(0));
      }
      return same([name, told, stored(store), store.calls]);
    }, { use });
  }
});

each('a getter on app.request hands out something else each time', async (t, kind) => {
  clock(t);
  const use = [(req, res, next) => {
    let held;
    Object.defineProperty(req, 'session', {
      configurable: true, get: () => held && new Proxy(held, {}), set: (session) => { held = session; },
    });
    next();
  }];
  await both(t, kind, {}, async ({ store, app, same }) => {
    const bodies = [];
    for (let i = 0; i < 3; i++) bodies.push((await app.visit(write)).body);
    assert.deepEqual(bodies, ['1', '2', '3']);
    return same([bodies, stored(store)]);
  }, { use });
});
