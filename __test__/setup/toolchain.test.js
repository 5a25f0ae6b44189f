'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const root = path.join(__dirname, '..', '..');

/** What Cargo.toml says. */
const [, needed] = /^rust-version = "(1\.\d+)"$/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'));
const minor = Number(needed.split('.')[1]);

test('no crate of the addon asks for a newer Rust than Cargo.toml does, and who reads knows it', () => {
  const output = execFileSync('cargo', ['metadata', '--format-version=1', '--locked'], {
    cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024,
  });
  const { packages, resolve } = JSON.parse(output);
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const used = new Set([resolve.root]);
  // A set gives what is added while it is gone through, too.
  for (const id of used) {
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind !== 'dev')) used.add(pkg);
    }
  }
  assert.ok(used.size > 20);
  const asked = packages.filter(({ id }) => used.has(id)).map((each) => Number(each.rust_version?.split('.')[1] ?? 0));
  assert.equal(Math.max(...asked), minor);
  for (const file of ['README.md', 'CONTRIBUTING.md']) {
    assert.ok(fs.readFileSync(path.join(root, file), 'utf8').includes(`${needed} or newer`), file);
  }
});
