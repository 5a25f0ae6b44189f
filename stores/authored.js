'use strict';

const path = require('node:path');
const { pathToFileURL } = require('node:url');

/**
 * The row of a store somebody is writing: a module that exports
 * `(session, backend) => store`, a promise of one, or a Store class in connect
 * style, `(session) => class`.
 *
 * @param {string} file absolute
 * @returns {import('./table').Row}
 */
function authored(file) {
  return {
    name: path.basename(file).replace(/\.[cm]?js$/, ''),
    path: file,
    loads: 'arg',
    folder: '',
    async open(session, at) {
      const made = await (await factoryOf(file))(session, at);
      return typeof made === 'function' ? new made(at) : made;
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
    throw new TypeError(`${path.basename(file)} must export (session, backend) => store`);
  }
  return exported;
}

module.exports = authored;
