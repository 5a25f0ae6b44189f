'use strict';

const { keysOf, without, SHOWN_ONCE_ASSIGNED } = require('./view');

/**
 * Replacements that programs make on the package's own classes. Each returns
 * what undoes it, because the module lives on for the next scenario.
 */
const patches = {
  'Session.prototype.save': (mod, run) => replace(mod.Session.prototype, 'save', (save) => function patched(callback) {
    run.record({ patched: 'save', keys: keysOf(this).join() });
    return save.call(this, callback);
  }),
  'Session.prototype.touch': (mod, run) => replace(mod.Session.prototype, 'touch', (touch) => function patched() {
    run.record({ patched: 'touch' });
    return touch.call(this);
  }),
  'Session.prototype.resetMaxAge': (mod, run) => replace(mod.Session.prototype, 'resetMaxAge', (reset) => function patched() {
    run.record({ patched: 'resetMaxAge' });
    return reset.call(this);
  }),
  'Session.prototype.reload': (mod, run) => replace(mod.Session.prototype, 'reload', (reload) => function patched(callback) {
    run.record({ patched: 'reload' });
    return reload.call(this, callback);
  }),
  'Session.prototype.destroy': (mod, run) => replace(mod.Session.prototype, 'destroy', (destroy) => function patched(callback) {
    run.record({ patched: 'destroy' });
    return destroy.call(this, callback);
  }),
  'Session.prototype.regenerate': (mod, run) => replace(mod.Session.prototype, 'regenerate', (regenerate) => function patched(callback) {
    run.record({ patched: 'regenerate' });
    return regenerate.call(this, callback);
  }),
  'Session.prototype.toJSON': (mod) => replace(mod.Session.prototype, 'toJSON', () => function toJSON() {
    return { ...without({ ...this }, SHOWN_ONCE_ASSIGNED), shown: true };
  }),
  'Session.prototype.login': (mod) => replace(mod.Session.prototype, 'login', () => function login(user) {
    this.user = user;
  }),
  'Cookie.prototype.data': (mod) => replaceGetter(mod.Cookie.prototype, 'data', (get) => function data() {
    const value = get.call(this);
    if (typeof this.originalMaxAge === 'number') value.maxAge = this.originalMaxAge / 1000;
    return value;
  }),
  'Cookie.prototype.toJSON': (mod) => replace(mod.Cookie.prototype, 'toJSON', (toJSON) => function patched() {
    return { ...toJSON.call(this), seen: true };
  }),
  'Cookie.prototype.serialize': (mod, run) => replace(mod.Cookie.prototype, 'serialize', (serialize) => function patched(...args) {
    run.record({ patched: 'serialize' });
    return serialize.apply(this, args);
  }),
  'Cookie.prototype.maxAge': (mod) => replaceGetter(mod.Cookie.prototype, 'maxAge', (get) => function maxAge() {
    const left = get.call(this);
    return typeof left === 'number' ? Math.round(left) : left;
  }),
  'Store.prototype.createSession': (mod, run) => replace(mod.Store.prototype, 'createSession', (create) => function patched(req, data) {
    run.record({ patched: 'createSession', keys: Object.keys(data).join() });
    return create.call(this, req, data);
  }),
  'Store.prototype.regenerate': (mod, run) => replace(mod.Store.prototype, 'regenerate', (regenerate) => function patched(req, callback) {
    run.record({ patched: 'regenerate' });
    return regenerate.call(this, req, callback);
  }),
};

for (const name of ['get', 'set', 'destroy', 'touch']) {
  patches[`MemoryStore.prototype.${name}`] = (mod, run) => replace(mod.MemoryStore.prototype, name, (method) => function patched(...args) {
    run.record({ patched: name, sid: String(args[0]) });
    return method.apply(this, args);
  });
}

function replace(object, name, make) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: false,
    writable: true,
    value: make(object[name]),
  });
  return () => restore(object, name, before);
}

function replaceGetter(object, name, make) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { ...before, get: make(before.get) });
  return () => restore(object, name, before);
}

function restore(object, name, before) {
  if (before) Object.defineProperty(object, name, before);
  else delete object[name];
}

module.exports = { patches };
