'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

/** Without one of these, requests never end, and the checks tell nothing. */
const REQUIRED = ['get', 'set', 'destroy', 'on'];

/**
 * The row of a store somebody is writing: a module that exports
 * `(session, backend) => store`, a promise of one, a Store class in connect
 * style, `(session) => class`, or the class itself.
 *
 * @param {string} file absolute
 * @returns {import('./table').Row}
 * @throws {Error} if there is no such module
 */
function authored(file) {
  if (/\.[cm]?tsx?$/.test(file)) {
    throw new Error(`${file} is TypeScript: compile it, as docs/own-store.md says, and name the .js file`);
  }
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) throw new Error(`there is no file ${file}`);
  const name = path.basename(file);
  return {
    name: name.replace(/\.[cm]?js$/, ''),
    path: file,
    loads: 'arg',
    folder: '',
    async open(session, at) {
      const factory = await factoryOf(file);
      const made = isClass(factory) ? factory : await factory(session, at);
      const store = typeof made === 'function' ? new made(at) : made;
      verify(store, name);
      return store;
    },
  };
}

/**
 * @param {string} file
 * @returns {Promise<Function>}
 */
async function factoryOf(file) {
  let exported = await import(pathToFileURL(file).href);
  // A compiled module keeps its default one level deeper.
  while (exported && typeof exported !== 'function' && exported.default) exported = exported.default;
  if (typeof exported !== 'function') {
    throw new TypeError(`${path.basename(file)} exports no store: its default export, or module.exports, must be ` +
      '(session, backend) => store');
  }
  return exported;
}

/** A store's class, which cannot be called, or a function that is used like one. */
function isClass({ prototype }) {
  return typeof prototype?.get === 'function';
}

/**
 * @param {any} store
 * @param {string} name of the file it comes from
 * @throws {TypeError} if no request could be answered with it
 */
function verify(store, name) {
  if (typeof store !== 'object' || store === null) throw new TypeError(`${name} made ${store} in place of a store`);
  const absent = REQUIRED.filter((method) => typeof store[method] !== 'function');
  if (absent.length === 0) return;
  throw new TypeError(`the store of ${name} has no ${absent.map((method) => `${method}()`).join(', ')}: ` +
    'it must extend session.Store, and have get, set and destroy');
}

module.exports = authored;
