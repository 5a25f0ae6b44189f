'use strict';

/**
 * The type check of the package's own JavaScript, which `npm run lint` runs: that it covers the
 * files of `session/`, and that it fails on a wrong type.
 */
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { installed, root } = require('./project');
const { temporaryFolder } = require('../../test-kit/folder');

const tsc = path.join(installed('typescript'), 'bin', 'tsc');

/** Runs the compiler in the repository. */
function compile(...args) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [tsc, '--pretty', 'false', ...args], { cwd: root, encoding: 'utf8' });
  if (error) throw error;
  assert.equal(stderr, '');
  return { status, lines: stdout.split(/\r?\n/).filter(Boolean) };
}

test('npm run lint checks the types', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  assert.ok(scripts.lint.split(' && ').includes('tsc -p .'), scripts.lint);
});

test('every file that the package loads is checked', () => {
  const { status, lines } = compile('-p', '.', '--listFilesOnly');
  assert.equal(status, 0);
  const checked = new Set(lines.map((file) => path.relative(root, file).split(path.sep).join('/')));
  const files = ['index.js', 'postgres.js', 'redis.js', 'session/types.d.ts', 'native.d.ts', ...fs.readdirSync(path.join(root, 'session'), { recursive: true })
    .map((file) => `session/${file.split(path.sep).join('/')}`)
    .filter((file) => file.endsWith('.js'))];
  assert.ok(files.length > 40, `only ${files.length} files`);
  assert.deepEqual(files.filter((file) => !checked.has(file)), []);
  for (const file of files) assert.doesNotMatch(fs.readFileSync(path.join(root, file), 'utf8'), /@ts-(?:ignore|nocheck|expect-error)/, file);
});

/** Lines of JavaScript, and the code of the error that each must be. */
const LINES = {
  "const sid = require('SESSION/native/load').sessionId(); sid.length;": undefined,
  "require('SESSION/native/load').sessionId(1);": 'TS2554',
  "require('SESSION/native/load').sessionID();": 'TS2551',
  "/** @type {number} */ const header = require('SESSION/cookie/serialize')('n', 'v'); header;": 'TS2322',
  "require('SESSION/cookie/serialize')('n', 1);": 'TS2345',
  "new (require('SESSION/cookie/cookie').Cookie)({ httpOnly: 'yes' });": 'TS2322',
  "new (require('SESSION/cookie/cookie').Cookie)().maxage;": 'TS2551',
  "new (require('SESSION/cookie/keyring'))('secret');": 'TS2345',
  "new (require('SESSION/engine/memory-engine'))({ ttl: '1000' });": 'TS2322',
  "new (require('SESSION/engine/memory-engine'))().read(1);": 'TS2345',
  "require('SESSION/store/call').runEngine(undefined);": 'TS2554',
};

test('a wrong type is an error', (t) => {
  const folder = temporaryFolder('session-checked', t);
  const posix = (file) => file.split(path.sep).join('/');
  const text = ["'use strict';", ...Object.keys(LINES)].join('\n').replaceAll('SESSION', posix(path.join(root, 'session')));
  fs.writeFileSync(path.join(folder, 'planted.js'), text);
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({
    extends: posix(path.join(root, 'tsconfig.json')),
    compilerOptions: { typeRoots: [posix(path.join(root, 'node_modules', '@types'))] },
    files: ['planted.js', posix(path.join(root, 'session', 'native', 'modules.d.ts'))],
    include: [],
  }));
  const { status, lines } = compile('-p', folder);
  assert.notEqual(status, 0);
  const found = Object.fromEntries(lines
    .map((line) => /planted\.js\((\d+),\d+\): error (TS\d+)/.exec(line))
    .filter(Boolean)
    .map(([, row, code]) => [Object.keys(LINES)[row - 2], code]));
  assert.deepEqual(found, Object.fromEntries(Object.entries(LINES).filter(([, code]) => code)));
});
