'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');

/**
 * Packs what a release would publish: the package, with its platforms as optional
 * dependencies, and this platform's binary.
 *
 * @param {string} folder takes the tarballs
 * @returns {{ main: string, platform: string, platformName: string, platformNames: string[],
 *   files: string[] }} the two tarballs, the names of this platform's package and of all,
 *   and what is in the first tarball
 * @throws {Error} if there is no binary of this platform to be packed
 */
function pack(folder) {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const names = fs.readdirSync(path.join(root, 'npm'));
  const binary = names.map((name) => `${manifest.napi.binaryName}.${name}.node`)
    .find((file) => fs.existsSync(path.join(root, file)));
  if (!binary) throw new Error('there is no binary here: npm run build makes one');
  const name = binary.split('.')[1];

  // The names are in no registry before the first release, so the committed package.json
  // cannot have them: `napi pre-publish` adds them, and so does this.
  const optionalDependencies = Object.fromEntries(names.map((each) =>
    [`${manifest.name}-${each}`, manifest.version]));
  const staged = path.join(folder, 'staged');
  const { files } = unpacked(root, folder, staged);
  write(path.join(staged, 'package.json'), { ...manifest, optionalDependencies });

  const platform = path.join(folder, 'platform');
  fs.cpSync(path.join(root, 'npm', name), platform, { recursive: true });
  fs.copyFileSync(path.join(root, binary), path.join(platform, binary));
  return {
    main: packed(staged, folder).file,
    platform: packed(platform, folder).file,
    platformName: `${manifest.name}-${name}`,
    platformNames: Object.keys(optionalDependencies),
    files,
  };
}

/** Packs a folder, and unpacks it elsewhere. */
function unpacked(from, folder, to) {
  const { file, files } = packed(from, folder);
  fs.mkdirSync(to);
  execFileSync('tar', ['-xzf', file, '-C', to, '--strip-components=1']);
  fs.rmSync(file);
  return { files };
}

function packed(from, folder) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [{ filename, files }] = JSON.parse(execFileSync('npm', args, { cwd: from, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  return { file: path.join(folder, filename), files: files.map((each) => each.path) };
}

function write(file, value) {
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

module.exports = pack;
