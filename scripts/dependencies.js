'use strict';

/**
 * What a user of this package runs that is not ours: npm packages from
 * package-lock.json, crates from Cargo's own reading of Cargo.lock.
 */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/** How Cargo names crates.io. */
const CRATES_IO = 'registry+https://github.com/rust-lang/crates.io-index';

/**
 * @typedef {object} Dependency
 * @property {string} name
 * @property {string} version
 * @property {string} licence as its manifest says, an SPDX expression but for old slashes
 * @property {'npm' | 'addon' | 'build'} part where it ends up; `build` is code that runs
 *   while the addon is compiled, and is not in it
 * @property {string[]} problems what is wrong with where it comes from; empty if nothing
 */

/** @returns {Dependency[]} by name */
function npmPackages() {
  const { packages } = readJSON('package-lock.json');
  const shipped = Object.entries(packages).filter(([place, { dev, devOptional, peer }]) => place !== '' && !dev && !devOptional && !peer);
  return sorted(shipped.map(([place, { version, license, integrity, link, resolved }]) => ({
    name: place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length),
    version,
    licence: license || 'none',
    part: 'npm',
    problems: [
      ...(link ? ['is a link'] : []),
      ...(integrity ? [] : ['has no integrity in package-lock.json']),
      // Ours names no hosts: what it names is a file, a repository or somebody's registry.
      ...(resolved ? [`comes from ${resolved}`] : []),
    ],
  })));
}

/**
 * The crates of every platform that has a package of its own.
 * @returns {Dependency[]} by name
 * @throws {Error} with what cargo said
 */
function crates() {
  const { packages, resolve } = cargoMetadata();
  const byId = new Map(packages.map((crate) => [crate.id, crate]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const checksums = lockedChecksums();
  const parts = new Map();

  walk(resolve.root, 'addon');
  return sorted([...parts].map(([id, part]) => [byId.get(id), part])
    // Ours have no source: they are this repository.
    .filter(([{ source, manifest_path: manifest }]) => source !== null || !manifest.startsWith(root))
    .map(([{ name, version, license, source }, part]) => ({
      name,
      version,
      licence: license || 'none',
      part,
      problems: [
        ...(source === CRATES_IO ? [] : [`comes from ${source}`]),
        ...(checksums.has(`${name} ${version}`) ? [] : ['has no checksum in Cargo.lock']),
      ],
    })));

  /** A crate that both is compiled in and runs at build time counts as compiled in. */
  function walk(id, part) {
    const isMacro = byId.get(id).targets.some(({ kind }) => kind.includes('proc-macro'));
    const own = isMacro ? 'build' : part;
    if (parts.get(id) === 'addon' || parts.get(id) === own) return;
    parts.set(id, own);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null)) walk(pkg, own);
      if (kinds.some(({ kind }) => kind === 'build')) walk(pkg, 'build');
    }
  }
}

/**
 * Whether a licence lets one choose among those allowed. `AND` binds before `OR`, and
 * old manifests write a slash for `OR` (SPDX 2.3 annex D).
 *
 * @param {string} expression
 * @param {string[]} allowed
 * @returns {boolean}
 */
function isAllowed(expression, allowed) {
  const tokens = expression.replace(/\//g, ' OR ').replace(/[()]/g, ' $& ').trim().split(/\s+/);
  const isFine = any();
  return isFine && tokens.length === 0;

  function any() {
    let isOne = all();
    while (tokens[0] === 'OR') {
      tokens.shift();
      isOne = all() || isOne;
    }
    return isOne;
  }

  function all() {
    let areAll = one();
    while (tokens[0] === 'AND') {
      tokens.shift();
      areAll = one() && areAll;
    }
    return areAll;
  }

  function one() {
    const token = tokens.shift();
    if (token === '(') {
      const isInner = any();
      return tokens.shift() === ')' && isInner;
    }
    // `WITH` names an exception, and so another licence.
    if (tokens[0] !== 'WITH') return allowed.includes(token);
    return allowed.includes([token, ...tokens.splice(0, 2)].join(' '));
  }
}

/** The licences that deny.toml allows, so that there is one list. */
function allowedLicences() {
  const [, list] = /^allow = \[([^\]]*)\]/m.exec(read('deny.toml'));
  return Array.from(list.matchAll(/"([^"]+)"/g), ([, name]) => name);
}

/**
 * The rows that docs/dependencies.md has for them, under the headings of their parts.
 * @returns {Array<{ name: string, licence: string, why: string, part: string }>}
 */
function documented() {
  const parts = { 'npm packages': 'npm', 'Crates in the addon': 'addon', 'Crates that build it': 'build' };
  const text = read('docs/dependencies.md');
  return Object.entries(parts).flatMap(([heading, part]) => {
    const [, section] = text.split(`\n## ${heading}\n`);
    if (section === undefined) throw new Error(`docs/dependencies.md has no heading "${heading}"`);
    const rows = section.split(/\n#/)[0].matchAll(/^\| ([\w-]+) \| ([^|]+) \| ([^|]+) \|$/gm);
    return Array.from(rows, ([, name, licence, why]) => ({ name, licence, why, part })).slice(1);
  });
}

module.exports = { root, npmPackages, crates, isAllowed, allowedLicences, documented };

function cargoMetadata() {
  const { targets } = readJSON('package.json').napi;
  const args = ['metadata', '--format-version', '1', '--locked', ...targets.flatMap((target) => ['--filter-platform', target])];
  const { status, stdout, stderr, error } = spawnSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`cargo metadata failed: ${error ? error.message : stderr.trim()}`);
  return JSON.parse(stdout);
}

function lockedChecksums() {
  const crates = read('Cargo.lock').split('\n[[package]]\n').slice(1);
  const field = (crate, name) => new RegExp(`^${name} = "(.*)"$`, 'm').exec(crate)?.[1];
  return new Set(crates.filter((crate) => field(crate, 'checksum')).map((crate) => `${field(crate, 'name')} ${field(crate, 'version')}`));
}

function sorted(dependencies) {
  return dependencies.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function read(file) {
  return fs.readFileSync(path.join(root, file), 'utf8');
}

function readJSON(file) {
  return JSON.parse(read(file));
}
