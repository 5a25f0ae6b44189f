'use strict';

/** @import { SessionData } from '../types' */

const { createCipheriv, createDecipheriv, createHmac, randomBytes } = require('node:crypto');
const { Cookie } = require('../cookie/cookie');
const { META } = require('./times');

/** What the encrypted id begins with, which also is the version of this form. */
const PREFIX = 'r1:';
/** What the JSON of a pointer begins with, without its cookie. */
const POINTER = `{"${META}":{"next":"${PREFIX}`;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Makes the record that takes the place of a session which has a new id now. The new id is
 * encrypted under a key that is derived from the old one, so who can read the store, but does not
 * know the old id, does not learn the new one.
 *
 * @param {string} oldId
 * @param {string} newId empty to lead nowhere
 * @param {number} until when the record is no longer followed, in ms since the epoch. Stores may keep
 *   it longer, and a late touch prolongs its life there.
 * @param {number} grace ms until then
 * @returns {SessionData}
 */
function makePointer(oldId, newId, until, grace) {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(oldId), nonce);
  const sealed = Buffer.concat([nonce, cipher.update(`${until}:${newId}`, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { cookie: new Cookie({ maxAge: grace }), [META]: { next: PREFIX + sealed.toString('base64url') } };
}

/**
 * Whether stored data are a pointer, whatever it leads to.
 * @param {Record<string, any>} data
 */
function isPointer(data) {
  try {
    const meta = Object(data[META]);
    return typeof meta.next === 'string' && meta.next.startsWith(PREFIX) &&
      hasOnly(meta, 'next', 'version') && hasOnly(data, 'cookie', META);
  } catch {
    // A store that keeps sessions as objects may give some that throw when they are read.
    return false;
  }
}

/**
 * Returns the id to which a pointer leads.
 *
 * @param {string} oldId
 * @param {SessionData} pointer
 * @param {number} now ms since the epoch
 * @returns {string | undefined} undefined if it leads nowhere, or was not made for this id
 */
function followPointer(oldId, pointer, now) {
  const sealed = Buffer.from(pointer[META].next.slice(PREFIX.length), 'base64url');
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, keyOf(oldId), sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  let text;
  try {
    text = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
  const colon = text.indexOf(':');
  return now < Number(text.slice(0, colon)) ? text.slice(colon + 1) || undefined : undefined;
}

module.exports = { POINTER, makePointer, isPointer, followPointer };

/**
 * @param {object} object
 * @param {...string} keys
 */
function hasOnly(object, ...keys) {
  return Object.keys(object).every((key) => keys.includes(key));
}

/**
 * Derives the key of a pointer (RFC 2104).
 * @param {string} oldId
 */
function keyOf(oldId) {
  return createHmac('sha256', oldId).update('express-session-rs: the id that follows').digest();
}
