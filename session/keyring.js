'use strict';

const crypto = require('node:crypto');
const native = require('./native');

/**
 * The secrets of one `session()`, prepared for the engine.
 *
 * The array is read live, as programs rotate secrets by pushing onto it. Signs
 * and verifies as npm `cookie-signature` 1.0.7 does.
 */
class Keyring {
  /**
   * @param {Array<import('node:crypto').CipherKey>} secrets the first signs, all verify
   */
  constructor(secrets) {
    this.secrets = secrets;
    this.seen = [];
    this.keys = native.prepareKeys([]);
    this.count = 0;
    this.mutable = false;
    this.failure = undefined;
  }

  /**
   * @param {string} value
   * @returns {string} the value, a dot and its signature
   * @throws {TypeError} without a value or a secret, or as `crypto.createHmac` does
   */
  sign(value) {
    if (typeof value !== 'string') {
      throw new TypeError('Cookie value must be provided as a string.');
    }
    return native.sign(value, this.signing());
  }

  /**
   * @param {string} signed
   * @returns {string | false} the value, or false if no secret made the signature
   * @throws {TypeError} without a text, or when a secret that had to be tried is none
   */
  unsign(signed) {
    if (typeof signed !== 'string') {
      throw new TypeError('Signed cookie string must be provided.');
    }
    this.refresh();
    const value = native.unsign(signed, this.keys);
    if (value === false && this.failure) throw this.failure;
    return value;
  }

  /**
   * The signed value of the cookie called `name` in a Cookie header.
   * @param {string} header
   * @param {string} name
   * @returns {string | number} the value, or `NO_COOKIE`, `UNSIGNED_COOKIE`, `FORGED_COOKIE`
   */
  open(header, name) {
    this.refresh();
    const value = native.openCookie(header, name, this.keys);
    if (value === native.FORGED_COOKIE && this.failure) throw this.failure;
    return value;
  }

  /** The prepared keys, of which the first signs. */
  signing() {
    this.refresh();
    if (this.count === 0) throw this.failure || missing();
    return this.keys;
  }

  /** Prepares the secrets anew if the array has changed. */
  refresh() {
    const { secrets, seen } = this;
    let same = !this.mutable && seen.length === secrets.length;
    for (let i = 0; same && i < seen.length; i++) {
      same = seen[i] === secrets[i];
    }
    if (!same) this.prepare();
  }

  prepare() {
    const prepared = [];
    this.seen = Array.from(this.secrets);
    this.mutable = false;
    this.failure = undefined;
    for (const secret of this.seen) {
      try {
        prepared.push(bytes(secret));
      } catch (error) {
        // A secret behind a bad one counts only if no earlier one verified, and
        // then the bad one's error comes first.
        this.failure = error;
        break;
      }
      // A program may write into a buffer it passed.
      if (typeof secret === 'object' && !isKeyObject(secret)) this.mutable = true;
    }
    this.keys = native.prepareKeys(prepared);
    this.count = prepared.length;
  }
}

module.exports = Keyring;

/** The bytes that `crypto.createHmac` would take as the key. */
function bytes(secret) {
  if (secret === undefined || secret === null) throw missing();
  if (typeof secret === 'string') return Buffer.from(secret, 'utf8');
  // Throws what programs know for anything that is no key.
  crypto.createHmac('sha256', secret);
  if (isKeyObject(secret)) return secret.export();
  if (secret.byteLength === 0) return new Uint8Array(0); // perhaps a detached buffer
  if (ArrayBuffer.isView(secret)) {
    return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
  }
  if (globalThis.CryptoKey && secret instanceof globalThis.CryptoKey) {
    return crypto.KeyObject.from(secret).export();
  }
  return new Uint8Array(secret);
}

function isKeyObject(secret) {
  return secret instanceof crypto.KeyObject;
}

function missing() {
  return new TypeError('Secret key must be provided.');
}
