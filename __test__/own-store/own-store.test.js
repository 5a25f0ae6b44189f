'use strict';

// Not in check: it takes long.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, describe, it } = require('node:test');
const { temporaryFolder } = require('../../test-kit/folder');
const { run } = require('../../test-kit/program');

const ROOT = path.join(__dirname, '..', '..');
const GUIDE = fs.readFileSync(path.join(ROOT, 'docs', 'own-store.md'), 'utf8');
const COMPILER = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

// Nothing is measured: this only turns a program that never ends into a failure.
const WATCHDOG = 90 * 1000;

const node = (args, options) => run(process.execPath, args, { ...options, timeout: WATCHDOG });

/** Everything a store needs but `set`, which is last so that it can be left out. */
const METHODS = `
  get(sid, callback) {
    const text = sessions.get(sid);
    setImmediate(callback, null, text && JSON.parse(text));
  }
  destroy(sid, callback) {
    sessions.delete(sid);
    setImmediate(callback, null);
  }`;
const SET = `
  set(sid, session, callback) {
    sessions.set(sid, JSON.stringify(session));
    setImmediate(callback, null);
  }`;
/** On a busy machine a check may vary, which the verdict then says. */
const EXPIRES_NOTHING = /^\S+ +\S+ +1[23]\/[12] +1[23]\/[12] +as with the original\b.* expiry$/m;

// Mostly they wait for sessions to expire.
describe('npm run test:stores -- ./my-store.js', { concurrency: 4 }, () => {
  let folder;

  before(() => { folder = temporaryFolder('own-store'); });

  /** Runs the suite on a file, as npm does from the folder it is in. */
  const test = async (file, text) => {
    if (text !== undefined) fs.writeFileSync(path.join(folder, file), text);
    return node([path.join(ROOT, 'stores', 'run.js'), file], { cwd: ROOT, env: { INIT_CWD: folder } });
  };

  it('passes the store of the guide, compiled as the guide says', async () => {
    const [, code] = GUIDE.match(/<!-- run: .* puts it here -->\n```ts\n([^]*?)```\n/);
    const [, options] = GUIDE.match(/^npx tsc my-store\.ts (.*)$/m);

    fs.writeFileSync(path.join(folder, 'my-store.ts'), code);
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
    const compiled = await node([COMPILER, 'my-store.ts', ...options.split(' '), '--strict'], { cwd: folder });
    assert.deepEqual(compiled, { status: 0, signal: null, stdout: '', stderr: '' });

    const { status, stdout } = await test('./my-store.js');
    const [, shown] = GUIDE.match(/```\n(store {5}version[^]*?)```\n/);
    assert.deepEqual([status, stdout], [0, shown]);
  });

  const passing = {
    'an ECMAScript module': ['esm.mjs', `
      import { Store } from 'express-session';
      export default (session, { kept }) => {
        const sessions = kept.sessions ??= new Map();
        return new class extends Store {${METHODS}${SET}}();
      };`],
    'a promise of a store': ['promise.js', `
      module.exports = async ({ Store }, { kept }) => {
        const sessions = kept.sessions ??= new Map();
        return new class extends Store {${METHODS}${SET}}();
      };`],
    'a function that returns a class': ['connect.js', `
      const sessions = new Map();
      module.exports = ({ Store }) => class extends Store {${METHODS}${SET}};`],
    'a class': ['class.cjs', `
      const { Store } = require('express-session');
      const sessions = new Map();
      module.exports = class extends Store {${METHODS}${SET}};`],
  };
  for (const [what, [file, text]] of Object.entries(passing)) {
    it(`takes ${what}`, async () => {
      const { status, stdout, stderr } = await test(file, text);
      assert.match(stdout, EXPIRES_NOTHING, stderr);
      assert.equal(status, 0);
    });
  }

  const failing = {
    'a file that is not there': ['nowhere.js', undefined, /^there is no file .*nowhere\.js\n$/],
    'TypeScript': ['own.ts', 'export default 1;', /^.*own\.ts is TypeScript: compile it, /],
    'a module without a function': ['none.js', 'module.exports = { a: 1 };', /none\.js exports no store: /],
    'a function that returns nothing': ['nothing.js', 'module.exports = () => {};', /nothing\.js made undefined in place of a store/],
    'a store that lacks a method': ['half.js', `
      const sessions = new Map();
      module.exports = ({ Store }) => class extends Store {${METHODS}};`, /the store of half\.js has no set\(\): /],
    'an object that is no Store': ['plain.js', `
      const sessions = new Map();
      module.exports = () => ({ get() {}, set() {}, destroy() {} });`, /the store of plain\.js has no on\(\): it must extend session\.Store/],
    'a mistake in the module': ['mistake.js', 'module.exports = () => { throw new Error("my mistake"); };', /: could not run: Error: my mistake\n/],
    'a module that does not parse': ['syntax.js', 'module.exports = (', /: could not run: SyntaxError: /],
    'a store that only this package does not run': ['other.js', `
      const session = require('express-session');
      if ('stats' in session.MemoryStore.prototype) throw new Error('not with that');
      module.exports = () => new session.MemoryStore();`, /: could not run: only with this package: Error: not with that\n/],
  };
  for (const [what, [file, text, message]] of Object.entries(failing)) {
    it(`says what is wrong with ${what}`, async () => {
      const { status, stdout, stderr } = await test(file, text);
      assert.match(stderr, message);
      assert.equal(status, 1, stdout);
      assert.ok(!stdout.includes('as with the original'), stdout);
    });
  }

  it('says which servers there are', async () => {
    const { status, stderr } = await node([path.join(ROOT, 'stores', 'run.js'), './x.js', '--backend=oracle'], { cwd: ROOT });
    assert.match(stderr, /^--backend=oracle is no backend; there are .*\bpostgres, redis\b/);
    assert.equal(status, 1);
  });
});
