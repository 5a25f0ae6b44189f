'use strict';

// Installs the package as its users do, from tarballs, into empty projects, and runs
// programs there. `npm run test:install`; arguments pick cases whose name contains them.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const pack = require('./install/pack');

const root = path.join(__dirname, '..');
const NAME = 'express-session-rs';
const ALIAS = 'express-session';
const EXPRESS = { express: '5.1.0' };
/** Of those that the suite of stores runs, five that need no server. */
const STORES = {
  memorystore: '1.6.8', 'session-file-store': '1.5.0', 'connect-loki': '1.2.0',
  'lowdb-session-store': '1.1.1', lowdb: '1.0.0', 'connect-redis': '10.0.0',
};
const RUN = ['MemoryStore', 'memorystore', 'session-file-store', 'connect-loki', 'lowdb-session-store', 'connect-redis'];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'install-'));
process.on('exit', () => { fs.rmSync(folder, { recursive: true, force: true }); });
const packages = pack(folder);
const ours = `file:${packages.main}`;
const platform = `file:${packages.platform}`;
const binary = { [packages.platformName]: platform };
// yarn 1 gives up where an optional package is in no registry, as all are before a release.
const everyPlatform = Object.fromEntries(packages.platformNames.map((name) => [name, platform]));

/** By what npm and the others install; `peers` of stores name a version that an alias has. */
const installers = {
  npm: ['npm', ['install', '--no-audit', '--no-fund', '--loglevel=error']],
  pnpm: ['npx', ['--yes', 'pnpm@9', 'install', '--no-frozen-lockfile', '--config.node-linker=hoisted']],
  yarn: ['npx', ['--yes', 'yarn@1', 'install', '--no-lockfile', '--non-interactive', '--ignore-engines']],
};

const cases = {
  'the tarball has what is needed, and nothing else': checkFiles,
  'under its own name': () => visitAll({ dependencies: { [NAME]: ours } }, NAME),
  'as express-session': () => visitAll({ dependencies: { [ALIAS]: ours } }, ALIAS, true),
  'by overrides, below a store that brings express-session': () => visitAll({
    dependencies: { [NAME]: ours },
    overrides: { 'express-session': ours },
  }, NAME),
  'in a project of ECMAScript modules': inModules,
  'with pnpm, under its own name': () => visitAll({ dependencies: { [NAME]: ours } }, NAME, false, 'pnpm'),
  'with pnpm, as express-session': () => visitAll({ dependencies: { [ALIAS]: ours } }, ALIAS, true, 'pnpm'),
  // yarn 1 installs no peers: connect-redis wants one called express-session.
  'with yarn, under its own name': () => visitAll({ dependencies: { [NAME]: ours, [ALIAS]: '1.19.0' } }, NAME, false, 'yarn'),
  'with yarn, as express-session': () => visitAll({ dependencies: { [ALIAS]: ours } }, ALIAS, true, 'yarn'),
  'the example app': runExample,
  'its types': compileTypes,
  'without a binary, one error says what to do': withoutBinary,
};

main();

function main() {
  const picked = process.argv.slice(2);
  const names = Object.keys(cases).filter((name) => picked.length === 0 || picked.some((text) => name.includes(text)));
  let failed = 0;
  for (const name of names) {
    const begun = Date.now();
    try {
      cases[name]();
      process.stdout.write(`ok: ${name} (${Math.round((Date.now() - begun) / 1000)} s)\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`FAILED: ${name}\n${error.message}\n`);
    }
  }
  process.stdout.write(`${names.length - failed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function checkFiles() {
  const known = /^(index\.(js|d\.ts)|native\.(js|d\.ts)|redis\.(js|d\.ts)|package\.json|README\.md|LICENSE|CHANGELOG\.md|session\/[\w-]+\.(js|d\.ts))$/;
  const odd = packages.files.filter((file) => !known.test(file));
  const needed = ['index.js', 'index.d.ts', 'native.js', 'redis.js', 'redis.d.ts', 'README.md', 'LICENSE', 'CHANGELOG.md', 'session/middleware.js'];
  const missing = needed.filter((file) => !packages.files.includes(file));
  if (odd.length + missing.length > 0) throw new Error(`not needed: ${odd.join(', ')}; missing: ${missing.join(', ')}`);
}

/** Installs into an empty project. */
function project({ dependencies, overrides, type = 'commonjs' }, installer = 'npm') {
  const place = fs.mkdtempSync(path.join(folder, 'project-'));
  // Each installer has its own word for it.
  const replaced = { overrides, pnpm: { overrides }, resolutions: installer === 'yarn' ? everyPlatform : undefined };
  write(path.join(place, 'package.json'), {
    name: 'a-project', private: true, type, dependencies: { ...EXPRESS, ...binary, ...dependencies }, ...replaced,
  });
  const [command, args] = installers[installer];
  run(command, args, { cwd: place });
  return place;
}

function visitAll({ dependencies, overrides }, name, isAlias = false, installer = 'npm') {
  const place = project({ dependencies: { ...STORES, ...dependencies }, overrides }, installer);
  const env = isAlias || overrides ? { ...process.env, EXPECTS_ALIAS: '1' } : process.env;
  for (const store of RUN) run(process.execPath, [path.join(__dirname, 'install', 'visit.js'), name, store], { cwd: place, env });
}

function inModules() {
  const place = project({ dependencies: { ...STORES, [ALIAS]: ours }, type: 'module' });
  fs.writeFileSync(path.join(place, 'app.js'), `
    import assert from 'node:assert/strict';
    import session, { Cookie, MemoryStore, Session, Store } from 'express-session';
    import { RedisStore } from 'connect-redis';
    import keepLoggedOut from 'express-session/redis.js';
    assert.ok(new MemoryStore() instanceof Store && session.Cookie === Cookie && session.Session === Session);
    const store = keepLoggedOut(new RedisStore({ client: { scanIterator() {} } }));
    assert.ok(store instanceof Store && typeof store.setIfPresent === 'function');
    session({ secret: 'of the test', resave: false, saveUninitialized: false, store });
  `);
  run(process.execPath, ['app.js'], { cwd: place });
}

/** The app of `npm start`, with its package in place of this checkout. */
function runExample() {
  const place = project({ dependencies: { [NAME]: ours } });
  fs.cpSync(path.join(root, 'examples', 'app'), path.join(place, 'app'), { recursive: true });
  for (const file of fs.readdirSync(path.join(place, 'app')).filter((each) => each.endsWith('.js'))) {
    const text = fs.readFileSync(path.join(place, 'app', file), 'utf8');
    fs.writeFileSync(path.join(place, 'app', file), text.replace(/require\('(\.\.\/)+'\)|require\('\.\.\/\.\.'\)/, `require('${NAME}')`));
  }
  fs.writeFileSync(path.join(place, 'ask.js'), `
    const { createApp } = require('./app/app');
    const server = require('node:http').createServer(createApp({ secret: 'of the test' }));
    server.listen(0, '127.0.0.1', async () => {
      const response = await fetch('http://127.0.0.1:' + server.address().port + '/');
      if (response.status !== 200 || !(await response.text()).includes('<html')) throw new Error('no page: ' + response.status);
      process.exit(0);
    });
  `);
  run(process.execPath, ['ask.js'], { cwd: place });
}

/** A program in TypeScript, as strict as can be. */
function compileTypes() {
  const place = project({ dependencies: { [ALIAS]: ours, typescript: '5.9.3', '@types/express': '5.0.3', '@types/node': '20.19.0' } });
  for (const file of ['app.ts', 'same.ts', 'augment.ts', 'augmented.ts', 'stores.ts', 'readers.ts']) {
    fs.copyFileSync(path.join(root, '__test__', 'types', 'fixtures', file), path.join(place, file));
  }
  run(process.execPath, [path.join('node_modules', 'typescript', 'bin', 'tsc'), '--strict', '--noEmit',
    '--module', 'node16', '--target', 'es2022', 'app.ts', 'augmented.ts', 'stores.ts', 'readers.ts'], { cwd: place });
}

function withoutBinary() {
  const place = fs.mkdtempSync(path.join(folder, 'project-'));
  write(path.join(place, 'package.json'), { private: true, dependencies: { [NAME]: ours } });
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', '--omit=optional'], { cwd: place });
  const { status, stderr } = spawnSync(process.execPath, ['-e', `require('${NAME}')`], { cwd: place, encoding: 'utf8' });
  const told = /express-session-rs: the native addon for [\w-]+ is missing\. Looked for .* and the package express-session-rs-[\w-]+\. To build it: /;
  if (status === 0 || !told.test(stderr)) throw new Error(`exit ${status}: ${stderr}`);
}

/** @throws {Error} with what the command printed, if it fails */
function run(command, args, options) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 180000, ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`.slice(0, 3000));
}

function write(file, value) {
  fs.writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
