'use strict';

// Takes the version that `npm version` has put into package.json to all other places, and what
// is unreleased in CHANGELOG.md to that version. npm runs it before it commits and tags.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { dated } = require('./changelog');
const { root, versions, FILES } = require('./versions');

const { version } = versions();
const run = (command, ...args) => execFileSync(command, args, {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
});

// The first, as it may refuse.
rewrite('CHANGELOG.md', (text) => dated(text, version, new Date().toISOString().slice(0, 10)));
run('npx', 'napi', 'version');
for (const [name, pattern] of Object.entries(FILES)) {
  rewrite(name, (text) => text.replace(pattern, (found, old) => found.replace(old, version)));
}
run('git', 'add', 'CHANGELOG.md', 'npm', ...Object.keys(FILES));

function rewrite(name, change) {
  const file = path.join(root, name);
  fs.writeFileSync(file, change(fs.readFileSync(file, 'utf8')));
}
