'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const native = require('../../session/native/load');

const root = path.join(__dirname, '..', '..');

/** The facts as the engine's one list of them has them. */
function facts() {
  const text = fs.readFileSync(path.join(root, 'core', 'src', 'state.rs'), 'utf8');
  const [, list] = /\$receiver! \{\n([^}]*)\}/.exec(text);
  return [...list.matchAll(/^ +([A-Z_]+): ".*",$/gm)].map(([, name]) => name);
}

test('the table has a decision for every combination of facts', () => {
  const names = facts();
  assert.ok(names.length >= 13 && names.includes('EXPIRES'), `${names}`);
  assert.equal(native.decisions().length, 2 ** names.length);
  assert.deepEqual(names.map((name) => native[name]), names.map((_, at) => 2 ** at));
});

test('a decision is an end, and whether there is a cookie', () => {
  const { END_NOTHING, END_SAVE, END_TOUCH, END_DESTROY, END_MASK, SETS_COOKIE } = native;
  assert.deepEqual([END_NOTHING, END_SAVE, END_TOUCH, END_DESTROY, END_MASK, SETS_COOKIE], [0, 1, 2, 3, 3, 4]);
  assert.deepEqual([...new Set(native.decisions())].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

test('what the table says of some requests', () => {
  const decisions = native.decisions();
  const endOf = (its) => decisions[its] & native.END_MASK;
  const setsCookie = (its) => (decisions[its] & native.SETS_COOKIE) !== 0;
  const created = native.HAS_ID | native.ID_IS_STRING | native.HAS_SESSION;
  assert.equal(endOf(created), native.END_NOTHING);
  assert.equal(setsCookie(created), false);
  assert.equal(endOf(created | native.MODIFIED), native.END_SAVE);
  assert.equal(setsCookie(created | native.MODIFIED), true);
  const loaded = created | native.ID_FROM_COOKIE | native.STORE_TOUCHES | native.WAS_SAVED | native.SAVED;
  assert.equal(endOf(loaded), native.END_TOUCH);
  assert.equal(setsCookie(loaded), false);
  assert.equal(setsCookie(loaded | native.MODIFIED), false);
  assert.equal(setsCookie(loaded | native.MODIFIED | native.EXPIRES), true);
  const fresh = loaded | native.FRESH | native.ROLLING;
  assert.equal(endOf(fresh), native.END_NOTHING);
  assert.equal(setsCookie(fresh), false);
  assert.equal(endOf(fresh & ~(native.WAS_SAVED | native.SAVED)), native.END_NOTHING, 'resave');
  assert.equal(endOf((fresh & ~native.SAVED) | native.MODIFIED), native.END_SAVE);
  assert.equal(setsCookie(fresh | native.MODIFIED), true);
  assert.equal(endOf(native.HAS_ID | native.UNSET | native.UNSET_DESTROY), native.END_DESTROY);
});

test('every constant of the addon that the package names is there', () => {
  const folder = path.join(root, 'session');
  const files = fs.readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.js'));
  const text = files.map((name) => fs.readFileSync(path.join(folder, name), 'utf8')).join('\n');
  const names = new Set([...text.matchAll(/\bnative\.([A-Z][A-Z_]+)\b/g)].map(([, name]) => name));
  assert.ok(names.size > 30 && names.has('HAS_ID'), `${[...names]}`);
  assert.deepEqual([...names].filter((name) => typeof native[name] !== 'number'), []);
});
