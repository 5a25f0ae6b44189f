'use strict';

/**
 * Whatever a caller passes to an export, the process lives on: a call returns
 * or throws. Runs in this process, which an abort would end. NATIVE_TRACE=1
 * prints each call before it is made. BYTES_SEED and BYTES_CASES as in
 * ../parity/bytes.test.js.
 */

const test = require('node:test');
const assert = require('node:assert/strict');
const { writeSync } = require('node:fs');
const { isExternal, isProxy } = require('node:util').types;

const native = require('../../session/native/load');

const { forEachCase } = require('../parity/bytes/random');
const { utf16 } = require('../parity/bytes/strings');
const { makers, huge, thrown } = require('./values');

const keys = native.prepareKeys([Buffer.from('secret')]);

// The exports, and those that are bound to something.
const callable = { ...native, ...bound() };
const functions = Object.keys(callable).filter((name) => typeof callable[name] === 'function');

function bound() {
  const store = native.createStore(NaN, NaN);
  const enter = native.createSessionReader('sid', keys, store, new Uint8Array(native.DETAILS_BYTES));
  return { enter, ...native.storeRequestCalls(store), ...native.createTouched() };
}

// Handles that calls gave back: arguments that look right, often to the wrong export.
const handles = [];
// The first handle of each export that makes some.
const kinds = new Map();

function trace(how, name, values) {
  if (!process.env.NATIVE_TRACE) return;
  const shown = values.map((value) => {
    if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
    if (typeof value === 'object' && value !== null) return isProxy(value) ? 'proxy' : Object.prototype.toString.call(value);
    return typeof value === 'function' ? 'function' : String(value);
  });
  writeSync(2, `${how}${name}(${shown.join(', ')})\n`);
}

/** Calls, and accepts every answer but a thrown thing that is no Error. */
function call(name, values, how = '') {
  trace(how, name, values);
  try {
    const result = how === 'new ' ? Reflect.construct(callable[name], values) : callable[name](...values);
    if (isExternal(result)) {
      if (!kinds.has(name)) kinds.set(name, result);
      if (handles.length < 50) handles.push(result);
    }
    // A promise is an answer too, whatever becomes of it.
    if (result instanceof Promise) result.catch(() => {});
  } catch (error) {
    assert.ok(error === thrown || error instanceof Error, `${name} threw ${typeof error}`);
  }
}

function stillWorks() {
  assert.equal(native.unsignCookie(`a=1; sid=${native.signedCookieValue('A', keys)}`, 'sid', keys), 'A');
  assert.equal(native.unsignCookie('a=1', 'sid', keys), native.NO_COOKIE);
  assert.match(native.sessionId(), /^[A-Za-z0-9_-]{32}$/);
}

/** Exports that make a handle from nothing or from a list of bytes are asked for some first. */
function gatherHandles() {
  for (const name of functions) {
    call(name, []);
    call(name, [[Buffer.from('secret'), Buffer.from('older secret')]]);
    call(name, [[]]);
  }
}

gatherHandles();

test('there is something to call', () => {
  for (const name of ['enter', 'write', 'writeIfUnchanged', 'renew', 'note', 'forget', 'last']) assert.ok(functions.includes(name));
  assert.ok(functions.includes('unsignCookie'));
  assert.ok(functions.includes('sessionId'));
});

test('unsignCookie refuses what is no string, with an Error', () => {
  const noStrings = makers.map((make) => make()).filter((value) => typeof value !== 'string');
  assert.throws(() => native.unsignCookie(), Error);
  assert.throws(() => native.unsignCookie('a=1'), Error);
  assert.throws(() => native.unsignCookie('a=1', 'a'), Error);
  for (const value of noStrings) {
    assert.throws(() => native.unsignCookie(value, 'a', keys), (error) => error === thrown || error instanceof Error);
    assert.throws(() => native.unsignCookie('a=1', value, keys), (error) => error === thrown || error instanceof Error);
  }
  stillWorks();
});

test('sessionId and unsignCookie pass over arguments too many', () => {
  assert.match(native.sessionId({}, 1, Symbol('x')), /^[A-Za-z0-9_-]{32}$/);
  assert.equal(native.unsignCookie('a=1', 'a', keys, {}, Symbol('x')), native.UNSIGNED_COOKIE);
});

for (const name of functions) {
  test(`${name}: no, one, two and three arguments of every kind`, () => {
    call(name, []);
    for (const make of makers) {
      call(name, [make()]);
      call(name, ['a', make()]);
      call(name, [make(), make()]);
      call(name, [1, make()]);
      call(name, ['a', 'b', make()]);
      call(name, [1, 'b', make()]);
      call(name, [make(), make(), make()]);
      call(name, ['a', make(), make(), make(), make()]);
      call(name, ['a', 0, NaN, NaN, make()]);
    }
    for (const handle of kinds.values()) {
      call(name, [handle]);
      for (const make of makers) {
        call(name, [handle, make()]);
        call(name, [make(), handle]);
        call(name, ['a', handle, make()]);
        call(name, ['a', 'a', handle, make(), 'a', 'a', 0]);
        call(name, [handle, 'a', make()]);
        call(name, [handle, 'a', make(), 0]);
      }
    }
    stillWorks();
  });

  test(`${name}: as a constructor, as a method of something else, and with many arguments`, () => {
    call(name, [], 'new ');
    call(name, ['a', 'b', 'c'], 'new ');
    for (const make of makers) {
      try {
        Reflect.apply(callable[name], make(), []);
      } catch (error) {
        assert.ok(error === thrown || error instanceof Error);
      }
    }
    call(name, Array.from({ length: 1000 }, () => 'a'));
    stillWorks();
  });

  test(`${name}: a megabyte`, () => {
    for (const make of huge) {
      call(name, [make()]);
      call(name, [make(), 'a']);
      call(name, ['a', make()]);
      call(name, [make(), make()]);
      call(name, [1, make()]);
      for (const handle of kinds.values()) {
        call(name, [handle, make()]);
        call(name, [handle, 'a', make()]);
        call(name, [make(), handle]);
        call(name, ['a', make(), handle]);
      }
    }
    stillWorks();
  });
}

test('what one call put behind a handle, every other call can meet', () => {
  const texts = [
    ...huge.map((make) => make()).filter((text) => typeof text === 'string'),
    '{"cookie":'.repeat(100000),
    `{"cookie":${'['.repeat(100000)}${']'.repeat(100000)}}`,
    `{"cookie":{"expires":"${'9'.repeat(100000)}"}}`,
    '{"cookie":{"expires":1e999}}', '{"cookie":{"expires":"+275760-09-13T00:00:00.001Z"}}', '{"cookie":{"expires":"-271821-04-19T23:59:59.999Z"}}',
    '{"cookie":{"expires":"2024-13-45T99:99:99.999Z"}}', '{"cookie":{"expires":"2024-01-01T00:00:00.000Z"}', '{"cookie":{"expires":"\\ud800"}}', '{"cookie":{"expires":"\\u', '{"cookie":{"expires":"\ud800"}}',
    '{"cookie"', '{"cookie":', '{"', '{', '}', '"', '\\', 'null', '', '\ufeff{}', '\ud83d', '\u20ac',
  ];
  for (const handle of kinds.values()) {
    for (const text of texts) {
      for (const name of functions) call(name, [handle, 'a', text]);
      for (const name of functions) {
        call(name, [handle]);
        call(name, [handle, 0]);
        call(name, [handle, 'a']);
        call(name, [handle, 'a', 0]);
        call(name, [handle, 'a', '{"expires":null}', 0]);
      }
    }
  }
  stillWorks();
});

test('random arguments in random order', () => {
  forEachCase((random) => {
    const values = Array.from({ length: random.below(9) }, () => {
      if (random.chance(0.3)) return random.text(60, utf16(random));
      if (random.chance(0.2)) return random.bits();
      if (handles.length && random.chance(0.3)) return random.pick(handles);
      return random.pick(makers)();
    });
    call(random.pick(functions), values);
  }, 10);
  stillWorks();
});

test('an argument that throws when read throws its own error, or none', () => {
  for (const name of functions) {
    for (let at = 0; at < 6; at++) {
      const values = Array.from({ length: 6 }, () => 'a');
      values[at] = { toString() { throw thrown; }, valueOf() { throw thrown; } };
      call(name, values);
    }
  }
  stillWorks();
});

test('with the stack nearly used up a call returns or throws', () => {
  // A promise that gets lost there is rejected, and nobody can catch that.
  for (const name of functions.filter((each) => !each.startsWith('disk'))) {
    const dive = () => {
      try {
        dive();
      } catch (error) {
        // Deepest frames first; once there is room again the rest need not try.
        if (!(error instanceof RangeError)) throw error;
        call(name, ['a=1', 'a', 'a', 'a']);
        return;
      }
    };
    dive();
  }
  stillWorks();
});
