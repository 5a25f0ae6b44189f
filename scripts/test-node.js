'use strict';

// Runs the JavaScript tests on other versions of Node.js, one after the other, with the addon that
// this one has built:
//
//   npm run test:node -- 18 24 latest          all tests
//   npm run test:node -- 18 --quick            what `npm run check` runs; test.js says what else there is
//   npm run test:node -- 18 __test__/compat/cookie.test.js
//
// Each version comes from npm's package `node`, and stays in target/node-versions.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const args = process.argv.slice(2);
const isVersion = (arg) => /^(?:\d[\d.]*|latest)$/.test(arg);
const versions = args.filter(isVersion);
const rest = args.filter((arg) => !isVersion(arg));

if (versions.length === 0) {
  console.error('Which versions? For example: npm run test:node -- 18 latest');
  process.exit(1);
}
// All of them first: what cannot be had shall not be missed after an hour.
for (const [version, node] of versions.map((each) => [each, installed(each)])) {
  console.log(`\nNode.js ${version}: ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`);
  if (run(node, [path.join(__dirname, 'test.js'), '--no-rust', ...rest]) !== 0) process.exitCode = 1;
}

/**
 * Returns the path of a Node.js, which it installs if it is not there.
 *
 * @param {string} version as npm understands it
 */
function installed(version) {
  const folder = path.join(root, 'target', 'node-versions', version);
  const node = path.join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  // Only the versions that move on are asked for again.
  if (/^\d+\.\d+\.\d+$/.test(version) && fs.existsSync(node)) return node;
  fs.mkdirSync(folder, { recursive: true });
  const status = run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-save', '--loglevel=error', `node@${version}`]);
  if (status !== 0) {
    console.error(`npm has no Node.js ${version} for this platform`);
    process.exit(1);
  }
  return node;
}

function run(command, more) {
  // npm is a batch file on Windows, which only a shell runs.
  return spawnSync(command, more, { cwd: root, stdio: 'inherit', shell: command === 'npm' && process.platform === 'win32' }).status;
}
