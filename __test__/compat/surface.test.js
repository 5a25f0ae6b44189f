'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const { original, files, child } = require('./app');
const { session, deep, isOurs } = require('../subject');

const classes = ['Cookie', 'MemoryStore', 'Session', 'Store'];
/** The names that only this package has. `Object.keys` does not list them. */
const additions = isOurs ? ['DiskStore', 'migrate'] : [];

test('require gives the function with the four classes and nothing else', () => {
  assert.equal(typeof session, 'function');
  assert.deepEqual(Object.keys(session).sort(), classes);
  assert.deepEqual(Object.keys(original).sort(), classes);
  for (const name of classes) assert.equal(session[name].name, original[name].name);
});

test('session(options) gives a middleware that frameworks take for one', () => {
  const [theirs, ours] = [original, session].map((module) => {
    const middleware = module({ secret: 'a', resave: false, saveUninitialized: false });
    return [module.length, typeof middleware, middleware.length];
  });
  assert.deepEqual(ours, theirs);
});

const imports = (file) => `
  import session, { Store, Cookie, Session, MemoryStore } from ${JSON.stringify(String(pathToFileURL(file)))};
  import * as all from ${JSON.stringify(String(pathToFileURL(file)))};
  const store = new MemoryStore();
  session({ secret: 'a', resave: false, saveUninitialized: false, store });
  console.log(JSON.stringify({
    same: [Store, Cookie, Session, MemoryStore].map((one) => session[one.name] === one),
    store: store instanceof Store,
    names: Object.keys(all).filter((name) => name !== 'module.exports').sort(),
  }));`;

test('named ESM imports are the properties of the default one', async () => {
  const run = await child(imports(files.subject), { file: files.subject, args: ['--input-type=module'] });
  assert.equal(run.stderr, '');
  assert.deepEqual(JSON.parse(run.stdout), {
    same: [true, true, true, true],
    store: true,
    names: ['Cookie', 'MemoryStore', 'Session', 'Store', 'default', ...additions].sort(),
  });
});

test('a dynamic import finds the same objects as require', async () => {
  const all = await import(pathToFileURL(files.subject));
  assert.equal(all.default, session);
  for (const name of classes) assert.equal(all[name], session[name]);
});

for (const [file, name] of [['cookie', 'Cookie'], ['memory', 'MemoryStore'], ['session', 'Session'], ['store', 'Store']]) {
  test(`session/${file} is ${name}, with and without .js`, async () => {
    assert.equal(deep(`session/${file}`), session[name]);
    assert.equal(deep(`session/${file}.js`), session[name]);
    const url = pathToFileURL(path.join(path.dirname(files.subject), 'session', `${file}.js`));
    assert.equal((await import(url)).default, session[name]);
  });
}

test('a deep import works as the first thing that is loaded', async () => {
  for (const file of ['cookie', 'memory', 'session', 'store']) {
    const run = await child(`
      const path = require('node:path');
      const one = require(path.join(path.dirname(process.env.PACKAGE), 'session', ${JSON.stringify(file)}));
      const session = require(process.env.PACKAGE);
      console.log(session[one.name] === one);`, { file: files.subject });
    assert.deepEqual([run.stdout, run.stderr], ['true\n', '']);
  }
});

test('package.json closes no path, and its version answers peer ranges', () => {
  const pkg = deep('package.json');
  assert.equal(pkg.exports, undefined);
  assert.match(pkg.version, /^1\.19\.\d+$/);
});

test('the methods of each prototype are those of the original, and all can be replaced', () => {
  for (const name of classes) {
    const theirs = Object.getOwnPropertyDescriptors(original[name].prototype);
    for (const [key, descriptor] of Object.entries(theirs)) {
      const ours = Object.getOwnPropertyDescriptor(session[name].prototype, key);
      const where = `${name}.prototype.${key}`;
      assert.ok(ours, where);
      assert.equal(typeof ours.value, typeof descriptor.value, where);
      assert.equal(typeof ours.get, typeof descriptor.get, where);
      assert.equal(typeof ours.set, typeof descriptor.set, where);
      assert.equal(ours.configurable, true, where);
      assert.equal(ours.enumerable, descriptor.enumerable, where);
      if (descriptor.value && key !== 'constructor') assert.equal(ours.value.length, descriptor.value.length, where);
    }
  }
});

test('stores are event emitters, and a MemoryStore is a Store', () => {
  const store = new session.MemoryStore();
  assert.ok(store instanceof session.Store);
  assert.ok(store instanceof EventEmitter);
  assert.ok(new session.Store() instanceof EventEmitter);
});

test('ours and the original are two packages', { skip: !isOurs }, () => {
  for (const name of classes) assert.notEqual(session[name], original[name]);
});
