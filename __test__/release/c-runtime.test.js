'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const manifest = require('../../package.json');

const root = path.join(__dirname, '..', '..');
const FILE = '.cargo/config.toml';

for (const target of manifest.napi.targets.filter((each) => each.endsWith('-windows-msvc'))) {
  // Only MSVC's linker makes such a library, so this looks at what it is told.
  test(`the addon for ${target} needs no DLL of Visual C++`, () => {
    const sections = fs.readFileSync(path.join(root, FILE), 'utf8').split(/^(?=\[)/m);
    const section = sections.find((text) => text.startsWith(`[target.${target}]\n`));
    assert.match(section ?? '', /^rustflags = .*"target-feature=\+crt-static"/m);
  });
}

test('who builds from source is given the same settings', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32',
  });
  // A list to npm 11, and to npm 12 an object with the names of the packages.
  assert.ok(Object.values(JSON.parse(output))[0].files.some((file) => file.path === FILE));
});
