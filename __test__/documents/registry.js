'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const pack = require('../../scripts/install/pack');
const startRegistry = require('../registry');
const { root } = require('./blocks');

/**
 * A registry that has this package as a release would publish it, what it needs, and a package
 * that brings an `express-session` of its own.
 *
 * @param {string} folder takes the tarballs, and the tools that tests fetch
 * @returns {Promise<object>} as of startRegistry, with `folder`, and `bringAll(name)`, which gives
 *   it a package of this checkout and all that this needs
 */
async function startWithPackages(folder) {
  const registry = await startRegistry();
  const { main, platforms } = pack(folder);
  for (const tarball of [main, ...Object.values(platforms)]) registry.takes(tarball);

  const brought = new Set();
  const bringAll = (name, from = root) => {
    const place = installed(name, from);
    if (brought.has(place)) return;
    brought.add(place);
    registry.brings(place);
    const { dependencies = {} } = JSON.parse(fs.readFileSync(path.join(place, 'package.json'), 'utf8'));
    for (const each of Object.keys(dependencies)) bringAll(each, place);
  };
  const bring = (manifest, files = {}) => {
    const place = fs.mkdtempSync(path.join(folder, 'package-'));
    for (const [file, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
      fs.writeFileSync(path.join(place, file), text);
    }
    registry.brings(place);
  };
  for (const name of ['debug', 'depd']) bringAll(name);
  // A package that cannot be loaded is passed over by Node.js, for one further up.
  const files = { 'index.js': 'exports.MemoryStore = class {};' };
  // Only a name, to be replaced: what the original needs is not here.
  // And an older one, or npm and yarn let the alias do for both, without an override.
  bring({ name: 'express-session', version: '1.18.2' }, files);
  bring({ name: 'express-session', version: '1.19.0' }, files);
  bring({ name: 'brings-its-own', version: '1.0.0', dependencies: { 'express-session': '~1.18.0' } }, files);
  // That of this checkout, which is large.
  const compiler = pathToFileURL(path.join(root, 'node_modules', 'typescript', 'lib', 'tsc.js'));
  bring({ name: 'typescript', version: '7.0.2', bin: { tsc: 'tsc.js' } }, {
    'tsc.js': `#!/usr/bin/env node\nimport(${JSON.stringify(compiler.href)});\n`,
  });
  return { ...registry, folder, bringAll };
}

/** Where a package is that another one of this checkout loads. */
function installed(name, from) {
  for (let place = from; place.startsWith(root); place = path.dirname(place)) {
    const found = path.join(place, 'node_modules', name);
    if (fs.existsSync(found)) return found;
  }
  throw new Error(`${name} is not installed`);
}

module.exports = startWithPackages;
