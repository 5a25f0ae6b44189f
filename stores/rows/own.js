'use strict';

const { spawnSync } = require('node:child_process');
const path = require('node:path');
const authored = require('../authored');
const DiskStore = require('../../session/disk');
const { engineOf } = require('../../session/store/engine-of');

const root = path.join(__dirname, '..', '..');
const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const project = path.join(root, 'stores', 'own', 'tsconfig.json');

/** The store of docs/own-store.md, compiled as its author would, and the DiskStore of this package. */
module.exports = [
  {
    name: 'own store, TypeScript',
    from: 'stores/own',
    loads: 'import',
    ci: true,
    note: 'this is the example of [own-store.md](own-store.md)',
    open(session, at) {
      at.kept.store ??= compiled(at.folder);
      return at.kept.store.open(session, at);
    },
  },
  {
    name: 'DiskStore',
    from: 'session/disk',
    loads: 'arg',
    ci: true,
    note: 'the methods of this package\'s [DiskStore](disk-store.md) on the `Store` of the middleware\'s package, without ' +
      '`setIfPresent`, which express-session does not call',
    open: ({ Store }, at) => new (onStore(Store))({ path: path.join(at.folder, 'sessions.db') }),
  },
];

/** A class of stores that makes sessions as `Store` does, and keeps them as DiskStore does. */
function onStore(Store) {
  class StoreOnDisk extends Store {
    constructor(options) {
      super();
      engineOf(this, options);
    }
  }
  const methods = Object.getOwnPropertyDescriptors(DiskStore.prototype);
  delete methods.constructor;
  delete methods.setIfPresent;
  Object.defineProperties(StoreOnDisk.prototype, methods);
  return StoreOnDisk;
}

function compiled(folder) {
  const args = [compiler, '-p', project, '--outDir', folder];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`stores/own/store.ts does not compile: ${stdout}`);
  return authored(path.join(folder, 'store.js'));
}
