'use strict';

// Not in check: it installs packages.

/**
 * Each code block of README.md, of the other documents beside it, and of docs/ runs: here, or in the
 * test of its document. A block that cannot is marked `run: not, REASON`, and counted.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const { blocks, root } = require('./blocks');
const back = require('./back');
const { dockerfile, ignored } = require('./docker');
const { shell, json, yaml } = require('./installs');
const javascript = require('./javascript');
const startRegistry = require('./registry');
const { typescript } = require('./typescript');
const { temporaryFolder } = require('../../test-kit/folder');
const { needs } = require('../../test-kit/installed');

const languages = {
  js: javascript,
  ts: typescript,
  sh: (block, ...place) => (block.mark.startsWith('back, ') ? back : shell)(block, ...place),
  json,
  yaml,
  dockerfile,
  // It is used with each Dockerfile.
  dockerignore: ({ text }) => assert.ok(ignored(text).includes('node_modules')),
};

let place;
let registry;

before(async () => {
  place = temporaryFolder('documents');
  registry = await startRegistry(fs.mkdtempSync(path.join(place, 'registry-')));
});

after(() => registry?.close());

/** What wants a newer Node.js than the package. */
const newer = { 'vitest': 'vitest 4 wants Node.js 20', 'with Fastify': 'Fastify 5 wants Node.js 20' };

/** The documents with a test of their own, which runs their blocks. */
const own = {
  'SECURITY.md': '__test__/security/asvs.test.js',
  'docs/disk-store.md': '__test__/documents/disk-store.test.js',
  'docs/features.md': '__test__/documents/features.test.js',
  'docs/observing.md': '__test__/observing/document.test.js',
  'docs/outside.md': '__test__/documents/outside.test.js',
  'docs/parallel.md': '__test__/documents/parallel.test.js',
  'docs/production.md': '__test__/documents/production.test.js',
  'docs/users.md': '__test__/documents/users.test.js',
};

const documents = ['', 'docs'].flatMap((folder) => fs.readdirSync(path.join(root, folder)).map((name) => path.posix.join(folder, name)))
  .filter((name) => name.endsWith('.md') && /^ *(```|~~~)/m.test(fs.readFileSync(path.join(root, name), 'utf8')));
const runs = ({ mark }) => !/^(not, |by )/.test(mark);

for (const file of documents.filter((name) => !Object.hasOwn(own, name))) {
  describe(file, () => {
    for (const block of blocks(file).filter(runs)) {
      const skip = (process.version.startsWith('v18.') && newer[block.mark]) || (block.mark === 'from SQLite' && needs('sqlite3'));
      test(`line ${block.line}: ${block.language} ${block.mark}`, { skip }, async () => {
        assert.ok(Object.hasOwn(languages, block.language), `no way to run a block of "${block.language}"`);
        await languages[block.language](block, fs.mkdtempSync(path.join(place, 'block-')), registry);
      });
    }
  });
}

test('the tests of the other documents name them', () => {
  const others = documents.flatMap((file) => blocks(file)).flatMap(({ file, mark }) => {
    const [, by = own[file]] = /^by ([\w./-]+\.test\.js)/.exec(mark) ?? [];
    return by ? [[file, by]] : [];
  });
  for (const [file, by] of others) assert.ok(fs.readFileSync(path.join(root, by), 'utf8').includes(path.basename(file)), `${by} says nothing of ${file}`);
  assert.deepEqual(Object.keys(own).filter((file) => !documents.includes(file)), []);
});

test('no more blocks are left out than these', () => {
  const left = documents.flatMap((file) => blocks(file)).filter(({ mark }) => mark.startsWith('not, ')).map(({ file }) => file);
  assert.deepEqual(left, [
    'CONTRIBUTING.md', 'docs/memory-safety.md', 'docs/memory-safety.md', 'docs/releasing.md', 'docs/releasing.md', 'docs/releasing.md', 'docs/scaling.md',
  ]);
});
