'use strict';

/**
 * A panic in the engine is a JavaScript error, and the process goes on. The package has no
 * way to panic that a test could take. So the test addon shows what becomes of a panic in
 * an export that catches it, and the package's sources show that all of its exports do.
 */

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, before, it, test } = require('node:test');
const build = require('../engines/addon');
const native = require('../../session/native/load');

const root = path.join(__dirname, '..', '..');
const file = require.resolve('../../session/native/load');

describe('a panic', { skip: build.skip }, () => {
  let env;

  before(async () => {
    env = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: await build() };
  });

  it('arrives as an Error, again and again', () => {
    const seen = run(env, `
      const native = require(process.argv[1]);
      const seen = [];
      const panicking = native.__panicking();
      for (let i = 0; i < 6; i++) {
        try {
          if (i % 2) panicking();
          else native.__panic();
          seen.push('returned');
        } catch (error) {
          seen.push(error instanceof Error && error.message.includes('asked to panic'));
        }
      }
      seen.push(native.__parseCookie('sid=after', 'sid'), native.sessionId().length);
      console.log(JSON.stringify(seen));
    `);
    assert.deepEqual(seen, [true, true, true, true, true, true, 'after', 32]);
  });

  it('in a thread is an Error there, and harms no other thread', () => {
    const seen = run(env, `
      const { Worker } = require('node:worker_threads');
      const file = process.argv[1];
      const native = require(file);
      const code = \`
        const { parentPort, workerData } = require('node:worker_threads');
        const native = require(workerData);
        let caught = false;
        try { native.__panic(); } catch (error) { caught = error instanceof Error; }
        parentPort.postMessage([caught, native.__parseCookie('sid=inside', 'sid')]);
      \`;
      new Worker(code, { eval: true, workerData: file }).on('message', (inside) => {
        console.log(JSON.stringify([...inside, native.__parseCookie('sid=outside', 'sid')]));
      });
    `);
    assert.deepEqual(seen, [true, 'inside', 'outside']);
  });

  it('whose Error nobody catches ends the process as any other does', () => {
    const { status, signal, stderr } = start(env, 'require(process.argv[1]).__panic()');
    assert.deepEqual({ status, signal }, { status: 1, signal: null }, stderr);
    assert.match(stderr, /^Error: .*asked to panic/m);
  });
});

test('each function of the package that JavaScript calls catches panics', () => {
  const catching = [];
  for (const name of fs.readdirSync(path.join(root, 'src'))) {
    const source = fs.readFileSync(path.join(root, 'src', name), 'utf8');
    catching.push(...catchingIn(source));
    // What napi makes of a closure catches them, as __panicking does.
    const others = source.match(/\b(?:extern|js_function|\w*create_function(?!_from_closure\()\w*)\b/g);
    assert.equal(others, null, `src/${name} makes functions in another way`);
  }
  const exported = Object.keys(native).filter((name) => typeof native[name] === 'function');
  assert.deepEqual(catching.sort(), exported.sort());
});

test('the package is built so that a panic can be caught', () => {
  const [, profile] = /^\[profile\.release\]\n([^[]*)/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'));
  assert.match(profile, /^panic = "unwind"$/m);
});

/** The exports of a source that catch panics: the functions whose napi attribute says so. */
function catchingIn(source) {
  const functions = source.matchAll(/#\[napi((?:"[^"]*"|[^"\]])*)\]\s*(?:#\[[^\]]*\]\s*)*pub fn (\w+)/g);
  return Array.from(functions).filter(([, attribute]) => /\bcatch_unwind\b/.test(attribute))
    .map(([, , name]) => name.replace(/_(\w)/g, (match, letter) => letter.toUpperCase()));
}

/** Runs code in a process of its own, so that an abort is seen for what it is. */
function run(env, code) {
  const { status, signal, stdout, stderr } = start(env, code);
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
  return JSON.parse(stdout);
}

function start(env, code) {
  return spawnSync(process.execPath, ['-e', code, file], { encoding: 'utf8', env });
}
