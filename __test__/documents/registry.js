'use strict';

const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const pack = require('../../scripts/install/pack');
const { root } = require('./blocks');

/**
 * A registry of packages on this machine: this one as a release would publish it, what it
 * needs, and a package that brings an `express-session` of its own. So the commands of the
 * documents run as they stand, before and without a release.
 *
 * @param {string} folder takes the tarballs
 * @returns {Promise<{ url: string, close: () => void }>}
 */
async function startRegistry(folder) {
  const packages = new Map();
  const add = (tarball) => {
    const manifest = JSON.parse(execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }));
    packages.set(manifest.name, { manifest, tarball });
  };
  const addFolder = (from, manifest) => {
    const staged = fs.mkdtempSync(path.join(folder, 'staged-'));
    if (from) fs.cpSync(from, path.join(staged, 'package'), { recursive: true });
    fs.mkdirSync(path.join(staged, 'package'), { recursive: true });
    if (manifest) {
      fs.writeFileSync(path.join(staged, 'package', 'package.json'), JSON.stringify(manifest));
      // A package that cannot be loaded is passed over by Node.js, for one further up.
      fs.writeFileSync(path.join(staged, 'package', 'index.js'), 'exports.MemoryStore = class {};');
    }
    execFileSync('tar', ['-czf', `${staged}.tgz`, '-C', staged, 'package']);
    add(`${staged}.tgz`);
  };

  for (const name of fs.readdirSync(path.join(root, 'npm'))) addFolder(path.join(root, 'npm', name));
  const { main, platform } = pack(folder);
  add(main);
  add(platform);
  for (const name of ['debug', 'depd', 'ms']) addFolder(path.join(root, 'node_modules', name));
  // Only a name, to be replaced: what the original needs is not here.
  // And an older one, or npm and yarn let the alias do for both, without an override.
  addFolder(undefined, { name: 'express-session', version: '1.18.2' });
  addFolder(undefined, { name: 'brings-its-own', version: '1.0.0', dependencies: { 'express-session': '~1.18.0' } });

  const server = http.createServer((req, res) => {
    const name = decodeURIComponent(req.url.slice(1)).replace(/\.tgz$/, '');
    const { manifest, tarball } = packages.get(name) ?? {};
    if (!manifest) {
      res.writeHead(404).end('{}');
    } else if (req.url.endsWith('.tgz')) {
      fs.createReadStream(tarball).pipe(res);
    } else {
      const { version } = manifest;
      const text = fs.readFileSync(tarball);
      const hash = (kind, encoding) => createHash(kind).update(text).digest(encoding);
      const dist = {
        tarball: `http://${req.headers.host}/${name}.tgz`,
        // yarn 1 wants the old sum, npm and pnpm the new one.
        shasum: hash('sha1', 'hex'),
        integrity: `sha512-${hash('sha512', 'base64')}`,
      };
      res.setHeader('Content-Type', 'application/json');
      // Yarn 4 takes nothing that is younger than a day.
      const time = { [version]: '2025-01-01T00:00:00.000Z' };
      res.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } }, time }));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => { server.closeAllConnections(); server.close(); },
  };
}

module.exports = startRegistry;
