'use strict';

/**
 * A session reader writes into memory of its caller's, `details`, long after it was given it. What
 * the caller has done with that memory since must not matter to the process.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const native = require('../../session/native/load');

const SID = 'abc';
const keys = native.prepareKeys([Buffer.from('secret')]);
const header = `sid=${native.signedCookieValue(SID, keys)}`;

function sessionReader(details) {
  const store = native.createStore(NaN, NaN);
  native.storeSet(store, SID, '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"a":1}', NaN, NaN);
  return native.createSessionReader('sid', keys, store, details);
}

const sidIn = (details) => Buffer.from(details).toString('latin1', native.DETAILS_SID, native.DETAILS_SID + details[native.DETAILS_SID_LENGTH]);

const refused = /details has another length/;

test('a session reader does not write into memory that was given away', () => {
  const details = new Uint8Array(native.DETAILS_BYTES);
  const enter = sessionReader(details);
  assert.equal(enter(header, 0), '{"a":1}');
  assert.equal(sidIn(details), SID);

  const given = structuredClone(details, { transfer: [details.buffer] });
  given.fill(0);
  assert.equal(details.length, 0);
  assert.throws(() => enter(header, 0), refused);
  assert.throws(() => enter(`sid=${native.signedCookieValue('unknown', keys)}`, 0), refused);
  assert.ok(given.every((byte) => byte === 0), 'it has written into what is another\'s');
  // What needs no memory is still answered.
  assert.equal(enter('other=1', 0), native.NO_COOKIE);
  assert.equal(enter('sid=s%3Aabc.forged', 0), native.FORGED_COOKIE);
});

test('a session reader does not write into memory that was given to another thread', () => {
  const { port1, port2 } = new MessageChannel();
  const details = new Uint8Array(native.DETAILS_BYTES);
  const enter = sessionReader(details);
  port1.postMessage(details.buffer, [details.buffer]);
  assert.throws(() => enter(header, 0), refused);
  port1.close();
  port2.close();
});

// Node.js 20 and later.
const cannotResize = ArrayBuffer.prototype.resize === undefined && 'no buffer of this Node.js can be made smaller';

test('a session reader does not write where a buffer that was made smaller ended', { skip: cannotResize }, () => {
  for (const length of [undefined, native.DETAILS_BYTES]) {
    const buffer = new ArrayBuffer(native.DETAILS_BYTES, { maxByteLength: 1 << 20 });
    const details = new Uint8Array(buffer, 0, length);
    const enter = sessionReader(details);
    assert.equal(enter(header, 0), '{"a":1}');
    for (const bytes of [native.DETAILS_BYTES - 1, 30, 0]) {
      buffer.resize(bytes);
      assert.throws(() => enter(header, 0), refused, `${bytes} bytes`);
    }
    buffer.resize(native.DETAILS_BYTES);
    assert.equal(enter(header, 0), '{"a":1}');
    assert.equal(sidIn(details), SID);
  }
});

test('a session reader takes nothing but the bytes it needs, and none that threads share', () => {
  for (const length of [0, 1, native.DETAILS_BYTES - 1, native.DETAILS_BYTES + 1]) {
    assert.throws(() => sessionReader(new Uint8Array(length)), refused);
  }
  assert.throws(() => sessionReader(new Uint8Array(new SharedArrayBuffer(native.DETAILS_BYTES))), /details is shared/);
  assert.throws(() => sessionReader(new Uint8Array(new SharedArrayBuffer(native.DETAILS_BYTES, { maxByteLength: 4096 }))), /details is shared/);
  for (const wrong of [new Uint16Array(native.DETAILS_BYTES), new Float64Array(128), new DataView(new ArrayBuffer(native.DETAILS_BYTES)), new ArrayBuffer(native.DETAILS_BYTES), new Proxy(new Uint8Array(native.DETAILS_BYTES), {})]) {
    assert.throws(() => sessionReader(wrong), Error);
  }
  const given = new Uint8Array(native.DETAILS_BYTES);
  structuredClone(given, { transfer: [given.buffer] });
  assert.throws(() => sessionReader(given), refused);
});

test('a session reader writes into its part of a buffer alone', () => {
  const buffer = new ArrayBuffer(native.DETAILS_BYTES + 64);
  const details = new Uint8Array(buffer, 32, native.DETAILS_BYTES);
  assert.equal(sessionReader(details)(header, 0), '{"a":1}');
  assert.equal(sidIn(details), SID);
  for (const edge of [new Uint8Array(buffer, 0, 32), new Uint8Array(buffer, native.DETAILS_BYTES + 32)]) {
    assert.ok(edge.every((byte) => byte === 0));
  }
});
