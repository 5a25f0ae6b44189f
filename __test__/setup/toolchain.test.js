'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const root = path.join(__dirname, '..', '..');
// The programs that stand in for Rust's are scripts, which Windows does not run.
const skip = process.platform === 'win32';

/** What scripts/install.js says by hand, on a Windows whose cargo fails. */
function tell(t, host, release = '99.0.0') {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'toolchain-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  for (const name of ['package.json', 'Cargo.toml', 'session', 'scripts/install.js']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  const preload = path.join(folder, 'windows.js');
  fs.writeFileSync(preload, "Object.defineProperty(process, 'platform', { value: 'win32' });");
  const commands = path.join(folder, 'commands');
  fs.mkdirSync(commands);
  fs.writeFileSync(path.join(commands, 'cargo'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  fs.writeFileSync(path.join(commands, 'rustc'), `#!/bin/sh\nprintf 'release: ${release}\\nhost: ${host}\\n'\n`, { mode: 0o755 });
  const temporary = path.join(folder, 'temporary');
  fs.mkdirSync(temporary);
  const env = { ...process.env, PATH: commands, TEMP: temporary, NODE_OPTIONS: `--require ${JSON.stringify(preload)}` };
  delete env.npm_lifecycle_event;
  delete env.NAPI_RS_NATIVE_LIBRARY_PATH;
  delete env.CARGO_TARGET_DIR;
  const { status, stderr } = spawnSync(process.execPath, [path.join(folder, 'scripts', 'install.js')], { encoding: 'utf8', env });
  assert.equal(status, 1);
  assert.deepEqual(fs.readdirSync(temporary), []);
  return stderr;
}

for (const host of ['x86_64-pc-windows-gnu', 'aarch64-pc-windows-gnullvm']) {
  test(`a build that fails with the Rust for ${host} says which Rust it takes`, { skip }, (t) => {
    const message = tell(t, host);
    assert.match(message, new RegExp(`^express-session-rs: no addon could be built: cargo build failed.*\\b${host} here.*"rustup default stable-msvc"[^\\n]*\\n$`));
  });
}

test('a build that fails with the Rust for MSVC says nothing of another', { skip }, (t) => {
  assert.equal(tell(t, 'x86_64-pc-windows-msvc'),
    'express-session-rs: no addon could be built: cargo build failed, as it says above.\n');
});

/** What Cargo.toml says. */
const [, needed] = /^rust-version = "(1\.\d+)"$/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'));
const minor = Number(needed.split('.')[1]);

test('a build that fails with an old Rust says how new it must be', { skip }, (t) => {
  const old = `1.${minor - 1}.9`;
  assert.equal(tell(t, 'x86_64-unknown-linux-gnu', old),
    'express-session-rs: no addon could be built: cargo build failed, as it says above: ' +
    `Rust is ${old} here, and ${needed} or newer is needed (https://rustup.rs).\n`);
  assert.doesNotMatch(tell(t, 'x86_64-unknown-linux-gnu', `${needed}.0`), /newer/);
});

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
