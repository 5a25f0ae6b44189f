'use strict';

/** A secret that a program, or another thread of it, may write into is read as it is now. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const signature = require('cookie-signature');
const Keyring = require('../../session/cookie/keyring');
const { isOurs } = require('../subject');

const buffers = { ArrayBuffer: new ArrayBuffer(8), SharedArrayBuffer: new SharedArrayBuffer(8) };

for (const [name, buffer] of Object.entries(buffers)) {
  for (const [kind, secret] of [['itself', buffer], ['a view of it', new Uint8Array(buffer, 2, 4)]]) {
    test(`a secret, ${name}, that is written into, ${kind}`, { skip: !isOurs }, () => {
      const keyring = new Keyring([secret]);
      for (const byte of [1, 7, 7, 0]) {
        new Uint8Array(buffer).fill(byte);
        // cookie-signature asks crypto each time.
        assert.equal(keyring.sign('a'), signature.sign('a', secret));
        assert.equal(keyring.unsign(signature.sign('b', secret)), 'b');
      }
    });
  }
}
