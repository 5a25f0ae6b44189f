'use strict';

/** docs/parallel.md: its examples run, and fail without the option. */
const assert = require('node:assert/strict');
const { test } = require('node:test');

const { blocks } = require('./blocks');
const javascript = require('./javascript');
const { temporaryFolder } = require('../../test-kit/folder');

const all = blocks('docs/parallel.md');
const examples = all.filter(({ mark }) => mark.startsWith('parallel '));

for (const block of all) {
  test(`line ${block.line}: ${block.mark}`, (t) => javascript(block, temporaryFolder('parallel', t)));
}

for (const block of examples) {
  test(`line ${block.line}: ${block.mark}, without the option`, (t) => {
    const text = block.text.replace(/(, )merge(: true)? \}\)/, '$1merge: false })');
    assert.notEqual(text, block.text);
    return javascript({ text, mark: `${block.mark}, without merge` }, temporaryFolder('parallel', t));
  });
}

test('it has both examples', () => assert.equal(examples.length, 2));
