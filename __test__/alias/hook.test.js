'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { it } = require('node:test');
const { promisify } = require('node:util');

const { createLayout, linked } = require('./layout');

const run = promisify(execFile);

const HOOK = path.join(__dirname, 'hook.js');

const original = path.dirname(require.resolve('express-session'));
const subject = process.env.SUBJECT ? original : path.join(__dirname, '..', '..');

// Asks from the program, and from inside a package that it depends on.
const ASK = `
  const { createRequire } = require('node:module');
  const inside = createRequire(require.resolve('map-store'));
  console.log(JSON.stringify(['express-session', 'express-session/session/cookie', 'express-session/session/store.js']
    .flatMap((name) => [require.resolve(name), inside.resolve(name)])));
`;

it('the alias holds in the program and in its dependencies, deep paths too', async (t) => {
  const layout = createLayout(linked(original));
  t.after(() => layout.remove());

  async function ask(args) {
    const { stdout } = await run(process.execPath, [...args, '-e', ASK], {
      cwd: layout.folder,
      env: { ...process.env, EXPRESS_SESSION_ALIAS: subject },
    });
    return JSON.parse(stdout);
  }

  const files = (root) => ['index.js', 'session/cookie.js', 'session/store.js']
    .flatMap((file) => Array(2).fill(path.join(root, file)));

  assert.deepEqual(await ask([]), files(original));
  assert.deepEqual(await ask(['--require', HOOK]), files(subject));
});
