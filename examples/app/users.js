'use strict';

const crypto = require('node:crypto');
const { promisify } = require('node:util');

const scrypt = promisify(crypto.scrypt);

/** What everybody's password is here, for the hint under the form. A real app knows only hashes. */
const hint = 'sesame';

/**
 * Who may log in. A real app asks its database, and limits how often somebody may try. Each hash is
 * `scrypt(password, salt, 32)`.
 */
const users = new Map([
  record('ada', 'Ada Lovelace', 'HowDl8XHftPMUmav0Kxrsg', 'XxTXRptwQiGbYn7xsiXFY3Ff9F063Q3UXVqKWK2sTsg'),
  record('grace', 'Grace Hopper', '0Hsuqcc0CKfUKZ9hBrgsqw', 'PK_IaQIkaW7eV1zcegoQIeGZY8N9qHSY0eqn0i7YFBI'),
  record('linus', 'Linus Torvalds', 'sAMKbf141Cqd-CaudWMNTw', 'TuaThXGimVvUoeoXSIKrOeZ6wcijRQrnw2O3rKoIa_I'),
]);

/** In the place of a user whom nobody knows: a name that is wrong takes as long as a password that is. */
const nobody = { salt: Buffer.alloc(16), hash: Buffer.alloc(32) };

/** The names that can log in, for the hint under the form. */
const names = [...users.keys()];

function record(name, fullName, salt, hash) {
  return [name, { user: { name, fullName }, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') }];
}

/**
 * Finds the user of a name, for the demo behind nginx, which asks for no password. What a form sends
 * may be no string at all.
 * @param {unknown} name
 * @returns {{ name: string, fullName: string } | undefined} undefined if nobody has that name
 */
function findUser(name) {
  return typeof name === 'string' ? users.get(name.trim().toLowerCase())?.user : undefined;
}

/**
 * Finds the user of a name and a password. What a form sends may be no string at all
 * (`name=a&name=b` is an array).
 * @param {unknown} name
 * @param {unknown} password
 * @returns {Promise<{ name: string, fullName: string } | undefined>} undefined if either is wrong
 */
async function authenticate(name, password) {
  if (typeof name !== 'string' || typeof password !== 'string') return undefined;

  const { user, salt, hash } = users.get(name.trim().toLowerCase()) ?? nobody;
  const tried = await scrypt(password, salt, hash.length);

  return crypto.timingSafeEqual(tried, hash) ? user : undefined;
}

module.exports = { names, hint, findUser, authenticate };
