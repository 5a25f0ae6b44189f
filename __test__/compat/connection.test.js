'use strict';

/** `disconnect` and `connect` of a store that several middlewares use. */

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { test } = require('node:test');
const { pair, child, files } = require('./app');
const { session, isOurs } = require('../subject');

const quiet = { secret: 'keyboard', resave: false, saveUninitialized: false };

/** What a store must have besides events. */
const methods = { get(sid, fn) { fn(); }, set(sid, data, fn) { fn(); }, destroy(sid, fn) { fn(); } };

/** Whether a request has a session. */
function isOn(middleware) {
  const req = { headers: {}, url: '/' };
  middleware(req, {}, () => {});
  return Boolean(req.session);
}

/** Emits only what its listeners were told by `on`, and keeps them where nobody finds them. */
class OnlyOn {
  #listeners = [];
  on(event, listener) { this.#listeners.push([event, listener]); }
  emit(event) { for (const [its, listener] of this.#listeners) if (its === event) listener(); }
}

/** Tells each new listener at once how things are. */
class Telling extends OnlyOn {
  #last = 'connect';
  on(event, listener) {
    super.on(event, listener);
    if (event === this.#last) listener();
  }

  emit(event) {
    this.#last = event;
    super.emit(event);
  }
}

/** Its listeners are others than those that it was given. */
class Wrapping extends EventEmitter {
  on(event, listener) { return super.on(event, () => { listener(); }); }
}

class OddlyListed extends EventEmitter {
  listeners() { throw new Error('not yours'); }
}

const stores = {
  MemoryStore: (module) => new module.MemoryStore(),
  Store: (module) => Object.assign(new module.Store(), methods),
  'an EventEmitter that was never initialised': () => Object.assign(Object.create(EventEmitter.prototype), methods),
  'no EventEmitter': () => Object.assign(new OnlyOn(), methods),
  'one that tells at once': () => Object.assign(new Telling(), methods),
  'one that wraps its listeners': () => Object.assign(new Wrapping(), methods),
  'one with listeners of its own': () => Object.assign(new OddlyListed(), methods, { listeners: 5 }),
  'one whose listeners throw': () => Object.assign(new OddlyListed(), methods),
};

/** Steps: make a middleware, emit an event, or something that is done to the store. */
const plans = [
  ['make', 'disconnect', 'make', 'connect', 'make', 'disconnect'],
  ['disconnect', 'make', 'make', 'disconnect', 'disconnect', 'make', 'connect'],
  ['make', 'make', 'connect', 'make', 'disconnect', 'make', 'disconnect', 'connect', 'disconnect'],
];

for (const [name, makeStore] of Object.entries(stores)) {
  test(`each middleware follows what happens after it was made: ${name}`, async () => {
    for (const plan of plans) {
      const told = await pair((module) => {
        const store = makeStore(module);
        const made = [];
        return plan.map((step) => {
          if (step === 'make') made.push(module({ ...quiet, store }));
          else store.emit(step);
          return made.map(isOn);
        });
      });
      assert.ok(told.flat().includes(false) && told.flat().includes(true));
    }
  });
}

test('listeners that a program takes off are gone for those made before, not for those made after', () => pair((module) => {
  const ways = [
    (store) => store.removeAllListeners(),
    (store) => store.removeAllListeners('disconnect'),
    (store) => store.removeAllListeners('connect'),
    (store) => { for (const listener of store.listeners('disconnect')) store.off('disconnect', listener); },
  ];
  const told = ways.map((way) => {
    const store = new module.MemoryStore();
    const made = [module({ ...quiet, store })];
    const make = () => { made.push(module({ ...quiet, store })); };
    const steps = [() => way(store), make, () => store.emit('disconnect'), () => store.emit('connect'), () => way(store), () => store.emit('disconnect'), make, () => store.emit('connect')];
    return steps.map((step) => {
      step();
      return made.map(isOn);
    });
  });
  assert.deepEqual(told[0][2], [true, false]);
  return told;
}));

test('a middleware for each request adds no listeners, and is not kept', { skip: !isOurs }, async () => {
  for (const makeStore of Object.values(stores)) {
    const store = makeStore(session);
    const counts = { disconnect: 0, connect: 0 };
    const { on } = store;
    store.on = function count(event, listener) {
      counts[event]++;
      return on.call(this, event, listener);
    };
    for (let i = 0; i < 20; i++) session({ ...quiet, store });
    assert.deepEqual(counts, { disconnect: 1, connect: 1 });
  }

  const { status, stderr } = await child(`
    const session = require(process.env.PACKAGE);
    const store = new session.MemoryStore();
    let dropped = 0;
    const registry = new FinalizationRegistry(() => { dropped++; });
    for (let i = 0; i < 100; i++) {
      const middleware = session({ secret: 'a', resave: false, saveUninitialized: false, store });
      registry.register(middleware);
      middleware({ headers: {}, url: '/' }, {}, () => {});
    }
    let turns = 0;
    (function wait() {
      global.gc();
      if (dropped >= 99) return;
      if (++turns > 50) throw new Error('only ' + dropped + ' were dropped');
      setImmediate(wait);
    })();
  `, { file: files.subject, args: ['--expose-gc'] });
  assert.equal(status, 0, stderr);
});
