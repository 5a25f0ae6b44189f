'use strict';

const { isAnyArrayBuffer, isCryptoKey } = require('node:util').types;
const native = require('../native/load');

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
    /** What was in the array when the keys were prepared. */
    this.seen = [];
    /** For each, its bytes if a program may write into them, as into a Buffer. */
    this.copies = [];
    this.keys = native.prepareKeys([]);
    /** How many are prepared: those before the first one that is no secret. */
    this.count = 0;
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
    const keys = this.preparedKeys();
    if (this.count === 0) keyBytes(this.seen[0]);
    return native.sign(value, keys);
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
    const value = native.unsign(signed, this.preparedKeys());
    if (value === false) this.checkInvalidSecret();
    return value;
  }

  /**
   * The signed value of the cookie called `name` in a Cookie header: of several the first
   * that a secret signed.
   * @param {string} header
   * @param {string} name
   * @returns {string | number} the value, or `NO_COOKIE`, `UNSIGNED_COOKIE`, `FORGED_COOKIE`,
   *   which say what is wrong with the first
   * @throws as `unsign`
   */
  unsignCookie(header, name) {
    const value = native.unsignCookie(header, name, this.preparedKeys());
    if (value === native.FORGED_COOKIE) this.checkInvalidSecret();
    return value;
  }

  /** Whether there are secrets that cannot be tried. */
  hasInvalidSecret() {
    return this.count < this.seen.length;
  }

  /** Throws if a secret that had to be tried is none. */
  checkInvalidSecret() {
    if (this.hasInvalidSecret()) keyBytes(this.seen[this.count]);
  }

  /**
   * Prepares the secrets anew if the array, or a buffer in it, has changed.
   * @returns {object} the prepared keys
   */
  preparedKeys() {
    const { secrets, seen, copies } = this;
    let same = seen.length === secrets.length;
    for (let i = 0; same && i < seen.length; i++) {
      same = seen[i] === secrets[i] &&
        (copies[i] === undefined || Buffer.compare(copies[i], keyBytes(seen[i])) === 0);
    }
    if (!same) this.prepare();
    return this.keys;
  }

  prepare() {
    const prepared = [];
    this.seen = Array.from(this.secrets);
    this.copies = [];
    for (const secret of this.seen) {
      try {
        // The key is made of the copy: another thread may write into the secret meanwhile.
        const key = isMutable(secret) ? Buffer.from(keyBytes(secret)) : keyBytes(secret);
        prepared.push(key);
        this.copies.push(isMutable(secret) ? key : undefined);
      } catch {
        // Its error comes when it is its turn: an earlier secret may do.
        break;
      }
    }
    this.keys = native.prepareKeys(prepared);
    this.count = prepared.length;
  }
}

module.exports = Keyring;

/** The bytes that `crypto.createHmac` would take as the key. */
function keyBytes(secret) {
  if (secret === undefined || secret === null) {
    throw new TypeError('Secret key must be provided.');
  }
  if (typeof secret === 'string') return Buffer.from(secret, 'utf8');
  // Only here, since it takes as long to load as half of this package.
  const crypto = require('node:crypto');
  // Throws what programs know for anything that is no key.
  crypto.createHmac('sha256', secret);
  if (secret instanceof crypto.KeyObject) return secret.export();
  if (secret.byteLength === 0) return new Uint8Array(0); // perhaps a detached buffer
  if (ArrayBuffer.isView(secret)) {
    return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
  }
  // Not by the global class, which Node.js 18 and jsdom lack.
  if (isCryptoKey(secret)) return crypto.KeyObject.from(secret).export();
  // Throws for what is no buffer, where `new Uint8Array` would make an empty key of it.
  return Buffer.from(secret);
}

function isMutable(secret) {
  return ArrayBuffer.isView(secret) || isAnyArrayBuffer(secret);
}
