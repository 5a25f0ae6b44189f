'use strict';

/** SECURITY.md: what it points to is there, and its list is whole. asvs.test.js runs its code. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const linksOf = require('../documents/links');

const root = path.join(__dirname, '..', '..');
const text = fs.readFileSync(path.join(root, 'SECURITY.md'), 'utf8');

/** The requirements of ASVS 5.0.0, chapter V7 and section V3.3. */
const chapters = { 7.1: 3, 7.2: 4, 7.3: 2, 7.4: 5, 7.5: 3, 7.6: 2, 3.3: 5 };

test('every requirement of V7 and V3.3 has one row', () => {
  const rows = Array.from(text.matchAll(/^\| ([\d.]+) \|/gm), ([, number]) => number);
  const wanted = Object.entries(chapters).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, i) => `${section}.${i + 1}`));
  assert.deepEqual(rows.filter((row) => wanted.includes(row)).sort(), wanted.sort());
  assert.equal(new Set(rows).size, rows.length);
});

test('every file and heading it points to is there', () => {
  const { all, broken } = linksOf('SECURITY.md');
  assert.ok(all.length > 30);
  assert.deepEqual(broken, []);
});
