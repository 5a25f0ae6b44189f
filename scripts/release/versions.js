'use strict';

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');

/** The files beside npm's that say the version: of the workspace and its lock files, and of the loader. */
const FILES = {
  'Cargo.toml': /^\[workspace\.package\]\nversion = "(.*)"$/gm,
  'Cargo.lock': /^name = "express-session-(?:core|rs)"\nversion = "(.*)"$/gm,
  'fuzz/Cargo.lock': /^name = "express-session-(?:core|rs)"\nversion = "(.*)"$/gm,
  '__test__/engines/Cargo.toml': /^name = "express-session-engines"\nversion = "(.*)"$/gm,
  '__test__/engines/Cargo.lock': /^name = "express-session-(?:core|engines)"\nversion = "(.*)"$/gm,
  'session/native/load.js': /^const VERSION = '(.*)';$/gm,
};

/**
 * The version that a release has, and every place that must say the same.
 *
 * @param {string} [folder] a checkout
 * @returns {{ version: string, places: { place: string, version: string | undefined }[] }}
 */
function versions(folder = root) {
  const read = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
  const { version, napi } = JSON.parse(read('package.json'));
  const lock = JSON.parse(read('package-lock.json'));
  const places = [
    { place: 'package-lock.json', version: lock.version },
    { place: 'package-lock.json', version: lock.packages[''].version },
  ];
  for (const platform of fs.readdirSync(path.join(folder, 'npm'))) {
    const place = `npm/${platform}/package.json`;
    places.push({ place, version: JSON.parse(read(place)).version });
  }
  if (places.length - 2 !== napi.targets.length) {
    throw new Error(`package.json names ${napi.targets.length} targets, and npm/ has ${places.length - 2} folders`);
  }
  for (const [place, pattern] of Object.entries(FILES)) {
    const found = [...read(place).matchAll(pattern)];
    // A file of another shape must not count as one that agrees.
    if (found.length === 0) places.push({ place, version: undefined });
    for (const [, each] of found) places.push({ place, version: each });
  }
  return { version, places };
}

module.exports = { root, versions, FILES };
