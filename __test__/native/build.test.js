'use strict';

// Not in check: it takes long.

// `express-session-rs build` in an installed package that has no binary, with programs that
// stand for Rust's. `npm run test:install` has the real ones.
const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Place, root, binary, name } = require('./place');

/** What Cargo.toml says. */
const [, needed, minor] = /^rust-version = "(1\.(\d+))"$/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'));
// There, Node.js starts no script as if it were a program.
const skip = process.platform === 'win32';

test('no installer runs anything of the package', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const run = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare', 'prepublish', 'prepack', 'postpack'];
  assert.deepEqual(Object.keys(scripts).filter((each) => run.includes(each)), []);
  // npm would run node-gyp for that.
  assert.ok(!fs.existsSync(path.join(root, 'binding.gyp')));
});

test('builds, says where to, and the package loads that', { skip }, (t) => {
  const place = new Place(t);
  const { status, stdout, stderr } = place.run();
  assert.equal(status, 0, stderr);
  assert.ok(stdout.startsWith(`express-session-rs: built ${place.file}.\n`), stdout);
  assert.match(stdout, /npm ci/);
  assert.match(stderr, /building for .* with .*cargo.*99\.0\.0[^]*cargo at work/);
  assert.deepEqual(place.made(), ['built.js', name]);
  for (const each of [place.file, path.join(place.own, 'built.js'), path.join(place.own, 'session', 'native', 'load.js')]) {
    const loaded = spawnSync(process.execPath, ['-p', 'require(process.argv[1]).sessionId().length', each], { encoding: 'utf8', env: place.environment() });
    assert.equal(loaded.stdout, '32\n', loaded.stderr);
  }
});

test('builds again, and writes through no link to a file of another', { skip }, (t) => {
  const place = new Place(t);
  const others = [place.file, path.join(place.own, 'built.js')].map((file, at) => {
    const other = path.join(place.folder, `other-${at}`);
    fs.writeFileSync(other, 'of another project');
    fs.linkSync(other, file);
    return other;
  });
  assert.equal(place.run().status, 0);
  assert.equal(place.run().status, 0);
  assert.deepEqual(place.made(), ['built.js', name]);
  assert.ok(fs.readFileSync(place.file).equals(fs.readFileSync(binary)));
  for (const other of others) assert.equal(fs.readFileSync(other, 'utf8'), 'of another project');
});

test('what does not load is not kept, what was there is, and the reason is told', { skip }, (t) => {
  const place = new Place(t, { made: __filename });
  fs.copyFileSync(binary, place.file);
  const { status, stderr } = place.run();
  assert.deepEqual([status, place.made()], [1, [name]]);
  assert.match(stderr, /nothing was built: the new binary does not load: .+\.\n$/);
  assert.ok(fs.readFileSync(place.file).equals(fs.readFileSync(binary)));
});

test('the addon of another version is not kept either', { skip }, (t) => {
  const place = new Place(t);
  const file = path.join(place.own, 'session', 'native', 'load.js');
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/^const VERSION = .*$/m, "const VERSION = '9.9.9';"));
  assert.match(place.fails(), /^the new binary does not load: .* has version .* but this package has version 9\.9\.9$/);
});

test('no program is run that a package brought, whatever PATH says', { skip }, (t) => {
  const place = new Place(t);
  const foreign = path.join(place.folder, 'foreign');
  const brings = (...names) => {
    const folder = place.makes(...names);
    for (const each of ['cargo', 'rustc']) place.program(each, `require('node:fs').appendFileSync(${JSON.stringify(foreign)}, __filename + '\\n');`, folder);
    return folder;
  };
  const bin = brings('node_modules', '.bin');
  const ofPackage = brings('node_modules', 'cargo');
  const other = brings('Node_Modules', 'cargo', 'bin');
  const ofYarn = brings('xfs-1a2b3c');
  brings('.');
  brings('here');
  const linked = path.join(place.folder, 'linked');
  fs.symlinkSync(bin, linked);
  // As `npm install --global` makes them.
  const global = place.makes('global');
  for (const each of ['cargo', 'rustc']) fs.symlinkSync(path.join(ofPackage, each), path.join(global, each));
  const folder = place.makes('a-folder');
  place.makes('a-folder', 'cargo');
  fs.writeFileSync(path.join(place.makes('no-program'), 'cargo'), 'a text', { mode: 0o644 });

  const entries = [bin, ofPackage, other, ofYarn, '', '.', 'here', './here', linked, global, folder, path.join(place.folder, 'no-program'), `${bin}/`, place.commands];
  const env = { PATH: entries.join(path.delimiter), BERRY_BIN_FOLDER: ofYarn };
  const { status, stderr } = place.run(['build'], env);
  assert.equal(status, 0, stderr);
  assert.ok(!fs.existsSync(foreign), foreign && fs.existsSync(foreign) && fs.readFileSync(foreign, 'utf8'));
  // Nor by cargo, which looks for rustc, and rustc for a linker.
  const given = JSON.parse(fs.readFileSync(place.asked, 'utf8'));
  assert.deepEqual(given.PATH.split(path.delimiter), [global, folder, path.join(place.folder, 'no-program'), place.commands]);

  const none = place.run(['build'], { ...env, PATH: entries.slice(0, -1).join(path.delimiter) });
  assert.equal(none.status, 1);
  assert.match(none.stderr, /nothing was built: cargo was not found in PATH, without the folders in node_modules: install Rust \(https:\/\/rustup\.rs\)\.\n$/);
  assert.ok(!fs.existsSync(foreign));
});

test('without Rust, or half of it', { skip }, (t) => {
  const place = new Place(t);
  for (const each of ['cargo', 'rustc']) {
    assert.match(place.fails({ PATH: '' }), /^cargo was not found in PATH.*https:\/\/rustup\.rs/);
    assert.match(place.fails({ PATH: undefined }), /^cargo was not found in PATH/);
    fs.renameSync(path.join(place.commands, each), path.join(place.folder, each));
    assert.match(place.fails(), new RegExp(`^${each} was not found in PATH.*https://rustup\\.rs`));
    fs.renameSync(path.join(place.folder, each), path.join(place.commands, each));
  }
  place.program('cargo', "console.error('no default is configured'); process.exitCode = 1;");
  assert.match(place.fails(), /^\/.*cargo does not run: no default is configured$/);
  assert.equal(place.wasAsked, false);
});

test('an old Rust is told before the build, and how new it must be', { skip }, (t) => {
  const old = `1.${minor - 1}.9`;
  for (const [rust, which] of [[{ release: old }, 'cargo'], [{ rustc: old }, 'rustc'], [{ release: '0.99.0' }, 'cargo']]) {
    const place = new Place(t, rust);
    const reason = place.fails();
    assert.ok(reason.startsWith(path.join(place.commands, which)), reason);
    assert.ok(reason.endsWith(`belongs to Rust ${rust.release ?? rust.rustc}, but ${needed} or newer is needed (https://rustup.rs)`), reason);
    assert.equal(place.wasAsked, false);
  }
  for (const release of [`${needed}.0`, `1.${Number(minor) + 30}.0-nightly`, '2.0.0']) assert.equal(new Place(t, { release }).run().status, 0);
  // Cargo would take that one.
  const place = new Place(t, { rustc: old });
  place.program('newer', "console.log('release: 99.0.0');");
  assert.equal(place.run(['build'], { RUSTC: path.join(place.commands, 'newer') }).status, 0);
});

for (const host of ['x86_64-pc-windows-gnu', 'aarch64-pc-windows-gnullvm']) {
  test(`the Rust for ${host} cannot build it, and which can is told`, { skip }, (t) => {
    const place = new Place(t, { host });
    const preload = path.join(place.folder, 'windows.js');
    fs.writeFileSync(preload, "Object.defineProperty(process, 'platform', { value: 'win32' });");
    const reason = place.fails({ NODE_OPTIONS: `--require ${JSON.stringify(preload)}` });
    assert.match(reason, new RegExp(`^this Rust is for ${host}, .*"rustup default stable-msvc"`));
    assert.equal(place.wasAsked, false);
  });
}

test('a linker that is missing is named, and who has one', { skip }, (t) => {
  const error = { level: 'error', message: 'linker `cc` not found', rendered: 'error: linker `cc` not found\n\n' };
  const place = new Place(t, { messages: [{ reason: 'compiler-message', message: error }, { reason: 'build-finished', success: false }] });
  assert.match(place.fails(), /^Rust needs the linker cc, which is missing: install a C compiler \(.*build-essential/);
});

test('a build that fails shows what the compiler says', { skip }, (t) => {
  const [warning, error] = ['warning', 'error'].map((level) => ({
    reason: 'compiler-message', message: { level, message: `of this ${level}`, rendered: `${level}: of this ${level}\n` },
  }));
  const { stderr } = new Place(t, { messages: [warning, error] }).run();
  assert.match(stderr, /cargo at work\nerror: of this error\nexpress-session-rs: nothing was built: cargo build failed, see the messages above\.\n$/);
  assert.equal(new Place(t, { messages: [] }).fails(), 'cargo build failed, see the messages above');
});

test('a folder that cannot be written is found out before the build', { skip }, (t) => {
  const place = new Place(t);
  // Whoever runs the tests may be one who can write everywhere.
  const preload = path.join(place.folder, 'read-only.js');
  fs.writeFileSync(preload, `
    const fs = require('node:fs');
    const { writeFileSync } = fs;
    fs.writeFileSync = (file, ...rest) => {
      if (file.startsWith(${JSON.stringify(place.own)})) throw Object.assign(new Error('read-only file system'), { code: 'EROFS' });
      return writeFileSync(file, ...rest);
    };`);
  assert.equal(place.fails({ NODE_OPTIONS: `--require ${JSON.stringify(preload)}` }),
    `${place.own} cannot be written (EROFS): run the command as a user who may write there, or where the folder is created`);
  assert.equal(place.wasAsked, false);
});

test('a package without its sources, and a checkout', { skip }, (t) => {
  const place = new Place(t);
  fs.rmSync(path.join(place.own, 'src'), { recursive: true });
  assert.equal(place.fails(), `${place.own} lacks its source files (src): install the package again`);
  fs.mkdirSync(path.join(place.own, 'scripts'));
  fs.writeFileSync(path.join(place.own, 'scripts', 'setup.js'), '');
  assert.equal(place.fails(), 'this is a checkout of the repository: build it with "node scripts/setup.js"');
});

test('a build that is interrupted leaves nothing', { skip }, async (t) => {
  const place = new Place(t);
  const child = spawn(process.execPath, [path.join(place.own, 'bin', 'express-session-rs.js'), 'build'], {
    env: place.environment({ HANGS: '1' }), detached: true, stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text; });
  while (!place.wasAsked) await new Promise((resolve) => { setTimeout(resolve, 20); });
  // As a terminal does it.
  process.kill(-child.pid, 'SIGINT');
  const [status] = await once(child, 'close');
  assert.equal(status, 1);
  assert.match(stderr, /nothing was built: cargo was ended by SIGINT\.\n$/);
  assert.deepEqual([place.made(), fs.readdirSync(place.temporary)], [[], []]);
});

test('the folder for what Rust makes is that of the user, if he has one', { skip }, (t) => {
  const place = new Place(t);
  const ours = place.run();
  assert.equal(ours.status, 0, ours.stderr);
  assert.ok(JSON.parse(fs.readFileSync(place.asked, 'utf8')).CARGO_TARGET_DIR.startsWith(place.temporary));
  assert.equal(place.run(['build'], { CARGO_TARGET_DIR: 'target' }).status, 0);
  assert.equal(JSON.parse(fs.readFileSync(place.asked, 'utf8')).CARGO_TARGET_DIR, path.join(place.folder, 'target'));
});

test('without an argument, or with one that nobody knows, it says how it is used', (t) => {
  const place = new Place(t);
  for (const args of [[], ['biuld'], ['build', '--fast'], ['']]) {
    const { status, stdout, stderr } = place.run(args);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^express-session-rs: .+\.\n\nUsage: express-session-rs /);
  }
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { status, stdout, stderr } = place.run(args);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Usage: express-session-rs [^]*\n {7}express-session-rs build\n/);
  }
  assert.equal(place.wasAsked, false);
});
