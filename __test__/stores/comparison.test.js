'use strict';

const { describe, it } = require('node:test');
const assert = require('node:assert/strict');
const { compare, isOpen } = require('../../stores/comparison');

/** A run of one check. */
function run(status, ...entries) {
  return {
    checks: [{ name: 'counter', status, message: '' }],
    trace: [{ section: 'counter', entries }],
  };
}

const pair = (original, ours) => ({ original, ours });
const A = run('passed', { call: 'get' });
const B = run('passed', { call: 'set' });
const C = run('failed', { call: 'get' });

describe('the verdict on a store', () => {
  it('is "as with the original" for the same answers and calls', () => {
    assert.equal(isOpen([pair(A, A)], []), false);
    assert.equal(compare([pair(A, A)]).text, 'as with the original');
  });

  it('tells another sequence of calls from the same outcome', () => {
    assert.equal(isOpen([pair(A, B)], []), true);
    const { same, text, details } = compare([pair(A, B)]);
    assert.deepEqual({ same, text }, { same: false, text: 'differs in counter' });
    assert.match(details[0], /^counter: another sequence from number 1 on/);
  });

  it('tells another outcome from the same calls', () => {
    assert.equal(compare([pair(A, C)]).same, false);
  });

  it('tells a call too many or too few', () => {
    assert.equal(compare([pair(A, run('passed', { call: 'get' }, { call: 'touch' }))]).same, false);
    assert.equal(compare([pair(A, run('passed'))]).same, false);
  });

  it('excuses what the original answers in both ways, in whatever order', () => {
    const pairs = [pair(A, B), pair(B, A)];
    assert.equal(isOpen(pairs, []), false);
    assert.equal(compare(pairs).text, 'as with the original, which varies in counter');
  });

  it('does not excuse an answer that the original never gave, though it varies', () => {
    assert.equal(compare([pair(A, C), pair(B, C), pair(A, C)]).text, 'differs in counter');
  });

  it('lets one run of three differ alone, and says so', () => {
    assert.equal(isOpen([pair(A, B), pair(A, A)], []), true);
    const { same, text } = compare([pair(A, B), pair(A, A), pair(A, A)]);
    assert.deepEqual({ same, text }, { same: true, text: 'as with the original; one run of three differed in counter' });
  });

  it('does not excuse this package where only it varies, twice', () => {
    assert.equal(compare([pair(A, B), pair(A, A), pair(A, B)]).text, 'differs in counter');
  });

  it('leaves out checks that are known to vary', () => {
    assert.equal(isOpen([pair(A, C)], ['counter']), false);
    assert.equal(compare([pair(A, C)], ['counter']).same, true);
  });

  it('takes a store that starts with neither package for the same, for the same reason only', () => {
    const [broken, other] = [{ error: 'no such module\n at …' }, { error: 'no such table' }];
    assert.equal(compare([pair(broken, broken)]).text, 'as with the original: does not run (no such module)');
    assert.equal(compare([pair(broken, other)]).same, false);
    assert.equal(compare([pair(A, broken), pair(A, broken), pair(A, broken)]).same, false);
    assert.equal(compare([pair(broken, A), pair(broken, A), pair(broken, A)]).same, false);
  });

  it('passes over a start of the original that failed once', () => {
    const broken = { error: 'port in use' };
    assert.equal(isOpen([pair(broken, A)], []), true);
    assert.equal(compare([pair(broken, A), pair(A, A)]).same, true);
  });
});
