'use strict';

/**
 * What the addon exports is what the package's JavaScript uses, name for name: an export
 * for tests belongs into the addon that is built for them (__test__/engines).
 */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const native = require('../../session/native/load');

const root = path.join(__dirname, '..', '..');

/** The package's JavaScript, its comments left out. */
function sources() {
  const below = (folder) => fs.readdirSync(path.join(root, folder), { recursive: true }).filter((name) => name.endsWith('.js')).map((name) => path.join(folder, name));
  const files = [...below('session'), ...below('bin'), 'index.js', 'postgres.js', 'redis.js'];
  return files.map((file) => fs.readFileSync(path.join(root, file), 'utf8').replace(/\/\*.*?\*\/|(?<=^|\s)\/\/.*?$/gms, ''));
}

/** The names that a source takes from the addon: `native.NAME`, and `const { NAME } = native`. */
function usedIn(source) {
  const lists = Array.from(source.matchAll(/\{([\w\s,]+)\} = (?:native;|require\('[./]*native\/load'\))/g), ([, list]) => list.match(/\w+/g));
  const members = Array.from(source.matchAll(/\b(?:native|addon)(?:\(\))?\??\.([A-Za-z]\w*)/g), ([, name]) => name);
  return [...lists.flat(), ...members];
}

test('the package uses each export of the addon, and no other', () => {
  const used = new Set(sources().flatMap(usedIn));
  assert.deepEqual(Object.keys(native).sort(), [...used].sort());
});
