'use strict';

const { spawnSync } = require('node:child_process');
const path = require('node:path');
const authored = require('../authored');

const root = path.join(__dirname, '..', '..');
const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const project = path.join(root, 'stores', 'own', 'tsconfig.json');

/** The store of docs/own-store.md, compiled as its author would. */
module.exports = [
  {
    name: 'own store, TypeScript',
    loads: 'import',
    ci: true,
    note: 'this is the example of [own-store.md](own-store.md)',
    open(session, at) {
      at.kept.store ??= compiled(at.folder);
      return at.kept.store.open(session, at);
    },
  },
];

function compiled(folder) {
  const args = [compiler, '-p', project, '--outDir', folder];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`stores/own/store.ts does not compile: ${stdout}`);
  return authored(path.join(folder, 'store.js'));
}
