'use strict';

// Runs an app on this package in Bun and in Deno, which npm's packages bring:
//
//   npm run test:runtimes
//   npm run test:runtimes -- bun
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const program = path.join(__dirname, 'runtimes', 'program.cjs');

/** How each runs a program. */
const RUNTIMES = {
  bun: [program],
  deno: ['run', '--allow-all', '--node-modules-dir=manual', program],
};

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(RUNTIMES)) {
  if (!Object.hasOwn(RUNTIMES, name)) throw new Error(`There is no ${name} here, but ${Object.keys(RUNTIMES).join(' and ')}`);
  const folder = path.join(root, 'target', 'runtimes', name);
  fs.mkdirSync(folder, { recursive: true });
  run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-save', '--loglevel=error', `${name}@latest`]);
  const runtime = path.join(folder, 'node_modules', '.bin', name);
  run(runtime, ['--version']);
  run(runtime, RUNTIMES[name]);
}

function run(command, args) {
  // The commands of npm are batch files on Windows, which only a shell runs.
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exitCode = 1;
}
