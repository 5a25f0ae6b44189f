'use strict';

const fs = require('node:fs');
const path = require('node:path');

const pack = require('../../scripts/install/pack');
const startRegistry = require('../registry');
const { root } = require('./blocks');

/**
 * A registry that has this package as a release would publish it, what it needs, and a package
 * that brings an `express-session` of its own.
 *
 * @param {string} folder takes the tarballs
 * @returns {ReturnType<typeof startRegistry>}
 */
async function startWithPackages(folder) {
  const registry = await startRegistry();
  const { main, platforms } = pack(folder);
  for (const tarball of [main, ...Object.values(platforms)]) registry.takes(tarball);
  for (const name of ['debug', 'depd', 'ms']) registry.brings(path.join(root, 'node_modules', name));

  const bring = (name, manifest) => {
    const place = path.join(folder, name);
    fs.mkdirSync(place);
    fs.writeFileSync(path.join(place, 'package.json'), JSON.stringify({ name, ...manifest }));
    // A package that cannot be loaded is passed over by Node.js, for one further up.
    fs.writeFileSync(path.join(place, 'index.js'), 'exports.MemoryStore = class {};');
    registry.brings(place);
  };
  // Only a name, to be replaced: what the original needs is not here.
  // And an older one, or npm and yarn let the alias do for both, without an override.
  bring('express-session', { version: '1.18.2' });
  bring('brings-its-own', { version: '1.0.0', dependencies: { 'express-session': '~1.18.0' } });
  return registry;
}

module.exports = startWithPackages;
