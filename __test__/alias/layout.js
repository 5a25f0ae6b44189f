'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { discard, temporaryFolder } = require('../../test-kit/folder');

const PROGRAM = path.join(__dirname, 'layout');

/**
 * A temporary folder with the program of ./layout, its stores in node_modules,
 * and under the name express-session whatever `place` puts there.
 * @param {(target: string, modules: string) => void} place
 */
function createLayout(place) {
  // Resolved, as a temporary folder may be a link itself.
  const folder = temporaryFolder('alias-layout');
  const modules = path.join(folder, 'node_modules');

  fs.mkdirSync(modules);
  fs.copyFileSync(path.join(PROGRAM, 'main.js'), path.join(folder, 'main.js'));
  for (const store of ['map-store', 'old-store', 'esm-store']) {
    fs.cpSync(path.join(PROGRAM, store), path.join(modules, store), { recursive: true });
  }
  place(path.join(modules, 'express-session'), modules);

  return { folder, remove: () => discard(folder) };
}

/** What `npm link` and workspaces make. */
const linked = (root) => (target) => fs.symlinkSync(root, target, 'junction');

/**
 * What an install makes: the files that would be published, and the binary,
 * which comes in a package of its own there. Dependencies lie beside it.
 */
const installed = (root) => (target, modules) => {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const binaries = fs.readdirSync(root).filter((file) => file.endsWith('.node'));

  for (const file of new Set([...published(root), ...binaries])) {
    fs.mkdirSync(path.dirname(path.join(target, file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(target, file));
  }

  for (const name of Object.keys(manifest.dependencies || {})) {
    const from = createRequire(path.join(root, 'package.json'));
    fs.symlinkSync(path.dirname(from.resolve(`${name}/package.json`)), path.join(modules, name), 'junction');
  }
};

/** The files that `npm pack` would put into the package. */
function published(root) {
  const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' };
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], options);

  // A list to npm 11, and to npm 12 an object with the names of the packages.
  return Object.values(JSON.parse(output))[0].files.map((file) => file.path);
}

module.exports = { createLayout, linked, installed };
