'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { platformName } = require('../../session/native/platform');
const manifest = require('../../package.json');
const { temporaryFolder } = require('../../test-kit/folder');

const root = path.join(__dirname, '..', '..');
const name = `express-session-rs-${platformName()}`;
const binary = process.env.NAPI_RS_NATIVE_LIBRARY_PATH ?? path.join(root, `express-session-rs.${platformName()}.node`);

/** A program in place of an addon; as long as the smallest that could be one. */
function standIn(mark, { VERSION = manifest.version } = {}) {
  return `Object.assign(exports, { mark: '${mark}', VERSION: ${JSON.stringify(VERSION)}, sessionId: () => '' });`.padEnd(200);
}

/**
 * The package as it is installed, without a binary.
 *
 * @param {import('node:test').TestContext} t
 * @param {string[]} [brings] the packages that a release has made its optional dependencies
 */
function installed(t, brings = [name]) {
  const folder = temporaryFolder('loader', t);
  const own = path.join(folder, 'node_modules', 'express-session-rs');
  fs.mkdirSync(own, { recursive: true });
  fs.writeFileSync(path.join(own, 'package.json'), JSON.stringify({
    ...manifest,
    ...(brings.length > 0 && { optionalDependencies: Object.fromEntries(brings.map((each) => [each, manifest.version])) }),
  }));
  fs.cpSync(path.join(root, 'session'), path.join(own, 'session'), { recursive: true });
  return {
    own,
    built: path.join(own, `express-session-rs.${platformName()}.node`),
    /** Where the platform's package goes; returns the file of its addon. */
    brought(bytes, { main = 'addon.node', binarySize } = {}) {
      const place = path.join(folder, 'node_modules', name);
      fs.mkdirSync(place);
      fs.writeFileSync(path.join(place, 'package.json'), JSON.stringify({ name, main, binarySize }));
      if (bytes !== undefined) fs.writeFileSync(path.join(place, main), bytes);
      return path.join(place, main);
    },
    /** What a process has that loads it, or what is thrown. */
    load(env = {}, ...flags) {
      const rest = { ...process.env };
      delete rest.NAPI_RS_NATIVE_LIBRARY_PATH;
      const { stdout, stderr, signal } = spawnSync(process.execPath, [...flags, '-e', `
        try {
          const native = require(process.argv[1]);
          const [file] = Object.keys(require.cache).filter((each) => each.endsWith('.node'));
          console.log(JSON.stringify({ file, id: native.sessionId?.().length, mark: native.mark }));
        } catch ({ code, message, cause }) {
          console.log(JSON.stringify({ code, message, cause: cause?.message }));
        }`, path.join(own, 'session', 'native', 'load')], { encoding: 'utf8', env: { ...rest, ...env } });
      assert.deepEqual([stderr, signal], ['', null]);
      return JSON.parse(stdout);
    },
  };
}

test('the package of the platform brings the addon', (t) => {
  const place = installed(t);
  place.brought(fs.readFileSync(binary));
  const { file, id } = place.load();
  assert.equal(id, 32);
  assert.match(file, new RegExp(`${name}.addon\\.node$`));
});

test('what was built on the machine comes before the package of the platform', (t) => {
  const place = installed(t);
  place.brought(standIn('brought'), { main: 'addon.js' });
  assert.equal(place.load().mark, 'brought');
  fs.copyFileSync(binary, place.built);
  const { file, id } = place.load();
  assert.deepEqual([file, id], [place.built, 32]);
});

test('what was built and does not load is passed over for the package of the platform', (t) => {
  const place = installed(t);
  fs.writeFileSync(place.built, 'not a library');
  place.brought(standIn('brought'), { main: 'addon.js' });
  assert.equal(place.load().mark, 'brought');
});

test('a file named by NAPI_RS_NATIVE_LIBRARY_PATH comes before all', (t) => {
  const place = installed(t);
  fs.writeFileSync(place.built, 'not a library');
  const { file, id } = place.load({ NAPI_RS_NATIVE_LIBRARY_PATH: binary });
  assert.deepEqual([file, id], [binary, 32]);
});

test('nothing there: one error, with both ways out', (t) => {
  const place = installed(t);
  const { code, message, cause } = place.load();
  assert.deepEqual([code, cause], ['ERR_EXPRESS_SESSION_RS_NATIVE', undefined]);
  const bring = `install again with optional dependencies, which bring ${name}@${manifest.version};`;
  for (const part of [`addon for ${platformName()} is missing`, place.built, bring, 'https://rustup.rs', 'run "npx express-session-rs build"', path.join(place.own, 'bin', 'express-session-rs.js')]) {
    assert.ok(message.includes(part), part);
  }
});

test('no release has a package for the platform: the error asks for no install', (t) => {
  const { message } = installed(t, ['express-session-rs-plan9-x64']).load();
  assert.match(message, /There is no binary for this platform: .*https:\/\/rustup\.rs.*npx express-session-rs build/);
  assert.doesNotMatch(message, /install again/);
});

test('a copy that no release made, as npm has it from git: the error says that it brings nothing', (t) => {
  const { message } = installed(t, []).load();
  assert.match(message, /This copy does not come from npm .*https:\/\/rustup\.rs.*npx express-session-rs build/);
  assert.doesNotMatch(message, /install again/);
});

test('a checkout: the error says what sets it up', (t) => {
  const place = installed(t, []);
  const setup = path.join(place.own, 'scripts', 'setup.js');
  fs.mkdirSync(path.dirname(setup));
  fs.writeFileSync(setup, '');
  const { message } = place.load();
  assert.ok(message.endsWith(`install Rust (https://rustup.rs), then run node "${setup}".`), message);
});

test('a Node.js that was told to load no addons: the error says what that is', (t) => {
  const place = installed(t);
  place.brought(fs.readFileSync(binary));
  const { code, message, cause } = place.load({}, '--no-addons');
  assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
  assert.match(message, /without --no-addons .*--permission, with --allow-addons\./);
  assert.doesNotMatch(message, /rustup/);
  assert.match(cause, /addons is disabled/);
});

test('under Plug\'n\'Play, which npx knows nothing of, Yarn is named', (t) => {
  const preload = path.join(installed(t).own, 'pnp.js');
  fs.writeFileSync(preload, "process.versions.pnp = '3';");
  assert.match(installed(t).load({}, '--require', preload).message, /then run "yarn express-session-rs build"\./);
});

test('an addon that does not load: the error says what the system said, of both', (t) => {
  const place = installed(t);
  fs.writeFileSync(place.built, 'not a library'.padEnd(100));
  const file = place.brought('another that is none'.padEnd(100));
  const { code, message, cause } = place.load();
  assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
  const [told, said] = message.split(' The loader said: ');
  assert.match(told, /cannot be loaded/);
  assert.match(told, /Build it again: .*https:\/\/rustup\.rs.*npx express-session-rs build.* To build one that this system can load: /);
  assert.doesNotMatch(told, /install again/);
  assert.ok(said.startsWith(cause));
  for (const each of [place.built, file]) assert.ok(said.includes(each), each);
});

const whole = fs.readFileSync(binary);
const damaged = {
  'of no length': Buffer.alloc(0),
  'shorter than a header': whole.subarray(0, 63),
  'of a header alone': whole.subarray(0, 64),
  'of one page': whole.subarray(0, 4096),
  'half of it': whole.subarray(0, whole.length / 2),
  'all but a byte': whole.subarray(0, -1),
  'another': Buffer.alloc(5000, 'not a library. '),
};
// Elsewhere only who packed a file knows how long it was. There, a process is not ended by it.
const isElf = process.platform === 'linux';
if (isElf) damaged['with an empty second half'] = Buffer.alloc(whole.length).fill(whole.subarray(0, 300000), 0, 300000);

for (const [state, bytes] of Object.entries(damaged)) {
  test(`a damaged file (${state}) ends no process: the error names it and a way out`, (t) => {
    const knows = installed(t);
    const file = knows.brought(bytes, { binarySize: whole.length });
    const { code, message } = knows.load();
    assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
    assert.ok(message.includes(` Remove node_modules and install again, which brings ${name}@${manifest.version}. `), message);
    assert.ok(message.includes(`The loader said: ${file} `), message);
    if (bytes.length !== whole.length) assert.ok(message.endsWith(`${file} is damaged: it has ${bytes.length} bytes but should have ${whole.length}`), message);

    const built = installed(t);
    fs.writeFileSync(built.built, bytes);
    const seen = built.load();
    assert.equal(seen.code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
    assert.match(seen.message, /Build it again: .*npx express-session-rs build/);
    assert.ok(seen.message.split(' The loader said: ')[1].includes(built.built), seen.message);
    // What is whole is loaded in its place.
    built.brought(whole, { binarySize: whole.length });
    assert.equal(built.load().id, 32);

    const given = path.join(built.own, 'given.node');
    fs.writeFileSync(given, bytes);
    const told = built.load({ NAPI_RS_NATIVE_LIBRARY_PATH: given });
    assert.equal(told.code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
    assert.match(told.message, /which NAPI_RS_NATIVE_LIBRARY_PATH names\. Set that variable to an addon of this version, or unset it\. The loader said: .*given\.node/);
  });
}

test('a file whose header cannot be true ends no process', { skip: !isElf }, (t) => {
  for (const [from, to] of [[40, 48], [42, 44], [58, 62]]) {
    const place = installed(t);
    fs.writeFileSync(place.built, Buffer.from(whole).fill(0xff, from, to));
    const { code, message } = place.load();
    assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
    assert.ok(message.includes(`The loader said: ${place.built} `), message);
  }
});

test('a file that is longer than its package says is damaged, too', (t) => {
  const place = installed(t);
  const file = place.brought(Buffer.concat([whole, Buffer.from('\n')]), { binarySize: whole.length });
  assert.ok(place.load().message.endsWith(`${file} is damaged: it has ${whole.length + 1} bytes but should have ${whole.length}`));
});

test('a folder in the place of the file, or nothing', (t) => {
  const place = installed(t);
  fs.mkdirSync(place.built);
  const { code, message } = place.load();
  assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
  assert.match(message, /Build it again: /);
  assert.ok(message.includes(`The loader said: ${place.built} cannot be read: `), message);

  const other = installed(t);
  const file = other.brought(undefined);
  const without = other.load().message;
  assert.match(without, /Remove node_modules and install again/);
  assert.ok(without.endsWith(`${path.dirname(file)} has no addon file`), without);
  fs.mkdirSync(file);
  assert.equal(other.load().message, without);

  const given = path.join(other.own, 'no', 'such.node');
  assert.match(other.load({ NAPI_RS_NATIVE_LIBRARY_PATH: given }).message, /Set that variable to .*ENOENT.*such\.node/);
});

test('an addon of another version is none: the error names it, both versions and a way out', (t) => {
  for (const [VERSION, told] of [['1.18.7', 'version 1.18.7'], [undefined, 'an older version']]) {
    const place = installed(t);
    const file = place.brought(standIn('other', { VERSION: VERSION ?? null }), { main: 'addon.js' });
    const { message } = place.load();
    assert.match(message, new RegExp(`Remove node_modules and install again, which brings ${name}@${manifest.version}\\.`));
    assert.ok(message.endsWith(`${file} has ${told}, but this package has version ${manifest.version}`), message);
    assert.match(place.load({ NAPI_RS_NATIVE_LIBRARY_PATH: file }).message, new RegExp(`Set that variable to .*${told}`));
  }
});

test('of another version among those that can be chosen, the fitting one is taken', { skip: !isElf && 'a file is changed, which its signature forbids' }, (t) => {
  const place = installed(t);
  const other = Buffer.from(whole);
  other.write('0.0.0-', other.lastIndexOf(manifest.version), 'latin1');
  fs.writeFileSync(place.built, other);
  assert.match(place.load().message, /Build it again: .*has version 0\.0\.0-, but this package has version/);
  place.brought(whole, { binarySize: whole.length });
  assert.equal(place.load().id, 32);
});

test('what a bundler gives for the file is no addon: the error says what to do', (t) => {
  for (const value of ["'./addon-5OV2J3.node'", "{ default: './addon.node' }", '{}', 'null', 'Buffer.alloc(9)']) {
    const place = installed(t);
    place.brought(`module.exports = ${value};`.padEnd(100), { main: 'addon.js' });
    const { code, message } = place.load();
    assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
    assert.match(message, /keep it out of the bundle, .*external.*--loader:\.node=copy.* is not an addon, but a value of type (string|object)$/);
  }
});

test('the loader, the addon and package.json are of one version', () => {
  const [, version] = /^const VERSION = '(.*)';$/m.exec(fs.readFileSync(path.join(root, 'session', 'native', 'load.js'), 'utf8'));
  assert.deepEqual([version, require('../../session/native/load').VERSION], [manifest.version, manifest.version]);
});

test('every platform of package.json has its package in the loader, and no other', () => {
  const text = fs.readFileSync(path.join(root, 'session', 'native', 'load.js'), 'utf8');
  const pairs = [...text.matchAll(/case '([\w-]+)': return require\('express-session-rs-([\w-]+)'\);/g)];
  for (const [, key, required] of pairs) assert.equal(required, key);
  const folders = fs.readdirSync(path.join(root, 'npm')).sort();
  assert.equal(folders.length, manifest.napi.targets.length);
  assert.deepEqual(pairs.map(([, key]) => key).sort(), folders);
});
