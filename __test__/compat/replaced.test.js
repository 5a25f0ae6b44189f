'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { each, pair, clock, open, seen, counter, write, read } = require('./app');
const { AS_EXPECTED, withoutCallback } = require('../promised');
const { session } = require('../subject');

/** Puts methods onto an object for the time of `fn`, as test libraries and programs do. */
async function replacing(object, methods, fn) {
  const before = new Map(Object.keys(methods).map((name) => [name, Object.getOwnPropertyDescriptor(object, name)]));
  for (const [name, method] of Object.entries(methods)) object[name] = method;
  try {
    return await fn();
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(object, name, descriptor);
      else delete object[name];
    }
  }
}

/** Wraps the named methods so that each call is written into `log`. */
function spies(object, names, log) {
  return Object.fromEntries(names.map((name) => {
    const plain = object[name];
    return [name, function (...args) {
      log.push(name);
      return plain.apply(this, args);
    }];
  }));
}

const regenerate = (req, res) => { req.session.regenerate(() => write(req, res)); };
const reload = (req, res) => { req.session.reload(() => write(req, res)); };
const save = (req, res) => {
  req.session.n = 50;
  req.session.save(() => res.end());
};
const destroy = (req, res) => { req.session.destroy(() => res.end()); };
const unset = (req, res) => { req.session = null; res.end(); };
const visits = { write, read, reload, save, regenerate, unset, destroy };

/** The visits on both packages, with what `prepare` has replaced and logged. */
function compare(t, kind, prepare) {
  return pair(async (module) => {
    const log = [];
    const told = {};
    const store = new module.MemoryStore();
    await prepare({ module, store, log, start: (options) => open(t, { kind, module, options: { store, unset: 'destroy', genid: counter(), ...options } }), run: async (app) => {
      for (const [name, handler] of Object.entries({ first: write, ...visits })) {
        told[name] = [seen(await app.visit(handler)), log.splice(0)];
      }
      told.errors = app.errors.map(String);
    } });
    return told;
  });
}

const storeMethods = ['get', 'set', 'touch', 'destroy', 'createSession', 'generate', 'regenerate'];
const expected = { first: ['set'], write: ['get', 'set'], read: ['get', 'touch'] };

const places = {
  'on MemoryStore.prototype': ({ module }) => module.MemoryStore.prototype,
  'on one store': ({ store }) => store,
};

for (const [where, place] of Object.entries(places)) {
  for (const when of ['before', 'after']) {
    each(`methods spied ${where}, ${when} session() was called`, async (t, kind) => {
      const names = storeMethods.slice(0, 4);
      const told = await compare(t, kind, async ({ start, run, log, ...rest }) => {
        const object = place(rest);
        let app = when === 'after' && await start();
        await replacing(object, spies(object, names, log), async () => {
          app = app || await start();
          await run(app);
        });
      });
      for (const [name, calls] of Object.entries(expected)) assert.deepEqual(told[name][1], calls, name);
    });
  }

  for (const name of ['get', 'set', 'touch', 'destroy']) {
    each(`only ${name} spied, ${where}, between two requests`, async (t, kind) => {
      const told = await compare(t, kind, async ({ start, run, log, ...rest }) => {
        const object = place(rest);
        const app = await start();
        await app.visit(write);
        app.jar.clear();
        await replacing(object, spies(object, [name], log), () => run(app));
      });
      assert.ok(Object.values(told).some(([, log]) => Array.isArray(log) && log.includes(name)));
    });
  }

  each(`createSession, regenerate and generate spied, ${where}`, async (t, kind) => {
    const told = await compare(t, kind, async ({ module, store, start, run, log }) => {
      const app = await start();
      const object = where.includes('prototype') ? module.Store.prototype : store;
      await replacing(object, spies(object, ['createSession', 'regenerate'], log), () => replacing(store, spies(store, ['generate'], log), () => run(app)));
    });
    assert.deepEqual([told.first[1], told.read[1], told.regenerate[1]], [['generate'], ['createSession'], ['createSession', 'regenerate', 'generate']]);
  });

  each(`a method that is replaced during the request, ${where}`, async (t, kind) => {
    const log = [];
    const told = await pair(async (module) => {
      const store = new module.MemoryStore();
      const object = place({ module, store });
      const app = await open(t, { kind, module, options: { store, genid: counter() } });
      await app.visit(write);
      const { set, touch } = object;
      const own = ['set', 'touch'].map((name) => [name, Object.getOwnPropertyDescriptor(object, name)]);
      for (const handler of [write, read]) {
        await app.visit((req, res) => {
          object.set = function (...args) { log.push('set'); return set.apply(this, args); };
          object.touch = function (...args) { log.push('touch'); return touch.apply(this, args); };
          handler(req, res);
        });
      }
      for (const [name, descriptor] of own) {
        if (descriptor) Object.defineProperty(object, name, descriptor);
        else delete object[name];
      }
      return log.splice(0);
    });
    assert.deepEqual(told, ['set', 'touch']);
  });
}

each('a replaced get decides what the session is', async (t, kind) => {
  const told = await compare(t, kind, async ({ module, start, run }) => {
    const app = await start();
    await replacing(module.MemoryStore.prototype, {
      get(sid, fn) { setImmediate(fn, null, { cookie: {}, n: 700 }); },
    }, () => run(app));
  });
  assert.equal(told.read[0].body, '700');
});

/** What makes the end of a request call each method of the store. */
const endings = { set: write, touch: read, destroy: unset };

for (const [where, place] of Object.entries(places)) {
  for (const [name, handler] of Object.entries(endings)) {
    each(`a replaced ${name} that fails is an error for next (${where})`, async (t, kind) => {
      const told = await pair(async (module) => {
        const store = new module.MemoryStore();
        const app = await open(t, { kind, module, options: { store, unset: 'destroy', genid: counter() } });
        await app.visit(write);
        return replacing(place({ module, store }), {
          [name](...args) { setImmediate(args.at(-1), new Error('no room')); },
        }, async () => {
          const arrived = app.error();
          return [seen(await app.visit(handler)), String(await arrived)];
        });
      });
      assert.equal(told[1], 'Error: no room');
    });

    each(`a replaced ${name} holds the end of the response back (${where})`, async (t, kind) => {
      const store = new session.MemoryStore();
      const app = await open(t, { kind, options: { store, unset: 'destroy' } });
      await app.visit(write);
      const order = [];
      let hold;
      const asked = new Promise((resolve) => {
        hold = (...args) => resolve(() => {
          order.push('released');
          args.at(-1)();
        });
      });
      await replacing(place({ module: session, store }), { [name]: hold }, async () => {
        const visit = app.visit(handler).then(() => order.push('received'));
        const go = await asked;
        for (let i = 0; i < 20; i++) await new Promise(setImmediate);
        assert.deepEqual(order, []);
        go();
        await visit;
        assert.deepEqual(order, ['released', 'received']);
      });
    });
  }
}

const sessionMethods = ['save', 'reload', 'touch', 'resetMaxAge', 'regenerate', 'destroy'];

for (const when of ['before', 'after']) {
  each(`methods of Session.prototype replaced ${when} session() was called`, async (t, kind) => {
    const told = await compare(t, kind, async ({ module, start, run, log }) => {
      const { prototype } = module.Session;
      let app = when === 'after' && await start();
      await replacing(prototype, spies(prototype, sessionMethods, log), async () => {
        app = app || await start();
        await run(app);
      });
    });
    assert.deepEqual(told.first[1], ['touch', 'resetMaxAge', 'save']);
    assert.deepEqual(told.read[1], ['touch', 'resetMaxAge']);
    assert.deepEqual(told.destroy[1], ['destroy']);
  });

  for (const name of sessionMethods) {
    each(`Session.prototype.${name} replaced alone, ${when} session() was called`, async (t, kind) => {
      const told = await compare(t, kind, async ({ module, start, run, log }) => {
        const { prototype } = module.Session;
        let app = when === 'after' && await start();
        await replacing(prototype, spies(prototype, [name], log), async () => {
          app = app || await start();
          await run(app);
        });
      });
      assert.ok(Object.values(told).some(([, log]) => Array.isArray(log) && log.includes(name)), name);
    });
  }
}

each('a save that never reaches the store, and one that fails', async (t, kind) => {
  const told = await compare(t, kind, async ({ module, start, run }) => {
    const app = await start();
    await replacing(module.Session.prototype, {
      save(fn) {
        if (fn) setImmediate(fn);
        return this;
      },
    }, () => run(app));
  });
  assert.equal(told.read[0].body, 'undefined');

  const failed = await pair(async (module) => {
    const app = await open(t, { kind, module });
    return replacing(module.Session.prototype, {
      save(fn) { fn(new Error('will not save')); },
    }, async () => {
      const arrived = app.error();
      return [(await app.visit(write)).body, String(await arrived)];
    });
  });
  assert.deepEqual(failed, ['1', 'Error: will not save']);
});

each('a save that is put onto one session is the one that is called at the end', async (t, kind) => {
  const told = await pair(async (module) => {
    const app = await open(t, { kind, module, options: { genid: counter() } });
    const log = [];
    await app.visit(write);
    const { value } = await app.visit((req, res) => {
      const plain = req.session.save;
      req.session.save = function (...args) {
        log.push('mine');
        return plain.apply(this, args);
      };
      write(req, res);
      return JSON.stringify(req.session);
    });
    return [log, value, (await app.visit(read)).body];
  });
  assert.equal(told[2], '2');
  assert.deepEqual(told[0], ['mine']);
});

each('a touch that is put onto one session', async (t, kind) => {
  const told = await pair(async (module) => {
    const app = await open(t, { kind, module, options: { genid: counter(), cookie: { maxAge: 60000 } } });
    let touches = 0;
    await app.visit(write);
    await app.visit((req, res) => {
      Object.defineProperty(req.session, 'touch', { value() { touches++; return this; } });
      write(req, res);
    });
    return touches;
  });
  assert.equal(told, 1);
});

each('methods of a program on Session.prototype: login and logout', async (t, kind) => {
  const told = await pair(async (module) => {
    const app = await open(t, { kind, module, options: { genid: counter() } });
    return replacing(module.Session.prototype, {
      login(user, fn) {
        const { req } = this;
        this.regenerate((err) => {
          if (err) return fn(err);
          req.session.user = user;
          return req.session.save(fn);
        });
        return this;
      },
      logout(fn) {
        delete this.user;
        this.save(fn);
      },
    }, async () => {
      const bodies = [];
      const tell = (req, res) => res.end(JSON.stringify([req.session.id, req.session.user, Object.keys(req.session)]));
      for (const handler of [
        write,
        (req, res) => { req.session.login('tobi', () => tell(req, res)); },
        tell,
        (req, res) => { req.session.logout(() => tell(req, res)); },
        tell,
      ]) bodies.push((await app.visit(handler)).body);
      return bodies;
    });
  });
  assert.deepEqual(JSON.parse(told[1]).slice(0, 2), ['sid-2', 'tobi']);
  // The method is enumerable, as the program made it so, but it is no data.
  assert.deepEqual(JSON.parse(told[2]), ['sid-2', 'tobi', ['cookie', 'user']]);
  assert.deepEqual(JSON.parse(told[4]), ['sid-2', null, ['cookie']]);
});

each('toJSON of a program on Session.prototype', async (t, kind) => {
  const told = await pair(async (module) => {
    const store = new module.MemoryStore();
    const app = await open(t, { kind, module, options: { store, genid: counter() } });
    return replacing(module.Session.prototype, {
      toJSON() {
        return { cookie: this.cookie, n: this.n, kept: 'by toJSON' };
      },
    }, async () => {
      const answers = [];
      for (const handler of [write, write, read, (req, res) => { req.session.left = 'out'; res.end(); }]) {
        answers.push(seen(await app.visit(handler)), { ...store.sessions });
      }
      return answers;
    });
  });
  assert.match(told[1]['sid-1'], /"kept":"by toJSON"/);
});

each('Date.prototype.toJSON of a program', async (t, kind) => {
  clock(t);
  const told = await pair(async (module) => {
    const store = new module.MemoryStore();
    const app = await open(t, { kind, module, options: { store, genid: counter(), cookie: { expires: new Date(Date.UTC(2040, 0, 1)) } } });
    return replacing(Date.prototype, { toJSON() { return 'some day'; } }, async () => {
      await app.visit((req, res) => { req.session.when = new Date(0); res.end(); });
      return { ...store.sessions };
    });
  });
  assert.match(told['sid-1'], /"when":"some day"/);
});

test('replacing leaves everything as it was', async () => {
  const before = Object.getOwnPropertyNames(session.Session.prototype);
  await replacing(session.Session.prototype, { login() {} }, async () => {});
  assert.deepEqual(Object.getOwnPropertyNames(session.Session.prototype), before);
});

/** What a program may do with the methods of a session before it calls one that it has taken from the session. */
const uses = {
  'as they are': (its) => ({ save: () => its.save(), reload: (done) => its.reload(done) }),
  'save replaced': (its) => {
    const { save: taken } = its;
    its.save = function (...args) { return taken.apply(this, args); };
    return { save: () => its.save(), reload: (done) => its.reload(done) };
  },
  'both replaced': (its) => {
    const { save: taken, reload: other } = its;
    its.save = function (...args) { return taken.apply(this, args); };
    its.reload = function (...args) { return other.apply(this, args); };
    return { save: () => its.save(), reload: (done) => its.reload(done) };
  },
  'both replaced, through a Proxy': (its) => {
    const { save: taken, reload: other } = its;
    Object.assign(its, { save: (...args) => taken.apply(its, args), reload() {} });
    const stand = new Proxy(its, {});
    return { save: () => taken.call(stand), reload: (done) => other.call(stand, done) };
  },
  'both replaced, through an heir': (its) => {
    const { save: taken, reload: other } = its;
    Object.assign(its, { save: (...args) => taken.apply(its, args), reload() {} });
    const stand = Object.create(its);
    // An heir has no data of its own to save.
    return { save: () => AS_EXPECTED, reload: (done) => other.call(stand, done) };
  },
  'of the class': (its) => {
    const { save: taken, reload: other } = Object.getPrototypeOf(its);
    return { save: () => taken.call(its), reload: (done) => other.call(its, done) };
  },
};

each('what save and reload return is theirs, whichever session they are of and whoever has replaced them', async (t, kind) => {
  await pair(async (module) => {
    const app = await open(t, { kind, module, options: { genid: counter() } });
    await app.visit(write);
    const answers = {};
    const first = (req, use) => use(req.session);
    const reloaded = (req, use) => { req.session.reload(() => use(req.session)); };
    const twice = (req, use) => { req.session.reload(() => req.session.reload(() => use(req.session))); };
    const regenerated = (req, use) => { req.session.regenerate(() => use(req.session)); };
    for (const [which, get] of Object.entries({ first, reloaded, twice, regenerated })) {
      // The first session has no others here, so those of the class are its own.
      for (const [name, prepare] of Object.entries(uses)) {
        if (which === 'first' && name === 'of the class') continue;
        await app.visit(write);
        const { body } = await app.visit((req, res) => {
          get(req, (its) => {
            const { save: itsSave, reload: itsReload } = prepare(its);
            const said = (result) => (result instanceof module.Session ? 'the session' : String(result));
            const results = [withoutCallback(module, itsSave()), itsReload(() => res.end(results.map(said).join()))];
          });
        });
        answers[`${which}, ${name}`] = body;
      }
    }
    return answers;
  });
});
