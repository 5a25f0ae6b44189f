'use strict';

/**
 * A door writes into memory of its caller's, `found`, long after it was given it. What
 * the caller has done with that memory since must not matter to the process.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const native = require('../../session/native/load');

const SID = 'abc';
const keys = native.prepareKeys([Buffer.from('secret')]);
const header = `sid=${native.seal(SID, keys)}`;

function door(found) {
  const store = native.createStore(NaN, NaN);
  native.storeSet(store, SID, '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"a":1}', NaN, NaN);
  return native.createDoor('sid', keys, store, found);
}

const sidIn = (found) => Buffer.from(found).toString('latin1', native.FOUND_SID, native.FOUND_SID + found[native.FOUND_SID_LENGTH]);

const refused = /found has another length/;

test('a door does not write into memory that was given away', () => {
  const found = new Uint8Array(native.FOUND_BYTES);
  const enter = door(found);
  assert.equal(enter(header, 0), '{"a":1}');
  assert.equal(sidIn(found), SID);

  const given = structuredClone(found, { transfer: [found.buffer] });
  given.fill(0);
  assert.equal(found.length, 0);
  assert.throws(() => enter(header, 0), refused);
  assert.throws(() => enter(`sid=${native.seal('unknown', keys)}`, 0), refused);
  assert.ok(given.every((byte) => byte === 0), 'it has written into what is another\'s');
  // What needs no memory is still answered.
  assert.equal(enter('other=1', 0), native.NO_COOKIE);
  assert.equal(enter('sid=s%3Aabc.forged', 0), native.FORGED_COOKIE);
});

test('a door does not write into memory that was given to another thread', () => {
  const { port1, port2 } = new MessageChannel();
  const found = new Uint8Array(native.FOUND_BYTES);
  const enter = door(found);
  port1.postMessage(found.buffer, [found.buffer]);
  assert.throws(() => enter(header, 0), refused);
  port1.close();
  port2.close();
});

// Node.js 20 and later.
const cannotResize = ArrayBuffer.prototype.resize === undefined && 'no buffer of this Node.js can be made smaller';

test('a door does not write where a buffer that was made smaller ended', { skip: cannotResize }, () => {
  for (const length of [undefined, native.FOUND_BYTES]) {
    const buffer = new ArrayBuffer(native.FOUND_BYTES, { maxByteLength: 1 << 20 });
    const found = new Uint8Array(buffer, 0, length);
    const enter = door(found);
    assert.equal(enter(header, 0), '{"a":1}');
    for (const bytes of [native.FOUND_BYTES - 1, 30, 0]) {
      buffer.resize(bytes);
      assert.throws(() => enter(header, 0), refused, `${bytes} bytes`);
    }
    buffer.resize(native.FOUND_BYTES);
    assert.equal(enter(header, 0), '{"a":1}');
    assert.equal(sidIn(found), SID);
  }
});

test('a door takes nothing but the bytes it needs, and none that threads share', () => {
  for (const length of [0, 1, native.FOUND_BYTES - 1, native.FOUND_BYTES + 1]) {
    assert.throws(() => door(new Uint8Array(length)), refused);
  }
  assert.throws(() => door(new Uint8Array(new SharedArrayBuffer(native.FOUND_BYTES))), /found is shared/);
  assert.throws(() => door(new Uint8Array(new SharedArrayBuffer(native.FOUND_BYTES, { maxByteLength: 4096 }))), /found is shared/);
  for (const wrong of [new Uint16Array(native.FOUND_BYTES), new Float64Array(128), new DataView(new ArrayBuffer(native.FOUND_BYTES)), new ArrayBuffer(native.FOUND_BYTES), new Proxy(new Uint8Array(native.FOUND_BYTES), {})]) {
    assert.throws(() => door(wrong), Error);
  }
  const given = new Uint8Array(native.FOUND_BYTES);
  structuredClone(given, { transfer: [given.buffer] });
  assert.throws(() => door(given), refused);
});

test('a door writes into its part of a buffer alone', () => {
  const buffer = new ArrayBuffer(native.FOUND_BYTES + 64);
  const found = new Uint8Array(buffer, 32, native.FOUND_BYTES);
  assert.equal(door(found)(header, 0), '{"a":1}');
  assert.equal(sidIn(found), SID);
  for (const edge of [new Uint8Array(buffer, 0, 32), new Uint8Array(buffer, native.FOUND_BYTES + 32)]) {
    assert.ok(edge.every((byte) => byte === 0));
  }
});
