'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { kinds, ledger, open, read, write } = require('../compat/app');
const { session } = require('../subject');
const { flaw } = require('./flaw');

const later = (fn, ...args) => { setImmediate(fn, ...args); };
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** A store whose method `name` answers through `misbehave(callback, ...results)`. */
function odd(name, misbehave) {
  const store = ledger();
  const method = store[name];
  store[name] = (...args) => {
    const callback = args.pop();
    method(...args, (...results) => misbehave(callback, ...results));
  };
  return store;
}

/** Ways to call back twice. */
const twices = {
  'twice at once': (callback, ...results) => {
    callback(...results);
    callback(...results);
  },
  'twice, later': (callback, ...results) => {
    callback(...results);
    later(callback, ...results);
  },
  'with its answer and then an error': (callback, ...results) => {
    callback(...results);
    later(callback, new Error('second'));
  },
};

const passes = { get: 'touch', set: 'set', touch: 'touch', destroy: 'destroy' };

for (const kind of kinds) {
  for (const [how, misbehave] of Object.entries(twices)) {
    for (const name of Object.keys(passes)) {
      // Express itself passes over a second `next` without an error.
      const isHeard = name === 'get' && (kind === 'http' || how.includes('error'));
      const declare = isHeard ? flaw : test;
      declare(`${name} calls back ${how}: one response, one pass through the app (${kind})`, async (t) => {
        const store = odd(name, misbehave);
        const app = await open(t, { kind, options: { store, unset: 'destroy' } });
        let passed = 0;
        await app.visit(write);
        const answer = await app.visit((req, res) => {
          passed++;
          if (name === 'set') req.session.n++;
          if (name === 'destroy') req.session = null;
          res.end('once');
        });
        await wait(20);
        assert.deepEqual([answer.status, answer.body, passed], [200, 'once', 1]);
        assert.deepEqual(app.errors, []);
      });
    }
  }
}

/** What programs call on a session, and a store's method behind it. */
const calls = {
  save: (req, callback) => req.session.save(callback),
  reload: (req, callback) => req.session.reload(callback),
  destroy: (req, callback) => req.session.destroy(callback),
  regenerate: (req, callback) => req.session.regenerate(callback),
};
const methods = { save: 'set', reload: 'get', destroy: 'destroy', regenerate: 'destroy' };

for (const [call, act] of Object.entries(calls)) {
  flaw(`a program's ${call} callback runs once, though the store calls back twice`, async (t) => {
    let isOdd = false;
    const store = odd(methods[call], (callback, ...results) => {
      if (isOdd) twices['twice, later'](callback, ...results);
      else callback(...results);
    });
    const app = await open(t, { options: { store } });
    await app.visit(write);
    let runs = 0;
    const answer = await app.visit((req, res) => {
      isOdd = true;
      return new Promise((resolve) => {
        act(req, () => {
          runs++;
          isOdd = false;
          res.end(String(runs));
          setTimeout(resolve, 20);
        });
      });
    });
    assert.equal(answer.body, '1');
    assert.equal(runs, 1);
  });
}

flaw('a store that throws after it has answered harms nobody', async (t) => {
  const store = ledger({ sync: true });
  const { get } = store;
  store.get = (sid, callback) => {
    get(sid, callback);
    throw new Error('after the answer');
  };
  const app = await open(t, { options: { store } });
  await app.visit(write);
  const answer = await app.visit(read);
  assert.deepEqual([answer.status, answer.body], [200, '1']);
  assert.deepEqual(app.errors, []);
});

/** The end of a request that calls the store's method. */
const ends = {
  set(req, res) {
    req.session.n++;
    res.end('page');
  },
  touch(req, res) { res.end('page'); },
  destroy(req, res) {
    req.session = null;
    res.end('page');
  },
};

for (const kind of kinds) {
  for (const [name, end] of Object.entries(ends)) {
    flaw(`${name} answers and then throws: nobody is told after the response (${kind})`, async (t) => {
      const store = ledger({ sync: true });
      const app = await open(t, { kind, options: { store, unset: 'destroy' } });
      await app.visit(write);
      const method = store[name];
      store[name] = (...args) => {
        method(...args);
        throw new Error('after the answer');
      };
      let thrown;
      const answer = await app.visit((req, res) => {
        try {
          end(req, res);
        } catch (error) {
          thrown = error;
        }
      });
      await wait(5);
      assert.deepEqual([answer.status, answer.body, thrown, app.errors], [200, 'page', undefined, []]);
    });
  }

  flaw(`a save of a program's own that answers and then throws harms nobody (${kind})`, async (t) => {
    const app = await open(t, { kind, options: { store: ledger({ sync: true }) } });
    const answer = await app.visit((req, res) => {
      const { save } = req.session;
      Object.defineProperty(req.session, 'save', {
        value(callback) {
          save.call(this, callback);
          throw new Error('after the answer');
        },
      });
      req.session.n = 1;
      res.end('page');
    });
    await wait(5);
    assert.deepEqual([answer.status, answer.body, app.errors], [200, 'page', []]);
  });
}

for (const call of ['save', 'destroy', 'reload', 'regenerate']) {
  flaw(`a program's ${call} is told nothing of what a store throws after its answer`, async (t) => {
    const store = ledger({ sync: true });
    const app = await open(t, { options: { store } });
    await app.visit(write);
    const answer = await app.visit((req, res) => {
      const method = store[methods[call]];
      store[methods[call]] = (...args) => {
        method(...args);
        throw new Error('after the answer');
      };
      calls[call](req, (error) => {
        store[methods[call]] = method;
        res.end(String(error));
      });
    });
    assert.match(answer.body, /undefined|null/);
  });
}

for (const kind of kinds) {
  for (const name of ['get', 'set', 'touch', 'destroy']) {
    // Frameworks catch what `get` throws.
    const declare = name === 'get' && kind !== 'http' ? test : flaw;
    declare(`${name} throws: the error reaches next, and the response is delivered (${kind})`, async (t) => {
      const store = ledger();
      const app = await open(t, { kind, options: { store, unset: 'destroy' } });
      await app.visit(write);
      store[name] = () => { throw new Error(`${name} throws`); };
      const answer = await app.visit((req, res) => {
        if (name === 'set') req.session.n++;
        if (name === 'destroy') req.session = null;
        res.end('page');
      });
      assert.equal(answer.status, 500);
      assert.equal(answer.body, `${name} throws`);
      assert.equal(app.errors.length, 1);
    });
  }
}

test('an exception of the app that a store takes for its own is told, not lost', async (t) => {
  const store = ledger();
  const { get } = store;
  // As an async function with one try around all of it.
  store.get = (sid, callback) => get(sid, (error, data) => {
    try {
      callback(error, data);
    } catch (thrown) {
      callback(thrown);
    }
  });
  const middleware = session({ secret: 'keyboard', resave: false, saveUninitialized: false, store });
  const app = await open(t, {
    middleware: (req, res, next) => middleware(req, res, (error) => {
      if (!error && req.url === '/broken') throw new Error('of the app');
      next(error);
    }),
  });
  await app.visit(write);
  const answer = await app.visit(read, { path: '/broken' });
  assert.deepEqual([answer.status, answer.body], [500, 'of the app']);
});
