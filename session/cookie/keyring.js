'use strict';

const { isAnyArrayBuffer, isCryptoKey } = require('node:util').types;
const native = require('../native/load');

/** @typedef {import('node:crypto').CipherKey} Secret */

/**
 * The secrets of one `session()`, prepared for the addon. It signs and verifies as npm
 * `cookie-signature` 1.0.7 does.
 *
 * Programs rotate secrets by changes to the array, and may write into a Buffer in it. So each
 * use compares the array with the secrets that were prepared.
 */
class Keyring {
  /**
   * @param {Secret[]} secrets the first one signs, all of them verify
   */
  constructor(secrets) {
    this.secrets = secrets;
    /**
     * The secrets that were in the array when the keys were prepared.
     * @type {Secret[]}
     */
    this.knownSecrets = [];
    /**
     * For each known secret that a program can write into, a copy of its bytes.
     * @type {Array<Buffer | undefined>}
     */
    this.copies = [];
    this.keys = native.prepareKeys([]);
    /** The number of prepared secrets: those before the first invalid one. */
    this.count = 0;
    /** @type {Keyring | undefined} The first secret alone, once it was asked for. */
    this.first = undefined;
  }

  /**
   * @param {string} value
   * @returns {string} the value, a dot and its signature
   * @throws {TypeError} if the value is no string, the first secret is missing, or
   *   `crypto.createHmac` refuses it
   */
  sign(value) {
    if (typeof value !== 'string') {
      throw new TypeError('Cookie value must be provided as a string.');
    }
    const keys = this.preparedKeys();
    if (this.count === 0) keyBytes(this.knownSecrets[0]);
    return native.sign(value, keys);
  }

  /**
   * @param {string} signed
   * @returns {string | false} the value, or false if no secret made the signature
   * @throws {TypeError} if `signed` is no string, or if no secret before the first invalid one
   *   made the signature
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
   * Returns the signed value of the cookie called `name` in a Cookie header. If there are several
   * such cookies, that of the first one with a valid signature.
   *
   * @param {string} header
   * @param {string} name
   * @returns {string | number} the value without its signature, or `NO_COOKIE`,
   *   `UNSIGNED_COOKIE` or `FORGED_COOKIE`, which tell what is wrong with the first cookie
   * @throws {TypeError} as `unsign`
   */
  unsignCookie(header, name) {
    const value = native.unsignCookie(header, name, this.preparedKeys());
    if (value === native.FORGED_COOKIE) this.checkInvalidSecret();
    return value;
  }

  /** Returns a keyring of the first secret alone; undefined if there is no other one. */
  firstAlone() {
    this.preparedKeys();
    if (this.count < 2) return undefined;
    const [secret] = this.knownSecrets;
    if (this.first?.secrets[0] !== secret) this.first = new Keyring([secret]);
    return this.first;
  }

  /** Returns whether there is an invalid secret, so that it and those after it cannot be tried. */
  hasInvalidSecret() {
    return this.count < this.knownSecrets.length;
  }

  /** Throws the error of the first invalid secret, if there is one. */
  checkInvalidSecret() {
    if (this.hasInvalidSecret()) keyBytes(this.knownSecrets[this.count]);
  }

  /**
   * Prepares the secrets again if the array, or a buffer in it, has changed.
   *
   * @returns {object} the keys, for the functions of the addon
   */
  preparedKeys() {
    const { secrets, knownSecrets, copies } = this;
    let same = knownSecrets.length === secrets.length;
    for (let i = 0; same && i < knownSecrets.length; i++) {
      const copy = copies[i];
      same = knownSecrets[i] === secrets[i] &&
        (copy === undefined || Buffer.compare(copy, keyBytes(knownSecrets[i])) === 0);
    }
    if (!same) this.prepare();
    return this.keys;
  }

  prepare() {
    const prepared = [];
    this.knownSecrets = Array.from(this.secrets);
    this.copies = [];
    for (const secret of this.knownSecrets) {
      try {
        // The key is made of the copy, because another thread may write into the secret meanwhile.
        const copy = isMutable(secret) ? Buffer.from(keyBytes(secret)) : undefined;
        prepared.push(copy ?? keyBytes(secret));
        this.copies.push(copy);
      } catch {
        // The error is thrown when this secret must be tried. One before it may be enough.
        break;
      }
    }
    this.keys = native.prepareKeys(prepared);
    this.count = prepared.length;
  }
}

module.exports = Keyring;

/**
 * Returns the bytes that `crypto.createHmac` takes as the key for a secret.
 *
 * @param {Secret | CryptoKey | null | undefined} secret
 * @returns {Uint8Array}
 * @throws {TypeError} if there is no secret, and what `crypto.createHmac` throws for an invalid one
 */
function keyBytes(secret) {
  if (secret === undefined || secret === null) {
    throw new TypeError('Secret key must be provided.');
  }
  if (typeof secret === 'string') return Buffer.from(secret, 'utf8');
  // Loaded only here, because that takes as long as to load half of this package.
  const crypto = require('node:crypto');
  // For an invalid key, this throws the error that programs know.
  crypto.createHmac('sha256', /** @type {Secret} */ (secret));
  if (secret instanceof crypto.KeyObject) return secret.export();
  // A view of a detached buffer has no bytes that could be read.
  if (/** @type {ArrayBufferView} */ (secret).byteLength === 0) return new Uint8Array(0);
  if (ArrayBuffer.isView(secret)) {
    return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
  }
  // Not by the global class `CryptoKey`, which Node.js 18 and jsdom lack.
  if (isCryptoKey(secret)) return crypto.KeyObject.from(secret).export();
  // This throws for a value that is no buffer, of which `new Uint8Array` would make an empty key.
  return Buffer.from(/** @type {ArrayBuffer} */ (secret));
}

/**
 * Returns whether a program can write into a secret.
 *
 * @param {unknown} secret
 */
function isMutable(secret) {
  return ArrayBuffer.isView(secret) || isAnyArrayBuffer(secret);
}
