'use strict';

const crypto = require('node:crypto');

/** Characters of a session id, as express-session makes them: 24 random bytes in base64. */
const LENGTH = 32;
const RANDOM_BYTES = 24;
const AT_ONCE = 1000;

/**
 * Many session ids outside the JavaScript heap. Each look makes a new string, as each
 * request does: so a store that keeps the string pays for it, and this list does not.
 */
class Sids {
  /**
   * @param {number} count
   * @param {SharedArrayBuffer} [memory] that another thread filled
   */
  constructor(count, memory) {
    this.count = count;
    this.bytes = memory ? Buffer.from(memory) : Buffer.alloc(count * LENGTH);
    /** Ids that no place has yet: each call of `randomBytes` would cost more than a session. */
    this.spare = '';
  }

  /** Bytes that so many ids take. */
  static size(count) {
    return count * LENGTH;
  }

  /** Makes all of them. */
  fill() {
    for (let index = 0; index < this.count; index++) this.renew(index);
    return this;
  }

  at(index) {
    return this.bytes.latin1Slice(index * LENGTH, (index + 1) * LENGTH);
  }

  /** Puts another id in its place. */
  renew(index) {
    if (this.spare === '') this.spare = crypto.randomBytes(RANDOM_BYTES * AT_ONCE).toString('base64url');
    this.bytes.latin1Write(this.spare.slice(0, LENGTH), index * LENGTH);
    this.spare = this.spare.slice(LENGTH);
  }
}

module.exports = Sids;
