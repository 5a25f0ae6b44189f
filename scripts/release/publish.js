'use strict';

// Publishes the tarballs in a folder: `node scripts/release/publish.js packages`. What the
// registry has already, byte for byte, is passed over: after a failure halfway, run it again.
const { execFileSync, spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

main(path.resolve(process.argv[2])).catch((error) => {
  console.error(`Not published: ${error.message}.`);
  process.exitCode = 1;
});

async function main(folder) {
  const packages = complete(fs.readdirSync(folder).filter((name) => name.endsWith('.tgz'))
    .map((name) => read(path.join(folder, name))));
  // Of all of them, before anything is published: that cannot be taken back.
  const missing = [];
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  for (const each of packages) {
    const published = await integrity(each, registry);
    if (published === undefined) missing.push(each);
    else if (published === each.integrity) console.log(`${each.id} is published already.`);
    else throw new Error(`the registry has another ${each.id}; release a new version`);
  }
  for (const { id, file, version } of missing) {
    console.log(`Publishing ${id}.`);
    const tag = version.includes('-') ? 'next' : 'latest';
    const { status } = spawnSync('npm', ['publish', file, '--access', 'public', '--tag', tag], { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${id} failed, see above; when that is mended, run this again, it goes on from here`);
  }
  console.log(`${packages.length} packages are published.`);
}

function read(file) {
  const text = fs.readFileSync(file);
  const files = tar('-tzf', file).split('\n');
  const manifest = JSON.parse(tar('-xzOf', file, 'package/package.json'));
  const { name, version } = manifest;
  return { id: `${name}@${version}`, name, version, manifest, file, files, integrity: `sha512-${createHash('sha512').update(text).digest('base64')}` };
}

function tar(...args) {
  return execFileSync('tar', args, { encoding: 'utf8' });
}

/**
 * The platforms' packages, and the one that needs them as the last: nobody may be able to
 * install it before these.
 *
 * @throws {Error} in one line, if one is missing, has no addon or another than it says
 */
function complete(packages) {
  const main = packages.find(({ manifest }) => manifest.optionalDependencies);
  if (!main) throw new Error('there is no package that names those of its platforms');
  const platforms = Object.entries(main.manifest.optionalDependencies).map(([name, version]) => {
    const found = packages.find(({ id }) => id === `${name}@${version}`);
    if (!found) throw new Error(`the tarball of ${name}@${version} is missing`);
    const { main: addon, binarySize } = found.manifest;
    if (!found.files.includes(`package/${addon}`)) throw new Error(`${found.id} has no addon in it`);
    // Or nobody could load it.
    const { length } = execFileSync('tar', ['-xzOf', found.file, `package/${addon}`], { maxBuffer: 64 * 1024 * 1024 });
    if (length !== binarySize) throw new Error(`${found.id} says that its addon has ${binarySize} bytes, and it has ${length}`);
    return found;
  });
  if (platforms.length !== packages.length - 1) throw new Error('there are more tarballs than packages');
  return [...platforms, main];
}

/** The sum of what the registry has of a version, or nothing. */
async function integrity({ name, version }, registry) {
  const response = await fetch(new URL(encodeURIComponent(name), registry), { headers: { 'cache-control': 'no-cache' } });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the registry answers ${response.status} when asked for ${name}`);
  return (await response.json()).versions?.[version]?.dist.integrity;
}
