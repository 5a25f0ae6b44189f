'use strict';

const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { serve } = require('../test-kit/app');
const { discard, temporaryFolder } = require('../test-kit/folder');

/**
 * A registry of packages on this machine. So the commands of the documents run as they
 * stand, and a release can be tried, before and without one.
 *
 * @param {{ token?: string }} [options] who has it may `npm publish`
 * @returns {Promise<{ url: string, published: string[], refused: Set<string>,
 *   brings: (folder: string) => void, takes: (tarball: string) => void,
 *   forget: (name: string) => void, close: () => void }>} `published` are the names in order;
 *   those in `refused` it takes no more; `brings` and `takes` give it a package from a folder and
 *   from a file; `forget` has it lose one
 */
async function startRegistry({ token } = {}) {
  const packages = new Map();
  const tarballs = new Map();
  const published = [];
  const refused = new Set();

  /** As npm has it: all versions of a name in one document. */
  const add = (name, version, manifest, tarball) => {
    const hash = (kind, encoding) => createHash(kind).update(tarball).digest(encoding);
    const dist = {
      tarball: `${url}-/${name}-${version}.tgz`,
      // Yarn 1 wants the old sum, the others the new one.
      shasum: hash('sha1', 'hex'),
      integrity: `sha512-${hash('sha512', 'base64')}`,
    };
    const { versions, time } = packages.get(name) ?? {};
    packages.set(name, {
      name,
      'dist-tags': { latest: version },
      versions: { ...versions, [version]: { ...manifest, dist } },
      // Yarn 4 takes nothing that is younger than a day.
      time: { ...time, [version]: '2025-01-01T00:00:00.000Z' },
    });
    tarballs.set(dist.tarball, tarball);
  };
  const publish = (document) => {
    const [[version, manifest]] = Object.entries(document.versions);
    const { name } = document;
    if (refused.has(name)) return [503, { error: 'not now' }];
    if (packages.get(name)?.versions[version]) {
      return [403, { error: `You cannot publish over the previously published versions: ${version}.` }];
    }
    const [{ data }] = Object.values(document._attachments);
    add(name, version, manifest, Buffer.from(data, 'base64'));
    published.push(name);
    return [201, {}];
  };

  const server = http.createServer(async (req, res) => {
    const answer = (status, body) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const name = decodeURIComponent(req.url.slice(1));
    if (req.method === 'PUT') {
      const chunks = await req.toArray();
      if (!token || req.headers.authorization !== `Bearer ${token}`) return answer(401, { error: 'who are you?' });
      return answer(...publish(JSON.parse(Buffer.concat(chunks))));
    }
    const dist = [...packages.values()].flatMap(({ versions }) => Object.values(versions))
      .map((each) => each.dist).find(({ tarball }) => tarball.endsWith(req.url));
    if (dist) return res.end(tarballs.get(dist.tarball));
    const document = packages.get(name);
    return document ? answer(200, document) : answer(404, { error: 'not found' });
  });
  const { url, close } = await serve(server);
  return {
    url,
    published,
    refused,
    brings(folder) {
      const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
      const staged = temporaryFolder('registry');
      try {
        // Under the name that npm's own tarballs have.
        const isOwn = (file) => path.basename(file) !== 'node_modules';
        fs.cpSync(folder, path.join(staged, 'package'), { recursive: true, filter: isOwn });
        add(manifest.name, manifest.version, manifest, execFileSync('tar', ['-czf', '-', '-C', staged, 'package']));
      } finally {
        discard(staged);
      }
    },
    takes(tarball) {
      const manifest = JSON.parse(execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }));
      add(manifest.name, manifest.version, manifest, fs.readFileSync(tarball));
    },
    forget: (name) => { packages.delete(name); },
    close,
  };
}

module.exports = startRegistry;
