'use strict';

/**
 * Sessions of some kB, which are made of the object that JSON gave: nothing of that shows.
 */

const { inspect } = require('node:util');
const { test } = require('node:test');
const { clock, kinds, named, open, pair, seen } = require('./app');

const many = (count, name = (i) => `key${i}`) => Object.fromEntries(Array.from({ length: count }, (_, i) => [name(i), { i, text: 'x'.repeat(10) }]));

/** Data over 4,096 characters of JSON, and some around that. */
const sizes = {
  'many keys': () => many(300),
  'few keys': () => ({ text: 'y'.repeat(9000), cart: [{ id: 1 }, { id: 2 }], user: { name: 'Ada' } }),
  'array indexes among them': () => ({ ...many(150), ...many(150, String) }),
  'a key called req': () => ({ ...many(200), req: 'mine' }),
  'a nested key called req': () => ({ ...many(200), nested: { req: 1 } }),
  'a text that looks like a key called req': () => ({ ...many(200), text: '"req":' }),
  'names of methods': () => ({ ...many(200), touch: 1, constructor: 2 }),
  'a key called cookie in the data': () => ({ ...many(200), nested: { cookie: 5 } }),
  '4,095 characters': () => ({ a: 'z'.repeat(4095 - 8) }),
  '4,096 characters': () => ({ a: 'z'.repeat(4096 - 8) }),
  '4,097 characters': () => ({ a: 'z'.repeat(4097 - 8) }),
};

const uses = {
  look: (req) => [
    Object.keys(req.session), JSON.stringify(req.session), Object.getOwnPropertyNames(req.session).includes('req'),
    req.session.req === req, req.session.id === req.sessionID, Object.prototype.propertyIsEnumerable.call(req.session, 'req'),
    inspect(req.session, { depth: 0 }).slice(0, 200), Object.getPrototypeOf(req.session).constructor.name,
  ],
  'change a key': (req) => { req.session.key7 = 'changed'; },
  'change what is nested': (req) => { Object(Object.values(req.session).at(-1)).added = true; },
  'add and delete': (req) => { req.session.added = 1; delete req.session.key3; },
  'save and reload': async (req) => {
    req.session.key5 = 'saved';
    await new Promise((resolve) => { req.session.save(resolve); });
    await new Promise((resolve) => { req.session.reload(resolve); });
    return [req.session.key5, Object.keys(req.session).length];
  },
  touch: (req) => { req.session.touch(); },
  regenerate: async (req) => {
    const data = { ...req.session };
    await new Promise((resolve) => { req.session.regenerate(resolve); });
    delete data.cookie;
    Object.assign(req.session, data);
  },
};

for (const kind of kinds) {
  for (const [size, make] of Object.entries(sizes)) {
    test(`${size} (${kind})`, async (t) => {
      const time = clock(t);
      const start = Date.now();
      await pair(async (module) => {
        time.setTime(start);
        const store = new module.MemoryStore();
        const app = await open(t, { kind, module, options: { store, cookie: { maxAge: 60000 } } });
        const told = [seen(await app.visit((req, res) => { req.session.first = true; res.end(); }))];
        // Not by the session, which has no place for some of the keys.
        const [[sid, text]] = Object.entries(store.sessions);
        await new Promise((resolve) => { store.set(sid, { ...JSON.parse(text), ...make() }, resolve); });
        for (const use of Object.values(uses)) {
          const answer = await app.visit(async (req, res) => {
            const value = await use(req);
            res.end();
            return value;
          });
          told.push(seen(answer), answer.value, Object.values(store.sessions), app.errors.map(String));
        }
        return named(told);
      });
    });
  }
}
