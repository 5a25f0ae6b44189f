'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { platformName } = require('../../session/native/platform');
const writeSizes = require('../release/sizes');

const root = path.join(__dirname, '..', '..');

/**
 * Packs what a release would publish: the package, with its platforms as optional
 * dependencies, and the packages of these.
 *
 * @param {string} folder takes the tarballs
 * @returns {{ main: string, platforms: object, platform: string, platformName: string,
 *   platformNames: string[], binary: string, files: string[] }} the tarballs: the package's,
 *   the platforms' by name, this platform's; the name of that one's package and of all; the
 *   addon that is in it, and the files in the first
 * @throws {Error} if there is no binary of this platform to be packed
 */
function pack(folder) {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const name = platformName();
  const binary = `${manifest.napi.binaryName}.${name}.node`;
  if (!fs.existsSync(path.join(root, binary))) throw new Error(`${binary} is not there: npm run build makes it`);

  // The names are in no registry before the first release, so the committed package.json
  // cannot have them: `napi pre-publish` adds them, and so does this.
  const names = fs.readdirSync(path.join(root, 'npm'));
  const optionalDependencies = Object.fromEntries(names.map((each) =>
    [`${manifest.name}-${each}`, manifest.version]));
  const staged = path.join(folder, 'staged');
  const { files } = unpacked(root, folder, staged);
  fs.writeFileSync(path.join(staged, 'package.json'),
    `${JSON.stringify({ ...manifest, optionalDependencies }, null, 2)}\n`);

  const folders = names.map((each) => path.join(folder, 'npm', each));
  names.forEach((each, at) => fs.cpSync(path.join(root, 'npm', each), folders[at], { recursive: true }));
  // Those of other platforms stay empty: no installer may take one of them.
  fs.copyFileSync(path.join(root, binary), path.join(folder, 'npm', name, binary));
  writeSizes(path.join(folder, 'npm'));
  const tarballs = packed(folders, folder).map(({ file }) => file);
  return {
    main: packed([staged], folder)[0].file,
    platforms: Object.fromEntries(names.map((each, at) => [`${manifest.name}-${each}`, tarballs[at]])),
    platform: tarballs[names.indexOf(name)],
    platformName: `${manifest.name}-${name}`,
    platformNames: names.map((each) => `${manifest.name}-${each}`),
    binary: path.join(root, binary),
    files,
  };
}

/** Packs a folder, and unpacks it elsewhere. */
function unpacked(from, folder, to) {
  const [{ file, files }] = packed([from], folder);
  fs.mkdirSync(to);
  execFileSync('tar', ['-xzf', file, '-C', to, '--strip-components=1']);
  fs.rmSync(file);
  return { files };
}

/** @returns {{ file: string, files: string[] }[]} each tarball, and what is in it */
function packed(folders, to) {
  const args = ['pack', ...folders, '--json', '--ignore-scripts', '--pack-destination', to];
  const told = execFileSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // A list to npm 11, and to npm 12 an object with the names of the packages.
  return Object.values(JSON.parse(told)).map(({ filename, files }) => ({
    file: path.join(to, filename),
    files: files.map((each) => each.path),
  }));
}

module.exports = pack;
module.exports.packed = packed;
