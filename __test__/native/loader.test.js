'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { platformName } = require('../../session/platform');
const manifest = require('../../package.json');

const root = path.join(__dirname, '..', '..');
const name = `express-session-rs-${platformName()}`;
const binary = process.env.NAPI_RS_NATIVE_LIBRARY_PATH ?? path.join(root, `express-session-rs.${platformName()}.node`);

/**
 * The package as it is installed, without a binary.
 *
 * @param {import('node:test').TestContext} t
 * @param {string[]} [brings] the packages that a release has made its optional dependencies
 */
function installed(t, brings = [name]) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'loader-')));
  t.after(() => fs.rmSync(folder, { recursive: true }));
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
    /** Where the platform's package goes. */
    brought(bytes, main = 'addon.node') {
      const place = path.join(folder, 'node_modules', name);
      fs.mkdirSync(place);
      fs.writeFileSync(path.join(place, 'package.json'), JSON.stringify({ name, main }));
      if (bytes) fs.writeFileSync(path.join(place, main), bytes);
    },
    /** What a process has that loads it, or what is thrown. */
    load(env = {}, ...flags) {
      const rest = { ...process.env };
      delete rest.NAPI_RS_NATIVE_LIBRARY_PATH;
      const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', `
        try {
          const native = require(process.argv[1]);
          const [file] = Object.keys(require.cache).filter((each) => each.endsWith('.node'));
          console.log(JSON.stringify({ file, id: native.sessionId?.().length, mark: native.mark }));
        } catch ({ code, message, cause }) {
          console.log(JSON.stringify({ code, message, cause: cause?.message }));
        }`, path.join(own, 'session', 'native')], { encoding: 'utf8', env: { ...rest, ...env } });
      assert.equal(stderr, '');
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
  place.brought("module.exports = { mark: 'brought' };", 'addon.js');
  assert.equal(place.load().mark, 'brought');
  fs.copyFileSync(binary, place.built);
  const { file, id } = place.load();
  assert.deepEqual([file, id], [place.built, 32]);
});

test('what was built and does not load is passed over for the package of the platform', (t) => {
  const place = installed(t);
  fs.writeFileSync(place.built, 'not a library');
  place.brought("module.exports = { mark: 'brought' };", 'addon.js');
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
  for (const part of [`addon for ${platformName()} is missing`, place.built, bring, 'https://rustup.rs', 'install.js']) {
    assert.ok(message.includes(part), part);
  }
});

test('no release has a package for the platform: the error asks for no install', (t) => {
  const { message } = installed(t, ['express-session-rs-plan9-x64']).load();
  assert.match(message, /There is no binary for this platform: .*https:\/\/rustup\.rs.*install\.js/);
  assert.doesNotMatch(message, /install again/);
});

test('a copy that no release made, as npm has it from git: the error says that it brings nothing', (t) => {
  const { message } = installed(t, []).load();
  assert.match(message, /This copy is not from npm, .*https:\/\/rustup\.rs.*install\.js/);
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

test('a package without its addon is as none', (t) => {
  const place = installed(t);
  place.brought(undefined);
  assert.match(place.load().message, /is missing/);
});

test('an addon that does not load: the error says what the system said, of both', (t) => {
  const place = installed(t);
  fs.writeFileSync(place.built, 'not a library');
  place.brought('another that is none');
  const { code, message, cause } = place.load();
  assert.equal(code, 'ERR_EXPRESS_SESSION_RS_NATIVE');
  const [told, said] = message.split(' The loader said: ');
  assert.match(told, /cannot be loaded/);
  assert.match(told, /https:\/\/rustup\.rs.*install\.js/);
  assert.doesNotMatch(told, /install again/);
  assert.ok(said.startsWith(cause));
  for (const file of [place.built, path.join(name, 'addon.node')]) assert.ok(said.includes(file), file);
});

test('every platform of package.json has its package in the loader, and no other', () => {
  const text = fs.readFileSync(path.join(root, 'session', 'native.js'), 'utf8');
  const pairs = [...text.matchAll(/case '([\w-]+)': return require\('express-session-rs-([\w-]+)'\);/g)];
  for (const [, key, required] of pairs) assert.equal(required, key);
  const folders = fs.readdirSync(path.join(root, 'npm')).sort();
  assert.equal(folders.length, manifest.napi.targets.length);
  assert.deepEqual(pairs.map(([, key]) => key).sort(), folders);
});
