'use strict';

/**
 * A snapshot must say what the JSON says, which is what the original hashes: the same
 * data have the same JSON, different data do not, and what it is not sure of it says.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { DIFFERENT, UNSURE, snapshot, compare, restore } = require('../../session/request/snapshot');

/** The data are the same: `compare` says where they end. */
const SAME = 0;
const verdictOf = (data, list) => Math.min(0, compare(data, list));

/** The JSON of a session's data, as the original sees it. */
const json = (data) => JSON.stringify(data, function hide(key, value) {
  return this === data && key === 'cookie' ? undefined : value;
});

function random(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

const KEYS = ['a', 'b', 'cookie', '1', '10', '__proto__', 'toString', 'length', 'quote"', ''];
const LEAVES = [0, -0, 1, -1, 1.5, 1e21, NaN, Infinity, '', 'a', '1', 'null', '"', '\\', '\ud800', '\u2028', 'é', true, false, null, undefined, () => {}, Symbol('s')];

function tree(next, depth = 0) {
  const kind = next(depth > 3 ? 2 : 5);
  if (kind < 2 && depth > 0) return LEAVES[next(LEAVES.length)];
  if (kind === 2 && depth > 0) return Array.from({ length: next(4) }, () => tree(next, depth + 1));
  const object = next(8) === 0 && depth > 0 ? Object.create(null) : {};
  for (let left = next(5); left > 0; left--) {
    Object.defineProperty(object, KEYS[next(KEYS.length)], { value: tree(next, depth + 1), enumerable: true, configurable: true, writable: true });
  }
  return object;
}

function objectsIn(value, found = []) {
  if (typeof value !== 'object' || value === null || found.includes(value)) return found;
  found.push(value);
  for (const key of Reflect.ownKeys(value)) objectsIn(Object.getOwnPropertyDescriptor(value, key).value, found);
  return found;
}

/** What a program may do to its data. */
const changes = [
  () => {},
  (object, next) => { assign(object, KEYS[next(KEYS.length)], LEAVES[next(LEAVES.length)]); },
  (object, next) => { assign(object, KEYS[next(KEYS.length)], tree(next, 1)); },
  (object, next) => {
    const leaves = Object.keys(object).filter((key) => typeof object[key] !== 'object');
    if (leaves.length > 0) assign(object, leaves[next(leaves.length)], LEAVES[next(LEAVES.length)]);
  },
  (object, next) => { Reflect.deleteProperty(object, KEYS[next(KEYS.length)]); },
  (object) => { if (Array.isArray(object)) object[object.length] = 1; },
  (object) => { if (Array.isArray(object)) object.length = 0; },
  (object) => { if (Array.isArray(object)) Array.prototype.reverse.call(object); },
  (object) => { for (const key of Object.keys(object)) { const value = object[key]; delete object[key]; object[key] = value; } },
  (object) => { const [key] = Object.keys(object); if (key !== undefined) Object.defineProperty(object, key, { enumerable: false }); },
  (object) => { const [key] = Object.keys(object); if (key !== undefined && typeof object[key] === 'object' && object[key]) object[key] = structured(object[key]); },
  (object) => { object.toJSON = () => 'its own'; },
  (object) => { Object.setPrototypeOf(object, { toJSON: () => 'inherited' }); },
  (object) => { Object.setPrototypeOf(object, { inherited: 1 }); },
  (object) => { object.a = new Date(0); },
];

/** Assigns what can be assigned: the length of an array is no place for data. */
function assign(object, key, value) {
  if (key !== 'length' && key !== '__proto__') object[key] = value;
}

function structured(value) {
  const text = JSON.stringify(value);
  return text === undefined ? value : JSON.parse(text);
}

test('random data and changes to them', () => {
  const verdicts = [0, 0, 0];
  for (let seed = 1; seed <= 20000; seed++) {
    const next = random(seed);
    const data = tree(next);
    const before = json(data);
    const list = snapshot(data);
    assert.ok(list, `seed ${seed}: a plain tree has a snapshot`);
    assert.equal(json(restore(list)), before, `seed ${seed}`);
    for (let left = next(3); left > 0; left--) {
      const objects = objectsIn(data);
      changes[next(changes.length)](objects[next(objects.length)], next);
    }
    const after = json(data);
    const verdict = verdictOf(data, list);
    if (verdict === SAME) assert.equal(after, before, `seed ${seed}`);
    if (verdict === DIFFERENT) assert.notEqual(after, before, `seed ${seed}`);
    assert.equal(json(restore(list)), before, `seed ${seed}, after the change`);
    verdicts[Math.abs(verdict)]++;
  }
  assert.ok(verdicts.every((count) => count > 100), String(verdicts));
});

test('what is sure', () => {
  const verdict = (data, change) => {
    const list = snapshot(data);
    change(data);
    return verdictOf(data, list);
  };
  assert.equal(verdict({ a: { b: [1, 'x', null] }, cookie: {} }, (data) => { data.cookie = 5; }), SAME);
  assert.equal(verdict({ a: 1 }, (data) => { data.a = 2; }), DIFFERENT);
  assert.equal(verdict({ a: 1 }, (data) => { data.a = '1'; }), DIFFERENT);
  assert.equal(verdict({ a: { b: [true] } }, (data) => { data.a.b[0] = false; }), DIFFERENT);
  assert.equal(verdict({ a: 0 }, (data) => { data.a = -0; }), SAME);
  assert.equal(verdict({ a: null }, (data) => { data.a = NaN; }), UNSURE);
  assert.equal(verdict({ a: 1 }, (data) => { data.b = 2; }), UNSURE);
  assert.equal(verdict({ a: 1, b: 1 }, (data) => { delete data.a; data.a = 1; }), UNSURE, 'another order');
  assert.equal(verdict({ a: 1 }, (data) => { delete data.a; data.b = 1; }), UNSURE, 'another key');
  const inherit = (data) => { delete data.a.b; Object.setPrototypeOf(data.a, { b: 1 }); };
  assert.equal(verdict({ a: { b: 1 } }, inherit), UNSURE, 'a key that JSON does not show');
  assert.equal(verdict({ a: { cookie: 1 } }, (data) => { data.a.cookie = 2; }), DIFFERENT);
});

test('what JSON does not show as it is has no snapshot', () => {
  class Point {}
  const cycle = {};
  cycle.self = cycle;
  let deep = {};
  for (let i = 0; i < 1000; i++) deep = { deep };
  for (const value of [new Date(), new Map(), new Point(), Object(1), Object('a'), 1n, cycle, deep, { toJSON: () => 1 }, Buffer.from('a')]) {
    assert.equal(snapshot({ value }), undefined);
    assert.equal(snapshot({ list: [value] }), undefined);
  }
  assert.equal(snapshot({ toJSON() {} }), undefined);
});
