'use strict';

// Installs the package as its users do, from tarballs, into empty projects, and runs
// programs there. `npm run test:install`; arguments pick cases whose name contains them.
const fs = require('node:fs');
const path = require('node:path');
const pack = require('./install/pack');
const { Project, NAME, ALIAS } = require('./install/project');
const withoutBinary = require('./install/no-binary');
const { discard, temporaryFolder } = require('../test-kit/folder');
const { needs } = require('../test-kit/installed');
const { startRedis } = require('../test-kit/redis');

/**
 * Case by case, what throws if the package is not as it should be. Each installer has the alias,
 * which each resolves its own way. Under its own name npm has it, and Plug'n'Play, which lets a
 * package load only what it asks for, or the project.
 */
const cases = {
  'the tarballs have what is needed, and nothing else': checkFiles,
  'under its own name': ownName('npm'),
  'as express-session': alias('npm'),
  'by overrides, below a package that brings express-session': overrides,
  'in a project of ECMAScript modules': modules,
  'with pnpm 9, as express-session': alias('pnpm 9'),
  'with pnpm 12, as express-session': alias('pnpm 12'),
  'with yarn 1, as express-session': alias('yarn 1'),
  'with yarn 4, as express-session': alias('yarn 4'),
  'with yarn 4 and Plug\'n\'Play, under its own name': ownName('yarn 4, Plug\'n\'Play'),
  'with yarn 4 and Plug\'n\'Play, as express-session': alias('yarn 4, Plug\'n\'Play'),
  'without a binary, with npm: the command of the error builds one': withoutBinary.builds('npm', { rust: 'real' }),
  'without a binary, under its own name': withoutBinary.builds('npm', { name: NAME }),
  'without a binary, without Rust: the command says that': withoutBinary.withoutRust,
  'without a binary, with npm 12': withoutBinary.builds('npm 12'),
  'without a binary, with pnpm 9': withoutBinary.builds('pnpm 9'),
  'without a binary, with pnpm 10': withoutBinary.builds('pnpm 10'),
  'without a binary, with pnpm 12': withoutBinary.builds('pnpm 12'),
  'without a binary, with yarn 1': withoutBinary.builds('yarn 1'),
  'without a binary, with yarn 4': withoutBinary.builds('yarn 4'),
  'without a binary, with yarn 4 and Plug\'n\'Play': withoutBinary.builds('yarn 4, Plug\'n\'Play'),
};

/** As many at a time as share two cores well: an install mostly waits. */
const AT_A_TIME = 2;

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

async function main() {
  const picked = process.argv.slice(2);
  const names = Object.keys(cases).filter((name) => picked.length === 0 || picked.some((text) => name.includes(text)));
  const why = needs('redis-server');
  if (why) console.error(`connect-redis is not tried: ${why}`);
  const folder = temporaryFolder('install');
  const redis = why ? undefined : await startRedis();
  let failed = 0;
  try {
    const place = { folder, redis: redis?.url, packages: pack(folder) };
    const left = [...names];
    const work = async () => {
      for (let name = left.shift(); name; name = left.shift()) {
        const begun = Date.now();
        const error = await Promise.resolve(place).then(cases[name]).then(() => undefined, (thrown) => thrown);
        if (error) failed += 1;
        const seconds = Math.round((Date.now() - begun) / 1000);
        process.stdout.write(error ? `FAILED: ${name}\n${error.message}\n` : `ok: ${name} (${seconds} s)\n`);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  } finally {
    await redis?.stop();
    discard(folder);
  }
  process.stdout.write(`${names.length - failed} passed, ${failed} failed\n`);
  if (failed > 0 || names.length === 0) process.exitCode = 1;
}

function checkFiles({ packages }) {
  const known = [
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
    /^(index|postgres|redis)\.(js|d\.ts)$/, /^session\/(\w+\/)?[\w-]+\.(js|d\.ts)$/,
    // What a build from source needs; cargo wants each file that a Cargo.toml names.
    /^bin\/[\w-]+\.js$/, /^(build\.rs|\.cargo\/config\.toml|Cargo\.(toml|lock)|core\/Cargo\.toml|core\/benches\/engine\.rs)$/,
    /^(core\/)?src\/([\w-]+\/)*(?!tests\.rs)[\w-]+\.rs$/,
  ];
  const needed = ['index.js', 'index.d.ts', 'postgres.js', 'postgres.d.ts', 'redis.js', 'redis.d.ts', 'README.md',
    'LICENSE', 'CHANGELOG.md', 'session/middleware.js', 'session/backend/resident.js', 'session/native/load.js', 'session/store.d.ts', 'session/disk.js', 'session/disk.d.ts',
    'bin/express-session-rs.js', 'bin/disk.js', 'Cargo.lock', '.cargo/config.toml', 'core/src/disk_store/database.rs'];
  const odd = packages.files.filter((file) => !known.some((pattern) => pattern.test(file)));
  const missing = needed.filter((file) => !packages.files.includes(file));
  if (odd.length + missing.length > 0) throw new Error(`not needed: ${odd.join(', ')}; missing: ${missing.join(', ')}`);

  const size = fs.statSync(packages.binary).size;
  if (size >= 2e6) throw new Error(`the binary has ${size} bytes, and 2 MB are too many`);
}

/** Under the name that it is published by, next to the original that a store asks for. */
function ownName(installer) {
  return (place) => visit(new Project(place, { installer, name: NAME, dependencies: { [ALIAS]: '1.19.0' } }));
}

/** Where an app and its stores say `require('express-session')`. */
function alias(installer) {
  return async (place) => {
    const project = new Project(place, { installer, name: ALIAS });
    await visit(project);
    // The one that a store finds is the one that the app has.
    await project.node('-e', sameStore(ALIAS));
  };
}

/** A program that throws unless connect-redis has its Store from a package. */
function sameStore(name) {
  return `require('assert').ok(require('connect-redis').RedisStore.prototype instanceof require('${name}').Store)`;
}

async function overrides(place) {
  const brings = path.join(place.folder, 'brings');
  fs.mkdirSync(brings);
  fs.writeFileSync(path.join(brings, 'package.json'), JSON.stringify({
    name: 'brings', version: '1.0.0', dependencies: { [ALIAS]: '^1.18.0' },
  }));
  fs.writeFileSync(path.join(brings, 'index.js'), `module.exports = require('${ALIAS}');`);
  const file = `file:${pack.packed([brings], place.folder)[0].file}`;

  const project = new Project(place, { name: NAME, dependencies: { brings: file }, overrides: true });
  await visit(project);
  await project.node('visit.js', 'brings');
  // Another copy than the app's, but one for all that ask for it.
  await project.node('-e', sameStore('brings'));
}

async function modules(place) {
  const project = new Project(place, { name: ALIAS, type: 'module' });
  await project.install();
  project.write('app.js', `
    import assert from 'node:assert/strict';
    import express from 'express';
    import session, { Cookie, MemoryStore, Session, Store } from '${ALIAS}';
    import keepLoggedOut from '${ALIAS}/redis.js';
    import { RedisStore } from 'connect-redis';
    import { createClient } from 'redis';
    import visitor from './visit.cjs';

    assert.ok(new MemoryStore() instanceof Store && session.Cookie === Cookie && session.Session === Session);
    const store = keepLoggedOut(new RedisStore({ client: createClient() }));
    assert.ok(store instanceof Store && typeof store.setIfPresent === 'function');
    visitor.end(visitor.visitAll(session, express));
  `);
  await project.node('app.js');
  await project.example();
  await project.types(['named.ts', 'app.ts']);
}

/** The stores, the example and the types, in a project that has the package. */
async function visit(project) {
  await project.install();
  await project.node('visit.js', project.name);
  await project.example();
  if (!project.hasFolders) return;
  await project.types(['app.ts', 'augmented.ts', 'stores.ts', 'readers.ts', 'required.ts', 'rejected.ts', 'named.ts']);
}
