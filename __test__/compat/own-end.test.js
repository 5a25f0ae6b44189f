'use strict';

/**
 * What a request does to its own session, without waiting for it, and to the session
 * then. The old session is stored, as with the original, also by stores that keep another
 * request's logout from being undone.
 */

const assert = require('node:assert/strict');
const { each, pair, open, named, counter, ledger, write, original } = require('./app');

/** A store whose optional method would not store what is destroyed. */
function guarded(Store) {
  const store = ledger({ Store });
  store.setIfPresent = (sid, data, callback) => {
    if (store.data.has(sid)) store.data.set(sid, JSON.stringify(data));
    setImmediate(callback);
  };
  return store;
}

/** A MemoryStore whose methods a program watches. */
function watched({ MemoryStore }) {
  const store = new MemoryStore();
  for (const name of ['get', 'set', 'touch', 'destroy']) {
    const method = store[name];
    store[name] = function spied(...args) { return method.apply(this, args); };
  }
  return store;
}

const stores = {
  MemoryStore: ({ MemoryStore }) => new MemoryStore(),
  'a watched MemoryStore': watched,
  'a store with setIfPresent': ({ Store }) => guarded(Store),
  'a store with setIfPresent on the original Store': () => guarded(original.Store),
};

/** Without a genid, a new session of a MemoryStore sleeps, too. */
const genids = [undefined, counter];

const nobody = () => {};

const ways = {
  'regenerate, then the old session written': (req) => {
    const mine = req.session;
    mine.regenerate(nobody);
    mine.user = 'ann';
  },
  'store.regenerate, then the session written': (req) => {
    req.sessionStore.regenerate(req, nobody);
    req.session.user = 'ann';
  },
  'destroy, then the old session put back and written': (req) => {
    const old = req.session;
    old.destroy();
    req.session = old;
    old.user = 'ann';
  },
  'regenerate, waited for, then the old session put back and written': async (req) => {
    const old = req.session;
    await new Promise((resolve) => { old.regenerate(resolve); });
    req.session = old;
    old.user = 'ann';
  },
  'saved, then regenerate, then the old session written': async (req) => {
    const mine = req.session;
    mine.user = 'bob';
    await new Promise((resolve) => { mine.save(resolve); });
    mine.regenerate(nobody);
    mine.user = 'ann';
  },
  'reloaded, then destroy, then the new session put back and written': async (req) => {
    await new Promise((resolve) => { req.session.reload(resolve); });
    const mine = req.session;
    mine.destroy(nobody);
    req.session = mine;
    mine.user = 'ann';
  },
  'not looked at, then destroy of it': (req) => { req.session.destroy(nobody); },
  'set to null': (req) => { req.session = null; },
};

/** Of what a store of another package does by itself nobody is told. */
const isTold = (name, storeName) => !(name.startsWith('store.regenerate') && storeName.endsWith('original Store'));

for (const [storeName, makeStore] of Object.entries(stores)) {
  for (const [name, way] of Object.entries(ways).filter(([name]) => isTold(name, storeName))) {
    each(`${name}: ${storeName}`, async (t, kind) => {
      for (const genid of genids) {
        const told = await pair(async (module) => {
          const store = makeStore(module);
          const app = await open(t, { kind, module, options: { store, genid: genid && genid() } });
          const first = await app.visit(write);
          const { cookies } = await app.visit(async (req, res) => {
            await way(req);
            res.end();
          });
          const answer = await app.visit((req, res) => { res.end(JSON.stringify([req.sessionID, req.session])); });
          return named([first.cookies, cookies, JSON.parse(answer.body), app.errors.map(String)]);
        });
        // Waited for, it has another id, which the cookie brings.
        if (name.includes('written') && !name.includes('waited for')) assert.match(told, /\["sid-1",[^[]*"user":"ann"/);
      }
    });
  }
}

each('a new id, then reload: what was loaded is stored under the new id', async (t, kind) => {
  for (const [makeStore, genid] of Object.values(stores).flatMap((makeStore) => genids.map((genid) => [makeStore, genid]))) {
    const told = await pair(async (module) => {
      const store = makeStore(module);
      const app = await open(t, { kind, module, options: { store, genid: genid && genid() } });
      await app.visit(write);
      const { cookies } = await app.visit(async (req, res) => {
        const { session } = req;
        req.sessionID = 'new';
        await new Promise((resolve) => { session.reload(resolve); });
        res.end();
      });
      const { body } = await app.visit((req, res) => { res.end(JSON.stringify([req.sessionID, req.session])); });
      return [cookies, body, app.errors.map(String)];
    });
    assert.match(told[1], /^\["new",.*"n":1/);
  }
});

each('an id that genid gives again, after a destroy, is that of another session', async (t, kind) => {
  for (const makeStore of Object.values(stores)) {
    const told = await pair(async (module) => {
      const store = makeStore(module);
      const app = await open(t, { kind, module, options: { store, genid: () => 'always' } });
      await app.visit(write);
      await app.visit((req, res) => new Promise((resolve) => {
        req.sessionStore.destroy(req.sessionID, () => {
          req.sessionStore.generate(req);
          req.session.fresh = 1;
          res.end();
          resolve();
        });
      }));
      const { body } = await app.visit((req, res) => { res.end(JSON.stringify([req.session.n, req.session.fresh])); });
      return [body, app.errors.map(String)];
    });
    assert.equal(told[0], '[null,1]');
  }
});

each('a reload in vain, behind a Proxy, is no load: a new session is stored', async (t, kind) => {
  for (const makeStore of Object.values(stores)) {
    await pair(async (module) => {
      const store = makeStore(module);
      const app = await open(t, { kind, module, options: { store } });
      const { value } = await app.visit((req, res) => new Promise((resolve) => {
        const { session } = req;
        req.session = new Proxy(session, {});
        session.reload((error) => {
          req.session.n = 1;
          res.end();
          resolve(String(error));
        });
      }));
      const { body } = await app.visit((req, res) => { res.end(String(req.session.n)); });
      return [value, body];
    });
  }
});

each('what stands for the session of one middleware is not that of the next one', async (t, kind) => {
  for (const makeStore of [stores.MemoryStore, ({ Store }) => ledger({ Store })]) {
    for (const act of ['save', 'destroy']) {
      const told = await pair(async (module) => {
        const store = makeStore(module);
        const options = { secret: 'keyboard', resave: false, saveUninitialized: false, store };
        const mine = new Map();
        const app = await open(t, {
          kind,
          middleware: module({ ...options, name: 'b.sid' }),
          use: [module({ ...options, name: 'a.sid' }), (req, res, next) => {
            req.session.who = 'user';
            mine.set(req, new Proxy(req.session, {}));
            delete req.session;
            next();
          }],
        });
        const { value } = await app.visit((req, res) => new Promise((resolve) => {
          const user = mine.get(req);
          req.session.who = 'admin';
          user.note = 1;
          const isSame = user.id === req.session.id;
          user[act](() => {
            res.end();
            resolve(isSame);
          });
        }));
        const texts = Object.values(store.data ? Object.fromEntries(store.data) : store.sessions);
        return [value, texts.map((text) => JSON.parse(text)).map(({ who, note }) => [who, note]).sort()];
      });
      assert.equal(told[0], false);
    }
  }
});
