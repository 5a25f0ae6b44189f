'use strict';

const assert = require('node:assert/strict');
const { inspect } = require('node:util');

/** What a call led to: a value, or something thrown. */
function outcome(call) {
  try {
    return { value: call() };
  } catch (thrown) {
    return { thrown };
  }
}

/** Errors are the same when a program could not tell them apart by handling them. */
function sameThrown(a, b) {
  if (!(a instanceof Error && b instanceof Error)) return Object.is(a, b);
  return (
    Object.getPrototypeOf(a) === Object.getPrototypeOf(b) &&
    a.name === b.name &&
    a.message === b.message &&
    a.code === b.code
  );
}

function same(a, b) {
  if ('thrown' in a || 'thrown' in b) {
    return 'thrown' in a && 'thrown' in b && sameThrown(a.thrown, b.thrown);
  }
  return Object.is(a.value, b.value);
}

// JSON shows lone surrogates and control characters as escapes.
function show({ value, thrown }) {
  if (thrown instanceof Error) {
    const code = thrown.code ? ` [${thrown.code}]` : '';
    return `throws ${thrown.constructor.name}${code} ${JSON.stringify(thrown.message)}`;
  }
  if (thrown !== undefined) return `throws ${inspect(thrown)}`;
  return typeof value === 'string' ? short(value) : inspect(value);
}

function short(text) {
  const json = JSON.stringify(text);
  return json.length > 600 ? `${json.slice(0, 600)}… (${text.length} characters)` : json;
}

/** Fails with both outcomes and the input when they differ. */
function assertSame(ours, theirs, input) {
  if (same(ours, theirs)) return;
  assert.fail(`ours:     ${show(ours)}\noriginal: ${show(theirs)}\nfor:      ${input()}`);
}

module.exports = { outcome, same, assertSame, short };
