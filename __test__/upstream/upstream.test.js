'use strict';

/**
 * scripts/upstream.js without a network: git, npm, sh and mocha are stand-ins,
 * so that each way it can end is met.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { temporaryFolder } = require('../../test-kit/folder');
const { run } = require('../../test-kit/program');

const SCRIPT = path.join(__dirname, '..', '..', 'scripts', 'upstream.js');

const MANIFEST = {
  name: 'express-session',
  version: '1.19.0',
  scripts: { test: './test/support/gencert.sh && mocha --check-leaks --reporter spec test/' },
  devDependencies: { after: '1.0.0', 'cookie-parser': '2.0.0', eslint: '9.0.0', express: '3.0.0', mocha: '4.0.0', supertest: '5.0.0' },
};

const TESTS = { 'test/session.js': '', 'test/cookie.js': '', 'test/support/gencert.sh': '' };

/** A place with a folder for programs, one for temporary files and one for a checkout. */
function createPlace(t) {
  const place = temporaryFolder('upstream-test', t);

  const inside = (name) => path.join(place, name);
  for (const name of ['bin', 'tmp', 'checkout']) fs.mkdirSync(inside(name));

  return {
    checkout: inside('checkout'),
    inside,

    /** A program that the script will find by its name. */
    program(name, text) {
      fs.writeFileSync(path.join(inside('bin'), name), `#!${process.execPath}\n${text}`, { mode: 0o755 });
    },

    write(files) {
      for (const [name, content] of Object.entries(files)) {
        const file = path.join(inside('checkout'), name);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      }
    },

    async run(args, env = {}) {
      const { status: code, stdout, stderr } = await run(process.execPath, [SCRIPT, ...args], {
        cwd: place,
        env: { PATH: inside('bin'), TMPDIR: inside('tmp'), TEMP: inside('tmp'), npm_lifecycle_event: '', ...env },
      });

      // However it ends, it leaves nothing behind.
      assert.deepEqual(fs.readdirSync(inside('tmp')), []);

      return { code, stdout, stderr };
    },
  };
}

describe('upstream: what is no checkout of the tag ends with status 2', () => {
  const without = (file) => Object.fromEntries(Object.entries(TESTS).filter(([name]) => name !== file));

  for (const [what, files, message] of [
    ['an empty folder', {}, /no package\.json that can be read/],
    ['a package.json that is no JSON', { 'package.json': '{' }, /no package\.json that can be read/],
    ['a package.json that is null', { 'package.json': 'null' }, /a package without a name/],
    ['another package', { ...TESTS, 'package.json': { ...MANIFEST, name: 'express' } }, /holds express:/],
    ['another version', { ...TESTS, 'package.json': { ...MANIFEST, version: '1.18.2' } }, /is at version 1\.18\.2:/],
    ['a package without tests', { 'package.json': MANIFEST }, /has no test\/session\.js/],
    ['one without the script for certificates', { ...without('test/support/gencert.sh'), 'package.json': MANIFEST }, /has no test\/support\/gencert\.sh/],
    ['a test script without mocha', { ...TESTS, 'package.json': { ...MANIFEST, scripts: { test: 'tap' } } }, /no `test` script that runs mocha/],
    ['a dependency without a version', { ...TESTS, 'package.json': { ...MANIFEST, devDependencies: {} } }, /names no version of after/],
  ]) {
    it(what, async (t) => {
      const place = createPlace(t);
      place.write(files);

      const end = await place.run([place.checkout]);

      assert.equal(end.code, 2);
      assert.match(end.stderr, /^test:upstream: [^\n]+\n$/);
      assert.match(end.stderr, message);
    });
  }

  it('a folder that is not there', async (t) => {
    const place = createPlace(t);
    const end = await place.run([place.inside('nowhere')]);

    assert.equal(end.code, 2);
    assert.match(end.stderr, /nowhere does not exist/);
  });

  it('a file', async (t) => {
    const place = createPlace(t);
    fs.writeFileSync(place.inside('file'), '');
    const end = await place.run([place.inside('file')]);

    assert.equal(end.code, 2);
    assert.match(end.stderr, /no package\.json/);
  });

  it('two folders', async (t) => {
    const end = await createPlace(t).run(['a', 'b']);

    assert.equal(end.code, 2);
    assert.match(end.stderr, /usage: npm run test:upstream -- \[DIR\]/);
  });
});

// The stand-ins are scripts with a first line that Windows does not read.
describe('upstream: the programs it needs', { skip: process.platform === 'win32' }, () => {
  it('says that it cannot clone, and what git said last', async (t) => {
    const place = createPlace(t);
    place.program('git', `
      require('node:fs').writeFileSync(${JSON.stringify(place.inside('asked'))}, process.env.GIT_TERMINAL_PROMPT + ' ' + process.argv.slice(2).join(' '));
      console.error('warning\\nfatal: no network here');
      process.exitCode = 128;
    `);

    const end = await place.run([]);

    assert.equal(end.code, 2);
    assert.match(end.stderr, /could not clone v1\.19\.0: fatal: no network here\n.*test:upstream -- DIR/);
    assert.match(fs.readFileSync(place.inside('asked'), 'utf8'), /^0 .*clone .*--branch v1\.19\.0 https:/);
  });

  it('says that there is no git', async (t) => {
    const end = await createPlace(t).run([]);

    assert.equal(end.code, 2);
    assert.match(end.stderr, /could not clone v1\.19\.0: there is no program named git/);
  });

  it('says that it cannot install, and why', async (t) => {
    const place = createPlace(t);
    place.write({ ...TESTS, 'package.json': MANIFEST });
    place.program('npm', "console.error('npm: offline'); process.exitCode = 1;");

    const end = await place.run([place.checkout]);

    assert.equal(end.code, 2);
    assert.match(end.stderr, /could not install what its tests need:\nnpm: offline/);
  });

  it('says that it cannot make the certificate', async (t) => {
    const place = createPlace(t);
    place.write({ ...TESTS, 'package.json': MANIFEST });
    place.program('npm', '');
    place.program('sh', "console.error('openssl: not found'); process.exitCode = 127;");

    const end = await place.run([place.checkout]);

    assert.equal(end.code, 2);
    assert.match(end.stderr, /could not make the certificate.*openssl installed\?\):\nopenssl: not found/);
  });

  /** A checkout whose mocha is the given script. */
  function withMocha(t, mocha) {
    const place = createPlace(t);

    place.write({ ...TESTS, 'package.json': MANIFEST });
    place.program('sh', `
      require('node:assert').deepEqual(process.argv.slice(2), ['test/support/gencert.sh']);
    `);
    place.program('npm', `
      const fs = require('node:fs');
      fs.copyFileSync('package.json', ${JSON.stringify(place.inside('installed.json'))});
      fs.mkdirSync('node_modules/mocha/bin', { recursive: true });
      fs.writeFileSync('node_modules/mocha/bin/mocha.js', ${JSON.stringify(mocha)});
    `);

    return place;
  }

  for (const [what, mocha, status, summary] of [
    ['160 of 160', "console.log('\\n  160 passing (1s)\\n');", 0, /\n {2}160 passing \(1s\)\n[^]*: 160 of 160 passed\n$/],
    ['one too few', "console.log('  159 passing (1s)');", 1, /: 159 of 160 passed\n$/],
    ['one too many', "console.log('  161 passing (1s)');", 1, /: 161 of 160 passed\n$/],
    ['a failure', "console.log('  159 passing (1s)\\n  1 failing'); process.exitCode = 1;", 1, /: 159 of 160 passed, 1 failed \(mocha ended with 1\)\n$/],
    ['one skipped', "console.log('  160 passing (1s)\\n  1 pending');", 1, /: 160 of 160 passed, 1 skipped\n$/],
    ['a crash at the end', "console.log('  160 passing (1s)'); process.exitCode = 7;", 1, /: 160 of 160 passed \(mocha ended with 7\)\n$/],
    ['a mocha that does not start', "throw new Error('planted')", 1, /: 0 of 160 passed \(mocha ended with 1\)\n$/],
  ]) {
    it(`ends with ${status} on ${what}`, async (t) => {
      const end = await withMocha(t, mocha).run(['checkout']);

      assert.equal(end.code, status, end.stderr);
      assert.match(end.stdout, summary);
    });
  }

  it("runs mocha with the checkout's own flags, over its tests and the package under test", async (t) => {
    const place = withMocha(t, `
      const fs = require('node:fs');
      console.log('flags ' + process.argv.slice(2).join(' '));
      for (const module of ['./index', './session/cookie', './session/memory', './session/session', './session/store']) {
        console.log(fs.readFileSync(module + '.js', 'utf8'));
      }
      console.log('tests ' + fs.readFileSync('test/session.js', 'utf8'));
    `);
    place.write({ 'test/session.js': 'its tests' });

    // As npm does it: in the package's folder, DIR relative to the caller's.
    const { stdout } = await place.run(['checkout'], {
      SUBJECT: 'express-session', npm_lifecycle_event: 'test:upstream', INIT_CWD: place.inside('.'),
    });

    assert.match(stdout, /^flags --check-leaks --reporter spec test\/$/m);
    assert.match(stdout, /^tests its tests$/m);

    const original = path.dirname(require.resolve('express-session'));
    for (const module of ['index', 'session/cookie', 'session/memory', 'session/session', 'session/store']) {
      assert.ok(stdout.includes(`require(${JSON.stringify(path.join(original, module))})`), stdout);
    }

    const { eslint, ...needed } = MANIFEST.devDependencies;
    assert.ok(eslint);
    assert.deepEqual(JSON.parse(fs.readFileSync(place.inside('installed.json'))).devDependencies, needed);
  });
});
