'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { child, files } = require('./app');
const { isOurs } = require('../subject');
const { platformName } = require('../../session/native/platform');
const { temporaryFolder } = require('../../test-kit/folder');

const root = path.dirname(files.subject);

/** The package without its binary, in a folder of its own. */
function bare(t) {
  const folder = temporaryFolder('express-session-rs', t);
  for (const name of ['index.js', 'package.json', 'session']) fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  return folder;
}

const source = `
try {
  require(process.env.PACKAGE);
  console.log('loaded');
} catch (err) {
  console.log(err.name + ': ' + err.message);
}`;

const states = {
  'is missing': () => {},
  'is no library': (file) => fs.writeFileSync(file, 'not a library'),
  'is empty': (file) => fs.writeFileSync(file, ''),
};

for (const [state, prepare] of Object.entries(states)) {
  test(`a binary that ${state}: one error names the platform, the file and how to build it`, { skip: !isOurs }, async (t) => {
    const folder = bare(t);
    const binary = `express-session-rs.${platformName()}.node`;
    prepare(path.join(folder, binary));
    const { stdout, stderr, status } = await child(source, { file: path.join(folder, 'index.js') });
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Error: /);
    for (const part of [process.platform, process.arch, binary, 'build']) assert.ok(stdout.includes(part), part);
  });
}
