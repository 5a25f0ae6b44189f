'use strict';

// Not in check: it installs packages.

/** README.md, docs/migrating.md and docs/parallel-stores.md: each of their code blocks runs. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const { blocks } = require('./blocks');
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

for (const file of ['README.md', 'docs/migrating.md', 'docs/parallel-stores.md']) {
  describe(file, () => {
    for (const block of blocks(file)) {
      const skip = (process.version.startsWith('v18.') && newer[block.mark]) || (block.mark === 'from SQLite' && needs('sqlite3'));
      test(`line ${block.line}: ${block.language} ${block.mark}`, { skip }, async () => {
        assert.ok(Object.hasOwn(languages, block.language), `no way to run a block of "${block.language}"`);
        await languages[block.language](block, fs.mkdtempSync(path.join(place, 'block-')), registry);
      });
    }
  });
}
