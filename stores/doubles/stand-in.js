'use strict';

/**
 * Gives `require` a double instead of a package that a store loads by itself, and
 * that cannot be loaded without its vendor's libraries.
 *
 * @param {string} name of a package
 * @param {object} double what it exports
 */
function standIn(name, double) {
  const file = require.resolve(name);
  require.cache[file] ??= { id: file, filename: file, loaded: true, children: [], paths: [], exports: double };
}

module.exports = standIn;
